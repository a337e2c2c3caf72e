//! Images of regions: the bytes of regions, built from docs/FORMAT.md alone, without the library.

/// When value n of an image was published, minus n.
const TIME_NS: u64 = 1_700_000_000_000_000_000;

/// A region under construction. Fields that are not set have the values that an ordinary writer
/// would store.
#[derive(Clone)]
pub struct Image {
    /// Major and minor number of the format.
    pub version: (u16, u16),
    /// Features that a program may ignore. Bit 0 means checksums.
    pub compatible: u64,
    /// Features that a program must support.
    pub incompatible: u64,
    /// The number that represents the kind.
    pub kind: u32,
    /// The number of slots.
    pub slots: u64,
    /// The capacity of a slot in bytes.
    pub capacity: u64,
    /// The distance from one slot to the next in bytes, if that is more than a slot needs.
    pub stride: u64,
    /// The offset of the payload in its slot.
    pub payload_offset: u32,
    /// The address of each payload is a multiple of this number.
    pub payload_alignment: u32,
    /// The records between the header and the slots.
    pub descriptor: Vec<u8>,
    /// The fingerprint of the schema; `None` is stored as 0.
    pub fingerprint: Option<u64>,
    /// The id of the boot in which the region was created.
    pub boot_id: [u8; 16],
    /// The number that represents the state.
    pub state: u32,
    /// The sequence number of the first value that the file ever contained.
    pub first: u64,
    /// The sequence number of the newest value.
    pub head: u64,
    /// The length of the file is a multiple of this number.
    pub page_bytes: usize,
    values: Vec<(u64, Vec<u8>)>,
}

impl Image {
    /// Creates an image with four slots of 8 bytes, closed and without values.
    pub fn new(kind: u32) -> Self {
        Self {
            version: (0, 1),
            compatible: 0,
            incompatible: 0,
            kind,
            slots: 4,
            capacity: 8,
            stride: 0,
            payload_offset: 24,
            payload_alignment: 8,
            descriptor: vec![],
            fingerprint: None,
            boot_id: [0; 16],
            state: 2,
            first: 1,
            head: 0,
            page_bytes: 8,
            values: vec![],
        }
    }

    /// Adds a schema.
    pub fn with_schema(mut self, schema: &str) -> Self {
        self.descriptor.extend(record(1, schema.as_bytes()));
        self.fingerprint = Some(fnv(schema.as_bytes()));
        self
    }

    /// Adds checksums.
    pub fn with_checksums(mut self) -> Self {
        self.compatible |= 1;
        self
    }

    /// Adds one more value. It overwrites an older value in the same slot.
    pub fn value(mut self, payload: impl AsRef<[u8]>) -> Self {
        self.head = self.head.max(self.first - 1) + 1;
        self.capacity = self.capacity.max(payload.as_ref().len().next_multiple_of(8) as u64);
        self.values.push((self.head, payload.as_ref().to_vec()));
        self
    }

    /// Applies a change to the image.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Returns the offset of the first slot.
    pub fn slots_start(&self) -> usize {
        (4096 + self.descriptor.len()).next_multiple_of(128)
    }

    fn trailer(&self) -> u64 {
        8 * (self.compatible & 1)
    }

    fn stride(&self) -> u64 {
        let least = u64::from(self.payload_offset) + self.capacity + self.trailer();
        self.stride.max(least.next_multiple_of(u64::from(self.payload_alignment).max(64)))
    }

    /// Returns the offset of the slot of a value.
    ///
    /// # Panics
    ///
    /// Panics if the image is larger than memory.
    pub fn slot(&self, sequence: u64) -> usize {
        self.slots_start() + usize::try_from(sequence % self.slots * self.stride()).expect("a small file")
    }

    /// Returns the bytes of the file.
    ///
    /// # Panics
    ///
    /// Panics if the image is larger than memory.
    pub fn bytes(&self) -> Vec<u8> {
        let slots_bytes = usize::try_from(self.slots * self.stride()).expect("a small file");
        let mut bytes = vec![0; (self.slots_start() + slots_bytes).next_multiple_of(self.page_bytes)];
        let region_bytes = bytes.len() as u64;
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(0, b"shm\0ring");
        put(8, &self.version.0.to_le_bytes());
        put(10, &self.version.1.to_le_bytes());
        put(12, &4096_u32.to_le_bytes());
        put(16, &self.compatible.to_le_bytes());
        put(24, &self.incompatible.to_le_bytes());
        put(32, &region_bytes.to_le_bytes());
        put(40, &[0x11; 16]); // lineage
        put(56, &1_u64.to_le_bytes());
        put(64, &self.slots.to_le_bytes());
        put(72, &self.capacity.to_le_bytes());
        put(80, &self.stride().to_le_bytes());
        put(88, &self.payload_offset.to_le_bytes());
        put(92, &self.payload_alignment.to_le_bytes());
        put(96, &self.kind.to_le_bytes());
        put(100, &u32::try_from(self.descriptor.len()).expect("small").to_le_bytes());
        put(104, &crc32(&self.descriptor).to_le_bytes());
        put(112, &self.fingerprint.unwrap_or(0).to_le_bytes());
        put(120, &20_000_u64.to_le_bytes()); // spin_ns
        put(128, &self.boot_id);
        put(160, &TIME_NS.to_le_bytes());
        put(256, &1_u64.to_le_bytes()); // epoch
        put(264, &TIME_NS.to_le_bytes());
        put(384, &self.state.to_le_bytes());
        put(388, &u32::try_from(self.values.len() + 1).expect("few").to_le_bytes()); // bell
        put(392, &self.head.to_le_bytes());
        put(400, &self.first.to_le_bytes());
        put(4096, &self.descriptor);
        for (sequence, payload) in &self.values {
            self.put_value(&mut put, *sequence, payload);
        }
        seal(&mut bytes);
        bytes
    }

    fn put_value(&self, put: &mut impl FnMut(usize, &[u8]), sequence: u64, payload: &[u8]) {
        let (slot, checks) = (self.slot(sequence), self.compatible & 1);
        let length = (payload.len() as u64 | checks << 48).to_le_bytes();
        let padded = [payload, &vec![0; payload.len().next_multiple_of(8) - payload.len()]].concat();
        put(slot, &(2 * sequence).to_le_bytes());
        put(slot + 8, &length);
        put(slot + 16, &(TIME_NS + sequence).to_le_bytes());
        put(slot + self.payload_offset as usize, &padded);
        if checks == 1 {
            let checksum = crc32(&[&sequence.to_le_bytes(), &length, payload].concat());
            put(slot + self.payload_offset as usize + padded.len(), &u64::from(checksum).to_le_bytes());
        }
    }
}

/// Offsets, as given in docs/FORMAT.md, of the fields that only guard other fields.
const REGION_BYTES: usize = 32;
const DESCRIPTOR_BYTES: usize = 100;
const DESCRIPTOR_CRC: usize = 104;
const FINGERPRINT: usize = 112;
const CRC: usize = 252;
const HEADER_BYTES: usize = 4096;

/// Stores the correct CRC in a header.
///
/// # Panics
///
/// Panics if there are fewer than 256 bytes.
pub fn seal(bytes: &mut [u8]) {
    let crc = crc32(&bytes[..CRC]);
    bytes[CRC..][..4].copy_from_slice(&crc.to_le_bytes());
}

/// Returns the image with all guarding fields corrected: its length, the CRC and fingerprint of its
/// descriptor, and the CRC of its header. Without that, no mutation of an image would get beyond
/// the first check. An image that is shorter than a header stays unchanged.
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
        let (crc, fingerprint) = (crc32(descriptor), schema_of(descriptor).map_or(0, |schema| fnv(schema).max(1)));
        bytes[DESCRIPTOR_CRC..][..4].copy_from_slice(&crc.to_le_bytes());
        bytes[FINGERPRINT..][..8].copy_from_slice(&fingerprint.to_le_bytes());
    }
    seal(&mut bytes);
    bytes
}

/// Returns a record of the descriptor.
///
/// # Panics
///
/// Panics if the content is longer than 4 GiB.
pub fn record(tag: u32, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("small");
    let mut record = [&tag.to_le_bytes(), &length.to_le_bytes(), content].concat();
    record.resize(record.len().next_multiple_of(8), 0);
    record
}

/// Returns the content of the first record with tag 1.
fn schema_of(descriptor: &[u8]) -> Option<&[u8]> {
    let mut rest = descriptor;
    loop {
        let (tag, after) = rest.split_first_chunk::<4>()?;
        let (length, after) = after.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        let content = after.get(..length)?;
        if u32::from_le_bytes(*tag) == 1 {
            return Some(content);
        }
        rest = after.get(length.next_multiple_of(8)..)?;
    }
}

/// Returns the fingerprint of a schema: its FNV-1a hash.
pub fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

/// Returns the checksum used for headers, descriptors and values: the CRC-32 of IEEE 802.3, as in
/// zlib.
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| CRC_TABLE[usize::from(crc.to_le_bytes()[0] ^ byte)] ^ (crc >> 8))
}

/// How each byte changes a checksum.
const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256_u32 {
        let (mut crc, mut bit) = (byte, 0);
        while bit < 8 {
            crc = (crc >> 1) ^ (0xedb8_8320 * (crc & 1));
            bit += 1;
        }
        table[byte as usize] = crc;
        byte += 1;
    }
    table
};

#[test]
fn the_checks_are_those_of_the_books() {
    assert_eq!((crc32(b""), crc32(b"123456789")), (0, 0xcbf4_3926));
    assert_eq!((fnv(b""), fnv(b"foobar")), (0xcbf2_9ce4_8422_2325, 0x8594_4171_f739_67e8));
}

#[test]
fn an_image_is_sealed_and_one_that_was_changed_can_be_sealed_again() {
    let image = Image::new(1).with_schema("\"U64\"").value([7; 8]).bytes();
    assert_eq!(sealed(&image), image);
    let longer = [&image[..], &[0; 8]].concat();
    assert_eq!(sealed(&longer)[REGION_BYTES..][..8], (longer.len() as u64).to_le_bytes());
    assert_ne!(sealed(&longer)[CRC..][..4], image[CRC..][..4]);
    assert_eq!(sealed(&image[..100]), image[..100]);
}
