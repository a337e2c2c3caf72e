//! What a timed or non-blocking call finds.

use super::sample::Sample;

/// What a timed or non-blocking call found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Received<T> {
    /// The next value.
    Value(Sample<T>),
    /// No value came in time. More may come.
    Nothing,
    /// The writer closed the region cleanly, and every value was read. Each further call says so at once, also when the
    /// region is removed. Another writer may open the region later; [`follow`](crate::Reader::follow) waits for one.
    Ended,
}

impl<T> Received<T> {
    /// The value, if there is one.
    #[inline(always)]
    #[must_use]
    pub fn value(self) -> Option<Sample<T>> {
        match self {
            Self::Value(sample) => Some(sample),
            Self::Nothing | Self::Ended => None,
        }
    }

    /// What a call has found, which found this sample or none in time.
    #[inline(always)]
    pub(super) fn of(sample: Option<Sample<T>>, is_ended: impl FnOnce() -> bool) -> Self {
        match sample {
            Some(sample) => Self::Value(sample),
            None if is_ended() => Self::Ended,
            None => Self::Nothing,
        }
    }
}
