//! What a region says of its values: their kind, and their type.

use super::Region;
use super::location::Location;
use crate::error::OpenError;
use crate::types::kind::Kind;
use crate::types::value_type::ValueType;
use std::path::Path;

/// What is said of a described region where types cannot be compared.
pub const UNCOMPARABLE: &str =
    "the region has a schema, and this program was built without the feature `schema`, which compares types";

/// The kind of values in a region, and their type, if the region says something of it that this program can use.
#[derive(Clone, Debug)]
pub struct ValueFormat {
    /// What the values are.
    pub kind: Kind,
    /// Of which type.
    pub value_type: Option<ValueType>,
}

impl ValueFormat {
    /// What the region at `place` says.
    pub fn of(location: &Location, region: &Region) -> Result<Self, OpenError> {
        let kind = known_kind(location, region.static_header.kind)?;
        Ok(Self { kind, value_type: value_type_of(location, kind, region)? })
    }
}

/// The type that a region says its values of this kind have.
pub fn value_type_of(location: &Location, kind: Kind, region: &Region) -> Result<Option<ValueType>, OpenError> {
    ValueType::parse(kind, region.static_header.fingerprint, &region.descriptor)
        .map_err(|error| location.damaged(error.to_string()))
}

/// The kind that a header's number stands for.
pub fn known_kind(location: &Location, code: u32) -> Result<Kind, OpenError> {
    Kind::from_code(code).ok_or_else(|| OpenError::UnknownKind { region: location.name.clone(), code })
}

/// The error for an option that means nothing for the handle that is opened.
pub fn does_not_apply(name: &Path, option: &'static str, handle: &str) -> OpenError {
    bad_option(name, option, format!("the option `{option}` does not apply to {handle}"))
}

/// The error for an option with a value that no region can have.
pub fn bad_option(name: &Path, option: &'static str, reason: String) -> OpenError {
    OpenError::BadOption { region: name.display().to_string(), option, reason: reason.into() }
}
