//! Tests of what no folder does by itself, and what the tests of several folders share.

mod opening;
pub mod test_region;
mod waiting;
