//! Conversion of Rust values to and from bytes. This is the only file that uses bincode.
//!
//! The encoding is bincode's `legacy()` configuration: fixed-width integers, little-endian, 64-bit
//! lengths and 32-bit enum variants. It is byte for byte the encoding of bincode 1.3. `encoder` writes
//! it, and compares each value with the type that readers expect. Bytes from a region are not trusted: `bounded`
//! limits the memory, the depth and the number of elements when decoding, and a value must use all of
//! its bytes.

use super::error::ValueError;
use bincode::config;
use bincode::error::DecodeError;
pub use encoder::Failed;
use plan::{ANYTHING, Plan};
use serde::de::DeserializeOwned;
#[cfg(feature = "schema")]
use serde::de::{DeserializeSeed, Deserializer};
use serde::{Deserialize, Serialize};
use std::cell::Cell;

mod bounded;
mod encoder;
pub mod plan;
#[cfg(test)]
mod tests;

/// The length of the longest encoding of a Rust value: 2 GiB less one byte.
const MAX_ENCODED_BYTES: usize = i32::MAX.unsigned_abs() as usize;

/// Replaces the contents of the buffer with the encoding of a value. An error does not always mean that
/// readers cannot decode the value; `prove` finds out.
#[inline]
pub fn encode<T: Serialize>(value: &T, plan: &Plan, buffer: &mut Vec<u8>) -> Result<(), Failed> {
    buffer.clear();
    encoder::encode(value, plan, buffer)
}

/// Finds out whether readers decode the value that was encoded, by decoding it. If it was not encoded,
/// and readers can decode it, it is encoded now.
#[cold]
#[inline(never)]
pub fn prove<T: Serialize + DeserializeOwned>(
    value: &T,
    encoded: Result<(), Failed>,
    plan: &Plan,
    buffer: &mut Vec<u8>,
) -> Result<(), ValueError> {
    match encoded {
        Ok(()) => compare_decoded(value, plan, buffer),
        Err(failed) if failed.is_final() => Err(failed.into()),
        Err(failed) => {
            encode(value, &ANYTHING, buffer)?;
            compare_decoded(value, plan, buffer).map_err(|_| failed.into())
        }
    }
}

/// Decodes a value and compares it with the one that was encoded. Values of an unknown type can only be
/// compared by encoding them.
fn compare_decoded<T: Serialize + DeserializeOwned>(value: &T, plan: &Plan, bytes: &[u8]) -> Result<(), ValueError> {
    let mut decoded = None::<T>;
    decode(bytes, &mut decoded).map_err(|error| ValueError::Encoding {
        reason: format!("readers cannot decode it, because `Serialize` and `Deserialize` of its type differ: {error}"),
    })?;
    let decoded = decoded.as_ref().expect("decoded into its place");
    let (digest, other) = (encoder::digest(value)?, encoder::digest(decoded)?);
    if digest == other {
        return Ok(());
    }
    let first = digest.iter().zip(&other).position(|(one, other)| one != other);
    let path = encoder::path_at(value, first.unwrap_or(digest.len().min(other.len())), plan);
    let reason = "readers decode another value, because `Serialize` and `Deserialize` differ here; \
                  is there a #[serde(with)] or #[serde(into)]?";
    let place = if path.is_empty() { String::new() } else { format!("{path}: ") };
    Err(ValueError::Encoding { reason: format!("{place}{reason}") })
}

impl From<Failed> for ValueError {
    fn from(failed: Failed) -> Self {
        Self::Encoding { reason: failed.to_string() }
    }
}

/// Decodes `bytes` as a value, and stores it in `place`. Without optimization, each function that returns a
/// value has copies of it on the stack, and a value can be large.
#[inline(always)]
pub fn decode<'b, T: Deserialize<'b>>(bytes: &'b [u8], place: &mut Option<T>) -> Result<(), ValueError> {
    check_length(bytes.len())?;
    let nodes = Cell::new(bounded::most_nodes(bytes.len()));
    let seed = bounded::Seed::new(&nodes, place);
    let decoded = bincode::serde::seed_decode_from_slice(seed, bytes, config::legacy());
    let ((), used) = decoded.map_err(undecodable)?;
    if used != bytes.len() {
        return Err(ValueError::LeftOver { left_over: bytes.len() - used, bytes: bytes.len() });
    }
    Ok(())
}

/// Decodes a value of `bytes` bytes with another deserializer, within the same limits.
#[cfg(feature = "schema")]
pub fn decode_with<'b, T: Deserialize<'b>, D: Deserializer<'b>>(
    deserializer: D,
    bytes: usize,
    place: &mut Option<T>,
) -> Result<(), D::Error> {
    // Names of fields and variants count as nodes, too, and a type may wrap each part.
    let nodes = Cell::new(bounded::most_nodes(bytes).saturating_mul(3));
    bounded::Seed::new(&nodes, place).deserialize(deserializer)
}

/// Returns the number of the part at which decoding as a `T` fails, in the order of decoding.
#[cfg(feature = "schema")]
#[cold]
#[inline(never)]
pub fn failing_part<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Option<usize> {
    let mut value = None::<T>;
    let most = bounded::most_nodes(bytes.len());
    let nodes = Cell::new(most);
    let seed = bounded::Seed::new(&nodes, &mut value);
    let decoded = bincode::serde::seed_decode_from_slice(seed, bytes, config::legacy());
    decoded.err().and_then(|_| (most - nodes.get()).checked_sub(1))
}

/// Checks the length of an encoding.
#[inline(always)]
pub fn check_length(bytes: usize) -> Result<(), ValueError> {
    if bytes > MAX_ENCODED_BYTES { Err(ValueError::TooLarge { bytes, limit: MAX_ENCODED_BYTES }) } else { Ok(()) }
}

/// Converts an error of bincode, whose own message is for programmers, to plain words.
#[cold]
fn undecodable(error: DecodeError) -> ValueError {
    let reason = match error {
        DecodeError::OtherString(reason) => reason,
        DecodeError::Other(reason) => reason.to_owned(),
        DecodeError::UnexpectedEnd { .. } => "the value ends too early".to_owned(),
        DecodeError::Utf8 { .. } => "a string in the value is not UTF-8".to_owned(),
        DecodeError::InvalidCharEncoding(_) => "a character in the value is not a Unicode character".to_owned(),
        DecodeError::InvalidBooleanValue(byte) => format!("a bool in the value is {byte}, not 0 or 1"),
        DecodeError::UnexpectedVariant { found, .. } => format!("an enum in the value has no variant {found}"),
        DecodeError::OutsideUsizeRange(length) => {
            format!("a length in the value is {length}, more than this machine can address")
        }
        DecodeError::NonZeroTypeIsZero { .. } => "a number in the value is 0, and its type does not allow 0".to_owned(),
        DecodeError::Serde(_) => "the type needs a self-describing format, such as JSON".to_owned(),
        _ => "the bytes are not a value of the type".to_owned(),
    };
    ValueError::Encoding { reason }
}
