//! The reading handle for values of one Rust type: a `RawReader` and a decoder.

use super::{Position, RawReader, ReaderOptions, Sample};
use crate::error::{Error, Result};
use crate::payload;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::time::Duration;

/// A reader of values of one type.
///
/// A reader never disturbs anyone: it maps the region read-only, takes no lock, and can be killed at any instant. In
/// exchange it is told when it was too slow ([`Sample::lost`]) instead of slowing the writer.
///
/// At any time the writer may publish, close, die, or replace the region by a larger one or by one of another type,
/// and somebody may remove it. The reader follows all but the last two by itself.
///
/// ```
/// use std::time::Duration;
/// # fn main() -> shm_core::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let name = format!("{}/room", directory.path().display());
/// let mut writer = shm_core::Writer::<f64>::open(&name)?;
/// let mut reader = shm_core::Reader::<f64>::open(&name)?;
/// assert_eq!(reader.try_recv()?, None);
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
    // A reader gives values and holds none.
    value: PhantomData<fn() -> T>,
}

impl Reader<()> {
    /// Options, of which none is set yet. The type comes with [`open`](ReaderOptions::open).
    #[must_use]
    pub fn options() -> ReaderOptions {
        ReaderOptions::new()
    }
}

impl<T: Serialize + DeserializeOwned> Reader<T> {
    /// Attaches to a region that exists; receiving starts at its newest value.
    ///
    /// # Errors
    ///
    /// As for [`ReaderOptions::open`].
    pub fn open(name: &str) -> Result<Self> {
        ReaderOptions::new().open(name)
    }

    pub(super) fn from_raw(raw: RawReader) -> Self {
        Self { raw, encoded: Vec::new(), value: PhantomData }
    }

    /// Moves to another place in the region; see [`RawReader::seek`].
    pub fn seek(&mut self, to: Position) {
        self.raw.seek(to);
    }

    /// The newest value, also if it was read before. `None`: there is no value yet.
    ///
    /// # Errors
    ///
    /// As for [`RawReader::latest_into`], and [`Error::Decode`] if the bytes are not a `T`.
    pub fn latest(&mut self) -> Result<Option<Sample<T>>> {
        let sample = self.raw.latest_into(&mut self.encoded)?;
        self.decode(sample)
    }

    /// The next value in order. `None`: nothing new has come.
    ///
    /// # Errors
    ///
    /// As for [`RawReader::try_recv_into`], and [`Error::Decode`] if the bytes are not a `T`.
    pub fn try_recv(&mut self) -> Result<Option<Sample<T>>> {
        let sample = self.raw.try_recv_into(&mut self.encoded)?;
        self.decode(sample)
    }

    /// Waits for the next value in order. `None`: the writer closed the region cleanly and everything was read.
    ///
    /// # Errors
    ///
    /// As for [`RawReader::recv_into`], and [`Error::Decode`] if the bytes are not a `T`.
    pub fn recv(&mut self) -> Result<Option<Sample<T>>> {
        let sample = self.raw.recv_into(&mut self.encoded)?;
        self.decode(sample)
    }

    /// Waits at most `timeout` for the next value in order; see [`RawReader::recv_timeout_into`].
    ///
    /// # Errors
    ///
    /// As for [`RawReader::recv_timeout_into`], and [`Error::Decode`] if the bytes are not a `T`.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Option<Sample<T>>> {
        let sample = self.raw.recv_timeout_into(&mut self.encoded, timeout)?;
        self.decode(sample)
    }

    /// Goes on with every value, for ever: across writers that end and regions that are removed and made anew.
    pub fn iter(&mut self) -> impl Iterator<Item = Result<Sample<T>>> {
        std::iter::from_fn(|| {
            let sample = self.raw.follow_into(&mut self.encoded, None);
            sample.and_then(|sample| self.decode(sample)).transpose()
        })
    }

    /// Whether the writer closed the region cleanly, and every value was read.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.raw.is_closed()
    }

    fn decode(&mut self, sample: Option<Sample<()>>) -> Result<Option<Sample<T>>> {
        let Some(sample) = sample else { return Ok(None) };
        match payload::decode(&self.encoded) {
            Ok(value) => Ok(Some(sample.with(value))),
            Err(reason) => {
                self.raw.tell_again(&sample);
                Err(Error::Decode { region: self.raw.place.shown.clone(), sequence: sample.sequence, reason })
            }
        }
    }
}
