//! Typed regions of JSON, for types that bincode cannot decode.

use crate::error::{OpenError, PublishError, ReceiveError};
use crate::tests::test_region::TestRegion;
use crate::types::kind::Kind;
use crate::{Position, RawWriter, Reader, ReaderOptions, WriterOptions};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Setting {
    Number(f64),
    Text(String),
    List(Vec<Setting>),
}

fn options() -> WriterOptions {
    let mut options = WriterOptions::new();
    options.json(true);
    options
}

fn reader(test_region: &TestRegion) -> Reader<Setting> {
    ReaderOptions::new().json(true).start(Position::Oldest).open(&test_region.name).unwrap()
}

// Reported 21.
#[test]
fn an_untagged_type_travels_as_json() {
    let test_region = TestRegion::new();
    #[cfg(feature = "schema")]
    {
        let refused = WriterOptions::new().open::<Setting>(&test_region.name).unwrap_err();
        assert!(matches!(refused, OpenError::Schema(_)), "{refused}");
    }
    let mut writer = options().open::<Setting>(&test_region.name).unwrap();
    let list = || Setting::List(vec![Setting::Number(0.1), Setting::Text("a".into())]);
    writer.publish(&list()).unwrap();
    let mut reader = reader(&test_region);
    assert_eq!(reader.recv().unwrap().unwrap().value, list());
    assert_eq!(reader.kind(), Kind::Json);
    writer.publish(&Setting::Text("x".repeat(5000))).unwrap();
    assert_eq!(reader.recv().unwrap().unwrap().value, Setting::Text("x".repeat(5000)), "after growing");
    let mut view = reader.view().unwrap().unwrap();
    assert_eq!(view.decode::<&str>().unwrap().len(), 5000);
}

#[test]
fn a_value_that_json_cannot_hold_is_refused_each_time() {
    let test_region = TestRegion::new();
    let mut writer = options().open::<Setting>(&test_region.name).unwrap();
    for count in 1..=9 {
        for _ in 0..3 {
            let error = writer.publish(&Setting::Number(f64::NAN)).unwrap_err();
            assert!(matches!(error, PublishError::BadValue { .. }), "{error}");
        }
        assert_eq!(writer.publish(&Setting::Number(1.0)).unwrap(), count);
    }
    let mut reader = reader(&test_region);
    for _ in 0..9 {
        assert_eq!(reader.recv().unwrap().unwrap().value, Setting::Number(1.0));
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Lossy {
    #[serde(skip_serializing_if = "Option::is_none", default = "seven")]
    number: Option<u8>,
}

fn seven() -> Option<u8> {
    Some(7)
}

// Once a value has not come back, each later one is compared.
#[test]
fn a_value_that_does_not_come_back_is_refused_each_time() {
    let test_region = TestRegion::new();
    let mut writer = options().open::<Lossy>(&test_region.name).unwrap();
    writer.publish(&Lossy { number: Some(1) }).unwrap();
    for _ in 0..3 {
        let error = writer.publish(&Lossy { number: None }).unwrap_err().to_string();
        assert!(error.contains("value.number: readers decode another value"), "{error}");
    }
    writer.publish(&Lossy { number: Some(2) }).unwrap();
    writer.publish(&Lossy { number: Some(3) }).unwrap();
    assert!(writer.publish(&Lossy { number: None }).is_err());
}

#[test]
fn a_value_of_another_writer_that_is_not_of_the_type_is_an_error_of_that_value() {
    let test_region = TestRegion::new();
    let mut writer = RawWriter::open(&test_region.name, Kind::Json).unwrap();
    for text in ["1.5", "null", "{\"a\":1,\"a\":1}", "\"two\""] {
        let _ = writer.publish(text.as_bytes());
    }
    let mut reader = reader(&test_region);
    assert_eq!(reader.recv().unwrap().unwrap().value, Setting::Number(1.5));
    let error = reader.recv().unwrap_err();
    assert!(matches!(error, ReceiveError::Decode { sequence: 2, .. }), "{error}");
    assert_eq!(reader.recv().unwrap().unwrap().value, Setting::Text("two".into()));
}

#[test]
fn json_applies_to_regions_of_json_only() {
    let test_region = TestRegion::new();
    let writer = test_region.writer(Kind::Text);
    let refused = ReaderOptions::new().json(true).open::<Setting>(&test_region.name).unwrap_err();
    assert!(matches!(refused, OpenError::Kind { found: Kind::Text, expected: Kind::Json, .. }), "{refused}");
    drop(writer);
    let refused = options().open::<Setting>(&test_region.name).unwrap_err();
    assert!(matches!(refused, OpenError::Kind { found: Kind::Text, expected: Kind::Json, .. }), "{refused}");
    let name = &test_region.name;
    let mut reading = ReaderOptions::new();
    reading.json(true);
    for refused in [
        options().open_raw(name).err(),
        options().open_array::<f32>(name, &[2]).err(),
        options().kind(Kind::Json).open::<Setting>(name).err(),
        reading.open_raw(name).err(),
        reading.open_array::<f32>(name).err(),
    ] {
        let refused = refused.expect("an option that does not apply");
        assert!(matches!(refused, OpenError::BadOption { .. }), "{refused}");
    }
}
