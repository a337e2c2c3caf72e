//! Describes a region without changing it.

use crate::Sequence;
use crate::error::OpenError;
use crate::region::format::value_type_of;
use crate::region::location::Location;
use crate::region::tenure::{self, WriterStatus};
use crate::region::{MAX_REGION_BYTES, Region};
use crate::sys::file::Access;
use crate::types::array::ArrayType;
use crate::types::kind::Kind;
#[cfg(feature = "schema")]
use crate::types::schema::Schema;
use crate::types::value_type::ValueType;
use shm_ring::header::{STATE_CLOSED, STATE_MOVED, STATE_MOVING, STATE_OPEN, VERSION};
use std::fmt;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The fields of a region's header and the attributes of its file. Each of them was read once, and may
/// have changed since.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Info {
    /// The name that was inspected.
    pub region: String,
    /// The kind of the values; `None` for a kind that this version does not know.
    pub kind: Option<Kind>,
    /// The schema of the values' type, if the region has one.
    #[cfg(feature = "schema")]
    pub schema: Option<Schema>,
    /// The element type and shape of the arrays, if the values are arrays.
    pub array: Option<ArrayType>,
    /// How many values the ring has space for.
    pub slots: u64,
    /// How many bytes of payload fit into a slot.
    pub capacity: u64,
    /// How many values can still be read.
    pub retained: u64,
    /// The length of the file in bytes.
    pub region_bytes: u64,
    /// Whether every value has a checksum.
    pub checksum: bool,
    /// The state that the last writer stored in the region.
    pub state: RegionState,
    /// Whether the region has a writer.
    pub writer: WriterStatus,
    /// The process id that the last writer recorded. This is only a hint.
    pub pid: u32,
    /// The id of the user that owns the file.
    pub owner: u32,
    /// The file's permission bits.
    pub mode: u32,
    /// The oldest sequence number that this file ever contained.
    pub first: Sequence,
    /// The sequence number of the newest value; less than `first` if there is no value yet.
    pub head: Sequence,
    /// When the newest value was published, if there is a value and its time was recorded.
    pub newest_time: Option<SystemTime>,
    /// When the file was created.
    pub created: SystemTime,
    /// When the last writer opened the region.
    pub started: SystemTime,
    /// How many writers this lineage has had.
    pub epoch: u64,
    /// A random number that a region shares with the files that replace it.
    pub lineage: u128,
    /// The number of this file within its lineage. The first is 1.
    pub file_number: u64,
    /// The lineage that this region is a copy of; 0 for an original.
    pub origin: u128,
    /// The kernel's boot id at the time when the file was created.
    pub boot_id: u128,
    /// A counter that the writer increases to wake readers, which sleep on it.
    pub bell: u32,
    /// The distance from one slot to the next in bytes.
    pub stride: u64,
    /// The offset of the payload within its slot in bytes.
    pub payload_offset: u32,
    /// The alignment of payloads: in the file, every payload starts at a multiple of this many bytes.
    pub payload_alignment: u32,
    /// The length of the descriptor, which follows the header page, in bytes.
    pub descriptor_bytes: u32,
    /// The fingerprint of the type's schema; 0 if the region has no schema.
    pub fingerprint: u64,
    /// How many nanoseconds a waiting reader polls before it sleeps.
    pub spin_ns: u64,
    /// The major and minor version of the format.
    pub version: (u16, u16),
    /// Feature bits that a program may ignore if it does not know them.
    pub compatible: u64,
    /// Feature bits that a program must know to use the region.
    pub incompatible: u64,
}

/// The state that the last writer stored in a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegionState {
    /// The region has a writer, or its writer died without closing it.
    Open,
    /// The writer closed the region cleanly.
    Closed,
    /// The region is about to be replaced.
    Moving,
    /// The region was replaced or removed.
    Moved,
    /// A number that no writer stores.
    Unknown(u32),
}

impl RegionState {
    pub(super) fn from_code(code: u32) -> Self {
        match code {
            STATE_OPEN => Self::Open,
            STATE_CLOSED => Self::Closed,
            STATE_MOVING => Self::Moving,
            STATE_MOVED => Self::Moved,
            other => Self::Unknown(other),
        }
    }
}

impl fmt::Display for RegionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.pad("open"),
            Self::Closed => f.pad("closed"),
            Self::Moving => f.pad("moving"),
            Self::Moved => f.pad("moved"),
            Self::Unknown(code) => write!(f, "unknown ({code})"),
        }
    }
}

/// Describes a region: its header, its type and its file.
///
/// # Errors
///
/// The same as opening the region with a [`RawReader`](crate::RawReader).
pub fn inspect(name: impl AsRef<Path>) -> Result<Info, OpenError> {
    inspect_at(&Location::resolve(name.as_ref())?)
}

/// Describes the region at `location`.
pub fn inspect_at(location: &Location) -> Result<Info, OpenError> {
    let region = Region::open(location, Access::Read, MAX_REGION_BYTES)?;
    let (static_header, tenure, hot) = (&region.static_header, &region.header().tenure, &region.header().hot);
    let ring = region.ring();
    let (head, first) = (ring.head(), ring.first());
    let kind = Kind::from_code(static_header.kind);
    let value_type = kind.map(|kind| value_type_of(location, kind, &region)).transpose()?.flatten();
    let newest_ns = if head >= first && head > 0 { ring.time_ns(head) } else { 0 };
    Ok(Info {
        region: location.name.clone(),
        kind,
        #[cfg(feature = "schema")]
        schema: value_type.as_ref().and_then(ValueType::schema).cloned(),
        array: value_type.as_ref().and_then(ValueType::array).cloned(),
        slots: static_header.slots,
        capacity: static_header.capacity,
        retained: ring.retained(head),
        region_bytes: static_header.region_bytes,
        checksum: static_header.has_checksums(),
        state: RegionState::from_code(hot.state.load(Relaxed)),
        writer: tenure::probe(location),
        pid: tenure.pid.load(Relaxed),
        owner: region.owner,
        mode: region.mode & 0o777,
        first,
        head,
        newest_time: (newest_ns != 0).then(|| unix_time(newest_ns)),
        created: unix_time(static_header.created_ns),
        started: unix_time(tenure.started_ns.load(Relaxed)),
        epoch: tenure.epoch.load(Relaxed),
        lineage: static_header.lineage,
        file_number: static_header.file_number,
        origin: static_header.origin,
        boot_id: static_header.boot_id,
        bell: ring.bell(),
        stride: static_header.stride,
        payload_offset: static_header.payload_offset,
        payload_alignment: static_header.payload_alignment,
        descriptor_bytes: static_header.descriptor_bytes,
        fingerprint: static_header.fingerprint,
        spin_ns: static_header.spin_ns,
        version: VERSION,
        compatible: static_header.compatible,
        incompatible: static_header.incompatible,
    })
}

fn unix_time(unix_ns: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(unix_ns)
}
