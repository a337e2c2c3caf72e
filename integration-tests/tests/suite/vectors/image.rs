//! A region's bytes, put together from docs/FORMAT.md alone: the library has no part in it.

/// When value n of an image was published, less n.
const TIME_NS: u64 = 1_700_000_000_000_000_000;

/// A region in the making. What is not said is as an ordinary writer has it.
#[derive(Clone)]
pub struct Image {
    pub version: (u16, u16),
    pub compatible: u64,
    pub incompatible: u64,
    pub kind: u32,
    pub slots: u64,
    pub capacity: u64,
    pub stride: u64,
    pub payload_offset: u32,
    pub payload_alignment: u32,
    pub descriptor: Vec<u8>,
    pub fingerprint: Option<u64>,
    pub boot_id: [u8; 16],
    pub state: u32,
    pub first: u64,
    pub head: u64,
    /// The file's length is a multiple of this.
    pub page_bytes: usize,
    values: Vec<(u64, Vec<u8>)>,
}

impl Image {
    /// Four slots of 8 bytes of this kind, closed and without values.
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

    /// The same with a schema.
    pub fn with_schema(mut self, schema: &str) -> Self {
        self.descriptor.extend(record(1, schema.as_bytes()));
        self.fingerprint = Some(fnv(schema.as_bytes()));
        self
    }

    /// The same with checksums.
    pub fn with_checksums(mut self) -> Self {
        self.compatible |= 1;
        self
    }

    /// The same with one more value; a slot's older value is overwritten.
    pub fn value(mut self, payload: impl AsRef<[u8]>) -> Self {
        self.head = self.head.max(self.first - 1) + 1;
        self.capacity = self.capacity.max(payload.as_ref().len().next_multiple_of(8) as u64);
        self.values.push((self.head, payload.as_ref().to_vec()));
        self
    }

    /// The same, changed.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

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

    /// Where the slot of a value starts.
    pub fn slot(&self, sequence: u64) -> usize {
        self.slots_start() + usize::try_from(sequence % self.slots * self.stride()).expect("a small file")
    }

    /// The file.
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
        put(104, &crc32fast::hash(&self.descriptor).to_le_bytes());
        put(112, &self.fingerprint.unwrap_or(0).to_le_bytes());
        put(120, &20_000_u64.to_le_bytes()); // look_ns
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
            let checksum = crc32fast::hash(&[&sequence.to_le_bytes(), &length, payload].concat());
            put(slot + self.payload_offset as usize + padded.len(), &u64::from(checksum).to_le_bytes());
        }
    }
}

/// Makes the header's CRC right.
pub fn seal(bytes: &mut [u8]) {
    let crc = crc32fast::hash(&bytes[..252]);
    bytes[252..256].copy_from_slice(&crc.to_le_bytes());
}

/// A record of the descriptor.
pub fn record(tag: u32, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("small");
    let mut record = [&tag.to_le_bytes(), &length.to_le_bytes(), content].concat();
    record.resize(record.len().next_multiple_of(8), 0);
    record
}

/// The fingerprint of a schema.
pub fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}
