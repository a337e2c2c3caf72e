//! Conversion of Rust values to and from bytes. This is the only file that uses bincode.
//!
//! The encoding is bincode's `legacy()` configuration: fixed-width integers, little-endian, 64-bit
//! lengths and 32-bit enum variants. It is byte for byte the encoding of bincode 1.3. Bytes from a
//! region are not trusted: `bounded` limits the memory, the depth and the number of elements when
//! decoding, and a value must use all of its bytes.

use super::error::ValueError;
use bincode::config;
use bincode::error::{DecodeError, EncodeError};
use serde::{Deserialize, Serialize};

mod bounded;
#[cfg(test)]
mod tests;

/// The length of the longest encoding of a Rust value: 2 GiB less one byte.
const MAX_ENCODED_BYTES: usize = i32::MAX.unsigned_abs() as usize;

/// Replaces the contents of the buffer with the encoding of a value.
#[inline]
pub fn encode<T: Serialize>(value: &T, buffer: &mut Vec<u8>) -> Result<(), ValueError> {
    buffer.clear();
    bincode::serde::encode_into_std_write(value, buffer, config::legacy()).map_err(unencodable)?;
    check_length(buffer.len())
}

/// Decodes `bytes` as a value.
#[inline(always)]
pub fn decode<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<T, ValueError> {
    check_length(bytes.len())?;
    let mut value = None;
    let seed = bounded::Seed::for_bytes(bytes.len(), &mut value);
    let decoded = bincode::serde::seed_decode_from_slice(seed, bytes, config::legacy());
    let ((), used) = decoded.map_err(undecodable)?;
    if used != bytes.len() {
        return Err(ValueError::LeftOver { left_over: bytes.len() - used, bytes: bytes.len() });
    }
    Ok(value.expect("decoded into its place"))
}

#[inline(always)]
fn check_length(bytes: usize) -> Result<(), ValueError> {
    if bytes > MAX_ENCODED_BYTES { Err(ValueError::TooLarge { bytes, limit: MAX_ENCODED_BYTES }) } else { Ok(()) }
}

/// Converts an error of bincode, whose own message is for programmers, to plain words.
#[cold]
fn unencodable(error: EncodeError) -> ValueError {
    let reason = match error {
        EncodeError::OtherString(reason) => reason,
        EncodeError::Other(reason) => reason.to_owned(),
        EncodeError::RefCellAlreadyBorrowed { .. } | EncodeError::LockFailed { .. } => {
            "a part of the value is in use elsewhere".to_owned()
        }
        EncodeError::InvalidPathCharacters => "a path in the value is not UTF-8".to_owned(),
        EncodeError::InvalidSystemTime { .. } => "a time in the value is before 1970".to_owned(),
        EncodeError::Serde(_) => "a sequence or map in the value does not know its length".to_owned(),
        _ => "the value cannot be encoded".to_owned(),
    };
    ValueError::Encoding { reason }
}

/// Converts an error in decoding in the same way.
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
