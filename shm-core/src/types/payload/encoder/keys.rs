//! Finds out whether a map contains a key twice. Some readers would keep the first value of the key and others
//! the last.

use crate::types::payload::plan::Form;
use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;

/// Returns whether an encoded key is greater than the last one, in an order that depends only on the form of
/// the keys. It is the order of a sorted map if the keys are text or numbers.
#[inline]
pub fn is_greater(key: &[u8], last: &[u8], form: &Form) -> bool {
    macro_rules! numbers {
        ($($form:ident $type:ty;)*) => {
            match form {
                $(Form::$form => number(key).map(<$type>::from_le_bytes) > number(last).map(<$type>::from_le_bytes),)*
                // The length comes first.
                Form::Str | Form::Bytes => key.get(8..) > last.get(8..),
                _ => key > last,
            }
        };
    }
    numbers! {
        I8 i8; I16 i16; I32 i32; I64 i64; I128 i128;
        U8 u8; U16 u16; U32 u32; U64 u64; U128 u128;
    }
}

#[inline]
fn number<const BYTES: usize>(key: &[u8]) -> Option<[u8; BYTES]> {
    key.try_into().ok()
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
