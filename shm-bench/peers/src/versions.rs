//! Describes the environment of the measurement: the machine, and the versions of all peers.

use shm_bench::Session;
use std::process::Command;

/// Returns the machine, how it was measured, and the versions.
pub fn describe(session: &Session) -> String {
    let (machine, runs, run_ms) = (session.machine.words(), session.runs, session.time.as_millis());
    let crates = ["shm-core", "iceoryx2", "shmem-ipc", "ipc-channel"];
    let crates = crates.map(|name| format!("{name} {}", locked(name).unwrap_or("?"))).join(", ");
    let programs = [("rustc", "--version"), ("python3", "--version"), ("date", "+%Y-%m-%d")];
    let programs = programs.map(|(program, argument)| said_by(program, argument)).join(", ");
    format!("{machine}; {crates}, {programs}.\n\nMedians of {runs} runs of {run_ms} ms, taken in turns.")
}

/// Returns the version of a crate that was used in the build.
fn locked(name: &str) -> Option<&'static str> {
    let lock = include_str!("../Cargo.lock");
    let (_, rest) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    rest.split('"').next()
}

/// Returns the first line that a program prints, up to the first parenthesis.
fn said_by(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output().ok();
    let text = output.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    let said = text.lines().next().unwrap_or_default().split(" (").next().unwrap_or_default();
    if said.is_empty() { format!("no {program}") } else { said.to_owned() }
}
