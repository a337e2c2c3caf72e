//! Code that the fuzz targets share: rules for any schema and payload, and a comparison of Rust types
//! with their schemas. A broken rule causes a panic.

mod compared;
mod mutation;

pub use compared::Compared;
pub use mutation::mutate_schema;

use serde_json::Value;
use shm_core::Schema;

/// Checks that both ways of decoding a payload give the same value or the same error, and that encoding
/// the value gives the payload again.
pub fn comes_back(schema: &Schema, payload: &[u8]) -> Option<Value> {
    let mut text = Vec::new();
    let printed = schema.decode_json(payload, &mut text);
    let value = match (schema.decode(payload), printed) {
        (Ok(value), Ok(())) => value,
        (Err(one), Err(other)) => {
            assert_eq!(one, other);
            return None;
        }
        different => panic!("{different:?}"),
    };
    // An enum within an enum takes two levels of JSON, and serde_json reads at most 127 levels.
    match serde_json::from_slice::<Value>(&text) {
        Ok(parsed) => assert_eq!(parsed, value),
        Err(error) => assert!(error.to_string().contains("recursion limit"), "{error}"),
    }
    let encoded = match schema.encode(&value) {
        Ok(encoded) => encoded,
        // The encoding is shorter than the payload, because some of the nulls were options within options.
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

/// Returns whether a text contains `part`.
pub fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
