//! The kind and the type of a region's values, as its header and descriptor specify them.

use super::Region;
use super::location::Location;
use crate::error::OpenError;
use crate::types::kind::Kind;
use crate::types::value_type::ValueType;
use std::path::Path;

/// The error text for a region that describes its type, if this program cannot compare types.
pub const UNCOMPARABLE: &str =
    "the region has a schema, and this program was built without the feature `schema`, which compares types";

/// The kind of the values in a region and, if the region describes it in a way that this program
/// supports, their type.
#[derive(Clone, Debug)]
pub struct ValueFormat {
    /// The kind of the values.
    pub kind: Kind,
    /// The type of the values.
    pub value_type: Option<ValueType>,
}

impl ValueFormat {
    /// Returns the kind and the type that the region specifies.
    pub fn of(location: &Location, region: &Region) -> Result<Self, OpenError> {
        let kind = known_kind(location, region.static_header.kind)?;
        Ok(Self { kind, value_type: value_type_of(location, kind, region)? })
    }
}

/// Returns the type that a region specifies for its values, given their kind.
pub fn value_type_of(location: &Location, kind: Kind, region: &Region) -> Result<Option<ValueType>, OpenError> {
    ValueType::parse(kind, region.static_header.fingerprint, &region.descriptor)
        .map_err(|error| location.damaged(error.to_string()))
}

/// Returns the kind for a number in a header.
pub fn known_kind(location: &Location, code: u32) -> Result<Kind, OpenError> {
    Kind::from_code(code).ok_or_else(|| OpenError::UnknownKind { region: location.name.clone(), code })
}

/// Returns the error for an option that does not apply to the handle that is being opened.
pub fn does_not_apply(name: &Path, option: &'static str, handle: &str) -> OpenError {
    bad_option(name, option, format!("the option `{option}` does not apply to {handle}"))
}

/// The error for an option with a value that no region can have.
pub fn bad_option(name: &Path, option: &'static str, reason: String) -> OpenError {
    OpenError::BadOption { region: name.display().to_string(), option, reason: reason.into() }
}
