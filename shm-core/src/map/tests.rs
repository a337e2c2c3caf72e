//! The map on the edges of which Python knows nothing: extending, names, and the standard library's traits.

use super::*;
use std::io::Write as _;

mod hammer;
mod python;

/// Says, past the test runner's capture, that a test could not run here.
fn skipped(test: &str, reason: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {reason}");
}

#[test]
fn a_length_beyond_the_end_extends_the_file() {
    let file = tempfile::tempfile().unwrap();
    let map = Map::options().len(5000).file(file.try_clone().unwrap()).unwrap();
    assert_eq!((map.len(), file.metadata().unwrap().len()), (5000, 5000));
}
