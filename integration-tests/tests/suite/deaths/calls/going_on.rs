//! Tests of a process that continues after a system call has failed: it keeps nothing of the failed
//! attempt, and a second attempt works.

use std::fs;
use std::path::Path;
use std::process::Command;

use shm_core::{Kind, Position, RawReader, RawWriter, Result};
use testkit::at_effort;

use super::injection::{can_inject, files_of_region, names, trace, tracing, was_hit};
use super::{Fault, Injection, errnos};
use crate::harness::{Child, Sandbox, again, role, said, say};

const TEST: &str = concat!(module_path!(), "::a_call_that_fails_costs_its_process_no_descriptor_mapping_or_lock");
/// If an error is injected, these calls are not performed and nothing is closed. The process cannot
/// detect that.
const NOT_DONE: [&str; 2] = ["close", "munmap"];

/// Performs everything that a writer and a reader do with a region, and returns the result.
fn live(name: &str) -> Result<()> {
    let mut writer = RawWriter::options().kind(Kind::Bytes).slots(4).capacity(8).open_raw(name)?;
    writer.publish(&[1; 8])?;
    let mut reader = RawReader::options().start(Position::Oldest).open_raw(name)?;
    let _ = reader.try_recv()?;
    writer.publish(&[2; 100])?;
    while reader.try_recv()?.value().is_some() {}
    shm_core::verify(name)?;
    writer.close()?;
    RawWriter::options().slots(128).open_raw(name)?.close()?;
    // Removing the file that this writer had just placed would take 100 ms.
    Ok(RawWriter::options().open_raw(name)?.remove()?)
}

/// Returns the number of this process's descriptors, and of its mappings of files in the directory.
fn held(directory: &Path) -> (usize, usize) {
    let descriptors = fs::read_dir("/proc/self/fd").expect("the descriptors").count();
    let maps = fs::read_to_string("/proc/self/maps").expect("the mappings");
    (descriptors, maps.lines().filter(|line| line.contains(&directory.display().to_string())).count())
}

/// Runs in the process: lives once in a place where nothing fails, once where a call fails, and
/// once more in that same place.
fn fail_and_go_on(name: &str) {
    let directory = Path::new(name).parent().expect("a directory");
    let calm = directory.with_extension("calm");
    fs::create_dir(&calm).expect("a directory beside");
    live(calm.join("demo").to_str().expect("UTF-8")).expect("nothing fails there");
    let before = held(directory);
    let failed = live(name);
    assert_eq!(held(directory), before, "after {failed:?}");
    let again = live(name);
    assert_eq!(held(directory), before, "after {failed:?} and {again:?}");
    say(match (&failed, &again) {
        (Ok(()), Ok(())) => "got along",
        (Err(_), Ok(())) => "failed",
        // The call was too late for the first attempt.
        (Ok(()), Err(_)) => "was done",
        (Err(error), Err(_)) => panic!("{again:?}, after {error}"),
    });
}

/// Runs the process under strace with these arguments and returns its output.
fn run(s: &Sandbox, arguments: &[String]) -> String {
    let process = again(TEST, &s.name("demo"));
    let mut command = s.prepare("strace");
    command.args(arguments).arg(process.get_program()).args(process.get_args());
    set_environment(&mut command, &process);
    let mut process = Child::start(TEST, &mut command);
    let outcome = said(&mut process);
    process.wait().exits(0);
    outcome
}

fn set_environment(command: &mut Command, of: &Command) {
    for (name, value) in of.get_envs() {
        command.env(name, value.expect("it is set"));
    }
}

/// Returns the calls on the region's files that the process makes and that can fail.
fn calls() -> Vec<String> {
    let s = Sandbox::new();
    assert_eq!(run(&s, &tracing(&files_of_region(&s))), "got along");
    let trace = trace(&s);
    let calls = names(&trace).into_iter().filter(|call| !errnos::of(call).is_empty() && !NOT_DONE.contains(call));
    calls.map(str::to_owned).collect()
}

/// Makes each of the calls of the first life fail with this error and counts the lives that failed.
fn fail(call: &str, errno: &'static str) -> usize {
    let mut failed = 0;
    for count in 1.. {
        let s = Sandbox::new();
        let paths = files_of_region(&s);
        let injection = Injection { paths: &paths, ..Injection::new(call, count, Fault::Error(errno)) };
        let outcome = run(&s, &injection.arguments());
        if outcome == "was done" || !was_hit(&s) {
            break;
        }
        failed += usize::from(outcome == "failed");
    }
    failed
}

// Faults 24, 25, 26.
#[test]
fn a_call_that_fails_costs_its_process_no_descriptor_mapping_or_lock() {
    if let Some(name) = role() {
        return fail_and_go_on(&name);
    }
    if !can_inject("a_call_that_fails_costs_its_process_no_descriptor") {
        return;
    }
    let calls = calls();
    assert!(calls.len() > 10, "only {calls:?}");
    let errors = at_effort([errnos::likely, errnos::likely, errnos::of, errnos::of]);
    let failed: usize = calls.iter().flat_map(|call| errors(call).into_iter().map(|errno| fail(call, errno))).sum();
    assert!(failed > 40, "only {failed} failed");
}
