//! What every test stands on: a sandbox with a `SHM_DIR` of its own, commands and children with
//! deadlines. Nothing sleeps to wait for something; nothing outlives its test; no program may panic.

mod again;
mod child;
mod forks;
mod mount;
mod outcome;
mod programs;
mod sandbox;
mod stream;

pub use again::{again, role, said, say};
pub use child::Child;
pub use forks::{start, without_forks};
pub use mount::mounted;
pub use outcome::Outcome;
pub use programs::{programs, victim, workspace};
pub use sandbox::{Sandbox, copy_programs};
pub use stream::Stream;

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before its test fails. Never reached when all is well.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Looks again and again until `look` gives something, and returns that.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {DEADLINE:?}: {what}");
        thread::park_timeout(Duration::from_millis(1));
    }
}

/// Lets `window` pass, to measure what a process does meanwhile.
pub fn observe(window: Duration) {
    let end = Instant::now() + window;
    while let Some(rest) = end.checked_duration_since(Instant::now()) {
        thread::park_timeout(rest);
    }
}

/// Says, past the test runner's capture, that a test could not run here.
pub fn skipped(test: &str, reason: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {reason}");
}
