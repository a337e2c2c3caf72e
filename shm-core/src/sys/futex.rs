//! Sleeping until a shared word changes, and waking who sleeps.

use rustix::io::Errno;
use rustix::thread::{Timespec, futex};
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// How a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slept {
    /// The word had changed already.
    NotAtAll,
    /// Somebody woke it, or a signal came.
    Woken,
    /// Time passed.
    TimedOut,
}

/// Wakes every thread, of any process, that sleeps on `word`.
pub fn wake(word: &AtomicU32) {
    // It can only fail for an address that is not mapped, and this one is a reference.
    let _ = futex::wake(word, futex::Flags::empty(), i32::MAX.unsigned_abs());
}

/// Sleeps while `word` is `seen`. The mapping that it is in may be read-only.
pub fn sleep(word: &AtomicU32, seen: u32, timeout: Duration) -> Slept {
    let timeout = Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(timeout.subsec_nanos()),
    };
    match futex::wait(word, futex::Flags::empty(), seen, Some(&timeout)) {
        Ok(()) | Err(Errno::INTR) => Slept::Woken,
        Err(Errno::TIMEDOUT) => Slept::TimedOut,
        Err(_) => Slept::NotAtAll,
    }
}
