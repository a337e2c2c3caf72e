//! The mapped object: plain bytes of a file, a named block or anonymous memory, with the methods that Python's `mmap`
//! has. No header, no numbers, no waiting: whoever needs those takes a region.

use crate::error::{BlockError, bytes_in_words};
pub use crate::sys::mapping::Advice;
use crate::sys::mapping::page_bytes;
use shm_ring::copy;
use std::fmt;
use std::ops::Range;
use std::path::Path;

mod options;
mod range;
mod stream;
#[cfg(all(test, not(miri)))]
mod tests;

use options::Backing;
pub use options::{Access, BlockOptions};

/// How many bytes are copied out at a time, to be searched.
const SEARCH_BYTES: usize = 16 << 10;

/// Plain bytes that processes share: a file, a named block in `SHM_DIR` (default `/dev/shm`), or anonymous memory.
///
/// This is the bottom rung. Every process that maps the same bytes sees at once what another one stores, and that is
/// all: nothing says how much of the block is meant, whether a value is whole, or that there is a new one. While one
/// process copies, another may store: what comes out may then be a mixture of old and new, and is never undefined
/// behaviour. Single bytes are never torn. Nothing else is promised, and no order: a flag that is stored behind a value may
/// be seen before it. For values that are whole, counted and waited for, take a [`Writer`](crate::Writer) and a
/// [`Reader`](crate::Reader).
///
/// The methods are those of Python's [`mmap`](https://docs.python.org/3.11/library/mmap.html) objects, with their
/// results and, where those raise, an error. A map has a *position*, at which [`read`](Self::read),
/// [`write`](Self::write) and their like go on. It also is a [`Read`](std::io::Read), [`BufRead`](std::io::BufRead),
/// [`Write`](std::io::Write) and [`Seek`](std::io::Seek). The names `read`, `write`, `flush` and `seek` then mean the
/// map's own methods; the traits' are meant by generic code, and by `Read::read(&mut map, buffer)`.
///
/// Ranges and indices are `isize`: a negative one counts from the end, as in Python, so `-1` is the last byte. A range
/// that leaves the map is cut to it.
///
/// # How Python's arguments are said here
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
/// | `m.read()`, `m.move(…)` | [`read_all`](Self::read_all), [`move_within`](Self::move_within): `move` is a word of the language |
/// | `m.flush(offset, n)` | [`flush_range`](Self::flush_range) |
///
/// # Where a map differs from Python's, on purpose
///
/// - *A length beyond the end of the file extends the file*, where Python refuses on Unix. All pages of a map that writes
///   are reserved, those of holes too: a full disk is an error now, and not a SIGBUS later.
/// - *Resizing to 0 is refused before anything is done.* Python cuts the file first and then fails, and the next access
///   kills the process.
/// - *Shared anonymous memory that grows has pages behind it*, and what it gave back is zero when it comes again. In
///   Python the grown part is there in name only; touching it kills the process.
/// - *A copy-on-write map is never resized.* In Python one can be that was made by flags and protection; its file is cut.
/// - *`madvise` takes any length*, also one that cannot be added to the start.
/// - *`flush_range` takes any offset.* The kernel wants a page's start, and Python passes its refusal on.
/// - *`find` and `rfind` take a range* and do not begin at the position by default, so that `..` always is everything.
/// - *The length of a closed map is 0*, where Python raises.
/// - *Slices have no step.*
/// - *A map made from a [`File`](std::fs::File) that was opened read-only is read-only*, where Python refuses.
///
/// # What another process can do
///
/// Whoever may write to the file can cut it short. The kernel then answers an access behind its end with SIGBUS, which
/// ends the process. Reading a file with holes on a full tmpfs does the same.
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
    // None once it is closed.
    backing: Option<Backing>,
    position: usize,
    // What `BufRead` showed last.
    filled: Vec<u8>,
    shown: String,
}

impl Block {
    /// Maps a whole block that exists, for reading and writing: a name in `SHM_DIR`, or a path if it has a `/`.
    ///
    /// # Errors
    ///
    /// As for [`BlockOptions::open`].
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

    /// Maps `len` zero bytes that have no name: this process shares them with the children that it forks.
    ///
    /// # Errors
    ///
    /// As for [`BlockOptions::anonymous`].
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

    /// Options, of which none is set yet.
    #[must_use]
    pub fn options() -> BlockOptions {
        BlockOptions::new()
    }

    fn new(shown: String, backing: Backing) -> Self {
        Self { backing: Some(backing), position: 0, filled: Vec::new(), shown }
    }

    /// Unmaps the memory and closes its file. All that follows answers [`BlockError::Closed`]; closing again does nothing.
    ///
    /// Dropping does the same.
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

    /// Whether the map was closed.
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

    /// The length of the map in bytes, which is not that of its file: see [`size`](Self::size). 0 once it is closed.
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// assert_eq!(shm_core::Block::anonymous(16)?.len(), 16);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no map is empty; that it is closed says is_closed")]
    pub fn len(&self) -> usize {
        self.backing.as_ref().map_or(0, |backing| backing.memory.len())
    }

    /// The length of the file in bytes, as it is now. Anybody who may write to the file can change it.
    ///
    /// # Errors
    ///
    /// [`BlockError::Refused`] for anonymous memory, which has no file; [`BlockError::Io`]; [`BlockError::Closed`].
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

    /// Changes the length of the map, and of its file to `offset + len`. Others who map what is cut off get SIGBUS when
    /// they touch it.
    ///
    /// New bytes are 0, or what the file has there. The position stays, even behind the end.
    ///
    /// # Errors
    ///
    /// [`BlockError::Refused`] if the map is read-only or copy-on-write, or the length is 0; [`BlockError::NoSpace`] and
    /// [`BlockError::TooLarge`] if there is no room, and the map then is as it was; [`BlockError::Io`];
    /// [`BlockError::Closed`].
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

    /// Waits until what was stored is in the file: for a file on a disk, on the disk. A map that does not write to its file
    /// has nothing to flush.
    ///
    /// Other processes that map the file do not need it: they see at once what is stored.
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

    /// The same for `len` bytes from `offset` on.
    ///
    /// # Errors
    ///
    /// [`BlockError::OutOfRange`]; otherwise as for [`flush`](Self::flush).
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

    /// Tells the kernel how `len` bytes from `start` on are going to be used; a length behind the end is cut.
    ///
    /// # Errors
    ///
    /// [`BlockError::OutOfRange`] if `start` is not in the map; [`BlockError::Refused`] if it is not the start of a page;
    /// [`BlockError::Io`]; [`BlockError::Closed`].
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
        let page_bytes = page_bytes();
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

    /// A private copy of a range that lies within the map.
    fn copy_of(&self, range: Range<usize>) -> Result<Vec<u8>, BlockError> {
        let mut bytes = vec![0; range.len()];
        copy::bytes_out(&self.backing()?.memory.bytes()[range], &mut bytes);
        Ok(bytes)
    }

    /// Stores bytes that fit into the map.
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
        BlockError::Io { action, block: self.shown.clone(), source }
    }
}

impl fmt::Debug for Block {
    /// Names the map and says how it is mapped, not what is in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Block");
        debug.field("name", &self.shown).field("len", &self.len()).field("position", &self.position);
        debug.field("access", &self.backing.as_ref().map(|backing| backing.access)).finish()
    }
}
