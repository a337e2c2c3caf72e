//! The error of readers.

use super::OpenError;
use crate::types::error::ValueError;

/// Why a value cannot be received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// The region was removed before its writer closed it.
    ///
    /// Each further call returns this error immediately, until a region with this name is created. `follow`
    /// waits for such a region.
    #[error(
        "cannot receive from region '{region}': it was removed; open it again when it exists again, or use follow, which waits for it"
    )]
    Gone {
        /// The region's name.
        region: String,
    },
    /// The writer overwrote the value each time before it could be copied.
    #[error(
        "cannot receive from region '{region}': its writer overwrites each value before it can be copied; give the region more slots"
    )]
    Busy {
        /// The region's name.
        region: String,
    },
    /// The region's bytes contradict each other.
    #[error("cannot receive from region '{region}': it is damaged: {reason}; check the region with verify")]
    Damaged {
        /// The region's name.
        region: String,
        /// The value, field or number that is wrong.
        reason: String,
    },
    /// One value is damaged, and the region is otherwise sound. Receiving continues after this value.
    #[error(
        "cannot receive value {sequence} of region '{region}': it is damaged: {reason}; receive again for the value after it"
    )]
    DamagedValue {
        /// The region's name.
        region: String,
        /// The value's sequence number.
        sequence: u64,
        /// The problem with the value.
        reason: String,
    },
    /// The value cannot be decoded as the requested type. Receiving continues after this value.
    #[error("cannot decode value {sequence} of region '{region}': {source}{}", remedy(.source))]
    Decode {
        /// The region's name.
        region: String,
        /// The value's sequence number.
        sequence: u64,
        /// The problem with the value.
        source: ValueError,
    },
    /// There is not enough memory to copy the value.
    #[error(
        "cannot copy value {sequence} of region '{region}': there is not enough memory for it; read it in place, as a view"
    )]
    TooLarge {
        /// The region's name.
        region: String,
        /// The value's sequence number.
        sequence: u64,
    },
    /// The region's name now refers to another file, and the reader cannot continue there. For example,
    /// that file may hold values of another kind or type. The reader also returns this error if it cannot
    /// look up the name.
    #[error(transparent)]
    Reopen(#[from] OpenError),
}

impl ReceiveError {
    /// Returns the sequence number of the value that the error is about, if only this value cannot be received.
    /// The next call then continues after it.
    #[must_use]
    pub fn value(&self) -> Option<u64> {
        match self {
            Self::DamagedValue { sequence, .. } | Self::Decode { sequence, .. } => Some(*sequence),
            _ => None,
        }
    }
}

fn remedy(wrong: &ValueError) -> &'static str {
    match wrong {
        ValueError::Text { .. }
        | ValueError::Json(_)
        | ValueError::AmbiguousJson { .. }
        | ValueError::Kind { .. }
        | ValueError::Undescribed { .. } => "; read it as bytes",
        _ => "; continue with recv, which returns the value after it",
    }
}
