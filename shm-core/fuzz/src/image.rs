//! The image of a region, in which what only guards the rest is made right: otherwise no mutation would get beyond it.

/// Where docs/FORMAT.md has these fields.
const REGION_BYTES: usize = 32;
const DESCRIPTOR_BYTES: usize = 100;
const DESCRIPTOR_CRC: usize = 104;
const FINGERPRINT: usize = 112;
const CRC: usize = 252;
const HEADER_BYTES: usize = 4096;

/// The image with its length, its descriptor's CRC and fingerprint and its header's CRC as they must be.
pub fn sealed(image: &[u8]) -> Vec<u8> {
    let mut bytes = image.to_vec();
    if bytes.len() < HEADER_BYTES {
        return bytes;
    }
    bytes.truncate(bytes.len() / 8 * 8);
    let region_bytes = bytes.len() as u64;
    bytes[REGION_BYTES..][..8].copy_from_slice(&region_bytes.to_le_bytes());
    let descriptor_bytes = u32::from_le_bytes(bytes[DESCRIPTOR_BYTES..][..4].try_into().expect("four bytes"));
    if let Some(descriptor) = bytes[HEADER_BYTES..].get(..descriptor_bytes as usize) {
        let (crc, fingerprint) = (crc32fast::hash(descriptor), schema(descriptor).map_or(0, fingerprint));
        bytes[DESCRIPTOR_CRC..][..4].copy_from_slice(&crc.to_le_bytes());
        bytes[FINGERPRINT..][..8].copy_from_slice(&fingerprint.to_le_bytes());
    }
    let crc = crc32fast::hash(&bytes[..CRC]);
    bytes[CRC..][..4].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// The first record with tag 1.
fn schema(descriptor: &[u8]) -> Option<&[u8]> {
    let mut rest = descriptor;
    loop {
        let (tag, behind) = rest.split_first_chunk::<4>()?;
        let (length, behind) = behind.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        let content = behind.get(..length)?;
        if u32::from_le_bytes(*tag) == 1 {
            return Some(content);
        }
        rest = behind.get(length.next_multiple_of(8)..)?;
    }
}

/// FNV-1a.
fn fingerprint(schema: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    schema.iter().fold(0xcbf2_9ce4_8422_2325, step).max(1)
}
