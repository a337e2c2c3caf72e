//! Why a value cannot be received.

use super::OpenError;
use crate::types::error::ValueError;

/// Why a value cannot be received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// The region was removed before its writer closed it. Until a region of that name is created, each further call
    /// returns this error at once; `follow` waits for one.
    #[error("region '{region}' was removed while in use; open it again to go on with a new one")]
    Gone {
        /// The region that was read.
        region: String,
    },
    /// The writer overwrote the value each time before it could be copied.
    #[error("region '{region}' is written faster than it can be read; give it more slots")]
    Busy {
        /// The region that was read.
        region: String,
    },
    /// The region's bytes contradict each other.
    #[error("region '{region}' is damaged: {reason}")]
    Damaged {
        /// The region that was read.
        region: String,
        /// The value, field or number that is wrong.
        reason: String,
    },
    /// The value cannot be decoded as the type that was asked for.
    #[error("cannot decode value {sequence} of region '{region}': {source}; read it with the type it was written with")]
    Decode {
        /// The region that was read.
        region: String,
        /// The value's number.
        sequence: u64,
        /// What is wrong with the value.
        source: ValueError,
    },
    /// There is not enough memory to copy the value.
    #[error("cannot copy value {sequence} of region '{region}': there is not enough memory for it; read it in place")]
    TooLarge {
        /// The region that was read.
        region: String,
        /// The value's number.
        sequence: u64,
    },
    /// The region's name leads to another file than the one that was read, or cannot be looked up, and the reader cannot go
    /// on there: it may hold another kind or type, for example.
    #[error(transparent)]
    Reopen(#[from] OpenError),
}
