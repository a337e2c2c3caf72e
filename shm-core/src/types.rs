//! What values are: their kinds, and Rust values, arrays and types to and from bytes and JSON. Regions are not known here.

pub mod array;
pub mod error;
pub mod kind;
pub mod payload;
#[cfg(feature = "schema")]
pub mod schema;
pub mod value_type;
