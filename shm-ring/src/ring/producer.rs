//! The writing side of a ring, including taking over the ring of an earlier producer.

use super::announcer::Announcer;
use super::checksum::{checksum, checksum_in_place};
use super::{FLAG_CHECKSUM, Fault, LENGTH, LENGTH_BITS, Lookup, Ring, STAMP, Slot, Stamped, TIME, check_sequence};
use crate::copy;
use crate::header::STATE_OPEN;
use crate::sync::Ordering::{Relaxed, Release};
use crate::sync::{AtomicU64, fence};
use alloc::vec::Vec;

/// The writing side of a ring, which keeps its own counts. Only one producer may exist for a ring: the
/// one that belongs to the holder of the writer's lock.
#[derive(Debug)]
pub struct Producer {
    head: u64,
    announcer: Announcer,
}

impl Producer {
    /// Takes over a ring. The previous producer may have died at any instant. Nothing is repaired,
    /// and the number of an unfinished value is used again.
    ///
    /// The head may be older than values that are already whole. It is advanced to the last of
    /// them.
    pub fn take_over(ring: Ring<'_>) -> Result<Self, Fault> {
        let (mut head, first) = (ring.head(), ring.first());
        check_sequence(head.saturating_add(1))?;
        if first == 0 || first > head + 1 {
            return Err(Fault { sequence: head, problem: "the head is less than the first number" });
        }
        if head >= first && ring.stamp(head) != 2 * head {
            return Err(Fault {
                sequence: head,
                problem: "the head names it as the newest, but its slot does not hold it",
            });
        }
        for _ in 0..ring.shape.slots {
            if ring.stamp(head + 1) != 2 * (head + 1) {
                break;
            }
            head += 1;
        }
        let (next, stamp) = (head + 1, ring.stamp(head + 1));
        if stamp != 0 && (stamp > 2 * next || !ring.is_possible(next, stamp)) {
            return Err(Fault { sequence: next, problem: "its slot has the stamp of another slot" });
        }
        ring.hot.head.store(head, Release); // C
        // The dead producer's fences do not order this producer's stamps. A reader that sees one of
        // these stamps must also see the head that was stored before it.
        fence(Release); // A
        Ok(Self { head, announcer: Announcer::of(ring) })
    }

    /// Starts a fresh ring whose first value will be `first`. No other process may see the ring
    /// yet.
    pub fn fresh(ring: Ring<'_>, first: u64) -> Self {
        ring.hot.first.store(first, Relaxed);
        ring.hot.head.store(first - 1, Relaxed);
        ring.hot.state.store(STATE_OPEN, Relaxed);
        Self { head: first - 1, announcer: Announcer::fresh() }
    }

    /// Returns the sequence number of the newest value, by the producer's own count.
    pub fn head(&self) -> u64 {
        self.head
    }

    /// Publishes the next value. When this returns, every reader can see the value, even if the
    /// process dies immediately afterwards.
    ///
    /// # Panics
    ///
    /// If the payload is longer than the ring's capacity.
    #[inline(always)]
    pub fn publish(&mut self, ring: Ring<'_>, payload: &[u8]) -> u64 {
        let sequence = self.head + 1;
        fill(ring, sequence, payload, 0);
        self.make_known(ring, sequence)
    }

    /// Begins the next value. The caller then stores the payload in the slot. No reader sees the
    /// value before it is finished. If it is never finished, its number is used again.
    pub fn begin(&self, ring: Ring<'_>) {
        begin(ring.slot(self.head + 1), self.head + 1);
    }

    /// Publishes the value that was begun. Its payload is the first `length` bytes in the slot.
    ///
    /// # Panics
    ///
    /// If `length` is larger than the ring's capacity.
    pub fn finish(&mut self, ring: Ring<'_>, length: usize) -> u64 {
        assert!(length <= ring.shape.capacity, "payload above the capacity");
        let sequence = self.head + 1;
        let length_word = length_word(ring, length);
        let checksum = |words: &[AtomicU64]| checksum_in_place(sequence, length_word, words, length);
        finish(ring, sequence, length, 0, checksum);
        self.make_known(ring, sequence)
    }

    /// Makes a whole value known to readers.
    #[inline(always)]
    fn make_known(&mut self, ring: Ring<'_>, sequence: u64) -> u64 {
        ring.hot.head.store(sequence, Release); // C
        self.head = sequence;
        self.announcer.ring_bell(ring);
        sequence
    }

    /// Skips the given number of sequence numbers without publishing values.
    #[cfg(all(test, not(loom)))]
    pub(super) fn leave_out(&mut self, numbers: u64) {
        self.head += numbers;
    }

    /// Starts `fresh` with the newest values of `old`, under their old numbers. No other process
    /// may see `fresh` yet. `newest` is the number of the newest value: a producer's head, or the
    /// number that the old ring [shows](Ring::highest_shown).
    ///
    /// Values are copied from the newest one backwards, for at most `most` numbers, until a value
    /// is too large for `fresh`. Values that are missing or not trusted are left out. In every
    /// case, new numbers continue after the old ones.
    pub fn carry_over(
        old: Ring<'_>,
        newest: u64,
        fresh: Ring<'_>,
        most: u64,
        is_trusted: impl Fn(&Stamped, &[u8]) -> bool,
    ) -> Self {
        let (mut first, mut head) = (newest + 1, None);
        let mut payload = Vec::new();
        let oldest = old.oldest(newest).max((newest + 1).saturating_sub(most));
        for sequence in (oldest..=newest).rev() {
            let Ok(Lookup::Whole(stamped)) = old.lookup(sequence, &mut payload) else { continue };
            if !is_trusted(&stamped, &payload) {
                continue;
            }
            if payload.len() > fresh.shape.capacity {
                break;
            }
            fill(fresh, sequence, &payload, stamped.time_ns);
            first = sequence;
            head = head.or(Some(sequence));
        }
        fresh.hot.first.store(first, Relaxed);
        fresh.hot.head.store(head.unwrap_or(newest), Relaxed);
        fresh.hot.state.store(STATE_OPEN, Relaxed);
        Self { head: newest, announcer: Announcer::fresh() }
    }

    /// Records when the newest value was published, in nanoseconds of Unix time.
    #[inline(always)]
    pub fn note_time(&self, ring: Ring<'_>, time_ns: u64) {
        ring.slot(self.head).head[TIME].store(time_ns.to_le(), Relaxed);
    }

    /// Returns the announcer, which changes the region's state.
    pub fn announcer(&mut self) -> &mut Announcer {
        &mut self.announcer
    }
}

/// Writes value n and completes it, without announcing it.
#[inline(always)]
pub(super) fn fill(ring: Ring<'_>, sequence: u64, payload: &[u8], time_ns: u64) {
    assert!(payload.len() <= ring.shape.capacity, "payload above the capacity");
    let slot = ring.slot(sequence);
    begin(slot, sequence);
    copy::copy_in(slot.payload, payload);
    finish(ring, sequence, payload.len(), time_ns, |_| checksum(sequence, length_word(ring, payload.len()), payload));
}

/// Marks value n as being written.
#[inline(always)]
fn begin(slot: Slot<'_>, sequence: u64) {
    slot.head[STAMP].store((2 * sequence - 1).to_le(), Relaxed);
    fence(Release); // A
}

/// Completes value n, whose payload is already in the slot. If the ring has checksums, `checksum`
/// computes one from the payload in the slot.
#[inline(always)]
fn finish(ring: Ring<'_>, sequence: u64, length: usize, time_ns: u64, checksum: impl FnOnce(&[AtomicU64]) -> u64) {
    let Slot { head, payload } = ring.slot(sequence);
    head[LENGTH].store(length_word(ring, length).to_le(), Relaxed);
    head[TIME].store(time_ns.to_le(), Relaxed);
    if ring.shape.checksummed {
        payload[length.div_ceil(copy::WORD)].store(checksum(payload).to_le(), Relaxed);
    }
    head[STAMP].store((2 * sequence).to_le(), Release); // B
}

#[inline(always)]
fn length_word(ring: Ring<'_>, length: usize) -> u64 {
    let flags = if ring.shape.checksummed { FLAG_CHECKSUM } else { 0 };
    length as u64 | u64::from(flags) << LENGTH_BITS
}
