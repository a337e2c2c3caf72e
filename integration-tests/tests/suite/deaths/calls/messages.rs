//! Tests of the error message when a system call fails: it must name this failure and no other.

use super::injection::{can_inject, was_hit};
use super::{Fault, Injection};
use crate::harness::Sandbox;

/// Checks the message of a command whose first `call` on these paths returns this error.
#[track_caller]
fn check_told(before: &str, call: &str, error: &'static str, paths: &[&str], command: &str, words: &[&str]) {
    let s = Sandbox::new();
    s.ok(before);
    let paths: Vec<String> =
        paths.iter().map(|path| path.replace("$SHM_DIR", &s.shm_dir().display().to_string())).collect();
    let injection = Injection { paths: &paths, ..Injection::new(call, 1, Fault::Error(error)) };
    let outcome = s.run(&injection.command(command)).exits(1).complains(words);
    assert!(was_hit(&s) && !outcome.stderr.contains("damaged"), "{outcome:?}");
}

// Fault 26.
#[test]
fn what_cannot_be_read_or_locked_is_not_taken_for_damage_nor_for_nothing() {
    if !can_inject("what_cannot_be_read_or_locked") {
        return;
    }
    let leftover = "umask 077; : > $SHM_DIR/.demo.lock";
    check_told(
        "shm-writer demo x",
        "getdents64",
        "EIO",
        &[],
        "shm-reader list",
        &["cannot open directory", "Input/output error"],
    );
    check_told(
        leftover,
        "getdents64",
        "EIO",
        &[],
        "shm-writer clean",
        &["cannot open directory", "Input/output error"],
    );
    let lock = &["$SHM_DIR/.demo.lock"][..];
    check_told(leftover, "fcntl", "ENOLCK", lock, "shm-writer clean", &["cannot lock region 'demo'"]);
    // The lock file is opened by its name relative to the directory.
    check_told(leftover, "openat", "EIO", &[".demo.lock"], "shm-writer clean", &["cannot lock region 'demo'"]);
    // The first read reads the header, and the second the descriptor.
    let s = Sandbox::new();
    s.ok("rover");
    let paths = [s.name("rover")];
    let injection = Injection { paths: &paths, ..Injection::new("pread64", 2, Fault::Error("EIO")) };
    let outcome = s.run(&injection.command("shm-reader rover"));
    assert!(was_hit(&s), "{outcome:?}");
    outcome.exits(1).complains(&["cannot read region 'rover': Input/output error"]);
}
