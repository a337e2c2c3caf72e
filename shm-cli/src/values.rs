//! Values as JSON, and JSON as payloads, by the kind and type of their region. `shm-reader --json` prints values in this way,
//! and `shm-writer --records` publishes what it has printed.

pub mod array;
pub mod json;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;
use shm_core::{ArrayType, Kind, RawReader, RawWriter, Schema};

/// Every kind, for finding one by its name.
const KINDS: [Kind; 5] = [Kind::Bytes, Kind::Text, Kind::Json, Kind::Array, Kind::Bincode];

/// What the values of a region are.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueFormat {
    /// Their kind.
    pub kind: Kind,
    /// The schema of their type, of a region that has one.
    pub schema: Option<Schema>,
    /// What arrays they are, if they are arrays.
    pub array: Option<ArrayType>,
}

impl ValueFormat {
    /// What a reader gets.
    pub fn of_reader(reader: &RawReader) -> Self {
        Self { kind: reader.kind(), schema: reader.schema().cloned(), array: reader.array().cloned() }
    }

    /// What a writer takes.
    pub fn of_writer(writer: &RawWriter) -> Self {
        Self { kind: writer.kind(), schema: writer.schema().cloned(), array: writer.array().cloned() }
    }

    /// Whether a reader gets values of this format.
    pub fn is_of(&self, reader: &RawReader) -> bool {
        (self.kind, self.schema.as_ref(), self.array.as_ref()) == (reader.kind(), reader.schema(), reader.array())
    }

    /// Values of a kind that needs no type, or of a type that the region does not describe.
    pub fn of_kind(kind: Kind) -> Self {
        Self { kind, schema: None, array: None }
    }

    /// The format that a kind and [`document`](Self::document) stand for.
    pub fn from_document(kind: Kind, document: &str) -> Result<Self, String> {
        let described = document.trim() != "null";
        match kind {
            Kind::Bincode if described => {
                let schema = Schema::parse(document).map_err(|error| error.to_string())?;
                Ok(Self { kind, schema: Some(schema), array: None })
            }
            Kind::Array => {
                let array = ArrayType::from_json(document.as_bytes()).map_err(|error| error.to_string())?;
                Ok(Self { kind, schema: None, array: Some(array) })
            }
            _ if described => Err(format!("values of kind {kind} have no schema")),
            _ => Ok(Self::of_kind(kind)),
        }
    }

    /// The type in JSON, as the region has it: `null` if it has none, and nothing for a kind that has no types.
    pub fn document(&self) -> Option<String> {
        match (&self.schema, &self.array) {
            (Some(schema), _) => Some(schema.as_json().to_owned()),
            (_, Some(array)) => Some(array.to_json()),
            _ if needs_type(self.kind) => Some("null".to_owned()),
            _ => None,
        }
    }

    /// A value as JSON on one line; nothing for bytes, whose JSON is base64.
    pub fn json(&self, payload: &[u8]) -> Result<Option<String>, String> {
        match (self.kind, self.complete_schema(), &self.array) {
            (Kind::Text, ..) => {
                str::from_utf8(payload).map(|text| Some(json::string(text))).map_err(|error| error.to_string())
            }
            (Kind::Json, ..) => {
                let checked = serde_json::from_slice::<&RawValue>(payload).map_err(|error| error.to_string())?;
                Ok(Some(json::on_one_line(checked.get())))
            }
            (_, Some(schema), _) => {
                let mut text = Vec::new();
                schema.decode_json(payload, &mut text).map_err(|error| error.to_string())?;
                String::from_utf8(text).map(Some).map_err(|error| error.to_string())
            }
            (_, _, Some(array)) => array::json(array, payload).map(Some),
            _ => Ok(None),
        }
    }

    /// The payload that JSON stands for.
    pub fn payload(&self, text: &str) -> Result<Vec<u8>, String> {
        match (self.kind, self.complete_schema(), &self.array) {
            (Kind::Text, ..) => parsed::<String>(text).map(String::into_bytes),
            (Kind::Json, ..) => Ok(text.as_bytes().to_vec()),
            (_, Some(schema), _) => schema.encode_json(text).map_err(|error| json::on_that_line(&error.to_string())),
            (_, _, Some(array)) => array::payload(array, text),
            _ => from_base64(&parsed::<String>(text)?),
        }
    }

    /// Whether a value is published as the same bytes when it is given as `text`.
    pub fn is_exact(&self, text: &str, payload: &[u8]) -> bool {
        self.kind == Kind::Text || self.payload(text).is_ok_and(|again| again == payload)
    }

    /// The schema, if it says how values are encoded.
    fn complete_schema(&self) -> Option<&Schema> {
        self.schema.as_ref().filter(|schema| schema.is_complete())
    }
}

/// The kind of this name.
pub fn kind_named(name: &str) -> Option<Kind> {
    KINDS.into_iter().find(|kind| kind.to_string() == name)
}

/// Whether a kind alone does not say what the values are.
pub fn needs_type(kind: Kind) -> bool {
    matches!(kind, Kind::Array | Kind::Bincode)
}

/// Bytes from the base64 that `shm-reader --json` prints.
pub fn from_base64(text: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(text).map_err(|error| format!("not base64: {error}"))
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| json::without_line(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_and_a_kind_are_the_format_again() {
        let schema = Schema::parse(r#"{"type":{"OPTION":"F64"},"types":{}}"#).expect("a schema");
        let array = ArrayType::new("f4", &[0, 2]).expect("an array");
        for format in [
            ValueFormat { schema: Some(schema), ..ValueFormat::of_kind(Kind::Bincode) },
            ValueFormat { schema: Schema::named("a::B", 2).ok(), ..ValueFormat::of_kind(Kind::Bincode) },
            ValueFormat { array: Some(array), ..ValueFormat::of_kind(Kind::Array) },
            ValueFormat::of_kind(Kind::Bincode),
        ] {
            let document = format.document().expect("a type");
            assert_eq!(ValueFormat::from_document(format.kind, &document), Ok(format));
        }
        assert_eq!(ValueFormat::of_kind(Kind::Text).document(), None);
        assert!(ValueFormat::from_document(Kind::Text, "{}").is_err());
        assert!(ValueFormat::from_document(Kind::Array, "null").is_err());
        assert_eq!(KINDS.map(|kind| kind_named(&kind.to_string())), KINDS.map(Some));
    }

    #[test]
    fn json_that_is_another_payload_is_not_exact() {
        let check = |format: &ValueFormat, payload: &[u8], expected: bool| {
            let text = format.json(payload).expect("a value").expect("JSON");
            assert_eq!(format.is_exact(&text, payload), expected, "{text}");
        };
        let typed = |root: &str| {
            let document = format!(r#"{{"type":{root},"types":{{}}}}"#);
            ValueFormat::from_document(Kind::Bincode, &document).expect("a schema")
        };
        let json = ValueFormat::of_kind(Kind::Json);
        check(&json, br#"{"b":1.50,"a":[1e999],"b":2}"#, true);
        check(&json, br#"{"b": 1}"#, false);
        check(&json, b"1\n", false);
        check(&ValueFormat::of_kind(Kind::Text), "a\u{1b}\u{2028}\"".as_bytes(), true);
        check(&typed("\"F64\""), &0.1_f64.to_le_bytes(), true);
        check(&typed("\"F64\""), &f64::NAN.to_le_bytes(), true);
        check(&typed("\"F64\""), &f64::from_bits(f64::NAN.to_bits() | 1).to_le_bytes(), false);
        let nested = typed(r#"{"OPTION":{"OPTION":"U8"}}"#);
        check(&nested, &[1, 1, 7], true);
        check(&nested, &[1, 0], false);
        check(&nested, &[0], true);
    }
}
