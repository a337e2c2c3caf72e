//! Waking readers: the wake rule, with a clock and the kernel.

use crate::sys::clock::{Clock, Moment};
use crate::sys::futex;
use shm_ring::header::Le32;
use shm_ring::waiting::WakeRule;

/// Wakes the readers of one region when necessary.
#[derive(Debug)]
pub struct Waker {
    clock: Clock,
    rule: WakeRule,
    wakes: u64,
}

impl Waker {
    /// Creates a waker for readers that poll for `spin_ns` before they sleep.
    pub fn new(spin_ns: u64) -> Self {
        Self { clock: Clock::new(), rule: WakeRule::new(spin_ns), wakes: 0 }
    }

    /// Reads the clock. Call this once for each publication, after it has become visible.
    #[inline]
    pub fn read_clock(&mut self) -> Moment {
        self.clock.now()
    }

    /// Whether a reader may be asleep on the bell that the previous publication rang.
    #[inline]
    pub fn is_due(&mut self, after_publication: Moment) -> bool {
        self.rule.is_due(after_publication.steady_ns)
    }

    /// Wakes every reader that sleeps on `bell`, and counts the call.
    #[cold]
    pub fn wake(&mut self, bell: &Le32) {
        self.wakes += 1;
        futex::wake(bell.word());
    }

    /// Starts again for another region, whose first two publications always wake.
    pub fn restart(&mut self, spin_ns: u64) {
        self.rule = WakeRule::new(spin_ns);
    }

    /// How many times `wake` was called.
    pub fn wakes(&self) -> u64 {
        self.wakes
    }
}
