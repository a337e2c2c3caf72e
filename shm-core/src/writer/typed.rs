//! The writing handle for values of one Rust type: an encoder and a `RawWriter`.

use super::{RawWriter, WriterOptions, region_methods};
use crate::Sequence;
use crate::error::{OpenError, PublishError};
use crate::types::payload;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::path::Path;

/// Publishes values of one type.
///
/// A region has one writer at a time. While the writer is alive, no other writer can open the region,
/// and [`remove`](crate::remove) without `force` refuses to remove it. A user who may write to the
/// directory can still remove the file; publishing then returns [`PublishError::Gone`].
///
/// A reader that is too slow loses the oldest values, and learns how many. In exchange, publishing
/// takes no lock, and no reader can delay it. Publishing calls the kernel only to wake readers that may
/// be asleep, and every 50 ms to check the region's file.
///
/// ```
/// # fn main() -> shm_core::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let name = format!("{}/room", directory.path().display());
/// let mut writer = shm_core::Writer::<(String, f64)>::open(&name)?;
/// writer.publish(&("kitchen".to_owned(), 21.5))?;
/// let newest = shm_core::Reader::<(String, f64)>::open(&name)?.latest()?.unwrap();
/// assert_eq!((newest.sequence, newest.value.1), (1, 21.5));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Writer<T> {
    raw: RawWriter,
    published: u64,
    encoded: Vec<u8>,
    // A writer borrows values and owns none.
    value: PhantomData<fn(&T)>,
}

impl<T: Serialize + DeserializeOwned> Writer<T> {
    pub(super) fn from_raw(raw: RawWriter) -> Self {
        Self { raw, published: 0, encoded: Vec::new(), value: PhantomData }
    }

    /// Opens a region, and creates it if it does not exist.
    ///
    /// An existing region keeps its options. A new region gets the defaults.
    ///
    /// # Errors
    ///
    /// As for [`WriterOptions::open`].
    pub fn open(name: impl AsRef<Path>) -> Result<Self, OpenError> {
        WriterOptions::new().open(name)
    }

    /// Publishes the value and returns its sequence number. Readers see the value immediately.
    ///
    /// Mark each `Vec<u8>` in the value with `#[serde(with = "serde_bytes")]`, so that it is encoded in one
    /// piece.
    ///
    /// Readers refuse a value that nests deeper than 128 levels, or that has more than 4096 elements that
    /// take no bytes, such as `()`.
    ///
    /// # Errors
    ///
    /// [`PublishError::BadValue`] if the value cannot be encoded, or takes more than 2 GiB; otherwise as
    /// for [`RawWriter::publish`].
    pub fn publish(&mut self, value: &T) -> Result<Sequence, PublishError> {
        payload::encode(value, &mut self.encoded).map_err(|error| self.raw.bad_value(error))?;
        self.published += 1;
        // Checking every value against the schema would take longer than publishing it. Checking the 1st, 2nd,
        // 4th, 8th, ... value costs almost nothing, and soon finds a type that serializes something that it
        // does not deserialize.
        match self.published.is_power_of_two() {
            true => self.raw.publish(&self.encoded),
            false => self.raw.publish_checked(&self.encoded),
        }
    }
}

region_methods!([T] Writer<T>);
