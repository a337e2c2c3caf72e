//! The one error type of the library. A message names the region, the cause and the remedy.

use std::io;

/// What every fallible function of this library returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a region could not be used. Each message says what was wrong with which region, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The name breaks the rules for names.
    #[error("'{name}' is not a region name: {reason}")]
    BadName {
        /// The name as it was given.
        name: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// An option has a value that no region can have.
    #[error("{0}")]
    BadOption(String),
    /// The directory of regions, or the one in a region's path, cannot be opened.
    #[error("cannot open directory '{directory}'{}: {source}; {}", for_region(.region), directory_remedy(.region))]
    Directory {
        /// The region that was wanted, if it was a single one.
        region: Option<String>,
        /// The directory's path.
        directory: String,
        /// What the system said.
        source: io::Error,
    },
    /// There is no region of this name.
    #[error("no region named '{region}'")]
    NotFound {
        /// The region that was wanted.
        region: String,
    },
    /// The file of this name is not a region; it is never changed or removed.
    #[error("'{region}' is not a region: {reason}; choose another name")]
    NotARegion {
        /// The name that was opened.
        region: String,
        /// What gives it away.
        reason: String,
    },
    /// The region was made by a version of the format that this library does not know.
    #[error(
        "cannot open region '{region}': it has format {found}, this program reads {supported}; use a matching version of shm"
    )]
    Version {
        /// The region that was opened.
        region: String,
        /// The format version in the region.
        found: String,
        /// The format version of this library.
        supported: String,
    },
    /// The region uses a feature without which it cannot be understood.
    #[error(
        "cannot open region '{region}': it uses incompatible features {bits:#x}, unknown to this version; use a newer version of shm"
    )]
    Features {
        /// The region that was opened.
        region: String,
        /// The unknown bits.
        bits: u64,
    },
    /// The region's bytes contradict each other.
    #[error("region '{region}' is damaged: {reason}")]
    Damaged {
        /// The region that was read.
        region: String,
        /// The field or number that is wrong.
        reason: String,
    },
    /// Another writer holds the region.
    #[error("region '{region}' already has a writer{}; stop that writer, or choose another name", pid_hint(.pid))]
    WriterAlive {
        /// The region that was wanted.
        region: String,
        /// The writer's process, as it noted itself in the region: a hint, which may come from another PID namespace.
        pid: Option<u32>,
    },
    /// The region was removed, or replaced by another, while it was in use.
    #[error("region '{region}' was removed while in use; open it again to go on with a new one")]
    Gone {
        /// The region that was in use.
        region: String,
    },
    /// The handle was opened by another process, of which this one is a fork.
    #[error(
        "cannot write to region '{region}': its writer was opened by the process that this one was forked from; write there, or open it again once that has closed it or ended"
    )]
    Forked {
        /// The region that was to be written.
        region: String,
    },
    /// The writer overwrote the value each time before it could be copied.
    #[error("region '{region}' is written faster than it can be read; give it more slots")]
    Busy {
        /// The region that was read.
        region: String,
    },
    /// The system does not allow it.
    #[error("cannot {action} '{region}': permission denied; {remedy}")]
    Permission {
        /// What was being done, as in `open region`.
        action: &'static str,
        /// The region or file.
        region: String,
        /// Who may, or how to allow it.
        remedy: String,
    },
    /// A file that must belong to this user alone does not.
    #[error("will not write to '{file}': {reason}")]
    NotOurs {
        /// The region or lock file.
        file: String,
        /// The owner or mode that was found, and the remedy.
        reason: String,
    },
    /// The region holds another kind of value.
    #[error(
        "cannot open region '{region}': it holds {found} values, not {expected}; use it as {found}, or choose another name"
    )]
    Kind {
        /// The region that was opened.
        region: String,
        /// The kind in the region.
        found: String,
        /// The kind that was asked for.
        expected: String,
    },
    /// The region holds values of another type.
    #[error(
        "cannot open region '{region}': it holds another type: {difference}; rebuild this program with the region's type, or choose another name"
    )]
    Type {
        /// The region that was opened.
        region: String,
        /// The first difference, as in `Reading.position.1: f64 in the region, f32 here`.
        difference: String,
    },
    /// A schema cannot be made or used; see `SchemaError`.
    #[error("{0}")]
    Schema(String),
    /// The region holds a kind of value that this library does not know.
    #[error(
        "cannot open region '{region}': its values are of kind {code}, unknown to this version; use a newer version of shm"
    )]
    UnknownKind {
        /// The region that was opened.
        region: String,
        /// The kind's number in the header.
        code: u32,
    },
    /// The file system has no room for the region. Nothing was left behind.
    #[error(
        "no space for '{region}': it needs {needed} bytes, {free} are free in its directory{}; give it fewer or smaller slots, or set SHM_DIR to a directory with more space",
        inode_hint(*needed, *free)
    )]
    NoSpace {
        /// The region that was being made.
        region: String,
        /// Bytes that the file needs.
        needed: u64,
        /// Bytes that the file system has free.
        free: u64,
    },
    /// The file system cannot hold regions.
    #[error(
        "cannot create region '{region}': its file system cannot reserve space, or not rename without replacing; use one that can, such as tmpfs, ext4 or XFS"
    )]
    FileSystem {
        /// The region that was being made.
        region: String,
    },
    /// The region is, or would be, on a file system of another machine or of a program.
    #[error(
        "will not use region '{region}' on {file_system}: others may see other bytes there, and be woken by nobody; use a file system of this machine, such as tmpfs, ext4 or XFS"
    )]
    Remote {
        /// The region that was wanted.
        region: String,
        /// The file system's name.
        file_system: &'static str,
    },
    /// A region or value beyond a limit.
    #[error("'{region}' would be too large: {reason}")]
    TooLarge {
        /// The region.
        region: String,
        /// The size, the limit, and where the limit comes from.
        reason: String,
    },
    /// There is no block of this name to be mapped.
    #[error("no block named '{block}'")]
    NoBlock {
        /// The block that was wanted.
        block: String,
    },
    /// The block is a region, which is not for plain stores.
    #[error("cannot map '{region}': it is a region, and not plain bytes")]
    IsRegion {
        /// The block that was wanted.
        region: String,
    },
    /// The map was closed.
    #[error("map '{map}' is closed")]
    Closed {
        /// The map's name.
        map: String,
    },
    /// What was asked of the map leads out of it. Nothing was done.
    #[error("cannot {asked} '{map}': it has {len} bytes")]
    OutOfRange {
        /// The map's name.
        map: String,
        /// What was asked, as in `write 10 bytes at 60 of`.
        asked: String,
        /// The map's length in bytes.
        len: usize,
    },
    /// What was asked of the map, or of the file to be mapped, is not possible. Nothing was done.
    #[error("cannot {asked} '{map}': {reason}")]
    Refused {
        /// The map's name.
        map: String,
        /// What was asked, as in `resize`.
        asked: String,
        /// Why not.
        reason: String,
    },
    /// The value cannot be published in a region of this kind.
    #[error("cannot publish to region '{region}': {reason}")]
    BadValue {
        /// The region.
        region: String,
        /// What is wrong with the value.
        reason: String,
    },
    /// A value cannot be decoded as the type that was asked for.
    #[error("cannot decode value {sequence} of region '{region}': {reason}; read it with the type it was written with")]
    Decode {
        /// The region that was read.
        region: String,
        /// The value's number.
        sequence: u64,
        /// What is wrong with the bytes.
        reason: String,
    },
    /// A system call failed.
    #[error("cannot {action} '{region}': {source}")]
    Io {
        /// What was being done, as in `open region`.
        action: &'static str,
        /// The region or file.
        region: String,
        /// What the system said.
        source: io::Error,
    },
}

fn for_region(region: &Option<String>) -> String {
    region.as_ref().map(|region| format!(" for region '{region}'")).unwrap_or_default()
}

fn directory_remedy(region: &Option<String>) -> &'static str {
    match region {
        Some(path) if path.contains('/') => "make the directory first, or give another path",
        _ => "set SHM_DIR to a directory that exists",
    }
}

/// Bytes are not all that runs out.
fn inode_hint(needed: u64, free: u64) -> &'static str {
    if needed <= free { ", but no more files fit there" } else { "" }
}

fn pid_hint(pid: &Option<u32>) -> String {
    match pid {
        Some(pid) => format!(" (process {pid})"),
        None => String::new(),
    }
}
