//! The errors of this library, one type for each group of operations: opening, publishing, receiving,
//! blocks. A message names the region, the problem, and what to do about it.

use crate::types::error::ArrayTypeError;
#[cfg(feature = "schema")]
use crate::types::error::SchemaError;

mod block;
mod limit;
mod open;
mod publish;
mod receive;
#[cfg(test)]
mod tests;

pub(crate) use crate::types::error::bytes_in_words;
pub use block::BlockError;
pub use limit::Limit;
pub use open::{Denied, NotOursReason, OpenError};
pub use publish::PublishError;
pub use receive::ReceiveError;

/// A result for functions that use several groups of operations with `?`.
///
/// Each function of this library returns the error type of its own group.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error of this library. Its message is that of the error that it contains.
///
/// ```
/// use shm_core::{Error, OpenError};
///
/// fn newest(name: &str) -> shm_core::Result<Option<f64>> {
///     let mut reader = shm_core::Reader::<f64>::open(name)?;
///     Ok(reader.latest()?.map(|sample| sample.value))
/// }
///
/// # let directory = tempfile::tempdir().unwrap();
/// # let name = format!("{}/room", directory.path().display());
/// assert!(matches!(newest(&name), Err(Error::Open(OpenError::NotFound { .. }))));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A region cannot be opened, created, inspected or removed.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A value cannot be published.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// A value cannot be received.
    #[error(transparent)]
    Receive(#[from] ReceiveError),
    /// A block cannot be opened or used.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// No array can have this element type or shape.
    #[error(transparent)]
    ArrayType(#[from] ArrayTypeError),
    /// A schema cannot be created or used.
    #[cfg(feature = "schema")]
    #[error(transparent)]
    Schema(#[from] SchemaError),
}
