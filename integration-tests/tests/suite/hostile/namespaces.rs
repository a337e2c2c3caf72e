//! Writers and readers in different PID, user or time namespaces that share a directory.

use std::time::{Duration, Instant};

use crate::harness::{Child, Sandbox, skipped};

/// Commands that start a program in a new PID namespace, and in a new user and PID namespace.
const NAMESPACES: [&str; 2] = ["unshare -p -f --kill-child", "unshare -U -r -p -f --kill-child"];

fn can(test: &str, prefix: &str) -> bool {
    let possible = Sandbox::new().run(&format!("{prefix} true")).code() == 0;
    if !possible {
        skipped(test, &format!("not possible here: {prefix}"));
    }
    possible
}

/// Starts a writer with this prefix and publishes `one`.
fn writer(s: &Sandbox, prefix: &str) -> Child {
    let mut writer = s.spawn(&format!("{prefix} shm-writer demo"));
    writer.write("one\n");
    s.holds("demo", "one");
    writer
}

/// The writer's status and process id, as printed by `inspect`.
fn presence(s: &Sandbox, prefix: &str) -> (String, u64) {
    let outcome = s.run(&format!("{prefix} shm-reader inspect demo --json")).succeeds();
    let info = &outcome.json()[0];
    (info["writer"].as_str().expect("a word").to_owned(), info["pid"].as_u64().expect("a number"))
}

// Fault 47.
#[test]
fn a_writer_in_another_pid_namespace_is_alive_until_it_dies() {
    for prefix in NAMESPACES {
        if !can("a_writer_in_another_pid_namespace", prefix) {
            continue;
        }
        let s = Sandbox::new();
        let writer = writer(&s, prefix);
        // The process id has no meaning here: the writer is process 1 in its namespace, which is init in this one.
        assert_eq!(presence(&s, ""), ("alive".to_owned(), 1), "{prefix}");
        s.run("shm-writer demo two").exits(7).complains(&["already has a writer"]);
        s.run("shm-writer rm demo").exits(7);
        assert!(s.ok("shm-reader list").contains("alive"));
        writer.kill();
        crate::harness::eventually("the writer is gone", || (presence(&s, "").0 == "gone").then_some(()));
        s.run("shm-writer demo two").prints("");
        s.run("shm-reader demo --from oldest").prints("one\ntwo\n");
    }
}

// Fault 47.
#[test]
fn from_another_pid_namespace_a_writer_here_is_seen_alive_until_it_dies() {
    for prefix in NAMESPACES {
        if !can("from_another_pid_namespace", prefix) {
            continue;
        }
        let s = Sandbox::new();
        let writer = writer(&s, "");
        assert_eq!(presence(&s, prefix).0, "alive", "{prefix}");
        s.run(&format!("{prefix} shm-writer demo two")).exits(7).complains(&["already has a writer"]);
        s.run(&format!("{prefix} shm-writer rm demo")).exits(7);
        writer.kill();
        assert_eq!(presence(&s, prefix).0, "gone", "{prefix}");
        s.run(&format!("{prefix} shm-writer demo two")).prints("");
        s.run(&format!("{prefix} shm-reader demo --from oldest")).prints("one\ntwo\n");
    }
}

// Fault 47.
#[test]
fn values_and_wakes_pass_between_namespaces() {
    for prefix in NAMESPACES {
        if !can("values_and_wakes", prefix) {
            continue;
        }
        let s = Sandbox::new();
        let mut writer = writer(&s, prefix);
        let mut here = s.spawn("shm-reader demo -f");
        let mut elsewhere = s.spawn(&format!("{prefix} shm-reader demo -f"));
        for value in ["one", "two", "three"] {
            here.expect(&[value]);
            elsewhere.expect(&[value]);
            let next = if value == "one" { "two\n" } else { "three\n" };
            writer.write(next);
        }
    }
}

// Fault 46. A new process gets the process id of a dead writer. Without a lock it is not taken for a writer.
#[test]
fn a_process_with_the_number_of_a_dead_writer_is_not_taken_for_it() {
    let s = Sandbox::new();
    let script = "shm-writer demo < pipe & writer=$!\n\
                  exec 9> pipe; echo one >&9\n\
                  until test \"$(shm-reader demo 2> /dev/null)\" = one; do :; done\n\
                  kill -9 $writer; wait $writer; exec 9>&-\n\
                  echo $((writer - 1)) > /proc/sys/kernel/ns_last_pid || exit 9\n\
                  sleep 60 & other=$!\n\
                  test $other = $writer || exit 9\n\
                  shm-reader inspect demo --json | grep -o '\"pid\":[0-9]*' | grep -qx \"\\\"pid\\\":$other\" || exit 8\n\
                  shm-reader inspect demo --json | grep -o '\"writer\":\"[a-z]*\"'\n\
                  shm-writer demo two; shm-reader demo; kill $other\n";
    std::fs::write(s.home("reuse.sh"), script).expect("a file in the sandbox");
    s.ok("mkfifo pipe");
    let outcome = s.run("unshare -p -f --mount-proc sh reuse.sh 2> /dev/null");
    match outcome.code() {
        0 => assert_eq!(outcome.lines(), ["\"writer\":\"gone\"", "two"]),
        8 => panic!("the number is another one: {outcome:?}"),
        _ => skipped("a_process_with_the_number_of_a_dead_writer", "process ids cannot be chosen here"),
    }
}

// Fault 48.
#[test]
fn a_reader_in_another_time_namespace_waits_as_long_as_it_is_told_and_is_woken() {
    for offset in ["1000000", "-1"] {
        let prefix = format!("unshare --time --monotonic {offset} --boottime {offset} --fork --kill-child");
        if !can("a_reader_in_another_time_namespace", &prefix) {
            continue;
        }
        let s = Sandbox::new();
        let mut writer = writer(&s, "");
        let mut reader = s.spawn(&format!("{prefix} shm-reader demo -f"));
        reader.expect(&["one"]);
        writer.write("two\n");
        reader.expect(&["two"]);
        waits_300_ms(&s, &format!("{prefix} shm-reader demo -f --from new -t 300ms"));
        let mut elsewhere = s.spawn(&format!("{prefix} shm-writer other"));
        let mut here = s.spawn("shm-reader other -f");
        elsewhere.write("three\n");
        here.expect(&["three"]);
    }
}

#[track_caller]
fn waits_300_ms(s: &Sandbox, command: &str) {
    let start = Instant::now();
    s.run(command).exits(4);
    let waited = start.elapsed();
    assert!(waited >= Duration::from_millis(300) && waited < Duration::from_secs(3), "{command}: {waited:?}");
}

/// C source of a library that replaces `clock_gettime`: the date jumps a day back or ahead with every call.
const UNSTEADY: &str = r#"
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
    static long calls;
    int result = syscall(SYS_clock_gettime, clock, now);
    if (clock == CLOCK_REALTIME) now->tv_sec += (calls++ % 3 - 1) * 86400;
    return result;
}
"#;

// Fault 48.
#[test]
fn a_clock_that_is_set_back_and_forth_changes_no_timeout_and_loses_no_value() {
    let s = Sandbox::new();
    std::fs::write(s.home("unsteady.c"), UNSTEADY).expect("a file in the sandbox");
    if s.run("cc -shared -fPIC -o unsteady.so unsteady.c").code() != 0 {
        return skipped("a_clock_that_is_set", "there is no C compiler");
    }
    let prefix = format!("env LD_PRELOAD={}", s.home("unsteady.so").display());
    let dates =
        s.ok(&format!("for i in 1 2 3; do {prefix} shm-writer date $i; done; shm-reader date --from oldest --json"));
    assert_eq!(dates.lines().count(), 3, "{dates}");
    let today = s.ok("date -u +%F");
    assert!(dates.lines().any(|line| !line.contains(today.trim())), "it takes no effect: {dates}");
    let mut writer = writer(&s, &prefix);
    let mut reader = s.spawn(&format!("{prefix} shm-reader demo -f"));
    reader.expect(&["one"]);
    for number in 0..50 {
        writer.write(&format!("{number}\n"));
        reader.expect(&[&number.to_string()]);
    }
    waits_300_ms(&s, &format!("{prefix} shm-reader demo -f --from new -t 300ms"));
    waits_300_ms(&s, &format!("{prefix} shm-reader absent -t 300ms"));
}

// Fault 48.
#[test]
fn a_reader_that_was_stopped_past_its_timeout_ends_soon_after() {
    use nix::sys::signal::Signal;
    let s = Sandbox::new();
    let _writer = writer(&s, "");
    let reader = s.spawn("shm-reader demo -f --from new -t 300ms").idle();
    reader.signal(Signal::SIGSTOP);
    crate::harness::observe(Duration::from_millis(600));
    let start = Instant::now();
    reader.signal(Signal::SIGCONT);
    reader.wait().exits(4);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}
