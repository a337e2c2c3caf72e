//! Whether strace can be had, and what it did.

use std::fs;

use super::{Sandbox, skipped};

/// Whether strace can be had; says so if not.
pub fn can_strace(test: &str) -> bool {
    let possible = Sandbox::new().run("strace -f -o /dev/null true").code() == 0;
    if !possible {
        skipped(test, "strace is not there, or may not trace");
    }
    possible
}

/// Whether what was to be injected into a system call has happened, by the file `trace`.
pub fn was_hit(s: &Sandbox) -> bool {
    let trace = fs::read_to_string(s.home("trace")).unwrap_or_default();
    trace.contains("(INJECTED)") || trace.contains("killed by SIGKILL")
}
