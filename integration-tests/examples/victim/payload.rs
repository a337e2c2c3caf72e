//! Values that tell whose they are, and whether they are whole. Victims publish them, and tests check them.

/// The value of so many bytes that this author publishes. Each byte depends on the author: no parts of two authors' values
/// make a third one, as far as the author's number fits.
pub fn payload(author: u64, bytes: usize) -> Vec<u8> {
    let words = (0..bytes.div_ceil(8) as u64).map(|index| match index {
        0 => author,
        _ => author.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(index),
    });
    let mut payload: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
    payload.truncate(bytes);
    payload
}
