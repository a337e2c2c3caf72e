//! Opening a region for writing: the options, creation, and taking over from the writer before.

#[cfg(feature = "schema")]
use super::ValueWriter;
use super::replace::{Change, MODE_MIN, MODES, Replaced, begin_tenure, lay_out, random_lineage};
use super::{ArrayWriter, MAX_PAYLOAD_BYTES, RawWriter, Writer, grown_slots, round_capacity};
use crate::array::{ArrayType, Element};
use crate::description::Description;
use crate::error::{Error, Result};
use crate::payload::Kind;
use crate::region::lock::Lock;
use crate::region::place::Place;
use crate::region::{self, Access, Draft, MAX_REGION_BYTES, Region, boot_id};
#[cfg(feature = "schema")]
use crate::schema::Schema;
use crate::{known_kind, wait};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shm_ring::header::{FEATURE_CHECKSUM, Fixed, STATE_OPEN};
use shm_ring::{Announcer, Producer};
use std::sync::atomic::Ordering::Relaxed;

const DEFAULT_SLOTS: u64 = 64;
const DEFAULT_CAPACITY: u64 = 4096;
const DEFAULT_MODE: u32 = 0o600;
/// How often a region that appears and disappears while it is being opened is tried again.
const OPEN_ATTEMPTS: usize = 100;

/// How to open a region for writing. An option that is not set means: as found, or the default for a new region.
///
/// Options that differ from what is found replace the region by one of the same lineage: the numbers go on,
/// readers follow, and the newest values that fit are kept unless the kind or the type differs.
///
/// ```
/// # fn main() -> shm_core::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let name = format!("{}/room", directory.path().display());
/// let mut writer = shm_core::Writer::options().slots(8).capacity(100).open::<f64>(&name)?;
/// writer.publish(&21.5)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct WriterOptions {
    slots: Option<u64>,
    capacity: Option<u64>,
    mode: Option<u32>,
    kind: Option<Kind>,
    checksum: Option<bool>,
    description: Option<Description>,
    // Whether the values are of a type that cannot be described.
    is_undescribed: bool,
}

impl WriterOptions {
    /// Options of which none is set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many values the region holds: a power of two, at least 2. A new region has 64, fewer of large arrays.
    pub fn slots(&mut self, slots: u64) -> &mut Self {
        self.slots = Some(slots);
        self
    }

    /// How many bytes a slot holds, rounded up to a multiple of 8. A new region has 4096, or an array; it grows as needed.
    pub fn capacity(&mut self, bytes: u64) -> &mut Self {
        self.capacity = Some(bytes);
        self
    }

    /// The file's permission bits, whatever the umask. A new region has `0o600`; `0o644` lets everyone read it.
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.mode = Some(mode);
        self
    }

    /// What the payloads are; only for [`open_raw`](Self::open_raw). A new region holds bytes.
    pub fn kind(&mut self, kind: Kind) -> &mut Self {
        self.kind = Some(kind);
        self
    }

    /// What arrays the values are; for [`open_raw`](Self::open_raw). It sets the kind as well.
    pub fn array(&mut self, array: ArrayType) -> &mut Self {
        self.kind = Some(Kind::Array);
        self.description = Some(Description::Array(array));
        self
    }

    /// The schema of the values' type, where it is not to be found out from the type: for types that cannot be traced,
    /// and for [`open_raw`](Self::open_raw) and [`open_values`](Self::open_values). It sets the kind as well.
    #[cfg(feature = "schema")]
    pub fn schema(&mut self, schema: Schema) -> &mut Self {
        self.kind = Some(Kind::Bincode);
        self.description = Some(Description::Schema(schema));
        self
    }

    /// Whether every value carries a checksum, which readers verify. A new region has none.
    pub fn checksum(&mut self, on: bool) -> &mut Self {
        self.checksum = Some(on);
        self
    }

    /// Creates the region, or takes it over from a writer that ended or died.
    ///
    /// # Errors
    ///
    /// [`Error::WriterAlive`] if it has a writer; [`Error::BadName`], [`Error::BadOption`]; [`Error::NotARegion`],
    /// [`Error::Version`], [`Error::Features`] and [`Error::Damaged`] for a file that is left alone;
    /// [`Error::NotOurs`] and [`Error::Permission`]; [`Error::NoSpace`], [`Error::TooLarge`], [`Error::FileSystem`] and
    /// [`Error::Remote`];
    /// [`Error::UnknownKind`] if the kind is left as found and not known; [`Error::Gone`] if somebody without the lock
    /// removes or replaces it meanwhile; [`Error::Schema`] if the type cannot be described; [`Error::Directory`] and
    /// [`Error::Io`].
    pub fn open<T: Serialize + DeserializeOwned>(&self, name: &str) -> Result<Writer<T>> {
        let mut options = self.clone();
        options.kind(Kind::Bincode);
        #[cfg(feature = "schema")]
        if !matches!(self.description, Some(Description::Schema(_))) {
            options.schema(Schema::of::<T>()?);
        }
        // Without the feature it cannot be known whether this is the type that the region describes.
        options.is_undescribed = cfg!(not(feature = "schema"));
        Ok(Writer::from_raw(options.open_raw(name)?))
    }

    /// Like [`open`](Self::open), for arrays of numbers of this shape. If its first length is 0, each value may have
    /// another one there.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open), and [`Error::BadOption`] if there can be no such array.
    pub fn open_array<T: Element>(&self, name: &str, shape: &[u64]) -> Result<ArrayWriter<T>> {
        let array = ArrayType::new(T::DTYPE, shape).map_err(Error::BadOption)?;
        Ok(ArrayWriter::from_raw(self.clone().array(array).open_raw(name)?))
    }

    /// Like [`open`](Self::open), for values given as JSON, by the schema that is set or, without one, by the region's own.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open); [`Error::BadOption`] if the schema that is set, or else the region's, does not say how
    /// values are encoded; [`Error::NotFound`] if no schema is set and there is no region.
    #[cfg(feature = "schema")]
    pub fn open_values(&self, name: &str) -> Result<ValueWriter> {
        // Before anything is made or taken over.
        if let Some(description) = &self.description {
            require_complete(name, description.schema())?;
        } else {
            let place = Place::resolve(name)?;
            let region = Region::open(&place, Access::Read, MAX_REGION_BYTES)?;
            let kind = known_kind(&place, region.fixed.kind)?;
            let found = Description::of(&place, kind, &region.fixed, &region.descriptor)?;
            require_complete(name, found.as_ref().and_then(Description::schema))?;
        }
        let raw = self.clone().kind(Kind::Bincode).open_raw(name)?;
        require_complete(name, raw.schema())?;
        Ok(ValueWriter::from_raw(raw))
    }

    /// Like [`open`](Self::open), for payloads that are bytes already.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn open_raw(&self, name: &str) -> Result<RawWriter> {
        self.check()?;
        let place = Place::resolve(name)?;
        // A file that is refused gets no lock file beside it.
        let found = match Region::open(&place, Access::Write, MAX_REGION_BYTES) {
            Ok(region) => Some(region),
            Err(Error::NotFound { .. }) => {
                region::check_local(&place, place.directory())?;
                None
            }
            Err(error) => return Err(error),
        };
        let lock = Lock::acquire(&place).map_err(|error| match error {
            Error::WriterAlive { region, .. } => {
                let pid = found.as_ref().map(|region| region.header().tenure.pid.load(Relaxed));
                Error::WriterAlive { region, pid }
            }
            other => other,
        })?;
        self.open_locked(&place, lock)
    }

    fn check(&self) -> Result<()> {
        let refuse = |text: String| Err(Error::BadOption(text));
        if let Some(description) = &self.description
            && self.kind != Some(description.kind())
        {
            return refuse(format!("a schema makes a region of kind {}; leave out the kind", description.kind()));
        }
        match self.slots {
            Some(slots) if slots < 2 || !slots.is_power_of_two() => {
                let near = slots.max(2).checked_next_power_of_two().unwrap_or(1 << 63);
                return refuse(format!("the number of slots is a power of two from 2 up, not {slots}; use {near}"));
            }
            _ => {}
        }
        match self.capacity {
            Some(bytes) if bytes > MAX_PAYLOAD_BYTES => {
                return refuse(format!("a slot holds at most {MAX_PAYLOAD_BYTES} bytes, not {bytes}"));
            }
            _ => {}
        }
        match self.mode {
            Some(mode) if mode & !MODES != 0 || mode & MODE_MIN != MODE_MIN => refuse(format!(
                "mode {mode:o} is not one of 600, 640, 604 and 644: the owner reads and writes, others read at most"
            )),
            _ => Ok(()),
        }
    }

    fn open_locked(&self, place: &Place, lock: Lock) -> Result<RawWriter> {
        let opened = self.open_or_create(place, &lock);
        match opened {
            Ok((region, producer)) => RawWriter::new(place.clone(), lock, region, producer),
            Err(error) => {
                // A failed creation leaves nothing behind. The error that matters is this one.
                let _ = lock.release(place);
                Err(error)
            }
        }
    }

    fn open_or_create(&self, place: &Place, lock: &Lock) -> Result<(Region, Producer)> {
        // A writer that died while it replaced the region may have left one as large as the region.
        region::remove_draft(place);
        for _ in 0..OPEN_ATTEMPTS {
            match Region::open(place, Access::Write, MAX_REGION_BYTES) {
                Ok(region) => return self.take_over(place, lock, region),
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
            if let Some(made) = self.create(place)? {
                return Ok(made);
            }
        }
        Err(place.gone())
    }

    /// Returns `None` if somebody put a file there meanwhile, without having the lock.
    fn create(&self, place: &Place) -> Result<Option<(Region, Producer)>> {
        let (descriptor, fingerprint) = self.descriptor()?;
        let slots = self.slots.unwrap_or_else(|| grown_slots(DEFAULT_SLOTS, self.array_bytes().unwrap_or(0)));
        let capacity = round_capacity(self.capacity.or(self.array_bytes()).unwrap_or(DEFAULT_CAPACITY));
        let fixed = Fixed {
            compatible: feature_bits(self.checksum.unwrap_or(false)),
            lineage: random_lineage(place)?,
            boot_id: boot_id(),
            ..Fixed::new(slots, capacity, self.kind.unwrap_or(Kind::Bytes).code())
        };
        let fixed = lay_out(place, fixed.with_descriptor(&descriptor, fingerprint))?;
        let draft = Draft::new(place, fixed, &descriptor, self.mode.unwrap_or(DEFAULT_MODE), None)?;
        let producer = Producer::fresh(draft.region().ring(), 1);
        begin_tenure(draft.region(), 1);
        Ok(draft.create()?.map(|region| (region, producer)))
    }

    /// Goes on where the last writer ended, in its file or in one that replaces it.
    fn take_over(&self, place: &Place, lock: &Lock, region: Region) -> Result<(Region, Producer)> {
        let (wanted, descriptor) = self.wanted(place, &region)?;
        let ring = region.ring();
        let epoch = region.header().tenure.epoch.load(Relaxed).wrapping_add(1);
        match Producer::take_over(ring) {
            Ok(mut producer) if wanted == region.fixed => {
                if let Some(mode) = self.mode {
                    region.set_mode(place, mode)?;
                }
                begin_tenure(&region, epoch);
                producer.announcer().change_state(ring, STATE_OPEN);
                wait::wake(&region.header().hot.bell);
                Ok((region, producer))
            }
            found => {
                let newest = found.map_or_else(|_| ring.highest_shown(), |producer| producer.head());
                let announcer = &mut Announcer::of(ring);
                let change = Change { wanted, descriptor, mode: self.mode, epoch, value: None };
                Replaced { place, lock, region: &region, newest, announcer }.replace(change)
            }
        }
    }

    /// How long each value is, if it is an array and that is known.
    fn array_bytes(&self) -> Option<u64> {
        let array = self.description.as_ref().and_then(Description::array)?;
        (array.shape().first() != Some(&0)).then(|| array.bytes())
    }

    /// The descriptor of a region that begins with these options, and its fingerprint.
    fn descriptor(&self) -> Result<(Vec<u8>, u64)> {
        match &self.description {
            Some(description) => Ok(description.to_descriptor()),
            None if self.kind == Some(Kind::Array) => {
                Err(Error::BadOption("a region of arrays needs their type: WriterOptions::array".to_owned()))
            }
            None => Ok((vec![], 0)),
        }
    }

    /// What header and descriptor say once these options are applied to what was found.
    fn wanted(&self, place: &Place, region: &Region) -> Result<(Fixed, Vec<u8>)> {
        let found = &region.fixed;
        let mut wanted = found.clone();
        wanted.slots = self.slots.unwrap_or(found.slots);
        wanted.capacity = self.capacity.map_or(found.capacity, round_capacity);
        wanted.kind = self.kind.map_or(found.kind, Kind::code);
        if let Some(on) = self.checksum {
            wanted.compatible = found.compatible & !FEATURE_CHECKSUM | feature_bits(on);
        }
        // The boot id tells later whether a value may have been lost with the page cache.
        wanted.boot_id = boot_id();
        let kind = known_kind(place, wanted.kind)?;
        if wanted.kind == found.kind && self.is_described_by(place, region) {
            // Damage is found before anything is taken over.
            Description::of(place, kind, found, &region.descriptor)?;
            return Ok((wanted, region.descriptor.clone()));
        }
        let (descriptor, fingerprint) = self.descriptor()?;
        Ok((wanted.with_descriptor(&descriptor, fingerprint), descriptor))
    }

    /// Whether the type that is wanted is the one that the region has.
    fn is_described_by(&self, place: &Place, region: &Region) -> bool {
        let Some(wanted) = &self.description else { return !self.is_undescribed || region.descriptor.is_empty() };
        let found = Description::of(place, wanted.kind(), &region.fixed, &region.descriptor);
        matches!(found, Ok(Some(found)) if found == *wanted)
    }
}

/// Refuses a region whose schema does not say how values are encoded.
#[cfg(feature = "schema")]
fn require_complete(name: &str, schema: Option<&Schema>) -> Result<()> {
    match schema {
        Some(schema) if schema.is_complete() => Ok(()),
        _ => Err(Error::BadOption(format!(
            "region '{name}' does not say how its values are encoded; set a schema, or publish bytes"
        ))),
    }
}

fn feature_bits(checksum: bool) -> u64 {
    if checksum { FEATURE_CHECKSUM } else { 0 }
}
