//! The reading handle for the payloads' bytes. The other handles are made of it.

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

/// A reader of the payloads' bytes. See [`Reader`](crate::Reader) for the rest.
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
    // How many values in a row were there when they were waited for.
    pub(super) streak: u64,
    // The last value that was decoded from a view.
    pub(super) encoded: Vec<u8>,
}

/// Which value a handle wants. It is known where it is called, so that nothing of it is left.
#[derive(Clone, Copy)]
pub enum Ask {
    Newest,
    Next,
    /// Waiting for it, at most so long.
    Await(Option<Duration>),
    /// Across ends and removals, at most so long.
    Follow(Duration),
}

impl RawReader {
    pub(super) fn new(follow: Follow, wait: WaitStrategy, now: Instant) -> Self {
        Self { follow, wait, pace: Pace::new(now), streak: 0, encoded: Vec::new() }
    }

    /// Attaches to a region that exists; receiving starts at its newest value.
    ///
    /// # Errors
    ///
    /// As for [`ReaderOptions::open`].
    pub fn open(name: impl AsRef<Path>) -> Result<Self, OpenError> {
        ReaderOptions::new().open_raw(name)
    }

    /// Options, none of which is set yet.
    #[must_use]
    pub fn options() -> ReaderOptions {
        ReaderOptions::new()
    }

    /// What arrays the payloads are, if they are arrays. It may change as the kind may.
    #[must_use]
    pub fn array(&self) -> Option<&ArrayType> {
        self.follow.format().value_type.as_ref().and_then(ValueType::array)
    }

    /// The schema of the payloads' type, if the region has one. It may change as the kind may.
    #[cfg(feature = "schema")]
    #[must_use]
    pub fn schema(&self) -> Option<&Schema> {
        self.follow.format().value_type.as_ref().and_then(ValueType::schema)
    }

    /// What the payloads are. It may change between values, when the region is replaced.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.follow.format().kind
    }

    /// The number of the newest value; 0 if there was none yet.
    #[must_use]
    pub fn head(&self) -> Sequence {
        self.follow.region().ring().head()
    }

    /// Moves to another place in the region. What is skipped does not count as lost, except that with
    /// [`Position::At`] numbers that are no longer retained do.
    pub fn seek(&mut self, to: Position) {
        self.follow.seek(to);
    }

    /// How many values the region has room for. It may change when the region is replaced.
    #[must_use]
    pub fn slots(&self) -> u64 {
        self.follow.region().static_header.slots
    }

    /// How many bytes a slot holds at present. It may change when the region is replaced.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.follow.region().static_header.capacity
    }

    /// Whether the region that this reader has mapped has a writer at this moment, even if it was removed: it asks the system
    /// who has the writer's lock.
    ///
    /// A region whose writer is gone without having closed it was left by a writer that died. The next one may open it at
    /// any time. The answer is [`WriterStatus::Unknown`] if this user may not open the lock file, as for another user's region.
    #[must_use]
    pub fn writer(&self) -> WriterStatus {
        tenure::probe(self.follow.location())
    }

    /// Does what one of the receiving methods says.
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

    /// Whether the writer closed the region cleanly, and every value was read.
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

    /// The error for a value that is not what it should be; what was told with it is told again.
    #[cold]
    pub(super) fn undecodable(&mut self, sample: &Sample<()>, source: ValueError) -> ReceiveError {
        self.follow.tell_again(sample);
        ReceiveError::Decode { region: self.follow.location().name.clone(), sequence: sample.sequence, source }
    }
}

receiving_methods!([] RawReader, Vec<u8>, ".");
copying_methods!([] RawReader, Vec<u8>, ".");
