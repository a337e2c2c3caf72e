//! Access to a block as a stream: reading and writing at its position, with Python's methods and the
//! standard library's traits.

use super::{Block, SEARCH_BYTES};
use crate::error::{BlockError, bytes_in_words};
use shm_ring::copy;
use std::io::{self, BufRead, ErrorKind, Read, Seek, SeekFrom, Write};

/// How many bytes are copied out at a time when the caller may need only a few.
const LINE_BYTES: usize = 256;

impl Block {
    /// Returns the position, at which the next [`read`](Self::read) or [`write`](Self::write) starts.
    ///
    /// After [`resize`](Self::resize) has made the block shorter, the position can be beyond the end.
    ///
    /// # Errors
    ///
    /// [`BlockError::Closed`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// let mut map = shm_core::Block::anonymous(16)?;
    /// map.write(b"hello")?;
    /// assert_eq!(map.tell()?, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn tell(&self) -> Result<usize, BlockError> {
        self.backing().map(|_| self.position)
    }

    /// Moves the position and returns it. `SeekFrom` combines Python's arguments `pos` and `whence`.
    ///
    /// # Errors
    ///
    /// [`BlockError::OutOfRange`] if the new position would be before the start or beyond the end, in which
    /// case the position does not change; [`BlockError::Closed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::SeekFrom;
    /// # fn main() -> shm_core::Result<()> {
    /// let mut map = shm_core::Block::anonymous(16)?;
    /// assert_eq!(map.seek(SeekFrom::End(-4))?, 12);
    /// assert_eq!(map.seek(SeekFrom::Current(4))?, 16);
    /// assert!(map.seek(SeekFrom::Start(17)).is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn seek(&mut self, to: SeekFrom) -> Result<usize, BlockError> {
        self.backing()?;
        let wanted = match to {
            SeekFrom::Start(position) => i128::from(position),
            SeekFrom::Current(distance) => self.position as i128 + i128::from(distance),
            SeekFrom::End(distance) => self.len() as i128 + i128::from(distance),
        };
        match usize::try_from(wanted) {
            Ok(position) if position <= self.len() => self.position = position,
            _ => return Err(self.out_of_range(format!("seek to {wanted} in"))),
        }
        Ok(self.position)
    }

    /// Returns the next `count` bytes and moves the position to the byte after them. Near the end it
    /// returns fewer bytes, and at the end none.
    ///
    /// # Errors
    ///
    /// [`BlockError::Closed`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// let mut map = shm_core::Block::anonymous(8)?;
    /// map.set(..5, b"hello")?;
    /// assert_eq!(map.read(5)?, b"hello");
    /// assert_eq!(map.read(5)?, [0; 3]);
    /// assert_eq!(map.read(5)?, b"");
    /// # Ok(())
    /// # }
    /// ```
    pub fn read(&mut self, count: usize) -> Result<Vec<u8>, BlockError> {
        let mut bytes = vec![0; count.min(self.len().saturating_sub(self.position))];
        self.read_into(&mut bytes)?;
        Ok(bytes)
    }

    /// Copies bytes from the position into the buffer, as many as fit or are left, and returns how many
    /// were copied.
    fn read_into(&mut self, buffer: &mut [u8]) -> Result<usize, BlockError> {
        let backing = self.backing()?;
        let start = self.position.min(self.len());
        let count = buffer.len().min(self.len() - start);
        copy::bytes_out(&backing.memory.bytes()[start..start + count], &mut buffer[..count]);
        self.position += count;
        Ok(count)
    }

    /// Returns all bytes from the position to the end, and moves the position to the end.
    ///
    /// # Errors
    ///
    /// [`BlockError::Closed`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// let mut map = shm_core::Block::anonymous(8)?;
    /// map.write(b"hello")?;
    /// assert_eq!(map.read_all()?, [0; 3]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_all(&mut self) -> Result<Vec<u8>, BlockError> {
        self.read(usize::MAX)
    }

    /// Returns the next byte and moves the position to the byte after it.
    ///
    /// # Errors
    ///
    /// [`BlockError::OutOfRange`] at the end; [`BlockError::Closed`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// let mut map = shm_core::Block::anonymous(1)?;
    /// assert_eq!(map.read_byte()?, 0);
    /// assert!(map.read_byte().is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_byte(&mut self) -> Result<u8, BlockError> {
        match self.read(1)?.first() {
            Some(byte) => Ok(*byte),
            None => Err(self.out_of_range(format!("read a byte at {} of", self.position))),
        }
    }

    /// Returns the bytes up to and including the next newline, or up to the end if there is no newline.
    /// Moves the position to the byte after them. At the end it returns no bytes.
    ///
    /// # Errors
    ///
    /// [`BlockError::Closed`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// let mut map = shm_core::Block::anonymous(8)?;
    /// map.set(..8, b"one\ntwo\n")?;
    /// assert_eq!(map.readline()?, b"one\n");
    /// assert_eq!(map.readline()?, b"two\n");
    /// assert_eq!(map.readline()?, b"");
    /// # Ok(())
    /// # }
    /// ```
    pub fn readline(&mut self) -> Result<Vec<u8>, BlockError> {
        self.backing()?;
        let mut line = Vec::new();
        // The newline is searched for in the copy: another process may have overwritten it in the block by the
        // time of a second read.
        while self.position < self.len() {
            let part = self.read(line.len().clamp(LINE_BYTES, SEARCH_BYTES))?;
            let newline = memchr::memchr(b'\n', &part);
            let taken = newline.map_or(part.len(), |at| at + 1);
            line.extend_from_slice(&part[..taken]);
            self.position -= part.len() - taken;
            if newline.is_some() {
                break;
            }
        }
        Ok(line)
    }

    /// Stores all of `bytes` at the position and moves the position to the byte after them. Returns how
    /// many bytes were stored.
    ///
    /// # Errors
    ///
    /// [`BlockError::OutOfRange`] if the bytes do not fit; [`BlockError::Refused`] if the block is
    /// read-only; [`BlockError::Closed`]. After an error, nothing has been stored.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// let mut map = shm_core::Block::anonymous(8)?;
    /// map.write(b"hello")?;
    /// assert!(map.write(b"world").is_err());
    /// assert_eq!(map.get(..)?, b"hello\0\0\0");
    /// # Ok(())
    /// # }
    /// ```
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, BlockError> {
        self.writable("write")?;
        let (start, count) = (self.position, bytes.len());
        let end = start.checked_add(count).filter(|end| *end <= self.len());
        let end =
            end.ok_or_else(|| self.out_of_range(format!("write {} at {start} of", bytes_in_words(count as u64))))?;
        self.store(start, bytes)?;
        self.position = end;
        Ok(count)
    }

    /// Stores one byte at the position and moves the position to the next byte.
    ///
    /// # Errors
    ///
    /// The same as [`write`](Self::write).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// let mut map = shm_core::Block::anonymous(1)?;
    /// map.write_byte(b'!')?;
    /// assert!(map.write_byte(b'!').is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn write_byte(&mut self, byte: u8) -> Result<(), BlockError> {
        self.write(&[byte]).map(|_| ())
    }
}

impl Read for Block {
    /// Copies bytes from the position into the buffer. A result of 0 means the end of the block.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_into(buffer).map_err(|error| to_io(error, ErrorKind::InvalidInput))
    }
}

impl BufRead for Block {
    /// Returns a copy of the next bytes. Each call makes a new copy.
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let position = self.position;
        self.filled = Self::read(self, LINE_BYTES).map_err(|error| to_io(error, ErrorKind::InvalidInput))?;
        self.position = position;
        Ok(&self.filled)
    }

    fn consume(&mut self, count: usize) {
        let shown = count.min(self.filled.len());
        self.filled.drain(..shown);
        self.position += shown;
    }
}

impl Write for Block {
    /// Stores either all of the bytes or, with [`ErrorKind::WriteZero`], none of them.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Self::write(self, bytes).map_err(|error| to_io(error, ErrorKind::WriteZero))
    }

    fn flush(&mut self) -> io::Result<()> {
        Self::flush(self).map_err(|error| to_io(error, ErrorKind::InvalidInput))
    }
}

impl Seek for Block {
    /// Moves the position. It cannot be moved beyond the end.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = Self::seek(self, to).map_err(|error| to_io(error, ErrorKind::InvalidInput))?;
        Ok(position as u64)
    }
}

/// Converts the error for a method of the standard library's traits. `out_of_range` is the kind to use
/// if the bytes do not fit or the position is not in the block.
fn to_io(error: BlockError, out_of_range: ErrorKind) -> io::Error {
    let kind = match &error {
        BlockError::OutOfRange { .. } => out_of_range,
        BlockError::Refused { .. } => ErrorKind::PermissionDenied,
        BlockError::Io { source, .. } => source.kind(),
        _ => ErrorKind::Other,
    };
    io::Error::new(kind, error)
}
