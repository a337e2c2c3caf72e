//! A map as an array: ranges and indices, searching and moving, without regard to the position.

use super::{Block, SEARCH_BYTES};
use crate::error::{BlockError, bytes_in_words};
use memchr::memmem;
use shm_ring::copy;
use std::ops::{Bound, Range, RangeBounds};

impl Block {
    /// The byte at an index; a negative one counts from the end.
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

    /// Stores the byte at an index; a negative one counts from the end.
    ///
    /// # Errors
    ///
    /// [`BlockError::OutOfRange`]; [`BlockError::Refused`] if the map is read-only; [`BlockError::Closed`].
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

    /// A copy of a range of bytes, without regard to the position. The range is cut to the map.
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

    /// Stores bytes in a range, without regard to the position. The range is cut to the map.
    ///
    /// # Errors
    ///
    /// [`BlockError::Refused`] if the range has another length than the bytes, or the map is read-only;
    /// [`BlockError::Closed`]. Nothing is stored then.
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

    /// Where the bytes first occur within a range, from the start of the map; no bytes occur at the range's start.
    ///
    /// Another process may store meanwhile: the answer then was right at some moment for each byte, and perhaps never for
    /// all of them together.
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
            // The parts overlap, so that no occurrence is cut in two.
            let part = self.copy_of(start..end.min(start.saturating_add(step + needle.len())))?;
            if let Some(at) = finder.find(&part) {
                return Ok(Some(start + at));
            }
            start += step;
        }
        Ok(None)
    }

    /// Where the bytes last occur within a range, from the start of the map; no bytes occur at the range's end.
    ///
    /// # Errors
    ///
    /// As for [`find`](Self::find).
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

    /// Copies `count` bytes from `source` to `destination` within the map; the two may overlap. Python's `move`.
    ///
    /// # Errors
    ///
    /// [`BlockError::OutOfRange`] if one of them leaves the map, [`BlockError::Refused`] if the map is read-only,
    /// [`BlockError::Closed`]: nothing is moved then.
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

    /// The bytes themselves.
    ///
    /// # Errors
    ///
    /// [`BlockError::Closed`].
    ///
    /// # Safety
    ///
    /// As long as the slice lives, nobody may store to these bytes or cut the file: no other process, no other map of the
    /// same file, nobody who writes to the file. [`Advice::DontNeed`](crate::Advice::DontNeed) on a copy-on-write map is a
    /// store, too.
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
    #[expect(unsafe_code, reason = "the caller must keep everybody else away")]
    pub unsafe fn as_slice(&self) -> Result<&[u8], BlockError> {
        let memory = &self.backing()?.memory;
        // SAFETY: what it asks for is what this function asks of its caller.
        Ok(unsafe { memory.as_slice() })
    }

    /// The bytes themselves, to be changed in place.
    ///
    /// # Errors
    ///
    /// [`BlockError::Refused`] if the map is read-only; [`BlockError::Closed`].
    ///
    /// # Safety
    ///
    /// As long as the slice lives, nobody else may load or store these bytes, or cut the file.
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
    #[expect(unsafe_code, reason = "the caller must keep everybody else away")]
    pub unsafe fn as_mut_slice(&mut self) -> Result<&mut [u8], BlockError> {
        self.writable("write")?;
        let backing = self.backing.as_mut().expect("it is writable, so it is open");
        // SAFETY: what it asks for is what this function asks of its caller, and the map is writable.
        Ok(unsafe { backing.memory.as_mut_slice() })
    }

    fn index(&self, asked: &str, index: isize) -> Result<usize, BlockError> {
        self.backing()?;
        let at = index.checked_add_unsigned(if index < 0 { self.len() } else { 0 });
        let at = at.and_then(|at| usize::try_from(at).ok()).filter(|at| *at < self.len());
        at.ok_or_else(|| self.out_of_range(format!("{asked} byte {index} of")))
    }
}

/// A range of indices, of which negative ones count from the end, cut to a map of `len` bytes. As in Python, the start
/// may be behind the end.
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
