//! Compares a Rust type with its schema: the only value of a region is overwritten with any bytes, and
//! a reader of the type must agree with the schema about them.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shm_core::{Reader, ReceiveError, Schema, Writer, WriterOptions};
use std::fs::File;
use std::os::unix::fs::FileExt;
use tempfile::TempDir;

use crate::comes_back;

/// The length of the longest payload.
const CAPACITY: usize = 1 << 16;

/// A type, and a region with values of this type.
pub struct Compared<T> {
    schema: Schema,
    reader: Reader<T>,
    file: File,
    slot: u64,
    // Whether serde_json prints the values as docs/FORMAT.md specifies.
    is_plain: bool,
    _held: (Writer<T>, TempDir),
}

impl<T: Serialize + DeserializeOwned> Compared<T> {
    /// Creates a region with values of this type, which contains `value`.
    pub fn new(value: &T, is_plain: bool) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("region");
        let name = path.to_str().expect("a path in UTF-8");
        let mut writer = WriterOptions::new().slots(2).capacity(CAPACITY as u64).open(name).expect("a writer");
        writer.publish(value).expect("a value");
        let info = shm_core::inspect(name).expect("a region");
        let slots_start = (4096 + u64::from(info.descriptor_bytes)).next_multiple_of(128);
        Self {
            schema: Schema::of::<T>().expect("a type that can be traced"),
            reader: Reader::open(name).expect("a reader"),
            file: File::options().write(true).open(&path).expect("the region"),
            slot: slots_start + info.stride,
            is_plain,
            _held: (writer, directory),
        }
    }

    /// Decodes the payload as the type and by its schema. Either both refuse it, or both decode the same
    /// value.
    pub fn check(&mut self, payload: &[u8]) {
        let payload = &payload[..payload.len().min(CAPACITY)];
        self.file.write_all_at(&(payload.len() as u64).to_le_bytes(), self.slot + 8).expect("the length");
        self.file.write_all_at(payload, self.slot + 24).expect("the payload");
        let typed = self.reader.latest();
        let shown = comes_back(&self.schema, payload);
        match (typed, shown) {
            (Ok(Some(sample)), Some(shown)) if self.is_plain => same(&sample.value, &shown),
            (Ok(Some(_)), Some(_)) | (Err(ReceiveError::Decode { .. }), None) => {}
            (Ok(Some(_)), None) => {
                let reason = self.schema.decode(payload).expect_err("refused").to_string();
                // If a key occurs twice, a map keeps the last value, and only the schema refuses the payload.
                assert!(reason.contains("is there twice"), "only the schema refuses it: {reason}");
            }
            (Err(error @ ReceiveError::Decode { .. }), Some(shown)) => panic!("only the type refuses {shown}: {error}"),
            (other, _) => panic!("{:?}", other.map(|sample| sample.is_some())),
        }
    }
}

/// Compares a value with its JSON. serde_json prints `null` for numbers that JSON cannot represent.
fn same(value: &impl Serialize, shown: &Value) {
    let printed = serde_json::to_string(value).expect("any value can be printed");
    if let Ok(printed) = serde_json::from_str::<Value>(&printed) {
        assert!(printed == *shown || has_odd_numbers(shown), "{printed} and {shown}");
    }
}

fn has_odd_numbers(shown: &Value) -> bool {
    let text = shown.to_string();
    ["\"NaN\"", "\"Infinity\"", "\"-Infinity\""].iter().any(|number| text.contains(number))
}
