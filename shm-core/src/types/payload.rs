//! Rust values to and from bytes. The only file that names bincode.
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
