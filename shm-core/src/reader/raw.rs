//! The reading handle for payloads as bytes. The other handles are built on it.

use super::blocking::Until;
use super::follow::{Follow, Step};
use super::options::{Position, ReaderOptions};
use super::pace::Pace;
use super::sample::Sample;
use super::sleeper::WaitStrategy;
use super::{copying_methods, receiving_methods};
use crate::Sequence;
use crate::error::{OpenError, ReceiveError};
use crate::region::tenure::{self, WriterStatus};
use crate::types::array::ArrayType;
use crate::types::error::ValueError;
use crate::types::kind::Kind;
#[cfg(feature = "schema")]
use crate::types::schema::Schema;
use crate::types::value_type::ValueType;
use shm_ring::copy::Destination;
use std::path::Path;
use std::time::{Duration, Instant};

/// Receives payloads as bytes.
///
/// [`Reader`](crate::Reader) describes what all readers have in common.
///
/// ```
/// use shm_core::{Kind, RawReader, RawWriter};
/// # fn main() -> shm_core::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let name = format!("{}/demo", directory.path().display());
/// let mut writer = RawWriter::open(&name, Kind::Text)?;
/// writer.publish(b"hello")?;
/// let mut reader = RawReader::open(&name)?;
/// let mut text = Vec::new();
/// let sample = reader.recv_into(&mut text)?.unwrap();
/// assert_eq!((sample.sequence, &text[..]), (1, &b"hello"[..]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RawReader {
    pub(super) follow: Follow,
    pub(super) wait: WaitStrategy,
    pace: Pace,
    // How many values in a row had already arrived when the reader asked for them.
    pub(super) streak: u64,
    // The value that was last decoded from a view.
    pub(super) encoded: Vec<u8>,
}

/// The value that a handle asks for. It is a constant at each call, so the compiler removes it.
#[derive(Clone, Copy)]
pub enum Ask {
    Newest,
    Next,
    /// Waits for the next value, at most for this long.
    Await(Option<Duration>),
    /// Waits for the next value at most for this long, across closed and removed regions.
    Follow(Duration),
}

impl RawReader {
    pub(super) fn new(follow: Follow, wait: WaitStrategy, now: Instant) -> Self {
        Self { follow, wait, pace: Pace::new(now), streak: 0, encoded: Vec::new() }
    }

    /// Opens a region that exists. Receiving starts at its newest value.
    ///
    /// # Errors
    ///
    /// As for [`ReaderOptions::open`].
    pub fn open(name: impl AsRef<Path>) -> Result<Self, OpenError> {
        ReaderOptions::new().open_raw(name)
    }

    /// Returns options with none of them set.
    #[must_use]
    pub fn options() -> ReaderOptions {
        ReaderOptions::new()
    }

    /// Returns the element type and shape of the arrays, if the values are arrays. This may change when the
    /// region is replaced.
    #[must_use]
    pub fn array(&self) -> Option<&ArrayType> {
        self.follow.format().value_type.as_ref().and_then(ValueType::array)
    }

    /// Returns the schema of the values' type, if the region has one. This may change when the region is
    /// replaced.
    #[cfg(feature = "schema")]
    #[must_use]
    pub fn schema(&self) -> Option<&Schema> {
        self.follow.format().value_type.as_ref().and_then(ValueType::schema)
    }

    /// Returns the kind of the values. It may change between values, when the region is replaced.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.follow.format().kind
    }

    /// Returns the sequence number of the newest value, or 0 if there is no value yet.
    #[must_use]
    pub fn head(&self) -> Sequence {
        self.follow.region().ring().head()
    }

    /// Moves to another position in the region.
    ///
    /// Skipped values do not count as lost. The exception is [`Position::At`] with a sequence number that
    /// is no longer retained: the values between it and the oldest retained value count as lost.
    pub fn seek(&mut self, to: Position) {
        self.follow.seek(to);
    }

    /// Returns how many values the region has space for. This may change when the region is replaced.
    #[must_use]
    pub fn slots(&self) -> u64 {
        self.follow.region().static_header.slots
    }

    /// Returns how many bytes a slot can currently hold. This may change when the region is replaced.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.follow.region().static_header.capacity
    }

    /// Returns whether the region has a writer now.
    ///
    /// The reader asks the system whether a process holds the writer's lock for the region's name. A living
    /// writer keeps this lock even when its region is removed.
    ///
    /// If the writer is gone and the region is not closed, the writer died. The next writer may open the
    /// region at any time. The status is [`WriterStatus::Unknown`] if this user may not open the lock file,
    /// for example if the region belongs to another user.
    #[must_use]
    pub fn writer(&self) -> WriterStatus {
        tenure::probe(self.follow.location())
    }

    /// Does what the receiving method asks for.
    #[inline(always)]
    pub(super) fn ask(&mut self, ask: Ask, buffer: &mut impl Destination) -> Result<Option<Sample<()>>, ReceiveError> {
        match ask {
            Ask::Newest => self.newest(buffer),
            Ask::Next => self.next(buffer),
            Ask::Await(timeout) => self.receive(buffer, timeout, Until::Closed),
            Ask::Follow(timeout) => self.receive(buffer, Some(timeout), Until::Deadline),
        }
    }

    #[inline(always)]
    fn newest(&mut self, buffer: &mut impl Destination) -> Result<Option<Sample<()>>, ReceiveError> {
        if self.pace.is_quick()
            && let Some(stamped) = self.follow.newest_at_once(buffer)
        {
            self.pace.skip();
            return self.follow.give(stamped, buffer).map(Some);
        }
        self.newest_checked(buffer)
    }

    #[inline(never)]
    fn newest_checked(&mut self, buffer: &mut impl Destination) -> Result<Option<Sample<()>>, ReceiveError> {
        let now = self.pace.now();
        self.follow.newest(now, buffer)
    }

    #[inline(always)]
    fn next(&mut self, buffer: &mut impl Destination) -> Result<Option<Sample<()>>, ReceiveError> {
        match self.follow.next_at_once(buffer) {
            Some(stamped) => self.follow.give(stamped, buffer).map(Some),
            None => self.next_or_move(buffer),
        }
    }

    #[inline(never)]
    fn next_or_move(&mut self, buffer: &mut impl Destination) -> Result<Option<Sample<()>>, ReceiveError> {
        match self.follow.step(self.pace.now(), buffer)? {
            Step::Value(sample) => Ok(Some(sample)),
            Step::Wait { .. } | Step::Ended { .. } => Ok(None),
            Step::Busy => Err(self.follow.busy()),
            Step::Absent if self.follow.is_ended() => Ok(None),
            Step::Absent => Err(self.follow.location().gone_for_reader()),
        }
    }

    /// Returns whether the writer closed the region cleanly and every value was read.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.follow.is_ended()
    }

    #[inline(always)]
    fn fill(&mut self, buffer: &mut Vec<u8>, ask: Ask) -> Result<Option<Sample<()>>, ReceiveError> {
        self.ask(ask, buffer)
    }

    #[inline(always)]
    fn take(&mut self, ask: Ask) -> Result<Option<Sample<Vec<u8>>>, ReceiveError> {
        let mut buffer = Vec::new();
        Ok(self.ask(ask, &mut buffer)?.map(|sample| sample.with(buffer)))
    }

    /// The error for a value that cannot be decoded. The next value reports again how many values were lost
    /// before this one.
    #[cold]
    pub(super) fn undecodable(&mut self, sample: &Sample<()>, source: ValueError) -> ReceiveError {
        self.follow.tell_again(sample);
        ReceiveError::Decode { region: self.follow.location().name.clone(), sequence: sample.sequence, source }
    }
}

receiving_methods!([] RawReader, Vec<u8>, ".");
copying_methods!([] RawReader, Vec<u8>, ".");
