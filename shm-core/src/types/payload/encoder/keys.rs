//! Finds out whether a map contains a key twice. Some readers would keep the first value of the key and others
//! the last.

use crate::types::payload::plan::Form;
use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;

/// Returns whether an encoded key is greater than the last one, in an order that depends only on the form of
/// the keys. It is the order of a sorted map if the keys are text or numbers.
#[inline]
pub fn is_greater(key: &[u8], last: &[u8], form: &Form) -> bool {
    match form {
        // The length comes first.
        Form::Str | Form::Bytes => key.get(8..) > last.get(8..),
        Form::U8 | Form::U16 | Form::U32 | Form::U64 | Form::U128 => number(key) > number(last),
        Form::I8 | Form::I16 | Form::I32 | Form::I64 | Form::I128 => {
            let sign = 1 << (8 * key.len() - 1);
            number(key) ^ sign > number(last) ^ sign
        }
        _ => key > last,
    }
}

fn number(bytes: &[u8]) -> u128 {
    let mut number = [0; 16];
    number[..bytes.len()].copy_from_slice(bytes);
    u128::from_le_bytes(number)
}

/// Returns whether two keys are probably equal. `ends` contains the start and the end of each key. Keys are
/// compared by their hashes, and the caller finds out whether there really is a problem.
#[cold]
#[inline(never)]
pub fn is_any_twice(bytes: &[u8], ends: &[usize]) -> bool {
    let hash = |span: &[usize]| {
        let mut hasher = DefaultHasher::new();
        hasher.write(&bytes[span[0]..span[1]]);
        hasher.finish()
    };
    let mut hashes: Vec<u64> = ends.chunks_exact(2).map(hash).collect();
    hashes.sort_unstable();
    hashes.windows(2).any(|pair| pair[0] == pair[1])
}
