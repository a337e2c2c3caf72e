//! Finds out whether a map contains a key twice. Some readers would keep the first value of the key and others
//! the last.

use crate::types::payload::plan::Form;

/// Returns whether two keys of a map are probably equal. `ends` contains the start and the end of each key.
#[inline]
pub fn may_repeat(bytes: &[u8], ends: &[usize], form: &Form) -> bool {
    let (keys, _) = ends.as_chunks();
    let key = |[start, end]: [usize; 2]| &bytes[start..end];
    !keys.windows(2).all(|pair| is_greater(key(pair[1]), key(pair[0]), form)) && is_any_twice(bytes, keys)
}

/// Returns whether an encoded key is greater than the last one, in an order that depends only on the form of
/// the keys. It is the order of a sorted map if the keys are text or numbers.
#[inline]
fn is_greater(key: &[u8], last: &[u8], form: &Form) -> bool {
    macro_rules! numbers {
        ($($form:ident $type:ty;)*) => {
            match form {
                $(Form::$form => number(key).map(<$type>::from_le_bytes) > number(last).map(<$type>::from_le_bytes),)*
                // The length comes first.
                Form::Str | Form::Bytes => key[8..] > last[8..],
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

/// Compares keys by their hashes. If two are equal, the caller finds out whether there really is a problem, so
/// nothing is lost if somebody chooses keys with equal hashes.
#[cold]
#[inline(never)]
fn is_any_twice(bytes: &[u8], keys: &[[usize; 2]]) -> bool {
    let mut hashes: Vec<u64> = keys.iter().map(|[start, end]| hash(&bytes[*start..*end])).collect();
    hashes.sort_unstable();
    hashes.windows(2).any(|pair| pair[0] == pair[1])
}

/// The multiplication and rotation of each word are those of the hash in rustc (FxHash).
fn hash(key: &[u8]) -> u64 {
    let (words, rest) = key.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let words = words.iter().chain([&last]).map(|word| u64::from_le_bytes(*word));
    words.fold(key.len() as u64, |hash, word| (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_the_order_of_their_values_are_sorted_and_equal_ones_are_found() {
        let text = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
        let check = |form: &Form, keys: &[Vec<u8>]| {
            for pair in keys.windows(2) {
                assert!(is_greater(&pair[1], &pair[0], form), "{form}: {pair:?}");
                assert!(!is_greater(&pair[0], &pair[1], form) && !is_greater(&pair[0], &pair[0], form));
            }
            let mut ends = vec![];
            let mut bytes = vec![];
            for key in keys.iter().rev().chain(keys) {
                ends.push(bytes.len());
                bytes.extend(key);
                ends.push(bytes.len());
            }
            let (once, twice) = ends.split_at(2 * keys.len());
            assert!(
                !may_repeat(&bytes, once, form) && !may_repeat(&bytes, twice, form) && !may_repeat(&bytes, &[], form)
            );
            assert!(may_repeat(&bytes, &ends[2..], form) && may_repeat(&bytes, &ends, form));
        };
        check(&Form::Str, &["", "a", "aa", "b", "ba", "key number 10", "key number 2", "é"].map(text));
        check(&Form::I16, &[-300_i16, -1, 0, 1, 255, 256].map(|key| key.to_le_bytes().to_vec()));
        check(&Form::U64, &[0_u64, 1, 255, 256, u64::MAX].map(|key| key.to_le_bytes().to_vec()));
        check(&Form::Bool, &[vec![0], vec![1]]);
    }
}
