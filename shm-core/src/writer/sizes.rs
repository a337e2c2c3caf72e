//! The number of slots and their size, in a new region and after it has grown.

/// How many slots a new region has, unless the slots are large.
pub const DEFAULT_SLOTS: u64 = 64;
/// How many bytes a slot of a new region holds, unless it has more slots than by default.
pub const DEFAULT_CAPACITY: u64 = 4096;
/// How many bytes a slot holds at least if nothing is said about it. With its head and a checksum it
/// takes two cache lines.
const DEFAULT_CAPACITY_MIN: u64 = 96;
/// The limit on a payload's length: the length field of a slot has 48 bits.
pub const MAX_PAYLOAD_BYTES: u64 = (1 << 48) - 1;
/// Growing halves the number of slots until all slots together fit this many bytes, but not below
/// `GROWN_SLOTS_MIN`.
const GROWN_BYTES_MAX: u64 = 64 << 20;
const GROWN_SLOTS_MIN: u64 = 4;
/// If even these slots need more than this, 2 are left, the smallest number of slots.
const HUGE_BYTES_MAX: u64 = 256 << 20;
/// A slot grows to at least twice its size, unless the value that needs it is longer than this. Copying such
/// a value takes so long that growing exactly costs little, and half of the memory would be unused.
const DOUBLED_BYTES_MAX: u64 = 32 << 20;

/// Returns how many bytes a slot of a new region with this many slots holds if nothing is said about it.
/// The first larger value makes the slots larger, so a long history of small values stays small.
pub fn default_capacity(slots: Option<u64>) -> u64 {
    let slots = slots.unwrap_or(DEFAULT_SLOTS).max(1);
    round_capacity((DEFAULT_SLOTS * DEFAULT_CAPACITY / slots).clamp(DEFAULT_CAPACITY_MIN, DEFAULT_CAPACITY))
}

/// Returns how many slots of `capacity` bytes a region gets that had `slots` of `old_capacity` bytes. The
/// region may take what it took before, or what it would have taken with slots of the default size.
pub fn grown_slots(mut slots: u64, old_capacity: u64, capacity: u64) -> u64 {
    let bytes_max = GROWN_BYTES_MAX.max(slots.saturating_mul(old_capacity.max(DEFAULT_CAPACITY)));
    let too_large = |slots: u64, bytes_max| slots.saturating_mul(capacity) > bytes_max;
    while slots > GROWN_SLOTS_MIN && too_large(slots, bytes_max) {
        slots /= 2;
    }
    while slots > 2 && slots <= GROWN_SLOTS_MIN && too_large(slots, bytes_max.max(HUGE_BYTES_MAX)) {
        slots /= 2;
    }
    slots
}

/// Returns how many bytes the slots hold after they had `capacity` bytes and a value of `length` did not fit.
pub fn grown_capacity(capacity: u64, length: u64) -> u64 {
    round_capacity(if length > DOUBLED_BYTES_MAX { length } else { length.max(capacity.saturating_mul(2)) })
}

/// Rounds up to whole words.
pub fn round_capacity(bytes: u64) -> u64 {
    bytes.max(1).next_multiple_of(8)
}

// Reported 44, 47.
#[test]
fn slots_take_what_their_values_need() {
    assert_eq!(
        [None, Some(2), Some(64), Some(128), Some(1024), Some(1 << 20)].map(default_capacity),
        [4096, 4096, 4096, 2048, 256, 96]
    );
    let grown = |slots, old, length| {
        let capacity = grown_capacity(old, length);
        (grown_slots(slots, old, capacity), capacity)
    };
    assert_eq!(grown(64, 4096, 5000), (64, 8192));
    assert_eq!(grown(64, 4096, 1 << 20), (64, 1 << 20));
    assert_eq!(grown(64, 4096, 20 << 20), (4, 20 << 20));
    assert_eq!(grown(64, 4096, 1 << 30), (2, 1 << 30), "the least for a huge value");
    assert_eq!(grown(2, 1 << 30, (1 << 30) + 1), (2, (1 << 30) + 8));
    assert_eq!(grown(1 << 16, 96, 1000), (1 << 16, 1000), "the history that was asked for stays");
    assert_eq!(grown(1 << 16, 96, 5000), (1 << 15, 5000));
    assert_eq!(grown(1 << 16, 8, 9), (1 << 16, 16));
}
