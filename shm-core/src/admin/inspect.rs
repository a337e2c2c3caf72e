//! Looking at a region without changing it: what its header says.

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

/// What a region's header and file say, read once; some of it may have changed since.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Info {
    /// The name that was inspected.
    pub region: String,
    /// What the payloads are; `None` for a kind that this version does not know.
    pub kind: Option<Kind>,
    /// The schema of the payloads' type, if there is one.
    #[cfg(feature = "schema")]
    pub schema: Option<Schema>,
    /// What arrays the payloads are, if they are arrays.
    pub array: Option<ArrayType>,
    /// How many values the ring has room for.
    pub slots: u64,
    /// How many bytes a slot holds.
    pub capacity: u64,
    /// How many values can still be read.
    pub retained: u64,
    /// Length of the file in bytes.
    pub region_bytes: u64,
    /// Whether every value carries a checksum.
    pub checksum: bool,
    /// What the last writer said of the region.
    pub state: RegionState,
    /// Whether the region has a writer.
    pub writer: WriterStatus,
    /// The last writer's process, as it noted itself: a hint.
    pub pid: u32,
    /// The user that the file belongs to.
    pub owner: u32,
    /// The file's permission bits.
    pub mode: u32,
    /// The oldest number that this file ever held.
    pub first: Sequence,
    /// Number of the newest value; below `first` while there is none.
    pub head: Sequence,
    /// When the newest value was published, if there is one and the time is noted.
    pub newest_time: Option<SystemTime>,
    /// When the file was made.
    pub created: SystemTime,
    /// When the last writer started.
    pub started: SystemTime,
    /// How many writers this lineage has had.
    pub epoch: u64,
    /// Random number that a region shares with what replaces it.
    pub lineage: u128,
    /// Which file of its lineage this is, from 1.
    pub file_number: u64,
    /// The lineage that this region is a copy of; 0 for an original.
    pub origin: u128,
    /// The kernel's boot id when the file was made.
    pub boot_id: u128,
    /// The number that readers sleep on.
    pub bell: u32,
    /// Bytes from one slot to the next.
    pub stride: u64,
    /// Where the payload starts in its slot, in bytes.
    pub payload_offset: u32,
    /// Every payload starts at a multiple of this many bytes in the file.
    pub payload_alignment: u32,
    /// Bytes of the descriptor behind the header page.
    pub descriptor_bytes: u32,
    /// Fingerprint of the type's schema; 0 where there is none.
    pub fingerprint: u64,
    /// For how many nanoseconds a waiting reader polls before it sleeps.
    pub spin_ns: u64,
    /// Major and minor version of the format.
    pub version: (u16, u16),
    /// Feature bits that older programs may ignore.
    pub compatible: u64,
    /// Feature bits that a program must know.
    pub incompatible: u64,
}

/// What the last writer said of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegionState {
    /// It is being written, or its writer died.
    Open,
    /// Its writer closed it cleanly.
    Closed,
    /// It is about to be replaced.
    Moving,
    /// It was replaced or removed.
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

/// Reads what a region says of itself.
///
/// # Errors
///
/// As for opening it with a [`RawReader`](crate::RawReader).
pub fn inspect(name: impl AsRef<Path>) -> Result<Info, OpenError> {
    inspect_at(&Location::resolve(name.as_ref())?)
}

/// Reads what the region at `place` says of itself.
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
