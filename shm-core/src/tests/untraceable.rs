//! Tests of types that cannot be described: those that have no encoding are refused, and for the others the
//! advice of the error works.

use super::test_region::TestRegion;
use crate::{OpenError, RawReader, Reader, ReaderOptions, Schema, Writer, WriterOptions};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::slice;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u8),
    Text(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Number { number: u8 },
    Nothing,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "content")]
enum Adjacent {
    Number(u8),
    Nothing,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Flattened {
    #[serde(flatten)]
    rest: BTreeMap<String, u8>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Within<T> {
    number: u8,
    inner: T,
}

/// Checks that the type is refused, with and without a schema, and that its values can be published as JSON.
#[track_caller]
fn has_no_encoding<T: Debug + PartialEq + Serialize + DeserializeOwned>(values: &[T]) {
    let test_region = TestRegion::new();
    let name = &test_region.name;
    let refused = |result: Result<(), OpenError>| match result {
        Err(OpenError::Schema(error)) => {
            let text = error.to_string();
            assert!(text.contains("self-describing format") && text.contains("the option `json`"), "{text}");
            assert!(!text.contains("from_samples") && !text.contains("Schema::named"), "{text}");
        }
        other => panic!("{other:?}"),
    };
    refused(Writer::<T>::open(name).map(drop));
    let schemas = [Schema::named("Type", 1), Schema::of::<u8>()].into_iter().chain([Schema::from_samples(values)]);
    for schema in schemas.flatten() {
        refused(WriterOptions::new().schema(schema.clone()).open::<T>(name).map(drop));
        assert!(matches!(RawReader::open(name), Err(OpenError::NotFound { .. })), "a region was created");
        drop(WriterOptions::new().schema(schema.clone()).open_raw(name).unwrap());
        refused(ReaderOptions::new().schema(schema).open::<T>(name).map(drop));
        crate::remove(name, false).unwrap();
    }
    let mut writer = WriterOptions::new().json(true).open::<T>(name).unwrap();
    let mut reader = ReaderOptions::new().json(true).open::<T>(name).unwrap();
    for value in values {
        writer.publish(value).unwrap();
        assert_eq!(reader.latest().unwrap().unwrap().value, *value);
    }
}

#[test]
fn a_type_without_an_encoding_is_refused_at_open_and_is_published_as_json() {
    let untagged = [Untagged::Number(7), Untagged::Text("seven".to_owned())];
    has_no_encoding(&untagged);
    has_no_encoding(&untagged.map(|inner| Within { number: 1, inner }));
    has_no_encoding(&[Tagged::Number { number: 7 }, Tagged::Nothing]);
    has_no_encoding(&[Adjacent::Number(7), Adjacent::Nothing]);
    let flattened = [Flattened { rest: BTreeMap::new() }, Flattened { rest: BTreeMap::from([("a".to_owned(), 1)]) }];
    has_no_encoding(&flattened);
    has_no_encoding(&flattened.map(|inner| (1_u8, inner)));
    has_no_encoding(&[serde_json::json!({"a": [1, null]}), serde_json::json!(7)]);
}

#[test]
fn a_type_of_which_some_values_have_no_encoding_needs_a_schema_and_those_values_are_refused() {
    type Part = Within<Option<Flattened>>;
    let test_region = TestRegion::new();
    assert!(Writer::<Part>::open(&test_region.name).is_err());
    let good = Part { number: 1, inner: None };
    let bad = Part { number: 1, inner: Some(Flattened { rest: BTreeMap::from([("a".to_owned(), 1)]) }) };
    let described = Schema::from_samples(slice::from_ref(&bad)).unwrap();
    for schema in [described, Schema::named("Part", 1).unwrap()] {
        let mut writer = WriterOptions::new().schema(schema.clone()).replace(true).open(&test_region.name).unwrap();
        let mut reader = ReaderOptions::new().schema(schema).open::<Part>(&test_region.name).unwrap();
        for _ in 0..5 {
            writer.publish(&good).unwrap();
            assert_eq!(reader.latest().unwrap().unwrap().value, good);
            writer.publish(&bad).unwrap_err();
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Alias {
    #[serde(alias = "also")]
    name: u8,
    other: Vec<VariantAlias>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum VariantAlias {
    #[serde(alias = "Rot")]
    Red,
    Green(u8),
}

#[test]
fn following_the_advice_for_another_type_works() {
    let value = Alias { name: 1, other: vec![VariantAlias::Red, VariantAlias::Green(2)] };
    let error = Schema::of::<Alias>().unwrap_err().to_string();
    assert!(error.contains("Schema::from_samples or Schema::named"), "{error}");
    for schema in [Schema::from_samples(slice::from_ref(&value)).unwrap(), Schema::named("Alias", 1).unwrap()] {
        let test_region = TestRegion::new();
        let mut writer = WriterOptions::new().schema(schema.clone()).open(&test_region.name).unwrap();
        let mut reader: Reader<Alias> = ReaderOptions::new().schema(schema).open(&test_region.name).unwrap();
        for _ in 0..5 {
            writer.publish(&value).unwrap();
            assert_eq!(reader.latest().unwrap().unwrap().value, value);
        }
    }
}
