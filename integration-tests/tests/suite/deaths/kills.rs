//! Writers that are killed, or stopped, after any instruction of what they do. After each death everything is looked at from
//! outside. What a system call is, and where one is, is known here of x86-64 only.

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

/// About how many kills there are of each operation; `usize::MAX` is one after each instruction.
fn chosen_kills() -> usize {
    at_effort([2, 5, 200, usize::MAX])
}

/// Whether a program may be traced here; if not, says that a test is left out.
fn can_trace() -> bool {
    let can = stepper::can_trace();
    if !can {
        skipped("kills", "no program may be traced here");
    }
    can
}

/// Whether everything is to be killed that there is.
fn is_full() -> bool {
    chosen_kills() == usize::MAX
}
