//! A received value, with its sequence number and the number of values lost before it.

use crate::Sequence;
use crate::error::ReceiveError;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A received value, with its sequence number, the number of values lost before it, and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sample<T> {
    /// The value's sequence number. Numbers start at 1. They continue when the writer restarts and when the
    /// region grows.
    pub sequence: Sequence,
    /// How many values were lost directly before this one, because the reader was too slow.
    ///
    /// After the writer has overtaken a reader, the reader continues in the middle of the ring. It skips
    /// the oldest retained values, because the writer is about to overwrite them. They count as lost, too.
    pub lost: u64,
    /// Whether this value is the first one after the region was removed and created again, or was damaged
    /// and replaced without its newest value. Sequence numbers may then start again at 1, and values may be
    /// repeated.
    pub restarted: bool,
    /// The value.
    pub value: T,
    // 0 if the writer has not stored the time yet.
    pub(super) time_ns: u64,
}

impl<T> Sample<T> {
    /// Returns when the value was published.
    ///
    /// The writer stores the time just after it publishes a value. If the time is missing, for example
    /// because the writer died in between, this is the time of the call.
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

    /// Like `with`, for a value that was decoded into its place. Without optimization, this is out of line, so
    /// its copies of a large value are not on the stack while the value is decoded.
    #[inline]
    pub(super) fn with_decoded<T>(self, value: Option<T>) -> Result<Option<Sample<T>>, ReceiveError> {
        let Some(value) = value else { return Ok(None) };
        let Self { sequence, lost, restarted, value: (), time_ns } = self;
        Ok(Some(Sample { sequence, lost, restarted, value, time_ns }))
    }
}
