//! The sizes of a ring, and how to say that something in it is wrong. No memory is touched here.

/// The sizes of a ring, checked against the memory by whoever makes one.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Number of slots, a power of two, at least 2.
    pub slots: u64,
    /// Words from one slot to the next.
    pub stride_words: usize,
    /// Word at which the payload starts in its slot, at least 3.
    pub payload_word: usize,
    /// The longest payload in bytes, a multiple of 8.
    pub capacity: usize,
    /// Whether a word for the checksum follows the payload's room.
    pub checksummed: bool,
}

/// Something in the shared memory that no producer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The number of the value that was looked for.
    pub sequence: u64,
    /// What is wrong.
    pub problem: &'static str,
}
