//! The error of operations on blocks.

use super::limit::Limit;
use super::open::{QUOTA_USED_UP, inode_hint};
use std::io;
use std::path::PathBuf;

/// Why a block cannot be opened or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// The name breaks the rules for names.
    #[error("'{name}' is not a block name: {reason}")]
    BadName {
        /// The name as it was given.
        name: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// The directory of blocks, or the directory in a block's path, cannot be opened.
    #[error("cannot open directory '{}' for block '{block}': {source}; make it, or choose another", .directory.display())]
    Directory {
        /// The block's name.
        block: String,
        /// The directory's path.
        directory: PathBuf,
        /// The error that the system returned.
        source: io::Error,
    },
    /// There is no block with this name.
    #[error("no block named '{block}'")]
    NoBlock {
        /// The block's name.
        block: String,
    },
    /// The file is a region. A region must not be written as plain bytes.
    #[error("cannot map '{block}': it is a region, and not plain bytes")]
    IsRegion {
        /// The block's name.
        block: String,
    },
    /// The block was closed.
    #[error("map '{block}' is closed")]
    Closed {
        /// The block's name.
        block: String,
    },
    /// The requested range is not within the block. Nothing was done.
    #[error("cannot {asked} '{block}': it has {len} bytes")]
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
    #[error("cannot map '{block}': permission denied; its owner can allow it")]
    Permission {
        /// The block's name.
        block: String,
    },
    /// The file system does not have enough space for the block. The file's length is unchanged.
    #[error(
        "no space for '{block}': it needs {needed} bytes, {free} are free in its directory{}; give it fewer bytes, or set SHM_DIR to a directory with more space",
        inode_hint(*.needed, *.free)
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
    #[error(
        "no space for '{block}': it needs {needed} bytes, and {QUOTA_USED_UP}; give it fewer bytes, or set SHM_DIR to a directory on another file system"
    )]
    Quota {
        /// The name of the block that was being created or extended.
        block: String,
        /// How many bytes are needed.
        needed: u64,
    },
    /// The file would be larger than a limit.
    #[error("'{block}' would be too large: {bytes} bytes, more than {limit}")]
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
