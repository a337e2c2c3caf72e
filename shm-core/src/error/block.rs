//! Why a block cannot be mapped or used.

use super::limit::Limit;
use super::open::space;
use crate::types::error::bytes_in_words;
use std::io;
use std::path::PathBuf;

/// Why a block cannot be opened, or something cannot be done with it.
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
    /// The directory of blocks, or the one in a block's path, cannot be opened.
    #[error("cannot open directory '{}' for block '{block}': {source}; create it, or use another directory", .directory.display())]
    Directory {
        /// The block that was wanted.
        block: String,
        /// The directory's path.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no block of this name to be mapped.
    #[error("no block named '{block}'; create it first")]
    NoBlock {
        /// The block that was wanted.
        block: String,
    },
    /// The block is a region, which is not for plain stores.
    #[error("cannot map '{block}': it is a region, not plain bytes; open it as a region, or choose another name")]
    IsRegion {
        /// The block that was wanted.
        block: String,
    },
    /// The block was closed.
    #[error("cannot use block '{block}': it is closed; open it again")]
    Closed {
        /// The block's name.
        block: String,
    },
    /// What was asked of the block leads out of it. Nothing was done.
    #[error("cannot {asked} '{block}': it has only {}; stay within it, or resize it", bytes_in_words(*.len as u64))]
    OutOfRange {
        /// The block's name.
        block: String,
        /// What was asked, as in `write 10 bytes at 60 of`.
        asked: String,
        /// The block's length in bytes.
        len: usize,
    },
    /// What was asked of the block, or of the file to be mapped, is not possible. Nothing was done.
    #[error("cannot {asked} '{block}': {reason}")]
    Refused {
        /// The block's name.
        block: String,
        /// What was asked, as in `resize`.
        asked: String,
        /// Why not.
        reason: String,
    },
    /// The system does not allow this user to open or create the file.
    #[error("cannot map '{block}': permission denied; ask its owner for access, or choose another name")]
    Permission {
        /// The block that was wanted.
        block: String,
    },
    /// The file system has no room for the block. The file has the length that it had.
    #[error(
        "cannot reserve space for '{block}': {}",
        space(*.needed, *.free, "use a smaller size, or ")
    )]
    NoSpace {
        /// The block that was being made or extended.
        block: String,
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that the file system has free.
        free: u64,
    },
    /// The file would be longer than a limit.
    #[error("cannot map '{block}': its size {} {}, and {limit}", .limit.verb(), bytes_in_words(*.bytes))]
    TooLarge {
        /// The block.
        block: String,
        /// Bytes that its file needs.
        bytes: u64,
        /// Bytes that it may have.
        limit: Limit,
    },
    /// A system call failed.
    #[error("cannot {action} '{block}': {source}")]
    Io {
        /// What was being done, as in `map`.
        action: &'static str,
        /// The block or file.
        block: String,
        /// What the system said.
        source: io::Error,
    },
}
