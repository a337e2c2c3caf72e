//! Open files, and the attributes of files.

use rustix::fd::{AsFd, AsRawFd};
use rustix::fs::{self, FileType, MemfdFlags, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use std::fs::File;
use std::io::{Error, ErrorKind, Result};

/// Reading and writing at an offset in a file, which does not move the position of any open file.
pub use std::os::unix::fs::FileExt as At;

/// The access for which a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Read,
    /// Reading and writing.
    Write,
}

/// The identity of a file: device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
}

/// The type of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file: bytes on a disk or in memory.
    Regular,
    Directory,
    Link,
    Pipe,
    Socket,
    Device,
}

/// The attributes of a file.
#[derive(Clone, Copy, Debug)]
pub struct Stat {
    /// The identity of the file.
    pub identity: Identity,
    /// The type of the file.
    pub kind: Kind,
    /// Its length in bytes.
    pub bytes: u64,
    /// How many bytes of it are allocated on the disk or in memory.
    pub stored_bytes: u64,
    /// Its permission bits.
    pub mode: u32,
    /// The id of the user that owns it.
    pub owner: u32,
    /// The id of its group.
    pub group: u32,
    /// How many names (hard links) it has.
    pub names: u64,
}

impl Stat {
    pub(super) fn of(stat: &fs::Stat) -> Self {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::Regular,
            FileType::Directory => Kind::Directory,
            FileType::Symlink => Kind::Link,
            FileType::Fifo => Kind::Pipe,
            FileType::Socket => Kind::Socket,
            _ => Kind::Device,
        };
        #[allow(clippy::useless_conversion, reason = "the fields' types differ between architectures")]
        Self {
            identity: Identity { device: stat.st_dev.into(), inode: stat.st_ino.into() },
            kind,
            bytes: u64::try_from(stat.st_size).unwrap_or(0),
            // The kernel counts in blocks of 512 bytes.
            stored_bytes: u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512),
            mode: stat.st_mode & 0o7777,
            owner: stat.st_uid,
            group: stat.st_gid,
            names: stat.st_nlink.into(),
        }
    }
}

/// Returns the attributes of an open file.
pub fn stat(file: &File) -> Result<Stat> {
    Ok(Stat::of(&fs::fstat(file)?))
}

/// Sets the permission bits.
pub fn set_mode(file: &File, mode: u32) -> Result<()> {
    Ok(retry_on_intr(|| fs::fchmod(file, Mode::from_raw_mode(mode)))?)
}

/// Sets the group.
pub fn set_group(file: &File, group: u32) -> Result<()> {
    Ok(retry_on_intr(|| fs::fchown(file, None, Some(fs::Gid::from_raw(group))))?)
}

/// Returns whether the file was opened for writing.
pub fn is_writable(file: &File) -> Result<bool> {
    Ok(fs::fcntl_getfl(file)? & OFlags::RWMODE != OFlags::RDONLY)
}

/// Returns whether the file was opened for reading.
pub fn is_readable(file: &File) -> Result<bool> {
    Ok(fs::fcntl_getfl(file)? & OFlags::RWMODE != OFlags::WRONLY)
}

/// Creates a file in memory that has no name.
pub fn anonymous() -> Result<File> {
    Ok(fs::memfd_create("shm", MemfdFlags::CLOEXEC)?.into())
}

/// Returns a description of an open file without a name, for messages.
pub fn path_name(file: &File) -> String {
    format!("file descriptor {}", file.as_fd().as_raw_fd())
}

/// Returns how many bytes of the file system are free for this user. `file` is any file on that file
/// system.
pub fn free_bytes(file: impl AsFd) -> u64 {
    fs::fstatvfs(file).map_or(0, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Returns the limit on the length of files. The kernel kills a process that exceeds it, instead of
/// returning an error.
pub fn length_limit() -> u64 {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize);
    limit.current.unwrap_or(u64::MAX)
}

/// Returns whether the error means that space has run out: on the disk, in memory, or in the user's
/// quota.
pub fn is_no_space(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Returns whether opening a file for writing failed because it is marked immutable or append-only.
/// Missing permission bits are another error, `EACCES`.
pub fn is_marked(error: &Error) -> bool {
    error.raw_os_error() == Some(Errno::PERM.raw_os_error())
}

/// Returns bytes that cannot be predicted.
pub fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_are_of_the_kinds_that_are_asked_for() {
        let kind = |errno: Errno| Error::from(errno).kind();
        assert_eq!([Errno::ACCESS, Errno::PERM].map(kind), [ErrorKind::PermissionDenied; 2]);
        assert_eq!([Errno::OPNOTSUPP, Errno::NOSYS].map(kind), [ErrorKind::Unsupported; 2]);
        assert_eq!(kind(Errno::INVAL), ErrorKind::InvalidInput);
        assert_eq!(kind(Errno::ROFS), ErrorKind::ReadOnlyFilesystem);
        assert_eq!(kind(Errno::FBIG), ErrorKind::FileTooLarge);
        assert!([Errno::NOSPC, Errno::DQUOT].map(Error::from).iter().all(is_no_space));
        assert!(!is_no_space(&Errno::NOMEM.into()));
    }
}
