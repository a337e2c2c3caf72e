//! A view: a value in its place, of which parts are taken out.
#![allow(unsafe_code)]

use super::blocking::Until;
use super::raw::Ask;
use super::{RawReader, Sample};
use crate::error::ReceiveError;
use crate::region::location::Location;
use crate::types::error::ValueError;
use crate::types::kind::Kind;
use crate::types::payload;
use serde::Deserialize;
use shm_ring::SlotView;
use shm_ring::copy::{self, InPlace};
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::Relaxed;

/// A value in its place: it saves the copy of a large value, but the writer may overwrite it at any time, so what was taken
/// from it counts only if [`is_whole`](Self::is_whole) says so afterwards.
///
/// The writer never waits for a view. In a region of k slots it overwrites a value when it begins the k-th one after it.
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
    // Where values are copied to be decoded.
    encoded: &'r mut Vec<u8>,
}

impl RawReader {
    /// The newest value in its place, even if it was received before; receiving goes on after it. `None`: there is no value yet.
    ///
    /// In a region with checksums, the whole value is read once to verify it.
    ///
    /// # Errors
    ///
    /// As for [`latest_into`](Self::latest_into).
    pub fn view(&mut self) -> Result<Option<View<'_>>, ReceiveError> {
        let mut room = InPlace::default();
        let sample = self.ask(Ask::Newest, &mut room)?;
        Ok(sample.map(|sample| self.view_of(sample, room.0)))
    }

    /// Waits for the next value in order, and gives it in its place.
    /// `None`: the writer closed the region cleanly and everything was read.
    ///
    /// # Errors
    ///
    /// As for [`recv_into`](Self::recv_into).
    pub fn recv_view(&mut self) -> Result<Option<View<'_>>, ReceiveError> {
        let mut room = InPlace::default();
        let sample = self.receive(&mut room, None, Until::Closed)?;
        Ok(sample.map(|sample| self.view_of(sample, room.0)))
    }

    /// A value in its place, of so many bytes.
    pub(super) fn view_of(&mut self, sample: Sample<()>, length: usize) -> View<'_> {
        let Self { follow, encoded, .. } = self;
        let slot = follow.region().ring().slot_view(sample.sequence, length);
        View { slot, sample, kind: follow.format().kind, location: follow.location(), encoded }
    }
}

impl View<'_> {
    /// What the region says about the value.
    #[must_use]
    pub fn sample(&self) -> &Sample<()> {
        &self.sample
    }

    /// How many bytes the value has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slot.length()
    }

    /// Whether the value has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether everything that was taken from the view so far is of this value. Once it is not, it never is again.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.slot.is_whole()
    }

    /// Copies a part of the value out, from byte `offset` on.
    ///
    /// # Panics
    ///
    /// If it does not lie within the value.
    pub fn copy_to(&self, offset: usize, bytes: &mut [u8]) {
        let room = self.len().checked_sub(offset);
        assert!(room.is_some_and(|room| bytes.len() <= room), "beyond the end of a view of {} bytes", self.len());
        copy::part_out(self.slot.words(), offset, bytes);
    }

    /// The value, eight bytes at a time, as little-endian numbers; the last one is filled up with zeros.
    pub fn words(&self) -> impl Iterator<Item = u64> {
        let words = &self.slot.words()[..self.len().div_ceil(copy::WORD)];
        words.iter().map(|word| u64::from_le(word.load(Relaxed)))
    }

    /// The value's bytes themselves.
    ///
    /// # Safety
    ///
    /// While the slice is in use, the writer must not begin to overwrite the value: it must have ended, or wait, or be known
    /// not to publish as many values as the region has slots. To ask [`is_whole`](Self::is_whole) at the end does not make it
    /// safe; where the writer may be faster, use [`words`](Self::words) or [`copy_to`](Self::copy_to).
    #[must_use]
    pub unsafe fn as_slice(&self) -> &[u8] {
        let bytes = self.bytes();
        // SAFETY: they are valid for reads as long as the region is mapped, which is borrowed; the rest is the caller's
        // word.
        unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) }
    }

    /// Decodes the value, which may borrow strings and bytes (`&str`, `&[u8]`) from the view: they are copied once, from the
    /// region into memory of the reader, and not once more.
    ///
    /// The type's names are not compared with the region's: open the reader as [`Reader`](crate::Reader) of an owned type
    /// for that.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Busy`] if the writer has overwritten the value, [`ReceiveError::Decode`] if it is no `T`, or the
    /// region does not hold Rust values, [`ReceiveError::TooLarge`] if there is not enough memory to copy it.
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
        if self.kind != Kind::Bincode {
            return Err(undecodable(
                self.location,
                &self.sample,
                ValueError::Kind { found: self.kind, expected: Kind::Bincode },
            ));
        }
        let length = self.len();
        let Some(copied) = copy::Destination::room(self.encoded, length) else {
            let (region, sequence) = (self.location.name.clone(), self.sample.sequence);
            return Err(ReceiveError::TooLarge { region, sequence });
        };
        copy::copy_out(self.slot.words(), copied);
        if !self.is_whole() {
            return Err(ReceiveError::Busy { region: self.location.name.clone() });
        }
        payload::decode(self.encoded).map_err(|error| undecodable(self.location, &self.sample, error))
    }

    fn bytes(&self) -> &[AtomicU8] {
        &copy::bytes_of(self.slot.words())[..self.len()]
    }
}

fn undecodable(location: &Location, sample: &Sample<()>, source: ValueError) -> ReceiveError {
    ReceiveError::Decode { region: location.name.clone(), sequence: sample.sequence, source }
}
