//! The reading side: which value comes next, and what was lost before it.

use super::{ATTEMPTS, Fault, Lookup, Polled, Ring, Stamped, check_sequence, is_number};
use crate::copy::Destination;
use crate::sync::Ordering::Acquire;
use crate::sync::fence;

/// A reader's place in a ring. It belongs to the reader alone; the ring knows nothing of it.
#[derive(Clone, Debug)]
pub struct Cursor {
    next: u64,
    lost: u64,
}

impl Cursor {
    /// A cursor whose next value is `next`.
    pub fn at(next: u64) -> Self {
        Self { next, lost: 0 }
    }

    /// The number that comes next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The number before the next one: it was seen, or nothing up to there is wanted.
    #[inline]
    pub fn passed(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    /// Moves to `next` and forgets what was missed before.
    pub fn jump(&mut self, next: u64) {
        *self = Self::at(next);
    }

    /// Moves forward to `next`, if that is ahead, and counts what lies between as lost.
    pub fn skip_to(&mut self, next: u64) {
        if next > self.next {
            self.add_lost(next - self.next);
            self.next = next;
        }
    }

    /// Counts values as lost before the next one: also those that were lost before one that could not be given.
    pub fn add_lost(&mut self, lost: u64) {
        self.lost = self.lost.saturating_add(lost);
    }

    /// Whether a look for the next value would find something: that value, or a later one in its place.
    ///
    /// It touches nothing but the line that the value comes in.
    #[inline]
    pub fn is_near(&self, ring: Ring<'_>) -> bool {
        ring.stamp(self.next) >= self.next.saturating_mul(2)
    }

    /// Copies the next value in order into `buffer`, if that takes one look; otherwise [`poll`](Self::poll) knows more.
    #[inline(always)]
    pub fn poll_at_once(&mut self, ring: Ring<'_>, buffer: &mut impl Destination) -> Option<Stamped> {
        if !is_number(self.next) {
            return None;
        }
        match ring.lookup(self.next, buffer) {
            Ok(Lookup::Whole(stamped)) => Some(self.take(stamped)),
            _ => None,
        }
    }

    /// Copies the next value in order into `buffer`, or goes on behind what was missed.
    pub fn poll(&mut self, ring: Ring<'_>, buffer: &mut impl Destination) -> Result<Polled, Fault> {
        for _ in 0..ATTEMPTS {
            check_sequence(self.next)?;
            match ring.lookup(self.next, buffer)? {
                Lookup::Whole(stamped) => return Ok(Polled::Value(self.take(stamped))),
                Lookup::Overwritten => self.resume(ring)?,
                Lookup::NotYet => {
                    let head = ring.head();
                    if head < self.next {
                        return Ok(Polled::Empty);
                    }
                    // The head has passed this number, so the slot's older stamp was a moment ago, or the number was left out.
                    match ring.lookup(self.next, buffer)? {
                        Lookup::Whole(stamped) => return Ok(Polled::Value(self.take(stamped))),
                        Lookup::Overwritten => self.resume(ring)?,
                        Lookup::NotYet if head == self.next => {
                            return Err(Fault {
                                sequence: head,
                                problem: "the head names it as the newest, but its slot does not hold it",
                            });
                        }
                        Lookup::NotYet => {
                            check_sequence(head)?;
                            self.skip_to(ring.oldest(head));
                            // A whole row of such numbers takes one attempt; from the oldest on it is shorter than the ring.
                            while self.next < head && ring.stamp(self.next) < 2 * self.next {
                                self.skip_to(self.next + 1);
                            }
                        }
                    }
                }
            }
        }
        Ok(Polled::Busy)
    }

    #[inline(always)]
    fn take(&mut self, stamped: Stamped) -> Stamped {
        let lost = core::mem::take(&mut self.lost);
        self.next = stamped.sequence + 1;
        Stamped { lost, ..stamped }
    }

    /// Goes on half a ring behind the head. At the very oldest value the next lap would come at once.
    fn resume(&mut self, ring: Ring<'_>) -> Result<(), Fault> {
        fence(Acquire); // A: a fence lies between a head of at least this number and the later stamp
        let head = ring.head();
        // Its slot has a later stamp, so this number was published.
        if head < self.next {
            return Err(Fault { sequence: self.next, problem: "its slot holds a value after the newest one" });
        }
        check_sequence(head)?;
        self.skip_to((self.next + 1).max(head.saturating_sub(ring.shape.slots / 2)));
        Ok(())
    }
}
