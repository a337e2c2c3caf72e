//! What a region says of its values: their kind, and their type.

use super::Region;
use super::place::Place;
use crate::error::{Error, Result};
use crate::types::description::Description;
use crate::types::kind::Kind;

/// The kind of values in a region, and their type, if the region says something of it that this program can use.
#[derive(Clone, Debug)]
pub struct Content {
    /// What the values are.
    pub kind: Kind,
    /// Of which type.
    pub description: Option<Description>,
}

impl Content {
    /// What the region at `place` says.
    pub fn of(place: &Place, region: &Region) -> Result<Self> {
        let kind = known_kind(place, region.fixed.kind)?;
        Ok(Self { kind, description: description_of(place, kind, region)? })
    }
}

/// The type that a region says its values of this kind have.
pub fn description_of(place: &Place, kind: Kind, region: &Region) -> Result<Option<Description>> {
    Description::parse(kind, region.fixed.fingerprint, &region.descriptor).map_err(|reason| place.damaged(reason))
}

/// The kind that a header's number stands for.
pub fn known_kind(place: &Place, code: u32) -> Result<Kind> {
    Kind::from_code(code).ok_or_else(|| Error::UnknownKind { region: place.shown.clone(), code })
}
