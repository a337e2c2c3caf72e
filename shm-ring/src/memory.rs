//! The memory of a ring that is not part of a file, for examples, models and tests.

use crate::header::Hot;
use crate::ring::{Ring, Shape};
use crate::sync::AtomicU64;
use alloc::vec::Vec;

/// The memory of one ring. At first the state is open, the first sequence number is 1, and everything
/// else is zero.
pub struct Memory {
    /// The fields that change with every value.
    pub hot: Hot,
    /// The slots.
    pub words: Vec<AtomicU64>,
    shape: Shape,
}

impl Memory {
    /// Allocates memory for a ring of the given shape.
    ///
    /// # Panics
    ///
    /// If there is not enough memory.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        let words = (0..shape.slots).flat_map(|_| 0..shape.stride_words).map(|_| AtomicU64::new(0)).collect();
        Self { hot: Hot::detached(0, 1), words, shape }
    }

    /// Returns the ring in this memory.
    #[must_use]
    pub fn ring(&self) -> Ring<'_> {
        Ring::new(&self.hot, &self.words, self.shape)
    }
}
