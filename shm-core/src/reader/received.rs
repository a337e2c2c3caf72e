//! The result of a timed or non-blocking call.

use super::sample::Sample;
use crate::error::ReceiveError;

/// The result of a timed or non-blocking call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Received<T> {
    /// The next value.
    Value(Sample<T>),
    /// No value arrived in time. More values may follow.
    Nothing,
    /// The writer closed the region cleanly, and every value was read.
    ///
    /// Each further call returns this immediately, even after the region is removed. Another writer may
    /// open the region later; [`follow`](crate::Reader::follow) waits for it.
    Ended,
}

impl<T> Received<T> {
    /// Returns the value, if there is one.
    #[inline(always)]
    #[must_use]
    pub fn value(self) -> Option<Sample<T>> {
        match self {
            Self::Value(sample) => Some(sample),
            Self::Nothing | Self::Ended => None,
        }
    }

    /// The result of a call that received this sample, or that received nothing in time. Out of line without
    /// optimization, for the same reason as [`Sample::with_decoded`](Sample).
    #[inline]
    pub(super) fn of(
        sample: Result<Option<Sample<T>>, ReceiveError>,
        is_ended: impl FnOnce() -> bool,
    ) -> Result<Self, ReceiveError> {
        match sample {
            Ok(Some(sample)) => Ok(Self::Value(sample)),
            Ok(None) if is_ended() => Ok(Self::Ended),
            Ok(None) => Ok(Self::Nothing),
            Err(error) => Err(error),
        }
    }
}
