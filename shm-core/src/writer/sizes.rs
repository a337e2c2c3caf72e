//! The number of slots and their size, in a new region and after it has grown.

/// How many slots a new region has, unless the slots are large.
pub const DEFAULT_SLOTS: u64 = 64;
/// How many bytes a slot of a new region holds.
pub const DEFAULT_CAPACITY: u64 = 4096;
/// The limit on a payload's length: the length field of a slot has 48 bits.
pub const MAX_PAYLOAD_BYTES: u64 = (1 << 48) - 1;
/// Growing halves the number of slots until all slots together fit this many bytes, but not below
/// `GROWN_SLOTS_MIN`.
const GROWN_BYTES_MAX: u64 = 64 << 20;
const GROWN_SLOTS_MIN: u64 = 4;

/// Returns how many slots of `capacity` bytes a region gets that had `slots` smaller ones.
pub fn grown_slots(mut slots: u64, capacity: u64) -> u64 {
    while slots > GROWN_SLOTS_MIN && slots.saturating_mul(capacity) > GROWN_BYTES_MAX {
        slots /= 2;
    }
    slots
}

/// Rounds up to whole words.
pub fn round_capacity(bytes: u64) -> u64 {
    bytes.max(1).next_multiple_of(8)
}
