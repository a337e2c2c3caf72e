//! Schemas.
mod format;
#[cfg(test)]
mod tests;
mod trace;
pub use trace::trace;
