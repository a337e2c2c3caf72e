//! The kinds and types of values, and the conversion of Rust values and arrays to and from bytes and
//! JSON. Does not depend on regions.

pub mod array;
pub mod error;
pub mod json;
pub mod kind;
pub mod payload;
#[cfg(feature = "schema")]
pub mod schema;
pub mod value_type;
