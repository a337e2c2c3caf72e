//! Opening a region for reading: the options, and waiting for a region that does not exist yet.

#[cfg(feature = "schema")]
use super::ValueReader;
use super::{ABSENT_POLL, ArrayReader, RawReader, Reader, deadline_after, time_left};
use crate::array::{ArrayType, Element};
use crate::description::Description;
use crate::error::{Error, Result};
use crate::payload::Kind;
use crate::region::place::Place;
use crate::region::{Access, MAX_REGION_BYTES, Region};
#[cfg(feature = "schema")]
use crate::schema::Schema;
use crate::wait::Wait;
use crate::{Sequence, known_kind};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

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
/// let mut reader = shm_core::Reader::options().wait(Duration::from_secs(5)).open::<f64>(&name)?;
/// assert_eq!(reader.recv()?.unwrap().value, 21.5);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct ReaderOptions {
    wait: Option<Duration>,
    start: Option<Position>,
    max_bytes: Option<u64>,
    waiting: Wait,
    description: Option<Description>,
}

impl ReaderOptions {
    /// Options of which none is set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How long to wait for the region to appear; [`Duration::MAX`] is for ever. Unset, opening does not wait.
    pub fn wait(&mut self, timeout: Duration) -> &mut Self {
        self.wait = Some(timeout);
        self
    }

    /// Where receiving starts. Unset, it is the newest value; in a region that had to be waited for, its first.
    pub fn start(&mut self, position: Position) -> &mut Self {
        self.start = Some(position);
        self
    }

    /// How to wait for values. Unset, it is [`Wait::Block`].
    pub fn waiting(&mut self, wait: Wait) -> &mut Self {
        self.waiting = wait;
        self
    }

    /// The largest region, in bytes, that is mapped. Unset, it is 1 TiB.
    pub fn max_bytes(&mut self, bytes: u64) -> &mut Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// What arrays the values must be; for [`open_array`](Self::open_array), which else takes any shape.
    pub fn array(&mut self, array: ArrayType) -> &mut Self {
        self.description = Some(Description::Array(array));
        self
    }

    /// The schema of the values' type, where it is not to be found out from the type: for types that cannot be traced.
    #[cfg(feature = "schema")]
    pub fn schema(&mut self, schema: Schema) -> &mut Self {
        self.description = Some(Description::Schema(schema));
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
        let description = match &self.description {
            Some(Description::Schema(schema)) => Some(Description::Schema(schema.clone())),
            _ => Some(Description::Schema(Schema::of::<T>()?)),
        };
        #[cfg(not(feature = "schema"))]
        let description = None;
        let raw = self.open_wanted(name, Wanted { kind: Some(Kind::Bincode), dtype: None, description })?;
        Ok(Reader::from_raw(raw))
    }

    /// Like [`open`](Self::open), for arrays of numbers.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open): [`Error::Type`] if they are arrays of other elements or, if that was set, of another
    /// shape.
    pub fn open_array<T: Element>(&self, name: &str) -> Result<ArrayReader<T>> {
        let description = self.description.clone();
        let wanted = Wanted { kind: Some(Kind::Array), dtype: Some(T::DTYPE), description };
        Ok(ArrayReader::from_raw(self.open_wanted(name, wanted)?))
    }

    /// Like [`open`](Self::open), for values as JSON, of whatever type: by the region's schema, or of a region of JSON.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open): [`Error::Schema`] if the region does not say how its values are encoded.
    #[cfg(feature = "schema")]
    pub fn open_values(&self, name: &str) -> Result<ValueReader> {
        ValueReader::from_raw(self.open_raw(name)?)
    }

    /// Like [`open`](Self::open), for the payloads' bytes, whatever their kind.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open), but for [`Error::Kind`].
    pub fn open_raw(&self, name: &str) -> Result<RawReader> {
        self.open_wanted(name, Wanted::default())
    }

    fn open_wanted(&self, name: &str, wanted: Wanted) -> Result<RawReader> {
        let place = Place::resolve(name)?;
        let max_bytes = self.max_bytes.unwrap_or(MAX_REGION_BYTES);
        let deadline = self.wait.map(deadline_after);
        let mut waited = false;
        let region = loop {
            match (Region::open(&place, Access::Read, max_bytes), deadline) {
                (Ok(region), _) => break region,
                (Err(error @ Error::NotFound { .. }), Some(deadline)) => {
                    let left = time_left(deadline);
                    if left.is_zero() {
                        return Err(error);
                    }
                    std::thread::sleep(left.min(ABSENT_POLL));
                    waited = true;
                }
                (Err(error), _) => return Err(error),
            }
        };
        let mut reader = RawReader::new(place, region, wanted, max_bytes, self.waiting)?;
        match self.start {
            // All that a region has held came after the wait began, also what it no longer holds.
            None | Some(Position::Latest | Position::New) if waited => reader.seek(Position::At(1)),
            start => reader.seek(start.unwrap_or(Position::Latest)),
        }
        Ok(reader)
    }
}

/// The kind and type that alone are accepted, where not all are.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub kind: Option<Kind>,
    pub dtype: Option<&'static str>,
    pub description: Option<Description>,
}

impl Wanted {
    /// The region's kind and type, if they are accepted.
    pub fn accept(&self, place: &Place, region: &Region) -> Result<(Kind, Option<Description>)> {
        let kind = known_kind(place, region.fixed.kind)?;
        if let Some(only) = self.kind
            && kind != only
        {
            let (found, expected) = (kind.to_string(), only.to_string());
            return Err(Error::Kind { region: place.shown.clone(), found, expected });
        }
        let description = Description::of(place, kind, &region.fixed, &region.descriptor)?;
        if let Some(wanted) = &self.description {
            wanted.check(place, description.as_ref())?;
        }
        if let (Some(here), Some(found)) = (self.dtype, description.as_ref().and_then(Description::array))
            && found.dtype() != here
        {
            let difference = format!("arrays of {} in the region, of {here} here", found.dtype());
            return Err(Error::Type { region: place.shown.clone(), difference });
        }
        Ok((kind, description))
    }
}
