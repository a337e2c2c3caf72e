//! Tests that opening discards nothing: it refuses a region of another kind or type, which keeps its
//! values, unless the option `replace` is set.

use super::test_region::{KIND_AT, TestRegion};
use crate::{
    ArrayReader, ArrayType, Error, Info, Kind, OpenError, Position, RawReader, Reader, Result, WriterOptions, inspect,
};

/// A way to open a region for writing: its name, and a function that opens the region with these
/// options.
type Way = (&'static str, fn(&WriterOptions, &str) -> Result<u64>);

/// Every kind and, for kinds with types, some types that differ in a single detail. Each function
/// publishes a value.
const WAYS: &[Way] = &[
    ("bytes", |options, name| raw(options, name, Kind::Bytes, b"bytes")),
    ("text", |options, name| raw(options, name, Kind::Text, b"text")),
    ("json", |options, name| raw(options, name, Kind::Json, b"[1]")),
    #[cfg(feature = "schema")]
    ("u32", |options, name| typed(options, name, &7_u32)),
    #[cfg(feature = "schema")]
    ("i32", |options, name| typed(options, name, &-7_i32)),
    #[cfg(feature = "schema")]
    ("(u32, f64)", |options, name| typed(options, name, &(7_u32, 0.5_f64))),
    ("<u2 [2,3]", |options, name| array::<u16>(options, name, &[2, 3], 6)),
    ("<u2 [3,2]", |options, name| array::<u16>(options, name, &[3, 2], 6)),
    ("<i2 [2,3]", |options, name| array::<i16>(options, name, &[2, 3], 6)),
    ("<f4 [0]", |options, name| array::<f32>(options, name, &[0], 5)),
];

/// Publishes a value, and returns how many values opening has discarded.
fn raw(options: &WriterOptions, name: &str, kind: Kind, value: &[u8]) -> Result<u64> {
    let mut writer = options.clone().kind(kind).open_raw(name)?;
    writer.publish(value)?;
    Ok(writer.discarded())
}

#[cfg(feature = "schema")]
fn typed<T: serde::Serialize + serde::de::DeserializeOwned>(
    options: &WriterOptions,
    name: &str,
    value: &T,
) -> Result<u64> {
    let mut writer = options.open::<T>(name)?;
    writer.publish(value)?;
    Ok(writer.discarded())
}

fn array<T: crate::Element + Default>(options: &WriterOptions, name: &str, shape: &[u64], count: usize) -> Result<u64> {
    let mut writer = options.open_array::<T>(name, shape)?;
    writer.publish(&vec![T::default(); count])?;
    Ok(writer.discarded())
}

/// Everything in a region that must not change when a writer is refused.
fn contents(name: &str) -> (Info, Vec<Vec<u8>>) {
    let mut reader = RawReader::options().start(Position::Oldest).open_raw(name).unwrap();
    let values = std::iter::from_fn(|| reader.try_recv().unwrap().value()).map(|sample| sample.value).collect();
    (inspect(name).unwrap(), values)
}

fn comparable(info: &Info) -> String {
    format!("{info:?}")
}

// Fault 64.
#[test]
fn each_kind_and_type_is_refused_by_every_other_and_keeps_its_values() {
    for (found, make) in WAYS {
        for (wanted, open) in WAYS {
            let test_region = TestRegion::new();
            let name = &test_region.name;
            for _ in 0..3 {
                assert_eq!(make(&WriterOptions::new(), name).unwrap(), 0);
            }
            let (info, values) = contents(name);
            let opened = open(&WriterOptions::new(), name);
            if found == wanted {
                assert_eq!((opened.unwrap(), inspect(name).unwrap().head), (0, 4), "{found}");
                continue;
            }
            let error = opened.expect_err(&format!("{wanted} opens {found}"));
            let is_kind = info.kind == inspect_kind(wanted);
            match &error {
                Error::Open(OpenError::Type { difference, .. }) => {
                    assert!(is_kind && !difference.is_empty(), "{error}")
                }
                Error::Open(OpenError::Kind { found: kind, .. }) => assert!(!is_kind && Some(*kind) == info.kind),
                other => panic!("{wanted} on {found}: {other}"),
            }
            let (info_now, values_now) = contents(name);
            assert_eq!(comparable(&info_now), comparable(&info), "{wanted} on {found}");
            assert_eq!(values_now, values, "{wanted} on {found}");
        }
    }
}

/// The kind of region that this way creates.
fn inspect_kind(way: &str) -> Option<Kind> {
    let test_region = TestRegion::new();
    let (_, make) = WAYS.iter().find(|(name, _)| *name == way).unwrap();
    make(&WriterOptions::new(), &test_region.name).unwrap();
    inspect(&test_region.name).unwrap().kind
}

// Fault 64.
#[test]
fn each_kind_and_type_replaces_every_other_on_request() {
    for (found, make) in WAYS {
        for (wanted, open) in WAYS.iter().filter(|(wanted, _)| wanted != found) {
            let test_region = TestRegion::new();
            let name = &test_region.name;
            for _ in 0..3 {
                make(&WriterOptions::new(), name).unwrap();
            }
            let before = inspect(name).unwrap();
            let mut attached = test_region.reader(Position::At(1));
            let discarded = open(WriterOptions::new().replace(true), name).unwrap();
            assert_eq!(discarded, 3, "{wanted} on {found}");
            let after = inspect(name).unwrap();
            assert_eq!((after.head, after.first, after.lineage), (4, 4, before.lineage), "{wanted} on {found}");
            // An attached reader still receives the values that it had not read. A reader that opens the region
            // later learns how many values are missing.
            let rows = |reader: &mut RawReader| -> Vec<(u64, u64)> {
                let samples = std::iter::from_fn(|| reader.try_recv().unwrap().value());
                samples.map(|sample| (sample.sequence, sample.lost)).collect()
            };
            assert_eq!(rows(&mut attached), [(1, 0), (2, 0), (3, 0), (4, 0)], "{wanted} on {found}");
            assert_eq!(rows(&mut test_region.reader(Position::At(1))), [(4, 3)], "{wanted} on {found}");
        }
    }
}

#[test]
fn an_unknown_kind_is_reported_as_such_and_replaced_only_on_request() {
    let test_region = TestRegion::new();
    let name = &test_region.name;
    raw(&WriterOptions::new(), name, Kind::Text, b"text").unwrap();
    test_region.poke_header(KIND_AT, &77_u32.to_le_bytes());
    let refused = raw(&WriterOptions::new(), name, Kind::Text, b"text").unwrap_err();
    assert!(matches!(refused, Error::Open(OpenError::UnknownKind { code: 77, .. })), "{refused}");
    assert_eq!(raw(WriterOptions::new().replace(true), name, Kind::Text, b"text").unwrap(), 1);
}

#[test]
fn readers_of_another_kind_or_type_are_refused() {
    let test_region = TestRegion::new();
    let name = &test_region.name;
    array::<u16>(&WriterOptions::new(), name, &[2, 3], 6).unwrap();
    assert!(matches!(Reader::<u32>::open(name), Err(OpenError::Kind { .. })));
    assert!(matches!(ArrayReader::<i16>::open(name), Err(OpenError::Type { .. })));
    let other_shape = ArrayType::new("<u2", &[3, 2]).unwrap();
    let mut options = crate::ReaderOptions::new();
    assert!(matches!(options.array(other_shape).open_array::<u16>(name), Err(OpenError::Type { .. })));
}

#[cfg(feature = "schema")]
#[test]
fn a_region_that_does_not_say_how_values_are_encoded_is_not_opened_for_json() {
    use crate::{JsonReader, JsonWriter, Schema};
    let undescribed = TestRegion::new();
    raw(&WriterOptions::new(), &undescribed.name, Kind::Bytes, b"bytes").unwrap();
    let named = TestRegion::new();
    let only_named = || Schema::named("Reading", 1).unwrap();
    drop(WriterOptions::new().schema(only_named()).open_raw(&named.name).unwrap());
    for name in [&undescribed.name, &named.name] {
        assert!(matches!(JsonReader::open(name), Err(OpenError::Undescribed { region }) if region == *name));
        assert!(matches!(JsonWriter::open(name), Err(OpenError::Undescribed { region }) if region == *name));
    }
    let refused = WriterOptions::new().schema(only_named()).open_json(&named.name);
    assert!(matches!(refused, Err(OpenError::BadOption { option: "schema", .. })));
}

#[test]
fn an_option_that_does_not_apply_is_refused_and_nothing_is_created() {
    let test_region = TestRegion::new();
    let name = &test_region.name;
    let array = || ArrayType::new("<u2", &[2]).unwrap();
    let refused = |result: Result<(), OpenError>| match result {
        Err(OpenError::BadOption { option, reason, .. }) => {
            assert!(reason.contains("does not apply") || reason.contains("has elements of type"), "{reason}");
            assert!(reason.contains(&format!("`{option}`")), "{option}: {reason}");
        }
        other => panic!("{other:?}"),
    };
    refused(WriterOptions::new().kind(Kind::Text).array(array()).open_raw(name).map(drop));
    refused(WriterOptions::new().array(array()).kind(Kind::Text).open_raw(name).map(drop));
    refused(WriterOptions::new().kind(Kind::Bincode).open::<u32>(name).map(drop));
    refused(WriterOptions::new().array(array()).open::<u32>(name).map(drop));
    refused(WriterOptions::new().kind(Kind::Array).open_array::<u16>(name, &[2]).map(drop));
    refused(WriterOptions::new().array(array()).open_array::<u16>(name, &[2]).map(drop));
    let reader = crate::ReaderOptions::new;
    refused(reader().array(array()).open::<u32>(name).map(drop));
    refused(reader().array(array()).open_raw(name).map(drop));
    refused(reader().array(array()).open_array::<u32>(name).map(drop));
    #[cfg(feature = "schema")]
    {
        let schema = || crate::Schema::of::<u32>().unwrap();
        refused(WriterOptions::new().schema(schema()).kind(Kind::Json).open_raw(name).map(drop));
        refused(WriterOptions::new().schema(schema()).open_array::<u16>(name, &[2]).map(drop));
        refused(WriterOptions::new().kind(Kind::Json).open_json(name).map(drop));
        refused(reader().schema(schema()).open_array::<u16>(name).map(drop));
        refused(reader().schema(schema()).open_raw(name).map(drop));
        refused(reader().schema(schema()).open_json(name).map(drop));
    }
    assert_eq!(test_region.files(), [""; 0]);
}

#[cfg(not(feature = "schema"))]
mod without_schema {
    use super::*;
    use crate::Writer;

    #[test]
    fn a_region_that_describes_its_type_is_neither_decoded_nor_taken_over() {
        let test_region = TestRegion::new();
        let name = &test_region.name;
        // A region created by a program that was built with the feature.
        let vector = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/vectors/typed.region");
        std::fs::copy(vector, name).unwrap();
        let before = std::fs::read(name).unwrap();
        assert!(matches!(Reader::<u32>::open(name), Err(OpenError::Type { .. })));
        assert!(matches!(Writer::<u32>::open(name), Err(OpenError::Type { .. })));
        assert_eq!(std::fs::read(name).unwrap(), before);
        let writer = WriterOptions::new().replace(true).open::<u32>(name).unwrap();
        assert_eq!(writer.discarded(), 1);
    }

    #[test]
    fn a_region_that_describes_nothing_is_read_and_written() {
        let test_region = TestRegion::new();
        let mut writer = Writer::<u32>::open(&test_region.name).unwrap();
        writer.publish(&7).unwrap();
        assert_eq!(Reader::<u32>::open(&test_region.name).unwrap().latest().unwrap().unwrap().value, 7);
    }
}
