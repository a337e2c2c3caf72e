//! Tests that programs built for different processors use the same regions, each time in both directions. `ci/foreign`
//! names the programs of the other processor; without it, both sides are native.

mod exchange;
mod kinds;
mod regions;

use crate::harness::Sandbox;

/// A directory with the programs `foreign-shm-writer` and `foreign-shm-reader`.
const DIRECTORY: &str = "SHM_FOREIGN";

/// Runs a test twice, each time in a new sandbox. In its command lines, `$WRITER` and `$READER` are of different
/// processors. So are `$OTHER_WRITER`, which is of the reader's, and `$OTHER_READER`, which is of the writer's.
fn both_ways(test: impl Fn(Sandbox)) {
    let foreign = if std::env::var_os(DIRECTORY).is_some() { "foreign-shm" } else { "shm" };
    test(sandbox(foreign, "shm"));
    test(sandbox("shm", foreign));
}

fn sandbox(writer: &str, reader: &str) -> Sandbox {
    let s = Sandbox::new();
    let search = s.ok("printf %s \"$PATH\"");
    let search = std::env::var(DIRECTORY).map_or_else(|_| search.clone(), |directory| format!("{directory}:{search}"));
    s.with("PATH", &search)
        .with("WRITER", &format!("{writer}-writer"))
        .with("OTHER_READER", &format!("{writer}-reader"))
        .with("READER", &format!("{reader}-reader"))
        .with("OTHER_WRITER", &format!("{reader}-writer"))
}
