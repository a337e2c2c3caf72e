//! Putting a new file in a region's place: for growth, or for another kind or size. Also what every new file needs.

use crate::clock::unix_ns;
use crate::error::{Error, Result};
use crate::header::{Fixed, MAX_SEQUENCE, STATE_CLOSED, STATE_MOVED, STATE_MOVING, STATE_OPEN};
use crate::region::lock::Lock;
use crate::region::place::Place;
use crate::region::{Draft, MAX_REGION_BYTES, Region, boot_id};
use crate::ring::{Look, Producer, Ring, Stamped};
use crate::sync::Ordering::Relaxed;
use crate::{ring_of, wait};
use std::time::SystemTime;

/// The permission bits that a region may have, and those that it must have.
pub const MODES: u32 = 0o644;
pub const MODE_MIN: u32 = 0o600;

/// How a replacement differs from what it replaces.
pub struct Change<'v> {
    /// What the new header says, but for the sizes that follow from others.
    pub wanted: Fixed,
    /// What stands behind the header page. If it is the old one, the values are of the same type, and are kept.
    pub descriptor: Vec<u8>,
    /// The new file's permission bits; unset, as they are now.
    pub mode: Option<u32>,
    /// The epoch of the writer that replaces.
    pub epoch: u64,
    /// A value that is in the new file from the start.
    pub value: Option<&'v [u8]>,
}

/// Whether the names of region and lock still lead to these files, and this process is the one that took the lock.
pub fn is_ours(place: &Place, lock: &Lock, region: &Region) -> Result<bool> {
    Ok(lock.process().is_surely_present() && place.identity()? == Some(region.identity) && lock.is_named(place)?)
}

/// Puts a new file in the place of `old`, so that a reader that drains the old one and goes on in the new
/// one misses nothing that it still held.
pub fn replace(
    place: &Place,
    lock: &Lock,
    old: &Region,
    producer: &mut Producer,
    change: Change<'_>,
) -> Result<(Region, Producer)> {
    check_numbers(place, producer)?;
    if !is_ours(place, lock, old)? {
        return Err(place.gone());
    }
    let (mut fixed, mut epoch) = (change.wanted, change.epoch);
    fixed.file_number = old.fixed.file_number.wrapping_add(1);
    fixed.boot_id = boot_id();
    let old_ring = ring_of(old);
    let state = old.header().hot.state.load(Relaxed);
    let same_type = fixed.kind == old.fixed.kind && change.descriptor == old.descriptor;
    let trusts_plain = old.survived_cleanly();
    let is_trusted = |stamped: &Stamped, payload: &[u8]| {
        if old.fixed.has_checksums() { stamped.has_checksum() && stamped.checksum_holds(payload) } else { trusts_plain }
    };
    // Without its newest value the new file does not show how far numbers went. Should they repeat, then not in this lineage.
    if !keeps_newest(old_ring, producer.head(), is_trusted) {
        (fixed.lineage, fixed.file_number) = (random_lineage(place)?, 1);
        epoch = 1;
    }
    let (mode, group) = old.permissions(place)?;
    let mode = change.mode.unwrap_or(mode & MODES | MODE_MIN);
    let draft = Draft::new(place, lay_out(place, fixed)?, &change.descriptor, mode, Some(group))?;
    let ring = ring_of(draft.region());
    let most = match (same_type, change.value) {
        (false, _) => 0,
        (true, None) => ring.shape().slots,
        (true, Some(_)) => ring.shape().slots - 1,
    };
    let mut fresh = producer.carry_over(old_ring, ring, most, is_trusted);
    if let Some(value) = change.value {
        fresh.publish(ring, value);
        fresh.note_time(ring, unix_ns(SystemTime::now()));
    }
    begin_tenure(draft.region(), epoch);
    let mut announce = |state| {
        producer.change_state(old_ring, state);
        wait::wake(&old.header().hot.bell);
    };
    // Filling the draft took its time.
    if !is_ours(place, lock, old)? {
        return Err(place.gone());
    }
    // That a file of an earlier boot was closed is what makes its values believable: it must not be forgotten. Its readers
    // notice by the name.
    let tells_readers = old.fixed.boot_id == boot_id() || state != STATE_CLOSED;
    if tells_readers {
        announce(STATE_MOVING);
    }
    match draft.replace() {
        Ok(region) => {
            if tells_readers {
                announce(STATE_MOVED);
            }
            Ok((region, fresh))
        }
        Err(error) => {
            if tells_readers {
                announce(if state == STATE_CLOSED { STATE_CLOSED } else { STATE_OPEN });
            }
            Err(error)
        }
    }
}

/// Whether the newest value is there and believed, or there is none.
fn keeps_newest(ring: Ring<'_>, head: u64, is_trusted: impl Fn(&Stamped, &[u8]) -> bool) -> bool {
    if head + 1 == ring.first() {
        return true;
    }
    let mut payload = Vec::new();
    head > 0 && matches!(ring.look(head, &mut payload), Ok(Look::Whole(stamped)) if is_trusted(&stamped, &payload))
}

/// Refuses to count beyond the last number. Counted up from 1, nobody gets there.
pub fn check_numbers(place: &Place, producer: &Producer) -> Result<()> {
    if producer.head() < MAX_SEQUENCE {
        return Ok(());
    }
    Err(place.damaged(format!("its newest value claims number {}, the last there is", producer.head())))
}

/// Notes who writes from now on.
pub fn begin_tenure(region: &Region, epoch: u64) {
    let tenure = &region.header().tenure;
    tenure.epoch.store(epoch, Relaxed);
    tenure.started_ns.store(unix_ns(SystemTime::now()), Relaxed);
    tenure.pid.store(std::process::id(), Relaxed);
}

/// Completes a header that is about to be written.
pub fn lay_out(place: &Place, mut fixed: Fixed) -> Result<Fixed> {
    fixed.created_ns = unix_ns(SystemTime::now());
    let laid_out = fixed.lay_out().filter(|fixed| fixed.region_bytes <= MAX_REGION_BYTES);
    laid_out.ok_or_else(|| Error::TooLarge {
        region: place.shown.clone(),
        reason: format!("its slots would take more than {MAX_REGION_BYTES} bytes; give it fewer or smaller slots"),
    })
}

/// The number of a lineage that nobody else has.
pub fn random_lineage(place: &Place) -> Result<u128> {
    Ok(u128::from_le_bytes(place.random_bytes("number region")?))
}
