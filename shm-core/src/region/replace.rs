//! Putting a new file in a region's place: for growth, or for another kind or size. Also what every new file needs.

use super::draft::Draft;
use super::location::Location;
use super::tenure::{Lock, begin_tenure};
use super::{MAX_REGION_BYTES, Region};
use crate::Sequence;
use crate::error::{Limit, OpenError};
use crate::sys::clock::{boot_id, unix_ns};
use crate::sys::futex::wake;
use shm_ring::header::{MAX_SEQUENCE, STATE_CLOSED, STATE_MOVED, STATE_MOVING, STATE_OPEN, StaticHeader};
use shm_ring::{Announcer, Lookup, Producer, Stamped};
use std::sync::atomic::Ordering::Relaxed;
use std::time::SystemTime;

/// The permission bits that a region may have, and those that it must have.
pub const MODES: u32 = 0o644;
pub const MODE_MIN: u32 = 0o600;

/// How a replacement differs from what it replaces.
pub struct Change<'v> {
    /// What the new header says, but for the sizes that follow from others.
    pub wanted: StaticHeader,
    /// What stands behind the header page. If it is the old one, the values are of the same type, and are kept.
    pub descriptor: Vec<u8>,
    /// The new file's permission bits; unset, as they are now.
    pub mode: Option<u32>,
    /// The epoch of the writer that replaces.
    pub epoch: u64,
    /// A value that is in the new file from the start.
    pub value: Option<&'v [u8]>,
}

/// The replacement of a region: what is known of the old file, and what is needed to put a new one in its place.
pub struct Replacement<'a> {
    /// Where it is.
    pub location: &'a Location,
    /// The writer's lock, which is held.
    pub lock: &'a Lock,
    /// The file that is replaced.
    pub region: &'a Region,
    /// The number of its newest value, also of one that was shown and is damaged.
    pub newest: Sequence,
    /// What its readers are told by.
    pub announcer: &'a mut Announcer,
}

impl<'a> Replacement<'a> {
    /// Puts a new file in the region's place, so that a reader that drains the old one and goes on in the new one misses
    /// nothing that the old one still held.
    ///
    /// # Errors
    ///
    /// [`OpenError::Gone`] if the region is not this writer's any more; the old file stays as it was after any error.
    pub fn replace(mut self, change: Change<'_>) -> Result<(Region, Producer), OpenError> {
        check_numbers(self.location, self.newest)?;
        self.check_ours()?;
        let draft = self.draft(&change)?;
        let producer = self.fill(draft.region(), &change);
        // Filling the draft took its time.
        self.check_ours()?;
        Ok((self.swap(draft)?, producer))
    }

    fn check_ours(&self) -> Result<(), OpenError> {
        if self.lock.is_of(self.location, self.region)? { Ok(()) } else { Err(self.location.gone()) }
    }

    /// The new file, with its header and without values, under a hidden name.
    fn draft(&self, change: &Change<'_>) -> Result<Draft<'a>, OpenError> {
        let static_header =
            lay_out(self.location, StaticHeader { boot_id: boot_id(), ..self.successor(&change.wanted)? })?;
        let (mode, group) = self.region.permissions(self.location)?;
        let mode = change.mode.unwrap_or(mode & MODES | MODE_MIN);
        Draft::new(self.location, static_header, &change.descriptor, mode, Some(group))
    }

    /// What the new header says of its lineage. Without the newest value the new file would not show how far numbers went:
    /// they may then come again, and so the file is the first one of a new lineage.
    fn successor(&self, wanted: &StaticHeader) -> Result<StaticHeader, OpenError> {
        let (lineage, file_number) = if self.keeps_newest() {
            (wanted.lineage, self.region.static_header.file_number.wrapping_add(1))
        } else {
            (random_lineage(self.location)?, 1)
        };
        Ok(StaticHeader { lineage, file_number, ..wanted.clone() })
    }

    /// Whether the newest value is there and believed, or there is none.
    fn keeps_newest(&self) -> bool {
        let ring = self.region.ring();
        if self.newest + 1 == ring.first() {
            return true;
        }
        let (mut payload, is_trusted) = (Vec::new(), trust_in(self.region));
        let found = ring.lookup(self.newest, &mut payload);
        self.newest > 0 && matches!(found, Ok(Lookup::Whole(stamped)) if is_trusted(&stamped, &payload))
    }

    /// Carries the values over that the new file holds, adds the one that is to be there from the start, and notes the writer.
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

    /// Gives the draft the region's name, and tells the readers of the old file before and after.
    fn swap(&mut self, draft: Draft<'_>) -> Result<Region, OpenError> {
        let state = self.region.header().hot.state.load(Relaxed);
        // That a file of an earlier boot was closed is what makes its values believable: it must not be forgotten. Its
        // readers notice by the name.
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

/// Whether a value of the region is the one that was published, as far as that can be known. What holds for all of its
/// values is found out once.
fn trust_in(region: &Region) -> impl Fn(&Stamped, &[u8]) -> bool {
    let (has_checksums, trusts_plain) = (region.static_header.has_checksums(), region.survived_cleanly());
    move |stamped, payload| {
        if has_checksums { stamped.has_checksum() && stamped.checksum_holds(payload) } else { trusts_plain }
    }
}

/// Refuses to count beyond the last number. Counted up from 1, nobody gets there.
pub fn check_numbers(location: &Location, newest: Sequence) -> Result<(), OpenError> {
    if newest < MAX_SEQUENCE {
        return Ok(());
    }
    Err(location.damaged(format!("its newest value has number {newest}, the last one possible")))
}

/// Completes a header that is about to be written.
pub fn lay_out(location: &Location, mut static_header: StaticHeader) -> Result<StaticHeader, OpenError> {
    static_header.created_ns = unix_ns(SystemTime::now());
    // More than there are numbers for is more than the limit.
    let least = static_header.slots.saturating_mul(static_header.capacity);
    let laid_out = static_header.lay_out();
    let bytes = laid_out.as_ref().map_or(least, |laid_out| laid_out.region_bytes);
    laid_out.filter(|_| bytes <= MAX_REGION_BYTES).ok_or_else(|| OpenError::TooLarge {
        region: location.name.clone(),
        bytes,
        limit: Limit::Region(MAX_REGION_BYTES),
    })
}

/// The number of a lineage that nobody else has.
pub fn random_lineage(location: &Location) -> Result<u128, OpenError> {
    Ok(u128::from_le_bytes(location.random_bytes("create a lineage for region")?))
}
