//! The error of writers.

use super::OpenError;
use crate::types::error::ValueError;
use std::io;

/// Why a value cannot be published, or a writer cannot be closed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The value does not match the region's kind or type, or it cannot be encoded. Nothing was published.
    #[error("cannot publish to region '{region}': {source}{}", remedy(.source))]
    BadValue {
        /// The region's name.
        region: String,
        /// The problem with the value.
        source: ValueError,
    },
    /// No region can hold a value of this length.
    #[error("cannot publish to region '{region}': the value has {bytes} bytes, and the limit is {limit}")]
    TooLarge {
        /// The region's name.
        region: String,
        /// The length of the value in bytes.
        bytes: u64,
        /// The largest length of a value in bytes.
        limit: u64,
    },
    /// Another process removed or replaced the region.
    #[error("region '{region}' was removed while in use; open it again to go on with a new one")]
    Gone {
        /// The region's name.
        region: String,
    },
    /// This process is a fork of the one that opened the writer.
    #[error(
        "cannot write to region '{region}': its writer was opened by the process that this one was forked from; write there, or open it again once that has closed it or ended"
    )]
    Forked {
        /// The region's name.
        region: String,
    },
    /// The region's file was emptied while the writer used it, or all sequence numbers have been used.
    #[error("region '{region}' is damaged: {reason}")]
    Damaged {
        /// The region's name.
        region: String,
        /// The field or number that is wrong.
        reason: String,
    },
    /// The value does not fit into a slot, and the region could not be replaced by a larger one. The region
    /// is unchanged.
    #[error(transparent)]
    Grow(OpenError),
    /// The region could not be removed.
    #[error("cannot {action} '{region}': {source}")]
    Io {
        /// The operation that failed, for example `remove region`.
        action: &'static str,
        /// The region's name.
        region: String,
        /// The error that the system returned.
        source: io::Error,
    },
}

impl PublishError {
    /// The error of a writer that had to replace its region: [`Grow`](Self::Grow), unless it has a separate
    /// variant.
    pub(crate) fn from_replacing(error: OpenError) -> Self {
        match error {
            OpenError::Gone { region } => Self::Gone { region },
            OpenError::Damaged { region, reason } => Self::Damaged { region, reason },
            error => Self::Grow(error),
        }
    }

    /// The error of a writer that removes its region.
    pub(crate) fn from_removing(error: OpenError) -> Self {
        match error {
            OpenError::Io { action, region, source } => Self::Io { action, region, source },
            error => Self::from_replacing(error),
        }
    }
}

fn remedy(wrong: &ValueError) -> &'static str {
    match wrong {
        ValueError::Text { .. } => "; publish it as bytes",
        ValueError::Json(_) => "; mend it, or publish it as text",
        _ => "",
    }
}
