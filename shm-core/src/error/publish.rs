//! The error of writers.

use super::OpenError;
use crate::types::error::{ValueError, bytes_in_words};
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
    #[error("cannot publish to region '{region}': the value has {}, and a value can have at most {limit}; split it", bytes_in_words(*.bytes))]
    TooLarge {
        /// The region's name.
        region: String,
        /// The length of the value in bytes.
        bytes: u64,
        /// The largest length of a value in bytes.
        limit: u64,
    },
    /// Another process removed or replaced the region, or removed its lock file.
    #[error(
        "cannot publish to region '{region}': another program removed or replaced its file or its lock file; open the writer again"
    )]
    Gone {
        /// The region's name.
        region: String,
    },
    /// This process is a fork of the one that opened the writer.
    #[error(
        "cannot publish to region '{region}': this process was forked from the one that opened the writer; publish in that process, or open the writer here after that process has closed it"
    )]
    Forked {
        /// The region's name.
        region: String,
    },
    /// The region's file was emptied while the writer used it, or all sequence numbers have been used.
    #[error("cannot publish to region '{region}': it is damaged: {reason}; use another region")]
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
        ValueError::Text { .. } => "; correct it, or publish it as bytes",
        ValueError::Json(_) | ValueError::AmbiguousJson { .. } => "; correct it, or publish it as text",
        ValueError::Length { .. } => "; publish whole arrays",
        ValueError::TooLarge { .. } => "; publish it in parts",
        #[cfg(feature = "schema")]
        ValueError::Schema(_) => "; publish a value that fits the region's type",
        _ => "; change the value, or its type",
    }
}
