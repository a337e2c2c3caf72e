//! The reading handle for arrays of numbers: a `RawReader` that copies directly into a vector of
//! elements.

use super::{ArrayView, Ask, RawReader, ReaderOptions, Sample, copying_methods, receiving_methods, region_methods};
use crate::error::{OpenError, ReceiveError};
use crate::types::array::{ArrayType, Element, Elements};
use shm_ring::copy::InPlace;
use std::marker::PhantomData;
use std::path::Path;

/// Receives arrays of numbers, from a writer in any language.
///
/// Receiving copies an array once, out of the region. [`Reader`](crate::Reader) describes what all
/// readers have in common, and [`ArrayWriter`](crate::ArrayWriter) has an example.
#[derive(Debug)]
pub struct ArrayReader<T> {
    raw: RawReader,
    elements: PhantomData<fn() -> Vec<T>>,
}

impl<T: Element> ArrayReader<T> {
    pub(super) fn from_raw(raw: RawReader) -> Self {
        Self { raw, elements: PhantomData }
    }

    /// Opens a region that exists, whatever the shape of its arrays. Receiving starts at its newest value.
    ///
    /// # Errors
    ///
    /// As for [`ReaderOptions::open_array`].
    pub fn open(name: impl AsRef<Path>) -> Result<Self, OpenError> {
        ReaderOptions::new().open_array(name)
    }

    /// Returns the element type and shape of the arrays.
    ///
    /// It changes when the region is replaced by one with arrays of another shape. If the first length of
    /// the shape is 0, [`shape_of`](ArrayType::shape_of) returns the shape of a single value.
    #[must_use]
    pub fn array(&self) -> &ArrayType {
        self.raw.array().expect("only arrays are accepted")
    }

    /// Returns the newest array in place, even if it was received before; see [`RawReader::view`].
    ///
    /// # Errors
    ///
    /// As for [`RawReader::view`], and [`ReceiveError::Decode`] if the array's length does not fit the
    /// shape.
    pub fn view(&mut self) -> Result<Option<ArrayView<'_, T>>, ReceiveError> {
        self.see(Ask::Newest)
    }

    /// Waits for the next array in order and returns it in place; see [`RawReader::recv_view`].
    ///
    /// # Errors
    ///
    /// As for [`RawReader::recv_view`], and [`ReceiveError::Decode`] if the array's length does not fit the
    /// shape.
    pub fn recv_view(&mut self) -> Result<Option<ArrayView<'_, T>>, ReceiveError> {
        self.see(Ask::Await(None))
    }

    fn take(&mut self, ask: Ask) -> Result<Option<Sample<Vec<T>>>, ReceiveError> {
        let mut elements = Vec::new();
        Ok(self.fill(&mut elements, ask)?.map(|sample| sample.with(elements)))
    }

    fn fill(&mut self, elements: &mut Vec<T>, ask: Ask) -> Result<Option<Sample<()>>, ReceiveError> {
        let mut room = Elements::new(elements);
        let Some(sample) = self.raw.ask(ask, &mut room)? else { return Ok(None) };
        match self.array().check_bytes(room.bytes()) {
            Ok(()) => {
                room.turn();
                Ok(Some(sample))
            }
            Err(error) => Err(self.raw.undecodable(&sample, error)),
        }
    }

    fn see(&mut self, ask: Ask) -> Result<Option<ArrayView<'_, T>>, ReceiveError> {
        let mut room = InPlace::default();
        let Some(sample) = self.raw.ask(ask, &mut room)? else { return Ok(None) };
        match self.array().check_bytes(room.0) {
            Ok(()) => Ok(Some(ArrayView::of(self.raw.view_of(sample, room.0)))),
            Err(error) => Err(self.raw.undecodable(&sample, error)),
        }
    }
}

receiving_methods!(
    [T: Element] ArrayReader<T>, Vec<T>,
    ", and [`ReceiveError::Decode`](crate::ReceiveError::Decode) if the array's length does not fit the shape."
);
copying_methods!(
    [T: Element] ArrayReader<T>, Vec<T>,
    ", and [`ReceiveError::Decode`](crate::ReceiveError::Decode) if the array's length does not fit the shape."
);
region_methods!([T] ArrayReader<T>);
