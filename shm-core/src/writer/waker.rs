//! Waking readers: the rule with a clock and the kernel.

use crate::sys::clock::{Clock, Moment};
use crate::sys::futex;
use shm_ring::header::Le32;
use shm_ring::waiting::WakeRule;

/// What a writer needs to wake its readers.
#[derive(Debug)]
pub struct Waker {
    clock: Clock,
    rule: WakeRule,
    wakes: u64,
}

impl Waker {
    /// A waker for readers that look for `spin_ns`.
    pub fn new(spin_ns: u64) -> Self {
        Self { clock: Clock::new(), rule: WakeRule::new(spin_ns), wakes: 0 }
    }

    /// Reads the clock. To be called after a publication has become visible, once for each.
    #[inline]
    pub fn read_clock(&mut self) -> Moment {
        self.clock.now()
    }

    /// Whether a reader may be asleep on the bell that the publication before this one rang.
    #[inline]
    pub fn is_due(&mut self, after_publication: Moment) -> bool {
        self.rule.is_due(after_publication.steady_ns)
    }

    /// Wakes every reader that sleeps on `bell`, and counts it.
    #[cold]
    pub fn wake(&mut self, bell: &Le32) {
        self.wakes += 1;
        futex::wake(bell.word());
    }

    /// Begins again for another region: its first two publications wake in any case.
    pub fn restart(&mut self, spin_ns: u64) {
        self.rule = WakeRule::new(spin_ns);
    }

    /// How often it has woken.
    pub fn wakes(&self) -> u64 {
        self.wakes
    }
}
