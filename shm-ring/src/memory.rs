//! A ring's memory outside of any file: for examples, models and tests.

use crate::header::Hot;
use crate::ring::{Ring, Shape};
use crate::sync::AtomicU64;
use alloc::vec::Vec;

/// The memory of one ring, before its first value: open, with 1 as its first number, and otherwise zeros.
pub struct Memory {
    /// What changes with every value.
    pub hot: Hot,
    /// The slots.
    pub words: Vec<AtomicU64>,
    shape: Shape,
}

impl Memory {
    /// Memory for a ring of these sizes.
    ///
    /// # Panics
    ///
    /// If there is not enough memory.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        let words = (0..shape.slots).flat_map(|_| 0..shape.stride_words).map(|_| AtomicU64::new(0)).collect();
        Self { hot: Hot::detached(0, 1), words, shape }
    }

    /// The ring in it.
    #[must_use]
    pub fn ring(&self) -> Ring<'_> {
        Ring::new(&self.hot, &self.words, self.shape)
    }
}
