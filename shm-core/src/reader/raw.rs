//! The reading handle for the payloads' bytes. The other handles are made of it.

use super::blocking::Until;
use super::follow::{Follow, Step};
use super::options::{Position, ReaderOptions};
use super::pace::Pace;
use super::receiving_methods;
use super::sample::Sample;
use super::sleeper::WaitStrategy;
use crate::Sequence;
use crate::error::{Error, Result};
use crate::types::array::ArrayType;
use crate::types::kind::Kind;
#[cfg(feature = "schema")]
use crate::types::schema::Schema;
use crate::types::value_type::ValueType;
use shm_ring::copy::Destination;
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
    /// For ever.
    Follow,
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
    pub fn open(name: &str) -> Result<Self> {
        ReaderOptions::new().open_raw(name)
    }

    /// Options, of which none is set yet.
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

    /// Moves to another place in the region. What is passed by does not count as lost, but for
    /// [`Position::At`] a number that is no longer held.
    pub fn seek(&mut self, to: Position) {
        self.follow.seek(to);
    }

    /// Copies the newest value into the buffer, also if it was read before, and moves behind it.
    /// `None`: there is no value yet.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] if the region was removed, noticed within 50 ms, or 32 calls later where the calls before came within
    /// a microsecond of each other; [`Error::Busy`] if the writer overwrote the value
    /// each time; [`Error::Damaged`]; and, where the region was replaced, as for [`ReaderOptions::open`].
    pub fn latest_into(&mut self, buffer: &mut Vec<u8>) -> Result<Option<Sample<()>>> {
        self.newest(buffer)
    }

    /// Does what one of the receiving methods says.
    #[inline(always)]
    pub(super) fn ask(&mut self, ask: Ask, buffer: &mut impl Destination) -> Result<Option<Sample<()>>> {
        match ask {
            Ask::Newest => self.newest(buffer),
            Ask::Next => self.next(buffer),
            Ask::Await(timeout) => self.receive(buffer, timeout, Until::Closed),
            Ask::Follow => self.receive(buffer, None, Until::Deadline),
        }
    }

    #[inline(always)]
    fn newest(&mut self, buffer: &mut impl Destination) -> Result<Option<Sample<()>>> {
        if self.pace.is_quick()
            && let Some(stamped) = self.follow.newest_at_once(buffer)
        {
            self.pace.skip();
            return self.follow.give(stamped, buffer).map(Some);
        }
        self.newest_checked(buffer)
    }

    #[inline(never)]
    fn newest_checked(&mut self, buffer: &mut impl Destination) -> Result<Option<Sample<()>>> {
        let now = self.pace.now();
        self.follow.newest(now, buffer)
    }

    /// Copies the next value in order into the buffer. `None`: nothing new has come.
    ///
    /// # Errors
    ///
    /// As for [`latest_into`](Self::latest_into).
    pub fn try_recv_into(&mut self, buffer: &mut Vec<u8>) -> Result<Option<Sample<()>>> {
        self.next(buffer)
    }

    #[inline(always)]
    fn next(&mut self, buffer: &mut impl Destination) -> Result<Option<Sample<()>>> {
        match self.follow.next_at_once(buffer) {
            Some(stamped) => self.follow.give(stamped, buffer).map(Some),
            None => self.next_or_move(buffer),
        }
    }

    #[inline(never)]
    fn next_or_move(&mut self, buffer: &mut impl Destination) -> Result<Option<Sample<()>>> {
        match self.follow.step(self.pace.now(), buffer)? {
            Step::Value(sample) => Ok(Some(sample)),
            Step::Wait { .. } | Step::Ended { .. } => Ok(None),
            Step::Busy => Err(self.follow.busy()),
            Step::Absent => Err(self.follow.location().gone()),
        }
    }

    /// Waits for the next value in order and copies it into the buffer.
    /// `None`: the writer closed the region cleanly and everything was read.
    ///
    /// A writer that died is waited for, and so is the next one. Use [`follow_into`](Self::follow_into) to wait beyond a close.
    ///
    /// # Errors
    ///
    /// As for [`latest_into`](Self::latest_into), but for [`Error::Busy`].
    pub fn recv_into(&mut self, buffer: &mut Vec<u8>) -> Result<Option<Sample<()>>> {
        self.receive(buffer, None, Until::Closed)
    }

    /// Like [`recv_into`](Self::recv_into), but waits at most `timeout`.
    /// `None`: time passed, or the region is closed; [`is_ended`](Self::is_ended) tells.
    ///
    /// # Errors
    ///
    /// As for [`recv_into`](Self::recv_into).
    pub fn recv_timeout_into(&mut self, buffer: &mut Vec<u8>, timeout: Duration) -> Result<Option<Sample<()>>> {
        self.receive(buffer, Some(timeout), Until::Closed)
    }

    /// Waits for the next value in order, also beyond writers that end and regions that are removed and made anew.
    /// `None`: `timeout` passed; without one it waits for ever.
    ///
    /// # Errors
    ///
    /// As for [`recv_into`](Self::recv_into), but for [`Error::Gone`].
    pub fn follow_into(&mut self, buffer: &mut Vec<u8>, timeout: Option<Duration>) -> Result<Option<Sample<()>>> {
        self.receive(buffer, timeout, Until::Deadline)
    }

    /// Whether the writer closed the region cleanly, and every value was read.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.follow.is_ended()
    }

    receiving_methods!(Vec<u8>, ".");

    #[inline(always)]
    fn take(&mut self, ask: Ask) -> Result<Option<Sample<Vec<u8>>>> {
        let mut buffer = Vec::new();
        Ok(self.ask(ask, &mut buffer)?.map(|sample| sample.with(buffer)))
    }

    /// The error for a value that is not what it should be; what was told with it is told again.
    pub(super) fn undecodable(&mut self, sample: &Sample<()>, reason: String) -> Error {
        self.follow.tell_again(sample);
        Error::Decode { region: self.follow.location().name.clone(), sequence: sample.sequence, reason }
    }
}
