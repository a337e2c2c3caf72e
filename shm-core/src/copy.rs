//! Moving payload bytes in and out of shared words. Nothing here knows what the bytes mean.
//!
//! The other side may change the words at any time, so each one moves as a relaxed atomic: what comes
//! out may be a mixture of old and new, which the ring's stamps detect, and is never undefined.

use crate::sync::{AtomicU64, Ordering::Relaxed};

#[cfg(not(loom))]
mod bytes;
#[cfg(not(loom))]
pub use bytes::{bytes_in, bytes_out, move_bytes};

/// Bytes in a shared word.
pub const WORD: usize = size_of::<u64>();

/// Where a payload is put.
pub trait Room {
    /// Exactly so many bytes, which are going to be overwritten; `None`: there is no memory for them.
    fn room(&mut self, bytes: usize) -> Option<&mut [u8]>;
    /// What was put there.
    fn filled(&self) -> &[u8];
}

impl Room for Vec<u8> {
    fn room(&mut self, bytes: usize) -> Option<&mut [u8]> {
        self.try_reserve(bytes.saturating_sub(self.len())).ok()?;
        self.resize(bytes, 0);
        Some(self)
    }

    fn filled(&self) -> &[u8] {
        self
    }
}

/// Stores `bytes` into the first words of `words`; the last word is filled up with zeros.
///
/// # Panics
///
/// If `words` is too short.
pub fn copy_in(words: &[AtomicU64], bytes: &[u8]) {
    let (chunks, rest) = bytes.as_chunks::<WORD>();
    let (whole, tail) = words.split_at(chunks.len());
    for (word, chunk) in whole.iter().zip(chunks) {
        word.store(u64::from_ne_bytes(*chunk), Relaxed);
    }
    if !rest.is_empty() {
        let mut last = [0; WORD];
        last[..rest.len()].copy_from_slice(rest);
        tail[0].store(u64::from_ne_bytes(last), Relaxed);
    }
}

/// Fills `bytes` from the first words of `words`.
///
/// # Panics
///
/// If `words` is too short.
pub fn copy_out(words: &[AtomicU64], bytes: &mut [u8]) {
    let (chunks, rest) = bytes.as_chunks_mut::<WORD>();
    let (whole, tail) = words.split_at(chunks.len());
    for (word, chunk) in whole.iter().zip(chunks) {
        *chunk = word.load(Relaxed).to_ne_bytes();
    }
    if !rest.is_empty() {
        let last = tail[0].load(Relaxed).to_ne_bytes();
        rest.copy_from_slice(&last[..rest.len()]);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_length_comes_out_as_it_went_in() {
        let words: Vec<AtomicU64> = (0..9).map(|_| AtomicU64::new(u64::MAX)).collect();
        for length in 0..=words.len() * WORD {
            let bytes: Vec<u8> = (0_u8..).step_by(3).take(length).collect();
            copy_in(&words, &bytes);
            let mut back = vec![0xee; length];
            copy_out(&words, &mut back);
            assert_eq!(back, bytes, "{length} bytes");
        }
    }

    #[test]
    fn the_last_word_is_filled_with_zeros_and_the_next_is_untouched() {
        let words = [AtomicU64::new(u64::MAX), AtomicU64::new(u64::MAX)];
        copy_in(&words, b"abc");
        assert_eq!(words[0].load(Relaxed).to_ne_bytes(), *b"abc\0\0\0\0\0");
        assert_eq!(words[1].load(Relaxed), u64::MAX);
    }
}
