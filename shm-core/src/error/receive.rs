//! Why a value cannot be received.

use super::OpenError;
use crate::types::error::ValueError;

/// Why a value cannot be received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// The region was removed before its writer closed it. Until a region of that name is created, each further call
    /// returns this error at once; `follow` waits for one.
    #[error(
        "cannot receive from region '{region}': it was removed; open it again when it exists again, or use follow, which waits for it"
    )]
    Gone {
        /// The region that was read.
        region: String,
    },
    /// The writer overwrote the value each time before it could be copied.
    #[error(
        "cannot receive from region '{region}': its writer overwrites each value before it can be copied; give the region more slots"
    )]
    Busy {
        /// The region that was read.
        region: String,
    },
    /// The region's bytes contradict each other.
    #[error("cannot receive from region '{region}': it is damaged: {reason}; check the region with verify")]
    Damaged {
        /// The region that was read.
        region: String,
        /// The value, field or number that is wrong.
        reason: String,
    },
    /// The value cannot be decoded as the type that was asked for.
    #[error("cannot decode value {sequence} of region '{region}': {source}; {}", remedy(.source))]
    Decode {
        /// The region that was read.
        region: String,
        /// The value's number.
        sequence: u64,
        /// What is wrong with the value.
        source: ValueError,
    },
    /// There is not enough memory to copy the value.
    #[error(
        "cannot copy value {sequence} of region '{region}': there is not enough memory for it; read it in place, as a view"
    )]
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

fn remedy(wrong: &ValueError) -> &'static str {
    match wrong {
        ValueError::Text { .. } | ValueError::Json(_) | ValueError::Kind { .. } | ValueError::Undescribed { .. } => {
            "read it as bytes"
        }
        _ => "read it with the type it was written with",
    }
}
