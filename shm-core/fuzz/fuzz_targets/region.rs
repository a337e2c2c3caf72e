//! Fuzz target for regions: any image of a region, unchanged and with corrected checksums, is read in
//! every way and then written to.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use shm_core::{ArrayReader, Element, JsonReader, Position, RawReader, RawWriter, Reader, ReaderOptions, Received};
use std::cell::LazyCell;
use std::fs;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use testkit::image::sealed;

/// More values than a mutated image has. A hostile head can claim 2^62 values.
const VALUES: usize = 20;

thread_local! {
    static DIRECTORY: LazyCell<TempDir> = LazyCell::new(|| tempfile::tempdir().expect("a directory"));
}

fuzz_target!(|data: &[u8]| {
    let path = DIRECTORY.with(|directory| directory.path().join("region"));
    use_image(&path, data);
    use_image(&path, &sealed(data));
});

fn use_image(path: &Path, image: &[u8]) {
    fs::write(path, image).expect("the image");
    let name = path.to_str().expect("a path in UTF-8");
    let _ = shm_core::inspect(name);
    let _ = shm_core::verify(name);
    read_raw(name);
    read_values(name);
    read_arrays::<u8>(name);
    read_arrays::<f64>(name);
    let _ = Reader::<(u8, String)>::open(name).map(|mut reader| reader.latest());
    read_by_name::<serde_json::Value>(name);
    read_by_name::<Other>(name);
    if let Ok(mut writer) = RawWriter::options().open_raw(name) {
        let _ = writer.publish(b"12345678");
        let _ = writer.publish(&[]);
    }
    let _ = RawReader::open(name).map(|mut reader| reader.latest());
    let _ = fs::remove_file(path);
}

fn read_raw(name: &str) {
    let Ok(mut reader) = RawReader::open(name) else { return };
    let mut buffer = Vec::new();
    let _ = reader.latest_into(&mut buffer);
    for start in [Position::Oldest, Position::Latest, Position::New, Position::At(3), Position::Last(2)] {
        reader.seek(start);
        for _ in 0..VALUES {
            if let Ok(Received::Nothing | Received::Ended) = reader.try_recv_into(&mut buffer) {
                break;
            }
        }
    }
    let _ = reader.recv_timeout_into(&mut buffer, Duration::ZERO);
    assert!(buffer.capacity() < 1 << 20);
}

fn read_values(name: &str) {
    let Ok(mut reader) = JsonReader::open(name) else { return };
    let _ = reader.latest();
    reader.seek(Position::Oldest);
    for _ in 0..VALUES {
        if let Ok(Received::Nothing | Received::Ended) = reader.try_recv() {
            break;
        }
    }
}

/// A type that has a part in common with many schemas.
#[expect(dead_code, reason = "only decoded")]
#[derive(Deserialize)]
#[serde(default)]
struct Other {
    room: Option<Box<Other>>,
    celsius: f32,
    position: Vec<i16>,
    state: State,
    #[serde(flatten)]
    rest: std::collections::BTreeMap<String, serde_json::Value>,
}

#[expect(dead_code, reason = "only decoded")]
#[derive(Deserialize)]
enum State {
    Moved {
        by: f64,
    },
    Failed(u64),
    #[serde(other)]
    Other,
}

impl Default for Other {
    fn default() -> Self {
        Self { room: None, celsius: 0.0, position: vec![], state: State::Other, rest: Default::default() }
    }
}

fn read_by_name<T: DeserializeOwned>(name: &str) {
    let Ok(mut reader) = ReaderOptions::new().by_name(true).start(Position::Oldest).open::<T>(name) else { return };
    for _ in 0..VALUES {
        if let Ok(Received::Nothing | Received::Ended) = reader.try_recv() {
            break;
        }
    }
}

fn read_arrays<T: Element>(name: &str) {
    let Ok(mut reader) = ArrayReader::<T>::open(name) else { return };
    if let Ok(Some(sample)) = reader.latest() {
        let shape = reader.array().shape_of(size_of_val(&sample.value[..])).expect("it fits");
        assert_eq!(shape.iter().product::<u64>(), sample.value.len() as u64);
    }
}
