//! Tests of what no folder does by itself, and what the tests of several folders share.

pub mod room;
mod waiting;
