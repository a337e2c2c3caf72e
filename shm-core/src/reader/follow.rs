//! The next step of a reader. This module only decides and never waits. The caller passes the time, and
//! waits when the returned step says so.
//!
//! A reader continues in the file that its region's name refers to. It checks the name when the
//! region's state says that the region moves, when something in the file is wrong, and every 50 ms.
//! Before it leaves a file, it reads the values that the file still holds.

use super::expected::Expected;
use super::options::Position;
use super::sample::Sample;
use crate::Sequence;
use crate::error::{OpenError, ReceiveError};
use crate::region::format::ValueFormat;
use crate::region::location::Location;
use crate::region::{NOT_BELIEVED, Region};
use crate::sys::file::Access;
use shm_ring::copy::{Content as Copied, Destination};
use shm_ring::header::{MAX_SEQUENCE, STATE_CLOSED, STATE_MOVED, STATE_MOVING, STATE_OPEN};
use shm_ring::{Cursor, Fault, NO_MEMORY, Polled, Ring, Stamped};
use std::time::{Duration, Instant};

#[cfg(all(test, not(miri)))]
mod tests;

/// The interval at which the name is checked if there is no reason to check it earlier. It also limits
/// the length of a sleep.
pub const SLICE: Duration = Duration::from_millis(50);

/// How often a reader without a region looks whether the path of the directory refers to another one.
pub const DIRECTORY_PERIOD: Duration = Duration::from_millis(200);

/// The next step of a reader.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// The next value, which is now in the buffer.
    Value(Sample<()>),
    /// There is no new value: wait until the bell changes.
    Wait {
        /// The bell, read before the poll that found no value.
        bell: u32,
    },
    /// The writer closed the region, and every value was read. Another writer would change the bell.
    Ended {
        /// The bell, read before the poll that found no value.
        bell: u32,
    },
    /// The writer overwrote the value each time before it could be copied: try again.
    Busy,
    /// The region's name refers to no file: try again later.
    Absent,
}

/// The file that a region's name refers to.
#[derive(Debug, PartialEq, Eq)]
enum Name {
    /// The file that is being read, or that was being read a moment ago.
    Same,
    /// Another file, which the reader may meanwhile have adopted.
    Another,
    /// No file.
    Nothing,
}

/// A reader's position in a region, across all files that the region consists of during its life.
#[derive(Debug)]
pub struct Follow {
    location: Location,
    region: Region,
    cursor: Cursor,
    format: ValueFormat,
    expected: Expected,
    max_region_bytes: u64,
    // Whether values need no check: they have no checksum and are trusted.
    is_plain: bool,
    // When the name was last checked, and the bell of this file at that time.
    checked: (Instant, Option<u32>),
    // Whether the name referred to another file or to no file at the last check. If so, each call checks
    // again, until the reader adopts a file.
    is_astray: bool,
    // When the name was first seen to refer to this file although the file was replaced or removed, and whether
    // this is certain.
    nameless_since: Option<Instant>,
    // When the path of the directory was last looked up, since the name refers to no file.
    looked_up: Option<Instant>,
    is_stuck: bool,
    // Whether the file was already moved when it was opened.
    was_moved: bool,
    restarted: bool,
}

impl Follow {
    /// Creates a reader of this file that begins at its first value. `now` is the time when the file was
    /// opened.
    pub fn new(
        location: Location,
        region: Region,
        expected: Expected,
        max_region_bytes: u64,
        now: Instant,
    ) -> Result<Self, OpenError> {
        let format = expected.accept(&location, &region)?;
        Ok(Self {
            location,
            is_plain: is_plain(&region),
            was_moved: region.ring().state() == STATE_MOVED,
            region,
            cursor: Cursor::at(1),
            format,
            expected,
            max_region_bytes,
            checked: (now, None),
            is_astray: false,
            nameless_since: None,
            looked_up: None,
            is_stuck: false,
            restarted: false,
        })
    }

    /// The region's directory and name.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The file that is being read.
    #[inline]
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// The kind and type of the values. They may change whenever the region is replaced.
    pub fn format(&self) -> &ValueFormat {
        &self.format
    }

    /// Whether polling for the next value would find something; see [`Cursor::is_near`].
    #[inline]
    pub fn is_near(&self) -> bool {
        self.cursor.is_near(self.region.ring())
    }

    /// Whether the writer closed the region cleanly and every value was read.
    pub fn is_ended(&self) -> bool {
        self.ring().state() == STATE_CLOSED && self.ring().head() < self.cursor.next()
    }

    /// Moves to another position in the region. Skipped values do not count as lost, except those that
    /// [`Position::At`] asks for and that are no longer retained.
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
                self.cursor.jump(sequence.clamp(1, MAX_SEQUENCE));
                self.cursor.skip_to(oldest);
            }
        }
    }

    /// The oldest value that the writer is not overwriting at this moment.
    fn oldest_whole(&self, head: u64) -> u64 {
        let oldest = self.ring().oldest(head);
        // A lower stamp means damage or a skipped sequence number. Reading that value reports it.
        let is_overwritten = oldest <= head && self.ring().stamp(oldest) > oldest.wrapping_mul(2);
        if is_overwritten { oldest.saturating_add(1) } else { oldest }
    }

    /// Returns the next value, if a single poll finds it. Reads nothing but its slot. Pass the result to
    /// [`give`](Self::give).
    #[inline(always)]
    pub fn next_at_once(&mut self, buffer: &mut impl Destination) -> Option<Stamped> {
        self.cursor.poll_at_once(self.region.ring(), buffer)
    }

    /// Takes the next step, in this file or in the file that has replaced it.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the value, with this file, or with the file that the name refers to.
    #[inline]
    pub fn step(&mut self, now: Instant, buffer: &mut impl Destination) -> Result<Step, ReceiveError> {
        loop {
            // Read the bell and the state first: the poll then finds everything that was published before they
            // changed.
            let (bell, state) = (self.ring().bell(), self.ring().state());
            let polled = self.cursor.poll(self.region.ring(), buffer);
            match polled {
                Ok(Polled::Value(stamped)) => return self.give(stamped, buffer).map(Step::Value),
                Ok(Polled::Busy) => return Ok(Step::Busy),
                Ok(Polled::Empty) | Err(_) => {}
            }
            // If this file is damaged, a writer may have replaced it for that reason.
            match self.look_at_name(now, state, polled.is_err())? {
                Name::Same => {
                    polled.map_err(|fault| self.pass(fault))?;
                    self.check_state(state)?;
                    return Ok(self.nothing_new(bell));
                }
                Name::Nothing => return Ok(Step::Absent),
                Name::Another => {}
            }
            // No more values will be published in this file, but some may have arrived since the poll above.
            if let Ok(Polled::Value(stamped)) = self.cursor.poll(self.region.ring(), buffer) {
                return self.give(stamped, buffer).map(Step::Value);
            }
            match self.adopt(now)? {
                Name::Another => {}
                Name::Same => return Ok(self.nothing_new(bell)),
                Name::Nothing => return Ok(Step::Absent),
            }
        }
    }

    fn nothing_new(&self, bell: u32) -> Step {
        if self.is_ended() { Step::Ended { bell } } else { Step::Wait { bell } }
    }

    /// Returns the newest value, if a single poll finds it and the region is not moving to another file.
    /// Pass the result to [`give`](Self::give).
    #[inline(always)]
    pub fn newest_at_once(&mut self, buffer: &mut impl Destination) -> Option<Stamped> {
        let ring = self.region.ring();
        if self.is_astray || ring.state() >= STATE_MOVING {
            return None;
        }
        let stamped = ring.latest_at_once(self.cursor.passed(), buffer)?;
        self.cursor.jump(stamped.sequence + 1);
        Some(stamped)
    }

    /// Returns the newest value of the file that the name refers to, even if it was received before, or
    /// `None` if there is no value yet.
    ///
    /// # Errors
    ///
    /// As for [`step`](Self::step); [`ReceiveError::Gone`] and [`ReceiveError::Busy`].
    #[inline]
    pub fn newest(&mut self, now: Instant, buffer: &mut impl Destination) -> Result<Option<Sample<()>>, ReceiveError> {
        loop {
            let state = self.ring().state();
            let polled = self.ring().latest(self.cursor.passed(), buffer);
            let found = match self.look_at_name(now, state, polled.is_err())? {
                Name::Another => self.adopt(now)?,
                found => found,
            };
            match found {
                Name::Another => continue,
                Name::Nothing => return Err(self.location.gone_for_reader()),
                Name::Same => {}
            }
            return match polled.map_err(|fault| self.faulty(fault))? {
                Polled::Value(stamped) => {
                    self.cursor.jump(stamped.sequence + 1);
                    self.give(stamped, buffer).map(Some)
                }
                Polled::Empty => self.check_state(state).map(|()| None),
                Polled::Busy => Err(self.busy()),
            };
        }
    }

    /// Returns the file that the name refers to, if a check is due. A check is due after each change while
    /// the region moves, when something in this file is wrong, and otherwise every 50 ms. A `now` before
    /// the last check counts as the time of that check.
    #[inline(always)]
    fn look_at_name(&mut self, now: Instant, state: u32, is_at_fault: bool) -> Result<Name, ReceiveError> {
        let (last, last_bell) = self.checked;
        let moves = matches!(state, STATE_MOVING | STATE_MOVED) && last_bell != Some(self.ring().bell());
        let is_due = self.is_astray || is_at_fault || moves || now.duration_since(last) >= SLICE;
        if !is_due {
            return Ok(Name::Same);
        }
        self.checked = (now, Some(self.ring().bell()));
        let mut found = self.location.stat_region();
        if matches!(found, Ok(None)) {
            self.is_astray = true;
            if self.looked_up.is_none_or(|last| now.duration_since(last) >= DIRECTORY_PERIOD) {
                self.looked_up = Some(now);
                if self.location.follow_directory()? {
                    found = self.location.stat_region();
                }
            }
        }
        let found = match found {
            Ok(found) => found,
            Err(error) => return self.uncompared(state, error),
        };
        self.is_astray = found.is_none_or(|stat| stat.identity != self.region.identity);
        match found {
            None => Ok(Name::Nothing),
            // The bell that was recorded above may be the last one of this file, so it would not cause another
            // check. Because `is_astray` is set, the next call checks again.
            Some(_) if self.is_astray => Ok(Name::Another),
            Some(stat) if stat.names == 0 || self.is_newly_moved(state) => self.nameless(now, state),
            // If this killed the writer, there is no other sign of it.
            Some(stat) if stat.bytes < self.region.static_header.region_bytes => {
                Err(self.damaged("another program cut its file short".to_owned()))
            }
            Some(_) => Ok(Name::Same),
        }
    }

    /// Decides what to do if the name cannot be compared. This proves nothing, so the reader compares
    /// again later. But a file that was moved gets no more values, so waiting there would never end.
    #[cold]
    fn uncompared(&mut self, state: u32, error: OpenError) -> Result<Name, ReceiveError> {
        if self.is_newly_moved(state) {
            self.is_astray = true;
            return Err(error.into());
        }
        Ok(if self.is_astray { Name::Nothing } else { Name::Same })
    }

    /// Decides what it means that the name refers to this file, although the file was replaced or removed.
    ///
    /// A writer announces that a file is moved after the name has changed, so the name will not change any
    /// more: the file itself is mounted there. Without that state, the file may have lost its name just now.
    #[cold]
    fn nameless(&mut self, now: Instant, state: u32) -> Result<Name, ReceiveError> {
        self.is_astray = true;
        let since = *self.nameless_since.get_or_insert(now);
        self.is_stuck |= self.is_newly_moved(state) || now.duration_since(since) >= SLICE;
        if self.is_stuck && !self.is_ended() { Err(self.stuck()) } else { Ok(Name::Nothing) }
    }

    /// Whether the file was moved after this reader opened it. A file that was moved before is a copy.
    fn is_newly_moved(&self, state: u32) -> bool {
        state == STATE_MOVED && !self.was_moved
    }

    /// Whether the name cannot refer to another file any more; see [`stuck`](Self::stuck).
    pub fn is_stuck(&self) -> bool {
        self.is_stuck
    }

    /// The error for a name that keeps referring to a file that was replaced or removed.
    pub fn stuck(&self) -> ReceiveError {
        self.location.mounted("follow").into()
    }

    /// Continues in the file that the name refers to now, if it is another file. The values of the old file
    /// have been read.
    fn adopt(&mut self, now: Instant) -> Result<Name, ReceiveError> {
        self.is_astray = true;
        let region = match Region::open(&self.location, Access::Read, self.max_region_bytes) {
            Err(OpenError::NotFound { .. }) => return Ok(Name::Nothing),
            opened => opened?,
        };
        if region.identity == self.region.identity {
            self.is_astray = false;
            return Ok(Name::Same);
        }
        self.format = self.expected.accept(&self.location, &region)?;
        let first = region.ring().first();
        if region.static_header.lineage == self.region.static_header.lineage {
            self.cursor.skip_to(first);
        } else {
            self.cursor.jump(first);
            self.restarted = true;
        }
        self.is_plain = is_plain(&region);
        self.was_moved = region.ring().state() == STATE_MOVED;
        self.region = region;
        self.checked = (now, None);
        self.is_astray = false;
        (self.nameless_since, self.looked_up, self.is_stuck) = (None, None, false);
        Ok(Name::Another)
    }

    /// Returns a value that was copied, or the reason why it is not trusted.
    #[inline(always)]
    pub fn give(&mut self, stamped: Stamped, room: &impl Destination) -> Result<Sample<()>, ReceiveError> {
        if !self.is_plain
            && let Err(error) = self.check(&stamped, room)
        {
            self.cursor.add_lost(stamped.lost);
            return Err(error);
        }
        let Stamped { sequence, time_ns, lost, .. } = stamped;
        Ok(Sample { sequence, lost, restarted: std::mem::take(&mut self.restarted), value: (), time_ns })
    }

    /// Makes the next value report again what was reported with a value that could not be used.
    pub fn tell_again(&mut self, sample: &Sample<()>) {
        self.cursor.add_lost(sample.lost);
        self.restarted |= sample.restarted;
    }

    /// Refuses a state that no writer stores. It shows that the file was emptied; otherwise such a file
    /// looks like a region without values.
    #[inline]
    fn check_state(&self, state: u32) -> Result<(), ReceiveError> {
        if (STATE_OPEN..=STATE_MOVED).contains(&state) {
            return Ok(());
        }
        Err(self.damaged(format!("its state is {state}, not one of {STATE_OPEN} to {STATE_MOVED}")))
    }

    /// Checks, as far as possible, that a value is the one that was published.
    fn check(&self, stamped: &Stamped, room: &impl Destination) -> Result<(), ReceiveError> {
        let holds = || match room.content() {
            Copied::Copied(payload) => stamped.checksum_holds(payload),
            Copied::InPlace(bytes) => {
                let slot = self.region.ring().slot_view(stamped.sequence, bytes);
                // A value that was overwritten meanwhile is not damaged; its view reports that it is not whole.
                slot.checksum_holds(stamped) || !slot.is_whole()
            }
        };
        let problem = match self.region.static_header.has_checksums() {
            true if stamped.has_checksum() && holds() => return Ok(()),
            true => "its checksum does not match",
            false => NOT_BELIEVED,
        };
        Err(self.damaged_value(stamped.sequence, problem))
    }

    /// Returns the error for the next value, and continues after it if only this value is damaged.
    #[cold]
    fn pass(&mut self, fault: Fault) -> ReceiveError {
        let error = self.faulty(fault);
        if error.value().is_some() && fault.sequence == self.cursor.next() {
            self.cursor.pass();
            // A damaged head can name any number of values. The ring retains no more of them than it has slots.
            let oldest = self.ring().oldest(self.ring().head());
            self.cursor.skip_to(oldest);
        }
        error
    }

    #[cold]
    fn faulty(&self, fault: Fault) -> ReceiveError {
        let Fault { sequence, problem } = fault;
        match problem {
            NO_MEMORY => ReceiveError::TooLarge { region: self.location.name.clone(), sequence },
            _ if fault.is_of_one_value() && sequence <= self.ring().head() => self.damaged_value(sequence, problem),
            _ => self.damaged(format!("value {sequence}: {problem}")),
        }
    }

    #[cold]
    fn damaged_value(&self, sequence: Sequence, problem: &str) -> ReceiveError {
        ReceiveError::DamagedValue { region: self.location.name.clone(), sequence, reason: problem.to_owned() }
    }

    fn damaged(&self, reason: String) -> ReceiveError {
        ReceiveError::Damaged { region: self.location.name.clone(), reason }
    }

    /// The error for a value that was overwritten each time before it could be copied.
    pub fn busy(&self) -> ReceiveError {
        ReceiveError::Busy { region: self.location.name.clone() }
    }

    fn ring(&self) -> Ring<'_> {
        self.region.ring()
    }
}

/// Whether the region's values have no checksums and are trusted without them.
fn is_plain(region: &Region) -> bool {
    !region.static_header.has_checksums() && region.survived_cleanly()
}
