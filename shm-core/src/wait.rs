//! Sleeping and waking over the bell, with nothing that a reader stores: the reader looks before it
//! sleeps, and the writer wakes only when somebody can have looked in vain.
//!
//! The rules, which every implementation must follow:
//! * Before it sleeps, a reader has seen the bell unchanged for `look_ns`; any change starts the look anew.
//! * The writer reads its clock after each publication k has become visible: `t[k]`. It wakes unless
//!   `t[k] - t[k-2] < look_ns / 2`. A change of state always wakes.
//!
//! Why nobody oversleeps: let a reader sleep on the bell of publication k-1 when k appears. It saw that
//! bell for `look_ns`, so k-1 was visible at the start of its look, and `t[k-2]`, read before k-1 was
//! published, is earlier still; `t[k]` is read after k was visible, while the reader slept. So they are at
//! least `look_ns` apart. (`t[k-1]` would not do: it may be read long after k-1 became visible.) Half of
//! `look_ns` is the margin for clocks that differ and stores that are seen late. A sleep ends after
//! `SLICE` in any case, so even a wrong writer costs a reader no more than that.

use crate::clock::{Clock, Moment};
use rustix::io::Errno;
use rustix::thread::futex;
use shm_ring::header::Le32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// The longest sleep. After it, a reader also looks whether the region's name still leads to the same file.
pub const SLICE: Duration = Duration::from_millis(50);

/// How often a waiting reader asks for its value before it looks at anything else.
const SPINS: u32 = 128;
/// How many of a processor's pauses a reader makes that caught up with a stream of values.
const PAUSES: u32 = 32;

/// What stands in a writer's history before its first publications. The clock starts at 0, and this is centuries before it.
const LONG_AGO_NS: u64 = 1 << 63;

/// The writer's part.
#[derive(Debug)]
pub struct Waker {
    clock: Clock,
    // The readings after the last publication and after the one before it.
    last_ns: u64,
    second_last_ns: u64,
    threshold_ns: u64,
    wakes: u64,
}

impl Waker {
    /// A waker for readers that look for `look_ns`. Its first two publications wake in any case.
    pub fn new(look_ns: u64) -> Self {
        let clock = Clock::new();
        Self { clock, last_ns: LONG_AGO_NS, second_last_ns: LONG_AGO_NS, threshold_ns: look_ns / 2, wakes: 0 }
    }

    /// Reads the clock. To be called after a publication has become visible, once for each.
    #[inline]
    pub fn read_clock(&mut self) -> Moment {
        self.clock.now()
    }

    /// Whether a reader may be asleep on the bell that the publication before this one rang.
    #[inline]
    pub fn is_due(&mut self, after_publication: Moment) -> bool {
        let now_ns = after_publication.steady_ns;
        let then_ns = std::mem::replace(&mut self.second_last_ns, self.last_ns);
        self.last_ns = now_ns;
        now_ns.wrapping_sub(then_ns) >= self.threshold_ns
    }

    /// Wakes every reader that sleeps on `bell`, and counts it.
    #[cold]
    pub fn wake(&mut self, bell: &Le32) {
        self.wakes += 1;
        wake(bell);
    }

    /// Starts anew for another region: its first two publications wake in any case.
    pub fn restart(&mut self, look_ns: u64) {
        (self.last_ns, self.second_last_ns) = (LONG_AGO_NS, LONG_AGO_NS);
        self.threshold_ns = look_ns / 2;
    }

    /// How often it has woken.
    pub fn wakes(&self) -> u64 {
        self.wakes
    }
}

/// Wakes every reader that sleeps on `bell`.
pub fn wake(bell: &Le32) {
    // It can only fail for an address that is not mapped, and this one is a reference.
    let _ = futex::wake(bell.word(), futex::Flags::empty(), i32::MAX.unsigned_abs());
}

/// How a wait ended. Whatever it says, the waiter looks at the ring again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// The bell rang before there was need to sleep.
    Rang,
    /// A sleep was ended by the writer, or by a signal.
    Woken,
    /// Time passed.
    TimedOut,
}

/// A reader's part, for one wait: make a new one for the next.
#[derive(Debug)]
pub struct Sleeper {
    look: Duration,
    sleeps: bool,
    // The bell that was watched for the whole look, after which it need not be watched again.
    watched: Option<u32>,
}

/// How a reader waits for values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// Looks for 20 µs, then sleeps until the writer wakes it. That takes about 20 µs more.
    #[default]
    Block,
    /// Looks all the time, and keeps a processor busy with it.
    Spin,
}

impl Sleeper {
    /// A sleeper that looks for `look_ns` first, or all the time.
    pub fn new(wait: Wait, look_ns: u64) -> Self {
        match wait {
            Wait::Block => Self { look: Duration::from_nanos(look_ns), sleeps: true, watched: None },
            Wait::Spin => Self { look: SLICE, sleeps: false, watched: None },
        }
    }

    /// Waits until the bell is no longer `seen` or, before it sleeps, until `is_near`; for at most `timeout` and at most a
    /// `SLICE`.
    ///
    /// `is_near` is asked far more often than the bell, whose line the writer stores to with every value: a value is
    /// noticed by the line that it comes in, and other changes by the bell.
    #[inline]
    pub fn wait(&mut self, bell: &Le32, seen: u32, timeout: Duration, is_near: impl Fn() -> bool) -> Waited {
        if self.watched != Some(seen) {
            let start = Instant::now();
            loop {
                if spin(&is_near) {
                    return Waited::Rang;
                }
                // Bells do not come again: one that is there at the end of the look was there all the time.
                if bell.load(Relaxed) != seen {
                    return Waited::Rang;
                }
                let passed = start.elapsed();
                if passed >= self.look {
                    break;
                }
                if passed >= timeout {
                    return Waited::TimedOut;
                }
            }
            if !self.sleeps {
                return Waited::TimedOut;
            }
            self.watched = Some(seen);
        }
        sleep(bell, seen, timeout.min(SLICE))
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

/// Sleeps in the kernel while the bell is `seen`. The mapping may be read-only.
fn sleep(bell: &Le32, seen: u32, timeout: Duration) -> Waited {
    let timeout = rustix::thread::Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(timeout.subsec_nanos()),
    };
    match futex::wait(bell.word(), futex::Flags::empty(), seen.to_le(), Some(&timeout)) {
        Ok(()) | Err(Errno::INTR) => Waited::Woken,
        Err(Errno::TIMEDOUT) => Waited::TimedOut,
        Err(_) => Waited::Rang,
    }
}
