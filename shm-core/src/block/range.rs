//! Access to a block by index and range, like an array: reading, storing, searching and moving. The
//! position is not used.

use super::{Block, SEARCH_BYTES};
use crate::error::{BlockError, bytes_in_words};
use memchr::memmem;
use shm_ring::copy;
use std::ops::{Bound, Range, RangeBounds};

impl Block {
    /// Returns the byte at an index. A negative index counts from the end.
    ///
    /// # Errors
    ///
    /// [`BlockError::OutOfRange`]; [`BlockError::Closed`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// let mut map = shm_core::Block::anonymous(8)?;
    /// map.set_byte(-1, 7)?;
    /// assert_eq!(map.byte_at(7)?, 7);
    /// assert!(map.byte_at(8).is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn byte_at(&self, index: isize) -> Result<u8, BlockError> {
        let at = self.index("read", index)?;
        Ok(self.copy_of(at..at + 1)?[0])
    }

    /// Stores a byte at an index. A negative index counts from the end.
    ///
    /// # Errors
    ///
    /// [`BlockError::OutOfRange`]; [`BlockError::Refused`] if the block is read-only;
    /// [`BlockError::Closed`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// let mut map = shm_core::Block::anonymous(4)?;
    /// map.set_byte(2, 9)?;
    /// assert_eq!(map.get(..)?, [0, 0, 9, 0]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_byte(&mut self, index: isize, byte: u8) -> Result<(), BlockError> {
        self.writable("write")?;
        let at = self.index("write", index)?;
        self.store(at, &[byte])
    }

    /// Returns a copy of a range of bytes. The range is cut to the block. The position is neither used nor
    /// changed.
    ///
    /// # Errors
    ///
    /// [`BlockError::Closed`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// let mut map = shm_core::Block::anonymous(5)?;
    /// map.write(b"hello")?;
    /// assert_eq!(map.get(1..3)?, b"el");
    /// assert_eq!(map.get(-2..)?, b"lo");
    /// assert_eq!(map.get(3..1000)?, b"lo");
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self, range: impl RangeBounds<isize>) -> Result<Vec<u8>, BlockError> {
        self.backing()?;
        let range = within(&range, self.len());
        self.copy_of(range.start..range.end.max(range.start))
    }

    /// Stores bytes in a range of the same length. The range is cut to the block. The position is neither
    /// used nor changed.
    ///
    /// # Errors
    ///
    /// [`BlockError::Refused`] if the range and `bytes` have different lengths, or the block is read-only;
    /// [`BlockError::Closed`]. After an error, nothing has been stored.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// let mut map = shm_core::Block::anonymous(5)?;
    /// map.set(1..3, b"el")?;
    /// assert!(map.set(.., b"too short").is_err());
    /// assert_eq!(map.get(..)?, b"\0el\0\0");
    /// # Ok(())
    /// # }
    /// ```
    pub fn set(&mut self, range: impl RangeBounds<isize>, bytes: &[u8]) -> Result<(), BlockError> {
        self.writable("write")?;
        let range = within(&range, self.len());
        if range.len() != bytes.len() {
            let reason = format!("the range has {}; use the same length", bytes_in_words(range.len() as u64));
            return Err(self.refused(&format!("store {} in a range of", bytes_in_words(bytes.len() as u64)), &reason));
        }
        self.store(range.start, bytes)
    }

    /// Searches a range for the first occurrence of `needle`, and returns its index from the start of the
    /// block. An empty `needle` is found at the start of the range.
    ///
    /// Another process may store to the block during the search. Each byte of a match had the value
    /// searched for when it was compared, but the bytes may never all have had these values at the same
    /// time.
    ///
    /// # Errors
    ///
    /// [`BlockError::Closed`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// let mut map = shm_core::Block::anonymous(5)?;
    /// map.write(b"hello")?;
    /// assert_eq!(map.find(b"l", ..)?, Some(2));
    /// assert_eq!(map.find(b"l", 3..)?, Some(3));
    /// assert_eq!(map.find(b"l", -1..)?, None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn find(&self, needle: &[u8], range: impl RangeBounds<isize>) -> Result<Option<usize>, BlockError> {
        self.backing()?;
        let Range { mut start, end } = within(&range, self.len());
        let finder = memmem::Finder::new(needle);
        let step = SEARCH_BYTES.max(needle.len());
        while start.checked_add(needle.len()).is_some_and(|least| least <= end) {
            // The parts overlap, so no occurrence is split between two of them.
            let part = self.copy_of(start..end.min(start.saturating_add(step + needle.len())))?;
            if let Some(at) = finder.find(&part) {
                return Ok(Some(start + at));
            }
            start += step;
        }
        Ok(None)
    }

    /// Searches a range for the last occurrence of `needle`, and returns its index from the start of the
    /// block. An empty `needle` is found at the end of the range.
    ///
    /// # Errors
    ///
    /// The same as [`find`](Self::find).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// let mut map = shm_core::Block::anonymous(5)?;
    /// map.write(b"hello")?;
    /// assert_eq!(map.rfind(b"l", ..)?, Some(3));
    /// assert_eq!(map.rfind(b"l", ..3)?, Some(2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn rfind(&self, needle: &[u8], range: impl RangeBounds<isize>) -> Result<Option<usize>, BlockError> {
        self.backing()?;
        let Range { start, mut end } = within(&range, self.len());
        let finder = memmem::FinderRev::new(needle);
        let step = SEARCH_BYTES.max(needle.len());
        while start.checked_add(needle.len()).is_some_and(|least| least <= end) {
            let from = start.max(end.saturating_sub(step + needle.len()));
            if let Some(at) = finder.rfind(&self.copy_of(from..end)?) {
                return Ok(Some(from + at));
            }
            end = end.saturating_sub(step);
        }
        Ok(None)
    }

    /// Copies `count` bytes from `source` to `destination` within the block; the two ranges may overlap.
    /// Python's `move`.
    ///
    /// # Errors
    ///
    /// [`BlockError::OutOfRange`] if one of the ranges is not completely within the block;
    /// [`BlockError::Refused`] if the block is read-only; [`BlockError::Closed`]. After an error, nothing
    /// has been moved.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// let mut map = shm_core::Block::anonymous(5)?;
    /// map.write(b"hello")?;
    /// map.move_within(1, 0, 4)?;
    /// assert_eq!(map.get(..)?, b"hhell");
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "move")]
    pub fn move_within(&mut self, destination: usize, source: usize, count: usize) -> Result<(), BlockError> {
        let memory = &self.writable("write")?.memory;
        let fits = |start: usize| start.checked_add(count).is_some_and(|end| end <= memory.len());
        if !fits(destination) || !fits(source) {
            return Err(
                self.out_of_range(format!("move {} from {source} to {destination} in", bytes_in_words(count as u64)))
            );
        }
        copy::move_bytes(memory.bytes(), destination, source, count);
        Ok(())
    }

    /// Returns the block's bytes as a slice, without copying them.
    ///
    /// # Errors
    ///
    /// [`BlockError::Closed`].
    ///
    /// # Safety
    ///
    /// While the slice exists, nobody may store to these bytes or cut the file: no other process, no other
    /// mapping of the same file, and no program that writes to the file.
    /// [`Advice::DontNeed`](crate::Advice::DontNeed) on a copy-on-write block also counts as a store.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// let mut map = shm_core::Block::anonymous(5)?;
    /// map.write(b"hello")?;
    /// // SAFETY: the memory is anonymous, and this process has no children.
    /// let bytes = unsafe { map.as_slice() }?;
    /// assert_eq!(bytes, b"hello");
    /// # Ok(())
    /// # }
    /// ```
    #[expect(unsafe_code, reason = "the caller must exclude all conflicting access")]
    pub unsafe fn as_slice(&self) -> Result<&[u8], BlockError> {
        let memory = &self.backing()?.memory;
        // SAFETY: the inner function requires of its caller exactly what this function requires of its own
        // caller.
        Ok(unsafe { memory.as_slice() })
    }

    /// Returns the block's bytes as a mutable slice, to change them in place.
    ///
    /// # Errors
    ///
    /// [`BlockError::Refused`] if the block is read-only; [`BlockError::Closed`].
    ///
    /// # Safety
    ///
    /// While the slice exists, nobody else may load or store these bytes, or cut the file.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// let mut map = shm_core::Block::anonymous(5)?;
    /// // SAFETY: the memory is anonymous, and this process has no children.
    /// unsafe { map.as_mut_slice() }?.fill(b'x');
    /// assert_eq!(map.get(..)?, b"xxxxx");
    /// # Ok(())
    /// # }
    /// ```
    #[expect(unsafe_code, reason = "the caller must exclude all conflicting access")]
    pub unsafe fn as_mut_slice(&mut self) -> Result<&mut [u8], BlockError> {
        self.writable("write")?;
        let backing = self.backing.as_mut().expect("it is writable, so it is open");
        // SAFETY: the inner function requires of its caller exactly what this function requires of its own
        // caller, and the mapping is writable.
        Ok(unsafe { backing.memory.as_mut_slice() })
    }

    fn index(&self, asked: &str, index: isize) -> Result<usize, BlockError> {
        self.backing()?;
        let at = index.checked_add_unsigned(if index < 0 { self.len() } else { 0 });
        let at = at.and_then(|at| usize::try_from(at).ok()).filter(|at| *at < self.len());
        at.ok_or_else(|| self.out_of_range(format!("{asked} byte {index} of")))
    }
}

/// Converts a range of indices to one within a block of `len` bytes: negative indices count from the
/// end, and the range is cut to the block. As in Python, the start may be greater than the end.
fn within(range: &impl RangeBounds<isize>, len: usize) -> Range<usize> {
    let len = isize::try_from(len).expect("no mapping is longer");
    let from_start = |index: isize| if index < 0 { index.saturating_add(len) } else { index };
    let cut = |index: isize| usize::try_from(index.clamp(0, len)).expect("not negative");
    let start = match range.start_bound() {
        Bound::Included(index) => from_start(*index),
        Bound::Excluded(index) => from_start(*index).saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(index) => from_start(*index).saturating_add(1),
        Bound::Excluded(index) => from_start(*index),
        Bound::Unbounded => len,
    };
    cut(start)..cut(end)
}
