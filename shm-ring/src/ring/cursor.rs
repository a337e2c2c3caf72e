//! The reading side: which value is next, and how many values were lost before it.

use super::{ATTEMPTS, Fault, Lookup, Polled, Ring, Stamped, check_sequence, is_number};
use crate::copy::Destination;
use crate::sync::Ordering::Acquire;
use crate::sync::fence;

/// A reader's position in a ring. Only the reader has it; nothing about it is stored in the ring.
#[derive(Clone, Debug)]
pub struct Cursor {
    next: u64,
    lost: u64,
}

impl Cursor {
    /// Creates a cursor whose next value is `next`.
    pub fn at(next: u64) -> Self {
        Self { next, lost: 0 }
    }

    /// Returns the sequence number of the next value.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Returns the number just before the next value. The reader has seen that value, or wants no
    /// value up to it.
    #[inline]
    pub fn passed(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    /// Moves to `next` and resets the count of lost values.
    pub fn jump(&mut self, next: u64) {
        *self = Self::at(next);
    }

    /// Moves forward to `next` and counts the skipped values as lost. Does nothing if `next` is not
    /// ahead.
    pub fn skip_to(&mut self, next: u64) {
        if next > self.next {
            self.add_lost(next - self.next);
            self.next = next;
        }
    }

    /// Moves on after the next value, which cannot be read and does not count as lost.
    pub fn pass(&mut self) {
        self.next = self.next.saturating_add(1);
    }

    /// Counts values as lost before the next one. This includes values that were lost before a
    /// value that could not be delivered.
    pub fn add_lost(&mut self, lost: u64) {
        self.lost = self.lost.saturating_add(lost);
    }

    /// Returns whether reading would find the next value, or a later one in the same slot.
    ///
    /// This only loads from the cache line that the value will arrive in.
    #[inline]
    pub fn is_near(&self, ring: Ring<'_>) -> bool {
        ring.stamp(self.next) >= self.next.saturating_mul(2)
    }

    /// Copies the next value in order into `buffer` if one attempt is enough. If this returns
    /// `None`, call [`poll`](Self::poll).
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

    /// Copies the next value in order into `buffer`. If values were missed, continues after them.
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
                    // The head has passed this number. Either the value was completed since its
                    // stamp was read, or the writer left this number out.
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
                            // Skip a whole series of such numbers in one attempt. Counted from the
                            // oldest number, the series is shorter than the ring.
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

    /// Continues half a ring before the head. If the cursor continued at the oldest value, the
    /// producer would overtake it again immediately.
    fn resume(&mut self, ring: Ring<'_>) -> Result<(), Fault> {
        fence(Acquire); // A: a fence lies between a head of at least this number and the later stamp
        let head = ring.head();
        // The slot has a later stamp, so this number was published.
        if head < self.next {
            return Err(Fault { sequence: self.next, problem: "its slot holds a value after the newest one" });
        }
        check_sequence(head)?;
        self.skip_to((self.next + 1).max(head.saturating_sub(ring.shape.slots / 2)));
        Ok(())
    }
}
