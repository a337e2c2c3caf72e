//! Opening a region for reading: the options, and waiting for a region that does not exist yet.

#[cfg(feature = "schema")]
use super::JsonReader;
use super::blocking::ABSENT_POLL;
use super::expected::Expected;
use super::follow::Follow;
use super::sleeper::WaitStrategy;
use super::{ArrayReader, RawReader, Reader};
use crate::Sequence;
use crate::error::OpenError;
use crate::region::format::{bad_option, does_not_apply};
use crate::region::location::Location;
use crate::region::{MAX_REGION_BYTES, Region};
use crate::sys::file::Access;
use crate::types::array::{ArrayType, Element};
use crate::types::kind::Kind;
#[cfg(feature = "schema")]
use crate::types::schema::Schema;
use crate::types::value_type::ValueType;
use serde::de::DeserializeOwned;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// A place in a region from which to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Position {
    /// The oldest value that is retained.
    Oldest,
    /// The newest value.
    Latest,
    /// What comes after the newest value.
    New,
    /// The value of this number. If it is no longer retained, receiving starts at the next one that is, and the rest counts as lost.
    At(Sequence),
    /// The last so many values.
    Last(u64),
}

/// How to open a region for reading.
///
/// ```
/// # fn main() -> shm_core::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let name = format!("{}/room", directory.path().display());
/// # shm_core::Writer::<f64>::open(&name)?.publish(&21.5)?;
/// use std::time::Duration;
/// let mut reader = shm_core::ReaderOptions::new().open_timeout(Duration::from_secs(5)).open::<f64>(&name)?;
/// assert_eq!(reader.recv()?.unwrap().value, 21.5);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct ReaderOptions {
    open_timeout: Option<Duration>,
    start: Option<Position>,
    max_region_bytes: Option<u64>,
    wait_strategy: WaitStrategy,
    value_type: Option<ValueType>,
}

impl ReaderOptions {
    /// Options of which none is set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How long to wait for the region to appear; [`Duration::MAX`] is for ever. Unset, opening does not wait. A directory that
    /// does not exist is an error at once.
    pub fn open_timeout(&mut self, timeout: Duration) -> &mut Self {
        self.open_timeout = Some(timeout);
        self
    }

    /// Where receiving starts. Unset, it is the newest value; in a region that had to be waited for, its first.
    pub fn start(&mut self, position: Position) -> &mut Self {
        self.start = Some(position);
        self
    }

    /// How to wait for values. Unset, it is [`WaitStrategy::Block`].
    pub fn wait_strategy(&mut self, strategy: WaitStrategy) -> &mut Self {
        self.wait_strategy = strategy;
        self
    }

    /// The largest region, in bytes, that is mapped. Unset, it is 1 TiB.
    pub fn max_region_bytes(&mut self, bytes: u64) -> &mut Self {
        self.max_region_bytes = Some(bytes);
        self
    }

    /// The element type and shape that arrays must have; for [`open_array`](Self::open_array), which otherwise takes any shape.
    pub fn array(&mut self, array: ArrayType) -> &mut Self {
        self.value_type = Some(ValueType::Array(array));
        self
    }

    /// The schema of the values' type; for [`open`](Self::open) with a type that cannot be traced.
    #[cfg(feature = "schema")]
    pub fn schema(&mut self, schema: Schema) -> &mut Self {
        self.value_type = Some(ValueType::Schema(schema));
        self
    }

    /// Attaches to the region.
    ///
    /// # Errors
    ///
    /// [`OpenError::NotFound`] if there is none, or none appeared in time; [`OpenError::Kind`] if it does not hold Rust
    /// values; [`OpenError::Type`] if they are of another type, and [`OpenError::Schema`] if this one cannot be described;
    /// [`OpenError::BadName`], [`OpenError::BadOption`]; [`OpenError::NotARegion`], [`OpenError::Version`],
    /// [`OpenError::Features`], [`OpenError::Damaged`]; [`OpenError::UnknownKind`]; [`OpenError::Permission`];
    /// [`OpenError::TooLarge`] and [`OpenError::Remote`]; [`OpenError::Directory`] and [`OpenError::Io`].
    pub fn open<T: DeserializeOwned>(&self, name: impl AsRef<Path>) -> Result<Reader<T>, OpenError> {
        if let Some(ValueType::Array(_)) = self.value_type {
            return Err(does_not_apply(name.as_ref(), "array", "a reader of Rust values; use open_array"));
        }
        #[cfg(feature = "schema")]
        let value_type = match &self.value_type {
            Some(value_type) => Some(value_type.clone()),
            None => Some(ValueType::Schema(Schema::of::<T>()?)),
        };
        #[cfg(not(feature = "schema"))]
        let value_type = None;
        let kind = Some(Kind::Bincode);
        // Without the feature, nobody can tell whether this is the type that the region describes.
        let expected = Expected { kind, dtype: None, value_type, is_untyped: cfg!(not(feature = "schema")) };
        Ok(Reader::from_raw(self.open_expected(name.as_ref(), expected)?))
    }

    /// Like [`open`](Self::open), for arrays of numbers.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open): [`OpenError::Kind`] if the region does not hold arrays, [`OpenError::Type`] if they are arrays of other elements or, if [`array`](Self::array)
    /// was set, of another shape.
    pub fn open_array<T: Element>(&self, name: impl AsRef<Path>) -> Result<ArrayReader<T>, OpenError> {
        match &self.value_type {
            Some(ValueType::Array(array)) if array.dtype() != T::DTYPE => {
                let reason = format!(
                    "the option `array` has elements of type {}, and the reader has {}; use the same type",
                    array.dtype(),
                    T::DTYPE
                );
                return Err(bad_option(name.as_ref(), "array", reason));
            }
            #[cfg(feature = "schema")]
            Some(ValueType::Schema(_)) => {
                return Err(does_not_apply(name.as_ref(), "schema", "a reader of arrays; use `array`"));
            }
            _ => {}
        }
        let value_type = self.value_type.clone();
        let expected = Expected { kind: Some(Kind::Array), dtype: Some(T::DTYPE), value_type, is_untyped: false };
        Ok(ArrayReader::from_raw(self.open_expected(name.as_ref(), expected)?))
    }

    /// Like [`open`](Self::open), for values of any type as JSON: decoded by the region's schema, or from a region of JSON.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open): [`OpenError::Undescribed`] if the region does not say how its values are encoded.
    #[cfg(feature = "schema")]
    pub fn open_json(&self, name: impl AsRef<Path>) -> Result<JsonReader, OpenError> {
        JsonReader::from_raw(self.open_raw(name)?)
    }

    /// Like [`open`](Self::open), for the payloads' bytes, whatever their kind.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open), except [`OpenError::Kind`] and [`OpenError::Type`].
    pub fn open_raw(&self, name: impl AsRef<Path>) -> Result<RawReader, OpenError> {
        match &self.value_type {
            None => self.open_expected(name.as_ref(), Expected::default()),
            Some(ValueType::Array(_)) => {
                Err(does_not_apply(name.as_ref(), "array", "this reader, which accepts every type; use open_array"))
            }
            #[cfg(feature = "schema")]
            Some(ValueType::Schema(_)) => {
                Err(does_not_apply(name.as_ref(), "schema", "this reader, which accepts every type; use open"))
            }
        }
    }

    fn open_expected(&self, name: &Path, expected: Expected) -> Result<RawReader, OpenError> {
        let location = Location::resolve(name)?;
        let max_region_bytes = self.max_region_bytes.unwrap_or(MAX_REGION_BYTES);
        let (region, has_waited) = self.await_region(&location, max_region_bytes)?;
        let now = Instant::now();
        let follow = Follow::new(location, region, expected, max_region_bytes, now)?;
        let mut reader = RawReader::new(follow, self.wait_strategy, now);
        match self.start {
            // All that a region has ever held came after the wait began, including values that were overwritten.
            None | Some(Position::Latest | Position::New) if has_waited => reader.seek(Position::At(1)),
            start => reader.seek(start.unwrap_or(Position::Latest)),
        }
        Ok(reader)
    }

    /// Opens the region, once it is there if that is wanted. Whether it had to be waited for.
    fn await_region(&self, location: &Location, max_region_bytes: u64) -> Result<(Region, bool), OpenError> {
        let start = Instant::now();
        let mut has_waited = false;
        loop {
            match (Region::open(location, Access::Read, max_region_bytes), self.open_timeout) {
                (Err(OpenError::NotFound { .. }), Some(timeout)) if start.elapsed() < timeout => {
                    thread::sleep((timeout - start.elapsed().min(timeout)).min(ABSENT_POLL));
                    has_waited = true;
                }
                (opened, _) => return Ok((opened?, has_waited)),
            }
        }
    }
}
