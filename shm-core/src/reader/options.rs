//! Opening a region for reading: the options, and waiting for a region that does not exist yet.

#[cfg(feature = "schema")]
use super::JsonReader;
use super::blocking::ABSENT_POLL;
use super::expected::Expected;
use super::follow::Follow;
use super::sleeper::WaitStrategy;
use super::{ArrayReader, RawReader, Reader};
use crate::Sequence;
use crate::error::{Error, Result};
use crate::region::location::Location;
use crate::region::{MAX_REGION_BYTES, Region};
use crate::sys::file::Access;
use crate::types::array::{ArrayType, Element};
use crate::types::kind::Kind;
#[cfg(feature = "schema")]
use crate::types::schema::Schema;
use crate::types::value_type::ValueType;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::thread;
use std::time::{Duration, Instant};

/// A place in a region from which to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Position {
    /// The oldest value that the region still holds.
    Oldest,
    /// The newest value.
    Latest,
    /// What comes after the newest value.
    New,
    /// The value of this number. If it is no longer held, the next one is, and the rest counts as lost.
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
/// let mut reader = shm_core::Reader::options().open_timeout(Duration::from_secs(5)).open::<f64>(&name)?;
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

    /// How long to wait for the region to appear; [`Duration::MAX`] is for ever. Unset, opening does not wait.
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

    /// What arrays the values must be; for [`open_array`](Self::open_array), which else takes any shape.
    pub fn array(&mut self, array: ArrayType) -> &mut Self {
        self.value_type = Some(ValueType::Array(array));
        self
    }

    /// The schema of the values' type, where it is not to be found out from the type: for types that cannot be traced.
    #[cfg(feature = "schema")]
    pub fn schema(&mut self, schema: Schema) -> &mut Self {
        self.value_type = Some(ValueType::Schema(schema));
        self
    }

    /// Attaches to the region.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is none, or none appeared in time; [`Error::Kind`] if it does not hold Rust values;
    /// [`Error::Type`] if they are of another type, and [`Error::Schema`] if this one cannot be described;
    /// [`Error::BadName`]; [`Error::NotARegion`], [`Error::Version`], [`Error::Features`], [`Error::Damaged`];
    /// [`Error::UnknownKind`]; [`Error::Permission`]; [`Error::TooLarge`] and [`Error::Remote`]; [`Error::Directory`] and
    /// [`Error::Io`].
    pub fn open<T: Serialize + DeserializeOwned>(&self, name: &str) -> Result<Reader<T>> {
        #[cfg(feature = "schema")]
        let value_type = match &self.value_type {
            Some(ValueType::Schema(schema)) => Some(ValueType::Schema(schema.clone())),
            _ => Some(ValueType::Schema(Schema::of::<T>()?)),
        };
        #[cfg(not(feature = "schema"))]
        let value_type = None;
        let raw = self.open_wanted(name, Expected { kind: Some(Kind::Bincode), dtype: None, value_type })?;
        Ok(Reader::from_raw(raw))
    }

    /// Like [`open`](Self::open), for arrays of numbers.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open): [`Error::Type`] if they are arrays of other elements or, if that was set, of another
    /// shape.
    pub fn open_array<T: Element>(&self, name: &str) -> Result<ArrayReader<T>> {
        let value_type = self.value_type.clone();
        let expected = Expected { kind: Some(Kind::Array), dtype: Some(T::DTYPE), value_type };
        Ok(ArrayReader::from_raw(self.open_wanted(name, expected)?))
    }

    /// Like [`open`](Self::open), for values as JSON, of whatever type: by the region's schema, or of a region of JSON.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open): [`Error::Schema`] if the region does not say how its values are encoded.
    #[cfg(feature = "schema")]
    pub fn open_json(&self, name: &str) -> Result<JsonReader> {
        JsonReader::from_raw(self.open_raw(name)?)
    }

    /// Like [`open`](Self::open), for the payloads' bytes, whatever their kind.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open), but for [`Error::Kind`].
    pub fn open_raw(&self, name: &str) -> Result<RawReader> {
        self.open_wanted(name, Expected::default())
    }

    fn open_wanted(&self, name: &str, expected: Expected) -> Result<RawReader> {
        let location = Location::resolve(name)?;
        let max_region_bytes = self.max_region_bytes.unwrap_or(MAX_REGION_BYTES);
        let (region, has_waited) = self.await_region(&location, max_region_bytes)?;
        let now = Instant::now();
        let follow = Follow::new(location, region, expected, max_region_bytes, now)?;
        let mut reader = RawReader::new(follow, self.wait_strategy, now);
        match self.start {
            // All that a region has held came after the wait began, also what it no longer holds.
            None | Some(Position::Latest | Position::New) if has_waited => reader.seek(Position::At(1)),
            start => reader.seek(start.unwrap_or(Position::Latest)),
        }
        Ok(reader)
    }

    /// Opens the region, once it is there if that is wanted. Whether it had to be waited for.
    fn await_region(&self, location: &Location, max_region_bytes: u64) -> Result<(Region, bool)> {
        let start = Instant::now();
        let mut has_waited = false;
        loop {
            match (Region::open(location, Access::Read, max_region_bytes), self.open_timeout) {
                (Err(Error::NotFound { .. }), Some(timeout)) if start.elapsed() < timeout => {
                    thread::sleep((timeout - start.elapsed().min(timeout)).min(ABSENT_POLL));
                    has_waited = true;
                }
                (opened, _) => return Ok((opened?, has_waited)),
            }
        }
    }
}
