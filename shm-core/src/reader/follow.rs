//! What a reader does next. It decides, and never waits: the time is an argument, and whoever asks does the waiting that
//! the answer says.
//!
//! A reader goes on in the file that its region's name leads to. It looks at the name when the region says that it moves,
//! when something is wrong in the file, and every 50 ms; before it leaves a file, it takes what the file still holds.

use super::expected::Expected;
use super::options::Position;
use super::sample::Sample;
use crate::error::{OpenError, ReceiveError};
use crate::region::format::ValueFormat;
use crate::region::location::Location;
use crate::region::{NOT_BELIEVED, Region};
use crate::sys::file::Access;
use shm_ring::copy::{Content as Copied, Destination};
use shm_ring::header::{STATE_CLOSED, STATE_MOVED, STATE_MOVING, STATE_OPEN};
use shm_ring::{Cursor, Fault, NO_MEMORY, Polled, Ring, Stamped};
use std::time::{Duration, Instant};

#[cfg(all(test, not(miri)))]
mod tests;

/// How often the name is compared where nothing asks for it earlier. A sleep is not longer either.
pub const SLICE: Duration = Duration::from_millis(50);

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// The next value, which is in the buffer now.
    Value(Sample<()>),
    /// Nothing new: wait until the bell is another one.
    Wait {
        /// The bell before which nothing was found.
        bell: u32,
    },
    /// The writer closed the region, and everything was read. Another writer would change the bell.
    Ended {
        /// The bell before which nothing was found.
        bell: u32,
    },
    /// The writer was faster each time: ask again.
    Busy,
    /// The region's name leads nowhere: ask again in a while.
    Absent,
}

/// Where a region's name leads.
#[derive(Debug, PartialEq, Eq)]
enum Name {
    /// To the file that is being read, or that was being read a moment ago.
    Same,
    /// To another one, which by then may have been adopted.
    Another,
    /// To none.
    Nothing,
}

/// A reader's place in a region, over all files that the region is in its life.
#[derive(Debug)]
pub struct Follow {
    location: Location,
    region: Region,
    cursor: Cursor,
    format: ValueFormat,
    expected: Expected,
    max_region_bytes: u64,
    // Whether values need no check: they have no checksum, and are believed.
    is_plain: bool,
    // When the name was last compared, and at which bell of this file.
    checked: (Instant, Option<u32>),
    // Whether the name led elsewhere when it was last looked at: then each call looks again, until a file is adopted.
    is_astray: bool,
    restarted: bool,
}

impl Follow {
    /// A reader of this file that begins at its first value. `now` is when it was opened.
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
            region,
            cursor: Cursor::at(1),
            format,
            expected,
            max_region_bytes,
            checked: (now, None),
            is_astray: false,
            restarted: false,
        })
    }

    /// Where the region is.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The file that is being read.
    #[inline]
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// What the values are. It may change whenever the region is replaced.
    pub fn format(&self) -> &ValueFormat {
        &self.format
    }

    /// Whether a look for the next value would find something; see [`Cursor::is_near`].
    #[inline]
    pub fn is_near(&self) -> bool {
        self.cursor.is_near(self.region.ring())
    }

    /// Whether the writer closed the region cleanly, and every value was read.
    pub fn is_ended(&self) -> bool {
        self.ring().state() == STATE_CLOSED && self.ring().head() < self.cursor.next()
    }

    /// Moves to another place in the region. What is skipped does not count as lost, except, with [`Position::At`], a number
    /// that is no longer retained.
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

    /// The next value, if one look finds it: nothing but its slot is touched. It is to be [given](Self::give).
    #[inline(always)]
    pub fn next_at_once(&mut self, buffer: &mut impl Destination) -> Option<Stamped> {
        self.cursor.poll_at_once(self.region.ring(), buffer)
    }

    /// What comes next, in this file or in the one that has taken its place.
    ///
    /// # Errors
    ///
    /// What is wrong with the value, the file, or the one that the name leads to.
    #[inline]
    pub fn step(&mut self, now: Instant, buffer: &mut impl Destination) -> Result<Step, ReceiveError> {
        loop {
            // Bell and state come first: everything that was published before they changed is then found.
            let (bell, state) = (self.ring().bell(), self.ring().state());
            let polled = self.cursor.poll(self.region.ring(), buffer);
            match polled {
                Ok(Polled::Value(stamped)) => return self.give(stamped, buffer).map(Step::Value),
                Ok(Polled::Busy) => return Ok(Step::Busy),
                Ok(Polled::Empty) | Err(_) => {}
            }
            // A damaged file may have been replaced for that very reason.
            match self.look_at_name(now, state, polled.is_err())? {
                Name::Same => {
                    polled.map_err(|fault| self.faulty(fault))?;
                    self.check_state(state)?;
                    return Ok(self.nothing_new(bell));
                }
                Name::Nothing => return Ok(Step::Absent),
                Name::Another => {}
            }
            // Nothing more comes to this file; but something may have come since we looked.
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

    /// The newest value, if one look finds it in a file that is not about to be left. It is to be [given](Self::give).
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

    /// The newest value, even if it was received before, of the file that the name leads to. `None`: there is none yet.
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

    /// Where the name leads, if it is time to look: after each change while the region moves, when something is wrong here,
    /// and otherwise every 50 ms. A `now` before the last look counts as that moment.
    #[inline(always)]
    fn look_at_name(&mut self, now: Instant, state: u32, is_at_fault: bool) -> Result<Name, ReceiveError> {
        let (last, last_bell) = self.checked;
        let moves = matches!(state, STATE_MOVING | STATE_MOVED) && last_bell != Some(self.ring().bell());
        let is_due = self.is_astray || is_at_fault || moves || now.duration_since(last) >= SLICE;
        if !is_due {
            return Ok(Name::Same);
        }
        self.checked = (now, Some(self.ring().bell()));
        let found = self.location.identity_and_bytes()?;
        self.is_astray = found.is_none_or(|(identity, _)| identity != self.region.identity);
        match found {
            None => Ok(Name::Nothing),
            // The bell that was just noted may be the last one of this file: only the look that follows can tell.
            Some(_) if self.is_astray => Ok(Name::Another),
            // A writer that dies of it leaves nothing else to tell of.
            Some((_, bytes)) if bytes < self.region.static_header.region_bytes => {
                Err(self.damaged("another program cut its file short".to_owned()))
            }
            Some(_) => Ok(Name::Same),
        }
    }

    /// Goes on in the file that the name leads to now, if that is another one. The old one was drained.
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
        self.region = region;
        self.checked = (now, None);
        self.is_astray = false;
        Ok(Name::Another)
    }

    /// Gives a value that was copied, or says why it is not to be believed.
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

    /// Takes back what was told with a value that could not be used, so that it is told with the next one.
    pub fn tell_again(&mut self, sample: &Sample<()>) {
        self.cursor.add_lost(sample.lost);
        self.restarted |= sample.restarted;
    }

    /// A state that nobody stores is a sign of a file that was emptied, which otherwise looks like one without values.
    #[inline]
    fn check_state(&self, state: u32) -> Result<(), ReceiveError> {
        if (STATE_OPEN..=STATE_MOVED).contains(&state) {
            return Ok(());
        }
        Err(self.damaged(format!("its state is {state}, not one of {STATE_OPEN} to {STATE_MOVED}")))
    }

    /// Whether a value is the one that was published, as far as that can be told.
    fn check(&self, stamped: &Stamped, room: &impl Destination) -> Result<(), ReceiveError> {
        let holds = || match room.content() {
            Copied::Copied(payload) => stamped.checksum_holds(payload),
            Copied::InPlace(bytes) => {
                let slot = self.region.ring().slot_view(stamped.sequence, bytes);
                // One that was overwritten meanwhile is not damaged, and its view says that it is not whole.
                slot.checksum_holds(stamped) || !slot.is_whole()
            }
        };
        let problem = match self.region.static_header.has_checksums() {
            true if stamped.has_checksum() && holds() => return Ok(()),
            true => "its checksum does not match",
            false => NOT_BELIEVED,
        };
        Err(self.faulty(Fault { sequence: stamped.sequence, problem }))
    }

    #[cold]
    fn faulty(&self, Fault { sequence, problem }: Fault) -> ReceiveError {
        match problem {
            NO_MEMORY => ReceiveError::TooLarge { region: self.location.name.clone(), sequence },
            _ => self.damaged(format!("value {sequence}: {problem}")),
        }
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

/// Whether the values of a region are believed without a checksum, and have none.
fn is_plain(region: &Region) -> bool {
    !region.static_header.has_checksums() && region.survived_cleanly()
}
