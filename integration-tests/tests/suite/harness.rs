//! The basis of every test: a sandbox with a separate `SHM_DIR`, and commands and child processes with deadlines. Tests
//! never sleep to wait for an event, no process outlives its test, and no program may panic.

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
pub use forks::{Started, start, without_forks};
pub use mount::mounted;
pub use outcome::Outcome;
pub use programs::{programs, victim, workspace};
pub use sandbox::{Sandbox, copy_programs};
pub use stream::Stream;

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

/// The time after which a test that waits for an event fails. A test that passes never reaches it.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Calls `look` repeatedly until it returns a value, and returns that value.
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

/// Waits for `window`, during which the test measures what a process does.
pub fn observe(window: Duration) {
    let end = Instant::now() + window;
    while let Some(rest) = end.checked_duration_since(Instant::now()) {
        thread::park_timeout(rest);
    }
}

/// Reports that a test could not run here, on the stderr that the test runner does not capture.
pub fn skipped(test: &str, reason: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {reason}");
}
