//! How often a reader that asks again and again reads the clock, which takes longer than to find that nothing is new.

use std::time::{Duration, Instant};

/// Calls that come one after the other in less than this are quick.
const QUICK: Duration = Duration::from_micros(1);
/// After so many quick calls in a row, the clock is left alone for as many more.
const QUICK_CALLS: u32 = 32;

/// The pace of a reader's calls.
#[derive(Debug)]
pub struct Pace {
    last: Instant,
    // How many quick calls came in a row, while they are counted by the clock.
    counted: u32,
    // How many calls need no clock.
    free: u32,
}

impl Pace {
    pub fn new() -> Self {
        Self { last: Instant::now(), counted: 0, free: 0 }
    }

    /// Whether this call may do without the clock, because the calls before it came quickly.
    #[inline]
    pub fn is_quick(&mut self) -> bool {
        let is_free = self.free > 0;
        self.free -= u32::from(is_free);
        is_free
    }

    /// The time now.
    pub fn read_clock(&mut self) -> Instant {
        let now = Instant::now();
        let calls = if self.counted >= QUICK_CALLS { QUICK_CALLS } else { 1 };
        self.counted = if now.duration_since(self.last) < QUICK * calls { self.counted + calls } else { 0 };
        self.free = if self.counted >= QUICK_CALLS { QUICK_CALLS } else { 0 };
        self.counted = self.counted.min(QUICK_CALLS);
        self.last = now;
        now
    }
}
