//! Why a region cannot be opened, and everything else that is done with whole regions.

use super::limit::Limit;
use crate::types::error::ArrayTypeError;
#[cfg(feature = "schema")]
use crate::types::error::SchemaError;
use crate::types::kind::Kind;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a region cannot be opened for reading or writing, created, replaced, listed, inspected, verified or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The name breaks the rules for names: 1 to 200 bytes of letters, digits, `.`, `_` and `-`, not beginning with `.` or `-`.
    #[error("'{name}' is not a region name: {reason}")]
    BadName {
        /// The name as it was given.
        name: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// An option has a value that no region can have, or does not apply to what is opened.
    #[error("{reason}")]
    BadOption {
        /// The option's name, as in `slots`.
        option: &'static str,
        /// What is wrong with it, in a sentence that names the option.
        reason: String,
    },
    /// The option `array`, or the shape that was given, describes no array.
    #[error(transparent)]
    ArrayType(#[from] ArrayTypeError),
    /// The directory of regions, or the one in a region's path, cannot be opened or read.
    #[error("cannot open directory '{}'{}: {source}; {}", .directory.display(), for_region(.region), directory_remedy(.region))]
    Directory {
        /// The region that was wanted, if it was a single one.
        region: Option<String>,
        /// The directory's path.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no region of this name in its directory.
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
        reason: &'static str,
    },
    /// The region was made by a version of the format that this library does not know.
    #[error(
        "cannot open region '{region}': it has format {}, this program reads {}; use a matching version of shm",
        version(*.found), version(*.supported)
    )]
    Version {
        /// The region that was opened.
        region: String,
        /// The format version in the region, major and minor.
        found: (u16, u16),
        /// The format version of this library.
        supported: (u16, u16),
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
        /// The region that was opened.
        region: String,
        /// The field or number that is wrong.
        reason: String,
    },
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
    /// The region holds another kind of value.
    #[error(
        "cannot open region '{region}': it holds {found} values, not {expected}; open it for what it holds, or choose another name"
    )]
    Kind {
        /// The region that was opened.
        region: String,
        /// The kind in the region.
        found: Kind,
        /// The kind that was asked for.
        expected: Kind,
    },
    /// The region holds values of another type.
    #[error(
        "cannot open region '{region}': it holds another type: {difference}; use the region's type, or choose another name"
    )]
    Type {
        /// The region that was opened.
        region: String,
        /// The first difference, as in `Reading.position.1: f64 in the region, f32 here`.
        difference: String,
    },
    /// The region does not say how its values are encoded, so they cannot be taken as JSON.
    #[error("cannot open region '{region}' for JSON: it does not say how its values are encoded; open it for bytes")]
    Undescribed {
        /// The region that was opened.
        region: String,
    },
    /// The type of the values cannot be described by a schema.
    #[cfg(feature = "schema")]
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The region has another writer.
    #[error("region '{region}' already has a writer{}; stop that writer, or choose another name", pid_hint(.pid))]
    WriterAlive {
        /// The region that was wanted.
        region: String,
        /// The writer's process, as it noted itself in the region: a hint, which may come from another PID namespace.
        pid: Option<u32>,
    },
    /// A file that must belong to this user alone does not.
    #[error("will not write to '{file}': {reason}")]
    NotOurs {
        /// The region or lock file.
        file: String,
        /// What was found.
        reason: NotOursReason,
    },
    /// The system does not allow it.
    #[error("cannot {} region '{region}': permission denied; {denied}", .denied.action())]
    Permission {
        /// The region.
        region: String,
        /// What was denied.
        denied: Denied,
    },
    /// The file system has no room for the region. Nothing was left behind.
    #[error(
        "no space for '{region}': it needs {needed} bytes, {free} are free in its directory{}; give it fewer or smaller slots, or set SHM_DIR to a directory with more space",
        inode_hint(*.needed, *.free)
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
        "will not use region '{region}' on {file_system}: other machines would read stale data, and waiting readers would not be woken; use a file system of this machine, such as tmpfs, ext4 or XFS"
    )]
    Remote {
        /// The region that was wanted.
        region: String,
        /// The file system's name.
        file_system: &'static str,
    },
    /// The region is, or would be, larger than a limit.
    #[error("'{region}' would be too large: {bytes} bytes, more than {limit}")]
    TooLarge {
        /// The region.
        region: String,
        /// Bytes that its file has or needs.
        bytes: u64,
        /// Bytes that it may have.
        limit: Limit,
    },
    /// Somebody removed or replaced the region without having the writer's lock.
    #[error("region '{region}' was removed while in use; open it again to go on with a new one")]
    Gone {
        /// The region.
        region: String,
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

/// Which permission is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denied {
    /// To read the region's file.
    Read {
        /// The user that the file belongs to.
        owner: u32,
        /// The file's permission bits.
        mode: u32,
    },
    /// To write to the region's file.
    Write {
        /// The user that the file belongs to.
        owner: u32,
        /// The file's permission bits.
        mode: u32,
    },
    /// To create a file in the region's directory.
    Create,
    /// To open or create the file that a writer locks.
    Lock {
        /// The file's name, in the region's directory.
        file: String,
    },
}

impl Denied {
    fn action(&self) -> &'static str {
        match self {
            Self::Read { .. } | Self::Write { .. } => "open",
            Self::Create => "create",
            Self::Lock { .. } => "lock",
        }
    }
}

impl fmt::Display for Denied {
    /// What was found, and who can do something about it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { owner, mode } => {
                write!(f, "it has mode {mode:o}, and user {owner}, its owner, can let others read it, by mode 644")
            }
            Self::Write { owner, mode } => write!(
                f,
                "it has mode {mode:o}, and user {owner}, its owner, alone can write to it; choose another name"
            ),
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
        /// The user that the file belongs to.
        owner: u32,
        /// The user of this process.
        user: u32,
    },
    /// It has more names than one.
    #[error("the file has {names} names (hard links), and a writer takes a file with one")]
    Names {
        /// How many names the file has.
        names: u64,
    },
    /// Others may write to it.
    #[error("others may write to it (mode {mode:o}); take that right away from them")]
    Mode {
        /// The file's permission bits.
        mode: u32,
    },
    /// It is a directory, a link or the like.
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

/// Bytes are not all that runs out.
pub(super) fn inode_hint(needed: u64, free: u64) -> &'static str {
    if needed <= free { ", but the file system has no free inodes" } else { "" }
}

fn pid_hint(pid: &Option<u32>) -> String {
    match pid {
        Some(pid) => format!(" (process {pid})"),
        None => String::new(),
    }
}
