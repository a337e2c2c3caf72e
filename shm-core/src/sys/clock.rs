//! The writer's clock: steady time and Unix time, calculated from the processor's counter and cheap
//! enough to read for every published value. Readers do not use it. This file also reads the kernel's
//! boot id.
//!
//! Both times come from the system if the counter is not known to run at a constant rate, and until its
//! rate has been measured. The rate and the anchor are renewed every millisecond. An error in the rate,
//! or a step of the Unix clock, is therefore corrected after at most one millisecond.

#![allow(unsafe_code)]

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// How long an anchor can be used, in nanoseconds.
const ANCHOR_NS: u64 = 1_000_000;
/// The minimum time over which the rate is measured, in nanoseconds. Start and end of the measurement
/// are each off by less than a microsecond.
const RATE_MIN_NS: u64 = 2_000_000;
/// The maximum time over which the rate is measured, in nanoseconds. After that, a new measurement
/// starts.
const RATE_MAX_NS: u64 = 1_000_000_000;
/// Two measurements agree if they differ by less than one part in this number.
const RATE_TOLERANCE: u64 = 256;
/// The number of fraction bits in the rate.
const RATE_BITS: u32 = 32;

/// A point in time, as steady time and as Unix time, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The time since the clock was created. Steps of the system's clock do not affect it.
    pub steady_ns: u64,
    /// Unix time.
    pub unix_ns: u64,
}

/// A point in time together with the counter's value at that time.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    ticks: u64,
    moment: Moment,
}

/// A clock for use by a single thread.
#[derive(Debug)]
pub struct Clock {
    origin: Instant,
    anchor: Anchor,
    // The start of the current measurement of the rate.
    base: Anchor,
    // Nanoseconds per tick, times 2^RATE_BITS, and how many ticks the anchor can be used; 0 while unknown.
    rate: u64,
    anchor_ticks: u64,
}

impl Clock {
    /// Creates a clock that starts now.
    pub fn new() -> Self {
        let origin = Instant::now();
        let anchor = read_all(origin);
        Self { origin, anchor, base: anchor, rate: 0, anchor_ticks: 0 }
    }

    /// Returns the current time. It can be wrong by a few microseconds.
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
            // The counter may continue to run while the system is suspended. Do not trust a rate that differs from
            // the previous one.
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

/// Reads the counter and the system's clocks together. Tries again if the process was interrupted
/// meanwhile.
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

/// Converts a time to Unix time in nanoseconds; times before 1970 become 0.
pub fn unix_ns(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Returns the kernel's boot id, or 0 if it cannot be read.
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

    /// Reads the time stamp counter. The processor may read it slightly early; code that compares readings
    /// must allow for that.
    #[inline]
    pub fn read() -> u64 {
        // SAFETY: every x86-64 processor has the instruction, and Linux leaves it enabled.
        unsafe { _rdtsc() }
    }

    /// Returns whether the counter runs at one rate in every power state (Intel SDM volume 3, "Invariant
    /// TSC").
    pub fn is_steady() -> bool {
        static STEADY: OnceLock<bool> = OnceLock::new();
        *STEADY.get_or_init(|| __cpuid(0x8000_0000).eax >= 0x8000_0007 && __cpuid(0x8000_0007).edx & (1 << 8) != 0)
    }
}

#[cfg(all(target_arch = "aarch64", not(miri)))]
mod counter {
    use std::arch::asm;

    /// Reads the virtual counter, after all earlier instructions.
    #[inline]
    pub fn read() -> u64 {
        let ticks: u64;
        // SAFETY: Linux lets programs read this register. The compiler must assume that the
        // instructions access memory, so stores that come before them stay before them.
        unsafe { asm!("isb", "mrs {}, cntvct_el0", out(reg) ticks, options(nostack)) };
        ticks
    }

    /// Returns `true`: the architecture guarantees one rate.
    pub fn is_steady() -> bool {
        true
    }
}

#[cfg(not(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri))))]
mod counter {
    /// Returns 0: there is no known counter on this architecture.
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
        // At 1 GHz this is one hour, at 4 GHz a quarter of an hour. The system's clocks see none of it.
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
            // Simulate setting the system's clock by an hour just now: the anchor still has the time before the
            // step.
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
