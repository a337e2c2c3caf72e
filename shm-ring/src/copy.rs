//! Copies payload bytes into and out of shared words, without interpreting the bytes.
//!
//! The other side may change the words at any time. Whole words are copied as relaxed atomics. On
//! x86-64 they are copied by assembly instead, which the compiler cannot see into; this is as safe
//! and faster. The remaining bytes of the last word are copied as a relaxed atomic. The result may
//! therefore be a mixture of old and new bytes, which the ring's stamps detect, but the behaviour
//! is never undefined.

use crate::sync::{AtomicU64, Ordering::Relaxed};
use alloc::vec::Vec;

#[cfg(not(loom))]
mod bytes;
#[cfg(not(loom))]
pub use bytes::{bytes_in, bytes_of, bytes_out, move_bytes, part_in, part_out};

pub mod portable;
#[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(any(loom, miri))))]
mod x86_64;
#[cfg(not(all(target_arch = "x86_64", target_pointer_width = "64", not(any(loom, miri)))))]
use portable::{words_in, words_out};
#[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(any(loom, miri))))]
use x86_64::{words_in, words_out};

/// Bytes in a shared word.
pub const WORD: usize = size_of::<u64>();

/// Receives a payload whose length is known.
pub trait Destination {
    /// Returns the buffer to copy the payload into: `bytes` long, or empty if the payload is to be
    /// read in place. Returns `None` if there is not enough memory.
    fn room(&mut self, bytes: usize) -> Option<&mut [u8]>;
    /// Returns the result of reading the payload.
    fn content(&self) -> Content<'_>;
}

/// The result of reading a payload: it was copied, or it stayed in its slot.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// The payload was copied.
    Copied(&'a [u8]),
    /// The payload stayed in its slot; it has this many bytes.
    InPlace(usize),
}

/// Leaves a payload in its slot and records its length in bytes.
#[derive(Debug, Default)]
pub struct InPlace(pub usize);

impl Destination for InPlace {
    fn room(&mut self, bytes: usize) -> Option<&mut [u8]> {
        self.0 = bytes;
        Some(&mut [])
    }

    fn content(&self) -> Content<'_> {
        Content::InPlace(self.0)
    }
}

impl Destination for Vec<u8> {
    #[inline(always)]
    fn room(&mut self, bytes: usize) -> Option<&mut [u8]> {
        if self.len() < bytes {
            extend(self, bytes)?;
        }
        self.truncate(bytes);
        Some(self)
    }

    #[inline(always)]
    fn content(&self) -> Content<'_> {
        Content::Copied(self)
    }
}

/// Extends the buffer to the given length, if there is enough memory.
#[inline(never)]
fn extend(buffer: &mut Vec<u8>, bytes: usize) -> Option<()> {
    buffer.try_reserve(bytes - buffer.len()).ok()?;
    buffer.resize(bytes, 0);
    Some(())
}

/// Stores `bytes` into the first words of `words`. The rest of the last word is filled with zeros.
///
/// # Panics
///
/// If `words` is too short.
#[inline(always)]
pub fn copy_in(words: &[AtomicU64], bytes: &[u8]) {
    let (chunks, rest) = bytes.as_chunks::<WORD>();
    let (whole, tail) = words.split_at(chunks.len());
    if !rest.is_empty() {
        last_in(&tail[0], bytes);
    }
    words_in(whole, chunks);
}

/// Fills `bytes` from the first words of `words`.
///
/// # Panics
///
/// If `words` is too short.
#[inline(always)]
pub fn copy_out(words: &[AtomicU64], bytes: &mut [u8]) {
    let count = bytes.len() / WORD;
    if !bytes.len().is_multiple_of(WORD) {
        last_out(&words[..=count], bytes);
    }
    let (chunks, _) = bytes.as_chunks_mut::<WORD>();
    words_out(&words[..count], chunks);
}

// These two functions are separate because most payloads consist of whole words.

#[inline(never)]
fn last_in(word: &AtomicU64, bytes: &[u8]) {
    word.store(last_word(bytes).to_le(), Relaxed);
}

/// Copies the last of the words, which is only partly filled.
#[inline(never)]
fn last_out(words: &[AtomicU64], bytes: &mut [u8]) {
    let load = |word: &AtomicU64| u64::from_le(word.load(Relaxed));
    let [.., last] = words else { return };
    let before = words.iter().rev().nth(1).map_or(0, load);
    put_last(bytes, before, load(last));
}

// For the one to seven bytes after the whole words, `copy_from_slice` would call memcpy.

/// Returns the bytes after the last whole word, as the lowest bytes of a word.
#[inline]
fn last_word(bytes: &[u8]) -> u64 {
    let count = bytes.len();
    if let Some(last) = bytes.last_chunk::<WORD>() {
        return u64::from_le_bytes(*last) >> (u64::BITS as usize - count % WORD * 8);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << ((count - 4) * 8);
    }
    [0, count / 2, count - 1].into_iter().fold(0, |word, at| word | u64::from(bytes[at]) << (at * 8))
}

/// Stores the lowest bytes of `last` after the last whole word. That word contained `before`.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the lowest bytes are meant")]
fn put_last(bytes: &mut [u8], before: u64, last: u64) {
    let count = bytes.len();
    if let Some(end) = bytes.last_chunk_mut::<WORD>() {
        let shift = count % WORD * 8;
        *end = (before >> shift | last << (u64::BITS as usize - shift)).to_le_bytes();
        return;
    }
    let four = |word: u64| (word as u32).to_le_bytes();
    if let Some(first) = bytes.first_chunk_mut::<4>() {
        *first = four(last);
        if let Some(end) = bytes.last_chunk_mut::<4>() {
            *end = four(last >> ((count - 4) * 8));
        }
        return;
    }
    for at in [0, count / 2, count - 1] {
        bytes[at] = (last >> (at * 8)) as u8;
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use core::ops::Range;

    /// More words than there are offsets within a cache line.
    const MARGIN_WORDS: usize = 10;
    const UNTOUCHED: u8 = 0xee;

    fn shared(words: usize) -> Vec<AtomicU64> {
        (0..words).map(|_| AtomicU64::new(u64::from_ne_bytes([UNTOUCHED; WORD]))).collect()
    }

    fn content(words: &[AtomicU64]) -> Vec<u8> {
        words.iter().flat_map(|word| word.load(Relaxed).to_ne_bytes()).collect()
    }

    /// Copies `length` bytes of `pattern` in at `word` and out again. On the private side, the bytes
    /// are at offset `byte`.
    fn check(words: &[AtomicU64], pattern: &[u8], length: usize, word: usize, byte: usize) {
        words.iter().for_each(|word| word.store(u64::from_ne_bytes([UNTOUCHED; WORD]), Relaxed));
        let bytes = &pattern[byte..byte + length];
        copy_in(&words[word..], bytes);

        let mut expected = vec![UNTOUCHED; size_of_val(words)];
        let stored = &mut expected[word * WORD..][..length.next_multiple_of(WORD)];
        stored.fill(0);
        stored[..length].copy_from_slice(bytes);
        assert!(content(words) == expected, "{length} bytes from {byte} into word {word}");

        let mut back = vec![UNTOUCHED; byte + length + 2 * WORD];
        let mut expected = back.clone();
        copy_out(&words[word..], &mut back[byte..][..length]);
        expected[byte..][..length].copy_from_slice(bytes);
        assert!(back == expected, "{length} bytes out of word {word} to {byte}");
    }

    /// Checks each length at each of `places`: the word offset on the shared side, and the byte
    /// offset on the private side.
    fn check_lengths(lengths: Range<usize>, places: impl Iterator<Item = (usize, usize)> + Clone) {
        let words = shared(lengths.end.div_ceil(WORD) + MARGIN_WORDS);
        let pattern: Vec<u8> = (1..=251).cycle().take(lengths.end + 16).collect();
        for length in lengths {
            places.clone().for_each(|(word, byte)| check(&words, &pattern, length, word, byte));
        }
    }

    #[test]
    fn every_short_length_at_every_place_comes_out_as_it_went_in_and_its_neighbours_stay() {
        let (lengths, words, bytes) = if cfg!(miri) { (0..34, 1..2, 3..4) } else { (0..300, 0..8, 0..16) };
        check_lengths(lengths, words.flat_map(|word| bytes.clone().map(move |byte| (word, byte))));
    }

    #[test]
    fn every_length_up_to_a_page_comes_out_as_it_went_in() {
        if cfg!(miri) {
            return check_lengths(255..258, [(3, 1)].into_iter());
        }
        // All offsets are covered, each with a few lengths of every size.
        for length in 0..=4096 {
            check_lengths(length..length + 1, [(length / WORD % 8, length % 15), (3, 0)].into_iter());
        }
    }

    #[test]
    fn long_payloads_come_out_as_they_went_in() {
        if cfg!(miri) {
            return check_lengths(512..514, [(7, 15)].into_iter());
        }
        let lengths = std::iter::successors(Some(512_usize), |length| Some(length * 2));
        for length in lengths.take_while(|length| *length <= 256 << 10) {
            for length in [length - 1, length, length + 1, length + 8, length + 100] {
                check_lengths(length..length + 1, [(0, 0), (3, 0), (3, 5), (7, 15)].into_iter());
            }
        }
    }

    #[test]
    fn words_that_are_too_few_are_refused() {
        for length in [1_usize, 8, 9, 17, 25, 200] {
            let words = shared(length.div_ceil(WORD) - 1);
            let attempt = std::panic::catch_unwind(|| copy_in(&words, &vec![0; length]));
            attempt.expect_err("nothing may be stored after the last word");
            let attempt = std::panic::catch_unwind(|| copy_out(&words, &mut vec![0; length]));
            attempt.expect_err("nothing may be read after the last word");
        }
    }
}
