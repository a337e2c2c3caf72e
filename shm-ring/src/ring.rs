//! The protocol: one producer and any number of cursors over a ring of slots. No files, names, serde or time.
//!
//! Value `n` (from 1) lives in slot `n mod slots`. Its stamp is `2n - 1` while it is being written and `2n`
//! once it is whole:
//!
//! ```text
//! producer                                cursor
//!   stamp := 2n - 1                         stamp == 2n?            else: not yet, or lapped
//!   fence Release                    A      fence Acquire    B
//!   payload, length, time := 0              length, time, payload
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

use crate::copy::{self, Destination};
use crate::header::{Hot, MAX_SEQUENCE};
use crate::sync::Ordering::{Acquire, Relaxed};
use crate::sync::{AtomicU64, fence};

mod announcer;
mod checksum;
mod cursor;
mod producer;
mod shape;
#[cfg(test)]
mod tests;

pub use announcer::Announcer;
pub use checksum::checksum;
pub use cursor::Cursor;
pub use producer::Producer;
pub use shape::{Fault, Shape};

/// The one fault that need not be the value's: there is no memory to copy it to.
pub const NO_MEMORY: &str = "there is not enough memory for its length";
/// Slot flag: a checksum follows the payload.
pub const FLAG_CHECKSUM: u16 = 1;

const STAMP: usize = 0;
const LENGTH: usize = 1;
const TIME: usize = 2;
/// Words of a slot before its payload, at least.
const HEAD_WORDS: usize = 3;
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

/// The words of one slot, which the next ones may follow.
#[derive(Clone, Copy, Debug)]
struct Slot<'a> {
    head: &'a [AtomicU64; HEAD_WORDS],
    payload: &'a [AtomicU64],
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

/// One attempt to read value n from its slot: with what was made of a value that was there.
#[derive(Debug, PartialEq, Eq)]
pub enum Lookup<T> {
    /// The value was there, and may be used as `T` says.
    Whole(T),
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
    /// A ring over `words`, the slots. The shape must fit them, as a checked header's does: a ring is made for each access,
    /// and so this is not checked again.
    #[inline]
    pub fn new(hot: &'a Hot, words: &'a [AtomicU64], shape: Shape) -> Self {
        let trailer = usize::from(shape.checksummed);
        debug_assert!(shape.slots >= 2 && shape.slots.is_power_of_two() && shape.payload_word >= HEAD_WORDS);
        debug_assert!(shape.payload_word + shape.capacity / copy::WORD + trailer <= shape.stride_words);
        debug_assert!(shape.stride_words as u64 * shape.slots <= words.len() as u64);
        Self { hot, words, shape }
    }

    /// The ring's sizes.
    pub fn shape(self) -> Shape {
        self.shape
    }

    /// The number of the newest value; all of it is visible from now on.
    #[inline]
    pub fn head(self) -> u64 {
        let head = self.hot.head.load(Relaxed);
        fence(Acquire); // C
        head
    }

    /// The oldest number that this ring ever held.
    #[inline]
    pub fn first(self) -> u64 {
        self.hot.first.load(Relaxed)
    }

    /// The oldest number that may still be there when `head` is the newest.
    pub fn oldest(self, head: u64) -> u64 {
        head.saturating_sub(self.shape.slots - 1).max(self.first()).max(1)
    }

    /// How many values may still be there when `head` is the newest, counting one that is being overwritten.
    pub fn retained(self, head: u64) -> u64 {
        head.saturating_add(1).saturating_sub(self.oldest(head))
    }

    /// The bell's value; everything published before it rang is visible from now on.
    #[inline]
    pub fn bell(self) -> u32 {
        let bell = self.hot.bell.load(Relaxed);
        fence(Acquire); // D
        bell
    }

    /// The region's state; everything published before it changed is visible from now on.
    #[inline]
    pub fn state(self) -> u32 {
        let state = self.hot.state.load(Relaxed);
        fence(Acquire); // E
        state
    }

    /// The slot of value n.
    ///
    /// # Panics
    ///
    /// If the shape does not fit the memory.
    #[inline(always)]
    fn slot(self, sequence: u64) -> Slot<'a> {
        #[expect(clippy::cast_possible_truncation, reason = "a slot's index is below a length in memory")]
        let index = (sequence & (self.shape.slots - 1)) as usize;
        let words = &self.words[index * self.shape.stride_words..];
        let head = words.first_chunk().expect("a slot has a head");
        Slot { head, payload: &words[self.shape.payload_word..] }
    }

    /// The stamp in the slot of value n, as it is now.
    #[inline]
    pub fn stamp(self, sequence: u64) -> u64 {
        self.slot(sequence).load(STAMP)
    }

    /// The time noted in the slot of value n, as it is now: Unix time in nanoseconds, or 0.
    pub fn time_ns(self, sequence: u64) -> u64 {
        self.slot(sequence).load(TIME)
    }

    /// Copies value n into `buffer`, if its slot holds it before and after.
    // Always inlined, as what it calls: through memory, the result would take longer than the copy of a small value.
    #[inline(always)]
    pub fn lookup(self, sequence: u64, buffer: &mut impl Destination) -> Result<Lookup<Stamped>, Fault> {
        let held = match self.view(sequence)? {
            Lookup::Whole(held) => held,
            Lookup::NotYet => return Ok(Lookup::NotYet),
            Lookup::Overwritten => return Ok(Lookup::Overwritten),
        };
        // The capacity is as large as the file claims to be, which may be more than there is memory.
        let Some(room) = buffer.room(held.length()) else {
            return Err(Fault { sequence, problem: NO_MEMORY });
        };
        copy::copy_out(held.words(), room);
        let checksum = if self.shape.checksummed { held.checksum() } else { 0 };
        if !held.is_whole() {
            return Ok(Lookup::Overwritten);
        }
        Ok(Lookup::Whole(Stamped { checksum, ..held.stamped() }))
    }

    /// Value n in its slot, if it is there now; what is read of it counts only if it still is afterwards.
    #[inline(always)]
    pub fn view(self, sequence: u64) -> Result<Lookup<SlotView<'a>>, Fault> {
        let slot = self.slot(sequence);
        let stamp = slot.load(STAMP);
        if stamp != 2 * sequence {
            return self.judge(sequence, stamp);
        }
        fence(Acquire); // B
        let length_word = slot.load(LENGTH);
        let time_ns = slot.load(TIME);
        let length = usize::try_from(length_word & ((1 << LENGTH_BITS) - 1)).unwrap_or(usize::MAX);
        let held = SlotView { slot, sequence, length, time_ns, flags: (length_word >> LENGTH_BITS) as u16 };
        if length <= self.shape.capacity {
            return Ok(Lookup::Whole(held));
        }
        // The length of a later value, perhaps.
        if !held.is_whole() {
            return Ok(Lookup::Overwritten);
        }
        Err(Fault { sequence, problem: "its length is more than the capacity of its slot" })
    }

    /// Value n in its slot, of so many bytes, whether it is there or not.
    pub fn slot_view(self, sequence: u64, length: usize) -> SlotView<'a> {
        let slot = self.slot(sequence);
        SlotView { slot, sequence, length: length.min(self.shape.capacity), time_ns: 0, flags: 0 }
    }

    /// What a stamp other than `2n` says of value n.
    #[inline]
    fn judge<T>(self, sequence: u64, stamp: u64) -> Result<Lookup<T>, Fault> {
        if stamp != 0 && !self.is_possible(sequence, stamp) {
            return Err(Fault { sequence, problem: "its slot has the stamp of another slot" });
        }
        Ok(if stamp < 2 * sequence { Lookup::NotYet } else { Lookup::Overwritten })
    }

    /// Whether a stamp can stand in the slot of value n.
    pub fn is_possible(self, sequence: u64, stamp: u64) -> bool {
        let number = stamp.div_ceil(2);
        number <= MAX_SEQUENCE && (number ^ sequence) & (self.shape.slots - 1) == 0
    }

    /// The highest number that the head or a whole value shows, also where the ring cannot be taken over.
    pub fn highest_shown(self) -> u64 {
        let head = self.head().min(MAX_SEQUENCE);
        let shown = (0..self.shape.slots)
            .map(|slot| (slot, self.stamp(slot)))
            .filter(|&(slot, stamp)| self.is_possible(slot, stamp))
            .map(|(_, stamp)| stamp / 2);
        shown.fold(head, u64::max)
    }

    /// Copies the newest value into `buffer`, if that takes one look; otherwise [`latest`](Self::latest) knows more.
    #[inline(always)]
    pub fn latest_at_once(self, known: u64, buffer: &mut impl Destination) -> Option<Stamped> {
        let head = self.head().max(known);
        if !is_number(head) || head < self.first() {
            return None;
        }
        match self.lookup(head, buffer) {
            Ok(Lookup::Whole(stamped)) => Some(stamped),
            _ => None,
        }
    }

    /// Copies the newest value into `buffer`. Whoever has seen value `known` gets that one or a later one: a cursor finds a
    /// value in its slot, and the head is stored behind that.
    #[inline]
    pub fn latest(self, known: u64, buffer: &mut impl Destination) -> Result<Polled, Fault> {
        for _ in 0..ATTEMPTS {
            let (head, first) = (self.head(), self.first());
            if known > head && is_number(known) {
                match self.lookup(known, buffer)? {
                    Lookup::Whole(stamped) => return Ok(Polled::Value(stamped)),
                    // The head will be seen behind it.
                    Lookup::Overwritten => continue,
                    // Nobody has seen it: it is only what a cursor waits behind.
                    Lookup::NotYet => {}
                }
            }
            if head < first {
                let fault = Fault { sequence: head, problem: "the head is less than the first number" };
                return if head + 1 == first { Ok(Polled::Empty) } else { Err(fault) };
            }
            check_sequence(head)?;
            match self.lookup(head, buffer)? {
                Lookup::Whole(stamped) => return Ok(Polled::Value(stamped)),
                Lookup::NotYet => {
                    return Err(Fault {
                        sequence: head,
                        problem: "the head names it as the newest, but its slot does not hold it",
                    });
                }
                Lookup::Overwritten => {}
            }
        }
        Ok(Polled::Busy)
    }
}

impl Slot<'_> {
    #[inline(always)]
    fn load(self, word: usize) -> u64 {
        u64::from_le(self.head[word].load(Relaxed))
    }
}

/// A value in its slot, where a later one may take its place at any time.
#[derive(Clone, Copy, Debug)]
pub struct SlotView<'a> {
    slot: Slot<'a>,
    sequence: u64,
    length: usize,
    time_ns: u64,
    flags: u16,
}

impl<'a> SlotView<'a> {
    /// The payload's length in bytes, at most the capacity.
    #[inline(always)]
    pub fn length(&self) -> usize {
        self.length
    }

    /// The payload's words, and what lies behind them.
    #[inline(always)]
    pub fn words(&self) -> &'a [AtomicU64] {
        self.slot.payload
    }

    /// The word behind the payload, in a ring that has room for checksums.
    #[inline(always)]
    pub fn checksum(&self) -> u64 {
        u64::from_le(self.words()[self.length.div_ceil(copy::WORD)].load(Relaxed))
    }

    /// Whether the payload in its place is the one that the checksum was made of.
    pub fn checksum_holds(&self, stamped: &Stamped) -> bool {
        let length_word = self.length as u64 | u64::from(stamped.flags) << LENGTH_BITS;
        checksum::checksum_in_place(self.sequence, length_word, self.words(), self.length) == stamped.checksum
    }

    /// Whether everything that was read so far is of this value: no later one had begun to take its place.
    #[inline(always)]
    pub fn is_whole(&self) -> bool {
        fence(Acquire); // A
        self.slot.load(STAMP) == 2 * self.sequence
    }

    /// What the slot says of it, but for the checksum.
    #[inline(always)]
    pub fn stamped(&self) -> Stamped {
        Stamped { sequence: self.sequence, time_ns: self.time_ns, flags: self.flags, checksum: 0, lost: 0 }
    }
}

/// Number 0 would match an empty slot's stamp, and one beyond the last would overflow its own.
fn check_sequence(sequence: u64) -> Result<(), Fault> {
    if is_number(sequence) {
        return Ok(());
    }
    Err(Fault { sequence, problem: "no value can have this number" })
}

#[inline]
fn is_number(sequence: u64) -> bool {
    (1..=MAX_SEQUENCE).contains(&sequence)
}
