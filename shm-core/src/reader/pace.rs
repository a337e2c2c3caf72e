//! How often a reader that asks again and again reads the clock, which takes longer than to find that nothing is new.

use std::time::{Duration, Instant};

/// Calls that come one after the other in less than this are quick.
const QUICK: Duration = Duration::from_micros(1);
/// After so many quick calls in a row, the clock is left alone for as many more.
const QUICK_CALLS: u32 = 32;

/// The pace of a reader's calls, and the time by it.
#[derive(Debug)]
pub struct Pace {
    last: Instant,
    // How many quick calls came in a row, while they are counted by the clock.
    counted: u32,
    // How many calls need no clock.
    free: u32,
}

impl Pace {
    /// A pace of which nothing is known at `now`.
    pub fn new(now: Instant) -> Self {
        Self { last: now, counted: 0, free: 0 }
    }

    /// Whether this call may do without the clock, because the calls before it came quickly.
    #[inline]
    pub fn is_quick(&self) -> bool {
        self.free > 0
    }

    /// Counts a call that did without the clock, as it might.
    #[inline]
    pub fn skip(&mut self) {
        self.free -= 1;
    }

    /// The time that this call goes by: of the clock or, if the call is quick, of its last reading.
    pub fn now(&mut self) -> Instant {
        if self.is_quick() {
            self.skip();
        } else {
            self.note(Instant::now());
        }
        self.last
    }

    /// Counts a call that came at `now`.
    fn note(&mut self, now: Instant) {
        let calls = if self.counted >= QUICK_CALLS { QUICK_CALLS } else { 1 };
        self.counted = if now.duration_since(self.last) < QUICK * calls { self.counted + calls } else { 0 };
        self.free = if self.counted >= QUICK_CALLS { QUICK_CALLS } else { 0 };
        self.counted = self.counted.min(QUICK_CALLS);
        self.last = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes so many calls at this distance, and says how many of them did without the clock.
    fn free_calls(pace: &mut Pace, now: &mut Instant, calls: u32, distance: Duration) -> u32 {
        let mut free = |pace: &mut Pace| {
            *now += distance;
            let is_quick = pace.is_quick();
            if is_quick {
                pace.skip()
            } else {
                pace.note(*now)
            }
            u32::from(is_quick)
        };
        (0..calls).map(|_| free(pace)).sum()
    }

    #[test]
    fn calls_that_come_quickly_do_without_the_clock_but_for_one_in_33() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        let nanosecond = Duration::from_nanos(1);
        assert_eq!(free_calls(&mut pace, &mut now, QUICK_CALLS, nanosecond), 0);
        assert_eq!(free_calls(&mut pace, &mut now, 33 * 10, nanosecond), 32 * 10);
    }

    #[test]
    fn a_slow_call_ends_it_once_the_clock_is_read_again() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        free_calls(&mut pace, &mut now, QUICK_CALLS, Duration::from_nanos(1));
        assert_eq!(free_calls(&mut pace, &mut now, 100, 2 * QUICK), QUICK_CALLS);
        assert_eq!(free_calls(&mut pace, &mut now, 1000, QUICK), 0);
    }
}
