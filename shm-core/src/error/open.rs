//! The error of operations on whole regions.

use super::limit::Limit;
use crate::types::error::ArrayTypeError;
#[cfg(feature = "schema")]
use crate::types::error::SchemaError;
use crate::types::kind::Kind;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a region cannot be opened, created, replaced, listed, inspected, verified or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The name breaks the rules for names: 1 to 200 bytes of letters, digits, `.`, `_` and `-`, not
    /// beginning with `.` or `-`.
    #[error("'{name}' is not a region name: {reason}")]
    BadName {
        /// The name as it was given.
        name: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// An option has a value that no region can have, or it does not apply to this operation.
    #[error("{reason}")]
    BadOption {
        /// The option's name, for example `slots`.
        option: &'static str,
        /// The problem, as a sentence that names the option.
        reason: String,
    },
    /// No array can have the element type and shape that were given.
    #[error(transparent)]
    ArrayType(#[from] ArrayTypeError),
    /// The directory of regions, or the directory in a region's path, cannot be opened or read.
    #[error("cannot open directory '{}'{}: {source}; {}", .directory.display(), for_region(.region), directory_remedy(.region))]
    Directory {
        /// The region's name, if the operation was for a single region.
        region: Option<String>,
        /// The directory's path.
        directory: PathBuf,
        /// The error that the system returned.
        source: io::Error,
    },
    /// The directory does not contain a region with this name.
    #[error("no region named '{region}'")]
    NotFound {
        /// The region's name.
        region: String,
    },
    /// The file with this name is not a region. The library never changes or removes such a file.
    #[error("'{region}' is not a region: {reason}; choose another name")]
    NotARegion {
        /// The name that was opened.
        region: String,
        /// How the file differs from a region.
        reason: &'static str,
    },
    /// The region has a version of the format that this library does not support.
    #[error(
        "cannot open region '{region}': it has format {}, this program reads {}; use a matching version of shm",
        version(*.found), version(*.supported)
    )]
    Version {
        /// The region's name.
        region: String,
        /// The format version of the region, major and minor.
        found: (u16, u16),
        /// The format version of this library, major and minor.
        supported: (u16, u16),
    },
    /// The region uses an unknown feature, and cannot be understood without it.
    #[error(
        "cannot open region '{region}': it uses incompatible features {bits:#x}, unknown to this version; use a newer version of shm"
    )]
    Features {
        /// The region's name.
        region: String,
        /// The bits of the unknown features.
        bits: u64,
    },
    /// The region's bytes contradict each other.
    #[error("region '{region}' is damaged: {reason}")]
    Damaged {
        /// The region's name.
        region: String,
        /// The field or number that is wrong.
        reason: String,
    },
    /// The region holds values of a kind that this library does not know.
    #[error(
        "cannot open region '{region}': its values are of kind {code}, unknown to this version; use a newer version of shm"
    )]
    UnknownKind {
        /// The region's name.
        region: String,
        /// The number of the kind in the header.
        code: u32,
    },
    /// The region holds values of another kind.
    #[error(
        "cannot open region '{region}': it holds {found} values, not {expected}; open it for what it holds, or choose another name"
    )]
    Kind {
        /// The region's name.
        region: String,
        /// The kind of the values in the region.
        found: Kind,
        /// The kind that the caller asked for.
        expected: Kind,
    },
    /// The region holds values of another type.
    #[error(
        "cannot open region '{region}': it holds another type: {difference}; use the region's type, or choose another name"
    )]
    Type {
        /// The region's name.
        region: String,
        /// The first difference, for example `Reading.position.1: f64 in the region, f32 here`.
        difference: String,
    },
    /// The region does not specify how its values are encoded, so they cannot be converted to or from JSON.
    #[error("cannot open region '{region}' for JSON: it does not say how its values are encoded; open it for bytes")]
    Undescribed {
        /// The region's name.
        region: String,
    },
    /// The type of the values cannot be described by a schema.
    #[cfg(feature = "schema")]
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The region already has a writer.
    #[error("region '{region}' already has a writer{}; stop that writer, or choose another name", pid_hint(.pid))]
    WriterAlive {
        /// The region's name.
        region: String,
        /// The process id that the writer stored in the region. It is only a hint: it may be from another PID
        /// namespace.
        pid: Option<u32>,
    },
    /// A file that must belong to this user alone does not.
    #[error("will not write to '{file}': {reason}")]
    NotOurs {
        /// The region's file or its lock file.
        file: String,
        /// How the file breaks this rule.
        reason: NotOursReason,
    },
    /// The system denies access.
    #[error("cannot {} region '{region}': permission denied; {denied}", .denied.action())]
    Permission {
        /// The region's name.
        region: String,
        /// The permission that is missing.
        denied: Denied,
    },
    /// The file system does not have enough space for the region. The failed operation leaves no files.
    #[error(
        "no space for '{region}': it needs {needed} bytes, {free} are free in its directory{}; give it fewer or smaller slots, or set SHM_DIR to a directory with more space",
        inode_hint(*.needed, *.free)
    )]
    NoSpace {
        /// The name of the region that was being created.
        region: String,
        /// How many bytes the file needs.
        needed: u64,
        /// How many bytes are free in the file system.
        free: u64,
    },
    /// A quota leaves too little space for the region. The failed operation leaves no files.
    #[error(
        "no space for '{region}': it needs {needed} bytes, and {QUOTA_USED_UP}; give it fewer or smaller slots, or set SHM_DIR to a directory on another file system"
    )]
    Quota {
        /// The name of the region that was being created.
        region: String,
        /// How many bytes the file needs.
        needed: u64,
    },
    /// The file system cannot hold regions.
    #[error(
        "cannot create region '{region}': its file system cannot reserve space, or not rename without replacing; use one that can, such as tmpfs, ext4 or XFS"
    )]
    FileSystem {
        /// The name of the region that was being created.
        region: String,
    },
    /// The region is, or would be, on a file system that belongs to another machine or to a program.
    #[error(
        "will not use region '{region}' on {file_system}: other machines would read stale data, and waiting readers would not be woken; use a file system of this machine, such as tmpfs, ext4 or XFS"
    )]
    Remote {
        /// The region's name.
        region: String,
        /// The file system's name.
        file_system: &'static str,
    },
    /// The region is, or would be, larger than a limit.
    #[error("'{region}' would be too large: {bytes} bytes, more than {limit}")]
    TooLarge {
        /// The region's name.
        region: String,
        /// How many bytes its file has or needs.
        bytes: u64,
        /// The limit that is exceeded.
        limit: Limit,
    },
    /// The region's name is tied to one file, which was removed or replaced elsewhere, or which would have to
    /// be removed or replaced here. This is so if the file is mounted at its name without its directory.
    #[error(
        "cannot {action} region '{region}': this name is tied to one file, so it cannot lead to the file that replaces that one; if the file is mounted here, mount the directory, not the file"
    )]
    Mounted {
        /// What was attempted, for example `follow`.
        action: &'static str,
        /// The region's name.
        region: String,
    },
    /// A process without the writer's lock removed or replaced the region.
    #[error("region '{region}' was removed while in use; open it again to go on with a new one")]
    Gone {
        /// The region's name.
        region: String,
    },
    /// A system call failed.
    #[error("cannot {action} '{region}': {source}")]
    Io {
        /// The operation that failed, for example `open region`.
        action: &'static str,
        /// The region or file.
        region: String,
        /// The error that the system returned.
        source: io::Error,
    },
}

/// The permission that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denied {
    /// Reading the region's file.
    Read {
        /// The user id of the file's owner.
        owner: u32,
        /// The file's permission bits.
        mode: u32,
    },
    /// Writing to the region's file.
    Write {
        /// The user id of the file's owner.
        owner: u32,
        /// The file's permission bits.
        mode: u32,
    },
    /// Writing to the region's file, which is marked immutable or append-only.
    Marked,
    /// Creating a file in the region's directory.
    Create,
    /// Opening or creating the file that a writer locks.
    Lock {
        /// The file's name in the region's directory.
        file: String,
    },
}

impl Denied {
    fn action(&self) -> &'static str {
        match self {
            Self::Read { .. } | Self::Write { .. } | Self::Marked => "open",
            Self::Create => "create",
            Self::Lock { .. } => "lock",
        }
    }
}

impl fmt::Display for Denied {
    /// Describes the problem and how to solve it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { owner, mode } => {
                write!(f, "it has mode {mode:o}, and user {owner}, its owner, can let others read it, by mode 644")
            }
            Self::Write { owner, mode } => write!(
                f,
                "it has mode {mode:o}, and user {owner}, its owner, alone can write to it; choose another name"
            ),
            Self::Marked => {
                f.write_str("its file is marked immutable or append-only; clear that mark, or choose another name")
            }
            Self::Create => f.write_str("it needs write permission in its directory; set SHM_DIR to another"),
            Self::Lock { file } => {
                write!(f, "'{file}' must be writable; write as its owner, or set SHM_DIR to another directory")
            }
        }
    }
}

/// Why a file does not belong to this user alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotOursReason {
    /// It belongs to another user.
    #[error("it belongs to user {owner}, this is user {user}; write as that user, or choose another name")]
    Owner {
        /// The user id of the file's owner.
        owner: u32,
        /// The user id of this process.
        user: u32,
    },
    /// It has more than one name.
    #[error("the file has {names} names (hard links), and a writer takes a file with one")]
    Names {
        /// How many names the file has.
        names: u64,
    },
    /// Other users may write to it.
    #[error("others may write to it (mode {mode:o}); take that right away from them")]
    Mode {
        /// The file's permission bits.
        mode: u32,
    },
    /// It is not a regular file but, for example, a directory or a link.
    #[error("it is not a regular file; choose another name")]
    NotRegular,
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

fn version((major, minor): (u16, u16)) -> String {
    format!("{major}.{minor}")
}

/// The reason of an error about a quota, which is seldom only the user's.
pub(super) const QUOTA_USED_UP: &str = "the quota of this user is used up, or that of its group or directory";

/// Names what may be missing if enough bytes are free. The system does not report which of the two it is.
pub(super) fn inode_hint(needed: u64, free: u64) -> &'static str {
    if needed <= free { ", but the file system has no free inodes, or no space for its own records" } else { "" }
}

fn pid_hint(pid: &Option<u32>) -> String {
    match pid {
        Some(pid) => format!(" (process {pid})"),
        None => String::new(),
    }
}
