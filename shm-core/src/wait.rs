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
use crate::header::Le32;
use crate::sync::Ordering::Relaxed;
use rustix::io::Errno;
use rustix::thread::futex;
use std::time::{Duration, Instant};

#[cfg(all(test, not(loom)))]
mod tests;

/// The longest sleep. After it, a reader also looks whether the region's name still leads to the same file.
pub const SLICE: Duration = Duration::from_millis(50);

/// The writer's part.
#[derive(Debug)]
pub struct Waker {
    clock: Clock,
    // The readings after the last two publications, the older one first.
    history_ns: [Option<u64>; 2],
    threshold_ns: u64,
    wakes: u64,
}

impl Waker {
    /// A waker for readers that look for `look_ns`. Its first two publications wake in any case.
    pub fn new(look_ns: u64) -> Self {
        Self { clock: Clock::new(), history_ns: [None, None], threshold_ns: look_ns / 2, wakes: 0 }
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
        let [second_last_ns, last_ns] = self.history_ns;
        self.history_ns = [last_ns, Some(now_ns)];
        second_last_ns.is_none_or(|then_ns| now_ns.wrapping_sub(then_ns) >= self.threshold_ns)
    }

    /// Wakes every reader that sleeps on `bell`, and counts it.
    pub fn wake(&mut self, bell: &Le32) {
        self.wakes += 1;
        wake(bell);
    }

    /// Starts anew for another region: its first two publications wake in any case.
    pub fn restart(&mut self, look_ns: u64) {
        self.history_ns = [None, None];
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
    // The bell that was watched for the whole look, after which it need not be watched again.
    watched: Option<u32>,
}

impl Sleeper {
    /// A sleeper that looks for `look_ns` first.
    pub fn new(look_ns: u64) -> Self {
        Self { look: Duration::from_nanos(look_ns), watched: None }
    }

    /// Waits until the bell is no longer `seen`, for at most `timeout` and at most a `SLICE`.
    pub fn wait(&mut self, bell: &Le32, seen: u32, timeout: Duration) -> Waited {
        if self.watched != Some(seen) {
            let start = Instant::now();
            loop {
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
                std::hint::spin_loop();
            }
            self.watched = Some(seen);
        }
        sleep(bell, seen, timeout.min(SLICE))
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
