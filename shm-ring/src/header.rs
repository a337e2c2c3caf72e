//! The header page: the position and the valid contents of each field in a region's first 4096
//! bytes.
//!
//! `StaticHeader` is the part that is written once. It is parsed from a private copy and checked as
//! a whole. `Header` is the mapped page and consists of atomics only. This module opens no files
//! and moves no values.

use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// The first eight bytes of every region.
pub const MAGIC: [u8; 8] = *b"shm\0ring";
/// Major and minor version of the format. A reader refuses any other major version. While the major
/// version is 0, it also refuses any other minor version.
pub const VERSION: (u16, u16) = (0, 1);
/// Bytes of the header page. The descriptor follows it.
pub const HEADER_BYTES: u32 = 4096;
/// Bytes of the part that is written once, at the start of the header page. The last four bytes are
/// its CRC.
pub const STATIC_BYTES: usize = 256;
/// The first slot starts at a multiple of this many bytes.
pub const SLOTS_ALIGNMENT: u64 = 128;
/// A slot's length in bytes is a multiple of this number, the size of a cache line.
pub const STRIDE_ALIGNMENT: u64 = 64;
/// Bytes of a slot before its payload: stamp, length and flags, time.
pub const SLOT_HEAD_BYTES: u32 = 24;
/// Bytes of the checksum that follows the payload.
pub const CHECKSUM_BYTES: u64 = 8;
/// The file length is a multiple of this many bytes.
pub const PAGE_BYTES: u64 = 4096;
/// How long a reader polls before it sleeps, in nanoseconds. Going to sleep and being woken take
/// about 20 µs each.
pub const SPIN_NS: u64 = 20_000;
/// Compatible feature: each slot has space for a checksum after the payload.
pub const FEATURE_CHECKSUM: u64 = 1;
/// The incompatible features that this library supports: none yet.
pub const KNOWN_INCOMPATIBLE: u64 = 0;
/// The largest sequence number. Its stamp still fits in a word, with space to count further.
pub const MAX_SEQUENCE: u64 = 1 << 62;

/// A writer has the region open, or died while it had it open.
pub const STATE_OPEN: u32 = 1;
/// The last writer closed the region cleanly.
pub const STATE_CLOSED: u32 = 2;
/// The region is about to be replaced by another file with the same name.
pub const STATE_MOVING: u32 = 3;
/// The region was replaced or removed. Readers must look up its name again.
pub const STATE_MOVED: u32 = 4;

/// The written-once part of a header, after it has been checked. No other copy of it is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticHeader {
    /// Feature bits that a program may ignore if it does not support them.
    pub compatible: u64,
    /// Feature bits that a program must support to understand the region.
    pub incompatible: u64,
    /// Length of the file in bytes.
    pub region_bytes: u64,
    /// A random number that the region shares with all files that replace it.
    pub lineage: u128,
    /// The number of this file within its lineage, counted from 1.
    pub file_number: u64,
    /// Number of slots, a power of two.
    pub slots: u64,
    /// The longest payload that a slot can store, in bytes; a multiple of 8.
    pub capacity: u64,
    /// The distance from the start of one slot to the start of the next, in bytes.
    pub stride: u64,
    /// The offset of the payload in its slot, in bytes.
    pub payload_offset: u32,
    /// Every payload starts at a multiple of this many bytes in the file.
    pub payload_alignment: u32,
    /// The kind of the values; see `shm_core::Kind`.
    pub kind: u32,
    /// Bytes of the descriptor that follows the header page.
    pub descriptor_bytes: u32,
    /// CRC-32 of the descriptor.
    pub descriptor_crc: u32,
    /// Fingerprint of the type's schema; 0 if the region has no schema.
    pub fingerprint: u64,
    /// How long a reader polls before it sleeps, in nanoseconds.
    pub spin_ns: u64,
    /// The kernel's boot id when the file was created; 0 if it is unknown.
    pub boot_id: u128,
    /// The lineage that this region is a copy of; 0 for an original.
    pub origin: u128,
    /// When the file was created, in nanoseconds of Unix time.
    pub created_ns: u64,
}

/// Why 4096 bytes are not a usable header.
#[derive(Debug, PartialEq, Eq)]
pub enum HeaderFault {
    /// The magic number is missing: this is not a region.
    Foreign,
    /// The region was created by another version of the format.
    Version(u16, u16),
    /// The region needs incompatible features that are unknown here.
    Features(u64),
    /// A field has a value that no writer stores.
    Field(&'static str),
}

// Offsets of the written-once fields; docs/FORMAT.md has the same table.
const AT_VERSION: usize = 8;
const AT_HEADER_BYTES: usize = 12;
const AT_COMPATIBLE: usize = 16;
const AT_INCOMPATIBLE: usize = 24;
const AT_REGION_BYTES: usize = 32;
const AT_LINEAGE: usize = 40;
const AT_FILE_NUMBER: usize = 56;
const AT_SLOTS: usize = 64;
const AT_CAPACITY: usize = 72;
const AT_STRIDE: usize = 80;
const AT_PAYLOAD_OFFSET: usize = 88;
const AT_PAYLOAD_ALIGNMENT: usize = 92;
const AT_KIND: usize = 96;
const AT_DESCRIPTOR_BYTES: usize = 100;
const AT_DESCRIPTOR_CRC: usize = 104;
const AT_FINGERPRINT: usize = 112;
const AT_LOOK_NS: usize = 120;
const AT_BOOT_ID: usize = 128;
const AT_ORIGIN: usize = 144;
const AT_CREATED_NS: usize = 160;
const AT_CRC: usize = STATIC_BYTES - 4;

impl StaticHeader {
    /// Returns the header of an original region, the first of its lineage, without a descriptor.
    /// The fields that depend on where and when the region is created are 0, and so are the sizes
    /// that [`lay_out`](Self::lay_out) computes.
    pub fn new(slots: u64, capacity: u64, kind: u32) -> Self {
        Self {
            compatible: 0,
            incompatible: 0,
            region_bytes: 0,
            lineage: 0,
            file_number: 1,
            slots,
            capacity,
            stride: 0,
            payload_offset: SLOT_HEAD_BYTES,
            payload_alignment: 8,
            kind,
            descriptor_bytes: 0,
            descriptor_crc: 0,
            fingerprint: 0,
            spin_ns: SPIN_NS,
            boot_id: 0,
            origin: 0,
            created_ns: 0,
        }
    }

    /// Encodes these fields, followed by their CRC.
    pub fn to_bytes(&self) -> [u8; STATIC_BYTES] {
        let mut bytes = [0; STATIC_BYTES];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(0, &MAGIC);
        put(AT_VERSION, &VERSION.0.to_le_bytes());
        put(AT_VERSION + 2, &VERSION.1.to_le_bytes());
        put(AT_HEADER_BYTES, &HEADER_BYTES.to_le_bytes());
        put(AT_COMPATIBLE, &self.compatible.to_le_bytes());
        put(AT_INCOMPATIBLE, &self.incompatible.to_le_bytes());
        put(AT_REGION_BYTES, &self.region_bytes.to_le_bytes());
        put(AT_LINEAGE, &self.lineage.to_le_bytes());
        put(AT_FILE_NUMBER, &self.file_number.to_le_bytes());
        put(AT_SLOTS, &self.slots.to_le_bytes());
        put(AT_CAPACITY, &self.capacity.to_le_bytes());
        put(AT_STRIDE, &self.stride.to_le_bytes());
        put(AT_PAYLOAD_OFFSET, &self.payload_offset.to_le_bytes());
        put(AT_PAYLOAD_ALIGNMENT, &self.payload_alignment.to_le_bytes());
        put(AT_KIND, &self.kind.to_le_bytes());
        put(AT_DESCRIPTOR_BYTES, &self.descriptor_bytes.to_le_bytes());
        put(AT_DESCRIPTOR_CRC, &self.descriptor_crc.to_le_bytes());
        put(AT_FINGERPRINT, &self.fingerprint.to_le_bytes());
        put(AT_LOOK_NS, &self.spin_ns.to_le_bytes());
        put(AT_BOOT_ID, &self.boot_id.to_le_bytes());
        put(AT_ORIGIN, &self.origin.to_le_bytes());
        put(AT_CREATED_NS, &self.created_ns.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..AT_CRC]);
        bytes[AT_CRC..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Parses a private copy of the written-once part and checks everything that can be checked
    /// without the file.
    pub fn parse(bytes: &[u8; STATIC_BYTES]) -> Result<Self, HeaderFault> {
        if bytes[..8] != MAGIC {
            return Err(HeaderFault::Foreign);
        }
        let version = (u16_at(bytes, AT_VERSION), u16_at(bytes, AT_VERSION + 2));
        if version != VERSION {
            return Err(HeaderFault::Version(version.0, version.1));
        }
        if u32_at(bytes, AT_CRC) != crc32fast::hash(&bytes[..AT_CRC]) {
            return Err(HeaderFault::Field("the CRC of its header does not match"));
        }
        let incompatible = u64_at(bytes, AT_INCOMPATIBLE);
        if incompatible & !KNOWN_INCOMPATIBLE != 0 {
            return Err(HeaderFault::Features(incompatible & !KNOWN_INCOMPATIBLE));
        }
        if u32_at(bytes, AT_HEADER_BYTES) != HEADER_BYTES {
            return Err(HeaderFault::Field("the length of its header is not 4096"));
        }
        let static_header = Self {
            compatible: u64_at(bytes, AT_COMPATIBLE),
            incompatible,
            region_bytes: u64_at(bytes, AT_REGION_BYTES),
            lineage: u128_at(bytes, AT_LINEAGE),
            file_number: u64_at(bytes, AT_FILE_NUMBER),
            slots: u64_at(bytes, AT_SLOTS),
            capacity: u64_at(bytes, AT_CAPACITY),
            stride: u64_at(bytes, AT_STRIDE),
            payload_offset: u32_at(bytes, AT_PAYLOAD_OFFSET),
            payload_alignment: u32_at(bytes, AT_PAYLOAD_ALIGNMENT),
            kind: u32_at(bytes, AT_KIND),
            descriptor_bytes: u32_at(bytes, AT_DESCRIPTOR_BYTES),
            descriptor_crc: u32_at(bytes, AT_DESCRIPTOR_CRC),
            fingerprint: u64_at(bytes, AT_FINGERPRINT),
            spin_ns: u64_at(bytes, AT_LOOK_NS),
            boot_id: u128_at(bytes, AT_BOOT_ID),
            origin: u128_at(bytes, AT_ORIGIN),
            created_ns: u64_at(bytes, AT_CREATED_NS),
        };
        static_header.check_sizes().map_err(HeaderFault::Field)?;
        Ok(static_header)
    }

    /// Checks that the sizes fit each other, using checked arithmetic. The error names the field
    /// that does not fit.
    fn check_sizes(&self) -> Result<(), &'static str> {
        if self.slots < 2 || !self.slots.is_power_of_two() {
            return Err("its number of slots is not a power of two, or is less than 2");
        }
        if self.capacity == 0 || !self.capacity.is_multiple_of(8) {
            return Err("its capacity is not a multiple of 8");
        }
        let alignment = u64::from(self.payload_alignment);
        if !alignment.is_power_of_two() || !(8..=PAGE_BYTES).contains(&alignment) {
            return Err("its payload alignment is not a power of two from 8 to 4096");
        }
        let offset = u64::from(self.payload_offset);
        if self.payload_offset < SLOT_HEAD_BYTES
            || !offset.is_multiple_of(8)
            || !(self.slots_offset() + offset).is_multiple_of(alignment)
            || (alignment > STRIDE_ALIGNMENT && !self.stride.is_multiple_of(alignment))
        {
            return Err("its payload offset does not fit the alignment");
        }
        let slot_bytes = self.capacity.checked_add(offset + self.trailer_bytes());
        let slot_bytes = slot_bytes.ok_or("its capacity is too large")?;
        if !self.stride.is_multiple_of(STRIDE_ALIGNMENT) || self.stride < slot_bytes {
            return Err("its stride is too small for a slot, or not aligned");
        }
        let slots_bytes = self.slots.checked_mul(self.stride);
        let end = slots_bytes.and_then(|bytes| bytes.checked_add(self.slots_offset()));
        if end.is_none_or(|end| end > self.region_bytes) {
            return Err("its slots do not fit into the file");
        }
        if !self.region_bytes.is_multiple_of(8) {
            return Err("its length is not a multiple of 8");
        }
        if self.spin_ns > 1_000_000_000 {
            return Err("its spin time is more than one second");
        }
        Ok(())
    }

    /// Returns the offset of the first slot in the file, in bytes.
    pub fn slots_offset(&self) -> u64 {
        (u64::from(HEADER_BYTES) + u64::from(self.descriptor_bytes)).next_multiple_of(SLOTS_ALIGNMENT)
    }

    /// Returns whether the slots have space for a checksum.
    pub fn has_checksums(&self) -> bool {
        self.compatible & FEATURE_CHECKSUM != 0
    }

    /// Returns how many bytes the enabled features add after the payload.
    pub fn trailer_bytes(&self) -> u64 {
        if self.has_checksums() { CHECKSUM_BYTES } else { 0 }
    }

    /// Adds a descriptor to the header. `fingerprint` is the fingerprint of the schema in it.
    pub fn with_descriptor(self, descriptor: &[u8], fingerprint: u64) -> Self {
        let descriptor_bytes = u32::try_from(descriptor.len()).expect("a descriptor has at most a mebibyte");
        Self { descriptor_bytes, descriptor_crc: crc32fast::hash(descriptor), fingerprint, ..self }
    }

    /// Computes the stride and the file length from the other sizes. Returns `None` if they
    /// overflow.
    pub fn lay_out(mut self) -> Option<Self> {
        let slot_bytes = self.capacity.checked_add(u64::from(self.payload_offset) + self.trailer_bytes())?;
        self.stride = slot_bytes.checked_next_multiple_of(STRIDE_ALIGNMENT.max(self.payload_alignment.into()))?;
        let slots_bytes = self.slots.checked_mul(self.stride)?;
        self.region_bytes = slots_bytes.checked_add(self.slots_offset())?.checked_next_multiple_of(PAGE_BYTES)?;
        Some(self)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

fn u128_at(bytes: &[u8], at: usize) -> u128 {
    u128::from(u64_at(bytes, at)) | u128::from(u64_at(bytes, at + 8)) << 64
}

/// The header page as it is mapped. It consists of atomics only, so any bytes are a valid value.
#[repr(C)]
pub struct Header {
    // Written once. Readers use the private copy that they have checked.
    _fixed: [AtomicU64; STATIC_BYTES / 8],
    /// Describes the current writer.
    pub tenure: Tenure,
    /// The fields that change with every value.
    pub hot: Hot,
    _reserved: [AtomicU64; (HEADER_BYTES as usize - STATIC_BYTES - 256) / 8],
}

/// The fields that describe the current writer. Only the process that holds the writer's lock
/// stores to them.
#[repr(C)]
pub struct Tenure {
    /// How many writers this lineage has had.
    pub epoch: Le64,
    /// When the current writer opened the region, in nanoseconds of Unix time.
    pub started_ns: Le64,
    /// The process id of the current writer; only for people to read.
    pub pid: Le32,
    _reserved: [AtomicU32; 27],
}

/// The cache line that changes with every value. Only the process that holds the writer's lock
/// stores to it.
#[repr(C)]
pub struct Hot {
    /// One of the `STATE_` numbers.
    pub state: Le32,
    /// Changes after each publication and after each change of state. Readers sleep on it.
    pub bell: Le32,
    /// Sequence number of the newest value. It is less than `first` while the region has no value.
    pub head: Le64,
    /// The oldest sequence number that this file ever contained.
    pub first: Le64,
    _reserved: [AtomicU64; 13],
}

/// A little-endian 64-bit field.
#[repr(transparent)]
pub struct Le64(AtomicU64);

/// A little-endian 32-bit field.
#[repr(transparent)]
pub struct Le32(AtomicU32);

impl Le64 {
    /// Loads the field and converts it to the machine's own byte order.
    #[inline]
    pub fn load(&self, order: Ordering) -> u64 {
        u64::from_le(self.0.load(order))
    }

    /// Stores a value that is given in the machine's own byte order.
    #[inline]
    pub fn store(&self, value: u64, order: Ordering) {
        self.0.store(value.to_le(), order);
    }
}

impl Le32 {
    /// Loads the field and converts it to the machine's own byte order.
    #[inline]
    pub fn load(&self, order: Ordering) -> u32 {
        u32::from_le(self.0.load(order))
    }

    /// Stores a value that is given in the machine's own byte order.
    #[inline]
    pub fn store(&self, value: u32, order: Ordering) {
        self.0.store(value.to_le(), order);
    }

    /// Returns the word itself, which the kernel compares.
    pub fn word(&self) -> &AtomicU32 {
        &self.0
    }
}

impl Hot {
    /// Creates these fields outside of any file.
    pub(crate) fn detached(head: u64, first: u64) -> Self {
        Self {
            state: Le32(AtomicU32::new(STATE_OPEN.to_le())),
            bell: Le32(AtomicU32::new(0)),
            head: Le64(AtomicU64::new(head.to_le())),
            first: Le64(AtomicU64::new(first.to_le())),
            _reserved: core::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

#[cfg(not(loom))]
const _: () = {
    assert!(size_of::<Header>() == HEADER_BYTES as usize);
    assert!(core::mem::offset_of!(Header, tenure) == 256);
    assert!(core::mem::offset_of!(Tenure, started_ns) == 8);
    assert!(core::mem::offset_of!(Tenure, pid) == 16);
    assert!(core::mem::offset_of!(Header, hot) == 384);
    assert!(core::mem::offset_of!(Hot, bell) == 4);
    assert!(core::mem::offset_of!(Hot, head) == 8);
    assert!(core::mem::offset_of!(Hot, first) == 16);
    assert!(size_of::<Tenure>() == 128 && size_of::<Hot>() == 128);
    assert!(AT_CREATED_NS + 8 <= AT_CRC);
};

#[cfg(all(test, not(loom)))]
mod tests;
