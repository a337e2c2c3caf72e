//! Sleeping until a shared word changes, and waking the threads that sleep on it.

use rustix::io::Errno;
use rustix::thread::{Timespec, futex};
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// The reason why a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slept {
    /// The word had already changed.
    NotAtAll,
    /// Another thread woke this one, or a signal arrived.
    Woken,
    /// The timeout expired.
    TimedOut,
}

/// Wakes every thread, of any process, that sleeps on `word`.
pub fn wake(word: &AtomicU32) {
    // This can only fail if the address is not mapped, and `word` is a reference.
    let _ = futex::wake(word, futex::Flags::empty(), i32::MAX.unsigned_abs());
}

/// Sleeps while `word` is `seen`. `word` may be in a mapping that is read-only.
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
