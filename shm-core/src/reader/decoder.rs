//! How a reader of a Rust type decodes payloads.

use crate::types::error::ValueError;
use crate::types::json::typed as json;
use crate::types::payload;
#[cfg(feature = "schema")]
use crate::types::schema::Schema;
use serde::Deserialize;

#[derive(Debug)]
pub enum Decoder {
    /// As values of exactly the type that was asked for.
    Plain,
    /// As JSON.
    Json,
    /// By the region's schema, if it is not that of the type that was asked for.
    #[cfg(feature = "schema")]
    ByName(ByName),
}

/// The schema of the type that was asked for, and the region's schema.
#[cfg(feature = "schema")]
#[derive(Debug)]
pub struct ByName {
    // `None` if no schema can be derived from the type.
    own: Option<Schema>,
    // The region's schema, and whether it differs from `own`.
    region: Option<Schema>,
    differs: bool,
}

impl Decoder {
    /// Decodes parts by their names, unless the region has exactly this schema.
    #[cfg(feature = "schema")]
    pub fn by_name(own: Option<Schema>) -> Self {
        Self::ByName(ByName { own, region: None, differs: false })
    }

    /// Notes the region's schema, which changes when the region is replaced.
    #[cfg(feature = "schema")]
    #[inline]
    pub fn prepare(&mut self, region: Option<&Schema>) {
        if let (Self::ByName(by_name), Some(region)) = (self, region)
            && !by_name.region.as_ref().is_some_and(|compared| compared.is_same(region))
        {
            by_name.differs = by_name.own.as_ref() != Some(region);
            by_name.region = Some(region.clone());
        }
    }

    /// Decodes a payload, and stores the value.
    #[inline(always)]
    pub fn decode<'b, T: Deserialize<'b>>(&self, payload: &'b [u8], value: &mut Option<T>) -> Result<(), ValueError> {
        match self {
            Self::Json => json::decode(payload, value),
            #[cfg(feature = "schema")]
            Self::ByName(ByName { region: Some(schema), differs: true, .. }) => schema.decode_by_name(payload, value),
            _ => payload::decode(payload, value),
        }
    }
}
