//! Opens blocks: `BlockOptions`, which checks the file, reserves its pages and maps it.

use super::Block;
use super::explain::{does_not_apply, explain_map, explain_open, io_error, no_space, refused, too_large};
use crate::error::{BlockError, Limit, bytes_in_words};
use crate::region::location::Location;
use crate::sys::file::{self, At, Identity, Kind, Stat, is_no_space};
use crate::sys::file_system::{file_system_name, huge_page_bytes, store_in_place};
use crate::sys::mapping::{BlockMapping, page_bytes};
use crate::sys::reserve::{Length, reserve as reserve_pages};
use shm_ring::header::MAGIC;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

/// The kind of access to the bytes of a [`Block`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read the bytes. Python's `ACCESS_READ`; the memory is mapped read-only.
    Read,
    /// Read and change the bytes; every process that maps the same bytes sees the changes. Python's
    /// `ACCESS_WRITE`: `MAP_SHARED`.
    Write,
    /// Read the bytes and change a private copy of them, which no other process sees. Python's
    /// `ACCESS_COPY`: `MAP_PRIVATE`. Changes that other processes make to the file are visible in the pages
    /// that were not changed here.
    Copy,
}

/// The permission bits of a new block.
const BLOCK_MODE: u32 = 0o600;

/// Options for opening a [`Block`].
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

/// The memory and the file of a block that is not closed.
#[derive(Debug)]
pub struct Backing {
    pub memory: BlockMapping,
    pub access: Access,
    // `None` for private anonymous memory.
    file: Option<File>,
    offset: u64,
    is_anonymous: bool,
    // The name to remove when the block is closed or dropped.
    name: Option<Name>,
}

/// The name of a block, and the file that it referred to when the block was opened.
#[derive(Debug)]
struct Name {
    location: Location,
    identity: Identity,
    // The process that may remove the name. A fork of this process must not.
    process: u32,
}

impl BlockOptions {
    /// Creates options with their default values.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how many bytes to map. The default, 0, maps everything from the offset to the end of the file.
    ///
    /// If the block is writable, every byte gets a page: a shorter file is extended, and holes in the file
    /// are filled. A block that is read-only or copy-on-write refuses a file that is too short.
    pub fn len(&mut self, bytes: usize) -> &mut Self {
        self.len = bytes;
        self
    }

    /// Sets where in the file the block starts: a multiple of the page size. The default is 0.
    pub fn offset(&mut self, bytes: u64) -> &mut Self {
        self.offset = bytes;
        self
    }

    /// Sets what may be done with the bytes. The default is [`Access::Write`], or [`Access::Read`] for a
    /// [`file`](Self::file) that was opened read-only.
    pub fn access(&mut self, access: Access) -> &mut Self {
        self.access = Some(access);
        self
    }

    /// Sets whether [`open`](Self::open) creates a block that does not exist. The default is `false`.
    ///
    /// Creating a block requires a length and [`Access::Write`]. Only the current user may open the new
    /// block (mode 600). A block without a name refuses this option.
    pub fn create(&mut self, on: bool) -> &mut Self {
        self.create = on;
        self
    }

    /// Sets whether closing or dropping a block that was opened by name removes that name. The default is
    /// `false`.
    ///
    /// The name is removed only if it still refers to the same file. Other processes that have mapped the
    /// block keep it. A block without a name refuses this option.
    pub fn remove_on_drop(&mut self, on: bool) -> &mut Self {
        self.remove_on_drop = on;
        self
    }

    /// Sets whether a file that is a region can be mapped, too. The default, `false`, refuses regions.
    ///
    /// Storing to a region in this way can damage it.
    pub fn force(&mut self, on: bool) -> &mut Self {
        self.force = on;
        self
    }

    /// Maps a named block. `name` is a name in `SHM_DIR`, or a path if it contains a `/`.
    ///
    /// The name, or the part of the path after the last `/`, consists of 1 to 200 letters, digits, `.`, `_`
    /// and `-`, and must not start with `.` or `-`. Symbolic links are not followed.
    ///
    /// # Errors
    ///
    /// [`BlockError::NoBlock`] if the block does not exist and is not to be created;
    /// [`BlockError::Refused`] if it is to be created without a length or for another access than
    /// [`Access::Write`]; [`BlockError::BadName`]; [`BlockError::Directory`]; [`BlockError::Permission`] if
    /// this user may not open or create the block; otherwise the same as [`file`](Self::file).
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
        if self.create && access != Access::Write {
            let reason = "only a block that is open for writing can be created; leave out the option `create`";
            return Err(refused(name, "create", reason.to_owned()));
        }
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

    /// Maps an open file.
    ///
    /// # Errors
    ///
    /// [`BlockError::Refused`] if the file is not a regular file, is empty or too short, or was not opened
    /// for the access that was requested, if the offset is not a multiple of the page size, or if an option
    /// is set that only applies to a name; [`BlockError::IsRegion`]; [`BlockError::NoSpace`] and
    /// [`BlockError::TooLarge`] if the file cannot be extended; [`BlockError::Io`]. After any error, the file
    /// is unchanged.
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
        self.refuse_name_options(&name)?;
        let access = match self.access {
            Some(access) => access,
            None => opened_for(&file).map_err(|error| io_error("map", &name, error))?,
        };
        let backing = self.backing(&name, file, access)?;
        Ok(Block::new(name, backing))
    }

    /// Maps zeroed memory that has no name.
    ///
    /// With [`Access::Copy`] the memory is private to this process. Otherwise the children that this
    /// process forks share it. As usual, the kernel allocates each page when it is first touched.
    ///
    /// # Errors
    ///
    /// [`BlockError::Refused`] if the length is 0, or if an option is set that only applies to a file;
    /// [`BlockError::TooLarge`]; [`BlockError::Io`].
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
        self.refuse_name_options(name)?;
        if self.force {
            return Err(does_not_apply(name, "force", "a file"));
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

    /// Refuses the options that only apply to a block that is opened by name.
    fn refuse_name_options(&self, name: &str) -> Result<(), BlockError> {
        let set = [("create", self.create), ("remove_on_drop", self.remove_on_drop)];
        match set.into_iter().find(|(_, is_set)| *is_set) {
            Some((option, _)) => Err(does_not_apply(name, option, "a block that is opened by name")),
            None => Ok(()),
        }
    }

    /// Opens the block's file, and reports whether it was created.
    fn open_file(&self, location: &Location, access: Access) -> Result<(File, bool), BlockError> {
        let (directory, name) = (location.directory(), location.file());
        let open = || match access {
            Access::Write => directory.open_file(name, file::Access::Write),
            Access::Read | Access::Copy => directory.open_file(name, file::Access::Read),
        };
        let opened = match open() {
            Err(error) if self.create && self.len == 0 && error.kind() == ErrorKind::NotFound => {
                let reason = "a new block needs a length; set the option `len`";
                return Err(refused(location.name.as_str(), "create", reason.to_owned()));
            }
            Err(error) if self.create && error.kind() == ErrorKind::NotFound => match directory.create_file(name) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => open().map(|file| (file, false)),
                // The umask may have removed permissions.
                made => made.and_then(|file| {
                    store_in_place(&file);
                    file::set_mode(&file, BLOCK_MODE).map(|()| (file, true))
                }),
            },
            opened => opened.map(|file| (file, false)),
        };
        opened.map_err(|error| explain_open(location, error))
    }

    /// Checks the file, reserves its pages if the block is writable, and maps it.
    fn backing(&self, name: &str, file: File, access: Access) -> Result<Backing, BlockError> {
        let refuse = |reason: String| Err(refused(name, "map", reason));
        let stat = stat(name, &file)?;
        if stat.kind != Kind::Regular {
            return refuse("it is not a regular file; choose another name".to_owned());
        }
        let page_bytes = huge_page_bytes(&file).unwrap_or(page_bytes() as u64);
        if !self.offset.is_multiple_of(page_bytes) {
            return refuse(format!(
                "the offset {} is not a multiple of {page_bytes}, the size of a page; use a multiple of that",
                self.offset
            ));
        }
        if !file::is_readable(&file).unwrap_or(true) {
            return refuse("its file was opened write-only; open it for reading, too".to_owned());
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
            let reason = match file_len {
                0 => "its file is empty; set a length to extend it".to_owned(),
                _ => format!("its file ends before offset {}; set a length to extend it", self.offset),
            };
            return refuse(reason);
        }
        let end = end_of(name, self.offset, len)?;
        if access == Access::Write && !file::is_writable(&file).unwrap_or(true) {
            return refuse(
                "its file was opened read-only; open it for writing, or map it with Access::Read".to_owned(),
            );
        }
        if access != Access::Write && end > file_len {
            return refuse(format!(
                "its file has {}, fewer than {end}; use a shorter length, or Access::Write to extend it",
                bytes_in_words(file_len)
            ));
        }
        // Mapping comes before reserving: it changes nothing in the file, and can be refused.
        let memory = match access {
            Access::Copy => BlockMapping::private(&file, self.offset, len),
            Access::Read | Access::Write => BlockMapping::shared(&file, self.offset, len, access == Access::Write),
        };
        let memory = memory.map_err(|error| explain_map("map", name, end, &file, error))?;
        if access == Access::Write {
            reserve(name, &file, self.offset, len as u64)?;
        }
        Ok(Backing { memory, access, file: Some(file), offset: self.offset, is_anonymous: false, name: None })
    }
}

impl TryFrom<File> for Block {
    type Error = BlockError;

    /// Maps the whole file: read-only if it was opened read-only, otherwise for reading and writing.
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
    /// Returns the file's current length, or `None` for anonymous memory.
    pub fn file_len(&self) -> Option<io::Result<u64>> {
        let file = self.file.as_ref().filter(|_| !self.is_anonymous)?;
        Some(file.metadata().map(|metadata| metadata.len()))
    }

    /// Changes the length of the mapping, and that of its file if the file ends in the block or at its end.
    /// After an error, both are as before.
    pub fn resize(&mut self, name: &str, len: usize) -> Result<(), BlockError> {
        let refuse = |reason: &str| Err(refused(name, "resize", reason.to_owned()));
        let (Access::Write, Some(file)) = (self.access, &self.file) else {
            return refuse("it is read-only or copy-on-write; open it with Access::Write");
        };
        if len == 0 {
            return refuse("a block has at least 1 byte; close it instead");
        }
        let io_error = |source| io_error("resize", name, source);
        let (old_len, file_len) = (self.memory.len(), file.metadata().map_err(io_error)?.len());
        let end = end_of(name, self.offset, len)?;
        // A file on hugetlbfs ends at the end of a huge page.
        let huge_page_bytes = huge_page_bytes(file);
        let file_end = |end: u64| end.next_multiple_of(huge_page_bytes.unwrap_or(1));
        if len < old_len {
            if file_len > file_end(self.offset + old_len as u64) {
                return refuse(
                    "its file goes on after the block, and would be cut; open the block with the shorter length",
                );
            }
            if file_len > file_end(end) {
                file.set_len(file_end(end)).map_err(io_error)?;
            }
            return self.memory.remap(len).map_err(io_error);
        }
        if huge_page_bytes.is_some() {
            // The kernel cannot extend such a mapping. Mapping more of the file also reserves and adds the pages.
            let memory = BlockMapping::shared(file, self.offset, len, true);
            let memory = memory.map_err(|error| explain_map("resize", name, end, file, error))?;
            reserve(name, file, self.offset, len as u64)?;
            self.memory = memory;
            return Ok(());
        }
        // The mapping changes first: that can be refused, and it can be undone.
        self.memory.remap(len).map_err(|error| explain_map("resize", name, end, file, error))?;
        // Anonymous memory is allocated when it is touched. Reserving it here would allocate all of it, and no
        // file system would stop that at a limit.
        let extended = match self.is_anonymous {
            true => check_limit(name, end, file_len).and_then(|()| file.set_len(end).map_err(io_error)),
            false => reserve(name, file, self.offset, len as u64),
        };
        extended.inspect_err(|_| self.memory.remap(old_len).expect("a mapping can become shorter"))
    }
}

impl Name {
    /// Removes the name if it still refers to the same file.
    fn remove(&self) {
        if self.process == std::process::id()
            && matches!(self.location.identity(), Ok(Some(now)) if now == self.identity)
        {
            // A failure to remove the name cannot be reported from here.
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

/// Gives every byte of the range a page on the disk or in memory, and extends the file to the end of
/// the range. If this fails, the file keeps its length.
fn reserve(name: &str, file: &File, offset: u64, len: u64) -> Result<(), BlockError> {
    let stat = stat(name, file)?;
    let end = offset + len;
    let file_len = stat.bytes;
    check_limit(name, end, file_len)?;
    // Reserve the pages first, then extend the file. If both were done in one step, a full ext4 would keep
    // the part of the length that it had already added.
    let pages = |length| reserve_pages(file, length, offset, len);
    let extend = || if end > file_len { pages(Length::Extended) } else { Ok(()) };
    pages(Length::Kept).and_then(|()| extend()).or_else(|error| match error.kind() {
        // A file without holes needs no reservation.
        ErrorKind::Unsupported if end <= file_len && stat.stored_bytes >= file_len => Ok(()),
        ErrorKind::Unsupported => Err(refused(name, "map", format!(
            "the file system ({}) does not support fallocate, which blocks need; use a directory on tmpfs, ext4, XFS or Btrfs",
            file_system_name(file)
        ))),
        _ if is_no_space(&error) => {
            Err(no_space(name, len, &error, file))
        }
        // The file system's error for a length that no file can have.
        ErrorKind::FileTooLarge => Err(too_large(name, end, Limit::FileSystem)),
        _ => Err(io_error("reserve space for", name, error)),
    })
}

/// Refuses a length for which the kernel would kill the process (`RLIMIT_FSIZE`).
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

/// Returns the access for which an open file can be mapped.
fn opened_for(file: &File) -> io::Result<Access> {
    Ok(if file::is_writable(file)? { Access::Write } else { Access::Read })
}

/// Returns the offset at which the block ends in its file, if the kernel can represent it.
fn end_of(name: &str, offset: u64, len: usize) -> Result<u64, BlockError> {
    let end = offset.checked_add(len as u64).filter(|end| i64::try_from(*end).is_ok() && isize::try_from(len).is_ok());
    end.ok_or_else(|| too_large(name, offset.saturating_add(len as u64), Limit::Address))
}

fn stat(name: &str, file: &File) -> Result<Stat, BlockError> {
    file::stat(file).map_err(|error| io_error("map", name, error))
}
