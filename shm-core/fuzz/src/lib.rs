//! What the fuzz targets share: what must hold of any schema and any payload, Rust types whose readers are compared with
//! their schemas. Every broken rule is a panic.

mod compared;
mod mutation;

pub use compared::Compared;
pub use mutation::mutate_schema;

use serde_json::Value;
use shm_core::Schema;

/// A payload by a schema is a value or an error, in both ways of decoding; and a value comes back as it was.
pub fn comes_back(schema: &Schema, payload: &[u8]) -> Option<Value> {
    let mut text = Vec::new();
    let told = schema.decode_json(payload, &mut text);
    let value = match (schema.decode(payload), told) {
        (Ok(value), Ok(())) => value,
        (Err(one), Err(other)) => {
            assert_eq!(one, other);
            return None;
        }
        different => panic!("{different:?}"),
    };
    // An enum within an enum is two levels of JSON, and JSON is read up to 127 levels only.
    match serde_json::from_slice::<Value>(&text) {
        Ok(parsed) => assert_eq!(parsed, value),
        Err(error) => assert!(error.to_string().contains("recursion limit"), "{error}"),
    }
    let encoded = match schema.encode(&value) {
        Ok(encoded) => encoded,
        // With fewer bytes than before, because some of the nulls were options within options.
        Err(error) => {
            return error.to_string().contains("than a reader takes").then_some(value).or_else(|| panic!("{error}"));
        }
    };
    if encoded != payload {
        assert!(contains(&text, b"null") || contains(&text, b"\"NaN\""), "{}", text.escape_ascii());
        assert_eq!(schema.decode(&encoded).expect("it was encoded"), value);
    }
    Some(value)
}

/// Whether a text contains another one.
pub fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
