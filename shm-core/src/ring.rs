//! The protocol: one producer and any number of cursors over a ring of slots. No files, names, serde or time.
//!
//! Value `n` (from 1) lives in slot `n mod slots`. Its stamp is `2n - 1` while it is being written and `2n`
//! once it is whole:
//!
//! ```text
//! producer                                cursor
//!   stamp := 2n - 1                         stamp == 2n?            else: not yet, or lapped
//!   fence Release                    A      fence Acquire    B
//!   length, time := 0, payload              length, time, payload
//!   stamp := 2n, Release             B      fence Acquire    A
//!   head := n, Release               C      stamp == 2n?            else: lapped
//!   bell := bell + 1, Release        D
//! ```
//!
//! Letters pair the orderings that carry the proof; everything else is relaxed.
//! * A: a cursor that copied a word of a later value sees that value's odd stamp when it looks again.
//! * B: a cursor that sees `2n` sees the whole value n.
//! * C: a cursor that sees `head = n` sees stamp `2n` or a later one in n's slot.
//! * D: a cursor that sees a bell sees everything that was published before it rang, so it may sleep on it.
//! * E: a cursor that sees a state sees everything that was published before the state changed.
//!
//! Readers map the region read-only, where the language promises only relaxed loads to work: hence loads
//! with fences, and never a read-modify-write. The producer counts for itself and reads nothing back.
//! This is a sequence lock for each slot: H. Boehm, "Can seqlocks get along with programming language
//! memory models?", MSPC 2012.

use crate::copy::{self, Room};
use crate::header::{Hot, MAX_SEQUENCE, STATE_OPEN};
use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{AtomicU64, fence};

mod shape;
#[cfg(test)]
mod tests;

pub use shape::{Fault, Shape};

/// Slot flag: a checksum follows the payload.
pub const FLAG_CHECKSUM: u16 = 1;

const STAMP: usize = 0;
const LENGTH: usize = 1;
const TIME: usize = 2;
const LENGTH_BITS: u32 = 48;
/// How often a value that is overwritten while being copied is tried again, before the cursor gives way.
const ATTEMPTS: usize = 64;

/// A ring in shared memory, seen from either side. Other processes may change what it refers to at any time.
#[derive(Clone, Copy)]
pub struct Ring<'a> {
    hot: &'a Hot,
    words: &'a [AtomicU64],
    shape: Shape,
}

/// What a slot says of a value besides its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamped {
    /// The value's number.
    pub sequence: u64,
    /// Unix time of its publication in nanoseconds; 0 while that is not yet noted.
    pub time_ns: u64,
    /// The slot's flags.
    pub flags: u16,
    /// The word behind the payload, where the flags say that it is a checksum.
    pub checksum: u64,
    /// How many values were missed directly before this one.
    pub lost: u64,
}

/// One attempt to read value n from its slot.
#[derive(Debug, PartialEq, Eq)]
pub enum Look {
    /// The buffer holds the whole value.
    Whole(Stamped),
    /// The slot still holds an older value, or none, or value n unfinished.
    NotYet,
    /// The slot holds a newer value.
    Overwritten,
}

/// What a cursor found.
#[derive(Debug, PartialEq, Eq)]
pub enum Polled {
    /// The next value, now in the buffer.
    Value(Stamped),
    /// Nothing new.
    Empty,
    /// The producer was faster, each time.
    Busy,
}

impl<'a> Ring<'a> {
    /// A ring over `words`, the slots.
    ///
    /// # Panics
    ///
    /// If the shape does not fit the words: a checked header's always does.
    pub fn new(hot: &'a Hot, words: &'a [AtomicU64], shape: Shape) -> Self {
        let trailer = usize::from(shape.checksummed);
        assert!(shape.slots >= 2 && shape.slots.is_power_of_two() && shape.payload_word >= 3);
        assert!(shape.payload_word + shape.capacity / copy::WORD + trailer <= shape.stride_words);
        assert!(shape.stride_words as u64 * shape.slots <= words.len() as u64);
        Self { hot, words, shape }
    }

    /// The ring's sizes.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The number of the newest value; all of it is visible from now on.
    pub fn head(&self) -> u64 {
        let head = self.hot.head.load(Relaxed);
        fence(Acquire); // C
        head
    }

    /// The oldest number that this ring ever held.
    pub fn first(&self) -> u64 {
        self.hot.first.load(Relaxed)
    }

    /// The oldest number that may still be there when `head` is the newest.
    pub fn oldest(&self, head: u64) -> u64 {
        head.saturating_sub(self.shape.slots - 1).max(self.first()).max(1)
    }

    /// The bell's value; everything published before it rang is visible from now on.
    pub fn bell(&self) -> u32 {
        let bell = self.hot.bell.load(Relaxed);
        fence(Acquire); // D
        bell
    }

    /// The region's state; everything published before it changed is visible from now on.
    pub fn state(&self) -> u32 {
        let state = self.hot.state.load(Relaxed);
        fence(Acquire); // E
        state
    }

    fn slot(&self, sequence: u64) -> &'a [AtomicU64] {
        #[expect(clippy::cast_possible_truncation, reason = "a slot's index is below a length in memory")]
        let index = (sequence & (self.shape.slots - 1)) as usize;
        &self.words[index * self.shape.stride_words..][..self.shape.stride_words]
    }

    /// The stamp in the slot of value n, as it is now.
    pub fn stamp(&self, sequence: u64) -> u64 {
        u64::from_le(self.slot(sequence)[STAMP].load(Relaxed))
    }

    /// The time noted in the slot of value n, as it is now: Unix time in nanoseconds, or 0.
    pub fn time_ns(&self, sequence: u64) -> u64 {
        u64::from_le(self.slot(sequence)[TIME].load(Relaxed))
    }

    /// Copies value n into `buffer`, if its slot holds it before and after.
    pub fn look(&self, sequence: u64, buffer: &mut impl Room) -> Result<Look, Fault> {
        let slot = self.slot(sequence);
        let stamp = self.stamp(sequence);
        if stamp != 2 * sequence {
            return self.judge(sequence, stamp);
        }
        fence(Acquire); // B
        let length_word = u64::from_le(slot[LENGTH].load(Relaxed));
        let time_ns = u64::from_le(slot[TIME].load(Relaxed));
        let flags = (length_word >> LENGTH_BITS) as u16;
        let length = usize::try_from(length_word & ((1 << LENGTH_BITS) - 1)).unwrap_or(usize::MAX);
        let mut checksum = 0;
        if length <= self.shape.capacity {
            // The capacity is as large as the file claims to be, which may be more than there is memory.
            let Some(room) = buffer.room(length) else {
                return Err(Fault { sequence, problem: "its length is above the memory that there is" });
            };
            copy::copy_out(&slot[self.shape.payload_word..], room);
            if self.shape.checksummed {
                checksum = u64::from_le(slot[self.trailer_word(length)].load(Relaxed));
            }
        }
        fence(Acquire); // A
        if self.stamp(sequence) != stamp {
            return Ok(Look::Overwritten);
        }
        if length > self.shape.capacity {
            return Err(Fault { sequence, problem: "its length is above the capacity" });
        }
        Ok(Look::Whole(Stamped { sequence, time_ns, flags, checksum, lost: 0 }))
    }

    fn trailer_word(&self, length: usize) -> usize {
        self.shape.payload_word + length.div_ceil(copy::WORD)
    }

    /// What a stamp other than `2n` says of value n.
    fn judge(&self, sequence: u64, stamp: u64) -> Result<Look, Fault> {
        if stamp == 0 {
            return Ok(Look::NotYet);
        }
        if !self.is_possible(sequence, stamp) {
            return Err(Fault { sequence, problem: "its slot has a stamp that belongs elsewhere" });
        }
        Ok(if stamp < 2 * sequence { Look::NotYet } else { Look::Overwritten })
    }

    /// Whether a stamp can stand in the slot of value n.
    pub fn is_possible(&self, sequence: u64, stamp: u64) -> bool {
        let number = stamp.div_ceil(2);
        number <= MAX_SEQUENCE && (number ^ sequence) & (self.shape.slots - 1) == 0
    }

    /// Copies the newest value into `buffer`.
    pub fn latest(&self, buffer: &mut impl Room) -> Result<Polled, Fault> {
        for _ in 0..ATTEMPTS {
            let head = self.head();
            let first = self.first();
            if head < first {
                let fault = Fault { sequence: head, problem: "the first number is beyond the head" };
                return if head + 1 == first { Ok(Polled::Empty) } else { Err(fault) };
            }
            check_sequence(head)?;
            match self.look(head, buffer)? {
                Look::Whole(stamped) => return Ok(Polled::Value(stamped)),
                Look::NotYet => return Err(Fault { sequence: head, problem: "it is the newest, and not there" }),
                Look::Overwritten => {}
            }
        }
        Ok(Polled::Busy)
    }
}

/// Number 0 would match an empty slot's stamp, and one beyond the last would overflow its own.
fn check_sequence(sequence: u64) -> Result<(), Fault> {
    if sequence == 0 || sequence > MAX_SEQUENCE {
        return Err(Fault { sequence, problem: "no value can have this number" });
    }
    Ok(())
}

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

    /// Copies the next value in order into `buffer`, or goes on behind what was missed.
    pub fn poll(&mut self, ring: Ring<'_>, buffer: &mut impl Room) -> Result<Polled, Fault> {
        for _ in 0..ATTEMPTS {
            check_sequence(self.next)?;
            match ring.look(self.next, buffer)? {
                Look::Whole(stamped) => return Ok(self.take(stamped)),
                Look::Overwritten => self.resume(ring)?,
                Look::NotYet => {
                    let head = ring.head();
                    if head < self.next {
                        return Ok(Polled::Empty);
                    }
                    // The head has passed this number, so the slot's older stamp was a moment ago, or the number was left out.
                    match ring.look(self.next, buffer)? {
                        Look::Whole(stamped) => return Ok(self.take(stamped)),
                        Look::Overwritten => self.resume(ring)?,
                        Look::NotYet if head == self.next => {
                            return Err(Fault { sequence: head, problem: "it is the newest, and not there" });
                        }
                        Look::NotYet => {
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

    fn take(&mut self, stamped: Stamped) -> Polled {
        let lost = std::mem::take(&mut self.lost);
        self.next = stamped.sequence + 1;
        Polled::Value(Stamped { lost, ..stamped })
    }

    /// Goes on half a ring behind the head. At the very oldest value the next lap would come at once.
    fn resume(&mut self, ring: Ring<'_>) -> Result<(), Fault> {
        fence(Acquire); // A: a fence lies between a head of at least this number and the later stamp
        let head = ring.head();
        // Its slot has a later stamp, so this number was published.
        if head < self.next {
            return Err(Fault { sequence: self.next, problem: "its slot is ahead of the head" });
        }
        check_sequence(head)?;
        self.skip_to((self.next + 1).max(head.saturating_sub(ring.shape.slots / 2)));
        Ok(())
    }
}

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
    pub fn publish(&mut self, ring: Ring<'_>, payload: &[u8]) -> u64 {
        let sequence = self.head + 1;
        fill(ring, sequence, payload, 0);
        ring.hot.head.store(sequence, Release); // C
        self.head = sequence;
        self.ring_bell(ring);
        sequence
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
    pub fn note_time(&self, ring: Ring<'_>, time_ns: u64) {
        ring.slot(self.head)[TIME].store(time_ns.to_le(), Relaxed);
    }

    /// Changes the region's state and rings; the caller wakes the sleepers.
    pub fn change_state(&mut self, ring: Ring<'_>, state: u32) {
        ring.hot.state.store(state, Release); // E
        self.ring_bell(ring);
    }

    fn ring_bell(&mut self, ring: Ring<'_>) {
        self.bell = self.bell.wrapping_add(1);
        ring.hot.bell.store(self.bell, Release); // D
    }
}

/// Writes value n, whole but not announced.
fn fill(ring: Ring<'_>, sequence: u64, payload: &[u8], time_ns: u64) {
    assert!(payload.len() <= ring.shape.capacity, "payload above the capacity");
    let slot = ring.slot(sequence);
    let flags = if ring.shape.checksummed { FLAG_CHECKSUM } else { 0 };
    let length_word = payload.len() as u64 | u64::from(flags) << LENGTH_BITS;
    slot[STAMP].store((2 * sequence - 1).to_le(), Relaxed);
    fence(Release); // A
    slot[LENGTH].store(length_word.to_le(), Relaxed);
    slot[TIME].store(time_ns.to_le(), Relaxed);
    copy::copy_in(&slot[ring.shape.payload_word..], payload);
    if ring.shape.checksummed {
        let checksum = checksum(sequence, length_word, payload);
        slot[ring.trailer_word(payload.len())].store(checksum.to_le(), Relaxed);
    }
    slot[STAMP].store((2 * sequence).to_le(), Release); // B
}

/// The checksum of a value: CRC-32 over its number, its length and flags, and its payload.
pub fn checksum(sequence: u64, length_word: u64, payload: &[u8]) -> u64 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&sequence.to_le_bytes());
    crc.update(&length_word.to_le_bytes());
    crc.update(payload);
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
