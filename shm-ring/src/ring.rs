//! The protocol: one producer and any number of cursors over a ring of slots. It uses no files,
//! names, serde or clock.
//!
//! Value `n` (counted from 1) is stored in slot `n mod slots`. The slot's stamp is `2n - 1` while
//! the value is being written, and `2n` once the value is whole:
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
//! Letters pair the orderings that carry the proof. Everything else is relaxed.
//! * A: a cursor that copied a word of a later value sees that value's odd stamp when it checks the
//!   stamp again.
//! * B: a cursor that sees `2n` sees the whole value n.
//! * C: a cursor that sees `head = n` sees stamp `2n` or a later one in n's slot.
//! * D: a cursor that sees a bell sees everything that was published before the bell rang, so it
//!   may sleep on that bell.
//! * E: a cursor that sees a state sees everything that was published before the state changed.
//!
//! Readers map the region read-only, and in read-only memory the language guarantees only relaxed
//! loads. Cursors therefore use relaxed loads with fences, and never a read-modify-write. The
//! producer keeps its own counts and reads nothing back. Each slot is a sequence lock: H. Boehm,
//! "Can seqlocks get along with programming language memory models?", MSPC 2012.

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

/// The problem of a [`Fault`] when there is not enough memory to copy the value. Every other fault
/// means that the ring is damaged.
pub const NO_MEMORY: &str = "there is not enough memory for its length";
/// Slot flag: a checksum follows the payload.
pub const FLAG_CHECKSUM: u16 = 1;

const STAMP: usize = 0;
const LENGTH: usize = 1;
const TIME: usize = 2;
/// The smallest number of words in a slot before its payload.
const HEAD_WORDS: usize = 3;
const LENGTH_BITS: u32 = 48;
/// How many times a cursor tries to copy a value that keeps being overwritten before it gives up.
const ATTEMPTS: usize = 64;

/// A ring in shared memory, as seen by the producer and the cursors. Other processes may change the
/// contents at any time.
#[derive(Clone, Copy)]
pub struct Ring<'a> {
    hot: &'a Hot,
    words: &'a [AtomicU64],
    shape: Shape,
}

/// The words of one slot. The slice may continue into the next slots.
#[derive(Clone, Copy, Debug)]
struct Slot<'a> {
    head: &'a [AtomicU64; HEAD_WORDS],
    payload: &'a [AtomicU64],
}

/// The information that a slot has about a value, apart from the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamped {
    /// The value's sequence number.
    pub sequence: u64,
    /// When the value was published, in nanoseconds of Unix time; 0 until that has been recorded.
    pub time_ns: u64,
    /// The slot's flags.
    pub flags: u16,
    /// The word after the payload, if the flags mark it as a checksum.
    pub checksum: u64,
    /// How many values were missed directly before this one.
    pub lost: u64,
}

/// The result of one attempt to read value n from its slot. `T` is the result for a value that was
/// present.
#[derive(Debug, PartialEq, Eq)]
pub enum Lookup<T> {
    /// The slot had the value. `T` describes how it may be used.
    Whole(T),
    /// The slot still has an older value, no value, or an unfinished value n.
    NotYet,
    /// The slot has a newer value.
    Overwritten,
}

/// The result of polling with a cursor.
#[derive(Debug, PartialEq, Eq)]
pub enum Polled {
    /// The next value, which is now in the buffer.
    Value(Stamped),
    /// There is no new value.
    Empty,
    /// The producer overwrote the value during every attempt.
    Busy,
}

impl<'a> Ring<'a> {
    /// Creates a ring over `words`, the slots. The shape must fit the slots, as the shape of a
    /// checked header does. This is not checked again, because a ring is created for each access.
    #[inline]
    pub fn new(hot: &'a Hot, words: &'a [AtomicU64], shape: Shape) -> Self {
        let trailer = usize::from(shape.checksummed);
        debug_assert!(shape.slots >= 2 && shape.slots.is_power_of_two() && shape.payload_word >= HEAD_WORDS);
        debug_assert!(shape.payload_word + shape.capacity / copy::WORD + trailer <= shape.stride_words);
        debug_assert!(shape.stride_words as u64 * shape.slots <= words.len() as u64);
        Self { hot, words, shape }
    }

    /// Returns the sizes of the ring.
    pub fn shape(self) -> Shape {
        self.shape
    }

    /// Returns the sequence number of the newest value. All of that value is visible after this
    /// call.
    #[inline]
    pub fn head(self) -> u64 {
        let head = self.hot.head.load(Relaxed);
        fence(Acquire); // C
        head
    }

    /// Returns the oldest sequence number that this ring ever contained.
    #[inline]
    pub fn first(self) -> u64 {
        self.hot.first.load(Relaxed)
    }

    /// Returns the oldest sequence number that can still be in the ring when `head` is the newest.
    pub fn oldest(self, head: u64) -> u64 {
        head.saturating_sub(self.shape.slots - 1).max(self.first()).max(1)
    }

    /// Returns how many values can still be in the ring when `head` is the newest. A value that is
    /// being overwritten is included.
    pub fn retained(self, head: u64) -> u64 {
        head.saturating_add(1).saturating_sub(self.oldest(head))
    }

    /// Returns the bell. Everything that was published before it rang is visible after this call.
    #[inline]
    pub fn bell(self) -> u32 {
        let bell = self.hot.bell.load(Relaxed);
        fence(Acquire); // D
        bell
    }

    /// Returns the region's state. Everything that was published before it changed is visible after
    /// this call.
    #[inline]
    pub fn state(self) -> u32 {
        let state = self.hot.state.load(Relaxed);
        fence(Acquire); // E
        state
    }

    /// Returns the slot of value n.
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

    /// Returns the current stamp in the slot of value n.
    #[inline]
    pub fn stamp(self, sequence: u64) -> u64 {
        self.slot(sequence).load(STAMP)
    }

    /// Returns the time that is currently recorded in the slot of value n: nanoseconds of Unix
    /// time, or 0.
    pub fn time_ns(self, sequence: u64) -> u64 {
        self.slot(sequence).load(TIME)
    }

    /// Copies value n into `buffer`, if the slot has that value both before and after the copy.
    // Always inlined, like the functions that it calls. Returning the result through memory would
    // take longer than copying a small value.
    #[inline(always)]
    pub fn lookup(self, sequence: u64, buffer: &mut impl Destination) -> Result<Lookup<Stamped>, Fault> {
        let held = match self.view(sequence)? {
            Lookup::Whole(held) => held,
            Lookup::NotYet => return Ok(Lookup::NotYet),
            Lookup::Overwritten => return Ok(Lookup::Overwritten),
        };
        // The capacity is as large as the file claims, which may be more than the available memory.
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

    /// Returns value n in its slot, if the slot has it now. Anything read through the view counts
    /// only if the slot still has the value afterwards.
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
        // This may be the length of a later value.
        if !held.is_whole() {
            return Ok(Lookup::Overwritten);
        }
        Err(Fault { sequence, problem: shape::TOO_LONG })
    }

    /// Returns a view of the slot of value n with the given payload length in bytes, whether or not
    /// the slot has that value.
    pub fn slot_view(self, sequence: u64, length: usize) -> SlotView<'a> {
        let slot = self.slot(sequence);
        SlotView { slot, sequence, length: length.min(self.shape.capacity), time_ns: 0, flags: 0 }
    }

    /// Derives from a stamp other than `2n` whether value n is still to come or was overwritten.
    #[inline]
    fn judge<T>(self, sequence: u64, stamp: u64) -> Result<Lookup<T>, Fault> {
        if stamp != 0 && !self.is_possible(sequence, stamp) {
            return Err(Fault { sequence, problem: shape::OTHER_STAMP });
        }
        Ok(if stamp < 2 * sequence { Lookup::NotYet } else { Lookup::Overwritten })
    }

    /// Returns whether a stamp can occur in the slot of value n.
    pub fn is_possible(self, sequence: u64, stamp: u64) -> bool {
        let number = stamp.div_ceil(2);
        number <= MAX_SEQUENCE && (number ^ sequence) & (self.shape.slots - 1) == 0
    }

    /// Returns the highest sequence number that the head or a whole value shows. This also works
    /// for a ring that cannot be taken over.
    pub fn highest_shown(self) -> u64 {
        let head = self.head().min(MAX_SEQUENCE);
        let shown = (0..self.shape.slots)
            .map(|slot| (slot, self.stamp(slot)))
            .filter(|&(slot, stamp)| self.is_possible(slot, stamp))
            .map(|(_, stamp)| stamp / 2);
        shown.fold(head, u64::max)
    }

    /// Copies the newest value into `buffer` if one attempt is enough. If this returns `None`, call
    /// [`latest`](Self::latest).
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

    /// Copies the newest value into `buffer`. A reader that has already seen value `known` gets
    /// that value or a later one. It can have seen a value that is newer than the head, because a
    /// cursor finds a value in its slot and the producer stores the head after that.
    #[inline]
    pub fn latest(self, known: u64, buffer: &mut impl Destination) -> Result<Polled, Fault> {
        for _ in 0..ATTEMPTS {
            let (head, first) = (self.head(), self.first());
            if known > head && is_number(known) {
                match self.lookup(known, buffer)? {
                    Lookup::Whole(stamped) => return Ok(Polled::Value(stamped)),
                    // The next attempt will see the head that was stored after the later value.
                    Lookup::Overwritten => continue,
                    // No reader has seen this value: `known` is only a position that a cursor waits
                    // at.
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

/// A value in its slot. A later value may overwrite it at any time.
#[derive(Clone, Copy, Debug)]
pub struct SlotView<'a> {
    slot: Slot<'a>,
    sequence: u64,
    length: usize,
    time_ns: u64,
    flags: u16,
}

impl<'a> SlotView<'a> {
    /// Returns the payload's length in bytes, at most the capacity.
    #[inline(always)]
    pub fn length(&self) -> usize {
        self.length
    }

    /// Returns the payload's words and all words after them.
    #[inline(always)]
    pub fn words(&self) -> &'a [AtomicU64] {
        self.slot.payload
    }

    /// Returns the word after the payload, in a ring with space for checksums.
    #[inline(always)]
    pub fn checksum(&self) -> u64 {
        u64::from_le(self.words()[self.length.div_ceil(copy::WORD)].load(Relaxed))
    }

    /// Returns whether the payload in the slot matches the checksum.
    pub fn checksum_holds(&self, stamped: &Stamped) -> bool {
        let length_word = self.length as u64 | u64::from(stamped.flags) << LENGTH_BITS;
        checksum::checksum_in_place(self.sequence, length_word, self.words(), self.length) == stamped.checksum
    }

    /// Returns whether everything read so far belongs to this value. If not, a later value had
    /// begun to overwrite it.
    #[inline(always)]
    pub fn is_whole(&self) -> bool {
        fence(Acquire); // A
        self.slot.load(STAMP) == 2 * self.sequence
    }

    /// Returns what the slot records about the value, without the checksum.
    #[inline(always)]
    pub fn stamped(&self) -> Stamped {
        Stamped { sequence: self.sequence, time_ns: self.time_ns, flags: self.flags, checksum: 0, lost: 0 }
    }
}

/// Checks a sequence number. 0 would match the stamp of an empty slot, and a number beyond the last
/// one would overflow its stamp.
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
