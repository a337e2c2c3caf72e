//! What a reader gets: a value, and what the region says about it.

use crate::Sequence;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A value with what the region says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sample<T> {
    /// The value's number. Numbers start at 1 and go on over the writer's restarts and the region's growth.
    pub sequence: Sequence,
    /// How many values were missed directly before this one, because the reader was too slow for the ring. A reader
    /// that was overrun also skips the oldest values that are still there, because they are about to be overwritten.
    pub lost: u64,
    /// Whether it is the first of another lineage: the region was removed and made anew, or it was damaged and replaced
    /// without its newest value. Numbers may start anew, and values may come again.
    pub restarted: bool,
    /// The value.
    pub value: T,
    // 0: not yet noted.
    pub(super) time_ns: u64,
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

impl Sample<()> {
    #[inline(always)]
    pub(super) fn with<T>(self, value: T) -> Sample<T> {
        let Self { sequence, lost, restarted, value: (), time_ns } = self;
        Sample { sequence, lost, restarted, value, time_ns }
    }
}
