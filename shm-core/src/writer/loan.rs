//! A loan: the next slot of a region, filled in place and then published.
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

/// The next value of a region, to be filled in place: it saves the copy of a large value, but readers lose the oldest value earlier,
/// because the slot is taken from the readers when the loan begins and not when it is published.
///
/// Nobody sees the value before [`commit`](Self::commit). A loan that is dropped publishes nothing, and its number goes to
/// the next value; so it does if the process dies meanwhile. What is not filled holds what an older value left there.
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
    // How many bytes came through `io::Write`.
    written: usize,
}

impl RawWriter {
    /// The next slot, to be filled in place with a value of `length` bytes. If that does not fit, the region is first
    /// replaced by a larger one.
    ///
    /// # Errors
    ///
    /// As for [`publish`](Self::publish), and [`PublishError::BadValue`] if the region's arrays have another length.
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
    /// How many bytes the value has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether the value has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Makes the value shorter, for programs that know only an upper bound beforehand.
    ///
    /// # Panics
    ///
    /// If it would be longer.
    pub fn truncate(&mut self, length: usize) {
        assert!(length <= self.length, "a loan of {} bytes cannot be extended to {length}", self.length);
        self.length = length;
    }

    /// Copies `bytes` into the value, from byte `offset` on.
    ///
    /// # Panics
    ///
    /// If they do not lie within the value.
    pub fn write_at(&mut self, offset: usize, bytes: &[u8]) {
        let room = self.length.checked_sub(offset);
        assert!(room.is_some_and(|room| bytes.len() <= room), "beyond the end of a loan of {} bytes", self.length);
        copy::part_in(self.words(), offset, bytes);
    }

    /// The value's bytes themselves.
    ///
    /// # Safety
    ///
    /// While the slice is in use, no other process may change them: only one that has this region mapped for writing can,
    /// and no shm program or library maps the region of a living writer so. And no reader may use
    /// [`View::as_slice`](crate::View::as_slice) on a value that this slot held before.
    pub unsafe fn as_mut_slice(&mut self) -> &mut [u8] {
        let bytes = self.bytes();
        // SAFETY: they are valid for reads and writes as long as the region is mapped, which is borrowed exclusively by
        // way of `self`; the rest is the caller's word.
        unsafe { std::slice::from_raw_parts_mut(bytes.as_ptr().cast_mut().cast(), bytes.len()) }
    }

    /// Publishes the value and returns its number.
    ///
    /// # Errors
    ///
    /// As for [`RawWriter::publish`]; nothing is published if the content is not what the region promises. To find that
    /// out, values of text, JSON and typed values are copied once.
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

    /// As the format demands, with zeros.
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
    /// Goes on behind what was written so far, from the value's start; stores nothing beyond its end.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The value may have been cut meanwhile.
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
