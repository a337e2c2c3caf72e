//! The reading handles: they attach to a region, wait, and follow it from file to file. They store nothing shared.

use crate::array::ArrayType;
use crate::copy::{Content, Room};
use crate::description::Description;
use crate::error::{Error, Result};
use crate::header::{STATE_CLOSED, STATE_MOVED, STATE_MOVING, STATE_OPEN};
use crate::payload::Kind;
use crate::region::place::Place;
use crate::region::{Access, NOT_BELIEVED, Region};
use crate::ring::{Cursor, Fault, Polled, Ring, Stamped};
#[cfg(feature = "schema")]
use crate::schema::Schema;
use crate::wait::{self, SLICE, Sleeper, Wait};
use crate::{Attached, Sequence, ring_of};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

mod arrays;
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
    region: Attached,
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

impl RawReader {
    fn new(place: Place, region: Region, wanted: Wanted, max_bytes: u64, wait: Wait) -> Result<Self> {
        let (kind, description) = wanted.accept(&place, &region)?;
        Ok(Self {
            place,
            is_plain: is_plain(&region),
            region: region.into(),
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
    /// [`Error::Gone`] if the region was removed, noticed within 50 ms; [`Error::Busy`] if the writer overwrote the value
    /// each time; [`Error::Damaged`]; and, where the region was replaced, as for [`ReaderOptions::open`].
    pub fn latest_into(&mut self, buffer: &mut Vec<u8>) -> Result<Option<Sample<()>>> {
        self.newest(buffer)
    }

    #[inline]
    fn newest(&mut self, buffer: &mut impl Room) -> Result<Option<Sample<()>>> {
        let ring = self.region.ring();
        let state = ring.state();
        let polled = ring.latest(buffer);
        let is_settled = !self.is_astray && state != STATE_MOVING && state != STATE_MOVED;
        if let Ok(Polled::Value(stamped)) = polled
            && is_settled
            && self.pace.is_quick()
        {
            self.cursor.jump(stamped.sequence + 1);
            return self.give(stamped, buffer).map(Some);
        }
        self.newest_checked(state, polled, buffer)
    }

    /// The newest value, which was polled in this state, once the name was compared if it is time for that.
    fn newest_checked(
        &mut self,
        mut state: u32,
        mut polled: std::result::Result<Polled, Fault>,
        buffer: &mut impl Room,
    ) -> Result<Option<Sample<()>>> {
        loop {
            if self.name_is_due(state, polled.is_err()) && self.is_replaced()? && self.adopt()? {
                state = self.ring().state();
                polled = self.ring().latest(buffer);
                continue;
            }
            return match polled.map_err(|fault| self.damaged(fault))? {
                Polled::Value(stamped) => {
                    self.cursor.jump(stamped.sequence + 1);
                    self.give(stamped, buffer).map(Some)
                }
                Polled::Empty => self.check_state(state).map(|()| None),
                Polled::Busy => Err(self.busy()),
            };
        }
    }

    /// Copies the next value in order into the buffer. `None`: nothing new has come.
    ///
    /// # Errors
    ///
    /// As for [`latest_into`](Self::latest_into).
    pub fn try_recv_into(&mut self, buffer: &mut Vec<u8>) -> Result<Option<Sample<()>>> {
        self.next(buffer)
    }

    #[inline]
    fn next(&mut self, buffer: &mut impl Room) -> Result<Option<Sample<()>>> {
        // Most often the next value is there; then nothing but its slot is touched.
        match self.poll(buffer) {
            Ok(Polled::Value(stamped)) => self.give(stamped, buffer).map(Some),
            _ => self.take_or_move(buffer),
        }
    }

    #[inline(always)]
    fn poll(&mut self, buffer: &mut impl Room) -> std::result::Result<Polled, Fault> {
        self.cursor.poll(self.region.ring(), buffer)
    }

    /// The next value, in this file or in the one that has taken its place.
    fn take_or_move(&mut self, buffer: &mut impl Room) -> Result<Option<Sample<()>>> {
        loop {
            // The state comes first: everything that was published before it changed is then found.
            let state = self.ring().state();
            let polled = self.poll(buffer);
            match polled {
                Ok(Polled::Value(stamped)) => return self.give(stamped, buffer).map(Some),
                Ok(Polled::Busy) => return Err(self.busy()),
                Ok(Polled::Empty) | Err(_) => {}
            }
            // A damaged file may have been replaced for that very reason.
            if !self.name_is_due(state, polled.is_err()) || !self.is_replaced()? {
                polled.map_err(|fault| self.damaged(fault))?;
                return self.check_state(state).map(|()| None);
            }
            // Nothing more comes to this file; but something may have come since we looked.
            if let Ok(Polled::Value(stamped)) = self.poll(buffer) {
                return self.give(stamped, buffer).map(Some);
            }
            if !self.adopt()? {
                return Ok(None);
            }
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

    #[inline]
    fn await_next(&mut self, buffer: &mut impl Room, timeout: Option<Duration>) -> Result<Option<Sample<()>>> {
        self.receive(buffer, timeout.and_then(deadline_after), Until::Closed)
    }

    #[inline]
    fn follow(&mut self, buffer: &mut impl Room, timeout: Option<Duration>) -> Result<Option<Sample<()>>> {
        self.receive(buffer, timeout.and_then(deadline_after), Until::Deadline)
    }

    #[inline]
    fn receive(
        &mut self,
        buffer: &mut impl Room,
        deadline: Option<Instant>,
        until: Until,
    ) -> Result<Option<Sample<()>>> {
        self.linger();
        if let Ok(Polled::Value(stamped)) = self.poll(buffer) {
            return self.give(stamped, buffer).map(Some);
        }
        let mut file = self.region.identity;
        let mut sleeper = Sleeper::new(self.wait, self.region.fixed.look_ns);
        loop {
            let bell = self.ring().bell();
            let is_absent = match self.take_or_move(buffer) {
                Ok(Some(sample)) => return Ok(Some(sample)),
                Ok(None) => false,
                Err(Error::Gone { .. }) if until == Until::Deadline => true,
                // Closed first and removed then: the close is what was waited for.
                Err(Error::Gone { .. }) if self.is_closed() => return Ok(None),
                Err(Error::Busy { .. }) if time_left(deadline).is_zero() => return Ok(None),
                Err(Error::Busy { .. }) => continue,
                Err(error) => return Err(error),
            };
            // The bell of one file says nothing of another's.
            if self.region.identity != file {
                file = self.region.identity;
                sleeper = Sleeper::new(self.wait, self.region.fixed.look_ns);
                continue;
            }
            if until == Until::Closed && self.is_closed() {
                return Ok(None);
            }
            let left = time_left(deadline);
            if left.is_zero() {
                return Ok(None);
            }
            if is_absent {
                std::thread::sleep(left.min(ABSENT_POLL));
            } else {
                let ring = self.region.ring();
                sleeper.wait(&self.region.header().hot.bell, bell, left, || self.cursor.is_near(ring));
            }
        }
    }

    /// Waits about a microsecond for the next value, without a look at the header's line, which the writer needs.
    ///
    /// Who catches up with a stream of values is for a moment better off without looking: each look takes the line away
    /// from the writer that is about to fill it.
    #[inline]
    fn linger(&mut self) {
        let ring = self.region.ring();
        if self.cursor.is_near(ring) {
            self.streak = self.streak.saturating_add(1);
            return;
        }
        if self.streak >= STREAM {
            wait::pause();
        }
        if !self.cursor.is_near(ring) {
            self.streak = 0;
            wait::spin(|| self.cursor.is_near(ring));
        }
    }

    /// Whether the writer closed the region cleanly, and every value was read.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.ring().state() == STATE_CLOSED && self.ring().head() < self.cursor.next()
    }

    receiving_methods!(Vec<u8>, ".");

    fn take(
        &mut self,
        get: impl FnOnce(&mut Self, &mut Vec<u8>) -> Result<Option<Sample<()>>>,
    ) -> Result<Option<Sample<Vec<u8>>>> {
        let mut buffer = Vec::new();
        Ok(get(self, &mut buffer)?.map(|sample| sample.with(buffer)))
    }

    fn ring(&self) -> Ring<'_> {
        self.region.ring()
    }

    /// Whether it is time to compare the name: after each change while the region moves, when something is wrong here,
    /// else every 50 ms.
    #[inline]
    fn name_is_due(&mut self, state: u32, is_at_fault: bool) -> bool {
        let (last, last_bell) = self.checked;
        let moves = matches!(state, STATE_MOVING | STATE_MOVED) && last_bell != Some(self.ring().bell());
        let asks = self.is_astray || is_at_fault || moves;
        if !asks && self.pace.is_quick() {
            return false;
        }
        let now = self.pace.read_clock();
        let is_due = asks || now.duration_since(last) >= SLICE;
        if is_due {
            self.checked = (now, Some(self.ring().bell()));
        }
        is_due
    }

    /// Whether the region's name leads to another file than this one.
    fn is_replaced(&mut self) -> Result<bool> {
        let identity = self.place.identity()?;
        self.is_astray = identity.is_none();
        match identity {
            None => Err(self.place.gone()),
            Some(identity) => Ok(identity != self.region.identity),
        }
    }

    /// Goes on in the file that the name leads to now. The old one was drained.
    fn adopt(&mut self) -> Result<bool> {
        self.is_astray = true;
        let region = match Region::open(&self.place, Access::Read, self.max_bytes) {
            Err(Error::NotFound { .. }) => return Err(self.place.gone()),
            opened => opened?,
        };
        if region.identity == self.region.identity {
            self.is_astray = false;
            return Ok(false);
        }
        (self.kind, self.description) = self.wanted.accept(&self.place, &region)?;
        let first = ring_of(&region).first();
        if region.fixed.lineage == self.region.fixed.lineage {
            self.cursor.skip_to(first);
        } else {
            self.cursor.jump(first);
            self.restarted = true;
        }
        self.is_plain = is_plain(&region);
        self.region = region.into();
        self.checked = (Instant::now(), None);
        self.is_astray = false;
        Ok(true)
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
        self.place.damaged(format!("value {}: {}", fault.sequence, fault.problem))
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
    fn with<T>(self, value: T) -> Sample<T> {
        let Self { sequence, lost, restarted, value: (), time_ns } = self;
        Sample { sequence, lost, restarted, value, time_ns }
    }
}
