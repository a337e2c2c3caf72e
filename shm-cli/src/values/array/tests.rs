//! Tests of converting arrays to JSON and back.

use super::*;

/// Checks how the elements `bytes` are printed as text and as JSON, and that the JSON gives the same
/// bytes.
#[track_caller]
fn check(dtype: &str, bytes: &[u8], line_: &str, data: &str, is_exact: bool) {
    let array = ArrayType::new(dtype, &[0]).expect("a type");
    assert_eq!(line(&array, bytes).as_deref(), Ok(line_));
    let json = json(&array, bytes).expect("an array");
    assert!(json.ends_with(&format!("\"data\":[{data}]}}")), "{json}");
    assert_eq!(payload(&array, &json).expect("elements") == bytes, is_exact, "{json}");
}

#[test]
fn elements_of_every_type_are_numbers_and_numbers_are_elements() {
    check("b1", &[0, 1], "b1 2: false, true", "false,true", true);
    check("b1", &[2], "b1 1: true", "true", false);
    check("i1", &[0x80], "i1 1: -128", "-128", true);
    check("i2", &[0xff, 0xff], "i2 1: -1", "-1", true);
    check("i4", &i32::MIN.to_le_bytes(), "i4 1: -2147483648", "-2147483648", true);
    check("i8", &i64::MIN.to_le_bytes(), "i8 1: -9223372036854775808", "-9223372036854775808", true);
    check("u2", &[1, 2], "u2 1: 513", "513", true);
    check("u4", &[0xff; 4], "u4 1: 4294967295", "4294967295", true);
    check("u8", &[0xff; 8], "u8 1: 18446744073709551615", "18446744073709551615", true);
    check("f2", &[0x55, 0x35], "f2 1: 0.33325195", "0.33325195", true);
    check("f4", &1.1_f32.to_le_bytes(), "f4 1: 1.1", "1.1", true);
    check("f4", &(-0.0_f32).to_le_bytes(), "f4 1: -0.0", "-0.0", true);
    check("f8", &f64::INFINITY.to_le_bytes(), "f8 1: \"Infinity\"", "\"Infinity\"", true);
    check("f8", &f64::NAN.to_le_bytes(), "f8 1: \"NaN\"", "\"NaN\"", true);
    check("f8", &(-f64::NAN).to_le_bytes(), "f8 1: \"NaN\"", "\"NaN\"", false);
    check("c8", &[1.5_f32.to_le_bytes(), 2_f32.to_le_bytes()].concat(), "c8 1: [1.5,2.0]", "[1.5,2.0]", true);
    check("c16", &[0; 16], "c16 1: [0.0,0.0]", "[0.0,0.0]", true);
    check("u1", &[7; 9], "u1 9: 7, 7, 7, 7, 7, 7, 7, 7, ...", "7,7,7,7,7,7,7,7,7", true);
    check("u1", &[], "u1 0: ", "", true);
}

#[test]
fn the_largest_and_smallest_floats_are_exact() {
    for number in [f64::MAX, f64::MIN_POSITIVE, f64::from_bits(1), 0.1, 1.0 / 3.0, 9_007_199_254_740_993.0] {
        let array = ArrayType::new("f8", &[0]).expect("a type");
        let text = json(&array, &number.to_le_bytes()).expect("an array");
        assert_eq!(payload(&array, &text), Ok(number.to_le_bytes().to_vec()), "{text}");
    }
}

#[test]
fn json_has_all_elements_and_a_line_the_first_ones() {
    let array = ArrayType::new("u1", &[2, 2]).expect("a type");
    assert_eq!(json(&array, &[1, 2, 3, 4]).as_deref(), Ok(r#"{"dtype":"|u1","shape":[2,2],"data":[1,2,3,4]}"#));
    let large = ArrayType::new("u1", &[0]).expect("a type");
    assert_eq!(json(&large, &[0; 5000]).expect("an array").matches('0').count(), 5000 + 3);
}

#[test]
fn a_payload_that_is_no_such_array_is_refused() {
    let array = ArrayType::new("u2", &[2]).expect("a type");
    assert!(line(&array, &[1, 2, 3]).is_err() && json(&array, &[1, 2, 3]).is_err());
}

#[test]
fn json_that_is_no_such_array_is_refused() {
    let array = ArrayType::new("u1", &[0, 2]).expect("a type");
    assert_eq!(payload(&array, r#"{"data":[1,2]}"#), Ok(vec![1, 2]));
    for (text, words) in [
        ("[1,2]", "expected"),
        (r#"{"data":[1]}"#, "multiple of 2"),
        (r#"{"data":[256,0]}"#, "256 is out of the range of type |u1"),
        (r#"{"data":[1.5,0]}"#, "1.5 is not of type |u1"),
        (r#"{"data":["NaN",0]}"#, "not of type |u1"),
        (r#"{"data":[true,0]}"#, "an element of type |u1"),
        (r#"{"data":[[1,2],0]}"#, "an element of type |u1"),
        (r#"{"dtype":"<u2","data":[1,2]}"#, "<u2, not |u1"),
        (r#"{"shape":[2,2],"data":[1,2]}"#, "shape"),
        (r#"{"data":[1,2],"truncated":true}"#, "truncated"),
    ] {
        let reason = payload(&array, text).expect_err(text);
        assert!(reason.contains(words), "{text}: {reason}");
    }
}

// Reported 27.
#[test]
#[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
fn numbers_are_printed_as_those_of_typed_values() {
    let typed = |format: &str, bytes: &[u8]| {
        let schema = format!(r#"{{"type":"{format}","types":{{}}}}"#);
        let mut text = Vec::new();
        shm_core::Schema::parse(&schema).and_then(|schema| schema.decode_json(bytes, &mut text)).expect("a number");
        String::from_utf8(text).expect("text")
    };
    let bits = (0..2000_u64).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let doubles = [0.0, -0.0, 1.0, 1e300, 1e16, 1e-7, f64::MAX, f64::NAN, f64::NEG_INFINITY].map(f64::to_bits);
    for bits in bits.chain(doubles) {
        let bytes = bits.to_le_bytes();
        assert_eq!(element("<f8", &bytes), typed("F64", &bytes));
        let single = f64::from_bits(bits) as f32;
        for bytes in [single.to_le_bytes(), (bits as u32).to_le_bytes()] {
            assert_eq!(element("<f4", &bytes), typed("F32", &bytes));
        }
    }
    assert_eq!(element("<f8", &1e300_f64.to_le_bytes()).len(), "1e+300".len());
    assert_eq!(element("<f2", &[0, 0x3c]), "1.0");
}
