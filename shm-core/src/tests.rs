//! Tests of what no folder does by itself.

mod waiting;
