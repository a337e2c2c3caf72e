//! What a reader accepts of a region.

use crate::error::{Error, Result};
use crate::region::Region;
use crate::region::content::{Content, known_kind};
use crate::region::place::Place;
use crate::types::array::ArrayType;
use crate::types::description::Description;
use crate::types::kind::Kind;

/// The kind and type that alone are accepted, where not all are.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub kind: Option<Kind>,
    pub dtype: Option<&'static str>,
    pub description: Option<Description>,
}

impl Wanted {
    /// What the region holds, if that is accepted.
    pub fn accept(&self, place: &Place, region: &Region) -> Result<Content> {
        let kind = known_kind(place, region.fixed.kind)?;
        if let Some(only) = self.kind
            && kind != only
        {
            let (found, expected) = (kind.to_string(), only.to_string());
            return Err(Error::Kind { region: place.shown.clone(), found, expected });
        }
        let content = Content::of(place, region)?;
        match self.difference(content.description.as_ref()) {
            Some(difference) => Err(Error::Type { region: place.shown.clone(), difference }),
            None => Ok(content),
        }
    }

    fn difference(&self, found: Option<&Description>) -> Option<String> {
        let of_type = self.description.as_ref().and_then(|wanted| wanted.difference(found));
        let found = found.and_then(Description::array).map(ArrayType::dtype);
        let of_elements = self.dtype.zip(found).filter(|(here, found)| here != found);
        of_type.or_else(|| of_elements.map(|(here, found)| format!("arrays of {found} in the region, of {here} here")))
    }
}
