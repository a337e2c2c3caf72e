//! Tests that the encoder writes what bincode writes, with and without a plan.

use super::*;
use crate::types::payload::plan::ANYTHING;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Part {
    Unit,
    New(Vec<Part>),
    Pair(i8, Option<String>),
    Fields { letter: char, flags: [bool; 3] },
    Empty {},
    None(),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Metres(f32);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Two(i128, u128);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    integers: (i8, i16, i32, i64, u8, u16, u32, u64),
    wide: Two,
    floats: (f64, Metres),
    text: String,
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
    empty: (Unit, (), [u8; 0]),
    one: (u8,),
    maybe: Option<Option<Box<Part>>>,
    list: Vec<Part>,
    numbers: Vec<u64>,
    by_text: BTreeMap<String, Metres>,
    by_pair: BTreeMap<(u8, bool), Vec<()>>,
    std: (Duration, IpAddr),
    outcome: Result<u8, String>,
    nested: Option<Box<Everything>>,
}

fn part() -> impl Strategy<Value = Part> {
    let leaf = prop_oneof![
        Just(Part::Unit),
        Just(Part::Empty {}),
        Just(Part::None()),
        any::<(i8, Option<String>)>().prop_map(|(number, text)| Part::Pair(number, text)),
        any::<(char, [bool; 3])>().prop_map(|(letter, flags)| Part::Fields { letter, flags }),
    ];
    leaf.prop_recursive(3, 10, 3, |inner| vec(inner, 0..3).prop_map(Part::New))
}

fn everything() -> impl Strategy<Value = Everything> {
    let plain = (any::<(i8, i16, i32, i64, u8, u16, u32, u64)>(), any::<(i128, u128)>(), any::<(f64, f32)>());
    let lists = (any::<String>(), any::<Vec<u8>>(), vec(part(), 0..3), any::<Vec<u64>>());
    let options = (proptest::option::of(proptest::option::of(part())), any::<Result<u8, String>>());
    let maps = (
        btree_map(any::<String>(), any::<f32>().prop_map(Metres), 0..3),
        btree_map(any::<(u8, bool)>(), vec(Just(()), 0..3), 0..3),
    );
    let std = any::<(Duration, [u8; 4])>();
    let leaf = (plain, lists, options, maps, std).prop_map(|(plain, lists, options, maps, std)| Everything {
        integers: plain.0,
        wide: Two(plain.1.0, plain.1.1),
        floats: (plain.2.0, Metres(plain.2.1)),
        text: lists.0,
        bytes: lists.1,
        empty: (Unit, (), []),
        one: (std.1[0],),
        maybe: options.0.map(|inner| inner.map(Box::new)),
        list: lists.2,
        numbers: lists.3,
        by_text: maps.0,
        by_pair: maps.1,
        std: (std.0, IpAddr::from(std.1)),
        outcome: options.1,
        nested: None,
    });
    leaf.prop_recursive(2, 2, 1, |inner| {
        (inner.clone(), inner).prop_map(|(outer, inner)| Everything { nested: Some(Box::new(inner)), ..outer })
    })
}

fn by_bincode<T: Serialize>(value: &T) -> Vec<u8> {
    bincode::serde::encode_to_vec(value, bincode::config::legacy()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 5 } else { 300 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_encoding_is_that_of_bincode_byte_for_byte(value in everything()) {
        let mut bytes = vec![];
        encode(&value, &ANYTHING, &mut bytes).unwrap();
        prop_assert_eq!(&bytes, &by_bincode(&value));
        #[cfg(feature = "schema")]
        {
            let plan = crate::Schema::of::<Everything>().unwrap().plan().unwrap();
            bytes.clear();
            encode(&value, &plan, &mut bytes).unwrap();
            prop_assert_eq!(&bytes, &by_bincode(&value));
        }
        prop_assert_eq!(digest(&value).unwrap(), digest(&value.clone()).unwrap());
    }
}

/// Announces another number of elements than it writes.
struct Lying(Option<usize>, usize);

impl Serialize for Lying {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut elements = serializer.serialize_seq(self.0)?;
        (0..self.1).try_for_each(|_| elements.serialize_element(&1_u8))?;
        elements.end()
    }
}

// Reported 1.
#[test]
fn an_announced_length_is_kept_or_the_value_refused() {
    let check = |value: Lying, expected: &str| {
        let failed = encode(&value, &ANYTHING, &mut vec![]).unwrap_err();
        assert!(failed.is_final());
        assert_eq!(failed.to_string(), expected);
    };
    check(Lying(Some(3), 2), "`Serialize` announces 3 elements and writes 2");
    check(Lying(Some(2), 3), "`Serialize` announces 2 elements and writes more");
}

/// A map that does not announce its length.
struct Unannounced(Vec<(u8, Lying)>);

impl Serialize for Unannounced {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut entries = serializer.serialize_map(None)?;
        self.0.iter().try_for_each(|(key, value)| entries.serialize_entry(key, value))?;
        entries.end()
    }
}

#[test]
fn a_length_that_is_not_announced_is_counted() {
    let known = [(7_u8, vec![1_u8, 1, 1]), (8, vec![]), (9, vec![1; 300])];
    let unknown = Unannounced(known.iter().map(|(key, list)| (*key, Lying(None, list.len()))).collect());
    let mut bytes = vec![];
    encode(&unknown, &ANYTHING, &mut bytes).unwrap();
    assert_eq!(bytes, by_bincode(&BTreeMap::from(known.clone())));
    assert_eq!(digest(&unknown).unwrap(), digest(&BTreeMap::from(known)).unwrap());
}

#[test]
fn a_digest_ignores_order_and_rounding_and_nothing_else() {
    let same = |one: &dyn Fn() -> Vec<u8>, other: Vec<u8>| one() == other;
    assert!(same(
        &|| digest(&[vec![1_u8, 2], vec![3]].to_vec()).unwrap(),
        digest(&vec![vec![3_u8], vec![2, 1]]).unwrap()
    ));
    assert_eq!(digest(&0.1_f64).unwrap(), digest(&(0.3_f64 - 0.2)).unwrap());
    assert_ne!(digest(&0.1_f64).unwrap(), digest(&0.100_000_01_f64).unwrap());
    assert_ne!(digest(&(1_u8, 2_u8)).unwrap(), digest(&(2_u8, 1_u8)).unwrap());
    assert_ne!(digest(&vec![(1_u8, 2_u8)]).unwrap(), digest(&vec![(2_u8, 1_u8)]).unwrap());
    assert_eq!(path_at(&(1_u8, vec![1_u16, 2]), 19, &ANYTHING), "1.1");
}
