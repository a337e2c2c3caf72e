//! The reading handle for values of one Rust type: a `RawReader` and a decoder.

use super::decoder::Decoder;
use super::{Ask, RawReader, ReaderOptions, Sample, View, receiving_methods, region_methods};
use crate::error::{OpenError, ReceiveError};
use crate::types::error::ValueError;
#[cfg(feature = "schema")]
use crate::types::payload;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::path::Path;

/// Receives values of one type.
///
/// A reader never disturbs the writer or other readers. It maps the region read-only, takes no lock,
/// and can be killed at any time. In exchange, a reader that is too slow loses values, and learns how
/// many ([`Sample::lost`](crate::Sample::lost)).
///
/// At any time, the writer may publish, close the region or die. It may also replace the region with a
/// larger one or one of another type, and a user may remove the region. The reader follows a replaced
/// region automatically. If the new region has another type, the reader returns
/// [`ReceiveError::Reopen`]. If the region was removed, it returns [`ReceiveError::Gone`].
///
/// A value is decoded and returned on the stack. Without optimization, this takes about ten times the
/// size of `T` on the stack, because serde and your own `Deserialize` copy the value at each step. Put the
/// elements of a large type on the heap (`Vec<f32>` or `Box<[f32]>`), or use an
/// [`ArrayReader`](crate::ArrayReader).
///
/// ```
/// # fn main() -> shm_core::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let name = format!("{}/room", directory.path().display());
/// let mut writer = shm_core::Writer::<f64>::open(&name)?;
/// let mut reader = shm_core::Reader::<f64>::open(&name)?;
/// assert_eq!(reader.try_recv()?, shm_core::Received::Nothing);
/// writer.publish(&21.5)?;
/// writer.publish(&22.0)?;
/// assert_eq!(reader.recv()?.unwrap().value, 21.5);
/// assert_eq!(reader.latest()?.unwrap().value, 22.0);
/// writer.close()?;
/// assert_eq!(reader.recv()?, None);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Reader<T> {
    raw: RawReader,
    encoded: Vec<u8>,
    decoder: Decoder,
    // A reader returns values and owns none.
    value: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Reader<T> {
    /// Opens a region that exists. Receiving starts at its newest value.
    ///
    /// # Errors
    ///
    /// As for [`ReaderOptions::open`].
    pub fn open(name: impl AsRef<Path>) -> Result<Self, OpenError> {
        ReaderOptions::new().open(name)
    }

    pub(super) fn from_raw(raw: RawReader, decoder: Decoder) -> Self {
        Self { raw, encoded: Vec::new(), decoder, value: PhantomData }
    }

    /// Returns the newest value in place; see [`RawReader::view`].
    ///
    /// [`View::decode`] can borrow strings and bytes from the view, without an allocation for each.
    ///
    /// # Errors
    ///
    /// As for [`RawReader::view`].
    pub fn view(&mut self) -> Result<Option<View<'_>>, ReceiveError> {
        let Self { raw, decoder, .. } = self;
        Ok(raw.view()?.map(|view| view.decoded_by(decoder)))
    }

    /// Waits for the next value in order and returns it in place; see [`RawReader::recv_view`].
    ///
    /// # Errors
    ///
    /// As for [`RawReader::recv_view`].
    pub fn recv_view(&mut self) -> Result<Option<View<'_>>, ReceiveError> {
        let Self { raw, decoder, .. } = self;
        Ok(raw.recv_view()?.map(|view| view.decoded_by(decoder)))
    }

    #[inline(always)]
    fn take(&mut self, ask: Ask) -> Result<Option<Sample<T>>, ReceiveError> {
        let Some(sample) = self.raw.ask(ask, &mut self.encoded)? else { return Ok(None) };
        #[cfg(feature = "schema")]
        self.decoder.prepare(self.raw.schema());
        let mut value = None;
        match self.decoder.decode(&self.encoded, &mut value) {
            Ok(()) => sample.with_decoded(value),
            Err(error) => {
                let error = self.with_path(error);
                Err(self.raw.undecodable(&sample, error))
            }
        }
    }

    /// Adds the path to the part that cannot be decoded.
    #[cold]
    #[inline(never)]
    fn with_path(&self, error: ValueError) -> ValueError {
        #[cfg(feature = "schema")]
        if let (Decoder::Plain, ValueError::Encoding { reason }, Some(schema)) =
            (&self.decoder, &error, self.raw.schema())
            && let Some(part) = payload::failing_part::<T>(&self.encoded)
            && let Some(path) = schema.path_to(&self.encoded, part)
        {
            return ValueError::Encoding { reason: format!("{path}: {reason}") };
        }
        error
    }
}

receiving_methods!(
    [T: DeserializeOwned] Reader<T>, T,
    ", and [`ReceiveError::Decode`](crate::ReceiveError::Decode) if the bytes are not a `T`."
);
region_methods!([T] Reader<T>);
