//! Arrays for people and for JSON: their shape, and as many elements as one can look at.

use std::fmt::Write;

use shm_core::ArrayType;

/// How many elements a line and a JSON object have, at most.
const LINE_ELEMENTS: usize = 8;
const JSON_ELEMENTS: usize = 1000;

/// An array on one line: its type and first elements.
pub fn line(array: &ArrayType, value: &[u8]) -> String {
    let (shown, is_all) = elements(array, value, LINE_ELEMENTS);
    let shape = shape(array, value).iter().map(u64::to_string).collect::<Vec<_>>().join("x");
    let more = if is_all { "" } else { ", ..." };
    let title = format!("{} {shape}", &array.dtype()[1..]);
    format!("{}: {}{more}", title.trim_end(), shown.join(", "))
}

/// An array as a JSON object. Its elements are in one list, the last index running fastest; of a large array only the
/// first ones are there, and `truncated` says so.
pub fn json(array: &ArrayType, value: &[u8]) -> String {
    let (shown, is_all) = elements(array, value, JSON_ELEMENTS);
    let shape = shape(array, value).iter().map(u64::to_string).collect::<Vec<_>>().join(",");
    let truncated = if is_all { "" } else { r#","truncated":true"# };
    format!(r#"{{"dtype":"{}","shape":[{shape}],"data":[{}]{truncated}}}"#, array.dtype(), shown.join(","))
}

/// The value's own shape; a value that does not fit has the region's.
fn shape(array: &ArrayType, value: &[u8]) -> Vec<u64> {
    array.shape_of(value.len()).unwrap_or_else(|_| array.shape().to_vec())
}

/// The first elements as JSON, and whether these are all.
fn elements(array: &ArrayType, value: &[u8], most: usize) -> (Vec<String>, bool) {
    let element_bytes = usize::try_from(array.element_bytes()).expect("at most 16");
    let all = value.chunks_exact(element_bytes);
    (
        value.chunks_exact(element_bytes).take(most).map(|bytes| element(array.dtype(), bytes)).collect(),
        all.len() <= most,
    )
}

fn element(dtype: &str, bytes: &[u8]) -> String {
    macro_rules! number {
        ($type:ty) => {
            <$type>::from_le_bytes(bytes.try_into().expect("an element's bytes"))
        };
    }
    match &dtype[1..] {
        "b1" => (bytes[0] != 0).to_string(),
        "i1" => number!(i8).to_string(),
        "i2" => number!(i16).to_string(),
        "i4" => number!(i32).to_string(),
        "i8" => number!(i64).to_string(),
        "u1" => number!(u8).to_string(),
        "u2" => number!(u16).to_string(),
        "u4" => number!(u32).to_string(),
        "u8" => number!(u64).to_string(),
        "f2" => float(half(number!(u16)).to_string()),
        "f4" => float(number!(f32).to_string()),
        "f8" => float(number!(f64).to_string()),
        _ => {
            let (real, imaginary) = bytes.split_at(bytes.len() / 2);
            let part = if bytes.len() == 8 { "<f4" } else { "<f8" };
            let mut pair = String::new();
            let _ = write!(pair, "[{},{}]", element(part, real), element(part, imaginary));
            pair
        }
    }
}

/// JSON has no name for these.
fn float(digits: String) -> String {
    match digits.as_str() {
        "NaN" => "\"NaN\"".to_owned(),
        "inf" => "\"Infinity\"".to_owned(),
        "-inf" => "\"-Infinity\"".to_owned(),
        _ => digits,
    }
}

/// A half-precision float (IEEE 754 binary16): a sign, 5 bits of exponent, 10 of fraction.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023) / 1024.0);
    sign * match exponent {
        0 => fraction * 2.0_f32.powi(-14),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction) * 2.0_f32.powi(exponent - 15),
    }
}

#[test]
fn a_half_is_what_the_standard_says() {
    let check = |bits: u16, expected: f32| assert_eq!(half(bits), expected, "{bits:04x}");
    check(0x3c00, 1.0);
    check(0xc000, -2.0);
    check(0x7bff, 65504.0);
    check(0x0001, 2.0_f32.powi(-24));
    check(0x3555, 0.333_251_95);
    check(0xfc00, f32::NEG_INFINITY);
    assert!(half(0x7e00).is_nan());
}

#[test]
fn elements_of_every_type_are_numbers() {
    let check = |dtype: &str, bytes: &[u8], expected: &str| {
        let array = ArrayType::new(dtype, &[0]).expect("a type");
        assert_eq!(line(&array, bytes), expected);
    };
    check("b1", &[0, 1], "b1 2: false, true");
    check("i2", &[0xff, 0xff], "i2 1: -1");
    check("f4", &1.1_f32.to_le_bytes(), "f4 1: 1.1");
    check("f8", &f64::INFINITY.to_le_bytes(), "f8 1: \"Infinity\"");
    check("c8", &[1.5_f32.to_le_bytes(), 2_f32.to_le_bytes()].concat(), "c8 1: [1.5,2]");
    check("u1", &[7; 9], "u1 9: 7, 7, 7, 7, 7, 7, 7, 7, ...");
    let array = ArrayType::new("u1", &[2, 2]).expect("a type");
    assert_eq!(json(&array, &[1, 2, 3, 4]), r#"{"dtype":"|u1","shape":[2,2],"data":[1,2,3,4]}"#);
    let large = ArrayType::new("u1", &[0]).expect("a type");
    assert!(json(&large, &[0; 1001]).ends_with(r#",0],"truncated":true}"#));
}
