//! Tests that involve several folders, and the helpers that tests of several folders share.

mod opening;
pub mod test_region;
mod waiting;
