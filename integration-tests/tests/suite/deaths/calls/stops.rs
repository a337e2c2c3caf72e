//! Tests that a reader that is stopped at any system call does not hinder a writer. This includes
//! the call that checks whether the lock is held: the reader must not take the lock to find out.

use std::collections::BTreeSet;

use super::injection::{can_inject, files_of_region, names, trace, tracing};
use super::{Fault, Injection, errnos};
use crate::harness::{Sandbox, eventually};

/// Stops a reader at this call, lets a writer do its work meanwhile, and returns whether the reader
/// was stopped.
fn writes_while_stopped(command: &str, call: &str, count: usize) -> bool {
    let s = Sandbox::new();
    s.ok("shm-writer demo zero");
    let paths = files_of_region(&s);
    let injection = Injection { paths: &paths, ..Injection::new(call, count, Fault::Stop) };
    let mut reader = s.spawn(&injection.command(command));
    let is_stopped = eventually("the reader is stopped or ends", || {
        let has_ended = !reader.is_running();
        let is_stopped = trace(&s).contains("--- stopped by SIGSTOP ---");
        (is_stopped || has_ended).then_some(is_stopped)
    });
    if is_stopped {
        s.run("shm-writer demo one").prints("");
        s.run("shm-writer demo --slots 128 two").prints("");
        s.run("shm-reader demo").prints("two\n");
    }
    is_stopped
}

// Fault 51.
#[test]
fn a_reader_that_is_stopped_at_any_system_call_hinders_no_writer() {
    if !can_inject("a_reader_that_is_stopped_at_any_system_call") {
        return;
    }
    let mut stopped_at = BTreeSet::new();
    for command in ["shm-reader demo", "shm-reader inspect demo", "shm-reader list"] {
        let s = Sandbox::new();
        s.ok("shm-writer demo zero");
        s.run(&format!("strace {} {command}", tracing(&files_of_region(&s)).join(" "))).exits(0);
        let trace = trace(&s);
        for call in names(&trace).into_iter().filter(|call| errnos::OF_REGIONS.contains(call)) {
            let stops = (1..).take_while(|count| writes_while_stopped(command, call, *count)).count();
            stopped_at.extend((stops > 0).then(|| call.to_owned()));
        }
    }
    assert!(stopped_at.len() >= 5 && stopped_at.contains("fcntl"), "stopped only at {stopped_at:?}");
}
