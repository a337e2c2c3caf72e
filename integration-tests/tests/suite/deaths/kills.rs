//! Tests of writers that are killed or stopped after any instruction of an operation. After each
//! death, everything is checked from outside. These modules can recognize system calls on x86-64
//! only.

mod ends;
mod ledger;
mod nested;
mod operations;
#[path = "../../../examples/victim/payload.rs"]
mod payload;
mod scene;
mod stepper;
mod stopped;

use testkit::at_effort;

use crate::harness::skipped;

/// Returns the approximate number of kills for each operation. `usize::MAX` means one after each
/// instruction.
fn chosen_kills() -> usize {
    at_effort([2, 5, 200, usize::MAX])
}

/// Returns whether a program may be traced here. If not, reports the tests as skipped.
fn can_trace() -> bool {
    let can = stepper::can_trace();
    if !can {
        skipped("kills", "no program may be traced here");
    }
    can
}

/// Returns whether every possible kill is to be tried.
fn is_full() -> bool {
    chosen_kills() == usize::MAX
}
