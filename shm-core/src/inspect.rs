//! Looking at a region without changing it: what its header says, and whether all of it fits together.

use crate::Sequence;
use crate::array::ArrayType;
use crate::description::{Description, check_payload};
use crate::error::{Error, Result};
use crate::payload::Kind;
use crate::region::lock::{self, Presence};
use crate::region::place::Place;
use crate::region::{Access, MAX_REGION_BYTES, NOT_BELIEVED, Region};
#[cfg(feature = "schema")]
use crate::schema::Schema;
use shm_ring::header::{STATE_CLOSED, STATE_MOVED, STATE_MOVING, STATE_OPEN};
use shm_ring::{Look, NO_MEMORY, Ring};
use std::fmt;
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
    pub state: State,
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
    pub writer: Presence,
}

/// What the last writer said of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
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

impl State {
    fn from_code(code: u32) -> Self {
        match code {
            STATE_OPEN => Self::Open,
            STATE_CLOSED => Self::Closed,
            STATE_MOVING => Self::Moving,
            STATE_MOVED => Self::Moved,
            other => Self::Unknown(other),
        }
    }
}

impl fmt::Display for State {
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

/// Something in a region that does not fit the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Where: `header` or `slot 3`.
    pub place: String,
    /// What is wrong there.
    pub problem: String,
}

/// Reads what a region says of itself.
///
/// # Errors
///
/// As for opening it with a [`RawReader`](crate::RawReader).
pub fn inspect(name: &str) -> Result<Info> {
    inspect_at(&Place::resolve(name)?)
}

/// Reads what the region at `place` says of itself.
pub fn inspect_at(place: &Place) -> Result<Info> {
    let region = Region::open(place, Access::Read, MAX_REGION_BYTES)?;
    let (fixed, tenure, hot) = (&region.fixed, &region.header().tenure, &region.header().hot);
    let ring = region.ring();
    let head = ring.head();
    let kind = Kind::from_code(fixed.kind);
    let description = kind.map(|kind| Description::of(place, kind, fixed, &region.descriptor)).transpose()?.flatten();
    let newest_ns = if head >= ring.first() && head > 0 { ring.time_ns(head) } else { 0 };
    Ok(Info {
        version: shm_ring::header::VERSION,
        compatible: fixed.compatible,
        incompatible: fixed.incompatible,
        region_bytes: fixed.region_bytes,
        lineage: fixed.lineage,
        file_number: fixed.file_number,
        slots: fixed.slots,
        capacity: fixed.capacity,
        stride: fixed.stride,
        payload_offset: fixed.payload_offset,
        payload_alignment: fixed.payload_alignment,
        kind,
        array: description.as_ref().and_then(Description::array).cloned(),
        #[cfg(feature = "schema")]
        schema: description.as_ref().and_then(Description::schema).cloned(),
        descriptor_bytes: fixed.descriptor_bytes,
        fingerprint: fixed.fingerprint,
        look: Duration::from_nanos(fixed.look_ns),
        boot_id: fixed.boot_id,
        origin: fixed.origin,
        created: unix_time(fixed.created_ns),
        epoch: tenure.epoch.load(Relaxed),
        started: unix_time(tenure.started_ns.load(Relaxed)),
        pid: tenure.pid.load(Relaxed),
        state: State::from_code(hot.state.load(Relaxed)),
        head,
        first: ring.first(),
        bell: ring.bell(),
        mode: region.mode & 0o777,
        owner: region.owner,
        newest: (newest_ns != 0).then(|| unix_time(newest_ns)),
        writer: lock::probe(place),
    })
}

fn unix_time(unix_ns: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(unix_ns)
}

/// Checks all of a region: header, stamps, lengths, checksums and, by kind, contents. Empty: nothing is wrong.
///
/// A writer may be at work meanwhile: a value that it overwrites is passed by.
///
/// # Errors
///
/// As for opening it with a [`RawReader`](crate::RawReader): most damage to the header is one of these errors.
pub fn verify(name: &str) -> Result<Vec<Finding>> {
    let place = Place::resolve(name)?;
    let region = Region::open(&place, Access::Read, MAX_REGION_BYTES)?;
    let kind = Kind::from_code(region.fixed.kind);
    let description = kind.map(|kind| Description::of(&place, kind, &region.fixed, &region.descriptor));
    let description = description.transpose()?.flatten();
    let ring = region.ring();
    let mut findings = verify_header(&region, ring);
    if findings.is_empty() {
        let mut payload = Vec::new();
        let head = ring.head();
        let trusts_plain = region.survived_cleanly();
        findings.extend((0..ring.shape().slots).filter_map(|slot| {
            let check = |payload: &[u8]| match kind {
                _ if !trusts_plain && !ring.shape().checksummed => Err(NOT_BELIEVED.to_owned()),
                Some(kind) => check_payload(kind, description.as_ref(), payload),
                None => Ok(()),
            };
            let problem = verify_slot(ring, head, slot, &mut payload, check).err()?;
            Some(Finding { place: format!("slot {slot}"), problem })
        }));
        if findings.iter().any(|finding| finding.problem == NO_MEMORY) {
            return Err(Error::TooLarge { region: place.shown.clone(), reason: NO_MEMORY.to_owned() });
        }
    }
    Ok(findings)
}

fn verify_header(region: &Region, ring: Ring<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |problem: String| findings.push(Finding { place: "header".into(), problem });
    let (head, first) = (ring.head(), ring.first());
    if let State::Unknown(code) = State::from_code(ring.state()) {
        find(format!("state {code} is not one of 1 to 4"));
    }
    if Kind::from_code(region.fixed.kind).is_none() {
        find(format!("kind {} is unknown to this version", region.fixed.kind));
    }
    if first == 0 || first > head.saturating_add(1) || head > shm_ring::header::MAX_SEQUENCE {
        find(format!("head {head} and first {first} do not fit each other"));
    } else if head >= first && ring.stamp(head) < 2 * head {
        // The head was stored after the stamp, so also a writer at work has stored this one or a later one.
        find(format!("head {head} is the newest value, and not there"));
    }
    findings
}

/// Checks one slot against the numbers that it may hold, and a whole value in it by `check`.
fn verify_slot(
    ring: Ring<'_>,
    head: u64,
    slot: u64,
    payload: &mut Vec<u8>,
    check: impl FnOnce(&[u8]) -> std::result::Result<(), String>,
) -> std::result::Result<(), String> {
    let stamp = ring.stamp(slot);
    if stamp == 0 {
        return Ok(());
    }
    if !ring.is_possible(slot, stamp) {
        return Err(format!("stamp {stamp} belongs to another slot"));
    }
    // The head is read anew: the writer may have gone on.
    if stamp.div_ceil(2) > head.max(ring.head()).saturating_add(1) {
        return Err(format!("stamp {stamp} is ahead of the head"));
    }
    if !stamp.is_multiple_of(2) {
        return Ok(());
    }
    let looked = ring.look(stamp / 2, payload).map_err(|fault| fault.problem.to_owned())?;
    let Look::Whole(stamped) = looked else { return Ok(()) };
    if ring.shape().checksummed && !(stamped.has_checksum() && stamped.checksum_holds(payload)) {
        return Err(format!("value {}: its checksum does not match", stamped.sequence));
    }
    check(payload).map_err(|problem| format!("value {}: {problem}", stamped.sequence))
}
