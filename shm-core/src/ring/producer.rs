//! The writing side of a ring, and how one is taken over.

use super::{FLAG_CHECKSUM, Fault, LENGTH, LENGTH_BITS, Look, Ring, STAMP, Slot, Stamped, TIME, check_sequence};
use crate::copy;
use crate::header::{MAX_SEQUENCE, STATE_OPEN};
use crate::sync::Ordering::{Relaxed, Release};
use crate::sync::{AtomicU64, fence};

/// The writing side's own counts. Only one may exist for a ring: the holder of the writer's lock has it.
#[derive(Debug)]
pub struct Producer {
    head: u64,
    bell: u32,
}

impl Producer {
    /// Takes over a ring, also one whose producer died at any instant: nothing is repaired, an unfinished number is used again.
    ///
    /// The head may lag behind values that are already whole; it is brought up to them.
    pub fn take_over(ring: Ring<'_>) -> Result<Self, Fault> {
        let (mut head, first) = (ring.head(), ring.first());
        check_sequence(head.saturating_add(1))?;
        if first == 0 || first > head + 1 {
            return Err(Fault { sequence: head, problem: "the first number is beyond the head" });
        }
        if head >= first && ring.stamp(head) != 2 * head {
            return Err(Fault { sequence: head, problem: "it is the newest, and not there" });
        }
        for _ in 0..ring.shape.slots {
            if ring.stamp(head + 1) != 2 * (head + 1) {
                break;
            }
            head += 1;
        }
        let (next, stamp) = (head + 1, ring.stamp(head + 1));
        if stamp != 0 && (stamp > 2 * next || !ring.is_possible(next, stamp)) {
            return Err(Fault { sequence: next, problem: "its slot has a stamp that belongs elsewhere" });
        }
        ring.hot.head.store(head, Release); // C
        // The dead producer's fences do not order this one's stamps: whoever sees one must see the head behind it.
        fence(Release); // A
        Ok(Self { head, bell: ring.bell() })
    }

    /// Starts a fresh ring whose first value will be `first`. Nobody else may see the ring yet.
    pub fn fresh(ring: Ring<'_>, first: u64) -> Self {
        ring.hot.first.store(first, Relaxed);
        ring.hot.head.store(first - 1, Relaxed);
        ring.hot.state.store(STATE_OPEN, Relaxed);
        Self { head: first - 1, bell: 0 }
    }

    /// The number of the newest value, by the producer's own count.
    pub fn head(&self) -> u64 {
        self.head
    }

    /// Publishes the next value: visible to every reader when this returns, also if the process dies then.
    ///
    /// # Panics
    ///
    /// If the payload is above the ring's capacity.
    #[inline(always)]
    pub fn publish(&mut self, ring: Ring<'_>, payload: &[u8]) -> u64 {
        let sequence = self.head + 1;
        fill(ring, sequence, payload, 0);
        self.announce(ring, sequence)
    }

    /// Begins the next value, whose payload is then to be put in its place. Nobody sees it before it is finished, and if it
    /// never is, its number is used again.
    pub fn begin(&self, ring: Ring<'_>) {
        begin(ring.slot(self.head + 1), self.head + 1);
    }

    /// Publishes the value that was begun, whose payload is the first `length` bytes in its place.
    ///
    /// # Panics
    ///
    /// If that is above the ring's capacity.
    pub fn finish(&mut self, ring: Ring<'_>, length: usize) -> u64 {
        assert!(length <= ring.shape.capacity, "payload above the capacity");
        let sequence = self.head + 1;
        let length_word = length_word(ring, length);
        let checksum = |words: &[AtomicU64]| checksum_in_place(sequence, length_word, words, length);
        finish(ring, sequence, length, 0, checksum);
        self.announce(ring, sequence)
    }

    /// Makes a value known that is whole.
    #[inline(always)]
    fn announce(&mut self, ring: Ring<'_>, sequence: u64) -> u64 {
        ring.hot.head.store(sequence, Release); // C
        self.head = sequence;
        self.ring_bell(ring);
        sequence
    }

    /// A producer whose newest value is this.
    #[cfg(test)]
    pub(super) fn at(head: u64) -> Self {
        Self { head, bell: 0 }
    }

    /// Gives the next numbers to no value.
    #[cfg(test)]
    pub(super) fn leave_out(&mut self, numbers: u64) {
        self.head += numbers;
    }

    /// A producer for a ring that cannot be taken over: its numbers go on behind everything that the ring ever showed.
    ///
    /// It is only good for `change_state` and for `carry_over`.
    pub fn salvage(ring: Ring<'_>) -> Self {
        let head = ring.head().min(MAX_SEQUENCE);
        let shown = (0..ring.shape.slots)
            .map(|slot| (slot, ring.stamp(slot)))
            .filter(|&(slot, stamp)| ring.is_possible(slot, stamp))
            .map(|(_, stamp)| stamp / 2);
        Self { head: shown.fold(head, u64::max), bell: ring.bell() }
    }

    /// Somebody who holds the lock of a ring that is not to be written: only good for `change_state`.
    pub fn bystander(ring: Ring<'_>) -> Self {
        Self { head: ring.head(), bell: ring.bell() }
    }

    /// Starts `fresh`, which nobody else may see yet, with the newest values of `old` under their old numbers.
    ///
    /// It takes them from the newest back, at most `most` numbers, up to the first that is too large. One that is
    /// missing or not trusted is left out. Numbers go on behind the old ones in any case.
    pub fn carry_over(
        &self,
        old: Ring<'_>,
        fresh: Ring<'_>,
        most: u64,
        is_trusted: impl Fn(&Stamped, &[u8]) -> bool,
    ) -> Self {
        let (mut first, mut head) = (self.head + 1, None);
        let mut payload = Vec::new();
        let oldest = old.oldest(self.head).max((self.head + 1).saturating_sub(most));
        for sequence in (oldest..=self.head).rev() {
            let Ok(Look::Whole(stamped)) = old.look(sequence, &mut payload) else { continue };
            if payload.len() > fresh.shape.capacity {
                break;
            }
            if is_trusted(&stamped, &payload) {
                fill(fresh, sequence, &payload, stamped.time_ns);
                first = sequence;
                head = head.or(Some(sequence));
            }
        }
        fresh.hot.first.store(first, Relaxed);
        fresh.hot.head.store(head.unwrap_or(self.head), Relaxed);
        fresh.hot.state.store(STATE_OPEN, Relaxed);
        Self { head: self.head, bell: 0 }
    }

    /// Notes when the newest value was published, in nanoseconds of Unix time.
    #[inline(always)]
    pub fn note_time(&self, ring: Ring<'_>, time_ns: u64) {
        ring.slot(self.head).head[TIME].store(time_ns.to_le(), Relaxed);
    }

    /// Changes the region's state and rings; the caller wakes the sleepers.
    pub fn change_state(&mut self, ring: Ring<'_>, state: u32) {
        ring.hot.state.store(state, Release); // E
        self.ring_bell(ring);
    }

    #[inline(always)]
    fn ring_bell(&mut self, ring: Ring<'_>) {
        self.bell = self.bell.wrapping_add(1);
        ring.hot.bell.store(self.bell, Release); // D
    }
}

/// Writes value n, whole but not announced.
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

/// Completes value n, whose payload is in its place. The checksum is made of that, if the ring has any.
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

/// The checksum of a value: CRC-32 over its number, its length and flags, and its payload.
pub fn checksum(sequence: u64, length_word: u64, payload: &[u8]) -> u64 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&sequence.to_le_bytes());
    crc.update(&length_word.to_le_bytes());
    crc.update(payload);
    u64::from(crc.finalize())
}

/// The same for a payload in its place.
pub(super) fn checksum_in_place(sequence: u64, length_word: u64, words: &[AtomicU64], length: usize) -> u64 {
    const STEP: usize = 4096;
    let mut crc = crc32fast::Hasher::new();
    crc.update(&sequence.to_le_bytes());
    crc.update(&length_word.to_le_bytes());
    let mut bytes = [0; STEP];
    for start in (0..length).step_by(STEP) {
        let bytes = &mut bytes[..STEP.min(length - start)];
        copy::copy_out(&words[start / copy::WORD..], bytes);
        crc.update(bytes);
    }
    u64::from(crc.finalize())
}

impl Stamped {
    /// Whether the value carries a checksum.
    pub fn has_checksum(&self) -> bool {
        self.flags & FLAG_CHECKSUM != 0
    }

    /// Whether the payload is the one that the checksum was made of.
    pub fn checksum_holds(&self, payload: &[u8]) -> bool {
        let length_word = payload.len() as u64 | u64::from(self.flags) << LENGTH_BITS;
        checksum(self.sequence, length_word, payload) == self.checksum
    }
}
