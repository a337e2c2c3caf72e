//! The writing handles: they publish, and replace the region when a value does not fit.

use crate::array::ArrayType;
use crate::description::{Description, check_payload};
use crate::error::{Error, Result};
use crate::payload::{self, Kind};
use crate::region::lock::Lock;
use crate::region::place::Place;
use crate::region::{self, Region};
#[cfg(feature = "schema")]
use crate::schema::Schema;
use crate::wait::Waker;
use crate::{Sequence, known_kind};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shm_ring::Producer;
use shm_ring::header::{MAX_SEQUENCE, STATE_CLOSED, STATE_OPEN};
use std::marker::PhantomData;
use std::sync::atomic::Ordering::Relaxed;

mod arrays;
mod loan;
mod open;
mod replace;
#[cfg(feature = "schema")]
mod values;

pub use arrays::ArrayWriter;
pub use loan::Loan;
pub use open::WriterOptions;
use replace::{Change, Replaced, check_numbers, is_ours};
#[cfg(feature = "schema")]
pub use values::ValueWriter;

/// Growing halves the slot count until the slots fit this many bytes, but not below `GROWN_SLOTS_MIN`.
const GROWN_BYTES_MAX: u64 = 64 << 20;
const GROWN_SLOTS_MIN: u64 = 4;
/// How often a writer checks its file, in nanoseconds: as often as readers do.
const CHECK_NS: u64 = 50_000_000;
/// A slot's length field has 48 bits.
const MAX_PAYLOAD_BYTES: u64 = (1 << 48) - 1;

/// A writer of payloads that are bytes already. See [`Writer`] for the rest.
///
/// ```
/// use shm_core::{Kind, RawReader, RawWriter};
/// # fn main() -> shm_core::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let name = format!("{}/demo", directory.path().display());
/// let mut writer = RawWriter::open(&name, Kind::Text)?;
/// assert_eq!(writer.publish(b"hello")?, 1);
/// assert_eq!(RawReader::open(&name)?.latest()?.unwrap().value, b"hello");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RawWriter {
    place: Place,
    lock: Lock,
    region: Region,
    producer: Producer,
    waker: Waker,
    kind: Kind,
    // The type of the values, if the region says that.
    description: Option<Description>,
    // When the file was last checked, on the waker's clock.
    checked_ns: u64,
    gone: bool,
}

impl RawWriter {
    fn new(place: Place, lock: Lock, region: Region, producer: Producer) -> Result<Self> {
        let kind = known_kind(&place, region.fixed.kind)?;
        let description = Description::of(&place, kind, &region.fixed, &region.descriptor)?;
        let waker = Waker::new(region.fixed.look_ns);
        Ok(Self { place, lock, region, producer, waker, kind, description, checked_ns: 0, gone: false })
    }

    /// Opens a region of this kind, with the other options as found or by default.
    ///
    /// # Errors
    ///
    /// As for [`WriterOptions::open`].
    pub fn open(name: &str, kind: Kind) -> Result<Self> {
        WriterOptions::new().kind(kind).open_raw(name)
    }

    /// Options, of which none is set yet.
    #[must_use]
    pub fn options() -> WriterOptions {
        WriterOptions::new()
    }

    /// Publishes the payload and returns its number. Readers see it at once.
    ///
    /// If it does not fit, the region is first replaced by a larger one, without loss for the readers.
    ///
    /// # Errors
    ///
    /// [`Error::BadValue`] if the payload is not what the region's kind or schema promises; nothing is published then.
    /// [`Error::NoSpace`] or [`Error::TooLarge`] if it does not fit and there is no room to grow; the region stays as it was.
    /// [`Error::Gone`] if the region was removed or replaced by somebody else, noticed at the latest with the first
    /// publication that comes 50 ms later. [`Error::Io`] or [`Error::Permission`] if it cannot grow for another reason,
    /// [`Error::Damaged`] if its file was emptied, noticed as late, or claims to have used up all numbers; [`Error::Forked`]
    /// in a fork of the process that opened the writer.
    pub fn publish(&mut self, payload: &[u8]) -> Result<Sequence> {
        if self.kind != Kind::Bytes {
            return self.publish_described(payload);
        }
        self.publish_checked(payload)
    }

    #[inline(never)]
    fn publish_described(&mut self, payload: &[u8]) -> Result<Sequence> {
        self.check(payload)?;
        self.publish_checked(payload)
    }

    fn check(&self, payload: &[u8]) -> Result<()> {
        check_payload(self.kind, self.description.as_ref(), payload)
            .map_err(|reason| Error::BadValue { region: self.place.shown.clone(), reason })
    }

    /// Publishes a payload that is what the region says.
    #[inline(always)]
    fn publish_checked(&mut self, payload: &[u8]) -> Result<Sequence> {
        if !self.is_writable() {
            return Err(self.unwritable());
        }
        if payload.len() > self.region.shape().capacity {
            return self.grow(payload);
        }
        let sequence = self.producer.publish(self.region.ring(), payload);
        self.follow_up(sequence)
    }

    #[inline]
    fn is_writable(&self) -> bool {
        !self.gone && self.producer.head() < MAX_SEQUENCE && self.lock.process().is_present()
    }

    #[cold]
    fn unwritable(&self) -> Error {
        if !self.lock.process().is_surely_present() {
            return self.place.forked();
        }
        check_numbers(&self.place, self.producer.head())
            .err()
            .filter(|_| !self.gone)
            .unwrap_or_else(|| self.place.gone())
    }

    /// What is due once a value is visible: its time, and now and then a wake and a look at the names.
    #[inline(always)]
    fn follow_up(&mut self, sequence: Sequence) -> Result<Sequence> {
        let now = self.waker.read_clock();
        self.producer.note_time(self.region.ring(), now.unix_ns);
        if self.waker.is_due(now) {
            self.waker.wake(&self.region.header().hot.bell);
        }
        if now.steady_ns.wrapping_sub(self.checked_ns) >= CHECK_NS {
            self.checked_ns = now.steady_ns;
            self.check_file()?;
        }
        Ok(sequence)
    }

    /// Replaces the region by one that holds `payload`, and has it as its newest value.
    #[cold]
    fn grow(&mut self, payload: &[u8]) -> Result<Sequence> {
        self.enlarge(payload.len() as u64, Some(payload))?;
        Ok(self.producer.head())
    }

    /// Replaces the region by one whose slots hold `length` bytes, with `value` as its newest value.
    fn enlarge(&mut self, length: u64, value: Option<&[u8]>) -> Result<()> {
        if length > MAX_PAYLOAD_BYTES {
            let reason = format!("a value of {length} bytes, and the limit is {MAX_PAYLOAD_BYTES}");
            return Err(Error::TooLarge { region: self.place.shown.clone(), reason });
        }
        let old = &self.region;
        let mut wanted = old.fixed.clone();
        wanted.capacity = round_capacity(length.max(wanted.capacity.saturating_mul(2)));
        wanted.slots = grown_slots(wanted.slots, wanted.capacity);
        let epoch = old.header().tenure.epoch.load(Relaxed);
        let descriptor = old.descriptor.clone();
        let change = Change { wanted, descriptor, mode: None, epoch, value };
        let newest = self.producer.head();
        let announcer = self.producer.announcer();
        let old = Replaced { place: &self.place, lock: &self.lock, region: &self.region, newest, announcer };
        let replaced = old.replace(change);
        self.gone |= matches!(replaced, Err(Error::Gone { .. }));
        let (region, producer) = replaced?;
        self.waker.restart(region.fixed.look_ns);
        (self.region, self.producer) = (region, producer);
        Ok(())
    }

    /// Notices that the region is not this writer's any more, or that its file was emptied. From then on nobody new can find
    /// the values.
    ///
    /// A check that fails by itself says nothing: the value before it was published all the same.
    #[cold]
    fn check_file(&mut self) -> Result<()> {
        self.gone |= matches!(is_ours(&self.place, &self.lock, &self.region), Ok(false));
        if self.gone {
            return Err(self.unwritable());
        }
        let state = self.region.header().hot.state.load(Relaxed);
        if state != STATE_OPEN {
            self.gone = true;
            return Err(self.place.damaged(format!("its state is {state} under its writer: its file was emptied")));
        }
        Ok(())
    }

    /// What arrays the payloads are, if they are arrays.
    #[must_use]
    pub fn array(&self) -> Option<&ArrayType> {
        self.description.as_ref().and_then(Description::array)
    }

    /// The schema of the payloads' type, if the region has one.
    #[cfg(feature = "schema")]
    #[must_use]
    pub fn schema(&self) -> Option<&Schema> {
        self.description.as_ref().and_then(Description::schema)
    }

    /// What the payloads are.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The number of the newest value; 0 if there is none yet.
    #[must_use]
    pub fn sequence(&self) -> Sequence {
        self.producer.head()
    }

    /// How many values the region holds.
    #[must_use]
    pub fn slots(&self) -> u64 {
        self.region.fixed.slots
    }

    /// How many bytes a slot holds at present.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.region.fixed.capacity
    }

    /// How often this writer called the kernel after a publication to wake sleeping readers.
    #[must_use]
    pub fn wakes(&self) -> u64 {
        self.waker.wakes()
    }

    /// Closes the region cleanly: readers are told that nothing more will come. Dropping does the same.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] if the region was removed or replaced by somebody else; [`Error::Forked`] in a fork of the process
    /// that opened the writer, which is not closed then; [`Error::Damaged`] if its file was emptied.
    pub fn close(mut self) -> Result<()> {
        self.check_file()
    }

    /// Closes the region cleanly and removes it. Attached readers keep what they have.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] if somebody else removed or replaced it already; [`Error::Forked`] and [`Error::Damaged`] as for
    /// [`close`](Self::close); [`Error::Io`].
    pub fn remove(mut self) -> Result<()> {
        self.check_file()?;
        self.announce_close();
        self.gone = true;
        region::remove_file(&self.place)?;
        self.lock.remove_file(&self.place)
    }

    fn announce_close(&mut self) {
        self.producer.announcer().change_state(self.region.ring(), STATE_CLOSED);
        self.waker.wake(&self.region.header().hot.bell);
    }
}

impl Drop for RawWriter {
    fn drop(&mut self) {
        // A panic is not a clean end: readers go on to wait for the next writer. And what somebody else has taken over,
        // or this process has from its parent, is not ours to close.
        if !std::thread::panicking() && self.check_file().is_ok() {
            self.announce_close();
        }
    }
}

/// A writer of values of one type.
///
/// A slow reader loses the oldest values, and is told how many; a region has one writer at a time.
/// In exchange publishing takes no lock and no system call, and no reader can hinder it.
///
/// While a writer lives, nobody else can write the region, remove it by `shm-writer rm`, or change what is in it.
/// Who owns the directory can remove the file all the same: then publishing answers [`Error::Gone`].
///
/// ```
/// # fn main() -> shm_core::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let name = format!("{}/room", directory.path().display());
/// let mut writer = shm_core::Writer::<(String, f64)>::open(&name)?;
/// writer.publish(&("kitchen".to_owned(), 21.5))?;
/// let newest = shm_core::Reader::<(String, f64)>::open(&name)?.latest()?.unwrap();
/// assert_eq!((newest.sequence, newest.value.1), (1, 21.5));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Writer<T> {
    raw: RawWriter,
    published: u64,
    encoded: Vec<u8>,
    // A writer takes values and holds none.
    value: PhantomData<fn(&T)>,
}

impl Writer<()> {
    /// Options, of which none is set yet. The type comes with [`open`](WriterOptions::open).
    #[must_use]
    pub fn options() -> WriterOptions {
        WriterOptions::new()
    }
}

impl<T: Serialize + DeserializeOwned> Writer<T> {
    fn from_raw(raw: RawWriter) -> Self {
        Self { raw, published: 0, encoded: Vec::new(), value: PhantomData }
    }

    /// Opens a region, with all options as found or by default.
    ///
    /// # Errors
    ///
    /// As for [`WriterOptions::open`].
    pub fn open(name: &str) -> Result<Self> {
        WriterOptions::new().open(name)
    }

    /// Publishes the value and returns its number. Readers see it at once.
    ///
    /// A `Vec<u8>` in the value should be marked `#[serde(with = "serde_bytes")]`, so that it is encoded in one piece.
    ///
    /// Readers refuse what nests deeper than 128 levels, and more than 4096 elements that take no bytes, such as `()`.
    ///
    /// # Errors
    ///
    /// [`Error::BadValue`] if the value cannot be encoded, or takes more than 2 GiB; otherwise as for [`RawWriter::publish`].
    pub fn publish(&mut self, value: &T) -> Result<Sequence> {
        if let Err(reason) = payload::encode(value, &mut self.encoded) {
            return Err(Error::BadValue { region: self.raw.place.shown.clone(), reason });
        }
        self.published += 1;
        // To check each one by the schema would take longer than to publish it. This finds a type that serializes what it
        // does not deserialize, soon and at no cost worth mentioning.
        match self.published.is_power_of_two() {
            true => self.raw.publish(&self.encoded),
            false => self.raw.publish_checked(&self.encoded),
        }
    }

    /// How often this writer called the kernel to wake sleeping readers.
    #[must_use]
    pub fn wakes(&self) -> u64 {
        self.raw.wakes()
    }

    /// The number of the newest value; 0 if there is none yet.
    #[must_use]
    pub fn sequence(&self) -> Sequence {
        self.raw.sequence()
    }

    /// Closes the region cleanly; see [`RawWriter::close`].
    ///
    /// # Errors
    ///
    /// As for [`RawWriter::close`].
    pub fn close(self) -> Result<()> {
        self.raw.close()
    }

    /// Closes the region cleanly and removes it; see [`RawWriter::remove`].
    ///
    /// # Errors
    ///
    /// As for [`RawWriter::remove`].
    pub fn remove(self) -> Result<()> {
        self.raw.remove()
    }
}

/// How many slots of so many bytes a region has that had `slots` smaller ones.
fn grown_slots(mut slots: u64, capacity: u64) -> u64 {
    while slots > GROWN_SLOTS_MIN && slots.saturating_mul(capacity) > GROWN_BYTES_MAX {
        slots /= 2;
    }
    slots
}

/// Slots hold whole words.
fn round_capacity(bytes: u64) -> u64 {
    bytes.max(1).next_multiple_of(8)
}

#[cfg(all(test, not(miri)))]
mod tests;
