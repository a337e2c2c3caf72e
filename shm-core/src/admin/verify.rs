//! Checks whether all parts of a region are consistent.

use super::inspect::RegionState;
use crate::error::OpenError;
use crate::region::format::value_type_of;
use crate::region::location::Location;
use crate::region::{MAX_REGION_BYTES, NOT_BELIEVED, Region};
use crate::sys::file::Access;
use crate::types::kind::Kind;
use crate::types::value_type::check_payload;
use shm_ring::header::MAX_SEQUENCE;
use shm_ring::{Lookup, NO_MEMORY, Ring};
use std::io::ErrorKind;
use std::path::Path;

/// An inconsistency in a region.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The part of the region: `header`, or a slot such as `slot 3`.
    pub part: String,
    /// A description of the problem.
    pub problem: String,
}

/// Checks a whole region: the header, and in each slot the stamp (the number that identifies the slot's
/// value), the length, the checksum and, depending on the kind, the contents. Returns an empty list if
/// nothing is wrong.
///
/// A writer may publish during the check. Values that it overwrites meanwhile are skipped.
///
/// # Errors
///
/// The same as opening the region with a [`RawReader`](crate::RawReader). Most damage to the header is
/// reported as one of these errors, not as a finding.
pub fn verify(name: impl AsRef<Path>) -> Result<Vec<Finding>, OpenError> {
    let location = Location::resolve(name.as_ref())?;
    let region = Region::open(&location, Access::Read, MAX_REGION_BYTES)?;
    let kind = Kind::from_code(region.static_header.kind);
    let value_type = kind.map(|kind| value_type_of(&location, kind, &region));
    let value_type = value_type.transpose()?.flatten();
    let ring = region.ring();
    let mut findings = verify_header(&region, ring);
    if findings.is_empty() {
        let mut payload = Vec::new();
        let head = ring.head();
        let trusts_plain = region.survived_cleanly();
        findings.extend((0..ring.shape().slots).filter_map(|slot| {
            let check = |payload: &[u8]| match kind {
                _ if !trusts_plain && !ring.shape().checksummed => Err(NOT_BELIEVED.to_owned()),
                Some(kind) => check_payload(kind, value_type.as_ref(), payload).map_err(|error| error.to_string()),
                None => Ok(()),
            };
            let problem = verify_slot(ring, head, slot, &mut payload, check).err()?;
            Some(Finding { part: format!("slot {slot}"), problem })
        }));
        if findings.iter().any(|finding| finding.problem == NO_MEMORY) {
            return Err(location.io_error("verify region", ErrorKind::OutOfMemory.into()));
        }
    }
    Ok(findings)
}

fn verify_header(region: &Region, ring: Ring<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |problem: String| findings.push(Finding { part: "header".into(), problem });
    let (head, first) = (ring.head(), ring.first());
    if let RegionState::Unknown(code) = RegionState::from_code(ring.state()) {
        find(format!("the state is {code}, not one of 1 to 4"));
    }
    if Kind::from_code(region.static_header.kind).is_none() {
        find(format!("the kind has number {}, which this version does not support", region.static_header.kind));
    }
    if first == 0 || first > head.saturating_add(1) || head > MAX_SEQUENCE {
        find(format!("the head is {head}, which does not fit the first number, {first}"));
    } else if head >= first && ring.stamp(head) < 2 * head {
        // The writer stores the head after the stamp. So even while a writer is publishing, the slot must hold
        // this value or a later one.
        find(format!("the head names value {head} as the newest, but its slot does not hold it"));
    }
    findings
}

/// Checks that a slot's stamp is possible for this slot, and checks the payload with `check` if the
/// value is complete.
fn verify_slot(
    ring: Ring<'_>,
    head: u64,
    slot: u64,
    payload: &mut Vec<u8>,
    check: impl FnOnce(&[u8]) -> Result<(), String>,
) -> Result<(), String> {
    let stamp = ring.stamp(slot);
    if stamp == 0 {
        return Ok(());
    }
    if !ring.is_possible(slot, stamp) {
        return Err(format!("its stamp {stamp} belongs to another slot"));
    }
    // Read the head again: the writer may have published since.
    if stamp.div_ceil(2) > head.max(ring.head()).saturating_add(1) {
        return Err(format!("its stamp {stamp} belongs to a value after the newest one"));
    }
    if !stamp.is_multiple_of(2) {
        return Ok(());
    }
    let looked = ring.lookup(stamp / 2, payload).map_err(|fault| fault.problem.to_owned())?;
    let Lookup::Whole(stamped) = looked else { return Ok(()) };
    if ring.shape().checksummed && !(stamped.has_checksum() && stamped.checksum_holds(payload)) {
        return Err(format!("value {}: its checksum does not match", stamped.sequence));
    }
    check(payload).map_err(|problem| format!("value {}: {problem}", stamped.sequence))
}
