//! The kinds of values, and the conversion of Rust values, arrays and types to and from bytes and JSON.
//! This module does not depend on regions.

pub mod array;
pub mod error;
pub mod kind;
pub mod payload;
#[cfg(feature = "schema")]
pub mod schema;
pub mod value_type;
