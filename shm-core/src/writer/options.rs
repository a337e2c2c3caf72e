//! How to open a region for writing.

#[cfg(feature = "schema")]
use super::JsonWriter;
use super::sizes::MAX_PAYLOAD_BYTES;
use super::{ArrayWriter, RawWriter, Writer};
use crate::error::OpenError;
#[cfg(feature = "schema")]
use crate::region::format::ValueFormat;
use crate::region::format::{bad_option, does_not_apply};
use crate::region::location::Location;
use crate::region::open::check_local_directory;
use crate::region::replace::{MODE_MIN, MODES};
use crate::region::tenure::Lock;
use crate::region::{MAX_REGION_BYTES, Region};
use crate::sys::file::Access;
use crate::types::array::{ArrayType, Element};
use crate::types::kind::Kind;
#[cfg(feature = "schema")]
use crate::types::schema::Schema;
use crate::types::value_type::ValueType;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;

/// How to open a region for writing. An option that is not set means: as found, or the default for a new region.
///
/// If slots, capacity, checksums or mode differ from what is found, the region is replaced by one of the same lineage: the
/// numbers go on, readers follow, and the newest values that fit are kept. A region of another kind or type is refused,
/// unless [`replace`](Self::replace) is set.
///
/// ```
/// # fn main() -> shm_core::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let name = format!("{}/room", directory.path().display());
/// let mut writer = shm_core::WriterOptions::new().slots(8).capacity(100).open::<f64>(&name)?;
/// writer.publish(&21.5)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct WriterOptions {
    pub(super) slots: Option<u64>,
    pub(super) capacity: Option<u64>,
    pub(super) mode: Option<u32>,
    pub(super) kind: Option<Kind>,
    pub(super) checksum: Option<bool>,
    pub(super) value_type: Option<ValueType>,
    pub(super) replace: bool,
    // Whether the values are of a type that cannot be described.
    pub(super) is_untyped: bool,
}

impl WriterOptions {
    /// Options of which none is set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many values the region holds: a power of two, at least 2. A new region has 64, fewer of large arrays.
    pub fn slots(&mut self, slots: u64) -> &mut Self {
        self.slots = Some(slots);
        self
    }

    /// How many bytes a slot holds, rounded up to a multiple of 8. A new region has 4096, or an array; it grows as needed.
    pub fn capacity(&mut self, bytes: u64) -> &mut Self {
        self.capacity = Some(bytes);
        self
    }

    /// The file's permission bits, whatever the umask. A new region has `0o600`; `0o644` lets everyone read it.
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.mode = Some(mode);
        self
    }

    /// What the payloads are; for [`open_raw`](Self::open_raw). A new region holds bytes.
    pub fn kind(&mut self, kind: Kind) -> &mut Self {
        self.kind = Some(kind);
        self
    }

    /// What arrays the values are; for [`open_raw`](Self::open_raw). The kind follows from it.
    pub fn array(&mut self, array: ArrayType) -> &mut Self {
        self.value_type = Some(ValueType::Array(array));
        self
    }

    /// The schema of the values' type, where it is not to be found out from the type: for types that cannot be traced,
    /// and for [`open_raw`](Self::open_raw) and [`open_json`](Self::open_json). The kind follows from it.
    #[cfg(feature = "schema")]
    pub fn schema(&mut self, schema: Schema) -> &mut Self {
        self.value_type = Some(ValueType::Schema(schema));
        self
    }

    /// Whether every value carries a checksum, which readers verify. A new region has none.
    pub fn checksum(&mut self, on: bool) -> &mut Self {
        self.checksum = Some(on);
        self
    }

    /// Whether a region of another kind or type may be replaced. Its values are then discarded, and
    /// [`discarded`](RawWriter::discarded) says how many; the numbers go on, and readers follow. Unset, such a region is
    /// refused and keeps its values.
    pub fn replace(&mut self, on: bool) -> &mut Self {
        self.replace = on;
        self
    }

    /// Creates the region, or takes it over from a writer that ended or died.
    ///
    /// # Errors
    ///
    /// [`OpenError::WriterAlive`] if it has a writer; [`OpenError::Kind`], [`OpenError::UnknownKind`] or
    /// [`OpenError::Type`] if it holds values of another kind or type, unless [`replace`](Self::replace) is set;
    /// [`OpenError::BadName`], [`OpenError::BadOption`]; [`OpenError::NotARegion`], [`OpenError::Version`],
    /// [`OpenError::Features`] and [`OpenError::Damaged`] for a file that is left alone; [`OpenError::NotOurs`] and
    /// [`OpenError::Permission`]; [`OpenError::NoSpace`], [`OpenError::TooLarge`], [`OpenError::FileSystem`] and
    /// [`OpenError::Remote`]; [`OpenError::Gone`] if somebody without the lock removes or replaces it meanwhile;
    /// [`OpenError::Schema`] if the type cannot be described; [`OpenError::Directory`] and [`OpenError::Io`].
    pub fn open<T: Serialize + DeserializeOwned>(&self, name: impl AsRef<Path>) -> Result<Writer<T>, OpenError> {
        self.refuse_kind(name.as_ref())?;
        if let Some(ValueType::Array(_)) = self.value_type {
            return Err(does_not_apply(name.as_ref(), "array", "a writer of Rust values; use open_array"));
        }
        let mut options = self.clone();
        options.kind(Kind::Bincode);
        #[cfg(feature = "schema")]
        if self.value_type.is_none() {
            options.schema(Schema::of::<T>()?);
        }
        // Without the feature, nobody can tell whether this is the type that the region describes.
        options.is_untyped = cfg!(not(feature = "schema"));
        Ok(Writer::from_raw(options.open_raw(name)?))
    }

    /// Like [`open`](Self::open), for arrays of numbers of this shape. If its first length is 0, each value may have
    /// another one there.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open), and [`OpenError::ArrayType`] if there can be no such array.
    pub fn open_array<T: Element>(&self, name: impl AsRef<Path>, shape: &[u64]) -> Result<ArrayWriter<T>, OpenError> {
        self.refuse_kind(name.as_ref())?;
        if let Some(value_type) = &self.value_type {
            let handle = "open_array, which gets the type and shape as arguments; leave it out";
            return Err(does_not_apply(name.as_ref(), value_type.option(), handle));
        }
        let array = ArrayType::new(T::DTYPE, shape)?;
        Ok(ArrayWriter::from_raw(self.clone().array(array).open_raw(name)?))
    }

    /// Like [`open`](Self::open), for values given as JSON, by the schema that is set or, without one, by the region's own.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open); [`OpenError::BadOption`] if the schema that is set does not say how values are encoded;
    /// [`OpenError::Undescribed`] if none is set and the region's does not, and [`OpenError::NotFound`] if there is no
    /// region.
    #[cfg(feature = "schema")]
    pub fn open_json(&self, name: impl AsRef<Path>) -> Result<JsonWriter, OpenError> {
        let name = name.as_ref();
        self.refuse_kind(name)?;
        // Before anything is created or taken over.
        if let Some(value_type) = &self.value_type {
            if !value_type.schema().is_some_and(Schema::is_complete) {
                let option = value_type.option();
                let reason = format!("the option `{option}` does not say how values are encoded as JSON; use open_raw");
                return Err(bad_option(name, option, reason));
            }
        } else {
            let location = Location::resolve(name)?;
            let region = Region::open(&location, Access::Read, MAX_REGION_BYTES)?;
            let found = ValueFormat::of(&location, &region)?.value_type;
            require_complete(&location.name, found.as_ref().and_then(ValueType::schema))?;
        }
        let raw = self.clone().kind(Kind::Bincode).open_raw(name)?;
        require_complete(&raw.location.name, raw.schema())?;
        Ok(JsonWriter::from_raw(raw))
    }

    /// Like [`open`](Self::open), for payloads that are bytes already.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn open_raw(&self, name: impl AsRef<Path>) -> Result<RawWriter, OpenError> {
        self.check(name.as_ref())?;
        let location = Location::resolve(name.as_ref())?;
        // A file that is refused gets no lock file beside it.
        let found = match Region::open(&location, Access::Write, MAX_REGION_BYTES) {
            Ok(region) => Some(region),
            Err(OpenError::NotFound { .. }) => {
                check_local_directory(&location)?;
                None
            }
            Err(error) => return Err(error),
        };
        let lock = Lock::acquire(&location).map_err(|error| match error {
            OpenError::WriterAlive { region, .. } => {
                let pid = found.as_ref().map(|region| region.header().tenure.pid.load(Relaxed));
                OpenError::WriterAlive { region, pid }
            }
            other => other,
        })?;
        self.open_locked(&location, lock)
    }

    fn refuse_kind(&self, name: &Path) -> Result<(), OpenError> {
        match self.kind {
            None => Ok(()),
            Some(_) => {
                Err(does_not_apply(name, "kind", "this writer, whose kind follows from its values; use open_raw"))
            }
        }
    }

    /// The kind that is wanted, if any is.
    pub(super) fn wanted_kind(&self) -> Option<Kind> {
        self.kind.or(self.value_type.as_ref().map(ValueType::kind))
    }

    fn check(&self, name: &Path) -> Result<(), OpenError> {
        let refuse = |option, reason: String| Err(bad_option(name, option, reason));
        if let (Some(value_type), Some(kind)) = (&self.value_type, self.kind)
            && kind != value_type.kind()
        {
            return Err(does_not_apply(
                name,
                value_type.option(),
                &format!("values of kind {kind}; leave one of them out"),
            ));
        }
        match self.slots {
            Some(slots) if slots < 2 || !slots.is_power_of_two() => {
                let near = slots.max(2).checked_next_power_of_two().unwrap_or(1 << 63);
                let reason =
                    format!("the number of slots must be a power of two and at least 2, not {slots}; use {near}");
                return refuse("slots", reason);
            }
            _ => {}
        }
        match self.capacity {
            Some(bytes) if bytes > MAX_PAYLOAD_BYTES => {
                return refuse(
                    "capacity",
                    format!("a slot can hold at most {MAX_PAYLOAD_BYTES} bytes, not {bytes}; use a smaller capacity"),
                );
            }
            _ => {}
        }
        match self.mode {
            Some(mode) if mode & !MODES != 0 || mode & MODE_MIN != MODE_MIN => {
                let reason =
                    format!("the mode must be one of 600, 640, 604 and 644, not {mode:o}: only the owner may write");
                refuse("mode", reason)
            }
            _ => Ok(()),
        }
    }
}

/// Refuses a region whose schema does not say how values are encoded.
#[cfg(feature = "schema")]
fn require_complete(region: &str, schema: Option<&Schema>) -> Result<(), OpenError> {
    if schema.is_some_and(Schema::is_complete) {
        Ok(())
    } else {
        Err(OpenError::Undescribed { region: region.to_owned() })
    }
}
