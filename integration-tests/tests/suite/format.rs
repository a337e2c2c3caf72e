//! docs/FORMAT.md, and all who read by it: the library's regions, the test vectors, C, Python, typed values.

mod document;
mod other_languages;
mod tables;
mod typed;
mod vectors;

pub use tables::Format;
