//! What a region says of the type of its values: how that stands in its descriptor, and whether it is the type that is
//! wanted. What types look like is known to `schema` and `array`.

use super::array::ArrayType;
use super::kind::{self, Kind};
#[cfg(feature = "schema")]
use super::schema::Schema;
use shm_ring::descriptor::{self, TAG_SCHEMA};

/// The type of the values in a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Description {
    /// An array of this type.
    Array(ArrayType),
    /// A type with this schema.
    #[cfg(feature = "schema")]
    Schema(Schema),
}

impl Description {
    /// What a descriptor and its fingerprint say of values of this kind, if that is something that this program can use; or
    /// what is wrong with it.
    pub fn parse(kind: Kind, fingerprint: u64, descriptor: &[u8]) -> Result<Option<Self>, String> {
        let record = descriptor::record(descriptor, TAG_SCHEMA).map_err(str::to_owned)?;
        let damaged = |reason: String| format!("its schema: {reason}");
        match (kind, record) {
            (Kind::Array, None) => Err(damaged("an array must have one".to_owned())),
            (Kind::Array | Kind::Bincode, Some(json)) if descriptor::fingerprint(json) != fingerprint => {
                Err(damaged("its fingerprint does not match".to_owned()))
            }
            (Kind::Array, Some(json)) => {
                ArrayType::from_json(json).map(|array| Some(Self::Array(array))).map_err(damaged)
            }
            #[cfg(feature = "schema")]
            (Kind::Bincode, Some(json)) => {
                let json = str::from_utf8(json).map_err(|error| damaged(error.to_string()))?;
                Schema::parse(json).map(|schema| Some(Self::Schema(schema))).map_err(|error| damaged(error.to_string()))
            }
            _ => Ok(None),
        }
    }

    /// The arrays that it describes.
    pub fn array(&self) -> Option<&ArrayType> {
        match self {
            Self::Array(array) => Some(array),
            #[cfg(feature = "schema")]
            Self::Schema(_) => None,
        }
    }

    /// The schema that it is.
    #[cfg(feature = "schema")]
    pub fn schema(&self) -> Option<&Schema> {
        match self {
            Self::Schema(schema) => Some(schema),
            Self::Array(_) => None,
        }
    }

    /// The kind of region that can have it.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Array(_) => Kind::Array,
            #[cfg(feature = "schema")]
            Self::Schema(_) => Kind::Bincode,
        }
    }

    /// The descriptor of a region of this type, and its fingerprint.
    pub fn to_descriptor(&self) -> (Vec<u8>, u64) {
        let json = match self {
            Self::Array(array) => array.to_json(),
            #[cfg(feature = "schema")]
            Self::Schema(schema) => schema.as_json().to_owned(),
        };
        (descriptor::of_record(TAG_SCHEMA, json.as_bytes()), descriptor::fingerprint(json.as_bytes()))
    }

    /// How the type that is described in a region differs from this one, if it does. A region that says nothing is taken
    /// at its word.
    pub fn difference(&self, found: Option<&Self>) -> Option<String> {
        match (found, self) {
            (None, _) => None,
            (Some(found), here) if found == here => None,
            (Some(Self::Array(found)), Self::Array(here)) => Some(format!("arrays {found} in the region, {here} here")),
            #[cfg(feature = "schema")]
            (Some(Self::Schema(found)), Self::Schema(here)) => Some(Schema::difference(found, here)),
            #[cfg(feature = "schema")]
            _ => Some("it is described in another way".to_owned()),
        }
    }

    /// Says what is wrong with a payload that is not of the type.
    fn check_payload(&self, payload: &[u8]) -> Result<(), String> {
        match self {
            Self::Array(array) => array.check_bytes(payload.len()),
            #[cfg(feature = "schema")]
            Self::Schema(schema) if schema.is_complete() => schema.check(payload).map_err(|error| error.to_string()),
            #[cfg(feature = "schema")]
            Self::Schema(_) => Ok(()),
        }
    }
}

/// Says what is wrong with a payload that is not what kind and type promise.
pub fn check_payload(kind: Kind, description: Option<&Description>, payload: &[u8]) -> Result<(), String> {
    kind::check(kind, payload)?;
    description.map_or(Ok(()), |description| description.check_payload(payload))
}
