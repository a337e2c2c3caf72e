//! The options for opening a region for writing.

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

/// Options for opening a region for writing.
///
/// If an option is not set, an existing region keeps its setting, and a new region gets the default.
///
/// **Opening never discards a value because of an option**, except for [`replace`](Self::replace). `slots` and
/// `capacity` are minimums: a region that has more already satisfies them, and nothing is cut back. A region
/// that has fewer slots, smaller ones, or not the checksums that are asked for gets a new file.
/// Sequence numbers continue, readers follow, and all values are kept. A different mode is set on the
/// existing file. Opening refuses a region of another kind or type, unless `replace` is set.
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
    json: bool,
    pub(super) checksum: Option<bool>,
    pub(super) value_type: Option<ValueType>,
    pub(super) replace: bool,
    // Whether the type of the values cannot be described.
    pub(super) is_untyped: bool,
}

impl WriterOptions {
    /// Returns options with none of them set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how many values the region has space for, at least: a power of two, at least 2.
    ///
    /// By default, a new region has 64 slots, or fewer if they are larger than 1 MiB. A region with more slots
    /// keeps them. If its slots have grown beyond the [`capacity`](Self::capacity) of these options, it keeps
    /// the number of slots that growing has left.
    pub fn slots(&mut self, slots: u64) -> &mut Self {
        self.slots = Some(slots);
        self
    }

    /// Sets how many bytes a slot can hold, at least, rounded up to a multiple of 8.
    ///
    /// By default, a slot of a new region of arrays holds one array. In other regions it holds 4096 bytes, or
    /// fewer in a region of more than 64 slots, so that all slots take 256 KiB; but at least 96. The region
    /// grows when a larger value is published, so 65,536 small values take 8 MiB without this option. A region
    /// with larger slots keeps them.
    pub fn capacity(&mut self, bytes: u64) -> &mut Self {
        self.capacity = Some(bytes);
        self
    }

    /// Sets the file's permission bits, regardless of the umask: `0o600`, `0o640`, `0o604` or `0o644`.
    ///
    /// By default, a new region has `0o600`. `0o644` lets every user read it.
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.mode = Some(mode);
        self
    }

    /// Sets the kind of the values, for [`open_raw`](Self::open_raw).
    ///
    /// By default, a new region holds bytes.
    pub fn kind(&mut self, kind: Kind) -> &mut Self {
        self.kind = Some(kind);
        self
    }

    /// Sets the element type and shape of the arrays, for [`open_raw`](Self::open_raw).
    ///
    /// This also determines the kind.
    pub fn array(&mut self, array: ArrayType) -> &mut Self {
        self.value_type = Some(ValueType::Array(array));
        self
    }

    /// Sets the schema explicitly instead of deriving it from the type.
    ///
    /// Use it for types from which no schema can be derived, and with [`open_raw`](Self::open_raw) and
    /// [`open_json`](Self::open_json). This also determines the kind.
    #[cfg(feature = "schema")]
    pub fn schema(&mut self, schema: Schema) -> &mut Self {
        self.value_type = Some(ValueType::Schema(schema));
        self
    }

    /// Sets whether values are JSON, for [`open`](Self::open) with any type that serde_json can write and read.
    ///
    /// Use it for types that bincode cannot decode, such as `#[serde(untagged)]`, `#[serde(tag = "...")]` or
    /// `#[serde(flatten)]` ones: their [`open`](Self::open) refuses them otherwise. The region is of kind JSON and
    /// does not describe the type: a value that is not a `T` is an error of that value only.
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let name = format!("{}/events", directory.path().display());
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Debug, PartialEq, Serialize, Deserialize)]
    /// #[serde(tag = "event", rename_all = "lowercase")]
    /// enum Event {
    ///     Started { pid: u32 },
    ///     Stopped,
    /// }
    /// let mut writer = shm_core::WriterOptions::new().json(true).open::<Event>(&name)?;
    /// writer.publish(&Event::Started { pid: 7 })?;
    /// let mut reader = shm_core::ReaderOptions::new().json(true).open::<Event>(&name)?;
    /// assert_eq!(reader.latest()?.unwrap().value, Event::Started { pid: 7 });
    /// # let text = shm_core::RawReader::open(&name)?.latest()?.unwrap().value;
    /// # assert_eq!(text, br#"{"event":"started","pid":7}"#);
    /// # Ok(())
    /// # }
    /// ```
    pub fn json(&mut self, on: bool) -> &mut Self {
        self.json = on;
        self
    }

    /// Sets whether every value has a checksum, which readers verify.
    ///
    /// By default, a new region has no checksums.
    pub fn checksum(&mut self, on: bool) -> &mut Self {
        self.checksum = Some(on);
        self
    }

    /// Sets whether opening can replace a region of another kind or type.
    ///
    /// The region's values are then discarded, and [`discarded`](RawWriter::discarded) returns how many.
    /// Sequence numbers continue, and readers that accept the new type follow. By default, opening refuses
    /// such a region, which keeps its values.
    pub fn replace(&mut self, on: bool) -> &mut Self {
        self.replace = on;
        self
    }

    /// Creates the region, or continues one whose last writer has ended or died.
    ///
    /// # Errors
    ///
    /// - [`OpenError::WriterAlive`] if the region has a writer.
    /// - [`OpenError::Kind`], [`OpenError::UnknownKind`] or [`OpenError::Type`] if it holds values of
    ///   another kind or type, and [`replace`](Self::replace) is not set.
    /// - [`OpenError::Schema`] if the type cannot be described, or if none of its values could be decoded.
    /// - [`OpenError::BadName`] or [`OpenError::BadOption`] if the name or an option is not valid.
    /// - [`OpenError::NotARegion`], [`OpenError::Version`], [`OpenError::Features`] or
    ///   [`OpenError::Damaged`] if the existing file cannot be used. The file stays unchanged.
    /// - [`OpenError::NotOurs`] or [`OpenError::Permission`] if this user may not write to the file or the
    ///   directory.
    /// - [`OpenError::NoSpace`], [`OpenError::TooLarge`], [`OpenError::FileSystem`] or
    ///   [`OpenError::Remote`] if the file system cannot hold the region.
    /// - [`OpenError::Gone`] if a process without the writer's lock removes or replaces the region
    ///   meanwhile.
    /// - [`OpenError::Directory`] or [`OpenError::Io`] if a system call fails.
    pub fn open<T: Serialize + DeserializeOwned>(&self, name: impl AsRef<Path>) -> Result<Writer<T>, OpenError> {
        self.refuse_kind(name.as_ref())?;
        if let Some(ValueType::Array(_)) = self.value_type {
            return Err(does_not_apply(name.as_ref(), "array", "a writer of Rust values; use open_array"));
        }
        let mut options = self.clone();
        if self.json {
            if let Some(value_type) = &self.value_type {
                return Err(does_not_apply(name.as_ref(), value_type.option(), "a writer of JSON; leave it out"));
            }
            options.json = false;
            return Ok(Writer::from_raw(options.kind(Kind::Json).open_raw(name)?));
        }
        options.kind(Kind::Bincode);
        #[cfg(feature = "schema")]
        match self.value_type {
            Some(_) => Schema::require_encoding::<T>()?,
            None => drop(options.schema(Schema::of::<T>()?)),
        }
        // Without the feature, the program cannot compare the type with the one that the region describes.
        options.is_untyped = cfg!(not(feature = "schema"));
        Ok(Writer::from_raw(options.open_raw(name)?))
    }

    /// Opens a region for arrays of numbers with this shape; otherwise like [`open`](Self::open).
    ///
    /// If the first length of the shape is 0, it can differ from value to value.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open), and [`OpenError::ArrayType`] if no array can have this shape.
    pub fn open_array<T: Element>(&self, name: impl AsRef<Path>, shape: &[u64]) -> Result<ArrayWriter<T>, OpenError> {
        self.refuse_json(name.as_ref())?;
        self.refuse_kind(name.as_ref())?;
        if let Some(value_type) = &self.value_type {
            let handle = "open_array, which gets the type and shape as arguments; leave it out";
            return Err(does_not_apply(name.as_ref(), value_type.option(), handle));
        }
        let array = ArrayType::new(T::DTYPE, shape)?;
        Ok(ArrayWriter::from_raw(self.clone().array(array).open_raw(name)?))
    }

    /// Opens a region for values given as JSON; otherwise like [`open`](Self::open).
    ///
    /// The values are encoded with the schema in these options or, without one, with the region's schema.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open), and:
    ///
    /// - [`OpenError::BadOption`] if the schema in these options does not specify how values are encoded.
    /// - [`OpenError::Undescribed`] if these options have no schema, and the region does not specify how
    ///   its values are encoded.
    /// - [`OpenError::NotFound`] if these options have no schema, and the region does not exist.
    #[cfg(feature = "schema")]
    pub fn open_json(&self, name: impl AsRef<Path>) -> Result<JsonWriter, OpenError> {
        let name = name.as_ref();
        self.refuse_json(name)?;
        self.refuse_kind(name)?;
        // Check this before anything is created or taken over.
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

    /// Opens a region for payloads that are already bytes; otherwise like [`open`](Self::open).
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn open_raw(&self, name: impl AsRef<Path>) -> Result<RawWriter, OpenError> {
        self.refuse_json(name.as_ref())?;
        self.check(name.as_ref())?;
        let location = Location::resolve(name.as_ref())?;
        // Open the file before the lock, so that no lock file is created next to a file that is refused.
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
        // Two mappings of a large region may not fit into the address space.
        drop(found);
        self.open_locked(&location, lock)
    }

    fn refuse_json(&self, name: &Path) -> Result<(), OpenError> {
        if self.json { Err(does_not_apply(name, "json", "this writer; use open")) } else { Ok(()) }
    }

    fn refuse_kind(&self, name: &Path) -> Result<(), OpenError> {
        match self.kind {
            None => Ok(()),
            Some(_) => {
                Err(does_not_apply(name, "kind", "this writer, whose kind follows from its values; use open_raw"))
            }
        }
    }

    /// The kind that these options ask for, if any.
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

/// Refuses a region whose schema does not specify how values are encoded.
#[cfg(feature = "schema")]
fn require_complete(region: &str, schema: Option<&Schema>) -> Result<(), OpenError> {
    if schema.is_some_and(Schema::is_complete) {
        Ok(())
    } else {
        Err(OpenError::Undescribed { region: region.to_owned() })
    }
}
