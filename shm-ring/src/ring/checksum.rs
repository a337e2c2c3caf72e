//! The checksum of a value. It covers the value's sequence number, length, flags and payload.

use super::{FLAG_CHECKSUM, LENGTH_BITS, Stamped};
use crate::copy;
use crate::sync::AtomicU64;

/// Computes the checksum of a value: CRC-32 over its sequence number, its length and flags, and its
/// payload.
pub fn checksum(sequence: u64, length_word: u64, payload: &[u8]) -> u64 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&sequence.to_le_bytes());
    crc.update(&length_word.to_le_bytes());
    crc.update(payload);
    u64::from(crc.finalize())
}

/// Computes the same checksum for a payload that is still in its slot.
pub(super) fn checksum_in_place(sequence: u64, length_word: u64, words: &[AtomicU64], length: usize) -> u64 {
    const STEP: usize = 4096;
    let mut crc = crc32fast::Hasher::new();
    crc.update(&sequence.to_le_bytes());
    crc.update(&length_word.to_le_bytes());
    let mut bytes = [0; STEP];
    for start in (0..length).step_by(STEP) {
        let bytes = &mut bytes[..STEP.min(length - start)];
        copy::copy_out(&words[start / copy::WORD..], bytes);
        crc.update(bytes);
    }
    u64::from(crc.finalize())
}

impl Stamped {
    /// Returns whether the value has a checksum.
    pub fn has_checksum(&self) -> bool {
        self.flags & FLAG_CHECKSUM != 0
    }

    /// Returns whether the payload matches the checksum.
    pub fn checksum_holds(&self, payload: &[u8]) -> bool {
        let length_word = payload.len() as u64 | u64::from(self.flags) << LENGTH_BITS;
        checksum(self.sequence, length_word, payload) == self.checksum
    }
}
