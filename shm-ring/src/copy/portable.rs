//! Copies words one at a time, as relaxed atomics. This works on any processor, and under loom and
//! Miri.

use super::WORD;
use crate::sync::{AtomicU64, Ordering::Relaxed};

/// Stores each chunk into the word with the same index.
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

/// Fills each chunk from the word with the same index.
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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn each_word_holds_the_bytes_of_its_chunk() {
        let words = [0, 1, 2].map(AtomicU64::new);
        let chunks = [*b"one word", *b"another."];
        words_in(&words[..2], &chunks);
        assert_eq!(
            words.each_ref().map(|word| word.load(Relaxed).to_ne_bytes()),
            [chunks[0], chunks[1], 2_u64.to_ne_bytes()]
        );
        let mut back = [[0; WORD]; 2];
        words_out(&words[..2], &mut back);
        assert_eq!(back, chunks);
    }
}
