//! The rules for JSON values beyond those of JSON itself. Without them, programs would read different
//! values from the same text: some keep the first of two members with one name and some the last, many
//! hold numbers in 64 bits, and all limit how deeply they nest.

use super::error::ValueError;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

mod nulls;
pub mod typed;

/// The deepest nesting of a JSON value. serde_json parses no more.
const MAX_DEPTH: usize = 127;

/// Checks that a text is JSON, and that every program reads the same value from it.
pub fn check(text: &str) -> Result<(), ValueError> {
    let mut parser = serde_json::Deserializer::from_str(text);
    let checked = Checked.deserialize(&mut parser).and_then(|()| parser.end());
    checked.map_err(|error| in_words(text, error))?;
    match long_integer(text) {
        Some(digits) => Err(ambiguous(format!("the integer {digits} has more than 64 bits"))),
        None => Ok(()),
    }
}

fn ambiguous(reason: String) -> ValueError {
    ValueError::AmbiguousJson { reason: reason.into() }
}

/// Refuses text that begins with a byte order mark, which nobody can see in an editor.
pub fn refuse_mark(text: &str) -> serde_json::Result<()> {
    let reason = "it begins with a byte order mark (U+FEFF); leave that out";
    if text.starts_with('\u{feff}') { Err(serde_json::Error::custom(reason)) } else { Ok(()) }
}

#[cold]
fn in_words(text: &str, error: serde_json::Error) -> ValueError {
    if let Err(error) = refuse_mark(text) {
        return ValueError::Json(error);
    }
    if serde_json::from_str::<IgnoredAny>(text).is_err() {
        return ValueError::Json(error);
    }
    let at = format!("line {}, column {}", error.line(), error.column());
    ambiguous(match error.to_string() {
        limit if limit.starts_with("recursion limit") => format!("it nests deeper than {MAX_DEPTH} levels at {at}"),
        range if range.starts_with("number out of range") => {
            format!("the number at {at} is larger than any f64")
        }
        half if half.contains("hex escape") => format!("the string at {at} contains half of a surrogate pair"),
        other => other,
    })
}

/// Returns the first integer that needs more than 64 bits. A parser would round it without a report.
fn long_integer(text: &str) -> Option<&str> {
    let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = end_of_string(bytes, at),
            b'-' | b'0'..=b'9' => {
                let length = bytes[at..].iter().take_while(|byte| is_part(byte)).count();
                let number = &text[at..at + length];
                let is_integer = !number.contains(['.', 'e', 'E']);
                if is_integer && length > 18 && number.parse::<i64>().is_err() && number.parse::<u64>().is_err() {
                    return Some(number);
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    None
}

/// Returns the position after a string that begins at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

/// A part of a document, of which only the names of members are kept.
struct Checked;

impl<'de> DeserializeSeed<'de> for Checked {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

macro_rules! plain {
    ($($method:ident($type:ty))*) => {$(
        fn $method<E>(self, _: $type) -> Result<(), E> {
            Ok(())
        }
    )*};
}

impl<'de> Visitor<'de> for Checked {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    plain! { visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_f64(f64) visit_str(&str) }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let mut names = Vec::new();
        while let Some(name) = object.next_key::<Name<'de>>()? {
            names.push(name);
            object.next_value_seed(Self)?;
        }
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(twice(&pair[0].0)),
            None => Ok(()),
        }
    }
}

/// The error for an object that has two members with one name.
pub fn twice<E: serde::de::Error>(name: &str) -> E {
    E::custom(format_args!("the name '{}' is there twice in one object", name.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error = check(text).unwrap_err();
        assert!(matches!(error, ValueError::AmbiguousJson { .. }), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
    }

    // Reported 6.
    #[test]
    fn a_number_that_readers_would_change_is_refused() {
        let fine = r#"[9223372036854775807, -9223372036854775808, 18446744073709551615, -0, 0.1, 1e308, 5e-324, 1E+3]"#;
        check(fine).unwrap();
        check(r#"{"123456789012345678901234567890": "123456789012345678901234567890 \" \\"}"#).unwrap();
        refused(r#"{"id":123456789012345678901234567890}"#, "the integer 123456789012345678901234567890 has more than");
        refused("18446744073709551616", "64 bits");
        refused("[[-9223372036854775809]]", "64 bits");
        refused(r#"["\\",18446744073709551616]"#, "64 bits");
        for range in ["1e400", "[-1e309]", r#"{"a":1.7976931348623159e309}"#] {
            refused(range, "larger than any f64");
        }
        let digits = "9".repeat(400);
        refused(&digits, "larger than any f64");
    }

    // Reported 7.
    #[test]
    fn a_name_that_is_there_twice_is_refused() {
        check(r#"{"a":{"a":1},"b":[{"a":1},{"a":2}],"A":1}"#).unwrap();
        refused(r#"{"a":1,"a":2}"#, "the name 'a' is there twice in one object");
        refused(r#"[{"b":{"a":1,"x":2,"\u0061":2}}]"#, "the name 'a' is there twice");
        refused(r#"{"":1,"":1}"#, "the name '' is there twice");
    }

    #[test]
    fn half_of_a_surrogate_pair_is_refused() {
        check(r#"["\ud83d\ude00", "\\ud800"]"#).unwrap();
        for text in [r#""\ud800""#, r#"["\udc00"]"#, r#"{"\ud800x":1}"#, r#""\ud800\n""#, r#""\ude00\ud83d""#] {
            refused(text, "contains half of a surrogate pair");
        }
    }

    // Reported 24.
    #[test]
    fn json_nests_as_deep_as_every_reader_goes() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        check(&nested(127)).unwrap();
        serde_json::from_str::<serde_json::Value>(&nested(127)).unwrap();
        refused(&nested(128), "it nests deeper than 127 levels");
        refused(&nested(100_000), "it nests deeper than 127 levels");
        let objects = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        check(&objects(127)).unwrap();
        refused(&objects(128), "it nests deeper than 127 levels");
    }

    #[test]
    fn what_is_not_json_is_called_that() {
        for bad in ["", "{", "[1,]", "nul", "1 2", "\"\u{1}\"", "01", "+1", "NaN"] {
            assert!(matches!(check(bad), Err(ValueError::Json(_))), "{bad}");
        }
        let marked = check("\u{feff}{}").unwrap_err().to_string();
        assert!(marked.starts_with("the value is not JSON: it begins with a byte order mark"), "{marked}");
    }
}
