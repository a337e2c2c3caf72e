//! Converts payloads to JSON and back, by the kind and type of their region. `shm-reader --json` prints
//! values in this form, and `shm-writer --records` publishes them again.

pub mod array;
pub mod json;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use shm_core::{ArrayType, Kind, RawReader, RawWriter, Schema};

/// Every kind, to find one by its name.
const KINDS: [Kind; 5] = [Kind::Bytes, Kind::Text, Kind::Json, Kind::Array, Kind::Bincode];

/// The kind and type of a region's values.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueFormat {
    /// The kind.
    pub kind: Kind,
    /// The schema of a Rust type, if the region has one.
    pub schema: Option<Schema>,
    /// The type of the arrays, if the values are arrays.
    pub array: Option<ArrayType>,
}

impl ValueFormat {
    /// Returns the format of the values that a reader receives.
    pub fn of_reader(reader: &RawReader) -> Self {
        Self { kind: reader.kind(), schema: reader.schema().cloned(), array: reader.array().cloned() }
    }

    /// Returns the format of the values that a writer publishes.
    pub fn of_writer(writer: &RawWriter) -> Self {
        Self { kind: writer.kind(), schema: writer.schema().cloned(), array: writer.array().cloned() }
    }

    /// Reports whether a reader receives values of this format.
    pub fn is_of(&self, reader: &RawReader) -> bool {
        (self.kind, self.schema.as_ref(), self.array.as_ref()) == (reader.kind(), reader.schema(), reader.array())
    }

    /// Returns the format of a kind without a type, or with a type that the region does not describe.
    pub fn of_kind(kind: Kind) -> Self {
        Self { kind, schema: None, array: None }
    }

    /// Returns the format of this kind with the type that [`document`](Self::document) returned.
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
            _ if described => Err(format!("values of kind {kind} cannot have a schema")),
            _ => Ok(Self::of_kind(kind)),
        }
    }

    /// Returns the type as JSON, as the region stores it. It is `null` if the region stores none, and
    /// `None` for a kind that has no types.
    pub fn document(&self) -> Option<String> {
        match (&self.schema, &self.array) {
            (Some(schema), _) => Some(schema.as_json().to_owned()),
            (_, Some(array)) => Some(array.to_json()),
            _ if needs_type(self.kind) => Some("null".to_owned()),
            _ => None,
        }
    }

    /// Returns a value as JSON on one line, or `None` for plain bytes, which are printed as base64.
    pub fn json(&self, payload: &[u8]) -> Result<Option<String>, String> {
        match (self.kind, self.complete_schema(), &self.array) {
            (Kind::Text, ..) => str::from_utf8(payload).map(|text| Some(json::string(text))).map_err(invalid_utf8),
            (Kind::Json, ..) => {
                self.kind.check(payload).map_err(|error| error.to_string())?;
                str::from_utf8(payload).map(|text| Some(json::on_one_line(text))).map_err(invalid_utf8)
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

    /// Returns the payload for a value given as JSON.
    pub fn payload(&self, text: &str) -> Result<Vec<u8>, String> {
        match (self.kind, self.complete_schema(), &self.array) {
            (Kind::Text, ..) => parsed::<String>(text).map(String::into_bytes),
            (Kind::Json, ..) => Ok(text.as_bytes().to_vec()),
            (_, Some(schema), _) => schema.encode_json(text).map_err(|error| json::on_that_line(&error.to_string())),
            (_, _, Some(array)) => array::payload(array, text),
            _ => from_base64(&parsed::<String>(text)?),
        }
    }

    /// Reports whether publishing the JSON `text` gives exactly these bytes.
    pub fn is_exact(&self, text: &str, payload: &[u8]) -> bool {
        self.kind == Kind::Text || self.payload(text).is_ok_and(|again| again == payload)
    }

    /// Returns the schema, if it describes how values are encoded.
    fn complete_schema(&self) -> Option<&Schema> {
        self.schema.as_ref().filter(|schema| schema.is_complete())
    }
}

/// Returns the kind with this name.
pub fn kind_named(name: &str) -> Option<Kind> {
    KINDS.into_iter().find(|kind| kind.to_string() == name)
}

/// Reports whether values of this kind also need a type.
pub fn needs_type(kind: Kind) -> bool {
    matches!(kind, Kind::Array | Kind::Bincode)
}

/// Says where text is not UTF-8.
pub fn invalid_utf8(error: std::str::Utf8Error) -> String {
    format!("byte {} is invalid", error.valid_up_to())
}

/// Decodes the base64 that `shm-reader --json` prints.
pub fn from_base64(text: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(text).map_err(|error| format!("it is not base64: {error}"))
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
        check(&json, br#"{"b":1.50,"a":[1e99],"c":2}"#, true);
        let twice = json.json(br#"{"b":1.50,"a":[1e99],"b":2}"#).expect_err("a name twice");
        assert!(twice.contains("'b' is there twice"), "{twice}");
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
