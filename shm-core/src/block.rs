//! Plain shared bytes: `Block` maps a file, a named block or anonymous memory and offers the methods of
//! Python's `mmap` objects. A block has no header, no sequence numbers, and no way to wait for new
//! values; regions have these.

use crate::error::{BlockError, bytes_in_words};
pub use crate::sys::mapping::Advice;
use shm_ring::copy;
use std::fmt;
use std::ops::Range;
use std::path::Path;

mod explain;
mod options;
mod range;
mod stream;
#[cfg(all(test, not(miri)))]
mod tests;

use options::Backing;
pub use options::{Access, BlockOptions};

/// How many bytes a search copies out at a time.
const SEARCH_BYTES: usize = 16 << 10;

/// Plain bytes that processes share: a file, a named block in `SHM_DIR` (default `/dev/shm`), or
/// anonymous memory.
///
/// This is the lowest level of the crate. Every process that maps the same bytes immediately sees what
/// another process stores. That is all a block provides: it does not record how many of the bytes are
/// in use or whether a value is complete, and it does not notify anyone of a new value.
///
/// If one process copies bytes while another process stores to them, the copy can be a mixture of old
/// and new bytes. This is never undefined behaviour, and a single byte is never torn. The order of
/// stores is not guaranteed: another process may see a flag before it sees the value that was written
/// first. If you need complete, numbered values and a way to wait for them, use a
/// [`Writer`](crate::Writer) and a [`Reader`](crate::Reader).
///
/// The methods are those of Python's [`mmap`](https://docs.python.org/3.11/library/mmap.html) objects
/// and return the same results; where Python raises an exception, they return an error. A block has a
/// *position*, at which [`read`](Self::read), [`write`](Self::write) and similar methods start. A block
/// also implements [`Read`](std::io::Read), [`BufRead`](std::io::BufRead), [`Write`](std::io::Write)
/// and [`Seek`](std::io::Seek). A plain call of `read`, `write`, `flush` or `seek` uses the block's own
/// method; generic code and `Read::read(&mut map, buffer)` use the trait's method.
///
/// Ranges and indices are `isize`. As in Python, a negative number counts from the end, so `-1` is the
/// last byte. A range that extends beyond the block is cut to the block.
///
/// # Equivalents of Python's arguments
///
/// | Python | here |
/// |---|---|
/// | `mmap(fileno, 0)` | [`Block::try_from(file)`](Block#impl-TryFrom<File>-for-Block), or [`BlockOptions::file`] |
/// | `mmap(-1, length)` | [`Block::anonymous(length)`](Block::anonymous) |
/// | `length`, `offset` | [`BlockOptions::len`], [`BlockOptions::offset`] |
/// | `ACCESS_WRITE`; `MAP_SHARED` with `PROT_READ \| PROT_WRITE` | [`Access::Write`] |
/// | `ACCESS_READ`; `PROT_READ` | [`Access::Read`] |
/// | `ACCESS_COPY`; `MAP_PRIVATE` with `PROT_READ \| PROT_WRITE` | [`Access::Copy`] |
/// | `m[i]`, `m[a:b]` | [`byte_at`](Self::byte_at), [`get`](Self::get) |
/// | `m[i] = x`, `m[a:b] = bytes` | [`set_byte`](Self::set_byte), [`set`](Self::set) |
/// | `m.read()`, `m.move(…)` | [`read_all`](Self::read_all), [`move_within`](Self::move_within) (`move` is a keyword in Rust) |
/// | `m.flush(offset, n)` | [`flush_range`](Self::flush_range) |
///
/// # Intentional differences from Python
///
/// - *A length beyond the end of the file extends the file.* Python refuses this on Unix. If the block
///   is writable, all of its pages are reserved, including those in holes of the file. A full disk
///   therefore causes an error when the block is opened or resized, not a SIGBUS later.
/// - *Resizing to 0 is refused before anything is changed.* Python first cuts the file and then fails,
///   and the next access kills the process.
/// - *Resizing never cuts off bytes that the block does not map.* Python always sets the file's length, so
///   resizing a part of a larger file cuts the file, even if the part becomes longer.
/// - *Shared anonymous memory that grows is backed by real pages.* Bytes that were cut off and then
///   added again are zero. In Python, the added part has no pages, and touching it kills the process.
/// - *A copy-on-write block cannot be resized.* Python resizes one that was created with the arguments
///   `flags` and `prot`, and truncates its file.
/// - *`madvise` accepts any length*, including one for which the sum of start and length overflows.
/// - *`flush_range` accepts any offset.* The kernel requires the start of a page, and Python passes on
///   the kernel's error.
/// - *`find` and `rfind` take a range* and do not start at the position by default, so `..` always
///   searches everything.
/// - *The length of a closed block is 0.* Python raises an exception.
/// - *Slices have no step.*
/// - *A block of a [`File`](std::fs::File) that was opened read-only is read-only.* Python refuses such
///   a file.
///
/// # Changes by other processes
///
/// A process that may write to the file can also cut it short. If you then access bytes beyond the new
/// end, the kernel sends SIGBUS, which ends your process. The same happens when you read a file with
/// holes on a full tmpfs.
///
/// # Examples
///
/// ```
/// use shm_core::{Access, Block};
/// # fn main() -> shm_core::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let name = format!("{}/block", directory.path().display());
/// # let name = name.as_str();
/// // In one process, with a name such as "block":
/// let mut block = Block::options().len(64).create(true).open(name)?;
/// block.write(b"hello")?;
///
/// // In another one, which has to know how much to read:
/// let mut block = Block::options().access(Access::Read).open(name)?;
/// assert_eq!(block.read(5)?, b"hello");
/// assert_eq!(block.read(3)?, [0, 0, 0]);
/// # Ok(())
/// # }
/// ```
pub struct Block {
    // `None` after `close`.
    backing: Option<Backing>,
    position: usize,
    // The bytes that `BufRead::fill_buf` returned last.
    filled: Vec<u8>,
    shown: String,
}

impl Block {
    /// Maps the whole of an existing block, for reading and writing. `name` is a name in `SHM_DIR`, or a
    /// path if it contains a `/`.
    ///
    /// # Errors
    ///
    /// The same as [`BlockOptions::open`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = format!("{}/block", directory.path().display());
    /// std::fs::write(&path, "hello")?;
    /// let map = shm_core::Block::open(&path)?;
    /// assert_eq!(map.len(), 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(name: impl AsRef<Path>) -> Result<Self, BlockError> {
        BlockOptions::new().open(name)
    }

    /// Maps `len` zero bytes that have no name. This process shares them with the children that it forks.
    ///
    /// # Errors
    ///
    /// The same as [`BlockOptions::anonymous`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// let map = shm_core::Block::anonymous(16)?;
    /// assert_eq!(map.get(..)?, [0; 16]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn anonymous(len: usize) -> Result<Self, BlockError> {
        BlockOptions::new().len(len).anonymous()
    }

    /// Returns options with their default values, the same as [`BlockOptions::new`].
    #[must_use]
    pub fn options() -> BlockOptions {
        BlockOptions::new()
    }

    fn new(shown: String, backing: Backing) -> Self {
        Self { backing: Some(backing), position: 0, filled: Vec::new(), shown }
    }

    /// Unmaps the memory and closes the file. Dropping the block does the same.
    ///
    /// Afterwards, every method that can fail returns [`BlockError::Closed`]. Closing again does nothing.
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// let mut map = shm_core::Block::anonymous(16)?;
    /// map.close();
    /// assert!(map.tell().is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn close(&mut self) {
        self.backing = None;
    }

    /// Returns whether the block was closed.
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// let mut map = shm_core::Block::anonymous(16)?;
    /// assert!(!map.is_closed());
    /// map.close();
    /// assert!(map.is_closed());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.backing.is_none()
    }

    /// Returns the number of bytes that are mapped, or 0 after [`close`](Self::close). The file can be
    /// longer: see [`size`](Self::size).
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// assert_eq!(shm_core::Block::anonymous(16)?.len(), 16);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a block is never empty, only closed")]
    pub fn len(&self) -> usize {
        self.backing.as_ref().map_or(0, |backing| backing.memory.len())
    }

    /// Returns the current length of the file in bytes. Any process that may write to the file can change
    /// it.
    ///
    /// # Errors
    ///
    /// [`BlockError::Refused`] for anonymous memory, which has no file; [`BlockError::Io`];
    /// [`BlockError::Closed`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let file = tempfile::tempfile()?;
    /// file.set_len(100)?;
    /// let map = shm_core::Block::options().len(10).file(file)?;
    /// assert_eq!((map.len(), map.size()?), (10, 100));
    /// # Ok(())
    /// # }
    /// ```
    pub fn size(&self) -> Result<u64, BlockError> {
        let backing = self.backing()?;
        let size = backing.file_len().ok_or_else(|| {
            self.refused("get the file size of", "anonymous memory has no file; use its length instead")
        })?;
        size.map_err(|source| self.io_error("get the file size of", source))
    }

    /// Changes the length of the block to `len`.
    ///
    /// A longer block extends its file if the file ends before `offset + len`, and never shortens it. Added
    /// bytes are 0, or the bytes that the file already has there. A shorter block cuts its file, so it is
    /// refused if the file goes on after the block. The position does not change, even if it is then beyond
    /// the end. If the file becomes shorter, other processes that touch the part that was cut off get SIGBUS.
    ///
    /// # Errors
    ///
    /// [`BlockError::Refused`] if the block is read-only or copy-on-write, if `len` is 0, or if a shorter block
    /// would cut off bytes that it does not map; [`BlockError::NoSpace`] and [`BlockError::TooLarge`] if there is not enough space, in which case the
    /// block does not change; [`BlockError::Io`]; [`BlockError::Closed`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// let mut map = shm_core::Block::anonymous(5)?;
    /// map.write(b"hello")?;
    /// map.resize(7)?;
    /// assert_eq!(map.get(..)?, b"hello\0\0");
    /// # Ok(())
    /// # }
    /// ```
    pub fn resize(&mut self, len: usize) -> Result<(), BlockError> {
        let shown = self.shown.clone();
        match &mut self.backing {
            Some(backing) => backing.resize(&shown, len),
            None => Err(BlockError::Closed { block: shown }),
        }
    }

    /// Waits until everything that was stored is in the file. For a file on a disk, this means on the disk.
    /// If the block does not write to its file, there is nothing to flush.
    ///
    /// Other processes that map the file do not need this: they immediately see what is stored.
    ///
    /// # Errors
    ///
    /// [`BlockError::Io`]; [`BlockError::Closed`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let file = tempfile::tempfile()?;
    /// let mut map = shm_core::Block::options().len(8).file(file)?;
    /// map.write(b"hello")?;
    /// map.flush()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn flush(&self) -> Result<(), BlockError> {
        self.flush_range(0, self.len())
    }

    /// Waits until the `len` bytes that start at `offset` are in the file, as [`flush`](Self::flush) does
    /// for the whole block.
    ///
    /// # Errors
    ///
    /// [`BlockError::OutOfRange`] if these bytes are not all in the block; otherwise the same as
    /// [`flush`](Self::flush).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let file = tempfile::tempfile()?;
    /// let map = shm_core::Block::options().len(8).file(file)?;
    /// map.flush_range(2, 3)?;
    /// assert!(map.flush_range(2, 7).is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn flush_range(&self, offset: usize, len: usize) -> Result<(), BlockError> {
        let backing = self.backing()?;
        if offset.checked_add(len).is_none_or(|end| end > self.len()) {
            return Err(self.out_of_range(format!("flush {} at {offset} of", bytes_in_words(len as u64))));
        }
        match backing.access {
            Access::Write => backing.memory.flush(offset, len).map_err(|source| self.io_error("flush", source)),
            Access::Read | Access::Copy => Ok(()),
        }
    }

    /// Advises the kernel how the `len` bytes that start at `start` will be used. A length beyond the end
    /// is cut to the block.
    ///
    /// # Errors
    ///
    /// [`BlockError::OutOfRange`] if `start` is not in the block; [`BlockError::Refused`] if it is not the
    /// start of a page; [`BlockError::Io`]; [`BlockError::Closed`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// let map = shm_core::Block::anonymous(8192)?;
    /// map.madvise(shm_core::Advice::Sequential, 0, map.len())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn madvise(&self, advice: Advice, start: usize, len: usize) -> Result<(), BlockError> {
        let backing = self.backing()?;
        if start >= self.len() {
            return Err(self.out_of_range(format!("give advice from byte {start} of")));
        }
        let page_bytes = backing.memory.page_bytes();
        if !start.is_multiple_of(page_bytes) {
            let reason = format!("the start must be a multiple of {page_bytes}, the size of a page");
            return Err(self.refused(&format!("give advice from byte {start} of"), &reason));
        }
        let advised = backing.memory.advise(advice, start, len.min(self.len() - start));
        advised.map_err(|source| self.io_error("give advice for", source))
    }

    fn backing(&self) -> Result<&Backing, BlockError> {
        self.backing.as_ref().ok_or_else(|| BlockError::Closed { block: self.shown.clone() })
    }

    fn writable(&self, asked: &str) -> Result<&Backing, BlockError> {
        let backing = self.backing()?;
        if backing.access == Access::Read {
            return Err(self.refused(asked, "it was opened read-only; open it with Access::Write"));
        }
        Ok(backing)
    }

    /// Copies out a range that must lie within the block.
    fn copy_of(&self, range: Range<usize>) -> Result<Vec<u8>, BlockError> {
        let mut bytes = vec![0; range.len()];
        copy::bytes_out(&self.backing()?.memory.bytes()[range], &mut bytes);
        Ok(bytes)
    }

    /// Stores bytes that must fit into the block at `at`.
    fn store(&mut self, at: usize, bytes: &[u8]) -> Result<(), BlockError> {
        copy::bytes_in(&self.backing()?.memory.bytes()[at..at + bytes.len()], bytes);
        Ok(())
    }

    fn out_of_range(&self, asked: String) -> BlockError {
        BlockError::OutOfRange { block: self.shown.clone(), asked, len: self.len() }
    }

    fn refused(&self, asked: &str, reason: &str) -> BlockError {
        BlockError::Refused { block: self.shown.clone(), asked: asked.to_owned(), reason: reason.to_owned() }
    }

    fn io_error(&self, action: &'static str, source: std::io::Error) -> BlockError {
        explain::io_error(action, &self.shown, source)
    }
}

impl fmt::Debug for Block {
    /// Shows the block's name, length, position and access, but not its contents.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Block");
        debug.field("name", &self.shown).field("len", &self.len()).field("position", &self.position);
        debug.field("access", &self.backing.as_ref().map(|backing| backing.access)).finish()
    }
}
