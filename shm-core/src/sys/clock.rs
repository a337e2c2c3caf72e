//! The writer's clock: steady and Unix time from the processor's counter, cheap enough to read at every
//! publication. Readers do without it.
//!
//! Where the counter is not known to run at one rate, and until its rate has been measured, both times
//! come from the system. The rate and the anchor are renewed every millisecond, so that an error in the
//! rate, or a step of the Unix clock, is at most a millisecond old. Also here: which boot of the machine this is.

#![allow(unsafe_code)]

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// How long an anchor is good for, in nanoseconds.
const ANCHOR_NS: u64 = 1_000_000;
/// A rate is measured over at least this long, in nanoseconds: the two ends are off by less than a microsecond.
const RATE_MIN_NS: u64 = 2_000_000;
/// After this long, in nanoseconds, the measurement of the rate starts anew.
const RATE_MAX_NS: u64 = 1_000_000_000;
/// Two measurements agree if they differ by less than one part in this many.
const RATE_TOLERANCE: u64 = 256;
/// Fraction bits of the rate.
const RATE_BITS: u32 = 32;

/// One moment, on both scales, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Time since the clock was made; not affected by steps of the system's clock.
    pub steady_ns: u64,
    /// Unix time.
    pub unix_ns: u64,
}

/// A moment together with the counter's reading.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    ticks: u64,
    moment: Moment,
}

/// A clock for one thread.
#[derive(Debug)]
pub struct Clock {
    origin: Instant,
    anchor: Anchor,
    // Where the measurement of the rate started.
    base: Anchor,
    // Nanoseconds a tick, times 2^RATE_BITS, and how many ticks the anchor is good for; 0 while unknown.
    rate: u64,
    anchor_ticks: u64,
}

impl Clock {
    /// A clock that starts now.
    pub fn new() -> Self {
        let origin = Instant::now();
        let anchor = read_all(origin);
        Self { origin, anchor, base: anchor, rate: 0, anchor_ticks: 0 }
    }

    /// The present moment. It may be off by a few microseconds.
    #[inline]
    pub fn now(&mut self) -> Moment {
        let passed = counter::read().wrapping_sub(self.anchor.ticks);
        if passed < self.anchor_ticks {
            let passed_ns = (passed * self.rate) >> RATE_BITS;
            let Moment { steady_ns, unix_ns } = self.anchor.moment;
            return Moment { steady_ns: steady_ns + passed_ns, unix_ns: unix_ns + passed_ns };
        }
        self.anchor_again()
    }

    #[cold]
    fn anchor_again(&mut self) -> Moment {
        self.anchor = read_all(self.origin);
        let passed_ns = self.anchor.moment.steady_ns - self.base.moment.steady_ns;
        let ticks = self.anchor.ticks.wrapping_sub(self.base.ticks);
        if counter::is_steady() && passed_ns >= RATE_MIN_NS && ticks > 0 {
            let rate = u64::try_from((u128::from(passed_ns) << RATE_BITS) / u128::from(ticks)).unwrap_or(0);
            // The counter may run on while the system is suspended: a rate that differs from the last is not believed.
            let agrees = rate.abs_diff(self.rate) <= self.rate / RATE_TOLERANCE;
            self.rate = rate;
            self.anchor_ticks = (ANCHOR_NS << RATE_BITS).checked_div(rate).filter(|_| agrees).unwrap_or(0);
            if !agrees || passed_ns >= RATE_MAX_NS {
                self.base = self.anchor;
            }
        }
        self.anchor.moment
    }
}

/// Reads counter and system together, again if something came between.
fn read_all(origin: Instant) -> Anchor {
    let once = || {
        let before = counter::read();
        let steady_ns = u64::try_from(origin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let unix_ns = unix_ns(SystemTime::now());
        let width = counter::read().wrapping_sub(before);
        (width, Anchor { ticks: before + width / 2, moment: Moment { steady_ns, unix_ns } })
    };
    if !counter::is_steady() {
        return once().1;
    }
    let (_, anchor) = [once(), once(), once()].into_iter().min_by_key(|(width, _)| *width).unwrap_or_else(once);
    anchor
}

/// Unix time in nanoseconds; 0 before 1970.
pub fn unix_ns(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The kernel's boot id; 0 where it cannot be read.
pub fn boot_id() -> u128 {
    static BOOT_ID: OnceLock<u128> = OnceLock::new();
    *BOOT_ID.get_or_init(|| {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        u128::from_str_radix(&text.trim().replace('-', ""), 16).unwrap_or(0)
    })
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod counter {
    use std::arch::x86_64::{__cpuid, _rdtsc};
    use std::sync::OnceLock;

    /// The time stamp counter. It may be read a little early; whoever compares readings allows for that.
    #[inline]
    pub fn read() -> u64 {
        // SAFETY: every x86-64 processor has the instruction, and Linux leaves it enabled.
        unsafe { _rdtsc() }
    }

    /// Whether it runs at one rate in every power state (Intel SDM volume 3, "Invariant TSC").
    pub fn is_steady() -> bool {
        static STEADY: OnceLock<bool> = OnceLock::new();
        *STEADY.get_or_init(|| __cpuid(0x8000_0000).eax >= 0x8000_0007 && __cpuid(0x8000_0007).edx & (1 << 8) != 0)
    }
}

#[cfg(all(target_arch = "aarch64", not(miri)))]
mod counter {
    use std::arch::asm;

    /// The virtual counter, not before the instructions that come earlier.
    #[inline]
    pub fn read() -> u64 {
        let ticks: u64;
        // SAFETY: Linux lets programs read this register. As far as the compiler knows it touches memory, so that
        // the stores that come before it stay before it.
        unsafe { asm!("isb", "mrs {}, cntvct_el0", out(reg) ticks, options(nostack)) };
        ticks
    }

    /// The architecture promises one rate.
    pub fn is_steady() -> bool {
        true
    }
}

#[cfg(not(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri))))]
mod counter {
    /// No counter is known here.
    pub fn read() -> u64 {
        0
    }

    pub fn is_steady() -> bool {
        false
    }
}

// Miri has no clock to compare with.
#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_ran_on_while_the_system_was_suspended_is_not_believed() {
        let mut clock = Clock::new();
        let pass = |clock: &mut Clock, time_ns| {
            let start_ns = read_all(clock.origin).moment.steady_ns;
            while read_all(clock.origin).moment.steady_ns < start_ns + time_ns {
                clock.now();
            }
        };
        // At 1 GHz and more this is at least an hour, while the system sees none of it.
        let suspended_ticks = 3_600_000_000_000;
        for warm_up_ns in [0, 5 * RATE_MIN_NS] {
            pass(&mut clock, warm_up_ns);
            for anchor in [&mut clock.base, &mut clock.anchor] {
                anchor.ticks = anchor.ticks.wrapping_sub(suspended_ticks);
            }
            pass(&mut clock, 5 * RATE_MIN_NS);
            let before = read_all(clock.origin).moment;
            let now = clock.now();
            let after = read_all(clock.origin).moment;
            assert!(now.steady_ns + ANCHOR_NS >= before.steady_ns, "{now:?}, but after {before:?}");
            assert!(now.steady_ns <= after.steady_ns + ANCHOR_NS, "{now:?}, but before {after:?}");
        }
    }

    // Fault 48.
    #[test]
    fn a_step_of_the_unix_clock_leaves_the_steady_one_alone_and_is_followed_within_an_anchors_life() {
        let mut clock = Clock::new();
        let hour_ns = 3_600_000_000_000;
        let pass = |clock: &mut Clock| {
            let start = Instant::now();
            while u128::from(5 * RATE_MIN_NS) > start.elapsed().as_nanos() {
                clock.now();
            }
        };
        pass(&mut clock);
        for ahead in [true, false] {
            // As if the system's clock had been set by an hour just now: the anchor has the time of before.
            let unix_ns_before = &mut clock.anchor.moment.unix_ns;
            *unix_ns_before = if ahead { *unix_ns_before - hour_ns } else { *unix_ns_before + hour_ns };
            let before = clock.now();
            pass(&mut clock);
            let after = clock.now();
            let passed_ns = after.steady_ns - before.steady_ns;
            assert!(passed_ns < hour_ns / 2, "the steady clock jumped by {passed_ns} ns");
            assert!(after.unix_ns.abs_diff(unix_ns(SystemTime::now())) < hour_ns / 2, "the step was not followed");
        }
    }

    #[test]
    fn it_agrees_with_the_system_and_does_not_go_back_far() {
        let mut clock = Clock::new();
        let mut last = clock.now();
        let start = Instant::now();
        for _ in 0..1_000_000 {
            let now = clock.now();
            assert!(now.steady_ns + ANCHOR_NS > last.steady_ns, "{last:?} then {now:?}");
            last = now;
        }
        let system_ns = u64::try_from(start.elapsed().as_nanos()).unwrap();
        assert!(last.steady_ns >= system_ns / 2, "{} of {system_ns}", last.steady_ns);
        assert!(last.unix_ns.abs_diff(unix_ns(SystemTime::now())) < 1_000_000_000);
    }

    #[test]
    fn this_machine_has_a_boot_id() {
        let file = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        let parts: Vec<_> = file.trim().split('-').collect();
        assert_eq!(format!("{:032x}", boot_id()), parts.concat());
    }
}
