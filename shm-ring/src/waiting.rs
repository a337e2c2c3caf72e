//! When a reader may sleep, and when the writer must wake it. The reader stores nothing for that: it looks before it
//! sleeps, and the writer wakes only when a reader can have looked in vain.
//!
//! The rules, which every implementation must follow:
//! * Before it sleeps, a reader has seen the bell unchanged for `spin_ns`; a bell that changes starts the look again.
//! * The writer reads its clock after each publication k has become visible: `t[k]`. It wakes unless
//!   `t[k] - t[k-2] < spin_ns / 2`. A change of state always wakes.
//!
//! Why no reader oversleeps: let a reader sleep on the bell of publication k-1 when k appears. It saw that
//! bell for `spin_ns`, so k-1 was visible at the start of its look, and `t[k-2]`, read before k-1 was
//! published, is earlier still; `t[k]` is read after k was visible, while the reader slept. So they are at
//! least `spin_ns` apart. (`t[k-1]` would not do: it may be read long after k-1 became visible.) Half of
//! `spin_ns` is the margin for clocks that differ and stores that are seen late.
//!
//! The clocks belong to the caller. Times are nanoseconds on a clock that begins near 0, as one does that counts from the
//! start of a process or of the machine.

/// What is in a writer's history before its first publications: for a clock that began near 0, centuries ago.
const LONG_AGO_NS: u64 = 1 << 63;

/// The writer's rule.
#[derive(Clone, Debug)]
pub struct WakeRule {
    // The readings after the last publication and after the one before it.
    last_ns: u64,
    second_last_ns: u64,
    threshold_ns: u64,
}

impl WakeRule {
    /// The rule for readers that look for `spin_ns`. The first two publications wake in any case.
    #[must_use]
    pub fn new(spin_ns: u64) -> Self {
        Self { last_ns: LONG_AGO_NS, second_last_ns: LONG_AGO_NS, threshold_ns: spin_ns / 2 }
    }

    /// Whether a reader may be asleep on the bell that the publication before this one rang. Ask once for each publication,
    /// with a time that was read after it had become visible.
    #[inline]
    pub fn is_due(&mut self, now_ns: u64) -> bool {
        let then_ns = core::mem::replace(&mut self.second_last_ns, self.last_ns);
        self.last_ns = now_ns;
        now_ns.wrapping_sub(then_ns) >= self.threshold_ns
    }
}

/// A reader's rule, for one bell.
#[derive(Clone, Debug)]
pub struct SleepRule {
    spin_ns: u64,
    // The bell that is being watched, and since when.
    watched: Option<(u32, u64)>,
}

impl SleepRule {
    /// The rule for a reader that looks for `spin_ns`.
    #[must_use]
    pub fn new(spin_ns: u64) -> Self {
        Self { spin_ns, watched: None }
    }

    /// Whether a reader that sees `bell` at `now_ns` may sleep until it changes. The sleep itself must compare the bell once
    /// more, as a futex does: bells do not come again, so one that is still there was there all the time.
    #[inline]
    pub fn may_sleep(&mut self, bell: u32, now_ns: u64) -> bool {
        match self.watched {
            Some((watched, since_ns)) if watched == bell => now_ns.saturating_sub(since_ns) >= self.spin_ns,
            _ => {
                self.watched = Some((bell, now_ns));
                self.spin_ns == 0
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const SPIN_NS: u64 = 20_000;
    const HALF_NS: u64 = SPIN_NS / 2;

    /// Asserts for each time of a publication whether it wakes: `(time in ns, wakes)`.
    #[track_caller]
    fn check_wakes(rule: &mut WakeRule, publications: &[(u64, bool)]) {
        for (number, &(now_ns, wakes)) in publications.iter().enumerate() {
            assert_eq!(rule.is_due(now_ns), wakes, "number {number}, at {now_ns} ns");
        }
    }

    #[test]
    fn the_first_two_publications_wake_and_then_only_those_long_after_the_last_but_one() {
        check_wakes(&mut WakeRule::new(SPIN_NS), &[(0, true), (0, true), (0, false), (1, false)]);
        check_wakes(&mut WakeRule::new(SPIN_NS), &[(5, true), (6, true), (4 + HALF_NS, false), (6 + HALF_NS, true)]);
        check_wakes(&mut WakeRule::new(SPIN_NS), &[(5, true), (6, true), (5 + HALF_NS, true), (5 + HALF_NS, false)]);
    }

    #[test]
    fn after_a_pause_two_publications_wake() {
        let pause_ns = 1_000_000;
        let times = [(0, true), (1, true), (2, false), (pause_ns, true), (pause_ns + 1, true), (pause_ns + 2, false)];
        check_wakes(&mut WakeRule::new(SPIN_NS), &times);
    }

    #[test]
    fn a_clock_that_goes_back_wakes() {
        check_wakes(&mut WakeRule::new(SPIN_NS), &[(900, true), (901, true), (899, true), (901, false)]);
    }

    /// Asserts for each look whether the reader may sleep after it: `(bell, time in ns, may sleep)`.
    #[track_caller]
    fn check_sleeps(spin_ns: u64, looks: &[(u32, u64, bool)]) {
        let mut rule = SleepRule::new(spin_ns);
        for (number, &(bell, now_ns, sleeps)) in looks.iter().enumerate() {
            assert_eq!(rule.may_sleep(bell, now_ns), sleeps, "look {number}, at bell {bell} and {now_ns} ns");
        }
    }

    #[test]
    fn a_bell_is_watched_for_the_whole_look_before_it_is_slept_on() {
        check_sleeps(SPIN_NS, &[(7, 100, false), (7, 99 + SPIN_NS, false), (7, 100 + SPIN_NS, true)]);
    }

    #[test]
    fn a_bell_that_changes_starts_the_look_again_and_one_that_does_not_needs_no_second() {
        let later = 10 * SPIN_NS;
        check_sleeps(
            SPIN_NS,
            &[(7, 0, false), (8, later, false), (8, later + HALF_NS, false), (8, later + SPIN_NS, true)],
        );
        check_sleeps(
            SPIN_NS,
            &[(0, 5, false), (0, later, true), (0, later, true), (1, later, false), (0, later, false)],
        );
    }

    #[test]
    fn a_clock_that_goes_back_is_looked_at_for_longer() {
        check_sleeps(SPIN_NS, &[(7, SPIN_NS, false), (7, 0, false), (7, 2 * SPIN_NS, true)]);
    }

    #[test]
    fn a_look_of_no_length_is_over_at_once() {
        check_sleeps(0, &[(7, 5, true), (8, 5, true)]);
    }
}
