//! Tests of the vectors in docs/vectors: region images, built byte by byte from docs/FORMAT.md, with
//! the result that a reader must get from each.
//!
//! `SHM_WRITE_VECTORS=1 cargo test -p integration-tests vectors` writes the files. Without the
//! variable, the tests check that the files are up to date and that the library reads the expected
//! values from them.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use shm_core::{Error, Kind, OpenError, Position, RawReader, ReceiveError, Received};

use crate::harness::{Sandbox, workspace};

mod list;
mod rings;
mod schemas;

/// An image, and the result that a reader must get from it.
pub struct Vector {
    pub name: &'static str,
    pub about: &'static str,
    pub image: Vec<u8>,
    pub expected: Value,
}

impl Vector {
    /// Returns the entry in vectors.json.
    fn entry(&self) -> Value {
        let mut entry = json!({"file": format!("{}.region", self.name), "about": self.about});
        let members = entry.as_object_mut().expect("an object");
        members.extend(self.expected.as_object().expect("an object").clone());
        entry
    }
}

/// Returns all vectors.
fn vectors() -> Vec<Vector> {
    [list::vectors(), rings::vectors(), schemas::vectors()].into_iter().flatten().collect()
}

fn directory() -> PathBuf {
    workspace().join("docs/vectors")
}

/// Returns the text of vectors.json: a list with one entry per line.
fn index(vectors: &[Vector]) -> String {
    let entries: Vec<String> = vectors.iter().map(|vector| vector.entry().to_string()).collect();
    format!("[\n{}\n]\n", entries.join(",\n"))
}

/// Returns all vectors. If the environment variable is set, writes their files first, once per process.
fn written() -> &'static [Vector] {
    static WRITTEN: OnceLock<Vec<Vector>> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        let vectors = vectors();
        if std::env::var_os("SHM_WRITE_VECTORS").is_some() {
            images().iter().for_each(|name| fs::remove_file(directory().join(name)).expect("an old vector"));
            for vector in &vectors {
                fs::write(directory().join(format!("{}.region", vector.name)), &vector.image).expect("a vector");
            }
            fs::write(directory().join("vectors.json"), index(&vectors)).expect("the index");
        }
        vectors
    })
}

/// Returns the names of the images in docs/vectors.
fn images() -> BTreeSet<String> {
    let found = fs::read_dir(directory()).expect("docs/vectors");
    let found = found.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"));
    found.filter(|name| name.ends_with(".region")).collect()
}

#[test]
fn the_vectors_are_what_the_format_says() {
    let vectors = written();
    let names: BTreeSet<String> = vectors.iter().map(|vector| format!("{}.region", vector.name)).collect();
    assert_eq!(names.len(), vectors.len(), "each name once");
    assert_eq!(images(), names, "write them again: SHM_WRITE_VECTORS=1 cargo test -p integration-tests vectors");
    for vector in vectors {
        let checked_in = fs::read(directory().join(format!("{}.region", vector.name))).expect("a vector");
        assert!(checked_in == vector.image, "{} is not as it would be written", vector.name);
    }
    assert_eq!(fs::read_to_string(directory().join("vectors.json")).expect("the index"), index(vectors));
    let bytes: usize = vectors.iter().map(|vector| vector.image.len()).sum();
    assert!(bytes < 600_000, "{bytes} bytes");
}

/// The vector that readers refuse only on a disk.
pub const OF_ANOTHER_BOOT: &str = "unclosed-in-another-boot.region";

// Faults 34, 35, 63.
#[test]
fn the_library_reads_from_the_vectors_what_they_say() {
    written();
    let s = Sandbox::on_disk();
    let text = fs::read_to_string(directory().join("vectors.json")).expect("the index");
    let entries: Vec<Value> = serde_json::from_str(&text).expect("a list");
    assert!(entries.len() > 100, "{}", entries.len());
    for entry in &entries {
        let file = entry["file"].as_str().expect("a file");
        if file == OF_ANOTHER_BOOT && !s.is_on_disk() {
            continue;
        }
        fs::copy(directory().join(file), s.shm(file)).expect("a copy");
        let mut expected = entry.clone();
        let members = expected.as_object_mut().expect("an object");
        members.retain(|name, _| !["file", "about"].contains(&name.as_str()));
        assert_eq!(read(&s.name(file)), expected, "{file}: {}", entry["about"]);
        assert_eq!(is_sound(&s.name(file)), says_sound(entry), "{file}: {:?}", shm_core::verify(s.name(file)));
    }
}

// Reported 51.
#[test]
fn the_programs_print_from_the_vectors_what_they_say() {
    written();
    let s = Sandbox::on_disk();
    let text = fs::read_to_string(directory().join("vectors.json")).expect("the index");
    for entry in serde_json::from_str::<Vec<Value>>(&text).expect("a list") {
        let file = entry["file"].as_str().expect("a file");
        if file == OF_ANOTHER_BOOT && !s.is_on_disk() {
            continue;
        }
        fs::copy(directory().join(file), s.shm(file)).expect("a copy");
        let outcome = s.run(&format!("shm-reader {file} --from oldest --json"));
        // A program that does not follow ends at the head. A reader that goes on finds value 3 in its slot.
        let most = if file.starts_with("head-not-stored") { 2 } else { usize::MAX };
        let expected: Vec<&Value> = entry["values"].as_array().into_iter().flatten().take(most).collect();
        let good = expected.iter().filter(|value| value["error"].is_null());
        let printed: Vec<(Value, Value, Value)> =
            outcome.json().iter().filter(|record| record["seq"].is_u64()).map(printed).collect();
        let good: Vec<_> = good.map(|value| printed_of(&entry, value)).collect();
        // The program continues after a damaged value.
        let before = if entry["then"].is_string() { good.len() } else { printed.len() };
        assert_eq!(printed[..before], good, "{file}: {outcome:?}");
        let errors = expected.len() - good.len() + usize::from(entry["then"].is_string());
        match entry["refused"].as_str() {
            None if errors == 0 => assert!([0, 3].contains(&outcome.code()), "{file}: {outcome:?}"),
            None => assert_eq!(outcome.code(), 5, "{file}: {outcome:?}"),
            Some(_) => assert!(outcome.code() > 0 && outcome.stdout.is_empty(), "{file}: {outcome:?}"),
        }
    }
}

/// Returns the number, the length and the value or shape of a printed record.
fn printed(record: &Value) -> (Value, Value, Value) {
    let value = &record["value"];
    let shown = if record["kind"] == "array" { value["shape"].clone() } else { value.clone() };
    (record["seq"].clone(), record["len"].clone(), shown)
}

/// Returns what a record of a value must contain.
fn printed_of(entry: &Value, value: &Value) -> (Value, Value, Value) {
    let hex = value["hex"].as_str().expect("hex");
    let bytes: Vec<u8> =
        (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hex")).collect();
    let plain = value.get("value").cloned().unwrap_or_else(|| STANDARD.encode(&bytes).into());
    let shown = if entry["kind"] == "array" { value["shape"].clone() } else { plain };
    (value["sequence"].clone(), bytes.len().into(), shown)
}

/// Returns the result that the library gets from a region, in the form of an entry of vectors.json.
fn read(name: &str) -> Value {
    let mut reader = match RawReader::options().start(Position::Oldest).open_raw(name) {
        Ok(reader) => reader,
        Err(error) => return json!({"refused": class(error)}),
    };
    let mut seen = json!({"kind": reader.kind().to_string()});
    if let Some(array) = reader.array() {
        seen["schema"] = serde_json::from_str(&array.to_json()).expect("JSON");
    }
    if let Some(schema) = reader.schema() {
        seen["schema"] = serde_json::from_str(schema.as_json()).expect("JSON");
    }
    let mut values = vec![];
    loop {
        match reader.try_recv() {
            Ok(Received::Value(sample)) => values.push(shown(&reader, sample.sequence, &sample.value)),
            Ok(_) => break,
            Err(error) => {
                seen["then"] = class(error).into();
                break;
            }
        }
    }
    seen["values"] = values.into();
    // `latest` means the newest value for a reader that has not received any.
    let mut reader = RawReader::open(name).expect("it was opened");
    seen["latest"] = match reader.latest() {
        Ok(sample) => sample.map(|sample| sample.sequence).into(),
        Err(error) => class(error).into(),
    };
    seen["state"] = shm_core::inspect(name).expect("it was opened").state.to_string().into();
    seen
}

/// Returns whether `verify` finds no problem.
fn is_sound(name: &str) -> bool {
    shm_core::verify(name).is_ok_and(|findings| findings.is_empty())
}

/// Returns whether an entry expects no error.
fn says_sound(entry: &Value) -> bool {
    let is_bad = |value: &Value| value["error"].is_string();
    let errors = [&entry["refused"], &entry["then"], &entry["latest"]];
    !errors.iter().any(|error| error.is_string())
        && !entry["values"].as_array().is_some_and(|list| list.iter().any(is_bad))
}

fn shown_hex(payload: &[u8]) -> String {
    payload.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns a value in the form that vectors.json uses.
fn shown(reader: &RawReader, sequence: u64, payload: &[u8]) -> Value {
    let mut shown = json!({"sequence": sequence, "hex": shown_hex(payload)});
    match (reader.kind(), reader.schema()) {
        (kind, _) if kind.check(payload).is_err() => shown["error"] = "bad value".into(),
        (Kind::Text, _) => shown["value"] = str::from_utf8(payload).expect("text").into(),
        (Kind::Json, _) => shown["value"] = serde_json::from_slice(payload).expect("JSON"),
        (_, Some(schema)) if schema.is_complete() => match schema.decode(payload) {
            Ok(value) => shown["value"] = value,
            Err(_) => shown["error"] = "bad value".into(),
        },
        _ => {}
    }
    if let Some(array) = reader.array() {
        match array.shape_of(payload.len()) {
            Ok(shape) => shown["shape"] = shape.into(),
            Err(_) => shown["error"] = "bad value".into(),
        }
    }
    shown
}

/// Returns the class of an error, in the words of the last column of FORMAT.md, section 21.
fn class(error: impl Into<Error>) -> &'static str {
    match error.into() {
        Error::Open(OpenError::NotARegion { .. }) => "not a region",
        Error::Open(OpenError::Version { .. } | OpenError::Features { .. }) => "unknown format",
        Error::Open(OpenError::UnknownKind { .. }) => "unknown kind",
        Error::Open(OpenError::Damaged { .. })
        | Error::Receive(ReceiveError::Damaged { .. } | ReceiveError::DamagedValue { .. }) => "damaged",
        other => panic!("{other}"),
    }
}
