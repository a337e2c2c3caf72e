//! Making a map: what of which file, for what, and with which pages behind it. What is then done with it is not here.

use super::Block;
use crate::error::{BlockError, Limit, bytes_in_words};
use crate::region::location::Location;
use crate::sys::file::{self, At, Identity, Kind, Stat, is_no_space};
use crate::sys::file_system::file_system_name;
use crate::sys::mapping::{BlockMapping, page_bytes};
use crate::sys::reserve::{Length, reserve as reserve_pages};
use shm_ring::header::MAGIC;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

/// What a map is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To look at the bytes. Python's `ACCESS_READ`; the memory is mapped read-only.
    Read,
    /// To change them, for all who map the same. Python's `ACCESS_WRITE`: `MAP_SHARED`.
    Write,
    /// To change a copy that nobody else sees. Python's `ACCESS_COPY`: `MAP_PRIVATE`. What others change in the file shows
    /// in pages that were not changed here.
    Copy,
}

/// The permission bits of a block that is made.
const BLOCK_MODE: u32 = 0o600;

/// How to make a [`Block`].
///
/// ```
/// use shm_core::{Access, Block};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let file = tempfile::tempfile()?;
/// file.set_len(8192)?;
/// let mut map = Block::options().offset(4096).len(100).access(Access::Copy).file(file)?;
/// map.write(b"for me alone")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct BlockOptions {
    len: usize,
    offset: u64,
    access: Option<Access>,
    create: bool,
    remove_on_drop: bool,
    force: bool,
}

/// What is behind a map that is not closed.
#[derive(Debug)]
pub struct Backing {
    pub memory: BlockMapping,
    pub access: Access,
    // Private anonymous memory has none.
    file: Option<File>,
    offset: u64,
    is_anonymous: bool,
    // To be removed.
    name: Option<Name>,
}

/// A name that leads to a file.
#[derive(Debug)]
struct Name {
    location: Location,
    identity: Identity,
    // The process that may remove it, which a fork of it is not.
    process: u32,
}

impl BlockOptions {
    /// Options of which none is set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes to map. Unset, or 0, it is all that the file has behind the offset.
    ///
    /// A map that writes gives a page to every byte: it extends a file that is shorter, and fills the holes of one that is
    /// not. Others refuse a file that is shorter.
    pub fn len(&mut self, bytes: usize) -> &mut Self {
        self.len = bytes;
        self
    }

    /// Where in the file the map starts: a multiple of the page size. Unset, it is 0.
    pub fn offset(&mut self, bytes: u64) -> &mut Self {
        self.offset = bytes;
        self
    }

    /// What the map is for. Unset, it is [`Access::Write`], and [`Access::Read`] for a file that was opened read-only.
    pub fn access(&mut self, access: Access) -> &mut Self {
        self.access = Some(access);
        self
    }

    /// Whether a block that does not exist is made: for this user alone (mode 600), with the given length, by a map that
    /// writes. Unset, it is not.
    pub fn create(&mut self, on: bool) -> &mut Self {
        self.create = on;
        self
    }

    /// Whether the block's name is removed when the map is closed or dropped, if it still leads to the same file. Others
    /// who have it mapped keep it. Unset, it stays.
    pub fn remove_on_drop(&mut self, on: bool) -> &mut Self {
        self.remove_on_drop = on;
        self
    }

    /// Whether a block that is a region is mapped as well. Whoever stores to one breaks it. Unset, it is refused.
    pub fn force(&mut self, on: bool) -> &mut Self {
        self.force = on;
        self
    }

    /// Maps a named block: a name in `SHM_DIR`, or a path if it has a `/`. What stands behind the last `/` has 1 to 200
    /// letters, digits, `.`, `_` and `-`, and does not start with `.` or `-`. A symbolic link is not followed.
    ///
    /// # Errors
    ///
    /// [`BlockError::NoBlock`] if there is none and it is not to be made; [`BlockError::BadName`];
    /// [`BlockError::Directory`]; [`BlockError::Permission`] if it may not be opened or made; otherwise as for
    /// [`file`](Self::file).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let name = format!("{}/block", directory.path().display());
    /// # let name = name.as_str();
    /// let block = shm_core::Block::options().len(64).create(true).remove_on_drop(true).open(name)?;
    /// assert_eq!(block.size()?, 64);
    /// drop(block);
    /// assert!(shm_core::Block::open(name).is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(&self, name: impl AsRef<Path>) -> Result<Block, BlockError> {
        let location = Location::resolve(name.as_ref())?;
        let name = &location.name.clone();
        let access = self.access.unwrap_or(Access::Write);
        let (file, is_new) = self.open_file(&location, access)?;
        let identity = stat(name, &file)?.identity;
        let name_of_it = Name { location, identity, process: std::process::id() };
        match self.backing(name, file, access) {
            Ok(mut backing) => {
                backing.name = self.remove_on_drop.then_some(name_of_it);
                Ok(Block::new(name.to_owned(), backing))
            }
            Err(error) => {
                if is_new {
                    name_of_it.remove();
                }
                Err(error)
            }
        }
    }

    /// Maps a file that is open.
    ///
    /// # Errors
    ///
    /// [`BlockError::Refused`] if it is not a regular file, is empty or too short, or if the offset is not a multiple of
    /// the page size, or the file was opened for less than the map is for; [`BlockError::IsRegion`].
    /// [`BlockError::NoSpace`] and [`BlockError::TooLarge`] if it cannot be extended, and it then keeps its length.
    /// [`BlockError::Io`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut map = shm_core::Block::options().len(5).file(tempfile::tempfile()?)?;
    /// map.write(b"hello")?;
    /// assert_eq!(map.size()?, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn file(&self, file: File) -> Result<Block, BlockError> {
        let name = file::path_name(&file);
        let access = match self.access {
            Some(access) => access,
            None => opened_for(&file).map_err(|error| io_error("map", &name, error))?,
        };
        let backing = self.backing(&name, file, access)?;
        Ok(Block::new(name, backing))
    }

    /// Maps memory that has no name, all zeros. [`Access::Copy`] is for this process alone, the others are shared with the
    /// children that it forks. Its pages are taken when they are touched first, as those of other memory are.
    ///
    /// # Errors
    ///
    /// [`BlockError::Refused`] if the length is 0 or an offset is set; [`BlockError::TooLarge`]; [`BlockError::Io`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// let scratch = shm_core::Block::options().len(100).access(shm_core::Access::Copy).anonymous()?;
    /// assert_eq!(scratch.len(), 100);
    /// # Ok(())
    /// # }
    /// ```
    pub fn anonymous(&self) -> Result<Block, BlockError> {
        let name = "anonymous memory";
        if self.len == 0 || self.offset != 0 {
            return Err(refused(name, "map", "it needs a length, and cannot have an offset".to_owned()));
        }
        let end = end_of(name, 0, self.len)?;
        let io_error = |error| io_error("map", name, error);
        let access = self.access.unwrap_or(Access::Write);
        let (memory, file) = match access {
            Access::Copy => (BlockMapping::private_zeros(self.len), None),
            Access::Read | Access::Write => {
                check_limit(name, end, 0)?;
                let file = file::anonymous().map_err(io_error)?;
                file.set_len(end).map_err(io_error)?;
                (BlockMapping::shared(&file, 0, self.len, access == Access::Write), Some(file))
            }
        };
        let memory = memory.map_err(io_error)?;
        let backing = Backing { memory, access, file, offset: 0, is_anonymous: true, name: None };
        Ok(Block::new(name.to_owned(), backing))
    }

    /// Opens the block's file, and says whether it is new.
    fn open_file(&self, location: &Location, access: Access) -> Result<(File, bool), BlockError> {
        let (directory, name) = (location.directory(), location.file());
        let open = || match access {
            Access::Write => directory.open_file(name, file::Access::Write),
            Access::Read | Access::Copy => directory.open_file(name, file::Access::Read),
        };
        let makes = self.create && self.len > 0 && access == Access::Write;
        let opened = match open() {
            Err(error) if makes && error.kind() == ErrorKind::NotFound => match directory.create_file(name) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => open().map(|file| (file, false)),
                // The umask has taken something away.
                made => made.and_then(|file| file::set_mode(&file, BLOCK_MODE).map(|()| (file, true))),
            },
            opened => opened.map(|file| (file, false)),
        };
        opened.map_err(|error| explain_open(location, error))
    }

    /// Checks the file, gives it the pages, and maps it.
    fn backing(&self, name: &str, file: File, access: Access) -> Result<Backing, BlockError> {
        let refuse = |reason: String| Err(refused(name, "map", reason));
        let stat = stat(name, &file)?;
        if stat.kind != Kind::Regular {
            return refuse("it is not a regular file; choose another name".to_owned());
        }
        if !self.offset.is_multiple_of(page_bytes() as u64) {
            return refuse(format!(
                "the offset {} is not a multiple of {}, the size of a page; use a multiple of that",
                self.offset,
                page_bytes()
            ));
        }
        if !self.force && begins_as_region(&file) {
            return Err(BlockError::IsRegion { block: name.to_owned() });
        }
        let file_len = stat.bytes;
        let len = match self.len {
            0 => usize::try_from(file_len.saturating_sub(self.offset)).unwrap_or(usize::MAX),
            len => len,
        };
        if len == 0 {
            return refuse(format!("its file has no bytes from offset {} on; set a length to extend it", self.offset));
        }
        let end = end_of(name, self.offset, len)?;
        match access {
            Access::Write if matches!(opened_for(&file), Ok(Access::Read)) => {
                return refuse(
                    "its file was opened read-only; open it for writing, or map it with Access::Read".to_owned(),
                );
            }
            Access::Write => reserve(name, &file, self.offset, len as u64)?,
            _ if end <= file_len => {}
            _ => {
                return refuse(format!(
                    "its file has {}, fewer than {end}; use a shorter length, or Access::Write to extend it",
                    bytes_in_words(file_len)
                ));
            }
        }
        let memory = match access {
            Access::Copy => BlockMapping::private(&file, self.offset, len),
            Access::Read | Access::Write => BlockMapping::shared(&file, self.offset, len, access == Access::Write),
        };
        let memory = memory.map_err(|error| io_error("map", name, error))?;
        Ok(Backing { memory, access, file: Some(file), offset: self.offset, is_anonymous: false, name: None })
    }
}

impl TryFrom<File> for Block {
    type Error = BlockError;

    /// Maps the whole file: for reading if it was opened read-only, else for reading and writing.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("notes");
    /// std::fs::write(&path, "hello")?;
    /// let mut map = shm_core::Block::try_from(std::fs::File::open(&path)?)?;
    /// assert_eq!(map.read_all()?, b"hello");
    /// # Ok(())
    /// # }
    /// ```
    fn try_from(file: File) -> Result<Self, BlockError> {
        BlockOptions::new().file(file)
    }
}

impl Backing {
    /// The file's length now; `None` where there is no file that has a meaning of its own.
    pub fn file_len(&self) -> Option<io::Result<u64>> {
        let file = self.file.as_ref().filter(|_| !self.is_anonymous)?;
        Some(file.metadata().map(|metadata| metadata.len()))
    }

    /// Changes the length of the mapping and of its file, without a moment at which the mapping is longer than the file.
    pub fn resize(&mut self, name: &str, len: usize) -> Result<(), BlockError> {
        let refuse = |reason: &str| Err(refused(name, "resize", reason.to_owned()));
        let (Access::Write, Some(file)) = (self.access, &self.file) else {
            return refuse("it is read-only or copy-on-write; open it with Access::Write");
        };
        if len == 0 {
            return refuse("a block has at least 1 byte; close it instead");
        }
        let io_error = |source| BlockError::Io { action: "resize", block: name.to_owned(), source };
        let end = end_of(name, self.offset, len)?;
        if len < self.memory.len() {
            self.memory.remap(len).map_err(io_error)?;
            return file.set_len(end).map_err(io_error);
        }
        // Memory comes when it is touched. To reserve it would be to take it, and no file system says where to stop.
        match self.is_anonymous {
            true => check_limit(name, end, self.memory.len() as u64)?,
            false => reserve(name, file, self.offset, len as u64)?,
        }
        file.set_len(end).map_err(io_error)?;
        self.memory.remap(len).map_err(io_error)
    }
}

impl Name {
    /// Removes the name, if it still leads to that file.
    fn remove(&self) {
        if self.process == std::process::id()
            && matches!(self.location.identity(), Ok(Some(now)) if now == self.identity)
        {
            // Nothing more can be done here.
            let _ = self.location.directory().remove_file(self.location.file());
        }
    }
}

impl Drop for Backing {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            name.remove();
        }
    }
}

/// Gives every byte of the range a page on the disk or in memory, and extends the file to its end. If that fails, the
/// file has the length that it had.
fn reserve(name: &str, file: &File, offset: u64, len: u64) -> Result<(), BlockError> {
    let stat = stat(name, file)?;
    let end = offset + len;
    let file_len = stat.bytes;
    check_limit(name, end, file_len)?;
    // First the pages, then the length: in one step, a full ext4 keeps what it had already added to the length.
    let pages = |length| reserve_pages(file, length, offset, len);
    let extend = || if end > file_len { pages(Length::Extended) } else { Ok(()) };
    pages(Length::Kept).and_then(|()| extend()).or_else(|error| match error.kind() {
        // Without holes there is nothing to reserve.
        ErrorKind::Unsupported if end <= file_len && stat.stored_bytes >= file_len => Ok(()),
        ErrorKind::Unsupported => Err(refused(name, "map", format!(
            "the file system ({}) does not support fallocate, which blocks need; use a directory on tmpfs, ext4, XFS or Btrfs",
            file_system_name(file)
        ))),
        _ if is_no_space(&error) => {
            Err(BlockError::NoSpace { block: name.to_owned(), needed: len, free: file::free_bytes(file) })
        }
        // What a file system says to a length that no file has.
        ErrorKind::FileTooLarge => Err(too_large(name, end, Limit::FileSystem)),
        _ => Err(io_error("reserve space for", name, error)),
    })
}

/// Refuses a length for which the kernel would kill the process.
fn check_limit(name: &str, end: u64, file_len: u64) -> Result<(), BlockError> {
    let limit = file_len.max(file::length_limit());
    if end <= limit {
        return Ok(());
    }
    Err(too_large(name, end, Limit::FileSize(limit)))
}

fn begins_as_region(file: &File) -> bool {
    let mut magic = [0; MAGIC.len()];
    file.read_exact_at(&mut magic, 0).is_ok() && magic == MAGIC
}

/// What can be done with an open file.
fn opened_for(file: &File) -> io::Result<Access> {
    Ok(if file::is_writable(file)? { Access::Write } else { Access::Read })
}

/// Where a map ends in its file, if the kernel can count as far.
fn end_of(name: &str, offset: u64, len: usize) -> Result<u64, BlockError> {
    let end = offset.checked_add(len as u64).filter(|end| i64::try_from(*end).is_ok() && isize::try_from(len).is_ok());
    end.ok_or_else(|| too_large(name, offset.saturating_add(len as u64), Limit::Address))
}

fn stat(name: &str, file: &File) -> Result<Stat, BlockError> {
    file::stat(file).map_err(|error| io_error("map", name, error))
}

fn explain_open(location: &Location, error: io::Error) -> BlockError {
    let name = location.name.as_str();
    match error.kind() {
        ErrorKind::NotFound => BlockError::NoBlock { block: name.to_owned() },
        ErrorKind::PermissionDenied => BlockError::Permission { block: name.to_owned() },
        _ if is_no_space(&error) => {
            BlockError::NoSpace { block: name.to_owned(), needed: 0, free: file::free_bytes(location.directory()) }
        }
        _ => match location.directory().stat(location.file()).ok().flatten().map(|stat| stat.kind) {
            None | Some(Kind::Regular) => io_error("map", name, error),
            Some(Kind::Link) => {
                refused(name, "map", "it is a symbolic link; use the name of the file that it points to".to_owned())
            }
            Some(_) => refused(name, "map", "it is not a regular file; choose another name".to_owned()),
        },
    }
}

fn io_error(action: &'static str, name: &str, source: io::Error) -> BlockError {
    BlockError::Io { action, block: name.to_owned(), source }
}

fn too_large(name: &str, bytes: u64, limit: Limit) -> BlockError {
    BlockError::TooLarge { block: name.to_owned(), bytes, limit }
}

fn refused(name: &str, asked: &str, reason: String) -> BlockError {
    BlockError::Refused { block: name.to_owned(), asked: asked.to_owned(), reason }
}
