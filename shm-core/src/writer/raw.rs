//! The writing handle for payloads that are already bytes. It publishes, and replaces the region when a
//! value does not fit.

use super::WriterOptions;
use super::open::Opened;
use super::sizes::{MAX_PAYLOAD_BYTES, grown_capacity, grown_slots};
use super::waker::Waker;
use crate::Sequence;
use crate::error::{OpenError, PublishError};
use crate::region::Region;
use crate::region::format::ValueFormat;
use crate::region::location::Location;
use crate::region::replace::{Change, Replacement, check_numbers};
use crate::region::tenure::Lock;
use crate::types::array::ArrayType;
use crate::types::error::ValueError;
use crate::types::kind::Kind;
#[cfg(feature = "schema")]
use crate::types::schema::Schema;
use crate::types::value_type::{ValueType, check_payload};
use shm_ring::Producer;
use shm_ring::header::{MAX_SEQUENCE, STATE_CLOSED, STATE_OPEN};
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// The interval at which a writer checks its file, in nanoseconds. Readers use the same interval.
const CHECK_NS: u64 = 50_000_000;

/// How long a file keeps its name at least. A reader that waits for the region looks 25 times per second.
const NAMED_MIN: Duration = Duration::from_millis(100);

/// Publishes payloads that are already bytes.
///
/// [`Writer`](crate::Writer) describes what all writers have in common.
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
    pub(super) location: Location,
    lock: Lock,
    pub(super) region: Region,
    pub(super) producer: Producer,
    waker: Waker,
    pub(super) format: ValueFormat,
    // When the file was last checked, by the waker's clock.
    checked_ns: u64,
    // When this writer put the file in its place, if it did.
    placed: Option<Instant>,
    // The number of the last value whose slot has no page in this process's memory yet.
    pub(super) cold_until: Sequence,
    gone: bool,
    discarded: u64,
}

impl RawWriter {
    pub(super) fn new(location: Location, lock: Lock, opened: Opened) -> Result<Self, OpenError> {
        let Opened { region, producer, discarded, is_new } = opened;
        let format = ValueFormat::of(&location, &region)?;
        let waker = Waker::new(region.static_header.spin_ns);
        let (placed, cold_until) = (is_new.then(Instant::now), if is_new { last_cold(&region, &producer) } else { 0 });
        let gone = false;
        Ok(Self { location, lock, region, producer, waker, format, checked_ns: 0, placed, cold_until, gone, discarded })
    }

    /// Opens a region of this kind, and creates it if it does not exist.
    ///
    /// An existing region keeps all other options. A new region gets the defaults.
    ///
    /// # Errors
    ///
    /// As for [`WriterOptions::open`].
    pub fn open(name: impl AsRef<Path>, kind: Kind) -> Result<Self, OpenError> {
        WriterOptions::new().kind(kind).open_raw(name)
    }

    /// Returns options with none of them set.
    #[must_use]
    pub fn options() -> WriterOptions {
        WriterOptions::new()
    }

    /// Publishes the payload and returns its sequence number. Readers see the value immediately.
    ///
    /// If the payload does not fit, the writer first replaces the region with a larger one. Attached
    /// readers do not lose any values by this.
    ///
    /// # Errors
    ///
    /// - [`PublishError::BadValue`] if the payload does not match the region's kind or schema. Nothing is
    ///   published.
    /// - [`PublishError::Grow`] if the payload does not fit, and the region cannot be replaced by a larger
    ///   one. The error contains the reason, for example [`OpenError::NoSpace`] or [`OpenError::TooLarge`].
    ///   The region stays unchanged.
    /// - [`PublishError::TooLarge`] if the payload fits into no region.
    /// - [`PublishError::Gone`] if another process removed or replaced the region. While it publishes,
    ///   the writer checks this every 50 ms. Attached readers may still receive the value whose
    ///   publication returns this error, but no later value.
    /// - [`PublishError::Damaged`] if the region's file was emptied, reported with the same delay, or if
    ///   the region claims to have used all sequence numbers.
    /// - [`PublishError::Forked`] if this process is a fork of the one that opened the writer.
    pub fn publish(&mut self, payload: &[u8]) -> Result<Sequence, PublishError> {
        if self.format.kind != Kind::Bytes {
            return self.publish_described(payload);
        }
        self.publish_checked(payload)
    }

    #[inline(never)]
    fn publish_described(&mut self, payload: &[u8]) -> Result<Sequence, PublishError> {
        self.check(payload)?;
        self.publish_checked(payload)
    }

    /// The file that is being written.
    #[cfg(test)]
    pub fn region(&self) -> &Region {
        &self.region
    }

    pub(super) fn check(&self, payload: &[u8]) -> Result<(), PublishError> {
        check_payload(self.format.kind, self.format.value_type.as_ref(), payload).map_err(|error| self.bad_value(error))
    }

    /// The error for a value that does not match the region's kind or type.
    #[cold]
    pub(super) fn bad_value(&self, source: ValueError) -> PublishError {
        PublishError::BadValue { region: self.location.name.clone(), source }
    }

    /// Publishes a payload that is known to match the region's kind and type.
    #[inline(always)]
    pub(super) fn publish_checked(&mut self, payload: &[u8]) -> Result<Sequence, PublishError> {
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
    pub(super) fn is_writable(&self) -> bool {
        !self.gone && self.producer.head() < MAX_SEQUENCE && self.lock.process().is_present()
    }

    #[cold]
    pub(super) fn unwritable(&self) -> PublishError {
        if !self.lock.process().is_surely_present() {
            return PublishError::Forked { region: self.location.name.clone() };
        }
        match check_numbers(&self.location, self.producer.head()) {
            Err(error) if !self.gone => PublishError::from_replacing(error),
            _ => self.location.gone_for_writer(),
        }
    }

    /// Does the work that follows a publication: it stores the time and, when due, wakes readers and checks
    /// the file.
    #[inline(always)]
    pub(super) fn follow_up(&mut self, sequence: Sequence) -> Result<Sequence, PublishError> {
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

    /// Replaces the region by one that can hold `payload`, with `payload` as its newest value.
    #[cold]
    fn grow(&mut self, payload: &[u8]) -> Result<Sequence, PublishError> {
        self.enlarge(payload.len() as u64, Some(payload))?;
        Ok(self.producer.head())
    }

    /// Replaces the region by one whose slots hold `length` bytes, with `value` as its newest value.
    pub(super) fn enlarge(&mut self, length: u64, value: Option<&[u8]>) -> Result<(), PublishError> {
        if length > MAX_PAYLOAD_BYTES {
            let region = self.location.name.clone();
            return Err(PublishError::TooLarge { region, bytes: length, limit: MAX_PAYLOAD_BYTES });
        }
        let old = &self.region;
        let mut wanted = old.static_header.clone();
        wanted.capacity = grown_capacity(wanted.capacity, length);
        wanted.slots = grown_slots(wanted.slots, old.static_header.capacity, wanted.capacity);
        let epoch = old.header().tenure.epoch.load(Relaxed);
        let descriptor = old.descriptor.clone();
        let change = Change { wanted, descriptor, mode: None, epoch, value };
        let newest = self.producer.head();
        let announcer = self.producer.announcer();
        let replacement =
            Replacement { location: &self.location, lock: &self.lock, region: &self.region, newest, announcer };
        let replaced = replacement.replace(change);
        self.gone |= matches!(replaced, Err(OpenError::Gone { .. }));
        let (region, producer) = replaced.map_err(PublishError::from_replacing)?;
        self.waker.restart(region.static_header.spin_ns);
        (self.placed, self.cold_until) = (Some(Instant::now()), last_cold(&region, &producer));
        (self.region, self.producer) = (region, producer);
        Ok(())
    }

    /// Detects that the region no longer belongs to this writer, or that its file was emptied. In both
    /// cases, readers that open the region later cannot find the values.
    ///
    /// If the check itself fails, nothing is reported, because the preceding value was published.
    #[cold]
    fn check_file(&mut self) -> Result<(), PublishError> {
        self.gone |= matches!(self.lock.is_of(&self.location, &self.region), Ok(false));
        if self.gone {
            return Err(self.unwritable());
        }
        let state = self.region.header().hot.state.load(Relaxed);
        if state != STATE_OPEN {
            self.gone = true;
            let reason = format!("another program emptied its file (its state is {state})");
            return Err(PublishError::Damaged { region: self.location.name.clone(), reason });
        }
        Ok(())
    }

    /// Returns the element type and shape of the arrays, if the values are arrays.
    #[must_use]
    pub fn array(&self) -> Option<&ArrayType> {
        self.format.value_type.as_ref().and_then(ValueType::array)
    }

    /// Returns the schema of the values' type, if the region has one.
    #[cfg(feature = "schema")]
    #[must_use]
    pub fn schema(&self) -> Option<&Schema> {
        self.format.value_type.as_ref().and_then(ValueType::schema)
    }

    /// Returns the kind of the values.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.format.kind
    }

    /// Returns the sequence number of the newest value, or 0 if there is no value yet.
    #[must_use]
    pub fn head(&self) -> Sequence {
        self.producer.head()
    }

    /// Returns how many values the region has space for.
    #[must_use]
    pub fn slots(&self) -> u64 {
        self.region.static_header.slots
    }

    /// Returns how many bytes a slot can currently hold.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.region.static_header.capacity
    }

    /// Returns how many retained values were discarded because this writer replaced a region of another
    /// kind or type; see [`WriterOptions::replace`].
    #[must_use]
    pub fn discarded(&self) -> u64 {
        self.discarded
    }

    /// Returns how many times this writer called the kernel after a publication to wake sleeping readers.
    #[must_use]
    pub fn wakes(&self) -> u64 {
        self.waker.wakes()
    }

    /// Closes the region cleanly. Readers learn that no more values will come. Dropping the writer does the
    /// same.
    ///
    /// # Errors
    ///
    /// - [`PublishError::Gone`] if another process removed or replaced the region.
    /// - [`PublishError::Forked`] if this process is a fork of the one that opened the writer. The region
    ///   then stays open.
    /// - [`PublishError::Damaged`] if the region's file was emptied.
    pub fn close(mut self) -> Result<(), PublishError> {
        self.check_file()
    }

    /// Closes the region cleanly and removes it. Attached readers can still receive its values.
    ///
    /// If this writer created the region less than 100 ms ago, or replaced its file, the region stays until
    /// then. Readers that wait for it find it, and receive its values.
    ///
    /// # Errors
    ///
    /// - [`PublishError::Gone`] if another process has already removed or replaced the region.
    /// - [`PublishError::Forked`] and [`PublishError::Damaged`] as for [`close`](Self::close).
    /// - [`PublishError::Io`] if the region or its lock file cannot be removed.
    pub fn remove(mut self) -> Result<(), PublishError> {
        if let Some(placed) = self.placed.filter(|_| self.producer.head() > 0 && self.is_writable()) {
            std::thread::sleep(NAMED_MIN.saturating_sub(placed.elapsed()));
        }
        self.check_file()?;
        self.announce_close();
        self.gone = true;
        let removed = self.location.remove().and_then(|()| self.lock.remove_file(&self.location));
        removed.map_err(PublishError::from_removing)
    }

    fn announce_close(&mut self) {
        self.producer.announcer().change_state(self.region.ring(), STATE_CLOSED);
        self.waker.wake(&self.region.header().hot.bell);
    }
}

/// The number of the last value whose slot has no page in this process's memory, in a file that was just
/// created.
fn last_cold(region: &Region, producer: &Producer) -> Sequence {
    if region.is_populated { 0 } else { producer.head().saturating_add(region.static_header.slots) }
}

impl Drop for RawWriter {
    fn drop(&mut self) {
        // A panic is not a clean end, so readers wait for the next writer. This writer must not close a region
        // that another process has taken over, or that belongs to this process's parent.
        if !std::thread::panicking() && self.check_file().is_ok() {
            self.announce_close();
        }
    }
}
