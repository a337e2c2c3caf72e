//! Tests that involve several folders, and the helpers that tests of several folders share.

mod opening;
pub mod test_region;
#[cfg(feature = "schema")]
mod untraceable;
mod waiting;
