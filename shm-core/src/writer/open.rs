//! Creating a region, and taking one over from its previous writer.

use super::sizes::{DEFAULT_SLOTS, default_capacity, grown_slots, round_capacity};
use super::{RawWriter, WriterOptions};
use crate::error::OpenError;
use crate::region::draft::{Draft, remove_draft};
use crate::region::format::{UNCOMPARABLE, bad_option, known_kind, value_type_of};
use crate::region::location::Location;
use crate::region::replace::{Change, Replacement, lay_out, random_lineage};
use crate::region::tenure::{Lock, begin_tenure};
use crate::region::{MAX_REGION_BYTES, Region};
use crate::sys::clock::boot_id;
use crate::sys::file::Access;
use crate::sys::futex::wake;
use crate::types::kind::Kind;
use crate::types::value_type::ValueType;
use shm_ring::header::{FEATURE_CHECKSUM, STATE_OPEN, StaticHeader};
use shm_ring::{Announcer, Producer};
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;

const DEFAULT_MODE: u32 = 0o600;
/// How many times opening is repeated if the region appears and disappears meanwhile.
const OPEN_ATTEMPTS: usize = 100;

/// A region that is ready for writing.
pub struct Opened {
    pub region: Region,
    pub producer: Producer,
    /// How many values were discarded because the region was of another kind or type.
    pub discarded: u64,
    /// Whether this writer put the file in its place.
    pub is_new: bool,
}

impl WriterOptions {
    /// Creates the region or takes it over. A failure leaves no files.
    pub(super) fn open_locked(&self, location: &Location, lock: Lock) -> Result<RawWriter, OpenError> {
        let opened = self.open_or_create(location, &lock);
        match opened {
            Ok(opened) => RawWriter::new(location.clone(), lock, opened),
            Err(error) => {
                // Releasing the lock also removes its file if there is no region. The caller needs the first error,
                // not one from here.
                let _ = lock.release(location);
                Err(error)
            }
        }
    }

    fn open_or_create(&self, location: &Location, lock: &Lock) -> Result<Opened, OpenError> {
        // A writer that died while it replaced the region may have left a draft as large as the region.
        remove_draft(location);
        for _ in 0..OPEN_ATTEMPTS {
            match Region::open(location, Access::Write, MAX_REGION_BYTES) {
                Ok(region) => return self.take_over(location, lock, region),
                Err(OpenError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
            if let Some((region, producer)) = self.create(location)? {
                return Ok(Opened { region, producer, discarded: 0, is_new: true });
            }
        }
        Err(location.gone())
    }

    /// Returns `None` if a process without the lock created the file meanwhile.
    fn create(&self, location: &Location) -> Result<Option<(Region, Producer)>, OpenError> {
        let (descriptor, fingerprint) = self.descriptor(location)?;
        let asked = self.capacity.or(self.array_bytes());
        let capacity = round_capacity(asked.unwrap_or_else(|| default_capacity(self.slots)));
        let slots = self.slots.unwrap_or_else(|| grown_slots(DEFAULT_SLOTS, 0, capacity));
        let static_header = StaticHeader {
            compatible: feature_bits(self.checksum.unwrap_or(false)),
            lineage: random_lineage(location)?,
            boot_id: boot_id(),
            ..StaticHeader::new(slots, capacity, self.wanted_kind().unwrap_or(Kind::Bytes).code())
        };
        let static_header = lay_out(location, static_header.with_descriptor(&descriptor, fingerprint))?;
        let draft = Draft::new(location, static_header, &descriptor, self.mode.unwrap_or(DEFAULT_MODE), None)?;
        let producer = Producer::fresh(draft.region().ring(), 1);
        begin_tenure(draft.region(), 1);
        Ok(draft.create()?.map(|region| (region, producer)))
    }

    /// Continues after the last writer: in its file, or in a new file if the options ask for a different
    /// region or the file is damaged.
    fn take_over(&self, location: &Location, lock: &Lock, region: Region) -> Result<Opened, OpenError> {
        let (wanted, descriptor) = self.wanted(location, &region)?;
        region.fill_holes(location)?;
        let ring = region.ring();
        let keeps_values = wanted.kind == region.static_header.kind && descriptor == region.descriptor;
        let discarded = if keeps_values { 0 } else { ring.retained(ring.head()) };
        let epoch = region.header().tenure.epoch.load(Relaxed).wrapping_add(1);
        let newest = match Producer::take_over(ring) {
            Ok(producer) if wanted == region.static_header && !region.may_be_a_copy() => {
                return self.go_on(location, region, producer, epoch);
            }
            Ok(producer) => producer.head(),
            Err(_) => ring.highest_shown(),
        };
        let announcer = &mut Announcer::of(ring);
        let change = Change { wanted, descriptor, mode: self.mode, epoch, value: None };
        let (region, producer) = Replacement { location, lock, region: &region, newest, announcer }.replace(change)?;
        Ok(Opened { region, producer, discarded, is_new: true })
    }

    /// Continues in the existing file.
    fn go_on(
        &self,
        location: &Location,
        region: Region,
        mut producer: Producer,
        epoch: u64,
    ) -> Result<Opened, OpenError> {
        if let Some(mode) = self.mode {
            region.set_mode(location, mode)?;
        }
        let region = region.populated();
        begin_tenure(&region, epoch);
        producer.announcer().change_state(region.ring(), STATE_OPEN);
        wake(region.header().hot.bell.word());
        Ok(Opened { region, producer, discarded: 0, is_new: false })
    }

    /// The length of each value in bytes, if the values are arrays whose length is fixed.
    fn array_bytes(&self) -> Option<u64> {
        let array = self.value_type.as_ref().and_then(ValueType::array)?;
        (array.shape().first() != Some(&0)).then(|| array.bytes())
    }

    /// The descriptor of a new region with these options, and its fingerprint.
    fn descriptor(&self, location: &Location) -> Result<(Vec<u8>, u64), OpenError> {
        match &self.value_type {
            Some(value_type) => Ok(value_type.to_descriptor()),
            None if self.wanted_kind() == Some(Kind::Array) => {
                let reason = "a region of kind array needs the option `array`, which sets its type".to_owned();
                Err(bad_option(Path::new(&location.name), "array", reason))
            }
            None => Ok((vec![], 0)),
        }
    }

    /// The header and the descriptor that result from applying these options to the existing region.
    fn wanted(&self, location: &Location, region: &Region) -> Result<(StaticHeader, Vec<u8>), OpenError> {
        let found = &region.static_header;
        let mut wanted = found.clone();
        (wanted.slots, wanted.capacity) = self.least_sizes(found);
        wanted.kind = self.wanted_kind().map_or(found.kind, Kind::code);
        if let Some(on) = self.checksum {
            wanted.compatible = found.compatible & !FEATURE_CHECKSUM | feature_bits(on);
        }
        // The boot id shows later whether values may have been lost with the page cache.
        if !region.is_of_this_boot() {
            wanted.boot_id = boot_id();
        }
        let kind = known_kind(location, wanted.kind)?;
        if !self.replace {
            self.refuse_another(location, kind, region)?;
        } else if self.is_another(location, kind, region) {
            // No value is kept that would need the old sizes.
            wanted.slots = self.slots.unwrap_or(found.slots);
            wanted.capacity = self.capacity.map_or(found.capacity, round_capacity);
            let (descriptor, fingerprint) = self.descriptor(location)?;
            return Ok((wanted.with_descriptor(&descriptor, fingerprint), descriptor));
        }
        // Find damage before anything is taken over.
        value_type_of(location, kind, region)?;
        Ok((wanted, region.descriptor.clone()))
    }

    /// The slots and the capacity of a region that had those of `found` and keeps its values. They are never
    /// reduced.
    fn least_sizes(&self, found: &StaticHeader) -> (u64, u64) {
        let asked = self.capacity.map_or(found.capacity, round_capacity);
        let slots = self.slots.map_or(found.slots, |slots| {
            // Slots that have grown since then are fewer for that reason.
            if asked < found.capacity { grown_slots(slots, asked, found.capacity) } else { slots }
        });
        (slots.max(found.slots), asked.max(found.capacity))
    }

    /// Whether the region holds values of another kind or type, or its description is damaged.
    fn is_another(&self, location: &Location, kind: Kind, region: &Region) -> bool {
        let refused = self.refuse_another(location, kind, region);
        matches!(
            refused,
            Err(OpenError::Kind { .. }
                | OpenError::UnknownKind { .. }
                | OpenError::Type { .. }
                | OpenError::Damaged { .. })
        )
    }

    /// Refuses a region that holds values of another kind or type.
    fn refuse_another(&self, location: &Location, kind: Kind, region: &Region) -> Result<(), OpenError> {
        let found = region.static_header.kind;
        let name = || location.name.clone();
        if found != kind.code() {
            let found = known_kind(location, found)?;
            return Err(OpenError::Kind { region: name(), found, expected: kind });
        }
        let difference = match &self.value_type {
            None if self.is_untyped && !region.descriptor.is_empty() => Some(UNCOMPARABLE.to_owned()),
            None => None,
            Some(wanted) => match value_type_of(location, kind, region)? {
                None => Some("the region has no schema to compare with".to_owned()),
                found => wanted.difference(found.as_ref()),
            },
        };
        difference.map_or(Ok(()), |difference| Err(OpenError::Type { region: name(), difference }))
    }
}

fn feature_bits(checksum: bool) -> u64 {
    if checksum { FEATURE_CHECKSUM } else { 0 }
}
