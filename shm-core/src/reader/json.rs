//! The reading handle for programs that do not know the values' type. It decodes values as JSON, with
//! the region's schema.

use super::{Ask, RawReader, ReaderOptions, Sample, receiving_methods, region_methods};
use crate::error::{OpenError, ReceiveError};
use crate::types::error::ValueError;
use crate::types::kind::Kind;
use crate::types::schema::Schema;
use serde_json::Value;
use std::path::Path;

/// Receives typed values as JSON, for programs that do not know the Rust type.
///
/// The values are decoded with the region's schema. The reader also accepts a region of JSON.
/// [`Reader`](crate::Reader) describes what all readers have in common.
///
/// ```
/// # fn main() -> shm_core::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let name = format!("{}/room", directory.path().display());
/// # let name = name.as_str();
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Reading {
///     room: String,
///     celsius: f32,
/// }
/// let mut writer = shm_core::Writer::<Reading>::open(name)?;
/// writer.publish(&Reading { room: "kitchen".into(), celsius: 21.1 })?;
///
/// let mut reader = shm_core::JsonReader::open(name)?;
/// assert_eq!(reader.latest()?.unwrap().value.to_string(), r#"{"room":"kitchen","celsius":21.1}"#);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct JsonReader {
    raw: RawReader,
    encoded: Vec<u8>,
}

impl JsonReader {
    pub(super) fn from_raw(raw: RawReader) -> Result<Self, OpenError> {
        let has_schema = raw.schema().is_some_and(|schema| schema.is_complete());
        if raw.kind() == Kind::Json || has_schema {
            return Ok(Self { raw, encoded: Vec::new() });
        }
        Err(OpenError::Undescribed { region: raw.follow.location().name.clone() })
    }

    /// Opens a region that exists. Receiving starts at its newest value.
    ///
    /// # Errors
    ///
    /// As for [`ReaderOptions::open_json`].
    pub fn open(name: impl AsRef<Path>) -> Result<Self, OpenError> {
        ReaderOptions::new().open_json(name)
    }

    /// Returns the schema that the values are decoded with, or `None` for a region of JSON. This may change
    /// when the region is replaced.
    #[must_use]
    pub fn schema(&self) -> Option<&Schema> {
        self.raw.schema()
    }

    fn take(&mut self, ask: Ask) -> Result<Option<Sample<Value>>, ReceiveError> {
        let Some(sample) = self.raw.ask(ask, &mut self.encoded)? else { return Ok(None) };
        match self.decode() {
            Ok(value) => Ok(Some(sample.with(value))),
            Err(error) => Err(self.raw.undecodable(&sample, error)),
        }
    }

    fn decode(&self) -> Result<Value, ValueError> {
        match (self.raw.kind(), self.raw.schema()) {
            (_, Some(schema)) => Ok(schema.decode(&self.encoded)?),
            (Kind::Json, None) => {
                Kind::Json.check(&self.encoded)?;
                serde_json::from_slice(&self.encoded).map_err(ValueError::Json)
            }
            (kind, None) => Err(ValueError::Undescribed { kind }),
        }
    }
}

receiving_methods!([] JsonReader, Value, ", and [`ReceiveError::Decode`](crate::ReceiveError::Decode) if the bytes are not a value of the type.");
region_methods!([] JsonReader);
