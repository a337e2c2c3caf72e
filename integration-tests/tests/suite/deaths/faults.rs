//! A kill or an error at each system call that matters, by `strace -e inject`, and storms of interruptions: nothing is
//! half made, nothing is left over that the next writer does not clear away, no value is lost.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use crate::harness::{DEADLINE, Outcome, Sandbox, can_strace, eventually, was_hit};

/// What a region consists of, and the system calls that make and change it.
const CALLS: [&str; 12] = [
    "openat",
    "fcntl",
    "newfstatat",
    "fstat",
    "fallocate",
    "pwrite64",
    "fchmod",
    "mmap",
    "renameat2",
    "unlinkat",
    "futex",
    "close",
];

/// The files of the region `demo`, for strace.
const PATHS: &str = "-P $SHM_DIR/demo -P $SHM_DIR/.demo.new -P $SHM_DIR/.demo.lock -P $SHM_DIR";

/// What a writer can be doing when it is hit: before, the command, what can be read afterwards.
const ACTIONS: [(&str, &str, &[&str]); 4] = [
    (":", "shm-writer demo new", &["new"]),
    ("shm-writer demo old", "shm-writer demo new", &["old", "new"]),
    ("shm-writer demo old", "shm-writer demo --slots 8 new", &["old", "new"]),
    ("shm-writer demo old", "shm-writer demo --as json '\"new\"'", &["\"new\""]),
];

/// Runs a command in which the `count`-th `call` on a file of the region `demo` is injected.
fn inject(s: &Sandbox, call: &str, fault: &str, count: usize, command: &str) -> Outcome {
    let options = if call == "futex" { "" } else { PATHS };
    s.run(&format!("strace -f -o trace {options} -e inject={call}:{fault}:when={count} {command}"))
}

/// Every value that was there is there, or none where none was (another kind takes the old values away), and the next
/// writer goes on by itself.
fn check_kill(s: &Sandbox, may_be_empty: bool, place: &str) {
    let seen = s.run("shm-reader demo");
    let sound = ["old\n", "new\n", "\"new\"\n"].contains(&seen.text().as_str());
    assert!(sound || may_be_empty && seen.code() == 3, "{place}\n{seen:?}");
    s.run("shm-writer demo --as text next").exits(0);
    let held = s.run("shm-reader demo --from oldest").exits(0).lines();
    let old_is_kept = may_be_empty || held.first().is_some_and(|value| value == "old");
    assert!(old_is_kept && held.last().is_some_and(|value| value == "next"), "{place}\n{held:?}");
    s.run("shm-reader verify demo").exits(0);
    s.run("shm-writer clean").exits(0);
    assert_eq!(s.files(), [".demo.lock", "demo"], "{place}");
}

// Faults 2, 3.
#[test]
fn a_writer_killed_at_any_system_call_is_followed_by_one_that_works() {
    if !can_strace("a_writer_killed_at_any_system_call") {
        return;
    }
    let mut kills = 0;
    for (before, command, _) in ACTIONS {
        for call in CALLS {
            for count in 1..40 {
                let s = Sandbox::new();
                s.ok(before);
                let killed = inject(&s, call, "signal=SIGKILL", count, command);
                if !was_hit(&s) {
                    break;
                }
                check_kill(&s, before == ":" || command.contains("json"), &format!("{killed:?}"));
                kills += 1;
            }
        }
    }
    assert!(kills > 100, "only {kills} kills");
}

// Faults 14, 24, 25, 26.
#[test]
fn an_error_of_any_system_call_is_reported_and_leaves_the_region_as_it_was() {
    if !can_strace("an_error_of_any_system_call") {
        return;
    }
    let mut errors = 0;
    for (before, command, after) in ACTIONS {
        for (call, error) in [
            ("openat", "EMFILE"),
            ("openat", "EACCES"),
            ("openat", "EIO"),
            ("fallocate", "ENOSPC"),
            ("fallocate", "EFBIG"),
            ("pwrite64", "EIO"),
            ("fchmod", "EPERM"),
            ("mmap", "ENOMEM"),
            ("renameat2", "EIO"),
            ("fcntl", "ENOLCK"),
            ("newfstatat", "EIO"),
            ("fstat", "EIO"),
        ] {
            for count in 1..20 {
                let s = Sandbox::new();
                s.ok(before);
                let outcome = inject(&s, call, &format!("error={error}"), count, command);
                if !was_hit(&s) {
                    break;
                }
                check_error(&s, before, after, &outcome);
                errors += 1;
            }
        }
    }
    assert!(errors > 50, "only {errors} errors");
}

/// The command has failed with an error and changed nothing, or got along; and the next one works.
fn check_error(s: &Sandbox, before: &str, after: &[&str], outcome: &Outcome) {
    let failed = outcome.code() != 0 && outcome.stderr.starts_with("error: ") && outcome.stderr.contains("demo");
    assert!(failed || outcome.code() == 0, "{outcome:?}");
    assert!(!s.shm(".demo.new").exists(), "{outcome:?} left {:?}", s.files());
    let held = s.run("shm-reader demo --from oldest").lines();
    let unchanged = if before == ":" { held.is_empty() } else { held == ["old"] };
    assert!(unchanged && failed || held == after, "{outcome:?} left {held:?}");
    s.run("shm-writer demo --as text next").prints("");
    s.run("shm-reader demo").prints("next\n");
}

// Fault 51. Also while it asks who holds the lock: an answer must not be had by taking it.
#[test]
fn a_reader_that_is_stopped_at_any_system_call_hinders_no_writer() {
    if !can_strace("a_reader_that_is_stopped_at_any_system_call") {
        return;
    }
    let mut stopped_at = BTreeSet::new();
    for command in ["shm-reader demo", "shm-reader inspect demo", "shm-reader list"] {
        for call in ["openat", "fstat", "newfstatat", "fstatfs", "pread64", "getdents64", "mmap", "fcntl"] {
            for count in 1.. {
                let s = Sandbox::new();
                s.ok("shm-writer demo zero");
                let stop = format!("-e trace={call} -e inject={call}:signal=SIGSTOP:when={count}");
                let mut reader = s.spawn(&format!("strace -f -o trace {PATHS} {stop} {command}"));
                let is_stopped = eventually("the reader is stopped or ends", || {
                    let ended = !reader.is_running();
                    let trace = std::fs::read_to_string(s.home("trace")).unwrap_or_default();
                    let stopped = trace.contains("--- stopped by SIGSTOP ---");
                    (stopped || ended).then_some(stopped)
                });
                if !is_stopped {
                    break;
                }
                stopped_at.insert(call);
                s.run("shm-writer demo one").prints("");
                s.run("shm-writer demo --slots 4 two").prints("");
                s.run("shm-reader demo").prints("two\n");
            }
        }
    }
    assert!(stopped_at.len() >= 5 && stopped_at.contains("fcntl"), "stopped only at {stopped_at:?}");
}

// Fault 27.
#[test]
fn an_interrupted_system_call_is_tried_again() {
    if !can_strace("an_interrupted_system_call") {
        return;
    }
    let mut hits = 0;
    for (before, command, after) in ACTIONS {
        for call in ["openat", "fallocate", "pwrite64", "fcntl", "futex"] {
            for count in 1..4 {
                let s = Sandbox::new();
                s.ok(before);
                inject(&s, call, "error=EINTR", count, command).prints("");
                hits += usize::from(was_hit(&s));
                assert_eq!(s.run("shm-reader demo --from oldest").lines(), after, "{command}: {call} {count}");
            }
        }
    }
    assert!(hits > 20, "only {hits} interruptions");
}

// Fault 27.
#[test]
fn system_calls_of_which_every_second_is_interrupted_do_their_work() {
    if !can_strace("system_calls_of_which_every_second_is_interrupted") {
        return;
    }
    let mut hits = 0;
    for (before, command, after) in ACTIONS {
        let s = Sandbox::new();
        s.ok(before);
        let calls = "openat,fallocate,pread64,pwrite64,fchmod,renameat2,fcntl,fstatfs,clock_nanosleep";
        let inject = format!("-e inject={calls}:error=EINTR:when=1+2");
        s.run(&format!("strace -f -o trace {PATHS} -e trace={calls} {inject} {command}")).prints("");
        hits += std::fs::read_to_string(s.home("trace")).expect("a trace").matches("INJECTED").count();
        assert_eq!(s.run("shm-reader demo --from oldest").lines(), after, "{command}");
    }
    assert!(hits > 20, "only {hits} interruptions");
}

// Fault 27.
#[test]
fn sleeps_that_are_interrupted_at_once_end_when_a_value_comes_or_the_time_is_up() {
    if !can_strace("sleeps_that_are_interrupted_at_once") {
        return;
    }
    let s = Sandbox::new();
    s.ok("shm-writer demo old");
    let strace =
        |call: &str, when: &str| format!("strace -f -o trace -e trace={call} -e inject={call}:error=EINTR:when={when}");
    s.run(&format!("{} shm-reader demo -f --from new -t 100ms", strace("futex", "1+"))).exits(4);
    assert!(was_hit(&s));
    s.run(&format!("{} shm-reader absent -t 100ms", strace("clock_nanosleep", "1+2"))).exits(4);
    assert!(was_hit(&s));
    let mut follower = s.spawn(&format!("{} shm-reader demo -f -n 2", strace("futex", "1+")));
    follower.expect(&["old"]);
    s.ok("shm-writer demo new");
    follower.expect(&["new"]);
    follower.wait().exits(0);
}

/// Stops and continues processes, about a thousand times a second, until it is dropped.
struct Storm {
    ended: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<u32>>,
}

impl Storm {
    fn over(pids: &[u32]) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let pids: Vec<Pid> = pids.iter().map(|pid| Pid::from_raw((*pid).try_into().expect("a pid"))).collect();
        let seen = Arc::clone(&ended);
        let thread = thread::spawn(move || {
            let mut count = 0;
            while !seen.load(Relaxed) {
                for (pid, signal) in pids.iter().flat_map(|pid| [(*pid, Signal::SIGSTOP), (*pid, Signal::SIGCONT)]) {
                    let _ = signal::kill(pid, signal);
                }
                count += 1;
                thread::park_timeout(Duration::from_millis(1));
            }
            count
        });
        Self { ended, thread: Some(thread) }
    }

    /// Ends it, and says how often it stopped each process.
    fn end(mut self) -> u32 {
        self.ended.store(true, Relaxed);
        self.thread.take().expect("ended once").join().expect("it only sends signals")
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        self.ended.store(true, Relaxed);
    }
}

// Faults 27, 38.
#[test]
fn programs_that_are_stopped_a_thousand_times_a_second_lose_nothing() {
    let s = Sandbox::new();
    let mut reader = s.spawn("shm-reader demo -f --from oldest");
    let mut writer = s.spawn("shm-writer demo --slots 4096 --size 64");
    let storm = Storm::over(&[reader.pid(), writer.pid()]);
    for number in 1..=200 {
        writer.write(&format!("{number}\n"));
        reader.expect(&[&number.to_string()]);
    }
    assert!(storm.end() > 10);
    writer.finish().prints("");
    let start = Instant::now();
    let maker = s.spawn("shm-writer create large --slots 16 --size 4MiB");
    let storm = Storm::over(&[maker.pid()]);
    maker.wait().prints("");
    assert!(storm.end() > 2 && start.elapsed() < DEADLINE / 2, "{:?}", start.elapsed());
}

/// What a command says when the first `call` on these paths gives this error: that, and not something else.
#[track_caller]
fn check_told(before: &str, call: &str, error: &str, paths: &str, command: &str, words: &[&str]) {
    let s = Sandbox::new();
    s.ok(before);
    let line = format!("strace -f -o trace {paths} -e trace={call} -e inject={call}:error={error}:when=1 {command}");
    let outcome = s.run(&line).exits(1).complains(words);
    assert!(was_hit(&s) && !outcome.stderr.contains("damaged"), "{outcome:?}");
}

// Fault 26.
#[test]
fn what_cannot_be_read_or_locked_is_not_taken_for_damage_nor_for_nothing() {
    if !can_strace("what_cannot_be_read_or_locked") {
        return;
    }
    let leftover = "umask 077; : > $SHM_DIR/.demo.lock";
    check_told(
        "shm-writer demo x",
        "getdents64",
        "EIO",
        "",
        "shm-reader list",
        &["cannot open directory", "Input/output error"],
    );
    check_told(leftover, "getdents64", "EIO", "", "shm-writer clean", &["cannot open directory", "Input/output error"]);
    let lock = "-P $SHM_DIR/.demo.lock";
    check_told(leftover, "fcntl", "ENOLCK", lock, "shm-writer clean", &["cannot lock region 'demo'"]);
    // It is opened by its name in the directory.
    check_told(leftover, "openat", "EIO", "-P .demo.lock", "shm-writer clean", &["cannot lock region 'demo'"]);
    // The first read is of the header, and the second of the descriptor.
    let s = Sandbox::new();
    s.ok("rover");
    let inject = "-P $SHM_DIR/rover -e trace=pread64 -e inject=pread64:error=EIO:when=2";
    let outcome = s.run(&format!("strace -f -o trace {inject} shm-reader rover"));
    assert!(was_hit(&s), "{outcome:?}");
    outcome.exits(1).complains(&["cannot read region 'rover': Input/output error"]);
}
