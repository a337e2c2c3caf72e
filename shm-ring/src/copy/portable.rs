//! The words one by one, as relaxed atomics: for any processor, and for loom and Miri.

use super::WORD;
use crate::sync::{AtomicU64, Ordering::Relaxed};

/// Stores each chunk into the word at its place.
///
/// # Panics
///
/// If the lengths differ.
#[inline]
pub fn words_in(words: &[AtomicU64], chunks: &[[u8; WORD]]) {
    assert_eq!(words.len(), chunks.len());
    for (word, chunk) in words.iter().zip(chunks) {
        word.store(u64::from_ne_bytes(*chunk), Relaxed);
    }
}

/// Fills each chunk from the word at its place.
///
/// # Panics
///
/// If the lengths differ.
#[inline]
pub fn words_out(words: &[AtomicU64], chunks: &mut [[u8; WORD]]) {
    assert_eq!(words.len(), chunks.len());
    for (word, chunk) in words.iter().zip(chunks) {
        *chunk = word.load(Relaxed).to_ne_bytes();
    }
}
