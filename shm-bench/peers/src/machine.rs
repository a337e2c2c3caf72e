//! On what the numbers were measured, and with which versions.

use anyhow::Result;
use std::fs;
use std::process::Command;

/// One line: machine, kernel, date, versions.
pub fn describe() -> Result<String> {
    let cpus = fs::read_to_string("/proc/cpuinfo")?;
    let of_key = |key: &str| cpus.lines().find(|line| line.starts_with(key)).and_then(|line| line.split_once(": "));
    let model = of_key("model name").map_or("unknown processor", |(_, model)| model);
    let count = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let hosted = if cpus.contains(" hypervisor") { ", virtual" } else { "" };
    let system = rustix::system::uname();
    let (kernel, machine) = (system.release().to_string_lossy(), system.machine().to_string_lossy());
    let versions = [&crates() as &str, &said_by("rustc", "--version"), &said_by("python3", "--version")].join(", ");
    let date = said_by("date", "+%Y-%m-%d");
    Ok(format!("{model}, {count} processors{hosted}, {machine}; Linux {kernel}; {versions}; {date}"))
}

/// The peers' versions, as built.
fn crates() -> String {
    let named = ["shm-core", "iceoryx2", "shmem-ipc", "ipc-channel"];
    named.map(|name| format!("{name} {}", locked(name).unwrap_or("?"))).join(", ")
}

fn locked(name: &str) -> Option<&'static str> {
    let lock = include_str!("../Cargo.lock");
    let (_, rest) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    rest.split('"').next()
}

/// What a program says on its first line, without what stands in parentheses.
fn said_by(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output().ok();
    let text = output.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    let said = text.lines().next().unwrap_or_default().split(" (").next().unwrap_or_default();
    if said.is_empty() { format!("no {program}") } else { said.to_owned() }
}
