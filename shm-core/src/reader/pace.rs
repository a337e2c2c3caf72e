//! How often a reader that polls reads the clock. Reading the clock takes longer than finding that
//! there is no new value.

use std::time::{Duration, Instant};

/// A call that comes within this time after the previous one is quick.
const QUICK: Duration = Duration::from_micros(1);
/// After this number of quick calls in a row, the reader makes as many calls without reading the clock.
const QUICK_CALLS: u32 = 32;

/// The pace of a reader's calls, and the time that they use.
#[derive(Debug)]
pub struct Pace {
    last: Instant,
    // How many quick calls in a row were counted with the clock.
    counted: u32,
    // How many more calls do not need the clock.
    free: u32,
}

impl Pace {
    /// Starts at `now`, with no calls counted.
    pub fn new(now: Instant) -> Self {
        Self { last: now, counted: 0, free: 0 }
    }

    /// Whether this call does not need the clock, because the calls before it were quick.
    #[inline]
    pub fn is_quick(&self) -> bool {
        self.free > 0
    }

    /// Counts a call that did not read the clock.
    #[inline]
    pub fn skip(&mut self) {
        self.free -= 1;
    }

    /// Returns the time for this call. A quick call uses the last reading of the clock; any other call
    /// reads the clock.
    pub fn now(&mut self) -> Instant {
        if self.is_quick() {
            self.skip();
        } else {
            self.note(Instant::now());
        }
        self.last
    }

    /// Counts a call at `now`.
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

    /// Makes this number of calls at this distance, and returns how many of them did not need the clock.
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
    fn quick_calls_read_the_clock_once_in_33_calls() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        let nanosecond = Duration::from_nanos(1);
        assert_eq!(free_calls(&mut pace, &mut now, QUICK_CALLS, nanosecond), 0);
        assert_eq!(free_calls(&mut pace, &mut now, 33 * 10, nanosecond), 32 * 10);
    }

    #[test]
    fn a_slow_call_is_noticed_at_the_next_reading_of_the_clock() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        free_calls(&mut pace, &mut now, QUICK_CALLS, Duration::from_nanos(1));
        assert_eq!(free_calls(&mut pace, &mut now, 100, 2 * QUICK), QUICK_CALLS);
        assert_eq!(free_calls(&mut pace, &mut now, 1000, QUICK), 0);
    }
}
