//! Tests of the exact encoding of values, and of the limits on decoding.

use super::*;
use proptest::prelude::*;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(f32),
    Polygon { corners: Vec<(i16, i16)>, name: Option<String> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    flag: bool,
    letter: char,
    big: u128,
    bytes: Vec<u8>,
    shapes: Vec<Shape>,
    named: BTreeMap<String, i64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Nested(Option<Box<Nested>>);

fn decode<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<T, ValueError> {
    let mut value = None;
    super::decode(bytes, &mut value).map(|()| value.unwrap())
}

fn encoded<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = vec![0xee; 3];
    encode(value, &ANYTHING, &mut bytes).unwrap();
    bytes
}

#[test]
fn the_encoding_is_bincode_1_byte_for_byte() {
    let value = (1_u8, -2_i32, "hé", Some(3_u16), None::<u8>, Shape::Circle(1.5));
    let expected: &[u8] = &[
        1, // u8
        0xfe, 0xff, 0xff, 0xff, // i32
        3, 0, 0, 0, 0, 0, 0, 0, b'h', 0xc3, 0xa9, // length in 64 bits, UTF-8
        1, 3, 0, // Some
        0, // None
        1, 0, 0, 0, 0, 0, 0xc0, 0x3f, // variant in 32 bits, f32
    ];
    assert_eq!(encoded(&value), expected);
}

#[test]
fn types_with_a_form_for_people_are_encoded_in_the_other() {
    let address = std::net::Ipv4Addr::new(192, 0, 2, 1);
    assert_eq!(encoded(&address), [192, 0, 2, 1]);
    assert_eq!(decode::<std::net::Ipv4Addr>(&encoded(&address)).unwrap(), address);
}

#[test]
fn an_encoding_may_have_2_gib_less_one_byte() {
    assert!(check_length(0x7fff_ffff).is_ok());
    let refused = check_length(0x8000_0000).unwrap_err().to_string();
    assert_eq!(refused, "the encoded value has 2147483648 bytes, and the limit is 2147483647");
}

// Fault 61.
#[test]
fn bytes_left_over_or_missing_are_refused() {
    let bytes = encoded(&(7_u32, 8_u32));
    assert!(decode::<(u32, u32)>(&bytes).is_ok());
    assert_eq!(decode::<u32>(&bytes).unwrap_err().to_string(), "the value ends after 4 of its 8 bytes");
    for length in 0..bytes.len() {
        assert!(decode::<(u32, u32)>(&bytes[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn what_is_wrong_is_said_in_words() {
    let wrong = |error: ValueError| error.to_string();
    assert_eq!(wrong(decode::<(u32, u32)>(&[0; 7]).unwrap_err()), "the value ends too early");
    assert_eq!(wrong(decode::<bool>(&[7]).unwrap_err()), "a bool in the value is 7, not 0 or 1");
    assert_eq!(wrong(decode::<char>(&[0xff]).unwrap_err()), "a character in the value is not a Unicode character");
    let text = [&1_u64.to_le_bytes()[..], &[0xff]].concat();
    assert_eq!(wrong(decode::<String>(&text).unwrap_err()), "a string in the value is not UTF-8");
    let variant = wrong(decode::<Shape>(&9_u32.to_le_bytes()).unwrap_err());
    assert!(variant.contains("variant"), "{variant}");
    let early = std::time::UNIX_EPOCH - std::time::Duration::from_secs(1);
    let early = wrong(encode(&early, &ANYTHING, &mut Vec::new()).unwrap_err().into());
    assert!(early.contains("UNIX_EPOCH") || early.contains("1970"), "{early}");
    let cell = std::cell::RefCell::new(1_u8);
    let _borrowed = cell.borrow_mut();
    let borrowed = wrong(encode(&cell, &ANYTHING, &mut Vec::new()).unwrap_err().into());
    assert!(!borrowed.contains(['{', '(']), "{borrowed}");
}

// Fault 61.
#[test]
fn three_billion_empty_elements_are_refused() {
    let bytes = 3_000_000_000_u64.to_le_bytes();
    let error = decode::<Vec<()>>(&bytes).unwrap_err().to_string();
    assert!(error.contains("more elements than a value of its length can have"), "{error}");
}

// Fault 61.
#[test]
fn a_claimed_terabyte_is_not_allocated() {
    let mut bytes = (1_u64 << 40).to_le_bytes().to_vec();
    bytes.extend_from_slice(b"hello world");
    assert!(decode::<String>(&bytes).is_err());
    assert!(decode::<Vec<u8>>(&bytes).is_err());
    assert!(decode::<Vec<u64>>(&bytes).is_err());
}

// Fault 61.
#[test]
fn a_deep_value_is_refused_before_it_overflows_the_stack() {
    let error = decode::<Nested>(&[1; 100_000]).unwrap_err().to_string();
    assert!(error.contains("nested more than"), "{error}");
    let shallow = [vec![1; 30], vec![0]].concat();
    assert!(decode::<Nested>(&shallow).is_ok());
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Point),
        (-1e9_f32..1e9).prop_map(Shape::Circle),
        (any::<Vec<(i16, i16)>>(), any::<Option<String>>())
            .prop_map(|(corners, name)| Shape::Polygon { corners, name }),
    ]
}

prop_compose! {
    fn everything()(
        flag: bool, letter: char, big: u128, bytes: Vec<u8>,
        shapes in prop::collection::vec(shape(), 0..5),
        named in prop::collection::btree_map(any::<String>(), any::<i64>(), 0..5),
    ) -> Everything {
        Everything { flag, letter, big, bytes, shapes, named }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 5 } else { 500 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_goes_in_comes_out(value in everything()) {
        prop_assert_eq!(decode::<Everything>(&encoded(&value)).unwrap(), value);
    }

    #[test]
    fn any_bytes_give_a_value_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode::<Everything>(&bytes);
        let _ = decode::<Vec<Shape>>(&bytes);
    }
}
