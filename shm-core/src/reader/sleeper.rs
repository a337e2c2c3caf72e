//! How a reader waits for a bell: it looks for a while, and then sleeps, by the rule of [`shm_ring::waiting`].

use super::follow::SLICE;
use crate::sys::futex::{self, Slept};
use shm_ring::header::Le32;
use shm_ring::waiting::SleepRule;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// How often a waiting reader asks for its value before it looks at anything else.
const SPINS: u32 = 128;
/// How many of a processor's pauses a reader makes that caught up with a stream of values.
const PAUSES: u32 = 32;

/// How a reader waits for values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitStrategy {
    /// Polls for 20 µs, then sleeps until the writer wakes it, which takes about 20 µs more.
    #[default]
    Block,
    /// Polls all the time, which keeps a processor busy.
    Spin,
}

/// How a wait ended. Readers look at the ring again in any case; tests compare it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitOutcome {
    /// The bell rang before there was need to sleep.
    Changed,
    /// A sleep was ended by the writer, or by a signal.
    Woken,
    /// Time passed.
    TimedOut,
}

/// What a reader needs while it waits for one value in one file: a new one is made for the next.
#[derive(Debug)]
pub struct Sleeper {
    // None: it never sleeps.
    rule: Option<SleepRule>,
    // When its first wait began.
    origin: Option<Instant>,
}

impl Sleeper {
    /// A sleeper that looks for `spin_ns` first, or all the time.
    pub fn new(wait: WaitStrategy, spin_ns: u64) -> Self {
        let rule = match wait {
            WaitStrategy::Block => Some(SleepRule::new(spin_ns)),
            WaitStrategy::Spin => None,
        };
        Self { rule, origin: None }
    }

    /// Waits until the bell is no longer `seen` or, before it sleeps, until `is_near`; for at most `timeout` and at most a
    /// `SLICE`.
    ///
    /// `is_near` is asked far more often than the bell, whose line the writer stores to with every value: a value is
    /// noticed by the line that it comes in, and other changes by the bell.
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

/// Asks again and again for about a microsecond whether a value is near; whether it is.
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

/// Lets about 300 ns pass, more on some processors.
#[inline(never)]
pub fn pause() {
    for _ in 0..PAUSES {
        std::hint::spin_loop();
    }
}
