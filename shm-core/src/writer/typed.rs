//! The writing handle for values of one Rust type: an encoder and a `RawWriter`.

use super::{RawWriter, WriterOptions, region_methods};
use crate::Sequence;
use crate::error::{OpenError, PublishError};
use crate::types::payload;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::path::Path;

/// A writer of values of one type.
///
/// A slow reader loses the oldest values, and is told how many; a region has one writer at a time.
/// In exchange publishing takes no lock and no system call, and no reader can hinder it.
///
/// While a writer lives, nobody else can write the region, remove it by `shm-writer rm`, or change what is in it.
/// The owner of the directory can still remove the file: publishing then returns [`PublishError::Gone`].
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
    // A writer takes values and holds none.
    value: PhantomData<fn(&T)>,
}

impl<T: Serialize + DeserializeOwned> Writer<T> {
    pub(super) fn from_raw(raw: RawWriter) -> Self {
        Self { raw, published: 0, encoded: Vec::new(), value: PhantomData }
    }

    /// Opens a region, with all options as found or by default.
    ///
    /// # Errors
    ///
    /// As for [`WriterOptions::open`].
    pub fn open(name: impl AsRef<Path>) -> Result<Self, OpenError> {
        WriterOptions::new().open(name)
    }

    /// Publishes the value and returns its number. Readers see it at once.
    ///
    /// A `Vec<u8>` in the value should be marked `#[serde(with = "serde_bytes")]`, so that it is encoded in one piece.
    ///
    /// Readers refuse what nests deeper than 128 levels, and more than 4096 elements that take no bytes, such as `()`.
    ///
    /// # Errors
    ///
    /// [`PublishError::BadValue`] if the value cannot be encoded, or takes more than 2 GiB; otherwise as for
    /// [`RawWriter::publish`].
    pub fn publish(&mut self, value: &T) -> Result<Sequence, PublishError> {
        payload::encode(value, &mut self.encoded).map_err(|error| self.raw.bad_value(error))?;
        self.published += 1;
        // To check each one by the schema would take longer than to publish it. This finds a type that serializes what it
        // does not deserialize, soon and at no cost worth mentioning.
        match self.published.is_power_of_two() {
            true => self.raw.publish(&self.encoded),
            false => self.raw.publish_checked(&self.encoded),
        }
    }
}

region_methods!([T] Writer<T>);
