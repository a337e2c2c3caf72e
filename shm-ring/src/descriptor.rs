//! The descriptor that follows the header page: a list of records, each with a tag, a length and
//! bytes. This module does not interpret the bytes of a record.

use alloc::vec::Vec;

/// The tag of the record that describes the type of the values, as JSON.
pub const TAG_SCHEMA: u32 = 1;

/// Bytes of the tag and the length before a record's content.
const RECORD_HEAD_BYTES: usize = 8;

/// Builds a descriptor that consists of this one record.
pub fn of_record(tag: u32, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("a descriptor has at most a mebibyte");
    let mut descriptor = [tag.to_le_bytes(), length.to_le_bytes()].concat();
    descriptor.extend_from_slice(content);
    descriptor.resize(descriptor.len().next_multiple_of(8), 0);
    descriptor
}

/// Returns the content of the first record with this tag. The records after it are checked too.
pub fn record(descriptor: &[u8], tag: u32) -> Result<Option<&[u8]>, &'static str> {
    let (mut rest, mut first) = (descriptor, None);
    while let Some((head, after)) = rest.split_first_chunk::<RECORD_HEAD_BYTES>() {
        let [found, length] = [0, 4].map(|at| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]));
        let Some(content) = after.get(..length as usize) else {
            return Err("a record in its descriptor extends past the end");
        };
        if found == tag {
            first = first.or(Some(content));
        }
        rest = after.get((length as usize).next_multiple_of(8)..).ok_or("a record in its descriptor is not padded")?;
    }
    match rest {
        [] => Ok(first),
        _ => Err("its descriptor ends in the middle of a record"),
    }
}

/// Returns the fingerprint of a schema: its 64-bit FNV-1a hash. A hash of 0 becomes 1, because 0
/// means "no schema". (G. Fowler, L. C. Noll, K.-P. Vo, D. Eastlake: The FNV Non-Cryptographic Hash
/// Algorithm.)
pub fn fingerprint(schema: &[u8]) -> u64 {
    let hash = schema
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    hash.max(1)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_found_after_others() {
        let descriptor =
            [of_record(9, b"other"), of_record(TAG_SCHEMA, b"schema"), of_record(TAG_SCHEMA, b"x")].concat();
        assert_eq!(descriptor.len(), 3 * 16);
        assert_eq!(record(&descriptor, TAG_SCHEMA), Ok(Some(&b"schema"[..])));
        assert_eq!(record(&descriptor, 7), Ok(None));
        assert_eq!(record(&[], TAG_SCHEMA), Ok(None));
        assert!(record(&descriptor[..12], TAG_SCHEMA).is_err());
        assert!(record(&descriptor[..20], TAG_SCHEMA).is_err());
        assert!(record(&descriptor[..36], TAG_SCHEMA).is_err(), "records after the requested one are checked too");
        assert!(record(&[1, 0, 0, 0, 255, 255, 255, 255], TAG_SCHEMA).is_err());
    }

    #[test]
    fn a_fingerprint_is_fnv_1a() {
        // The published test vectors.
        let check = |text: &str, expected: u64| assert_eq!(fingerprint(text.as_bytes()), expected);
        check("", 0xcbf2_9ce4_8422_2325);
        check("a", 0xaf63_dc4c_8601_ec8c);
        check("foobar", 0x85944171f73967e8);
    }
}
