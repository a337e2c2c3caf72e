//! What a region says of the type of its values: how that stands in its descriptor, and whether it is the type that is
//! wanted. What types look like is known to `schema` and `array`.

use crate::array::ArrayType;
use crate::error::{Error, Result};
use crate::payload::{self, Kind};
use crate::region::place::Place;
#[cfg(feature = "schema")]
use crate::schema::Schema;
use shm_ring::descriptor::{self, TAG_SCHEMA};
use shm_ring::header::Fixed;

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
    /// What the region at `place` says, if it says something that this program can use.
    pub fn of(place: &Place, kind: Kind, fixed: &Fixed, descriptor: &[u8]) -> Result<Option<Self>> {
        let record = descriptor::record(descriptor, TAG_SCHEMA).map_err(|reason| place.damaged(reason.to_owned()))?;
        let damaged = |reason: String| place.damaged(format!("its schema: {reason}"));
        match (kind, record) {
            (Kind::Array, None) => Err(damaged("an array must have one".to_owned())),
            (Kind::Array | Kind::Bincode, Some(json)) if descriptor::fingerprint(json) != fixed.fingerprint => {
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

    /// Refuses a region of another type than this one. A region that says nothing is taken at its word.
    pub fn check(&self, place: &Place, found: Option<&Self>) -> Result<()> {
        let difference = match (found, self) {
            (None, _) => return Ok(()),
            (Some(found), here) if found == here => return Ok(()),
            (Some(Self::Array(found)), Self::Array(here)) => format!("arrays {found} in the region, {here} here"),
            #[cfg(feature = "schema")]
            (Some(Self::Schema(found)), Self::Schema(here)) => Schema::difference(found, here),
            #[cfg(feature = "schema")]
            _ => "it is described in another way".to_owned(),
        };
        Err(Error::Type { region: place.shown.clone(), difference })
    }

    /// Says what is wrong with a payload that is not of the type.
    fn check_payload(&self, payload: &[u8]) -> std::result::Result<(), String> {
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
pub fn check_payload(kind: Kind, description: Option<&Description>, payload: &[u8]) -> std::result::Result<(), String> {
    payload::check(kind, payload)?;
    description.map_or(Ok(()), |description| description.check_payload(payload))
}
