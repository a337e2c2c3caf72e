//! Opening a region for reading: the options, and waiting for a region that does not exist yet.

#[cfg(feature = "schema")]
use super::JsonReader;
use super::blocking::ABSENT_POLL;
use super::decoder::Decoder;
use super::expected::Expected;
use super::follow::{DIRECTORY_PERIOD, Follow};
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

/// The place in a region where reading starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Position {
    /// The oldest retained value.
    Oldest,
    /// The newest value.
    Latest,
    /// The next value that the writer publishes.
    New,
    /// The value with this sequence number. If it is no longer retained, receiving starts at the oldest
    /// retained value, and the values in between count as lost.
    At(Sequence),
    /// The Nth newest value, where N is this number: `Last(1)` is the newest. If fewer than N values are
    /// retained, the oldest retained value.
    Last(u64),
}

/// Options for opening a region for reading.
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
    json: bool,
    #[cfg(feature = "schema")]
    by_name: bool,
}

impl ReaderOptions {
    /// Returns options with none of them set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how long opening waits for the region to appear. [`Duration::MAX`] means forever.
    ///
    /// By default, opening does not wait. If the directory does not exist, opening fails immediately.
    pub fn open_timeout(&mut self, timeout: Duration) -> &mut Self {
        self.open_timeout = Some(timeout);
        self
    }

    /// Sets where receiving starts.
    ///
    /// By default, it starts at the newest value. If opening had to wait for the region,
    /// [`Position::Latest`] and [`Position::New`] start at the region's first value instead.
    pub fn start(&mut self, position: Position) -> &mut Self {
        self.start = Some(position);
        self
    }

    /// Sets how the reader waits for values.
    ///
    /// The default is [`WaitStrategy::Block`].
    pub fn wait_strategy(&mut self, strategy: WaitStrategy) -> &mut Self {
        self.wait_strategy = strategy;
        self
    }

    /// Sets the size of the largest region that is mapped, in bytes.
    ///
    /// The default is 1 TiB.
    pub fn max_region_bytes(&mut self, bytes: u64) -> &mut Self {
        self.max_region_bytes = Some(bytes);
        self
    }

    /// Sets the element type and shape that the arrays must have, for [`open_array`](Self::open_array).
    ///
    /// By default, any shape is accepted.
    pub fn array(&mut self, array: ArrayType) -> &mut Self {
        self.value_type = Some(ValueType::Array(array));
        self
    }

    /// Sets the schema of the values' type, for [`open`](Self::open) with a type from which no schema can
    /// be derived.
    #[cfg(feature = "schema")]
    pub fn schema(&mut self, schema: Schema) -> &mut Self {
        self.value_type = Some(ValueType::Schema(schema));
        self
    }

    /// Sets whether values are JSON, for [`open`](Self::open) with any type that serde_json can read.
    ///
    /// This is the counterpart of [`WriterOptions::json`](crate::WriterOptions::json), and accepts every region of
    /// kind JSON. A value that is not a `T` is an error of that value only.
    pub fn json(&mut self, on: bool) -> &mut Self {
        self.json = on;
        self
    }

    /// Sets whether the reader accepts a region of another type, and finds the parts of each value by their names,
    /// for [`open`](Self::open).
    ///
    /// Use it to read what an older or newer version of a program publishes, even if the region is replaced by one of
    /// another version. By default, a region of another type is refused. Parts are found as follows:
    ///
    /// - Fields may be in another order. Those that `T` does not have are skipped. Those that the region does not have
    ///   need `#[serde(default)]`, or are an `Option`, which is then `None`. `#[serde(alias)]` accepts an old name.
    /// - Variants are found by their names. One that `T` does not have is an error of that value only.
    /// - A number is accepted if the type asked for represents it exactly. Otherwise it is an error of that value only.
    /// - A `T` is accepted as `Option<T>`, but not an `Option<T>` as a `T`.
    ///
    /// If the types are equal, this option makes no difference, and decoding is just as fast.
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let name = format!("{}/room", directory.path().display());
    /// use serde::{Deserialize, Serialize};
    /// mod old {
    ///     # use serde::{Deserialize, Serialize};
    ///     #[derive(Serialize, Deserialize)]
    ///     pub struct Reading { pub celsius: f32, pub room: String }
    /// }
    /// #[derive(Serialize, Deserialize)]
    /// struct Reading { room: String, humidity: Option<u8>, celsius: f64 }
    ///
    /// let mut writer = shm_core::Writer::<old::Reading>::open(&name)?;
    /// writer.publish(&old::Reading { celsius: 21.5, room: "kitchen".into() })?;
    /// let mut reader = shm_core::ReaderOptions::new().by_name(true).open::<Reading>(&name)?;
    /// let reading = reader.latest()?.unwrap().value;
    /// assert_eq!((reading.room.as_str(), reading.humidity, reading.celsius), ("kitchen", None, 21.5));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "schema")]
    pub fn by_name(&mut self, on: bool) -> &mut Self {
        self.by_name = on;
        self
    }

    /// Opens the region for reading.
    ///
    /// # Errors
    ///
    /// - [`OpenError::NotFound`] if the region does not exist, or did not appear in time.
    /// - [`OpenError::Kind`] if the region does not hold Rust values, and [`OpenError::UnknownKind`] if
    ///   this library does not know its kind.
    /// - [`OpenError::Type`] if the values are of another type, and [`OpenError::Schema`] if `T` cannot be
    ///   described.
    /// - [`OpenError::BadName`] or [`OpenError::BadOption`] if the name or an option is not valid.
    /// - [`OpenError::NotARegion`], [`OpenError::Version`], [`OpenError::Features`] or
    ///   [`OpenError::Damaged`] if the file cannot be used.
    /// - [`OpenError::Permission`] if this user may not read the region.
    /// - [`OpenError::TooLarge`] if the region is larger than a limit, and [`OpenError::Remote`] if it is
    ///   not on a local file system.
    /// - [`OpenError::Directory`] or [`OpenError::Io`] if a system call fails.
    pub fn open<T: DeserializeOwned>(&self, name: impl AsRef<Path>) -> Result<Reader<T>, OpenError> {
        if let Some(ValueType::Array(_)) = self.value_type {
            return Err(does_not_apply(name.as_ref(), "array", "a reader of Rust values; use open_array"));
        }
        if self.json {
            if let Some(value_type) = &self.value_type {
                return Err(does_not_apply(name.as_ref(), value_type.option(), "a reader of JSON; leave it out"));
            }
            #[cfg(feature = "schema")]
            if self.by_name {
                let handle = "a reader of JSON, which always finds parts by name; leave it out";
                return Err(does_not_apply(name.as_ref(), "by_name", handle));
            }
            let expected = Expected { kind: Some(Kind::Json), ..Expected::default() };
            return Ok(Reader::from_raw(self.open_expected(name.as_ref(), expected)?, Decoder::Json));
        }
        #[cfg(feature = "schema")]
        if self.by_name {
            return self.open_by_name(name.as_ref());
        }
        #[cfg(feature = "schema")]
        let value_type = match &self.value_type {
            Some(value_type) => {
                Schema::require_encoding::<T>()?;
                Some(value_type.clone())
            }
            None => Some(ValueType::Schema(Schema::of::<T>()?)),
        };
        #[cfg(not(feature = "schema"))]
        let value_type = None;
        let kind = Some(Kind::Bincode);
        // Without the feature, the program cannot compare the type with the one that the region describes.
        let is_untyped = cfg!(not(feature = "schema"));
        let expected = Expected { kind, value_type, is_untyped, ..Expected::default() };
        Ok(Reader::from_raw(self.open_expected(name.as_ref(), expected)?, Decoder::Plain))
    }

    #[cfg(feature = "schema")]
    fn open_by_name<T: DeserializeOwned>(&self, name: &Path) -> Result<Reader<T>, OpenError> {
        // A type from which no schema can be derived is not equal to any other type.
        let own = match &self.value_type {
            Some(value_type) => value_type.schema().cloned(),
            None => Schema::of::<T>().ok(),
        };
        let expected = Expected { kind: Some(Kind::Bincode), needs_schema: true, ..Expected::default() };
        Ok(Reader::from_raw(self.open_expected(name, expected)?, Decoder::by_name(own)))
    }

    /// Opens a region of arrays of numbers; otherwise like [`open`](Self::open).
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open), with these differences:
    ///
    /// - [`OpenError::Kind`] if the region does not hold arrays.
    /// - [`OpenError::Type`] if the arrays have other elements, or do not have the shape that
    ///   [`array`](Self::array) sets.
    pub fn open_array<T: Element>(&self, name: impl AsRef<Path>) -> Result<ArrayReader<T>, OpenError> {
        self.refuse_json(name.as_ref())?;
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
        let expected = Expected { kind: Some(Kind::Array), dtype: Some(T::DTYPE), value_type, ..Expected::default() };
        Ok(ArrayReader::from_raw(self.open_expected(name.as_ref(), expected)?))
    }

    /// Opens a region of values of any type, to receive them as JSON; otherwise like [`open`](Self::open).
    ///
    /// The values are decoded with the region's schema. A region of JSON needs no schema.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open), and [`OpenError::Undescribed`] if the region does not specify how its
    /// values are encoded.
    #[cfg(feature = "schema")]
    pub fn open_json(&self, name: impl AsRef<Path>) -> Result<JsonReader, OpenError> {
        JsonReader::from_raw(self.open_raw(name)?)
    }

    /// Opens a region of any kind, to receive the payloads as bytes; otherwise like [`open`](Self::open).
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open), except [`OpenError::Kind`] and [`OpenError::Type`].
    pub fn open_raw(&self, name: impl AsRef<Path>) -> Result<RawReader, OpenError> {
        self.refuse_json(name.as_ref())?;
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

    fn refuse_json(&self, name: &Path) -> Result<(), OpenError> {
        #[cfg(feature = "schema")]
        if self.by_name {
            return Err(does_not_apply(name, "by_name", "this reader; use open"));
        }
        if self.json { Err(does_not_apply(name, "json", "this reader; use open")) } else { Ok(()) }
    }

    fn open_expected(&self, name: &Path, expected: Expected) -> Result<RawReader, OpenError> {
        let mut location = Location::resolve(name)?;
        let max_region_bytes = self.max_region_bytes.unwrap_or(MAX_REGION_BYTES);
        let (region, has_waited) = self.await_region(&mut location, max_region_bytes)?;
        let now = Instant::now();
        let follow = Follow::new(location, region, expected, max_region_bytes, now)?;
        let mut reader = RawReader::new(follow, self.wait_strategy, now);
        match self.start {
            // The region was created after the wait began, so all of its values are new to this reader, even those
            // that have been overwritten.
            None | Some(Position::Latest | Position::New) if has_waited => reader.seek(Position::At(1)),
            start => reader.seek(start.unwrap_or(Position::Latest)),
        }
        Ok(reader)
    }

    /// Opens the region and, if the options say so, waits for it to appear. Also returns whether it had to
    /// wait.
    fn await_region(&self, location: &mut Location, max_region_bytes: u64) -> Result<(Region, bool), OpenError> {
        let start = Instant::now();
        let mut looked: Option<Instant> = None;
        let mut has_waited = false;
        loop {
            match (Region::open(location, Access::Read, max_region_bytes), self.open_timeout) {
                (Err(OpenError::NotFound { .. }), Some(timeout)) if start.elapsed() < timeout => {
                    thread::sleep((timeout - start.elapsed().min(timeout)).min(ABSENT_POLL));
                    has_waited = true;
                    if looked.is_none_or(|last| last.elapsed() >= DIRECTORY_PERIOD) {
                        location.follow_directory()?;
                        looked = Some(Instant::now());
                    }
                }
                (opened, _) => return Ok((opened?, has_waited)),
            }
        }
    }
}
