//! A view: a value that a reader reads in place, as a whole or in parts.
#![allow(unsafe_code)]

use super::blocking::Until;
use super::decoder::Decoder;
use super::raw::Ask;
use super::{RawReader, Sample};
use crate::error::ReceiveError;
use crate::region::location::Location;
use crate::types::error::ValueError;
use crate::types::kind::Kind;
#[cfg(feature = "schema")]
use crate::types::schema::Schema;
#[cfg(feature = "schema")]
use crate::types::value_type::ValueType;
use serde::Deserialize;
use shm_ring::SlotView;
use shm_ring::copy::{self, InPlace};
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::Relaxed;

/// A value that is read in place.
///
/// A view avoids copying a large value. While you read it, the writer may overwrite the value at any
/// time. When you are done, call [`is_whole`](Self::is_whole). The bytes that you read are valid only
/// if it returns `true`.
///
/// The writer never waits for a view. In a region of k slots, it overwrites a value when it begins the
/// k-th value after it.
///
/// ```
/// # fn main() -> shm_core::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let name = format!("{}/frames", directory.path().display());
/// use shm_core::{Kind, RawReader, RawWriter};
/// let mut writer = RawWriter::open(&name, Kind::Bytes)?;
/// writer.publish(&[7; 3000])?;
///
/// let mut reader = RawReader::open(&name)?;
/// let frame = reader.view()?.expect("a value");
/// let brightest = frame.words().map(|word| word.to_le_bytes()[0]).max();
/// assert!(frame.is_whole(), "the writer was faster; take the next one");
/// assert_eq!((frame.len(), brightest), (3000, Some(7)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct View<'r> {
    slot: SlotView<'r>,
    sample: Sample<()>,
    kind: Kind,
    location: &'r Location,
    // The buffer that values are copied to before they are decoded.
    encoded: &'r mut Vec<u8>,
    // The decoder of a reader of a Rust type.
    decoder: Option<&'r mut Decoder>,
    #[cfg(feature = "schema")]
    schema: Option<&'r Schema>,
}

impl RawReader {
    /// Returns the newest value in place, even if it was received before, or `None` if there is no value
    /// yet.
    ///
    /// Receiving then continues after this value. In a region with checksums, the whole value is read once
    /// to verify it.
    ///
    /// # Errors
    ///
    /// As for [`latest_into`](Self::latest_into).
    pub fn view(&mut self) -> Result<Option<View<'_>>, ReceiveError> {
        let mut room = InPlace::default();
        let sample = self.ask(Ask::Newest, &mut room)?;
        Ok(sample.map(|sample| self.view_of(sample, room.0)))
    }

    /// Waits for the next value in order and returns it in place. Returns `None` if the writer closed the
    /// region cleanly and every value was read.
    ///
    /// # Errors
    ///
    /// As for [`recv_into`](Self::recv_into).
    pub fn recv_view(&mut self) -> Result<Option<View<'_>>, ReceiveError> {
        let mut room = InPlace::default();
        let sample = self.receive(&mut room, None, Until::Closed)?;
        Ok(sample.map(|sample| self.view_of(sample, room.0)))
    }

    /// The view of a value of `length` bytes.
    pub(super) fn view_of(&mut self, sample: Sample<()>, length: usize) -> View<'_> {
        let Self { follow, encoded, .. } = self;
        let slot = follow.region().ring().slot_view(sample.sequence, length);
        let format = follow.format();
        View {
            slot,
            sample,
            kind: format.kind,
            location: follow.location(),
            encoded,
            decoder: None,
            #[cfg(feature = "schema")]
            schema: format.value_type.as_ref().and_then(ValueType::schema),
        }
    }
}

impl<'r> View<'r> {
    /// Decodes with the decoder of a reader of a Rust type.
    pub(super) fn decoded_by(self, decoder: &'r mut Decoder) -> Self {
        Self { decoder: Some(decoder), ..self }
    }

    /// Returns the value's sequence number, how many values were lost before it, and when it was published.
    #[must_use]
    pub fn sample(&self) -> &Sample<()> {
        &self.sample
    }

    /// Returns the length of the value in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slot.length()
    }

    /// Returns whether the value has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether everything that was read from the view so far belongs to this value.
    ///
    /// Once this is `false`, it stays `false`.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.slot.is_whole()
    }

    /// Copies a part of the value into `bytes`, starting at byte `offset` of the value.
    ///
    /// # Panics
    ///
    /// If the range does not lie within the value.
    pub fn copy_to(&self, offset: usize, bytes: &mut [u8]) {
        let room = self.len().checked_sub(offset);
        assert!(room.is_some_and(|room| bytes.len() <= room), "beyond the end of a view of {} bytes", self.len());
        copy::part_out(self.slot.words(), offset, bytes);
    }

    /// Iterates over the value in words of eight bytes, as little-endian numbers. If the last word is not
    /// complete, it is filled up with zeros.
    pub fn words(&self) -> impl Iterator<Item = u64> {
        let words = &self.slot.words()[..self.len().div_ceil(copy::WORD)];
        words.iter().map(|word| u64::from_le(word.load(Relaxed)))
    }

    /// Returns the value's bytes in place.
    ///
    /// # Safety
    ///
    /// While the slice is in use, the writer must not begin to overwrite the value. This holds if the
    /// writer has ended, if it waits for you, or if it is certain to begin fewer values after this one than
    /// the region has slots.
    ///
    /// Calling [`is_whole`](Self::is_whole) afterwards does not make this safe. If the writer may overwrite
    /// the value, use [`words`](Self::words) or [`copy_to`](Self::copy_to).
    #[must_use]
    pub unsafe fn as_slice(&self) -> &[u8] {
        let bytes = self.bytes();
        // SAFETY: the bytes are valid for reads while the region is mapped, and the view borrows the region.
        // The caller guarantees the rest.
        unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) }
    }

    /// Decodes the value. It may borrow strings and bytes (`&str`, `&[u8]`) from the view.
    ///
    /// The value is copied once, from the region into the reader's memory. Borrowed strings and bytes are
    /// not copied again.
    ///
    /// The names in the type `T` are not compared with those in the region. To compare them, open a
    /// [`Reader`](crate::Reader) of an owned type. If that reader has the option
    /// [`by_name`](crate::ReaderOptions::by_name), `T` must match its type.
    ///
    /// # Errors
    ///
    /// - [`ReceiveError::Busy`] if the writer has overwritten the value.
    /// - [`ReceiveError::Decode`] if the value is not a `T`, or if the region holds neither Rust values nor JSON.
    /// - [`ReceiveError::TooLarge`] if there is not enough memory to copy the value.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let name = format!("{}/notes", directory.path().display());
    /// let mut writer = shm_core::Writer::<(u32, String)>::open(&name)?;
    /// writer.publish(&(7, "seven".to_owned()))?;
    /// let mut reader = shm_core::Reader::<(u32, String)>::open(&name)?;
    /// let mut view = reader.view()?.unwrap();
    /// let (number, name): (u32, &str) = view.decode()?;
    /// assert_eq!((number, name), (7, "seven"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn decode<'v, T: Deserialize<'v>>(&'v mut self) -> Result<T, ReceiveError> {
        let mut by_kind = match self.kind {
            Kind::Json => Decoder::Json,
            Kind::Bincode => Decoder::Plain,
            found => {
                let error = ValueError::Kind { found, expected: Kind::Bincode };
                return Err(undecodable(self.location, &self.sample, error));
            }
        };
        let length = self.len();
        let Some(copied) = copy::Destination::room(self.encoded, length) else {
            let (region, sequence) = (self.location.name.clone(), self.sample.sequence);
            return Err(ReceiveError::TooLarge { region, sequence });
        };
        copy::copy_out(self.slot.words(), copied);
        if !self.is_whole() {
            return Err(ReceiveError::Busy { region: self.location.name.clone() });
        }
        let decoder = self.decoder.as_deref_mut().unwrap_or(&mut by_kind);
        #[cfg(feature = "schema")]
        decoder.prepare(self.schema);
        let mut value = None;
        decoder.decode(self.encoded, &mut value).map_err(|error| undecodable(self.location, &self.sample, error))?;
        Ok(value.expect("decoded into its place"))
    }

    fn bytes(&self) -> &[AtomicU8] {
        &copy::bytes_of(self.slot.words())[..self.len()]
    }
}

fn undecodable(location: &Location, sample: &Sample<()>, source: ValueError) -> ReceiveError {
    ReceiveError::Decode { region: location.name.clone(), sequence: sample.sequence, source }
}
