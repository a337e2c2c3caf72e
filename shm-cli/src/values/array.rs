//! Prints arrays as text and JSON, and parses them from JSON.

use std::borrow::Cow;
use std::fmt::{self, Write};

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;
use shm_core::ArrayType;

use super::json;

mod half;

/// The maximum number of elements on a line.
const LINE_ELEMENTS: usize = 8;

/// Returns an array on one line, for people: its type, shape and first elements.
pub fn line(array: &ArrayType, payload: &[u8]) -> Result<String, String> {
    let shape = array.shape_of(payload.len()).map_err(|error| error.to_string())?;
    let lengths = shape.iter().map(u64::to_string).collect::<Vec<_>>().join("x");
    let elements: Vec<_> =
        chunks(array, payload).take(LINE_ELEMENTS).map(|bytes| element(array.dtype(), bytes)).collect();
    let more = if chunks(array, payload).len() > LINE_ELEMENTS { ", ..." } else { "" };
    let title = format!("{} {lengths}", &array.dtype()[1..]);
    Ok(format!("{}: {}{more}", title.trim_end(), elements.join(", ")))
}

/// Returns an array as a JSON object. Its elements are in one list, in which the last index varies
/// fastest.
pub fn json(array: &ArrayType, payload: &[u8]) -> Result<String, String> {
    let shape = array.shape_of(payload.len()).map_err(|error| error.to_string())?;
    let lengths = shape.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
    let mut json = format!(r#"{{"dtype":"{}","shape":[{lengths}],"data":["#, array.dtype());
    for (number, bytes) in chunks(array, payload).enumerate() {
        if number > 0 {
            json.push(',');
        }
        json.push_str(&element(array.dtype(), bytes));
    }
    json.push_str("]}");
    Ok(json)
}

fn chunks<'a>(array: &ArrayType, payload: &'a [u8]) -> std::slice::ChunksExact<'a, u8> {
    payload.chunks_exact(usize::try_from(array.element_bytes()).expect("at most 16"))
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
        "f2" => float32(half::to_f32(number!(u16))),
        "f4" => float32(number!(f32)),
        "f8" => float64(number!(f64)),
        _ => {
            let (real, imaginary) = bytes.split_at(bytes.len() / 2);
            let part = part_of(dtype);
            let mut pair = String::new();
            let _ = write!(pair, "[{},{}]", element(part, real), element(part, imaginary));
            pair
        }
    }
}

/// A number as typed values have it: the shortest that is read back as the same `f32`.
fn float32(number: f32) -> String {
    let digits = serde_json::to_string(&number).ok();
    let shortest = digits.and_then(|digits| digits.parse::<f64>().ok()).unwrap_or_else(|| number.into());
    #[expect(clippy::cast_possible_truncation, reason = "this tests whether the number is exact")]
    let is_exact = shortest as f32 == number;
    float64(if is_exact { shortest } else { number.into() })
}

/// A number as typed values have it. JSON has no number for some.
fn float64(number: f64) -> String {
    match number {
        number if number.is_nan() => "\"NaN\"".to_owned(),
        f64::INFINITY => "\"Infinity\"".to_owned(),
        f64::NEG_INFINITY => "\"-Infinity\"".to_owned(),
        number => serde_json::Value::from(number).to_string(),
    }
}

/// Returns the type of the two parts of a complex number.
fn part_of(dtype: &str) -> &'static str {
    if dtype == "<c8" { "<f4" } else { "<f8" }
}

/// An array as [`json`] writes it. Type and shape are optional.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Object<'a> {
    #[serde(borrow, default)]
    dtype: Option<Cow<'a, str>>,
    #[serde(default)]
    shape: Option<Vec<u64>>,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// Returns the payload for an array given as a JSON object.
pub fn payload(array: &ArrayType, text: &str) -> Result<Vec<u8>, String> {
    let object: Object<'_> = serde_json::from_str(text).map_err(|error| json::without_line(&error))?;
    if let Some(dtype) = object.dtype.filter(|dtype| dtype != array.dtype()) {
        return Err(format!("its elements have type {}, not {}", dtype.escape_debug(), array.dtype()));
    }
    let mut bytes = Vec::new();
    let data = &mut serde_json::Deserializer::from_str(object.data.get());
    Elements { dtype: array.dtype(), bytes: &mut bytes }
        .deserialize(data)
        .map_err(|error| json::without_line(&error))?;
    let shape = array.shape_of(bytes.len()).map_err(|error| error.to_string())?;
    match object.shape.filter(|given| *given != shape) {
        Some(given) => Err(format!("its shape is {given:?}, but its data has shape {shape:?}")),
        None => Ok(bytes),
    }
}

/// Appends a list of elements to the bytes.
struct Elements<'a> {
    dtype: &'static str,
    bytes: &'a mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for Elements<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Element { dtype: self.dtype, bytes: self.bytes })?.is_some() {}
        Ok(())
    }
}

/// Appends one element.
struct Element<'a> {
    dtype: &'static str,
    bytes: &'a mut Vec<u8>,
}

impl Element<'_> {
    fn integer<E: de::Error>(self, number: i128) -> Result<(), E> {
        macro_rules! put {
            ($type:ty) => {
                match <$type>::try_from(number) {
                    Ok(number) => self.bytes.extend(number.to_le_bytes()),
                    Err(_) => return Err(E::custom(format!("{number} is out of the range of type {}", self.dtype))),
                }
            };
        }
        match &self.dtype[1..] {
            "i1" => put!(i8),
            "i2" => put!(i16),
            "i4" => put!(i32),
            "i8" => put!(i64),
            "u1" => put!(u8),
            "u2" => put!(u16),
            "u4" => put!(u32),
            "u8" => put!(u64),
            #[expect(clippy::cast_precision_loss, reason = "the element is a float")]
            _ => return self.float(number as f64),
        }
        Ok(())
    }

    fn float<E: de::Error>(self, number: f64) -> Result<(), E> {
        #[expect(clippy::cast_possible_truncation, reason = "the nearest f32 is stored")]
        match &self.dtype[1..] {
            "f2" => self.bytes.extend(half::from_f64(number).to_le_bytes()),
            "f4" => self.bytes.extend((number as f32).to_le_bytes()),
            "f8" => self.bytes.extend(number.to_le_bytes()),
            _ => return Err(E::custom(format!("{number} is not of type {}", self.dtype))),
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an element of type {}", self.dtype)
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<(), E> {
        match self.dtype {
            "|b1" => self.bytes.push(flag.into()),
            _ => return Err(E::invalid_type(de::Unexpected::Bool(flag), &self)),
        }
        Ok(())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<(), E> {
        self.integer(number.into())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<(), E> {
        self.integer(number.into())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<(), E> {
        self.float(number)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        match text {
            "NaN" => self.float(f64::NAN),
            "Infinity" => self.float(f64::INFINITY),
            "-Infinity" => self.float(f64::NEG_INFINITY),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> Result<(), A::Error> {
        if !self.dtype.starts_with("<c") {
            return Err(de::Error::invalid_type(de::Unexpected::Seq, &self));
        }
        for number in 0..2 {
            let part = Element { dtype: part_of(self.dtype), bytes: self.bytes };
            pair.next_element_seed(part)?.ok_or_else(|| de::Error::invalid_length(number, &"two parts"))?;
        }
        match pair.next_element::<de::IgnoredAny>()? {
            Some(_) => Err(de::Error::invalid_length(3, &"two parts")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
