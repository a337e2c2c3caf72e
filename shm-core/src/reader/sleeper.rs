//! How a reader waits for a bell: it polls for a while and then sleeps, by the rule of
//! [`shm_ring::waiting`].

use super::follow::SLICE;
use crate::sys::futex::{self, Slept};
use shm_ring::header::Le32;
use shm_ring::waiting::SleepRule;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// How many times a waiting reader polls for its value before it checks anything else.
const SPINS: u32 = 128;
/// How many spin-loop hints a reader executes as a pause when it has caught up with a stream of values.
const PAUSES: u32 = 32;

/// How a reader waits for values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitStrategy {
    /// Polls for 20 µs and then sleeps until the writer wakes the reader. Waking takes about 20 µs.
    #[default]
    Block,
    /// Polls all the time, which keeps one processor busy.
    Spin,
}

/// How a wait ended. A reader checks the ring again in any case; tests compare the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitOutcome {
    /// The bell rang before the reader had to sleep.
    Changed,
    /// The writer or a signal ended the sleep.
    Woken,
    /// The timeout passed.
    TimedOut,
}

/// Lets a reader wait for one value in one file. The next value, or another file, needs a new sleeper.
#[derive(Debug)]
pub struct Sleeper {
    // None: the reader never sleeps.
    rule: Option<SleepRule>,
    // When the first wait began.
    origin: Option<Instant>,
}

impl Sleeper {
    /// Creates a sleeper that polls for `spin_ns` before it sleeps, or that only polls.
    pub fn new(wait: WaitStrategy, spin_ns: u64) -> Self {
        let rule = match wait {
            WaitStrategy::Block => Some(SleepRule::new(spin_ns)),
            WaitStrategy::Spin => None,
        };
        Self { rule, origin: None }
    }

    /// Waits until the bell differs from `seen` or, before it sleeps, until `is_near` returns true. Waits
    /// at most `timeout`, and at most a `SLICE`.
    ///
    /// `is_near` is called far more often than the bell is read, because the writer stores to the bell's
    /// cache line with every value. A new value shows in its own cache line; the bell shows all other
    /// changes.
    #[inline]
    pub fn wait(&mut self, bell: &Le32, seen: u32, timeout: Duration, is_near: impl Fn() -> bool) -> WaitOutcome {
        let start = Instant::now();
        let timeout = timeout.min(SLICE);
        let mut passed = Duration::ZERO;
        while !self.may_sleep(seen, start + passed) {
            if spin(&is_near) || bell.load(Relaxed) != seen {
                return WaitOutcome::Changed;
            }
            passed = start.elapsed();
            if passed >= timeout {
                return WaitOutcome::TimedOut;
            }
        }
        match futex::sleep(bell.word(), seen.to_le(), timeout - passed) {
            Slept::NotAtAll => WaitOutcome::Changed,
            Slept::Woken => WaitOutcome::Woken,
            Slept::TimedOut => WaitOutcome::TimedOut,
        }
    }

    fn may_sleep(&mut self, seen: u32, now: Instant) -> bool {
        let origin = *self.origin.get_or_insert(now);
        let now_ns = u64::try_from(now.duration_since(origin).as_nanos()).unwrap_or(u64::MAX);
        self.rule.as_mut().is_some_and(|rule| rule.may_sleep(seen, now_ns))
    }
}

/// Calls `is_near` repeatedly for about a microsecond, until it returns true. Returns whether it did.
#[inline]
pub fn spin(is_near: impl Fn() -> bool) -> bool {
    for _ in 0..SPINS {
        if is_near() {
            return true;
        }
        std::hint::spin_loop();
    }
    false
}

/// Pauses for about 300 ns, or longer on some processors.
#[inline(never)]
pub fn pause() {
    for _ in 0..PAUSES {
        std::hint::spin_loop();
    }
}
