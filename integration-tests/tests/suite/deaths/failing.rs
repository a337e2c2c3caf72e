//! A process in which a system call fails and that goes on: it keeps nothing of what failed, and the same works again.

use std::fs;
use std::path::Path;

use shm_core::{Kind, Position, RawReader, RawWriter, Result};

use crate::harness::{Child, Sandbox, again, can_strace, role, said, say, was_hit};

const TEST: &str = concat!(module_path!(), "::a_call_that_fails_costs_its_process_no_descriptor_mapping_or_lock");
const CALLS: [(&str, &str); 12] = [
    ("openat", "EMFILE"),
    ("openat", "EACCES"),
    ("fcntl", "ENOLCK"),
    ("newfstatat", "EIO"),
    ("fstat", "EIO"),
    ("fallocate", "ENOSPC"),
    ("pread64", "EIO"),
    ("pwrite64", "EIO"),
    ("fchmod", "EPERM"),
    ("mmap", "ENOMEM"),
    ("renameat2", "EIO"),
    ("unlinkat", "EIO"),
];

/// Everything that a writer and a reader do with a region; what comes of it.
fn live(name: &str) -> Result<()> {
    let mut writer = RawWriter::options().kind(Kind::Bytes).slots(4).capacity(8).open_raw(name)?;
    writer.publish(&[1; 8])?;
    let mut reader = RawReader::options().start(Position::Oldest).open_raw(name)?;
    reader.try_recv()?;
    writer.publish(&[2; 100])?;
    while reader.try_recv()?.is_some() {}
    shm_core::verify(name)?;
    writer.close()?;
    RawWriter::options().slots(8).open_raw(name)?.remove()
}

/// The descriptors of this process, and its mappings of files in the directory.
fn held(directory: &Path) -> (usize, usize) {
    let descriptors = fs::read_dir("/proc/self/fd").expect("the descriptors").count();
    let maps = fs::read_to_string("/proc/self/maps").expect("the mappings");
    (descriptors, maps.lines().filter(|line| line.contains(&directory.display().to_string())).count())
}

/// The process: once where nothing fails, once where something does, and once more in the same place.
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
        // The call came too late for the first try.
        (Ok(()), Err(_)) => "was done",
        (Err(error), Err(_)) => panic!("{again:?}, after {error}"),
    });
}

// Faults 24, 25, 26.
#[test]
fn a_call_that_fails_costs_its_process_no_descriptor_mapping_or_lock() {
    if let Some(name) = role() {
        return fail_and_go_on(&name);
    }
    if !can_strace("a_call_that_fails_costs_its_process_no_descriptor") {
        return;
    }
    let mut failed = 0;
    for (call, error) in CALLS {
        for count in 1.. {
            let s = Sandbox::new();
            let mut command = s.prepare("strace");
            command.args(["-f", "-o", "trace", "-e", &format!("trace={call}")]);
            command.args(["-e", &format!("inject={call}:error={error}:when={count}")]);
            for file in ["", "/demo", "/.demo.new", "/.demo.lock"] {
                command.args(["-P", &format!("{}{file}", s.shm_dir().display())]);
            }
            let process = again(TEST, &s.name("demo"));
            command.arg(process.get_program()).args(process.get_args());
            for (name, value) in process.get_envs() {
                command.env(name, value.expect("it is set"));
            }
            let mut process = Child::start(TEST, &mut command);
            let outcome = said(&mut process);
            process.wait().exits(0);
            if outcome == "was done" || !was_hit(&s) {
                break;
            }
            failed += usize::from(outcome == "failed");
        }
    }
    assert!(failed > 40, "only {failed} failed");
}
