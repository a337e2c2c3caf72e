//! The kind and type that a reader accepts.

use crate::error::OpenError;
use crate::region::Region;
use crate::region::format::{UNCOMPARABLE, ValueFormat, known_kind};
use crate::region::location::Location;
use crate::types::array::ArrayType;
use crate::types::kind::Kind;
#[cfg(feature = "schema")]
use crate::types::schema::Schema;
use crate::types::value_type::ValueType;

/// The kind and type of the only regions that are accepted. A field that is not set accepts any.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    pub kind: Option<Kind>,
    pub dtype: Option<&'static str>,
    pub value_type: Option<ValueType>,
    /// Whether the region must describe its type completely.
    #[cfg(feature = "schema")]
    pub needs_schema: bool,
    /// Whether the type cannot be described. If so, only a region that describes no type is accepted.
    pub is_untyped: bool,
}

impl Expected {
    /// Returns the region's kind and type, if they are accepted.
    pub fn accept(&self, location: &Location, region: &Region) -> Result<ValueFormat, OpenError> {
        let kind = known_kind(location, region.static_header.kind)?;
        if let Some(only) = self.kind
            && kind != only
        {
            return Err(OpenError::Kind { region: location.name.clone(), found: kind, expected: only });
        }
        let format = ValueFormat::of(location, region)?;
        check_first(location, region)?;
        if self.is_untyped && !region.descriptor.is_empty() {
            return Err(OpenError::Type { region: location.name.clone(), difference: UNCOMPARABLE.to_owned() });
        }
        #[cfg(feature = "schema")]
        if self.needs_schema && !format.value_type.as_ref().and_then(ValueType::schema).is_some_and(Schema::is_complete)
        {
            return Err(OpenError::Undescribed { region: location.name.clone() });
        }
        match self.difference(format.value_type.as_ref()) {
            Some(difference) => Err(OpenError::Type { region: location.name.clone(), difference }),
            None => Ok(format),
        }
    }

    fn difference(&self, found: Option<&ValueType>) -> Option<String> {
        let of_type = self.value_type.as_ref().and_then(|expected| expected.difference(found));
        let found = found.and_then(ValueType::array).map(ArrayType::dtype);
        let of_elements = self.dtype.zip(found).filter(|(here, found)| here != found);
        of_type.or_else(|| {
            of_elements.map(|(here, found)| {
                format!("the values are arrays of {found} in the region, and arrays of {here} in this program")
            })
        })
    }
}

/// Refuses a region whose first number is impossible. It never changes, and the head only grows.
fn check_first(location: &Location, region: &Region) -> Result<(), OpenError> {
    let ring = region.ring();
    let first = ring.first();
    let head = ring.head();
    if first == 0 || first > head.saturating_add(1) {
        return Err(location.damaged(format!("its first number is {first}, and its newest value has number {head}")));
    }
    Ok(())
}
