//! The writing handle for values of one Rust type: an encoder and a `RawWriter`.

use super::{RawWriter, WriterOptions, region_methods};
use crate::Sequence;
use crate::error::{OpenError, PublishError};
use crate::types::json::typed as json;
use crate::types::kind::Kind;
use crate::types::payload;
use crate::types::payload::plan::Plan;
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
    // The parts that readers expect in a value. Without a description of the type, it expects nothing.
    plan: Plan,
    // Whether each value must be decoded, because the plan cannot show whether readers decode it correctly.
    proves_all: bool,
    // Whether the values are JSON.
    is_json: bool,
    published: u64,
    encoded: Vec<u8>,
    // A writer borrows values and owns none.
    value: PhantomData<fn(&T)>,
}

/// Returns the parts of the region's type, if the region has a complete schema.
#[cfg(feature = "schema")]
fn plan(raw: &RawWriter) -> Option<Plan> {
    raw.schema().and_then(crate::types::schema::Schema::plan)
}

#[cfg(not(feature = "schema"))]
fn plan(_: &RawWriter) -> Option<Plan> {
    None
}

impl<T: Serialize + DeserializeOwned> Writer<T> {
    pub(super) fn from_raw(raw: RawWriter) -> Self {
        let plan = plan(&raw);
        let is_json = raw.kind() == Kind::Json;
        let proves_all = plan.is_none() && !is_json;
        let plan = plan.unwrap_or_default();
        Self { raw, plan, proves_all, is_json, published: 0, encoded: Vec::new(), value: PhantomData }
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
    /// A value that readers could not decode, or would decode as another one, is refused:
    ///
    /// - One that `Serialize` writes otherwise than `Deserialize` reads it. Each value is compared with the
    ///   schema while it is encoded. This costs little and finds skipped fields and variants. Values 1, 2,
    ///   4, 8 and so on are also decoded and encoded again, which finds a `#[serde(with)]` that reads
    ///   something else than it writes. The order within sequences and maps is not compared, because that of a
    ///   `HashMap` is random, and numbers with a fraction may be rounded. Once this has found a difference,
    ///   the writer decodes every value. It always does so if the region does not describe its type, and for a
    ///   value whose fields or variants are named differently by `Serialize` and `Deserialize`.
    /// - One in which a map contains a key twice, if JSON shows the map as an object or if readers would decode
    ///   fewer entries. Two different keys count as equal if `Serialize` writes the same for both.
    /// - One that nests deeper than 128 levels, or that has more than some 4096 elements that take no bytes,
    ///   such as `()`.
    ///
    /// In a region of [JSON](WriterOptions::json), values 1, 2, 4, 8 and so on are decoded and compared, and each
    /// value that JSON cannot hold is refused: NaN and infinities, integers of more than 64 bits, map keys that are
    /// not strings or numbers, `Some(None)`, and a nesting deeper than 127 levels.
    ///
    /// # Errors
    ///
    /// [`PublishError::BadValue`] if the value is refused, cannot be encoded, or takes more than 2 GiB;
    /// otherwise as for [`RawWriter::publish`].
    pub fn publish(&mut self, value: &T) -> Result<Sequence, PublishError> {
        if self.is_json {
            return self.publish_json(value);
        }
        let encoded = payload::encode(value, &self.plan, &mut self.encoded);
        // Encoding compares each value with the plan. Decoding the 1st, 2nd, 4th, 8th, ... value costs almost
        // nothing, and finds a `#[serde(with)]` that reads something else than it writes.
        if encoded.is_err() || self.proves_all || (self.published + 1).is_power_of_two() {
            self.prove(value, encoded)?;
        }
        payload::check_length(self.encoded.len()).map_err(|error| self.raw.bad_value(error))?;
        let sequence = self.raw.publish_checked(&self.encoded)?;
        self.published += 1;
        Ok(sequence)
    }

    #[inline(never)]
    fn publish_json(&mut self, value: &T) -> Result<Sequence, PublishError> {
        let mut encoded = json::encode(value, &mut self.encoded);
        if encoded.is_ok() && (self.proves_all || (self.published + 1).is_power_of_two()) {
            encoded = json::prove::<T>(&self.encoded);
            self.proves_all |= encoded.is_err();
        }
        encoded.map_err(|error| self.raw.bad_value(error))?;
        let sequence = self.raw.publish_checked(&self.encoded)?;
        self.published += 1;
        Ok(sequence)
    }

    /// Decodes the value that was encoded, and refuses it if readers could not decode it or would decode
    /// another one.
    #[cold]
    #[inline(never)]
    fn prove(&mut self, value: &T, encoded: Result<(), payload::Failed>) -> Result<(), PublishError> {
        let matches_plan = encoded.is_ok();
        let proven = payload::prove(value, encoded, &self.plan, &mut self.encoded);
        let proven = proven.map_err(|error| self.raw.bad_value(error)).and_then(|()| self.raw.check(&self.encoded));
        // Encoding did not show the difference, so it will not show it for the next value either.
        self.proves_all |= matches_plan && proven.is_err();
        proven
    }
}

region_methods!([T] Writer<T>);
