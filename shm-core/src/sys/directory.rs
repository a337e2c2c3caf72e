//! A directory that is held open, and what is done with the files in it.

use super::file::{Access, Stat};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::{Errno, retry_on_intr};
use std::fs::File;
use std::io::Result;
use std::path::Path;
use std::sync::Arc;

/// What every file is opened with: a link is not followed, a pipe is not waited for, and no program that is started gets it.
const SAFELY: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

/// An open directory: it stays the same one when its path leads elsewhere.
#[derive(Clone, Debug)]
pub struct Directory(Arc<OwnedFd>);

impl Directory {
    /// Opens a directory. One that may be searched but not listed is good enough for names that are known.
    pub fn open(path: &Path) -> Result<Self> {
        let open = |flags| retry_on_intr(|| fs::open(path, flags | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()));
        let directory = open(OFlags::RDONLY).or_else(|_| open(OFlags::PATH))?;
        Ok(Self(Arc::new(directory)))
    }

    /// Opens a file that exists.
    pub fn open_file(&self, name: &str, access: Access) -> Result<File> {
        let flags = match access {
            Access::Read => OFlags::RDONLY,
            Access::Write => OFlags::RDWR,
        };
        Ok(retry_on_intr(|| fs::openat(&self.0, name, flags | SAFELY, Mode::empty()))?.into())
    }

    /// Makes a file that its owner alone reads and writes, with the rights that the umask leaves.
    pub fn create_file(&self, name: &str) -> Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | SAFELY;
        Ok(retry_on_intr(|| fs::openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR))?.into())
    }

    /// What is known of a file, if there is one. A link is a file of its own.
    pub fn stat(&self, name: &str) -> Result<Option<Stat>> {
        match fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Stat::of(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Gives a file another name, in the place of what has it.
    pub fn rename_over(&self, name: &str, other: &str) -> Result<()> {
        self.rename(name, other, RenameFlags::empty())
    }

    /// Gives a file another name that nothing has; otherwise an error of the kind `AlreadyExists`.
    pub fn rename_to_free(&self, name: &str, other: &str) -> Result<()> {
        self.rename(name, other, RenameFlags::NOREPLACE)
    }

    fn rename(&self, name: &str, other: &str, flags: RenameFlags) -> Result<()> {
        Ok(retry_on_intr(|| fs::renameat_with(&self.0, name, &self.0, other, flags))?)
    }

    /// Removes a file. That there is none is no error.
    pub fn remove_file(&self, name: &str) -> Result<()> {
        match fs::unlinkat(&self.0, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// The names of all files, but for those that are not UTF-8.
    pub fn names(&self) -> Result<Vec<String>> {
        // A list that ends where the directory could not be read any further would be taken for all of it.
        let entries: Vec<_> = fs::Dir::read_from(&self.0).and_then(Iterator::collect)?;
        Ok(entries.iter().filter_map(|entry| Some(entry.file_name().to_str().ok()?.to_owned())).collect())
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
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
