//! The reading handles: they attach to a region, wait, and follow it from file to file. They store nothing shared.

use crate::Sequence;
use crate::array::ArrayType;
use crate::description::Description;
use crate::error::{Error, Result};
use crate::payload::Kind;
use crate::region::place::Place;
use crate::region::{NOT_BELIEVED, Region};
#[cfg(feature = "schema")]
use crate::schema::Schema;
use crate::wait::{self, Wait};
use shm_ring::copy::{Content, Room};
use shm_ring::header::{STATE_CLOSED, STATE_MOVED, STATE_MOVING, STATE_OPEN};
use shm_ring::{Cursor, Fault, NO_MEMORY, Ring, Stamped};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

mod arrays;
mod following;
mod methods;
mod open;
mod pace;
mod typed;
#[cfg(feature = "schema")]
mod values;
mod view;

pub use arrays::ArrayReader;
use methods::receiving_methods;
use open::Wanted;
pub use open::{Position, ReaderOptions};
use pace::Pace;
pub use typed::Reader;
#[cfg(feature = "schema")]
pub use values::ValueReader;
pub use view::View;

/// How often a region that does not exist is looked for.
const ABSENT_POLL: Duration = Duration::from_millis(20);

/// So many values in a row that were there when they were waited for are a stream.
const STREAM: u32 = 32;

/// A value with what the region says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sample<T> {
    /// The value's number. Numbers start at 1 and go on over the writer's restarts and the region's growth.
    pub sequence: Sequence,
    /// How many values were missed directly before this one, because the reader was too slow for the ring.
    pub lost: u64,
    /// Whether it is the first of another lineage: the region was removed and made anew, or it was damaged and replaced
    /// without its newest value. Numbers may start anew, and values may come again.
    pub restarted: bool,
    /// The value.
    pub value: T,
    // 0: not yet noted.
    time_ns: u64,
}

impl<T> Sample<T> {
    /// When the value was published. Where the writer has not noted it (it does so just after publishing, and may have died
    /// in between), it is the time of this call.
    #[must_use]
    pub fn time(&self) -> SystemTime {
        match self.time_ns {
            0 => SystemTime::now(),
            time_ns => UNIX_EPOCH + Duration::from_nanos(time_ns),
        }
    }
}

/// A deadline, or `None` where it is too far away to matter.
fn deadline_after(timeout: Duration) -> Option<Instant> {
    Instant::now().checked_add(timeout)
}

fn time_left(deadline: Option<Instant>) -> Duration {
    deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()))
}

/// A reader of the payloads' bytes. See [`Reader`] for the rest.
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
    place: Place,
    region: Region,
    cursor: Cursor,
    kind: Kind,
    // The type of the values, if the region says that.
    description: Option<Description>,
    wanted: Wanted,
    max_bytes: u64,
    // Whether values need no check: they have no checksum, and are believed.
    is_plain: bool,
    wait: Wait,
    // When the name was last compared, and at which bell of this file.
    checked: (Instant, Option<u32>),
    pace: Pace,
    // How many values in a row were there when they were waited for.
    streak: u32,
    // The last value that was decoded from a view.
    encoded: Vec<u8>,
    // Whether the name led nowhere, or to what this reader cannot read: then each call looks again.
    is_astray: bool,
    restarted: bool,
}

/// When a wait ends without a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// Once the writer closed the region cleanly; a region that is removed is an error.
    Closed,
    /// Only at the deadline: another writer, or another region, may come.
    Deadline,
}

/// Which value a handle wants. It is known where it is called, so that nothing of it is left.
#[derive(Clone, Copy)]
enum Ask {
    Newest,
    Next,
    /// Waiting for it, at most so long.
    Await(Option<Duration>),
    /// For ever.
    Follow,
}

impl RawReader {
    fn new(place: Place, region: Region, wanted: Wanted, max_bytes: u64, wait: Wait) -> Result<Self> {
        let (kind, description) = wanted.accept(&place, &region)?;
        Ok(Self {
            place,
            is_plain: is_plain(&region),
            region,
            cursor: Cursor::at(1),
            kind,
            description,
            wanted,
            max_bytes,
            wait,
            checked: (Instant::now(), None),
            pace: Pace::new(),
            streak: 0,
            encoded: Vec::new(),
            is_astray: false,
            restarted: false,
        })
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
        self.description.as_ref().and_then(Description::array)
    }

    /// The schema of the payloads' type, if the region has one. It may change as the kind may.
    #[cfg(feature = "schema")]
    #[must_use]
    pub fn schema(&self) -> Option<&Schema> {
        self.description.as_ref().and_then(Description::schema)
    }

    /// What the payloads are. It may change between values, when the region is replaced.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The number of the newest value; 0 if there was none yet.
    #[must_use]
    pub fn head(&self) -> Sequence {
        self.ring().head()
    }

    /// Moves to another place in the region. What is passed by does not count as lost, but for
    /// [`Position::At`] a number that is no longer held.
    pub fn seek(&mut self, to: Position) {
        let ring = self.ring();
        let head = ring.head();
        let oldest = self.oldest_whole(head);
        match to {
            Position::Oldest => self.cursor.jump(oldest),
            Position::Latest => self.cursor.jump(head.max(oldest)),
            Position::New => self.cursor.jump(head.saturating_add(1)),
            Position::Last(count) => self.cursor.jump(oldest.max(head.saturating_add(1).saturating_sub(count))),
            Position::At(sequence) => {
                self.cursor.jump(sequence.max(1));
                self.cursor.skip_to(oldest);
            }
        }
    }

    /// The oldest value that is not being overwritten at this moment.
    fn oldest_whole(&self, head: u64) -> u64 {
        let oldest = self.ring().oldest(head);
        // A lower stamp is damage, or a number that was left out: whoever asks for it is told.
        let is_overwritten = oldest <= head && self.ring().stamp(oldest) > oldest.wrapping_mul(2);
        if is_overwritten { oldest.saturating_add(1) } else { oldest }
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

    #[inline(always)]
    fn ask(&mut self, ask: Ask, buffer: &mut impl Room) -> Result<Option<Sample<()>>> {
        match ask {
            Ask::Newest => self.newest(buffer),
            Ask::Next => self.next(buffer),
            Ask::Await(timeout) => self.await_next(buffer, timeout),
            Ask::Follow => self.follow(buffer, None),
        }
    }

    #[inline(always)]
    fn newest(&mut self, buffer: &mut impl Room) -> Result<Option<Sample<()>>> {
        let ring = self.region.ring();
        if !self.is_astray
            && self.pace.is_quick()
            && ring.state() < STATE_MOVING
            && let Some(stamped) = ring.latest_at_once(self.cursor.passed(), buffer)
        {
            self.cursor.jump(stamped.sequence + 1);
            return self.give(stamped, buffer).map(Some);
        }
        self.newest_checked(buffer)
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
    fn next(&mut self, buffer: &mut impl Room) -> Result<Option<Sample<()>>> {
        // Most often the next value is there; then nothing but its slot is touched.
        match self.cursor.poll_at_once(self.region.ring(), buffer) {
            Some(stamped) => self.give(stamped, buffer).map(Some),
            None => self.take_or_move(buffer),
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
        self.await_next(buffer, None)
    }

    /// Like [`recv_into`](Self::recv_into), but waits at most `timeout`.
    /// `None`: time passed, or the region is closed; [`is_closed`](Self::is_closed) tells.
    ///
    /// # Errors
    ///
    /// As for [`recv_into`](Self::recv_into).
    pub fn recv_timeout_into(&mut self, buffer: &mut Vec<u8>, timeout: Duration) -> Result<Option<Sample<()>>> {
        self.await_next(buffer, Some(timeout))
    }

    /// Waits for the next value in order, also beyond writers that end and regions that are removed and made anew.
    /// `None`: `timeout` passed; without one it waits for ever.
    ///
    /// # Errors
    ///
    /// As for [`recv_into`](Self::recv_into), but for [`Error::Gone`].
    pub fn follow_into(&mut self, buffer: &mut Vec<u8>, timeout: Option<Duration>) -> Result<Option<Sample<()>>> {
        self.follow(buffer, timeout)
    }

    #[inline(always)]
    fn await_next(&mut self, buffer: &mut impl Room, timeout: Option<Duration>) -> Result<Option<Sample<()>>> {
        self.receive(buffer, timeout, Until::Closed)
    }

    #[inline]
    fn follow(&mut self, buffer: &mut impl Room, timeout: Option<Duration>) -> Result<Option<Sample<()>>> {
        self.receive(buffer, timeout, Until::Deadline)
    }

    #[inline(always)]
    fn receive(
        &mut self,
        buffer: &mut impl Room,
        timeout: Option<Duration>,
        until: Until,
    ) -> Result<Option<Sample<()>>> {
        match self.cursor.poll_at_once(self.region.ring(), buffer) {
            Some(stamped) => {
                self.streak = self.streak.saturating_add(1);
                self.give(stamped, buffer).map(Some)
            }
            None => self.receive_later(buffer, timeout, until),
        }
    }

    #[inline(never)]
    fn receive_later(
        &mut self,
        buffer: &mut impl Room,
        timeout: Option<Duration>,
        until: Until,
    ) -> Result<Option<Sample<()>>> {
        if self.linger()
            && let Some(stamped) = self.cursor.poll_at_once(self.region.ring(), buffer)
        {
            return self.give(stamped, buffer).map(Some);
        }
        self.wait_for(buffer, timeout.and_then(deadline_after), until)
    }

    /// Waits about a microsecond for the next value, without a look at the header's line, which the writer needs; whether
    /// it came.
    ///
    /// Who catches up with a stream of values is for a moment better off without looking: each look takes the line away
    /// from the writer that is about to fill it.
    #[inline]
    fn linger(&mut self) -> bool {
        let ring = self.region.ring();
        if self.streak >= STREAM {
            wait::pause();
        }
        if self.cursor.is_near(ring) {
            return true;
        }
        self.streak = 0;
        wait::spin(|| self.cursor.is_near(ring))
    }

    /// Whether the writer closed the region cleanly, and every value was read.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.ring().state() == STATE_CLOSED && self.ring().head() < self.cursor.next()
    }

    receiving_methods!(Vec<u8>, ".");

    #[inline(always)]
    fn take(&mut self, ask: Ask) -> Result<Option<Sample<Vec<u8>>>> {
        let mut buffer = Vec::new();
        Ok(self.ask(ask, &mut buffer)?.map(|sample| sample.with(buffer)))
    }

    fn ring(&self) -> Ring<'_> {
        self.region.ring()
    }

    /// Gives a value that was copied, or says why it is not to be believed.
    #[inline(always)]
    fn give(&mut self, stamped: Stamped, room: &impl Room) -> Result<Sample<()>> {
        if !self.is_plain
            && let Err(error) = self.check(&stamped, room)
        {
            self.cursor.add_lost(stamped.lost);
            return Err(error);
        }
        let Stamped { sequence, time_ns, lost, .. } = stamped;
        Ok(Sample { sequence, lost, restarted: std::mem::take(&mut self.restarted), value: (), time_ns })
    }

    /// Takes back what was told with a value that could not be used, so that it is told with the next one.
    fn tell_again(&mut self, sample: &Sample<()>) {
        self.cursor.add_lost(sample.lost);
        self.restarted |= sample.restarted;
    }

    /// The error for a value that is not what it should be; what was told with it is told again.
    fn undecodable(&mut self, sample: &Sample<()>, reason: String) -> Error {
        self.tell_again(sample);
        Error::Decode { region: self.place.shown.clone(), sequence: sample.sequence, reason }
    }

    /// A state that nobody stores is a sign of a file that was emptied, which otherwise looks like one without values.
    #[inline]
    fn check_state(&self, state: u32) -> Result<()> {
        if (STATE_OPEN..=STATE_MOVED).contains(&state) {
            return Ok(());
        }
        Err(self.place.damaged(format!("state {state} is not one of {STATE_OPEN} to {STATE_MOVED}")))
    }

    /// Whether a value is the one that was published, as far as that can be told.
    fn check(&self, stamped: &Stamped, room: &impl Room) -> Result<()> {
        let holds = || match room.content() {
            Content::Copied(payload) => stamped.checksum_holds(payload),
            Content::InPlace(bytes) => {
                let held = self.region.ring().place(stamped.sequence, bytes);
                // One that was overwritten meanwhile is not damaged, and its view says that it is not whole.
                held.checksum_holds(stamped) || !held.is_whole()
            }
        };
        let problem = match self.region.fixed.has_checksums() {
            true if stamped.has_checksum() && holds() => return Ok(()),
            true => "its checksum does not match",
            false => NOT_BELIEVED,
        };
        Err(self.damaged(Fault { sequence: stamped.sequence, problem }))
    }

    fn damaged(&self, fault: Fault) -> Error {
        let reason = format!("value {}: {}", fault.sequence, fault.problem);
        match fault.problem {
            NO_MEMORY => Error::TooLarge { region: self.place.shown.clone(), reason },
            _ => self.place.damaged(reason),
        }
    }

    fn busy(&self) -> Error {
        Error::Busy { region: self.place.shown.clone() }
    }
}

/// Whether the values of a region are believed without a checksum, and have none.
fn is_plain(region: &Region) -> bool {
    !region.fixed.has_checksums() && region.survived_cleanly()
}

impl Sample<()> {
    #[inline(always)]
    fn with<T>(self, value: T) -> Sample<T> {
        let Self { sequence, lost, restarted, value: (), time_ns } = self;
        Sample { sequence, lost, restarted, value, time_ns }
    }
}
