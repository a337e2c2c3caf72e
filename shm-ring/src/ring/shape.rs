//! The sizes of a ring, and the type that reports a fault in its memory. This file accesses no
//! memory.

/// The sizes of a ring. The code that creates a ring must check them against the memory.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Number of slots, a power of two, at least 2.
    pub slots: u64,
    /// Words from one slot to the next.
    pub stride_words: usize,
    /// Index of the word at which the payload starts in its slot, at least 3.
    pub payload_word: usize,
    /// The longest payload in bytes, a multiple of 8.
    pub capacity: usize,
    /// Whether a word for the checksum follows the space for the payload.
    pub checksummed: bool,
}

/// A state of the shared memory that no producer creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The number of the value that was to be read.
    pub sequence: u64,
    /// The problem that was found.
    pub problem: &'static str,
}

/// The problem of a value whose length its slot cannot hold.
pub(super) const TOO_LONG: &str = "its length is more than the capacity of its slot";
/// The problem of a value whose slot has a stamp that no value there can have.
pub(super) const OTHER_STAMP: &str = "its slot has the stamp of another slot";

impl Fault {
    /// Returns whether the problem is in the slot of this one value, so that other values may be whole.
    pub fn is_of_one_value(&self) -> bool {
        matches!(self.problem, TOO_LONG | OTHER_STAMP)
    }
}
