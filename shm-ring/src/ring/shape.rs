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
