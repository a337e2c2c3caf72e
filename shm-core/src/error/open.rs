//! The error of operations on whole regions.

use super::limit::Limit;
#[cfg(feature = "schema")]
use crate::types::error::SchemaError;
use crate::types::error::{ArrayTypeError, bytes_in_words};
use crate::types::kind::Kind;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a region cannot be opened, created, replaced, listed, inspected, verified or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The name breaks the rules for names: 1 to 200 bytes of letters, digits, `.`, `_` and `-`, not
    /// beginning with `.` or `-`.
    #[error("cannot use '{name}' as the name of a region: {reason}")]
    BadName {
        /// The name as it was given.
        name: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// An option has a value that no region can have, or it does not apply to this operation.
    #[error("cannot open region '{region}': {reason}")]
    BadOption {
        /// The region that was to be opened.
        region: String,
        /// The option's name, for example `slots`.
        option: &'static str,
        /// The problem, as a sentence that names the option.
        reason: Box<str>,
    },
    /// No array can have the element type and shape that were given.
    #[error(transparent)]
    ArrayType(#[from] ArrayTypeError),
    /// The directory of regions, or the directory in a region's path, cannot be opened or read.
    #[error(
        "cannot open directory '{}'{}: {source}; {}",
        .directory.display(),
        for_region(.region),
        directory_remedy(.region.as_deref(), .source)
    )]
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
    /// The file with this name is not a region. It is neither changed nor removed.
    #[error("cannot open region '{region}': the file is not a region: {reason}; choose another name")]
    NotARegion {
        /// The name that was opened.
        region: String,
        /// How the file differs from a region.
        reason: &'static str,
    },
    /// The region has a version of the format that this library does not support.
    #[error(
        "cannot open region '{region}': it has format version {}, and this program supports only version {}; use the version of shm that wrote it, or choose another name",
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
    /// The region uses features that this library does not know, but must know to use the region.
    #[error(
        "cannot open region '{region}': it uses features that this version does not support (bits {bits:#x}); use a newer version of shm"
    )]
    Features {
        /// The region's name.
        region: String,
        /// The bits of the unknown features.
        bits: u64,
    },
    /// The region's bytes contradict each other.
    #[error("cannot open region '{region}': it is damaged: {reason}; use another region")]
    Damaged {
        /// The region's name.
        region: String,
        /// The field or number that is wrong.
        reason: String,
    },
    /// The region holds values of a kind that this library does not know.
    #[error(
        "cannot open region '{region}': its kind has number {code}, which this version does not support; use a newer version of shm"
    )]
    UnknownKind {
        /// The region's name.
        region: String,
        /// The number of the kind in the header.
        code: u32,
    },
    /// The region holds values of another kind.
    #[error(
        "cannot open region '{region}': its kind is {}, not {}; open it for kind {found}, or choose another name",
        kind_in_words(*.found),
        kind_in_words(*.expected)
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
        "cannot open region '{region}': its type does not match: {difference}; open it with the type it was written with, or choose another name"
    )]
    Type {
        /// The region's name.
        region: String,
        /// The first difference, for example `Reading.position.1 is f64 in the region, and f32 in this program`.
        difference: String,
    },
    /// The region does not specify how its values are encoded, so they cannot be converted to or from JSON.
    #[error(
        "cannot open region '{region}' as JSON: it has no schema that describes how its values are encoded; open it as bytes"
    )]
    Undescribed {
        /// The region's name.
        region: String,
    },
    /// The type of the values cannot be described by a schema.
    #[cfg(feature = "schema")]
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The region already has a writer.
    #[error("cannot lock region '{region}': it already has a writer{}; stop that writer, or choose another name", pid_hint(.pid))]
    WriterAlive {
        /// The region's name.
        region: String,
        /// The process id that the writer stored in the region. It is only a hint: it may be from another PID
        /// namespace.
        pid: Option<u32>,
    },
    /// The region's file or its lock file does not belong to this user alone.
    #[error("cannot write to '{file}': {reason}")]
    NotOurs {
        /// The file's name.
        file: String,
        /// Why the file does not belong to this user alone.
        reason: NotOursReason,
    },
    /// The system denies access.
    #[error("cannot {} region '{region}': permission denied: {denied}", .denied.action())]
    Permission {
        /// The region's name.
        region: String,
        /// The permission that is missing.
        denied: Denied,
    },
    /// The file system does not have enough space for the region. The failed operation leaves no files.
    #[error(
        "cannot reserve space for region '{region}': {}",
        space(*.needed, *.free, "use fewer or smaller slots, or ")
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
    #[error("cannot reserve space for region '{region}': {}", quota(*.needed, "use fewer or smaller slots, or "))]
    Quota {
        /// The name of the region that was being created.
        region: String,
        /// How many bytes the file needs.
        needed: u64,
    },
    /// The file system does not support the operations that regions need.
    #[error(
        "cannot create region '{region}' in {}: the file system ({file_system}) does not support fallocate, or renaming without replacing (RENAME_NOREPLACE), and regions need both; use a directory on tmpfs, ext4, XFS or Btrfs, for example: SHM_DIR=/dev/shm",
        .directory.display()
    )]
    FileSystem {
        /// The name of the region that was being created.
        region: String,
        /// The region's directory.
        directory: Box<Path>,
        /// The file system's name, or its number in hexadecimal.
        file_system: Box<str>,
    },
    /// The region is, or would be, on a file system that another machine or a program (FUSE) provides.
    #[error(
        "cannot open region '{region}': it is on {file_system}: readers there can get stale data and are not always woken; use a local file system, such as tmpfs, ext4 or XFS"
    )]
    Remote {
        /// The region's name.
        region: String,
        /// The file system's name.
        file_system: &'static str,
    },
    /// The region is, or would be, larger than a limit.
    #[error("cannot open region '{region}': its size {} {}, and {limit}", .limit.verb(), bytes_in_words(*.bytes))]
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
        "cannot {action} region '{region}': this name is tied to one file and cannot refer to the file that replaces it; if the file is mounted here, mount the directory, not the file"
    )]
    Mounted {
        /// The operation that failed, for example `follow`.
        action: &'static str,
        /// The region's name.
        region: String,
    },
    /// The file system is mounted read-only, or became read-only after an error of its disk. Regions on it can be
    /// read.
    #[error("cannot {action} '{region}': its file system is read-only; mount it read-write, or use another directory")]
    ReadOnly {
        /// The operation that failed, for example `create region`.
        action: &'static str,
        /// The region or file.
        region: String,
    },
    /// The region's directory was removed, but its path still leads to it: the directory is mounted there, or it is
    /// the working directory. No region can appear in it any more.
    #[error(
        "cannot follow region '{region}': its directory was removed, and its path still leads to it, as when it is mounted there; mount the directory that replaced it, or its parent directory"
    )]
    DirectoryGone {
        /// The region's name.
        region: String,
    },
    /// A process without the writer's lock removed or replaced the region.
    #[error("cannot open region '{region}': another program removed or replaced it meanwhile; open it again")]
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
    /// Changing a file or directory that is marked immutable or append-only.
    Marked {
        /// The name of the file in the region's directory, or the path of the directory.
        file: String,
    },
    /// Creating a file in the region's directory.
    Create,
    /// Opening or creating the file that a writer locks.
    Lock {
        /// The file's name in the region's directory.
        file: String,
    },
    /// Locking the file that a writer locks. Only a security module can deny this.
    Locking {
        /// The file's name in the region's directory.
        file: String,
    },
    /// Giving the file that replaces the region to the region's group.
    Group {
        /// The id of the group.
        group: u32,
    },
}

impl Denied {
    fn action(&self) -> &'static str {
        match self {
            Self::Read { .. } | Self::Write { .. } => "open",
            Self::Marked { .. } => "change",
            Self::Create => "create",
            Self::Lock { .. } | Self::Locking { .. } => "lock",
            Self::Group { .. } => "replace",
        }
    }
}

impl fmt::Display for Denied {
    /// Describes the problem and how to solve it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { owner, mode } => {
                write!(
                    f,
                    "its mode is {mode:o}, and its owner is user {owner}; ask the owner for mode 644, or run as that user"
                )
            }
            Self::Write { owner, mode } => write!(
                f,
                "its mode is {mode:o}, and only its owner, user {owner}, can write to it; run as that user, or choose another name"
            ),
            Self::Marked { file } => write!(
                f,
                "'{file}' is marked immutable or append-only; clear that mark, or use another name or directory"
            ),
            Self::Create => f.write_str(
                "this user cannot create files in its directory; use another directory, for example with SHM_DIR",
            ),
            Self::Lock { file } => {
                write!(
                    f,
                    "this user cannot open its lock file '{file}' for writing; run as the owner of that file, or set SHM_DIR to another directory"
                )
            }
            Self::Locking { file } => write!(
                f,
                "a security module, such as AppArmor or SELinux, does not let this process lock '{file}'; allow it, or set SHM_DIR to another directory"
            ),
            Self::Group { group } => write!(
                f,
                "its file belongs to group {group}, and this user cannot give a file to that group; run as a member of the group, or set the mode to 600"
            ),
        }
    }
}

/// Why a file does not belong to this user alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotOursReason {
    /// It belongs to another user.
    #[error(
        "it belongs to user {owner}, and this program runs as user {user}; run it as user {owner}, or choose another name"
    )]
    Owner {
        /// The user id of the file's owner.
        owner: u32,
        /// The user id of this process.
        user: u32,
    },
    /// It has more than one name.
    #[error("the file has {names} names (hard links), and a region may have only one; choose another name")]
    Names {
        /// How many names the file has.
        names: u64,
    },
    /// Other users may write to it.
    #[error("its mode {mode:o} lets other users write to it; set the mode to 644 or 600")]
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

fn directory_remedy(region: Option<&str>, source: &io::Error) -> &'static str {
    let is_missing = source.kind() == io::ErrorKind::NotFound;
    match region {
        Some(path) if path.contains('/') && is_missing => "create the directory first, or use another path",
        Some(path) if path.contains('/') => "use a path in another directory",
        _ if is_missing => "create it, or set SHM_DIR to a directory that exists",
        _ => "set SHM_DIR to another directory",
    }
}

/// A kind's name, with an explanation where the name needs one.
fn kind_in_words(kind: Kind) -> String {
    match kind {
        Kind::Bincode => format!("{kind} (values of a Rust type)"),
        _ => kind.to_string(),
    }
}

fn version((major, minor): (u16, u16)) -> String {
    format!("{major}.{minor}")
}

/// Says that there are too few bytes, or no inodes, and what to do; `less` is a way to need fewer bytes.
pub(super) fn space(needed: u64, free: u64, less: &str) -> String {
    if needed > free {
        let needed = bytes_in_words(needed);
        return format!(
            "it needs {needed}, and its file system has only {free} free; {less}a directory with more space (SHM_DIR)"
        );
    }
    "its file system has no free inodes, or no space for its own records; use another directory (SHM_DIR)".to_owned()
}

/// Says that a quota is used up, and what to do; `less` is a way to need fewer bytes.
pub(super) fn quota(needed: u64, less: &str) -> String {
    let needed = bytes_in_words(needed);
    format!(
        "it needs {needed}, and the quota of this user is used up, or that of its group or directory; {less}a directory on another file system (SHM_DIR)"
    )
}

fn pid_hint(pid: &Option<u32>) -> String {
    match pid {
        Some(pid) => format!(" (process {pid})"),
        None => String::new(),
    }
}
