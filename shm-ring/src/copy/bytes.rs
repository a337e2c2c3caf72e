//! Copies bytes at any offset: single bytes up to the first whole word, then words, then single
//! bytes.
//!
//! A byte next to the requested ones is never stored, not even with the value that it already has.
//! It may belong to another process.
#![allow(unsafe_code)]

use super::{WORD, copy_in, copy_out};
use crate::sync::{AtomicU8, AtomicU64, Ordering::Relaxed};
use alloc::vec;

/// How many bytes a move copies at a time. The number is small under Miri, which is slow.
const MOVE_BYTES: usize = if cfg!(miri) { 24 } else { 16 << 10 };

/// Stores `bytes` into `shared`.
///
/// # Panics
///
/// If the lengths differ.
pub fn bytes_in(shared: &[AtomicU8], bytes: &[u8]) {
    assert_eq!(shared.len(), bytes.len());
    let (head, words, tail) = split(shared);
    let (head_bytes, rest) = bytes.split_at(head.len());
    let (word_bytes, tail_bytes) = rest.split_at(size_of_val(words));
    copy_in(words, word_bytes);
    for (byte, value) in head.iter().chain(tail).zip(head_bytes.iter().chain(tail_bytes)) {
        byte.store(*value, Relaxed);
    }
}

/// Fills `bytes` from `shared`.
///
/// # Panics
///
/// If the lengths differ.
pub fn bytes_out(shared: &[AtomicU8], bytes: &mut [u8]) {
    assert_eq!(shared.len(), bytes.len());
    let (head, words, tail) = split(shared);
    let (head_bytes, rest) = bytes.split_at_mut(head.len());
    let (word_bytes, tail_bytes) = rest.split_at_mut(size_of_val(words));
    copy_out(words, word_bytes);
    for (byte, value) in head.iter().chain(tail).zip(head_bytes.iter_mut().chain(tail_bytes)) {
        *value = byte.load(Relaxed);
    }
}

/// Stores `bytes` into words, starting at byte `offset`. Copies whole words if both the offset and
/// the length are multiples of a word.
///
/// # Panics
///
/// If the bytes do not fit within the words.
pub fn part_in(words: &[AtomicU64], offset: usize, bytes: &[u8]) {
    if offset.is_multiple_of(WORD) && bytes.len().is_multiple_of(WORD) {
        copy_in(&words[offset / WORD..], bytes);
    } else {
        bytes_in(&bytes_of(words)[offset..][..bytes.len()], bytes);
    }
}

/// Fills `bytes` from words, starting at byte `offset`.
///
/// # Panics
///
/// If the bytes do not fit within the words.
pub fn part_out(words: &[AtomicU64], offset: usize, bytes: &mut [u8]) {
    if offset.is_multiple_of(WORD) {
        copy_out(&words[offset / WORD..], bytes);
    } else {
        bytes_out(&bytes_of(words)[offset..][..bytes.len()], bytes);
    }
}

/// Returns the bytes of words, in the order in which they are in memory.
pub fn bytes_of(words: &[AtomicU64]) -> &[AtomicU8] {
    // SAFETY: each word is eight bytes, and each of them may be used as an atomic. See `split` for
    // why accesses to bytes and to words may coexist.
    let (before, bytes, after) = unsafe { words.align_to() };
    debug_assert!(before.is_empty() && after.is_empty());
    bytes
}

/// Copies `count` bytes from one position in `shared` to another. The two ranges may overlap.
///
/// # Panics
///
/// If either range is not within `shared`.
pub fn move_bytes(shared: &[AtomicU8], destination: usize, source: usize, count: usize) {
    let mut buffer = vec![0; count.min(MOVE_BYTES)];
    let mut step = |at: usize| {
        let bytes = &mut buffer[..MOVE_BYTES.min(count - at)];
        bytes_out(&shared[source + at..][..bytes.len()], bytes);
        bytes_in(&shared[destination + at..][..bytes.len()], bytes);
    };
    // Move in the direction in which no byte is overwritten before it has been moved.
    let starts = (0..count).step_by(MOVE_BYTES);
    if destination <= source { starts.for_each(&mut step) } else { starts.rev().for_each(&mut step) }
}

/// Splits bytes into those before the first whole word, the whole words, and the bytes after them.
fn split(shared: &[AtomicU8]) -> (&[AtomicU8], &[AtomicU64], &[AtomicU8]) {
    // SAFETY: any eight bytes that are atomics are also one atomic, and `align_to` ensures the
    // alignment. A writer has exclusive use of its mapping within this process, so bytes and words
    // never race there. Readers in this process have their own mappings, at other addresses. Their
    // accesses, and those of other processes, are outside of the language, and to the processor
    // each of them is a separate access.
    unsafe { shared.align_to() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(count: usize) -> Vec<AtomicU8> {
        (0..).map(AtomicU8::new).take(count).collect()
    }

    fn content(shared: &[AtomicU8]) -> Vec<u8> {
        shared.iter().map(|byte| byte.load(Relaxed)).collect()
    }

    #[test]
    fn every_place_and_length_comes_out_as_it_went_in_and_its_neighbours_stay() {
        let (starts, counts) = if cfg!(miri) { (9, 18) } else { (17, 33) };
        for start in 0..starts {
            for count in 0..counts {
                let shared = shared(64);
                let mut expected = content(&shared);
                expected[start..start + count].fill(0xee);
                bytes_in(&shared[start..start + count], &vec![0xee; count]);
                assert_eq!(content(&shared), expected, "{count} bytes at {start}");
                let mut back = vec![0; 64 - start];
                bytes_out(&shared[start..], &mut back);
                assert_eq!(back, expected[start..], "from {start}");
            }
        }
    }

    #[test]
    fn words_are_the_bytes_that_lie_in_memory() {
        let words: Vec<_> = (0..4).map(|index| AtomicU64::new(u64::from_le_bytes([index; 8]))).collect();
        assert_eq!(content(bytes_of(&words)), [[0; 8], [1; 8], [2; 8], [3; 8]].as_flattened());
        assert!(bytes_of(&[]).is_empty());
        bytes_in(&bytes_of(&words)[6..19], b"thirteen byte");
        let stored: Vec<u8> = words.iter().flat_map(|word| word.load(Relaxed).to_ne_bytes()).collect();
        assert_eq!(stored, *b"\0\0\0\0\0\0thirteen byte\x02\x02\x02\x02\x02\x03\x03\x03\x03\x03\x03\x03\x03");
        let mut back = [0; 13];
        bytes_out(&bytes_of(&words)[6..19], &mut back);
        assert_eq!(back, *b"thirteen byte");
    }

    #[test]
    fn a_part_of_words_is_stored_at_its_place_and_its_neighbours_stay() {
        let (offsets, counts) = if cfg!(miri) { (7..10, [0, 8, 9]) } else { (0..18, [0, 8, 17]) };
        for offset in offsets {
            for count in counts {
                let words: Vec<_> = (1..=5).map(|index| AtomicU64::new(u64::from_ne_bytes([index; 8]))).collect();
                let part: Vec<u8> = (101..).take(count).collect();
                let mut expected = content(bytes_of(&words));
                expected[offset..offset + count].copy_from_slice(&part);
                part_in(&words, offset, &part);
                assert_eq!(content(bytes_of(&words)), expected, "{count} bytes at {offset}");
                let mut back = vec![0; count];
                part_out(&words, offset, &mut back);
                assert_eq!(back, part, "{count} bytes from {offset}");
            }
        }
    }

    #[test]
    fn a_move_is_as_if_all_bytes_were_copied_out_first() {
        let pairs =
            [(0, 0), (0, 1), (1, 0), (7, 16), (16, 7), (0, MOVE_BYTES), (MOVE_BYTES - 1, 0), (5, MOVE_BYTES + 5)];
        for (destination, source) in pairs {
            for count in [0, 1, 9, MOVE_BYTES, 2 * MOVE_BYTES + 3] {
                let shared: Vec<_> = (0..251).cycle().map(AtomicU8::new).take(4 * MOVE_BYTES).collect();
                let mut expected = content(&shared);
                expected.copy_within(source..source + count, destination);
                move_bytes(&shared, destination, source, count);
                assert!(content(&shared) == expected, "{count} bytes from {source} to {destination}");
            }
        }
    }
}
