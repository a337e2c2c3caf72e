//! Tests of the project's own rules: architecture, style, language, and documents that agree with the source.

mod documents;
mod methods;
mod prose;
mod tidy;
