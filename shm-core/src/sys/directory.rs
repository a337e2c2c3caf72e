//! A directory that is kept open, and operations on the files in it.

use super::file::{Access, Stat};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::{Errno, retry_on_intr};
use std::fs::File;
use std::io::Result;
use std::path::Path;
use std::sync::Arc;

/// Flags for opening any file: do not follow a link, do not pass the descriptor to started programs,
/// and do not wait for the other end of a pipe.
const SAFELY: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

/// An open directory. It stays the same directory even if its path comes to refer to another one; see
/// [`successor`](Self::successor).
#[derive(Clone, Debug)]
pub struct Directory {
    descriptor: Arc<OwnedFd>,
    path: Arc<Path>,
}

impl Directory {
    /// Opens a directory. A directory that may be searched but not listed can be opened, too: files in it
    /// can be opened by name.
    pub fn open(path: &Path) -> Result<Self> {
        let open = |flags| retry_on_intr(|| fs::open(path, flags | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()));
        let directory = open(OFlags::RDONLY).or_else(|_| open(OFlags::PATH))?;
        // The process may change its working directory. If that was removed, the path stays as it is.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
        Ok(Self { descriptor: Arc::new(directory), path: path.into() })
    }

    /// Returns the directory that the path refers to now, if it is a different one. The error is
    /// `StaleNetworkFileHandle` if the path still leads to this directory although it was removed. A mount does that.
    pub fn successor(&self) -> Result<Option<Self>> {
        let Ok(present) = Self::open(&self.path) else { return Ok(None) };
        let stat = |directory: &Self| Ok::<_, Errno>(Stat::of(&fs::fstat(&directory.descriptor)?));
        let found = stat(&present)?;
        if found.identity != stat(self)?.identity {
            return Ok(Some(present));
        }
        if found.names == 0 { Err(Errno::STALE.into()) } else { Ok(None) }
    }

    /// Opens an existing file.
    pub fn open_file(&self, name: &str, access: Access) -> Result<File> {
        let flags = match access {
            Access::Read => OFlags::RDONLY,
            Access::Write => OFlags::RDWR,
        };
        Ok(retry_on_intr(|| fs::openat(&self.descriptor, name, flags | SAFELY, Mode::empty()))?.into())
    }

    /// Creates a file that only its owner can read and write. The umask may remove permissions from it.
    pub fn create_file(&self, name: &str) -> Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | SAFELY;
        Ok(retry_on_intr(|| fs::openat(&self.descriptor, name, flags, Mode::RUSR | Mode::WUSR))?.into())
    }

    /// Returns the attributes of a file, or `None` if it does not exist. A link is not followed.
    pub fn stat(&self, name: &str) -> Result<Option<Stat>> {
        match fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Stat::of(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Renames a file, and replaces the file that has the new name, if there is one.
    pub fn rename_over(&self, name: &str, other: &str) -> Result<()> {
        self.rename(name, other, RenameFlags::empty())
    }

    /// Renames a file. If the new name is already in use, the error has the kind `AlreadyExists`.
    pub fn rename_to_free(&self, name: &str, other: &str) -> Result<()> {
        self.rename(name, other, RenameFlags::NOREPLACE)
    }

    fn rename(&self, name: &str, other: &str, flags: RenameFlags) -> Result<()> {
        Ok(retry_on_intr(|| fs::renameat_with(&self.descriptor, name, &self.descriptor, other, flags))?)
    }

    /// Removes a file. It is not an error if the file does not exist.
    pub fn remove_file(&self, name: &str) -> Result<()> {
        match fs::unlinkat(&self.descriptor, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Lists the names of all files, except for names that are not valid UTF-8.
    pub fn names(&self) -> Result<Vec<String>> {
        // Return the error if the directory cannot be read to its end: a partial list would look like a
        // complete one.
        let entries: Vec<_> = fs::Dir::read_from(&self.descriptor).and_then(Iterator::collect)?;
        Ok(entries.iter().filter_map(|entry| Some(entry.file_name().to_str().ok()?.to_owned())).collect())
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;

    #[test]
    fn only_a_directory_is_opened_as_one_and_no_program_that_is_started_inherits_it() {
        let room = tempfile::tempdir().unwrap();
        let directory = Directory::open(room.path()).unwrap();
        assert!(rustix::io::fcntl_getfd(&directory).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
        std::fs::write(room.path().join("file"), "").unwrap();
        assert_eq!(Directory::open(&room.path().join("file")).unwrap_err().kind(), ErrorKind::NotADirectory);
    }

    // Fault 84.
    #[test]
    fn a_directory_whose_path_refers_to_another_one_has_a_successor() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("inner");
        std::fs::create_dir(&path).unwrap();
        let old = Directory::open(&path).unwrap();
        assert!(old.successor().unwrap().is_none());
        std::fs::remove_dir(&path).unwrap();
        assert!(old.successor().unwrap().is_none());
        std::fs::create_dir(&path).unwrap();
        let new = old.successor().unwrap().unwrap();
        new.create_file("file").unwrap();
        assert!(old.stat("file").unwrap().is_none() && new.successor().unwrap().is_none());
    }

    #[test]
    fn a_name_that_is_taken_is_taken_only_by_who_says_so() {
        let room = tempfile::tempdir().unwrap();
        let directory = Directory::open(room.path()).unwrap();
        for name in ["old", "new"] {
            directory.create_file(name).unwrap();
        }
        assert_eq!(directory.create_file("old").unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(directory.rename_to_free("new", "old").unwrap_err().kind(), ErrorKind::AlreadyExists);
        directory.rename_over("new", "old").unwrap();
        assert_eq!(directory.names().unwrap().iter().filter(|name| !name.starts_with('.')).count(), 1);
        directory.remove_file("old").unwrap();
        directory.remove_file("old").unwrap();
        assert!(directory.stat("old").unwrap().is_none());
    }
}
