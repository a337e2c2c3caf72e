//! The rules that determine when a reader may sleep and when the writer must wake it. The reader
//! stores nothing for this. It polls before it sleeps, and the writer wakes readers only when one
//! of them may have given up polling.
//!
//! Every implementation must follow these rules:
//! * Before it sleeps, a reader has seen the bell unchanged for `spin_ns`. If the bell changes,
//!   polling starts again.
//! * The writer reads its clock after each publication k has become visible: `t[k]`. It wakes the
//!   readers unless `t[k] - t[k-2] < spin_ns / 2`. A change of state always wakes them.
//!
//! Why no reader oversleeps: suppose a reader sleeps on the bell of publication k-1 when k appears.
//! The reader saw that bell for `spin_ns`, so k-1 was visible when it started polling. `t[k-2]` was
//! read before k-1 was published, so it is earlier still. `t[k]` is read after k was visible, while
//! the reader slept. The two readings are therefore at least `spin_ns` apart. (`t[k-1]` would not
//! do: the writer may read it long after k-1 became visible.) Half of `spin_ns` is the margin for
//! clocks that differ and for stores that are seen late.
//!
//! The caller provides the clocks. Times are nanoseconds on a clock that begins near 0, such as one
//! that counts from the start of a process or of the machine.

/// The times that a writer's history contains before its first publications. For a clock that began
/// near 0, they are centuries in the past.
const LONG_AGO_NS: u64 = 1 << 63;

/// The rule for when the writer must wake the readers.
#[derive(Clone, Debug)]
pub struct WakeRule {
    // The clock readings after the last publication and after the one before it.
    last_ns: u64,
    second_last_ns: u64,
    threshold_ns: u64,
}

impl WakeRule {
    /// Creates the rule for readers that poll for `spin_ns`. The first two publications always
    /// wake.
    #[must_use]
    pub fn new(spin_ns: u64) -> Self {
        Self { last_ns: LONG_AGO_NS, second_last_ns: LONG_AGO_NS, threshold_ns: spin_ns / 2 }
    }

    /// Returns whether a reader may be asleep on the bell of the previous publication. Call this
    /// once for each publication, with a time that was read after the publication had become
    /// visible.
    #[inline]
    pub fn is_due(&mut self, now_ns: u64) -> bool {
        let then_ns = core::mem::replace(&mut self.second_last_ns, self.last_ns);
        self.last_ns = now_ns;
        now_ns.wrapping_sub(then_ns) >= self.threshold_ns
    }
}

/// The rule for when a reader may sleep. It applies to the waits on one bell.
#[derive(Clone, Debug)]
pub struct SleepRule {
    spin_ns: u64,
    // The bell that the reader is watching, and the time since when it has been watching it.
    watched: Option<(u32, u64)>,
}

impl SleepRule {
    /// Creates the rule for a reader that polls for `spin_ns`.
    #[must_use]
    pub fn new(spin_ns: u64) -> Self {
        Self { spin_ns, watched: None }
    }

    /// Returns whether a reader that sees `bell` at `now_ns` may sleep until the bell changes. The
    /// sleep itself must compare the bell once more, as a futex does. The bell counts up, so a bell
    /// that still has the same value did not change in between.
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

    /// Asserts for each publication whether it wakes the readers: `(time in ns, wakes)`.
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

    /// Asserts for each poll whether the reader may sleep after it: `(bell, time in ns, may
    /// sleep)`.
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
