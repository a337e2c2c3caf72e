//! The type of a region's values: its record in the descriptor, and the comparison with the type that a
//! program expects. The types themselves are in `schema` and `array`.

use super::array::ArrayType;
use super::error::{DescriptionError, ValueError};
use super::kind::Kind;
#[cfg(feature = "schema")]
use super::schema::Schema;
use shm_ring::descriptor::{self, TAG_SCHEMA};

/// The type of the values in a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// Arrays of this type.
    Array(ArrayType),
    /// Values of the type that this schema describes.
    #[cfg(feature = "schema")]
    Schema(Schema),
}

impl ValueType {
    /// Parses the descriptor of a region with values of this kind, and checks the fingerprint. Returns
    /// `None` if the region does not describe its type, or if this program cannot use the description.
    pub fn parse(kind: Kind, fingerprint: u64, descriptor: &[u8]) -> Result<Option<Self>, DescriptionError> {
        let record = descriptor::record(descriptor, TAG_SCHEMA).map_err(DescriptionError::Records)?;
        match (kind, record) {
            (Kind::Bytes | Kind::Text | Kind::Json, None) | (Kind::Bincode, None) if fingerprint != 0 => {
                Err(DescriptionError::Fingerprint)
            }
            (Kind::Bytes | Kind::Text | Kind::Json, Some(_)) => Err(DescriptionError::Undue(kind)),
            (Kind::Array, None) => Err(DescriptionError::Missing),
            (Kind::Array | Kind::Bincode, Some(json)) if descriptor::fingerprint(json) != fingerprint => {
                Err(DescriptionError::Fingerprint)
            }
            (Kind::Array, Some(json)) => {
                ArrayType::from_json(json).map(|array| Some(Self::Array(array))).map_err(DescriptionError::Array)
            }
            #[cfg(feature = "schema")]
            (Kind::Bincode, Some(json)) => {
                let json = str::from_utf8(json).map_err(DescriptionError::Text)?;
                Schema::parse(json).map(|schema| Some(Self::Schema(schema))).map_err(DescriptionError::Schema)
            }
            _ => Ok(None),
        }
    }

    /// Returns the array type.
    pub fn array(&self) -> Option<&ArrayType> {
        match self {
            Self::Array(array) => Some(array),
            #[cfg(feature = "schema")]
            Self::Schema(_) => None,
        }
    }

    /// Returns the schema.
    #[cfg(feature = "schema")]
    pub fn schema(&self) -> Option<&Schema> {
        match self {
            Self::Schema(schema) => Some(schema),
            Self::Array(_) => None,
        }
    }

    /// Returns the kind of a region with this type.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Array(_) => Kind::Array,
            #[cfg(feature = "schema")]
            Self::Schema(_) => Kind::Bincode,
        }
    }

    /// Returns the name of the option of readers and writers that sets this type.
    pub fn option(&self) -> &'static str {
        match self {
            Self::Array(_) => "array",
            #[cfg(feature = "schema")]
            Self::Schema(_) => "schema",
        }
    }

    /// Returns the descriptor of a region of this type, and its fingerprint.
    pub fn to_descriptor(&self) -> (Vec<u8>, u64) {
        let json = match self {
            Self::Array(array) => array.to_json(),
            #[cfg(feature = "schema")]
            Self::Schema(schema) => schema.as_json().to_owned(),
        };
        (descriptor::of_record(TAG_SCHEMA, json.as_bytes()), descriptor::fingerprint(json.as_bytes()))
    }

    /// Describes how the type that a region describes differs from this one, if it does. A region that does
    /// not describe its type counts as equal.
    pub fn difference(&self, found: Option<&Self>) -> Option<String> {
        match (found, self) {
            (None, _) => None,
            (Some(found), here) if found == here => None,
            (Some(Self::Array(found)), Self::Array(here)) => {
                Some(format!("the values are arrays of type {found} in the region, and of type {here} in this program"))
            }
            #[cfg(feature = "schema")]
            (Some(Self::Schema(found)), Self::Schema(here)) => Some(Schema::difference(found, here)),
            #[cfg(feature = "schema")]
            _ => Some("the region and this program describe it in different ways".to_owned()),
        }
    }

    /// Checks that a payload is a value of this type.
    fn check_payload(&self, payload: &[u8]) -> Result<(), ValueError> {
        match self {
            Self::Array(array) => array.check(payload),
            #[cfg(feature = "schema")]
            Self::Schema(schema) if schema.is_complete() => Ok(schema.check(payload)?),
            #[cfg(feature = "schema")]
            Self::Schema(_) => Ok(()),
        }
    }
}

/// Checks that a payload matches its kind and its type.
pub fn check_payload(kind: Kind, value_type: Option<&ValueType>, payload: &[u8]) -> Result<(), ValueError> {
    kind.check(payload)?;
    value_type.map_or(Ok(()), |value_type| value_type.check_payload(payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(dtype: &'static str, shape: &[u64]) -> ValueType {
        ValueType::Array(ArrayType::new(dtype, shape).unwrap())
    }

    #[test]
    fn what_is_described_is_understood_again() {
        let all = [
            array("u2", &[2, 3]),
            #[cfg(feature = "schema")]
            ValueType::Schema(Schema::of::<(u32, String)>().unwrap()),
        ];
        for value_type in all {
            let (descriptor, fingerprint) = value_type.to_descriptor();
            let parsed = ValueType::parse(value_type.kind(), fingerprint, &descriptor);
            assert_eq!(parsed.unwrap(), Some(value_type));
        }
    }

    #[test]
    fn a_description_that_is_missing_or_wrong_or_undue_is_damage() {
        let (descriptor, fingerprint) = array("u2", &[2]).to_descriptor();
        // Reported 54.
        for kind in [Kind::Bytes, Kind::Text, Kind::Json] {
            let undue = ValueType::parse(kind, fingerprint, &descriptor).unwrap_err().to_string();
            assert_eq!(undue, format!("it has a schema, and values of kind {kind} have none"));
            let alone = ValueType::parse(kind, fingerprint, &[]).unwrap_err().to_string();
            assert_eq!(alone, "its schema does not match its fingerprint");
            assert_eq!(ValueType::parse(kind, 0, &[]).unwrap(), None);
        }
        assert!(ValueType::parse(Kind::Bincode, fingerprint, &[]).is_err());
        assert_eq!(ValueType::parse(Kind::Bincode, 0, &[]).unwrap(), None);
        let refused = |kind, fingerprint, descriptor: &[u8]| {
            ValueType::parse(kind, fingerprint, descriptor).unwrap_err().to_string()
        };
        assert_eq!(refused(Kind::Array, 0, &[]), "its kind is array, and it has no schema");
        assert_eq!(refused(Kind::Array, fingerprint + 1, &descriptor), "its schema does not match its fingerprint");
        assert!(refused(Kind::Array, fingerprint, &descriptor[..9]).contains("descriptor"));
    }

    #[test]
    fn a_difference_names_both_sides_and_a_region_that_says_nothing_has_none() {
        let here = array("u2", &[2]);
        assert_eq!(here.difference(None), None);
        assert_eq!(here.difference(Some(&here.clone())), None);
        let difference = here.difference(Some(&array("f4", &[2]))).unwrap();
        assert!(difference.contains("f4") && difference.contains("u2"), "{difference}");
        #[cfg(feature = "schema")]
        {
            let [one, other] = [Schema::of::<(u32, u8)>(), Schema::of::<(u32, u16)>()]
                .map(|schema| ValueType::Schema(schema.unwrap()));
            assert!(one.difference(Some(&other)).unwrap().contains("u16"));
            assert!(one.difference(Some(&here)).is_some());
        }
    }

    #[test]
    fn a_payload_is_held_to_its_kind_and_its_type() {
        let array = array("u2", &[2]);
        assert!(check_payload(Kind::Array, Some(&array), &[0; 4]).is_ok());
        assert!(check_payload(Kind::Array, Some(&array), &[0; 3]).is_err());
        assert!(check_payload(Kind::Text, None, &[0xff]).is_err());
        let bools = ValueType::Array(ArrayType::new("b1", &[0]).unwrap());
        assert!(check_payload(Kind::Array, Some(&bools), &[0, 1, 1, 0]).is_ok());
        let error = check_payload(Kind::Array, Some(&bools), &[0, 1, 255, 0]).unwrap_err().to_string();
        assert_eq!(error, "element 2 of the array is 255, and a bool is 0 or 1");
        #[cfg(feature = "schema")]
        {
            let schema = ValueType::Schema(Schema::of::<(u8, bool)>().unwrap());
            assert!(check_payload(Kind::Bincode, Some(&schema), &[7, 1]).is_ok());
            assert!(check_payload(Kind::Bincode, Some(&schema), &[7, 2]).is_err());
        }
    }
}
