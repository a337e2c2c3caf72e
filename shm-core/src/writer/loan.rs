//! A loan: the next slot of a region, which the writer fills in place and then publishes.
#![allow(unsafe_code)]

use super::RawWriter;
use crate::Sequence;
use crate::error::PublishError;
use crate::types::array::ArrayType;
use crate::types::kind::Kind;
use crate::types::value_type::ValueType;
use shm_ring::copy;
use std::io;
use std::sync::atomic::{AtomicU8, AtomicU64};

/// The size of the smallest part of a value for which a system call is worthwhile.
const FILE_WRITE_BYTES_MIN: usize = 256 << 10;

/// The next value of a region, to be filled in place.
///
/// Writing in place avoids copying a large value. The price is that readers lose the oldest value as
/// soon as the loan is taken, not when it is committed.
///
/// Readers cannot see the value before [`commit`](Self::commit). If you drop the loan, or if the
/// process dies, nothing is published, and the next value gets this one's sequence number. Bytes that
/// you do not fill still contain parts of an older value.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let name = format!("{}/frames", directory.path().display());
/// use shm_core::{Kind, RawReader, RawWriter};
/// use std::io::Write;
/// let mut writer = RawWriter::open(&name, Kind::Bytes)?;
/// let mut loan = writer.loan(1 << 20)?;
/// loan.write_all(b"a header, ")?;
/// loan.write_at(1000, b"and a pixel");
/// loan.commit()?;
///
/// let mut reader = RawReader::open(&name)?;
/// let frame = reader.view()?.unwrap();
/// let mut pixel = [0; 11];
/// frame.copy_to(1000, &mut pixel);
/// assert!(frame.is_whole() && pixel == *b"and a pixel");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Loan<'w> {
    writer: &'w mut RawWriter,
    length: usize,
    // How many bytes were written with `io::Write`.
    written: usize,
}

impl RawWriter {
    /// Lends the next slot, to be filled in place with a value of `length` bytes.
    ///
    /// If the value does not fit, the writer first replaces the region with a larger one.
    ///
    /// # Errors
    ///
    /// As for [`publish`](Self::publish), and [`PublishError::BadValue`] if the region's arrays have
    /// another length.
    pub fn loan(&mut self, length: usize) -> Result<Loan<'_>, PublishError> {
        if !self.is_writable() {
            return Err(self.unwritable());
        }
        self.check_length(length)?;
        if length > self.region.shape().capacity {
            self.enlarge(length as u64, None)?;
        }
        self.producer.begin(self.region.ring());
        Ok(Loan { writer: self, length, written: 0 })
    }

    fn check_length(&self, length: usize) -> Result<(), PublishError> {
        let array = self.format.value_type.as_ref().and_then(ValueType::array);
        let checked = array.map_or(Ok(()), |array: &ArrayType| array.check_bytes(length));
        checked.map_err(|error| self.bad_value(error))
    }
}

impl Loan<'_> {
    /// Returns the length of the value in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Returns whether the value has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Shortens the value. Use it when you only know an upper bound of the length in advance.
    ///
    /// # Panics
    ///
    /// If `length` is greater than the current length.
    pub fn truncate(&mut self, length: usize) {
        assert!(length <= self.length, "a loan of {} bytes cannot be extended to {length}", self.length);
        self.length = length;
    }

    /// Copies `bytes` into the value, starting at byte `offset`.
    ///
    /// # Panics
    ///
    /// If the range does not lie within the value.
    pub fn write_at(&mut self, offset: usize, bytes: &[u8]) {
        let room = self.length.checked_sub(offset);
        assert!(room.is_some_and(|room| bytes.len() <= room), "beyond the end of a loan of {} bytes", self.length);
        if !self.write_to_file(offset, bytes) {
            copy::part_in(self.words(), offset, bytes);
        }
    }

    /// Writes a large part of a value to the file if the slot's pages are not in this process's memory yet. The
    /// kernel then neither clears a page nor handles a page fault before the copy.
    fn write_to_file(&self, offset: usize, bytes: &[u8]) -> bool {
        let sequence = self.writer.producer.head() + 1;
        sequence <= self.writer.cold_until
            && bytes.len() >= FILE_WRITE_BYTES_MIN
            && self.writer.region.write_payload(sequence, offset, bytes).is_ok()
    }

    /// Returns the value's bytes for writing in place.
    ///
    /// # Safety
    ///
    /// While the slice is in use:
    ///
    /// - No other process may change these bytes. Only a process that has mapped the region for writing can
    ///   change them, and no program or library of shm maps the region of a living writer for writing.
    /// - No reader may use [`View::as_slice`](crate::View::as_slice) on a value that was in this slot
    ///   before.
    pub unsafe fn as_mut_slice(&mut self) -> &mut [u8] {
        let bytes = self.bytes();
        // SAFETY: the bytes are valid for reads and writes while the region is mapped, and `self` borrows the
        // region exclusively. The caller guarantees the rest.
        unsafe { std::slice::from_raw_parts_mut(bytes.as_ptr().cast_mut().cast(), bytes.len()) }
    }

    /// Publishes the value and returns its sequence number.
    ///
    /// Text, JSON and typed values are copied once, to check them.
    ///
    /// # Errors
    ///
    /// As for [`RawWriter::publish`]. If the bytes do not match the region's kind or type, nothing is
    /// published.
    pub fn commit(self) -> Result<Sequence, PublishError> {
        if !self.writer.is_writable() {
            return Err(self.writer.unwritable());
        }
        self.check()?;
        self.fill_up_last_word();
        let Self { writer, length, .. } = self;
        let sequence = writer.producer.finish(writer.region.ring(), length);
        writer.follow_up(sequence)
    }

    fn check(&self) -> Result<(), PublishError> {
        match self.writer.format.kind {
            Kind::Bytes => Ok(()),
            Kind::Array => self.writer.check_length(self.length),
            Kind::Text | Kind::Json | Kind::Bincode => {
                let mut copied = vec![0; self.length];
                copy::bytes_out(self.bytes(), &mut copied);
                self.writer.check(&copied)
            }
        }
    }

    /// Fills the rest of the last word with zeros, as the format demands.
    fn fill_up_last_word(&self) {
        let end = self.length.next_multiple_of(copy::WORD);
        let words = self.words();
        copy::bytes_in(&copy::bytes_of(words)[self.length..end], &[0; copy::WORD][..end - self.length]);
    }

    fn bytes(&self) -> &[AtomicU8] {
        &copy::bytes_of(self.words())[..self.length]
    }

    fn words(&self) -> &[AtomicU64] {
        let sequence = self.writer.producer.head() + 1;
        self.writer.region.ring().slot_view(sequence, self.length).words()
    }
}

impl io::Write for Loan<'_> {
    /// Appends to the bytes written so far, beginning at the start of the value. Stores nothing beyond its
    /// end.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The value may have been shortened meanwhile.
        let start = self.written.min(self.length);
        let count = bytes.len().min(self.length - start);
        self.write_at(start, &bytes[..count]);
        self.written = start + count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
