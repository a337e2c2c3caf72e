//! Values that identify their author and show whether they are whole. Victims publish them, and tests check them.

/// Returns the value of this length that this author publishes.
///
/// Every byte depends on the author, so a mixture of two authors' values is never a third author's value. (A value
/// shorter than 8 bytes contains only a part of the author's number.)
pub fn payload(author: u64, bytes: usize) -> Vec<u8> {
    let words = (0..bytes.div_ceil(8) as u64).map(|index| match index {
        0 => author,
        _ => author.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(index),
    });
    let mut payload: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
    payload.truncate(bytes);
    payload
}
