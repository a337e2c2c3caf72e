//! Tests that docs/FORMAT.md, the library, the test vectors, the reader in C and the Python package
//! agree with each other.

mod document;
mod other_languages;
mod tables;
mod typed;
mod vectors;

pub use other_languages::c_reader;
pub use tables::Format;
pub use vectors::OF_ANOTHER_BOOT;
