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
    /// Major and minor version of the format.
    pub version: (u16, u16),
    /// Feature bits that older programs may ignore.
    pub compatible: u64,
    /// Feature bits that a program must know.
    pub incompatible: u64,
    /// Length of the file in bytes.
    pub region_bytes: u64,
    /// Random number that a region shares with what replaces it.
    pub lineage: u128,
    /// Which file of its lineage this is, from 1.
    pub file_number: u64,
    /// Number of slots.
    pub slots: u64,
    /// The longest payload in bytes that a slot holds.
    pub capacity: u64,
    /// Bytes from one slot to the next.
    pub stride: u64,
    /// Where the payload starts in its slot, in bytes.
    pub payload_offset: u32,
    /// Every payload starts at a multiple of this many bytes in the file.
    pub payload_alignment: u32,
    /// What the payloads are; `None` for a kind that this version does not know.
    pub kind: Option<Kind>,
    /// What arrays the payloads are, if they are arrays.
    pub array: Option<ArrayType>,
    /// The schema of the payloads' type, if there is one.
    #[cfg(feature = "schema")]
    pub schema: Option<Schema>,
    /// Bytes of the descriptor behind the header page.
    pub descriptor_bytes: u32,
    /// Fingerprint of the type's schema; 0 where there is none.
    pub fingerprint: u64,
    /// For how long a reader looks before it sleeps.
    pub look: Duration,
    /// The kernel's boot id when the file was made.
    pub boot_id: u128,
    /// The lineage that this region is a copy of; 0 for an original.
    pub origin: u128,
    /// When the file was made.
    pub created: SystemTime,
    /// How many writers this lineage has had.
    pub epoch: u64,
    /// When the last writer started.
    pub started: SystemTime,
    /// The last writer's process, as it noted itself: a hint.
    pub pid: u32,
    /// What the last writer said of the region.
    pub state: RegionState,
    /// Number of the newest value; below `first` while there is none.
    pub head: Sequence,
    /// The oldest number that this file ever held.
    pub first: Sequence,
    /// The number that readers sleep on.
    pub bell: u32,
    /// The file's permission bits.
    pub mode: u32,
    /// The user that the file belongs to.
    pub owner: u32,
    /// When the newest value was published, if there is one and the time is noted.
    pub newest: Option<SystemTime>,
    /// Whether a writer holds the region.
    pub writer: WriterStatus,
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
    let head = ring.head();
    let kind = Kind::from_code(static_header.kind);
    let value_type = kind.map(|kind| value_type_of(location, kind, &region)).transpose()?.flatten();
    let newest_ns = if head >= ring.first() && head > 0 { ring.time_ns(head) } else { 0 };
    Ok(Info {
        version: VERSION,
        compatible: static_header.compatible,
        incompatible: static_header.incompatible,
        region_bytes: static_header.region_bytes,
        lineage: static_header.lineage,
        file_number: static_header.file_number,
        slots: static_header.slots,
        capacity: static_header.capacity,
        stride: static_header.stride,
        payload_offset: static_header.payload_offset,
        payload_alignment: static_header.payload_alignment,
        kind,
        array: value_type.as_ref().and_then(ValueType::array).cloned(),
        #[cfg(feature = "schema")]
        schema: value_type.as_ref().and_then(ValueType::schema).cloned(),
        descriptor_bytes: static_header.descriptor_bytes,
        fingerprint: static_header.fingerprint,
        look: Duration::from_nanos(static_header.spin_ns),
        boot_id: static_header.boot_id,
        origin: static_header.origin,
        created: unix_time(static_header.created_ns),
        epoch: tenure.epoch.load(Relaxed),
        started: unix_time(tenure.started_ns.load(Relaxed)),
        pid: tenure.pid.load(Relaxed),
        state: RegionState::from_code(hot.state.load(Relaxed)),
        head,
        first: ring.first(),
        bell: ring.bell(),
        mode: region.mode & 0o777,
        owner: region.owner,
        newest: (newest_ns != 0).then(|| unix_time(newest_ns)),
        writer: tenure::probe(location),
    })
}

fn unix_time(unix_ns: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(unix_ns)
}
