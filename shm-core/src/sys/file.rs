//! An open file, and what the system knows of a file.

use rustix::fd::{AsFd, AsRawFd};
use rustix::fs::{self, FileType, MemfdFlags, Mode, OFlags};
use rustix::io::retry_on_intr;
use std::fs::File;
use std::io::{Error, ErrorKind, Result};

/// Reading and writing at a place in a file, without moving anybody's position.
pub use std::os::unix::fs::FileExt as At;

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To look at it.
    Read,
    /// To look at it and to change it.
    Write,
}

/// Which file a name leads to: device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Bytes on a disk or in memory.
    Regular,
    Directory,
    Link,
    Pipe,
    Socket,
    Device,
}

/// What the system knows of a file.
#[derive(Clone, Copy, Debug)]
pub struct Stat {
    /// Which file it is.
    pub identity: Identity,
    /// What it is.
    pub kind: Kind,
    /// Its length.
    pub bytes: u64,
    /// How many bytes of it have a place on the disk or in memory.
    pub stored_bytes: u64,
    /// Its permission bits.
    pub mode: u32,
    /// The number of the user that it belongs to.
    pub owner: u32,
    /// The number of its group.
    pub group: u32,
    /// How many names it has.
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
            // They are counted in blocks of 512 bytes.
            stored_bytes: u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512),
            mode: stat.st_mode & 0o7777,
            owner: stat.st_uid,
            group: stat.st_gid,
            names: stat.st_nlink.into(),
        }
    }
}

/// What is known of an open file.
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

/// Whether the file was opened for writing.
pub fn is_writable(file: &File) -> Result<bool> {
    Ok(fs::fcntl_getfl(file)? & OFlags::RWMODE != OFlags::RDONLY)
}

/// A file in memory that has no name.
pub fn anonymous() -> Result<File> {
    Ok(fs::memfd_create("shm", MemfdFlags::CLOEXEC)?.into())
}

/// The file as it is called in messages, where it has no name.
pub fn path_name(file: &File) -> String {
    format!("file descriptor {}", file.as_fd().as_raw_fd())
}

/// How many bytes the file system has free for this user. `file` is any file on it.
pub fn free_bytes(file: impl AsFd) -> u64 {
    fs::fstatvfs(file).map_or(0, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// The limit on the length of files: beyond it the kernel kills the process rather than refuse.
pub fn length_limit() -> u64 {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize);
    limit.current.unwrap_or(u64::MAX)
}

/// Whether there is no room: on the disk, in memory, or in what this user may have of it.
pub fn is_no_space(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Bytes that nobody can foresee.
pub fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

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
