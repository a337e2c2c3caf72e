//! The error of operations on blocks.

use super::limit::Limit;
use super::open::{quota, space};
use crate::types::error::bytes_in_words;
use std::io;
use std::path::PathBuf;

/// Why a block cannot be opened or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// The name breaks the rules for names.
    #[error("cannot use '{name}' as the name of a block: {reason}")]
    BadName {
        /// The name as it was given.
        name: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// The directory of blocks, or the directory in a block's path, cannot be opened.
    #[error("cannot open directory '{}' for block '{block}': {source}; create it, or use another directory", .directory.display())]
    Directory {
        /// The block's name.
        block: String,
        /// The directory's path.
        directory: PathBuf,
        /// The error that the system returned.
        source: io::Error,
    },
    /// There is no block with this name.
    #[error("no block named '{block}'; create it first")]
    NoBlock {
        /// The block's name.
        block: String,
    },
    /// The file is a region, which cannot be mapped without [`force`](crate::BlockOptions::force).
    #[error("cannot map '{block}': it is a region, not plain bytes; open it as a region, or choose another name")]
    IsRegion {
        /// The block's name.
        block: String,
    },
    /// The block was closed.
    #[error("cannot use block '{block}': it is closed; open it again")]
    Closed {
        /// The block's name.
        block: String,
    },
    /// The requested range is not within the block. Nothing was done.
    #[error("cannot {asked} '{block}': it has only {}; stay within it, or resize it", bytes_in_words(*.len as u64))]
    OutOfRange {
        /// The block's name.
        block: String,
        /// The requested operation, for example `write 10 bytes at 60 of`.
        asked: String,
        /// The block's length in bytes.
        len: usize,
    },
    /// The requested operation is not possible with this block or file. Nothing was done.
    #[error("cannot {asked} '{block}': {reason}")]
    Refused {
        /// The block's name.
        block: String,
        /// The requested operation, for example `resize`.
        asked: String,
        /// Why it is not possible.
        reason: String,
    },
    /// The system does not allow this user to open or create the file.
    #[error("cannot map '{block}': permission denied; ask its owner for access, or choose another name")]
    Permission {
        /// The block's name.
        block: String,
    },
    /// The file system is mounted read-only, or became read-only after an error of its disk. Blocks on it can be
    /// read.
    #[error("cannot {action} '{block}': its file system is read-only; mount it read-write, or use another directory")]
    ReadOnly {
        /// The operation that failed, for example `map`.
        action: &'static str,
        /// The block or file.
        block: String,
    },
    /// The file system does not have enough space for the block. The file's length is unchanged.
    #[error(
        "cannot reserve space for '{block}': {}",
        space(*.needed, *.free, "use a smaller size, or ")
    )]
    NoSpace {
        /// The name of the block that was being created or extended.
        block: String,
        /// How many bytes are needed.
        needed: u64,
        /// How many bytes are free in the file system.
        free: u64,
    },
    /// A quota leaves too little space for the block. The file's length is unchanged.
    #[error("cannot reserve space for '{block}': {}", quota(*.needed, "use a smaller size, or "))]
    Quota {
        /// The name of the block that was being created or extended.
        block: String,
        /// How many bytes are needed.
        needed: u64,
    },
    /// The file would be larger than a limit.
    #[error("cannot map '{block}': its size {} {}, and {limit}", .limit.verb(), bytes_in_words(*.bytes))]
    TooLarge {
        /// The block's name.
        block: String,
        /// How many bytes its file needs.
        bytes: u64,
        /// The limit that is exceeded.
        limit: Limit,
    },
    /// A system call failed.
    #[error("cannot {action} '{block}': {source}")]
    Io {
        /// The operation that failed, for example `map`.
        action: &'static str,
        /// The block or file.
        block: String,
        /// The error that the system returned.
        source: io::Error,
    },
}
