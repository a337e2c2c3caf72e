//! Compares schemas with serde for random values of a type that uses every format: decoding by the
//! schema gives the same JSON as `serde_json`, and encoding that JSON gives the same bytes.

use super::*;
use crate::types::payload;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    Low,
    High,
}

#[derive(Clone, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
pub enum Kind {
    Unit,
    New(Vec<Kind>),
    Pair(i8, Option<String>),
    Fields { level: Level, flags: [bool; 3] },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metres(f64);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct All {
    integers: (i8, i16, i32, i64, u8, u16, u32, u64),
    f: f64,
    text: String,
    letter: char,
    unit: (),
    one: (u8,),
    maybe: Option<Kind>,
    list: Vec<Kind>,
    by_text: BTreeMap<String, Metres>,
    by_number: BTreeMap<i32, u8>,
    by_flag: BTreeMap<bool, u8>,
    by_letter: BTreeMap<char, u8>,
    by_level: BTreeMap<Level, u8>,
    nested: Option<Box<All>>,
}

fn level() -> impl Strategy<Value = Level> {
    prop_oneof![Just(Level::Low), Just(Level::High)]
}

fn kind() -> impl Strategy<Value = Kind> {
    let leaf = prop_oneof![
        Just(Kind::Unit),
        any::<(i8, Option<String>)>().prop_map(|(number, text)| Kind::Pair(number, text)),
        (level(), any::<[bool; 3]>()).prop_map(|(level, flags)| Kind::Fields { level, flags }),
    ];
    leaf.prop_recursive(3, 10, 3, |inner| vec(inner, 0..3).prop_map(Kind::New))
}

fn all() -> impl Strategy<Value = All> {
    let finite = any::<f64>().prop_filter("JSON has no others", |number| number.is_finite());
    let plain = (any::<(i8, i16, i32, i64, u8, u16, u32, u64)>(), finite, any::<String>(), any::<char>(), any::<u8>());
    let maps = (
        btree_map(any::<String>(), (-1e9..1e9).prop_map(Metres), 0..3),
        any::<BTreeMap<i32, u8>>(),
        any::<BTreeMap<bool, u8>>(),
        any::<BTreeMap<char, u8>>(),
        btree_map(level(), any::<u8>(), 0..3),
    );
    let leaf =
        (plain, proptest::option::of(kind()), vec(kind(), 0..3), maps).prop_map(|(plain, maybe, list, maps)| All {
            integers: plain.0,
            f: plain.1,
            text: plain.2,
            letter: plain.3,
            unit: (),
            one: (plain.4,),
            maybe,
            list,
            by_text: maps.0,
            by_number: maps.1,
            by_flag: maps.2,
            by_letter: maps.3,
            by_level: maps.4,
            nested: None,
        });
    leaf.prop_recursive(2, 2, 1, |inner| {
        (inner.clone(), inner).prop_map(|(outer, inner)| All { nested: Some(Box::new(inner)), ..outer })
    })
}

pub fn encoded<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    payload::encode(value, &payload::plan::ANYTHING, &mut bytes).unwrap();
    bytes
}

proptest! {
    #[test]
    fn a_value_is_decoded_and_encoded_as_serde_does_it(value in all()) {
        let schema = Schema::of::<All>().unwrap();
        let bytes = encoded(&value);
        let mut text = Vec::new();
        schema.decode_json(&bytes, &mut text).unwrap();
        prop_assert_eq!(str::from_utf8(&text).unwrap(), serde_json::to_string(&value).unwrap());
        let json = schema.decode(&bytes).unwrap();
        prop_assert_eq!(&json, &serde_json::to_value(&value).unwrap());
        prop_assert_eq!(schema.encode(&json).unwrap(), &bytes[..]);
        let mut by_name = None::<All>;
        schema.decode_by_name(&bytes, &mut by_name).unwrap();
        prop_assert_eq!(encoded(&by_name.unwrap()), bytes);
    }

    #[test]
    fn no_part_of_a_value_is_a_value(value in all(), cut in any::<proptest::sample::Index>()) {
        let schema = Schema::of::<All>().unwrap();
        let bytes = encoded(&value);
        let (less, more) = (&bytes[..cut.index(bytes.len())], [&bytes[..], &[0]].concat());
        prop_assert!(schema.decode(less).is_err() && schema.decode_by_name::<All>(less, &mut None).is_err());
        prop_assert!(schema.decode(&more).is_err() && schema.decode_by_name::<All>(&more, &mut None).is_err());
    }

    #[test]
    fn an_f32_is_shown_as_short_as_it_can_be(bits in any::<u32>()) {
        let (schema, number) = (Schema::of::<f32>().unwrap(), f32::from_bits(bits));
        let mut text = Vec::new();
        schema.decode_json(&number.to_le_bytes(), &mut text).unwrap();
        let text = str::from_utf8(&text).unwrap();
        if number.is_finite() {
            prop_assert_eq!(text.parse::<f64>(), serde_json::to_string(&number).unwrap().parse::<f64>());
        }
        let back = schema.encode(&serde_json::from_str(text).unwrap()).unwrap();
        prop_assert!(back == number.to_le_bytes() || number.is_nan());
    }

    #[test]
    fn an_f64_comes_back_from_its_text(bits in any::<u64>()) {
        let (schema, number) = (Schema::of::<f64>().unwrap(), f64::from_bits(bits));
        let mut text = Vec::new();
        schema.decode_json(&number.to_le_bytes(), &mut text).unwrap();
        let back = schema.encode(&serde_json::from_slice(&text).unwrap()).unwrap();
        prop_assert!(back == number.to_le_bytes() || number.is_nan());
    }
}

/// Checks that decoding the value's bytes by the schema gives this JSON, and encoding the JSON gives
/// the same bytes.
#[track_caller]
fn check<T: Serialize + DeserializeOwned>(value: &T, expected: Value) {
    let schema = Schema::of::<T>().unwrap();
    let bytes = encoded(value);
    assert_eq!(schema.decode(&bytes).unwrap(), expected);
    assert_eq!(schema.encode(&expected).unwrap(), bytes);
}

#[test]
fn what_serde_json_does_otherwise_is_as_the_format_says() {
    check(&(f64::NAN, f32::INFINITY, f64::NEG_INFINITY), json!(["NaN", "Infinity", "-Infinity"]));
    check(&(1.0 + 1.0 / 256.0_f32), json!(1.0039062));
    check(&(1_u128, u128::MAX, i128::MIN), json!([1, u128::MAX.to_string(), i128::MIN.to_string()]));
    check(&i128::from(u64::MAX), json!(u64::MAX));
    check(&serde_bytes::ByteBuf::from([0xff; 4]), json!("/////w=="));
    check(&BTreeMap::from([((1, 2), 3)]), json!([[[1, 2], 3]]));
    check(&BTreeMap::from([(vec!["a".to_owned()], 1)]), json!([[["a"], 1]]));
    let bytes = Schema::of::<serde_bytes::ByteBuf>().unwrap();
    assert_eq!(bytes.encode(&json!([1, 2])).unwrap(), bytes.encode(&json!("AQI=")).unwrap());
    let big = Schema::of::<u64>().unwrap();
    assert_eq!(big.encode(&json!("18446744073709551615")), big.encode(&json!(u64::MAX)));
}

#[test]
fn a_key_that_is_there_twice_is_refused() {
    let schema = Schema::of::<BTreeMap<u8, u8>>().unwrap();
    let error = schema.decode(&encoded(&[(1_u8, 2_u8), (1, 3)].to_vec())).unwrap_err();
    assert_eq!(error.to_string(), "at byte 12 of the value: the map contains the key '1' twice");
    let schema = Schema::of::<BTreeMap<i8, u8>>().unwrap();
    for other in ["07", "+7", "-0"] {
        let error = schema.encode(&json!({"7": 1, "0": 2, other: 3})).unwrap_err().to_string();
        assert!(
            error.contains(&format!("expected a key that is i8, written with its fewest digits, got \"{other}\"")),
            "{error}"
        );
    }
}

#[test]
fn a_value_nests_as_deep_as_the_type_itself_is_decoded() {
    let deepest = |levels: usize| {
        let nested = (0..levels).fold(Expression::Number(1.0), |inner, _| Expression::Negated(Box::new(inner)));
        let folder =
            (0..levels).fold(Folder::default(), |inner, _| Folder { folders: vec![inner], ..Folder::default() });
        let units = (0..levels).fold(Pile::Last, |inner, _| Pile::More(Box::new(inner)));
        [agree(&nested), agree(&folder), agree(&units)]
    };
    assert_eq!((1..200).rev().find(|levels| deepest(*levels)[0]), Some(126), "the innermost f64 is the 128th format");
    assert_eq!((1..200).rev().find(|levels| deepest(*levels)[1]), Some(63), "a list of folders is two formats");
    assert_eq!((1..200).rev().find(|levels| deepest(*levels)[2]), Some(127));
}

/// Returns whether a value can be decoded. Checks that its type, its schema and encoding agree on that.
#[track_caller]
fn agree<T: Serialize + DeserializeOwned>(value: &T) -> bool {
    let bytes = encoded(value);
    let schema = Schema::of::<T>().unwrap();
    let [typed, decoded] = [payload::decode::<T>(&bytes, &mut None).is_ok(), schema.decode(&bytes).is_ok()];
    assert_eq!(typed, decoded);
    assert_eq!(schema.decode_by_name::<T>(&bytes, &mut None).is_ok(), decoded);
    let json = serde_json::to_value(value).unwrap();
    assert_eq!(schema.encode(&json).is_ok(), decoded);
    decoded
}
