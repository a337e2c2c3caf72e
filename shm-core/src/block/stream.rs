//! A map as a stream: reading and writing at its position, in Python's words and in the standard library's traits.

use super::{Block, SEARCH_BYTES};
use crate::error::{BlockError, bytes_in_words};
use shm_ring::copy;
use std::io::{self, BufRead, ErrorKind, Read, Seek, SeekFrom, Write};

/// How many bytes are copied out at a time where only a few may be wanted.
const LINE_BYTES: usize = 256;

impl Block {
    /// The position: where the next [`read`](Self::read) or [`write`](Self::write) starts.
    ///
    /// It is behind the end after a [`resize`](Self::resize) to less.
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

    /// Moves the position, and returns it. `SeekFrom` is Python's pair of `pos` and `whence`.
    ///
    /// # Errors
    ///
    /// [`BlockError::OutOfRange`] before the start or behind the end, which leaves the position as it was;
    /// [`BlockError::Closed`].
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

    /// The next bytes, at most `count`, and moves the position behind them; fewer at the end, there none.
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

    /// Fills the buffer, as far as there are bytes, and returns their number.
    fn read_into(&mut self, buffer: &mut [u8]) -> Result<usize, BlockError> {
        let backing = self.backing()?;
        let start = self.position.min(self.len());
        let count = buffer.len().min(self.len() - start);
        copy::bytes_out(&backing.memory.bytes()[start..start + count], &mut buffer[..count]);
        self.position += count;
        Ok(count)
    }

    /// All bytes from the position on, and moves the position to the end.
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

    /// The next byte, and moves the position behind it.
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

    /// The bytes up to the next newline, with it, or else up to the end, and moves the position behind them. At the end
    /// there are none.
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
        // The newline is looked for in what was copied: it could be gone by a second look.
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

    /// Stores the bytes at the position, all of them, and moves it behind them. Returns their number.
    ///
    /// # Errors
    ///
    /// [`BlockError::OutOfRange`] if they do not fit, [`BlockError::Refused`] if the map is read-only,
    /// [`BlockError::Closed`]: nothing is stored then.
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

    /// Stores one byte at the position, and moves it behind that.
    ///
    /// # Errors
    ///
    /// As for [`write`](Self::write).
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
    /// Fills the buffer from the position on; 0 is the end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_into(buffer).map_err(|error| to_io(error, ErrorKind::InvalidInput))
    }
}

impl BufRead for Block {
    /// A copy of the next bytes, made anew by each call.
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
    /// Stores all of the bytes or, with [`ErrorKind::WriteZero`], none of them.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Self::write(self, bytes).map_err(|error| to_io(error, ErrorKind::WriteZero))
    }

    fn flush(&mut self) -> io::Result<()> {
        Self::flush(self).map_err(|error| to_io(error, ErrorKind::InvalidInput))
    }
}

impl Seek for Block {
    /// Moves the position, but not behind the end.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = Self::seek(self, to).map_err(|error| to_io(error, ErrorKind::InvalidInput))?;
        Ok(position as u64)
    }
}

/// The error as one of the traits', with this kind where it is that the bytes or the place do not fit.
fn to_io(error: BlockError, out_of_range: ErrorKind) -> io::Error {
    let kind = match &error {
        BlockError::OutOfRange { .. } => out_of_range,
        BlockError::Refused { .. } => ErrorKind::PermissionDenied,
        BlockError::Io { source, .. } => source.kind(),
        _ => ErrorKind::Other,
    };
    io::Error::new(kind, error)
}
