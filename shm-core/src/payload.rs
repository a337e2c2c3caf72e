//! What the bytes of a value mean: the kinds of payload, and Rust values to and from bincode. The only
//! file that names bincode.
//!
//! The encoding is bincode's `legacy()` configuration: fixed-width integers, little-endian, 64-bit
//! lengths, 32-bit enum variants; byte for byte what bincode 1.3 wrote.
//! Bytes that come from a region are not trusted: decoding is limited by `bounded`, in memory, in depth and in the number
//! of elements, and must use up all bytes.

use bincode::config;
use serde::{Deserialize, Serialize};

mod bounded;
#[cfg(test)]
mod tests;

/// The longest encoding of a Rust value, 2 GiB less one byte.
const MAX_ENCODED_BYTES: usize = i32::MAX.unsigned_abs() as usize;

/// What the payloads of a region are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Bytes of no known meaning.
    Bytes,
    /// UTF-8 text.
    Text,
    /// A JSON document.
    Json,
    /// An array of numbers.
    Array,
    /// A Rust value, encoded by bincode.
    Bincode,
}

const KINDS: [(u32, Kind, &str); 5] = [
    (1, Kind::Bytes, "bytes"),
    (2, Kind::Text, "text"),
    (3, Kind::Json, "json"),
    (4, Kind::Array, "array"),
    (5, Kind::Bincode, "bincode"),
];

impl Kind {
    /// The number that stands for this kind in a header.
    pub fn code(self) -> u32 {
        KINDS.iter().find(|row| row.1 == self).expect("every kind has a row").0
    }

    /// The kind that a number in a header stands for.
    pub fn from_code(code: u32) -> Option<Self> {
        KINDS.iter().find(|row| row.0 == code).map(|row| row.1)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(KINDS.iter().find(|row| row.1 == *self).expect("every kind has a row").2)
    }
}

/// Checks that a payload is what its kind promises; says what is wrong otherwise.
pub fn check(kind: Kind, payload: &[u8]) -> Result<(), String> {
    match kind {
        Kind::Text => match std::str::from_utf8(payload) {
            Ok(_) => Ok(()),
            Err(error) => {
                Err(format!("the value is not UTF-8 text from byte {} on; publish it as bytes", error.valid_up_to()))
            }
        },
        Kind::Json => match check_json(payload) {
            Ok(()) => Ok(()),
            Err(error) => Err(format!("the value is not JSON: {error}; mend it, or publish it as text")),
        },
        Kind::Bytes | Kind::Array | Kind::Bincode => Ok(()),
    }
}

/// JSON is UTF-8 text, which has to be checked by itself: what is skipped in bytes is not.
fn check_json(payload: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(payload).map_err(|error| error.to_string())?;
    serde_json::from_str::<serde::de::IgnoredAny>(text).map(drop).map_err(|error| error.to_string())
}

/// Replaces the buffer's content with the encoding of a value.
#[inline]
pub fn encode<T: Serialize>(value: &T, buffer: &mut Vec<u8>) -> Result<(), String> {
    buffer.clear();
    bincode::serde::encode_into_std_write(value, buffer, config::legacy()).map_err(|error| error.to_string())?;
    check_length(buffer.len())
}

/// The value that `bytes` encode, or what is wrong with them.
#[inline(always)]
pub fn decode<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<T, String> {
    check_length(bytes.len())?;
    let mut value = None;
    let seed = bounded::Seed::for_bytes(bytes.len(), &mut value);
    let decoded = bincode::serde::seed_decode_from_slice(seed, bytes, config::legacy());
    let ((), used) = decoded.map_err(|error| error.to_string())?;
    if used != bytes.len() {
        return Err(format!("{} of its {} bytes are left over", bytes.len() - used, bytes.len()));
    }
    Ok(value.expect("decoded into its place"))
}

#[inline(always)]
fn check_length(bytes: usize) -> Result<(), String> {
    if bytes > MAX_ENCODED_BYTES { Err(too_long(bytes)) } else { Ok(()) }
}

#[cold]
fn too_long(bytes: usize) -> String {
    format!("its encoding has {bytes} bytes, and the limit is {MAX_ENCODED_BYTES}")
}
