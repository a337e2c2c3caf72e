//! A kill or an error at each system call that matters, by `strace -e inject`: nothing is half made,
//! nothing is left over that the next writer does not clear away, no value is lost.

use crate::harness::{Outcome, Sandbox, skipped};

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

/// What a writer can be doing when it is hit: before, the command, what can be read afterwards.
const ACTIONS: [(&str, &str, &[&str]); 4] = [
    (":", "shm-writer demo new", &["new"]),
    ("shm-writer demo old", "shm-writer demo new", &["old", "new"]),
    ("shm-writer demo old", "shm-writer demo --slots 8 new", &["old", "new"]),
    ("shm-writer demo old", "shm-writer demo --as json '\"new\"'", &["\"new\""]),
];

fn can_strace(test: &str) -> bool {
    let possible = Sandbox::new().run("strace -f -o /dev/null true").code() == 0;
    if !possible {
        skipped(test, "strace is not there, or may not trace");
    }
    possible
}

/// Runs a command in which the `count`-th `call` on a file of the region `demo` is injected.
fn inject(s: &Sandbox, call: &str, fault: &str, count: usize, command: &str) -> Outcome {
    let paths = "-P $SHM_DIR/demo -P $SHM_DIR/.demo.new -P $SHM_DIR/.demo.lock -P $SHM_DIR";
    let options = if call == "futex" { "" } else { paths };
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

fn was_hit(s: &Sandbox) -> bool {
    let trace = std::fs::read_to_string(s.home("trace")).unwrap_or_default();
    trace.contains("INJECTED") || trace.contains("killed by SIGKILL")
}

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

#[test]
fn an_interrupted_system_call_is_tried_again() {
    if !can_strace("an_interrupted_system_call") {
        return;
    }
    for (before, command, after) in ACTIONS {
        for call in ["openat", "fallocate", "pwrite64", "fcntl", "futex"] {
            for count in 1..4 {
                let s = Sandbox::new();
                s.ok(before);
                inject(&s, call, "error=EINTR", count, command).prints("");
                assert_eq!(s.run("shm-reader demo --from oldest").lines(), after, "{command}: {call} {count}");
            }
        }
    }
}
