//! Reads an image with the library, in every way there is, and compares that with what vectors.json says.

use std::time::UNIX_EPOCH;

use serde_json::{Value, json};
use shm_core::{ArrayReader, ArrayType, Element, Error, Position, RawReader, Sample, Schema, ValueReader};

use super::directory;
use super::image::hex;

/// Reads the image of an entry of vectors.json.
pub fn check(entry: &Value) {
    let name = entry["name"].as_str().expect("a name");
    let path = directory().join(format!("{name}.region"));
    let path = path.to_str().expect("UTF-8");
    match entry["refused"].as_str() {
        Some(class) => refused(path, class),
        None => {
            described(path, entry);
            values(path, entry);
            latest(path, entry);
            shown(path, entry);
            found(path, entry);
        }
    }
}

/// What docs/FORMAT.md calls an error.
fn class(error: &Error) -> &'static str {
    match error {
        Error::NotARegion { .. } => "not a region",
        Error::Version { .. } | Error::Features { .. } => "unknown format",
        Error::UnknownKind { .. } => "unknown kind",
        Error::Damaged { .. } => "damaged",
        other => panic!("{other}"),
    }
}

fn refused(path: &str, expected: &str) {
    let error = RawReader::open(path).expect_err(path);
    assert_eq!(class(&error), expected, "{path}: {error}");
    if expected != "unknown kind" {
        assert_eq!(class(&shm_core::inspect(path).expect_err(path)), expected, "{path}");
        assert_eq!(class(&shm_core::verify(path).expect_err(path)), expected, "{path}");
    }
}

fn described(path: &str, entry: &Value) {
    let info = shm_core::inspect(path).expect(path);
    let state = if let shm_core::State::Unknown(_) = info.state { "?".to_owned() } else { info.state.to_string() };
    let told = json!({
        "kind": info.kind.expect("a kind").to_string(), "state": state, "slots": info.slots, "capacity": info.capacity,
        "first": info.first, "head": info.head, "checksums": info.compatible & 1 == 1,
    });
    for (member, value) in told.as_object().expect("an object") {
        assert_eq!(&entry[member], value, "{path}: {member}");
    }
    let json = entry["schema"].as_str();
    match (info.array, info.schema) {
        (Some(array), _) => assert_eq!(Some(array.to_json().as_str()), json, "{path}"),
        (_, Some(schema)) => assert_eq!(Some(Ok(schema)), json.map(Schema::parse), "{path}"),
        (None, None) => assert_eq!(json, None, "{path}"),
    }
    if json.is_some() {
        assert_eq!(entry["fingerprint"], format!("{:016x}", info.fingerprint), "{path}");
    }
}

fn oldest(path: &str) -> RawReader {
    let mut reader = RawReader::open(path).expect(path);
    reader.seek(Position::Oldest);
    reader
}

fn values(path: &str, entry: &Value) {
    let (mut reader, mut payload) = (oldest(path), Vec::new());
    for expected in list(entry) {
        let sample = reader.try_recv_into(&mut payload).expect(path).expect("a value");
        assert_eq!(expected["number"], sample.sequence, "{path}");
        assert_eq!(expected["lost"].as_u64().unwrap_or(0), sample.lost, "{path}: {}", sample.sequence);
        assert_eq!(expected["length"], payload.len(), "{path}: {}", sample.sequence);
        assert_eq!(expected["hex"], hex(&payload), "{path}: {}", sample.sequence);
        let age_ns = sample.time.duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
        let is_noted = expected["time_ns"].as_u64().map(u128::from) == Some(age_ns);
        assert!(is_noted || expected["time_ns"] == 0 && sample.time.elapsed().is_ok(), "{path}: {}", sample.sequence);
        if let Some(text) = expected["text"].as_str() {
            assert_eq!(text.as_bytes(), payload, "{path}");
        }
    }
    match (reader.try_recv_into(&mut payload), &entry["then"]) {
        (Err(error), then) => assert_eq!(then, class(&error), "{path}: {error}"),
        (Ok(None), then) => assert_eq!(then, if reader.is_closed() { "end" } else { "wait" }, "{path}"),
        (Ok(Some(sample)), _) => panic!("{path}: {} comes as well", sample.sequence),
    }
}

fn latest(path: &str, entry: &Value) {
    let latest = match RawReader::open(path).expect(path).latest_into(&mut Vec::new()) {
        Ok(sample) => sample.map_or(Value::Null, |sample| sample.sequence.into()),
        Err(error) => class(&error).into(),
    };
    assert_eq!(latest, entry["latest"], "{path}");
}

/// The values as who does not know their type sees them.
fn shown(path: &str, entry: &Value) {
    let array = shm_core::inspect(path).expect(path).array;
    match (entry["kind"].as_str().expect("a kind"), array.as_ref().map(ArrayType::dtype)) {
        (_, Some("<f4")) => arrays::<f32>(path, entry),
        (_, Some("|u1")) => arrays::<u8>(path, entry),
        (_, Some("<u2")) => arrays::<u16>(path, entry),
        (_, Some("<i8")) => arrays::<i64>(path, entry),
        ("json", _) => typed(path, entry),
        ("bincode", _) if list(entry).iter().any(|value| value.get("json").is_some()) => typed(path, entry),
        _ => assert!(matches!(ValueReader::open(path), Err(Error::Kind { .. })), "{path}"),
    }
}

fn typed(path: &str, entry: &Value) {
    let mut reader = ValueReader::open(path).expect(path);
    reader.seek(Position::Oldest);
    for expected in list(entry) {
        let shown = |sample: Sample<Value>| sample.value.to_string();
        is_shown(
            path,
            expected,
            reader.try_recv().map(|sample| shown(sample.expect(path))),
            &expected["json"].to_string(),
        );
    }
}

fn arrays<T: Element + Into<Value>>(path: &str, entry: &Value) {
    let mut reader = ArrayReader::<T>::open(path).expect(path);
    reader.seek(Position::Oldest);
    for expected in list(entry) {
        let sample = reader.try_recv().map(|sample| sample.expect(path).value);
        let shown = sample.map(|elements| {
            let shape = reader.array().shape_of(size_of_val(&elements[..])).expect("it was read");
            let data: Vec<Value> = elements.into_iter().map(Into::into).collect();
            json!([shape, data]).to_string()
        });
        is_shown(path, expected, shown, &json!([expected["shape"], expected["data"]]).to_string());
    }
}

fn is_shown(path: &str, expected: &Value, shown: Result<String, Error>, wanted: &str) {
    match shown {
        Ok(shown) => assert_eq!(shown, wanted, "{path}"),
        Err(Error::Decode { .. }) => assert_eq!(expected["bad"], true, "{path}: {}", expected["number"]),
        Err(error) => panic!("{path}: {error}"),
    }
}

/// What `verify` makes of it.
fn found(path: &str, entry: &Value) {
    let findings = shm_core::verify(path).expect(path);
    let is_sound = entry["then"] != "damaged" && list(entry).iter().all(|value| value["bad"] != true);
    assert_eq!(findings.is_empty(), is_sound, "{path}: {findings:?}");
}

fn list(entry: &Value) -> &[Value] {
    entry["values"].as_array().expect("a list")
}
