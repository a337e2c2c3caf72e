//! Tests that a writer refuses each value that readers would not decode, or would decode as another one.

use crate::tests::test_region::TestRegion;
use crate::{Kind, PublishError, RawWriter, Reader, Schema, Writer, WriterOptions};
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::slice;

/// Publishes each value several times, in several orders. Those that are refused are refused each time,
/// for this reason; the others arrive as they are.
#[track_caller]
fn check<T: Clone + Debug + PartialEq + Serialize + DeserializeOwned>(values: &[T], bad: &[T], reason: &str) {
    let test_region = TestRegion::new();
    for first in [values, bad] {
        let mut writer = Writer::<T>::open(&test_region.name).unwrap();
        let mut reader = Reader::<T>::open(&test_region.name).unwrap();
        for value in first.iter().chain(bad).chain(values).chain(bad).chain(bad).chain(values).chain(bad) {
            let before = writer.head();
            match writer.publish(value) {
                Ok(_) => {
                    assert!(!bad.contains(value), "published: {value:?}");
                    assert_eq!(reader.latest().unwrap().unwrap().value, *value);
                }
                Err(error) => {
                    assert!(bad.contains(value), "{value:?}: {error}");
                    assert!(matches!(error, PublishError::BadValue { .. }), "{error}");
                    assert!(error.to_string().contains(reason), "{error}");
                    assert_eq!(writer.head(), before);
                }
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Skipped {
    A,
    #[serde(skip)]
    #[allow(dead_code)]
    B,
    C,
    D,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum SkippedInDeserialize {
    A,
    #[serde(skip_deserializing)]
    B(u8),
    C(u8),
    D {
        x: u8,
    },
}

// Reported 1.
#[test]
fn a_variant_that_is_read_as_another_one_is_refused_each_time() {
    check(&[Skipped::A], &[Skipped::C], "C: `Serialize` writes variant 2, 'C'");
    check(&[Skipped::A], &[Skipped::D], "D: `Serialize` writes variant 3, 'D'");
    check(&[Some(vec![Skipped::A])], &[Some(vec![Skipped::A, Skipped::C])], "1.C: `Serialize` writes variant 2");
    use SkippedInDeserialize::{A, B, C, D};
    check(&[A], &[B(7)], "`Serialize` writes variant 1, 'B', and `Deserialize` reads variant 1 as 'C'");
    check(&[A], &[C(7)], "`Serialize` writes variant 2, 'C', and `Deserialize` reads variant 2 as 'D'");
    check(&[A], &[D { x: 1 }], "`Serialize` writes variant 3, 'D', and `Deserialize` knows no variant 3");
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Course {
    #[serde(skip_serializing_if = "Option::is_none")]
    speed: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heading: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct CoursePair(
    #[serde(skip_serializing_if = "Option::is_none")] Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")] Option<u16>,
);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum CourseVariant {
    Course {
        #[serde(skip_serializing_if = "Option::is_none")]
        speed: Option<u8>,
        heading: Option<u16>,
    },
    Pair(#[serde(skip_serializing_if = "Option::is_none")] Option<u8>, Option<u16>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Written {
    #[serde(default, skip_serializing)]
    a: u8,
    b: u8,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct WrittenMore {
    #[serde(skip_deserializing)]
    a: u8,
    b: u8,
}

// Reported 1.
#[test]
fn a_field_that_is_not_written_is_refused_each_time() {
    let whole = Course { speed: Some(1), heading: Some(2) };
    let without = Course { speed: None, heading: Some(0) };
    let reason = "Course.speed: `Serialize` leaves this field out";
    check(slice::from_ref(&whole), &[without, Course::default()], reason);
    check(slice::from_ref(&whole), &[Course { speed: Some(1), heading: None }], "Course.heading: `Serialize` leaves");
    check(&[CoursePair(Some(1), Some(2))], &[CoursePair(None, Some(0)), CoursePair(Some(1), None)], "CoursePair");
    use CourseVariant::{Course as InVariant, Pair};
    let good = [InVariant { speed: Some(1), heading: Some(2) }, Pair(Some(1), None)];
    check(&good, &[InVariant { speed: None, heading: Some(0) }], "CourseVariant.Course.speed");
    check(&good, &[Pair(None, Some(0))], "CourseVariant.Pair");
    check(&[], &[Written { a: 0, b: 7 }], "Written.b: `Serialize` writes this field, and `Deserialize` reads 'a'");
    check(&[], &[WrittenMore { a: 0, b: 7 }], "WrittenMore.a: `Serialize` writes this field");
}

mod swapped {
    use super::*;

    pub fn serialize<S: Serializer>(number: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        number.swap_bytes().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        u32::deserialize(deserializer)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Swapped {
    plain: u32,
    #[serde(with = "swapped")]
    swapped: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "(u8, u8)", into = "(u8, u8)")]
struct Crossed {
    x: u8,
    y: u8,
}

impl From<(u8, u8)> for Crossed {
    fn from((x, y): (u8, u8)) -> Self {
        Self { x, y }
    }
}

impl From<Crossed> for (u8, u8) {
    fn from(crossed: Crossed) -> Self {
        (crossed.y, crossed.x)
    }
}

// Reported 1.
#[test]
fn a_conversion_that_is_read_otherwise_is_refused() {
    check(&[], &[Swapped { plain: 1, swapped: 2 }], "Swapped.swapped: readers decode another value");
    check(&[], &[Crossed { x: 1, y: 2 }], "[u8; 2].0: readers decode another value");
}

/// Writes its fields in another order than it reads them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Reordered {
    x: f64,
    y: f64,
}

impl Serialize for Reordered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut fields = serializer.serialize_struct("Reordered", 2)?;
        fields.serialize_field("y", &self.y)?;
        fields.serialize_field("x", &self.x)?;
        fields.end()
    }
}

// Reported 1.
#[test]
fn fields_in_another_order_are_refused_by_their_names() {
    let same = Reordered { x: 1.0, y: 1.0 };
    check(
        &[same],
        &[Reordered { x: 1.0, y: 2.0 }],
        "Reordered.y: `Serialize` writes this field, and `Deserialize` reads 'x'",
    );
}

/// Pairs that are written and read as a map, and can contain a key twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "K: Serialize + DeserializeOwned")]
struct Pairs<K>(#[serde(with = "pairs")] Vec<(K, u8)>);

mod pairs {
    use super::*;

    pub fn serialize<K: Serialize, S: Serializer>(pairs: &[(K, u8)], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(pairs.iter().map(|(key, value)| (key, value)))
    }

    pub fn deserialize<'de, K: DeserializeOwned, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(K, u8)>, D::Error> {
        struct Map<K>(PhantomData<K>);

        impl<'de, K: DeserializeOwned> Visitor<'de> for Map<K> {
            type Value = Vec<(K, u8)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                std::iter::from_fn(|| map.next_entry().transpose()).collect()
            }
        }

        deserializer.deserialize_map(Map(PhantomData))
    }
}

/// A key with a part that is not written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Half {
    written: u8,
    #[serde(skip)]
    left_out: u8,
}

#[test]
fn a_map_with_a_key_twice_is_refused_each_time() {
    let text = |keys: &[&str]| Pairs(keys.iter().map(|key| ((*key).to_owned(), 1)).collect());
    check(
        &[text(&[]), text(&["b", "a", "c"]), text(&["a", "aa", "b"])],
        &[text(&["a", "a"]), text(&["b", "a", "c", "b"]), text(&["", "x", ""])],
        "twice",
    );
    let numbers = |keys: &[i64]| Pairs(keys.iter().map(|key| (*key, 1)).collect());
    check(&[numbers(&[-1, 0, 1]), numbers(&[256, 255])], &[numbers(&[-1, -1]), numbers(&[3, 1, 256, 1])], "twice");
    let inner = |keys: &[u8]| vec![(0, Pairs(keys.iter().map(|key| (*key, 1)).collect()))];
    check(&[inner(&[1, 2])], &[inner(&[1, 1])], "twice");
    let half = |keys: &[(u8, u8)]| -> BTreeMap<Half, u8> {
        keys.iter().map(|&(written, left_out)| (Half { written, left_out }, 1)).collect()
    };
    check(&[half(&[(1, 0), (2, 0)])], &[half(&[(1, 0), (1, 1)])], "twice");
    // JSON shows these maps as lists of pairs.
    let tuples = |keys: &[(u8, u8)]| Pairs(keys.iter().map(|key| (*key, 1)).collect());
    check(&[tuples(&[(1, 2), (1, 2)]), tuples(&[(1, 2), (0, 3)])], &[], "");
}

/// Lists and maps that are written from an iterator that does not know its length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Filtered {
    #[serde(serialize_with = "even")]
    list: Vec<u8>,
    #[serde(serialize_with = "even_keys")]
    map: BTreeMap<u8, u8>,
}

fn even<S: Serializer>(list: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(list.iter().filter(|number| number.is_multiple_of(2)))
}

fn even_keys<S: Serializer>(map: &BTreeMap<u8, u8>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(map.iter().filter(|(key, _)| key.is_multiple_of(2)))
}

#[test]
fn a_length_that_serialize_does_not_announce_is_counted() {
    let filtered = |list: &[u8]| Filtered { list: list.to_vec(), map: list.iter().map(|key| (*key, 1)).collect() };
    check(&[filtered(&[]), filtered(&[2]), filtered(&[2, 4, 250])], &[], "");
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Node {
    next: Option<Box<Node>>,
}

fn list(nodes: usize) -> Node {
    (1..nodes).fold(Node { next: None }, |next, _| Node { next: Some(Box::new(next)) })
}

// Reported 2.
#[test]
fn a_value_that_no_reader_takes_is_refused_each_time() {
    check(&[vec![(); 4000]], &[vec![(); 5000]], "without bytes");
    check(&[vec![vec![(); 4000]]], &[vec![vec![(); 5000]]], "without bytes");
    check(&[list(60)], &[list(100)], "nests deeper than 128 levels");
    check(&[list(64)], &[list(65), list(5000)], "nests deeper than 128 levels");
    check(&[(0..4000).collect::<Vec<u32>>()], &[], "");
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Renamed {
    #[serde(rename(serialize = "written", deserialize = "read"))]
    a: u8,
    kind: RenamedKind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all(serialize = "UPPERCASE"))]
enum RenamedKind {
    One,
    Two(u8),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Fahrenheit(#[serde(with = "fahrenheit")] f64);

mod fahrenheit {
    use super::*;

    pub fn serialize<S: Serializer>(celsius: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        (celsius * 1.8 + 32.0).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Ok((f64::deserialize(deserializer)? - 32.0) / 1.8)
    }
}

/// Text that is written in pieces of another type than it is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Blob(#[serde(deserialize_with = "serde_bytes::deserialize")] Vec<u8>);

// Reported 1.
#[test]
fn a_difference_that_readers_do_not_notice_is_no_reason() {
    let values = [RenamedKind::One, RenamedKind::Two(7)].map(|kind| Renamed { a: 1, kind });
    check(&values, &[], "");
    check(&[Blob(vec![1, 2, 3]), Blob(vec![])], &[], "");
    check(&[HashMap::from([(1, "a".to_owned()), (2, "b".to_owned()), (3, "c".to_owned())])], &[], "");
    check(&[(0..100).collect::<HashSet<u32>>()], &[], "");
    check(&[(0..100).map(|key| (key, HashSet::from([key]))).collect::<BTreeMap<u32, _>>()], &[], "");
    let test_region = TestRegion::new();
    let mut writer = Writer::<Fahrenheit>::open(&test_region.name).unwrap();
    for celsius in 0..100 {
        writer.publish(&Fahrenheit(f64::from(celsius) / 7.0)).unwrap();
    }
}

// Reported 1.
#[test]
fn without_a_description_each_value_is_decoded() {
    let test_region = TestRegion::new();
    let schema = Schema::named("Course", 1).unwrap();
    let mut writer = WriterOptions::new().schema(schema).open::<Course>(&test_region.name).unwrap();
    for _ in 0..5 {
        writer.publish(&Course { speed: Some(1), heading: Some(2) }).unwrap();
        assert!(writer.publish(&Course { speed: None, heading: Some(0) }).is_err());
    }
    let schema = Schema::named("Skipped", 1).unwrap();
    let test_region = TestRegion::new();
    let mut writer = WriterOptions::new().schema(schema).open::<Skipped>(&test_region.name).unwrap();
    for _ in 0..5 {
        writer.publish(&Skipped::A).unwrap();
        let error = writer.publish(&Skipped::C).unwrap_err().to_string();
        assert!(error.contains("readers decode another value"), "{error}");
    }
}

/// An even number. Others are refused by `Deserialize` only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "u8")]
struct Even(u8);

impl TryFrom<u8> for Even {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        if number.is_multiple_of(2) { Ok(Self(number)) } else { Err(format!("{number} is odd")) }
    }
}

// Reported 30.
#[test]
fn an_error_of_decoding_names_the_field() {
    let test_region = TestRegion::new();
    Writer::<(u16, Vec<Even>)>::open(&test_region.name).unwrap().close().unwrap();
    let mut raw = RawWriter::open(&test_region.name, Kind::Bincode).unwrap();
    raw.publish(&[7, 0, 2, 0, 0, 0, 0, 0, 0, 0, 4, 5]).unwrap();
    let mut reader = Reader::<(u16, Vec<Even>)>::open(&test_region.name).unwrap();
    let error = reader.latest().unwrap_err().to_string();
    assert!(error.contains("(u16, Vec<u8>).1.1: 5 is odd; continue with recv"), "{error}");
    assert!(!error.contains("written with"), "{error}");
}
