//! What a call that does not wait for ever may find.

use super::sample::Sample;
use crate::error::ReceiveError;

/// What a call that does not wait for ever has found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Received<T> {
    /// The next value.
    Value(Sample<T>),
    /// No value came in time. More may come.
    Nothing,
    /// The writer closed the region cleanly, and every value was read. Another writer may open the region later;
    /// [`follow`](crate::Reader::follow) waits for one.
    Ended,
}

impl<T> Received<T> {
    /// The value, if there is one.
    #[must_use]
    pub fn value(self) -> Option<Sample<T>> {
        match self {
            Self::Value(sample) => Some(sample),
            Self::Nothing | Self::Ended => None,
        }
    }

    /// The same with another value in the sample.
    #[inline(always)]
    pub(super) fn try_map<U>(
        self,
        convert: impl FnOnce(Sample<T>) -> Result<Sample<U>, ReceiveError>,
    ) -> Result<Received<U>, ReceiveError> {
        Ok(match self {
            Self::Value(sample) => Received::Value(convert(sample)?),
            Self::Nothing => Received::Nothing,
            Self::Ended => Received::Ended,
        })
    }
}
