//! Waiting for the next value: the loop around [`Follow::step`](super::follow::Follow::step), with a
//! clock and the kernel.

use super::RawReader;
use super::follow::Step;
use super::sample::Sample;
use super::sleeper::{Sleeper, pause, spin};
use crate::error::ReceiveError;
use shm_ring::copy::Destination;
use std::thread;
use std::time::{Duration, Instant};

/// The interval at which a waiting reader checks for a region that does not exist.
pub const ABSENT_POLL: Duration = Duration::from_millis(40);
/// At least this number of values in a row, each of which had already arrived when the reader asked for
/// it, is a stream.
const STREAM: u64 = 32;

/// The event that ends a wait without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The writer closes the region cleanly. A removed region is an error.
    Closed,
    /// Only the deadline, because another writer or another region may still appear.
    Deadline,
}

impl RawReader {
    /// Receives the next value, and waits for it at most `timeout`.
    #[inline(always)]
    pub(super) fn receive(
        &mut self,
        buffer: &mut impl Destination,
        timeout: Option<Duration>,
        until: Until,
    ) -> Result<Option<Sample<()>>, ReceiveError> {
        match self.follow.next_at_once(buffer) {
            Some(stamped) => {
                self.streak += 1;
                self.follow.give(stamped, buffer).map(Some)
            }
            None => self.receive_later(buffer, timeout, until),
        }
    }

    #[inline(never)]
    fn receive_later(
        &mut self,
        buffer: &mut impl Destination,
        timeout: Option<Duration>,
        until: Until,
    ) -> Result<Option<Sample<()>>, ReceiveError> {
        if self.linger()
            && let Some(stamped) = self.follow.next_at_once(buffer)
        {
            return self.follow.give(stamped, buffer).map(Some);
        }
        self.wait_for(buffer, timeout, until)
    }

    /// Waits about a microsecond for the next value and returns whether it arrived. Does not read the
    /// header's cache line, which the writer needs.
    ///
    /// A reader that has caught up with a fast stream pauses first: polling would pull the cache line of
    /// the next slot away from the writer.
    #[inline]
    fn linger(&mut self) -> bool {
        if self.streak >= STREAM {
            pause();
        }
        if self.follow.is_near() {
            return true;
        }
        self.streak = 0;
        spin(|| self.follow.is_near())
    }

    /// Waits for the next value, which had not arrived a moment ago.
    #[inline(never)]
    fn wait_for(
        &mut self,
        buffer: &mut impl Destination,
        timeout: Option<Duration>,
        until: Until,
    ) -> Result<Option<Sample<()>>, ReceiveError> {
        let mut now = Instant::now();
        // None: the deadline is too far in the future to matter.
        let deadline = timeout.and_then(|timeout| now.checked_add(timeout));
        let mut file = self.follow.region().identity;
        let mut sleeper = self.sleeper();
        loop {
            let step = self.follow.step(now, buffer)?;
            let left = deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(now));
            match step {
                Step::Value(sample) => return Ok(Some(sample)),
                Step::Ended { .. } if until == Until::Closed => return Ok(None),
                // The region was closed before it was removed, and this call waits for the close.
                Step::Absent if until == Until::Closed && self.follow.is_ended() => return Ok(None),
                Step::Absent if until == Until::Closed => return Err(self.follow.location().gone_for_reader()),
                Step::Absent if self.follow.is_stuck() => return Err(self.follow.stuck()),
                _ if left.is_zero() => return Ok(None),
                Step::Busy => {}
                Step::Absent => thread::sleep(left.min(ABSENT_POLL)),
                Step::Wait { bell } | Step::Ended { bell } => {
                    let region = self.follow.region();
                    // The bells of two files are unrelated.
                    if region.identity != file {
                        (file, sleeper) = (region.identity, self.sleeper());
                    }
                    sleeper.wait(&region.header().hot.bell, bell, left, || self.follow.is_near());
                }
            }
            now = Instant::now();
        }
    }

    fn sleeper(&self) -> Sleeper {
        Sleeper::new(self.wait, self.follow.region().static_header.spin_ns)
    }
}
