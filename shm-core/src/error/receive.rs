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
    #[error("region '{region}' was removed while in use; open it again to go on with a new one")]
    Gone {
        /// The region's name.
        region: String,
    },
    /// The writer overwrote the value each time before it could be copied.
    #[error("region '{region}' is written faster than it can be read; give it more slots")]
    Busy {
        /// The region's name.
        region: String,
    },
    /// The region's bytes contradict each other.
    #[error("region '{region}' is damaged: {reason}")]
    Damaged {
        /// The region's name.
        region: String,
        /// The value, field or number that is wrong.
        reason: String,
    },
    /// The value cannot be decoded as the requested type.
    #[error("cannot decode value {sequence} of region '{region}': {source}")]
    Decode {
        /// The region's name.
        region: String,
        /// The value's sequence number.
        sequence: u64,
        /// The problem with the value.
        source: ValueError,
    },
    /// There is not enough memory to copy the value.
    #[error("cannot copy value {sequence} of region '{region}': there is not enough memory for it; read it in place")]
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
