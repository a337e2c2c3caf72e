//! Rust values as JSON: the payloads of a typed region of kind JSON. Any type that serde_json can write and
//! read is possible, including those that bincode cannot decode, such as `#[serde(untagged)]` ones.

use super::nulls;
use crate::types::error::ValueError;
use crate::types::kind::Kind;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Replaces the contents of the buffer with the value as JSON.
pub fn encode<T: Serialize>(value: &T, buffer: &mut Vec<u8>) -> Result<(), ValueError> {
    buffer.clear();
    serde_json::to_writer(&mut *buffer, value).map_err(|error| refused(format!("JSON cannot hold it: {error}")))?;
    // serde_json writes some values as null that it cannot read back from null.
    if buffer.windows(4).any(|part| part == b"null") {
        nulls::check(value).map_err(|error| refused(format!("JSON cannot hold it: {error}")))?;
    }
    Kind::Json.check(buffer)
}

/// Finds out whether readers decode the value that was encoded, by decoding it and comparing the result.
///
/// The order within lists is not compared, because that of a `HashSet` is random, and numbers with a fraction
/// may be rounded by a `#[serde(with)]`.
#[cold]
#[inline(never)]
pub fn prove<T: Serialize + DeserializeOwned>(encoded: &[u8]) -> Result<(), ValueError> {
    let mut decoded = None::<T>;
    decode(encoded, &mut decoded).map_err(|error| {
        refused(format!("readers cannot decode it, because `Serialize` and `Deserialize` of its type differ: {error}"))
    })?;
    let mut again = vec![];
    encode(&decoded.expect("decoded into its place"), &mut again)?;
    let parsed = |bytes| serde_json::from_slice::<Value>(bytes).map_err(ValueError::Json);
    match difference("value", comparable(parsed(encoded)?), comparable(parsed(&again)?)) {
        None => Ok(()),
        Some(path) => Err(refused(format!(
            "{path}: readers decode another value, because `Serialize` and `Deserialize` differ here; is a field \
             skipped, or is there a #[serde(with)] or #[serde(into)]?"
        ))),
    }
}

/// Decodes JSON as a value, and stores it in `place`.
pub fn decode<'b, T: Deserialize<'b>>(bytes: &'b [u8], place: &mut Option<T>) -> Result<(), ValueError> {
    Kind::Json.check(bytes)?;
    *place = Some(serde_json::from_slice(bytes).map_err(|error| refused(error.to_string()))?);
    Ok(())
}

#[cold]
fn refused(reason: String) -> ValueError {
    ValueError::Encoding { reason }
}

/// Removes what may differ between a value and its copy.
fn comparable(value: Value) -> Value {
    match value {
        Value::Array(list) => {
            let mut list: Vec<_> = list.into_iter().map(comparable).collect();
            list.sort_by_cached_key(Value::to_string);
            Value::Array(list)
        }
        Value::Object(object) => {
            let mut members: Vec<_> = object.into_iter().map(|(name, part)| (name, comparable(part))).collect();
            members.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(members.into_iter().collect())
        }
        Value::Number(number) if number.is_f64() => Value::from(0.5),
        other => other,
    }
}

/// Returns the path to the first difference.
fn difference(path: &str, one: Value, other: Value) -> Option<String> {
    match (one, other) {
        (one, other) if one == other => None,
        (Value::Object(one), Value::Object(mut other)) => {
            for (name, part) in one {
                let path = format!("{path}.{name}");
                match other.remove(&name) {
                    Some(same) => {
                        if let Some(found) = difference(&path, part, same) {
                            return Some(found);
                        }
                    }
                    None => return Some(path),
                }
            }
            other.keys().next().map(|name| format!("{path}.{name}"))
        }
        _ => Some(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

    #[track_caller]
    fn proven<T: Serialize + DeserializeOwned>(value: &T, json: &str) {
        let mut buffer = vec![];
        encode(value, &mut buffer).unwrap();
        assert_eq!(str::from_utf8(&buffer).unwrap(), json);
        prove::<T>(&buffer).unwrap();
    }

    #[track_caller]
    fn refused_as<T: Serialize + DeserializeOwned>(value: &T, expected: &str) {
        let mut buffer = vec![];
        let error = encode(value, &mut buffer).and_then(|()| prove::<T>(&buffer)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[derive(Serialize, Deserialize)]
    #[serde(tag = "type")]
    enum Shape {
        Circle { radius: f64 },
        Square { side: u8, label: Option<String> },
    }

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(i64),
        Texts(Vec<String>),
    }

    #[derive(Serialize, Deserialize)]
    struct Flat {
        id: u32,
        #[serde(flatten)]
        rest: HashMap<String, Value>,
    }

    // Reported 21.
    #[test]
    fn types_that_need_a_self_describing_format_are_taken() {
        proven(&Shape::Circle { radius: 0.1 }, r#"{"type":"Circle","radius":0.1}"#);
        proven(&Shape::Square { side: 2, label: None }, r#"{"type":"Square","side":2,"label":null}"#);
        proven(&[Either::Number(-1), Either::Texts(vec!["a".into()])], r#"[-1,["a"]]"#);
        proven(&Flat { id: 1, rest: HashMap::from([("x".into(), Value::from(2))]) }, r#"{"id":1,"x":2}"#);
        proven(&serde_json::json!({"any": [1, "two", null]}), r#"{"any":[1,"two",null]}"#);
        let (numbers, pairs) = (HashSet::from([1, 2, 3, 4, 5]), HashMap::from([("a", 1), ("b", 2)]));
        let mut buffer = vec![];
        encode(&(numbers, pairs), &mut buffer).unwrap();
        for _ in 0..20 {
            prove::<(HashSet<i32>, HashMap<String, i32>)>(&buffer).unwrap();
        }
    }

    #[test]
    fn a_value_that_json_would_change_is_refused() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            refused_as(&number, "JSON cannot hold it: ");
            refused_as(&Some(number), "it has no form for the number");
            refused_as(&HashMap::from([(1, vec![(2, number)])]), "it has no form for the number");
            refused_as(&Shape::Circle { radius: number }, "it has no form for the number");
        }
        refused_as(&f32::NAN, "it has no form for the number");
        proven(&(None::<f64>, "null".to_owned(), ()), r#"[null,"null",null]"#);
        refused_as(&u128::MAX, "the integer 340282366920938463463374607431768211455 has more than 64 bits");
        refused_as(&HashMap::from([((1, 2), 3)]), "JSON cannot hold it: key must be a string");
        refused_as(&vec![Some(Some(1)), Some(None)], "such as Some(None) or Some(()), for None");
        refused_as(&Some(()), "for None");
        proven(&vec![Some(Some(1)), None], "[1,null]");
    }

    #[derive(Serialize, Deserialize)]
    struct Skips {
        kept: u8,
        #[serde(skip_serializing)]
        #[expect(dead_code, reason = "only serde uses it")]
        left_out: Vec<u8>,
    }

    #[derive(Serialize, Deserialize)]
    struct Halves {
        outer: Half,
    }

    #[derive(Serialize, Deserialize)]
    struct Half {
        #[serde(serialize_with = "half")]
        number: u32,
    }

    fn half<S: serde::Serializer>(number: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(number / 2)
    }

    #[test]
    fn a_value_that_does_not_come_back_is_refused() {
        refused_as(&Skips { kept: 1, left_out: vec![] }, "readers cannot decode it");
        refused_as(&Halves { outer: Half { number: 8 } }, "value.outer.number: readers decode another value");
        proven(&Halves { outer: Half { number: 0 } }, r#"{"outer":{"number":0}}"#);
    }

    #[test]
    fn json_that_is_ambiguous_or_of_another_type_is_not_decoded() {
        assert!(matches!(decode::<Value>(br#"{"a":1,"a":2}"#, &mut None), Err(ValueError::AmbiguousJson { .. })));
        assert!(matches!(decode::<Value>(b"\"\xff\"", &mut None), Err(ValueError::Text { .. })));
        assert!(decode::<u8>(b"256", &mut None).unwrap_err().to_string().contains("expected u8 at line 1 column 3"));
        let mut text = None;
        decode(b"\"borrowed\"", &mut text).unwrap();
        assert_eq!(text, Some("borrowed"));
    }
}
