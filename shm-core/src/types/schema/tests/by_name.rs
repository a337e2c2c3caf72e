//! Values that are decoded as a type other than the one they were written with.

use super::*;
use crate::types::error::ValueError;
use crate::types::payload;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

fn encoded<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = vec![];
    payload::encode(value, &payload::plan::ANYTHING, &mut bytes).unwrap();
    bytes
}

fn decoded<'b, T: Deserialize<'b>>(schema: &Schema, payload: &'b [u8]) -> std::result::Result<T, ValueError> {
    let mut value = None;
    schema.decode_by_name(payload, &mut value)?;
    Ok(value.expect("a value"))
}

/// Encodes as `A`, and decodes as `B`.
#[track_caller]
fn through<A: Serialize + DeserializeOwned, B: DeserializeOwned>(value: &A) -> std::result::Result<B, String> {
    let schema = Schema::of::<A>().unwrap();
    decoded(&schema, &encoded(value)).map_err(|error| error.to_string())
}

#[track_caller]
fn refused<A: Serialize + DeserializeOwned, B: DeserializeOwned>(value: &A, expected: &str) {
    let error = through::<A, B>(value).err().expect("refused");
    assert!(error.contains(expected), "{error}");
}

mod old {
    use super::*;

    #[derive(Clone, Serialize, Deserialize)]
    pub struct Reading {
        pub id: u16,
        pub place: Position,
        pub state: State,
        pub notes: Vec<(String, Option<i8>)>,
        pub gone: HashMap<String, Vec<State>>,
        pub raw: serde_bytes::ByteBuf,
        pub total: i64,
    }

    #[derive(Clone, Serialize, Deserialize)]
    pub struct Position(pub f32, pub f32);

    #[derive(Clone, Serialize, Deserialize)]
    pub enum State {
        Idle,
        Moving { by: f32, since: u32 },
        Failed(u8),
        Pair(u8, i8),
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Reading {
    total: i128,
    #[serde(default)]
    added: Vec<u8>,
    #[serde(alias = "state")]
    condition: State,
    notes: Vec<(String, Option<i64>)>,
    id: Id,
    place: Option<(f64, f64)>,
    raw: Vec<u8>,
    missing: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Id(u32);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Limit(Option<u8>);

#[derive(Debug, Deserialize)]
struct Corner {
    #[expect(dead_code, reason = "only its place matters")]
    x: f64,
    y: f64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum State {
    Unknown,
    Failed(u64),
    Pair((u8, i16)),
    Idle,
    Moving { since: u64, by: f64 },
}

fn reading(state: old::State) -> old::Reading {
    old::Reading {
        id: 7,
        place: old::Position(0.5, -1.25),
        state,
        notes: vec![("a".into(), Some(-3)), (String::new(), None)],
        gone: HashMap::from([("x".into(), vec![old::State::Failed(1), old::State::Idle])]),
        raw: serde_bytes::ByteBuf::from([1, 2, 255]),
        total: -5,
    }
}

// Fault 85.
#[test]
fn parts_are_found_by_their_names() {
    for (state, condition) in [
        (old::State::Idle, State::Idle),
        (old::State::Moving { by: 0.5, since: 9 }, State::Moving { since: 9, by: 0.5 }),
        (old::State::Failed(200), State::Failed(200)),
        (old::State::Pair(1, -2), State::Pair((1, -2))),
    ] {
        let expected = Reading {
            total: -5,
            added: vec![],
            condition,
            notes: vec![("a".into(), Some(-3)), (String::new(), None)],
            id: Id(7),
            place: Some((0.5, -1.25)),
            raw: vec![1, 2, 255],
            missing: None,
        };
        assert_eq!(through::<_, Reading>(&reading(state)).unwrap(), expected);
    }
}

#[test]
fn a_number_must_be_the_same_number() {
    assert_eq!(through::<u64, u8>(&255), Ok(255));
    refused::<u64, u8>(&256, "256 cannot be represented exactly as u8");
    refused::<i8, u128>(&-1, "-1 cannot be represented exactly as u128");
    assert_eq!(through::<u128, i128>(&(u128::MAX >> 1)), Ok(i128::MAX));
    refused::<u128, i128>(&u128::MAX, "as i128");
    assert_eq!(through::<i64, f64>(&-(1 << 53)), Ok(-9_007_199_254_740_992.0));
    refused::<i64, f64>(&((1 << 53) + 1), "9007199254740993 cannot be represented exactly as f64");
    refused::<i64, f64>(&i64::MAX, "as f64");
    refused::<u128, f64>(&u128::MAX, "as f64");
    assert_eq!(through::<u128, f64>(&(1 << 127)), Ok(2_f64.powi(127)));
    assert_eq!(through::<f64, f32>(&0.5), Ok(0.5));
    refused::<f64, f32>(&0.1, "0.1 cannot be represented exactly as f32");
    refused::<f64, f32>(&1e300, "as f32");
    assert!(through::<f64, f32>(&f64::NAN).unwrap().is_nan());
    assert_eq!(through::<f32, f64>(&f32::NEG_INFINITY), Ok(f64::NEG_INFINITY));
    assert_eq!(through::<u8, f32>(&255), Ok(255.0));
    refused::<f64, i32>(&1.0, "the region has the floating-point number 1.0, and this type i32");
    refused::<bool, u8>(&true, "invalid type: boolean `true`, expected u8");
    refused::<u8, bool>(&1, "invalid type: integer `1`, expected a boolean");
}

#[test]
fn options_and_structs_around_one_part_come_and_go() {
    assert_eq!(through::<u8, Option<u8>>(&1), Ok(Some(1)));
    assert_eq!(through::<Option<u8>, Option<u32>>(&None), Ok(None));
    refused::<Option<u8>, u8>(&Some(1), "invalid type: Option value, expected u8");
    assert_eq!(through::<u16, Id>(&3), Ok(Id(3)));
    assert_eq!(through::<Id, u64>(&Id(3)), Ok(3));
    assert_eq!(through::<Option<Id>, Option<u64>>(&Some(Id(3))), Ok(Some(3)));
    assert_eq!(through::<[u8; 3], Vec<u16>>(&[1, 2, 3]), Ok(vec![1, 2, 3]));
    assert_eq!(through::<Vec<u16>, (u8, u8)>(&vec![1, 2]), Ok((1, 2)));
    refused::<Vec<u16>, (u8, u8)>(&vec![1, 2, 3], "it has 3 elements, 1 more than the type asked for");
    refused::<Vec<u16>, (u8, u8)>(&vec![1], "invalid length 1, expected a tuple of size 2");
    let bytes = serde_bytes::ByteBuf::from([1, 2, 3]);
    assert_eq!(through::<_, [u8; 3]>(&bytes), Ok([1, 2, 3]));
    refused::<_, [u8; 2]>(&bytes, "invalid length 3");
    assert_eq!(through::<Limit, Option<Limit>>(&Limit(None)), Ok(Some(Limit(None))));
    assert_eq!(through::<Limit, Limit>(&Limit(Some(1))), Ok(Limit(Some(1))));
    assert_eq!(through::<Option<u8>, Limit>(&Some(1)), Ok(Limit(Some(1))));
    refused::<[f64; 2], Corner>(&[1.0, 2.0], "a value without named fields");
    refused::<BTreeMap<u8, f64>, Corner>(&[(0, 1.0)].into(), "a key that is not a name");
    assert_eq!(through::<_, Corner>(&BTreeMap::from([("x".to_owned(), 1.0), ("y".to_owned(), 2.0)])).unwrap().y, 2.0);
    assert_eq!(through::<char, String>(&'ä'), Ok("ä".to_owned()));
    assert_eq!(through::<(), ()>(&()), Ok(()));
    let map = BTreeMap::from([("x".to_owned(), 1_u8), ("y".to_owned(), 2)]);
    assert_eq!(through::<_, HashMap<String, u64>>(&map).unwrap()["y"], 2);
    assert_eq!(through::<BTreeMap<i64, bool>, BTreeMap<u8, bool>>(&[(3, true)].into()), Ok([(3, true)].into()));
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    id: u64,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Any {
    Number(i64),
    Text(String),
    List(Vec<Any>),
    Named { x: f64 },
}

#[test]
fn a_type_that_asks_for_anything_gets_names_and_maps() {
    #[derive(Serialize, Deserialize)]
    struct Written {
        id: u8,
        x: f64,
        state: old::State,
        none: Option<u8>,
        moved: old::State,
    }
    let moved = old::State::Moving { by: 0.5, since: 9 };
    let value = Written { id: 1, x: 2.0, state: old::State::Idle, none: None, moved };
    let flat: Flat = through(&value).unwrap();
    let json = serde_json::to_string(&flat).unwrap();
    assert_eq!(json, r#"{"id":1,"moved":{"Moving":{"by":0.5,"since":9}},"none":null,"state":"Idle","x":2.0}"#);
    assert_eq!(through::<_, Any>(&value), Ok(Any::Named { x: 2.0 }));
    assert_eq!(through::<Vec<u8>, Any>(&vec![1, 2]), Ok(Any::List(vec![Any::Number(1), Any::Number(2)])));
    assert_eq!(through::<String, Any>(&"a".into()), Ok(Any::Text("a".into())));
}

#[test]
fn errors_name_the_place() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only decoded")]
    struct Narrow {
        notes: Vec<(String, Option<u8>)>,
    }
    refused::<_, Narrow>(&reading(old::State::Idle), "notes.0.1: -3 cannot be represented exactly as u8");
    #[derive(Debug, Deserialize)]
    enum Fewer {
        Idle,
    }
    refused::<_, Fewer>(&old::State::Failed(1), "unknown variant `Failed`, expected `Idle`");
    refused::<_, Fewer>(&1_u8, "invalid type: a value that is not an enum, expected enum Fewer");
    #[derive(Debug, Deserialize)]
    enum NoContents {
        Failed,
    }
    refused::<_, NoContents>(&old::State::Failed(1), "variant Failed has contents in the region");
    assert_eq!(through::<_, String>(&old::State::Idle), Ok("Idle".to_owned()));
}

#[test]
fn wrong_bytes_are_refused() {
    let schema = Schema::of::<(String, old::State)>().unwrap();
    let decode = |bytes: &[u8]| decoded::<(String, State)>(&schema, bytes).map(drop);
    let right = encoded(&("ab", old::State::Failed(1)));
    decode(&right).unwrap();
    for length in 0..right.len() {
        assert!(decode(&right[..length]).is_err(), "{length}");
    }
    assert!(matches!(decode(&[&right[..], &[0]].concat()), Err(ValueError::LeftOver { left_over: 1, .. })));
    let mut wrong = right.clone();
    wrong[8] = 0xff;
    assert!(decode(&wrong).unwrap_err().to_string().contains("a string is not UTF-8"));
    wrong = right;
    wrong[10] = 9;
    assert!(decode(&wrong).unwrap_err().to_string().contains("no variant with number 9"));
    let units = Schema::of::<Vec<()>>().unwrap();
    let error = decoded::<Vec<()>>(&units, &u64::MAX.to_le_bytes()).unwrap_err().to_string();
    assert!(error.contains("more elements than a value of its length can have"), "{error}");
    #[derive(Serialize, Deserialize)]
    struct Deep(Option<Box<Deep>>);
    let deep = Schema::of::<Deep>().unwrap();
    let error = decoded::<Deep>(&deep, &[1; 1000]).err().unwrap().to_string();
    assert!(error.contains("nested more than 128 levels deep"), "{error}");
    let ignored = decoded::<serde::de::IgnoredAny>(&deep, &[1; 1000]).err().unwrap().to_string();
    assert!(ignored.contains("nested more than 128 levels deep"), "{ignored}");
}

#[test]
fn a_long_chain_of_types_takes_no_time() {
    let link = |number: usize| format!(r#""t{number}":{{"NEWTYPESTRUCT":{{"TYPENAME":"t{}"}}}}"#, number + 1);
    let links: Vec<_> = (0..20_000).map(link).collect();
    let types = format!(r#"{},"t20000":{{"NEWTYPESTRUCT":"U8"}}"#, links.join(","));
    let schema = Schema::parse(&format!(r#"{{"type":{{"SEQ":{{"TYPENAME":"t0"}}}},"types":{{{types}}}}}"#)).unwrap();
    let payload = encoded(&vec![1_u8; 100_000]);
    let error = decoded::<Vec<u8>>(&schema, &payload).unwrap_err().to_string();
    assert!(error.contains("nested more than 128 levels deep"), "{error}");
}

#[test]
fn structs_within_structs_do_not_use_up_the_limit() {
    macro_rules! around {
        ($($outer:ident $inner:ty;)*) => {$(
            #[derive(Clone, Serialize, Deserialize)]
            struct $outer {
                part: $inner,
            }
        )*};
    }
    around! { A u8; B A; C B; D C; E D; }
    let value = vec![E { part: D { part: C { part: B { part: A { part: 1 } } } } }; 20_000];
    assert_eq!(through::<_, Vec<E>>(&value).unwrap().len(), 20_000);
}
