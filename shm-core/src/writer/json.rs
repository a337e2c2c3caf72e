//! The writing handle for values given as JSON, which it encodes with the region's schema.

use super::{RawWriter, WriterOptions, region_methods};
use crate::Sequence;
use crate::error::{OpenError, PublishError};
use crate::types::schema::Schema;
use serde_json::Value;
use std::path::Path;

/// Publishes typed values given as JSON, for programs that do not know the Rust type.
///
/// The values are encoded with the region's schema. [`Writer`](crate::Writer) describes what all
/// writers have in common.
///
/// ```
/// # fn main() -> shm_core::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let name = format!("{}/room", directory.path().display());
/// # let name = name.as_str();
/// use serde_json::json;
/// shm_core::Writer::<(String, f64)>::open(name)?.close()?;
///
/// let mut writer = shm_core::JsonWriter::open(name)?;
/// writer.publish(&json!(["kitchen", 21.5]))?;
/// let error = writer.publish(&json!(["kitchen", "warm"])).unwrap_err();
/// assert!(error.to_string().contains(r#"value.1: expected f64, got "warm""#));
///
/// let mut reader = shm_core::Reader::<(String, f64)>::open(name)?;
/// assert_eq!(reader.latest()?.unwrap().value.1, 21.5);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct JsonWriter {
    raw: RawWriter,
}

impl JsonWriter {
    pub(super) fn from_raw(raw: RawWriter) -> Self {
        Self { raw }
    }

    /// Opens a region that exists and has a schema. The region keeps its options.
    ///
    /// # Errors
    ///
    /// As for [`WriterOptions::open_json`].
    pub fn open(name: impl AsRef<Path>) -> Result<Self, OpenError> {
        WriterOptions::new().open_json(name)
    }

    /// Returns the schema that the values are encoded with.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        self.raw.schema().expect("it was opened with one")
    }

    /// Publishes the value and returns its sequence number.
    ///
    /// # Errors
    ///
    /// [`PublishError::BadValue`] if the value does not match the schema. The error names the place, the
    /// expected type, and the value that was found there. Otherwise as for [`RawWriter::publish`].
    pub fn publish(&mut self, value: &Value) -> Result<Sequence, PublishError> {
        match self.schema().encode(value) {
            Ok(payload) => self.raw.publish_checked(&payload),
            Err(error) => Err(self.raw.bad_value(error.into())),
        }
    }
}

region_methods!([] JsonWriter);
