//! Replaces the file of a region, to make it larger or to change its kind or sizes. Also contains the
//! functions that every new file needs.

use super::draft::Draft;
use super::location::Location;
use super::tenure::{Lock, begin_tenure};
use super::{MAX_REGION_BYTES, Region};
use crate::Sequence;
use crate::error::{Limit, OpenError};
use crate::sys::clock::{boot_id, unix_ns};
use crate::sys::file_system::huge_page_bytes;
use crate::sys::futex::wake;
use shm_ring::header::{MAX_SEQUENCE, STATE_CLOSED, STATE_MOVED, STATE_MOVING, STATE_OPEN, StaticHeader};
use shm_ring::{Announcer, Lookup, Producer, Stamped};
use std::sync::atomic::Ordering::Relaxed;
use std::time::SystemTime;

/// The permission bits that a region may have, and those that it must have.
pub const MODES: u32 = 0o644;
pub const MODE_MIN: u32 = 0o600;

/// The differences between a new file and the file that it replaces.
pub struct Change<'v> {
    /// The new header. Sizes that follow from other fields are not set yet.
    pub wanted: StaticHeader,
    /// The new descriptor. If it is the same as the old one, the values have the same type and are kept.
    pub descriptor: Vec<u8>,
    /// The new file's permission bits; `None` keeps the current ones.
    pub mode: Option<u32>,
    /// The epoch of the writer that replaces the file.
    pub epoch: u64,
    /// A value that the new file contains from the start.
    pub value: Option<&'v [u8]>,
}

/// The replacement of a region's file: the old file, and everything else that is needed to create a new
/// one.
pub struct Replacement<'a> {
    /// The location of the region.
    pub location: &'a Location,
    /// The writer's lock, which is held.
    pub lock: &'a Lock,
    /// The file that is replaced.
    pub region: &'a Region,
    /// The sequence number of its newest value, even if that value is damaged.
    pub newest: Sequence,
    /// Notifies the region's readers.
    pub announcer: &'a mut Announcer,
}

impl<'a> Replacement<'a> {
    /// Replaces the region's file. A reader that first receives the rest of the old file and then continues
    /// in the new file misses no value that was still in the old file.
    ///
    /// # Errors
    ///
    /// [`OpenError::Gone`] if the region no longer belongs to this writer. After any error, the old file is
    /// unchanged.
    pub fn replace(mut self, change: Change<'_>) -> Result<(Region, Producer), OpenError> {
        check_numbers(self.location, self.newest)?;
        self.check_ours()?;
        let draft = self.draft(&change)?;
        let producer = self.fill(draft.region(), &change);
        // Check again, because filling the draft took time.
        self.check_ours()?;
        Ok((self.swap(draft)?, producer))
    }

    fn check_ours(&self) -> Result<(), OpenError> {
        if self.lock.is_of(self.location, self.region)? { Ok(()) } else { Err(self.location.gone()) }
    }

    /// Creates the new file under a hidden name, with its header and without values.
    fn draft(&self, change: &Change<'_>) -> Result<Draft<'a>, OpenError> {
        let static_header =
            lay_out(self.location, StaticHeader { boot_id: boot_id(), ..self.successor(&change.wanted)? })?;
        let (mode, group) = self.region.permissions(self.location)?;
        let mode = change.mode.unwrap_or(mode & MODES | MODE_MIN);
        Draft::new(self.location, static_header, &change.descriptor, mode, Some(group))
    }

    /// Returns the new header with its lineage. If the newest value is lost, the new file would not show
    /// how far the sequence numbers went, and numbers could be used twice. In that case the file is the
    /// first one of a new lineage.
    fn successor(&self, wanted: &StaticHeader) -> Result<StaticHeader, OpenError> {
        let (lineage, file_number) = if self.keeps_newest() {
            (wanted.lineage, self.region.static_header.file_number.wrapping_add(1))
        } else {
            (random_lineage(self.location)?, 1)
        };
        Ok(StaticHeader { lineage, file_number, ..wanted.clone() })
    }

    /// Returns whether the newest value is present and trusted, or the region has no value.
    fn keeps_newest(&self) -> bool {
        let ring = self.region.ring();
        if self.newest + 1 == ring.first() {
            return true;
        }
        let (mut payload, is_trusted) = (Vec::new(), trust_in(self.region));
        let found = ring.lookup(self.newest, &mut payload);
        self.newest > 0 && matches!(found, Ok(Lookup::Whole(stamped)) if is_trusted(&stamped, &payload))
    }

    /// Copies the values that the new file keeps, adds the initial value of the change, and records the
    /// writer.
    fn fill(&self, fresh: &Region, change: &Change<'_>) -> Producer {
        let ring = fresh.ring();
        let is_same_type =
            fresh.static_header.kind == self.region.static_header.kind && change.descriptor == self.region.descriptor;
        let most = if is_same_type { fresh.static_header.slots - u64::from(change.value.is_some()) } else { 0 };
        let mut producer = Producer::carry_over(self.region.ring(), self.newest, ring, most, trust_in(self.region));
        if let Some(value) = change.value {
            producer.publish(ring, value);
            producer.note_time(ring, unix_ns(SystemTime::now()));
        }
        let is_same_lineage = fresh.static_header.lineage == self.region.static_header.lineage;
        begin_tenure(fresh, if is_same_lineage { change.epoch } else { 1 });
        producer
    }

    /// Gives the draft the region's name. Notifies the readers of the old file before and after that.
    fn swap(&mut self, draft: Draft<'_>) -> Result<Region, OpenError> {
        let state = self.region.header().hot.state.load(Relaxed);
        // The values of a file from an earlier boot are trusted only because the file was closed, so this
        // state must not be overwritten. Its readers notice the replacement by the name.
        if self.region.static_header.boot_id != boot_id() && state == STATE_CLOSED {
            return draft.replace();
        }
        self.announce(STATE_MOVING);
        let replaced = draft.replace();
        self.announce(match &replaced {
            Ok(_) => STATE_MOVED,
            Err(_) if state == STATE_CLOSED => STATE_CLOSED,
            Err(_) => STATE_OPEN,
        });
        replaced
    }

    fn announce(&mut self, state: u32) {
        self.announcer.change_state(self.region.ring(), state);
        wake(self.region.header().hot.bell.word());
    }
}

/// Returns a function that decides whether a value of the region is the value that was published, as
/// far as this can be known. The facts that apply to all values are determined once.
fn trust_in(region: &Region) -> impl Fn(&Stamped, &[u8]) -> bool {
    let (has_checksums, trusts_plain) = (region.static_header.has_checksums(), region.survived_cleanly());
    move |stamped, payload| {
        if has_checksums { stamped.has_checksum() && stamped.checksum_holds(payload) } else { trusts_plain }
    }
}

/// Returns an error if the newest value has the largest possible sequence number. A writer that counts
/// up from 1 never reaches it.
pub fn check_numbers(location: &Location, newest: Sequence) -> Result<(), OpenError> {
    if newest < MAX_SEQUENCE {
        return Ok(());
    }
    Err(location.damaged(format!("its newest value has number {newest}, the last one possible")))
}

/// Completes a header that is about to be written.
pub fn lay_out(location: &Location, mut static_header: StaticHeader) -> Result<StaticHeader, OpenError> {
    static_header.created_ns = unix_ns(SystemTime::now());
    // If the calculation of the size overflows, the region exceeds the limit in any case.
    let least = static_header.slots.saturating_mul(static_header.capacity);
    let laid_out = static_header.lay_out().and_then(|laid_out| {
        let page_bytes = huge_page_bytes(location.directory()).unwrap_or(1);
        let region_bytes = laid_out.region_bytes.checked_next_multiple_of(page_bytes)?;
        Some(StaticHeader { region_bytes, ..laid_out })
    });
    let bytes = laid_out.as_ref().map_or(least, |laid_out| laid_out.region_bytes);
    laid_out.filter(|_| bytes <= MAX_REGION_BYTES).ok_or_else(|| OpenError::TooLarge {
        region: location.name.clone(),
        bytes,
        limit: Limit::Region(MAX_REGION_BYTES),
    })
}

/// Returns a random number for a new lineage.
pub fn random_lineage(location: &Location) -> Result<u128, OpenError> {
    Ok(u128::from_le_bytes(location.random_bytes("create a lineage for region")?))
}
