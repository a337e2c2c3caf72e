//! What a reader does when its next value is not simply there: it compares the region's name, moves to the file that has
//! taken the place of the old one, and sleeps.

use super::{ABSENT_POLL, RawReader, Sample, Until, is_plain, time_left};
use crate::error::{Error, Result};
use crate::region::{Access, Region};
use crate::wait::{SLICE, Sleeper};
use shm_ring::Polled;
use shm_ring::copy::Room;
use shm_ring::header::{STATE_MOVED, STATE_MOVING};
use std::time::Instant;

impl RawReader {
    /// The newest value, once the name was compared if it is time for that.
    #[inline(never)]
    pub(super) fn newest_checked(&mut self, buffer: &mut impl Room) -> Result<Option<Sample<()>>> {
        loop {
            let state = self.ring().state();
            let polled = self.ring().latest(self.cursor.passed(), buffer);
            if self.name_is_due(state, polled.is_err()) && self.is_replaced()? && self.adopt()? {
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

    /// The next value, in this file or in the one that has taken its place.
    #[inline(never)]
    pub(super) fn take_or_move(&mut self, buffer: &mut impl Room) -> Result<Option<Sample<()>>> {
        loop {
            // The state comes first: everything that was published before it changed is then found.
            let state = self.ring().state();
            let polled = self.cursor.poll(self.region.ring(), buffer);
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
            if let Ok(Polled::Value(stamped)) = self.cursor.poll(self.region.ring(), buffer) {
                return self.give(stamped, buffer).map(Some);
            }
            if !self.adopt()? {
                return Ok(None);
            }
        }
    }

    /// Waits for the next value, which was not there a moment ago.
    #[inline(never)]
    pub(super) fn wait_for(
        &mut self,
        buffer: &mut impl Room,
        deadline: Option<Instant>,
        until: Until,
    ) -> Result<Option<Sample<()>>> {
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
        let found = self.place.identity_and_bytes()?;
        self.is_astray = found.is_none();
        let (identity, bytes) = found.ok_or_else(|| self.place.gone())?;
        if identity != self.region.identity {
            return Ok(true);
        }
        // A writer that dies of it leaves nothing else to tell of.
        if bytes < self.region.fixed.region_bytes {
            return Err(self.place.damaged("it was cut short while it was in use".to_owned()));
        }
        Ok(false)
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
        let first = region.ring().first();
        if region.fixed.lineage == self.region.fixed.lineage {
            self.cursor.skip_to(first);
        } else {
            self.cursor.jump(first);
            self.restarted = true;
        }
        self.is_plain = is_plain(&region);
        self.region = region;
        self.checked = (Instant::now(), None);
        self.is_astray = false;
        Ok(true)
    }
}
