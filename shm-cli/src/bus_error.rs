//! Handles SIGBUS, the signal that a program gets when it accesses a mapped page that its file no
//! longer has, or that the disk cannot deliver. No check beforehand can rule this out.
//!
//! The program reports the failure and ends. It cannot continue: the missing bytes would be read as
//! values that were never published.
#![allow(unsafe_code)]

use anyhow::{Context, Result};
use signal_hook::consts::SIGBUS;
use signal_hook::low_level;

use crate::report::rendered;
use crate::{Code, Failure, remedy};

/// The files that a program maps.
#[derive(Clone, Copy, Debug)]
pub enum Mapped<'a> {
    /// The region of this name.
    Region(&'a str),
    /// The block of this name.
    Block(&'a str),
    /// Several files.
    Several,
}

/// Makes the program end with a message and [`Code::Damaged`] when it accesses a missing page.
pub fn catch_bus_errors(mapped: Mapped<'_>) -> Result<()> {
    let message = rendered(&failure(mapped).into());
    let end = move || {
        // If the message cannot be written, the exit code still reports the failure.
        let _ = rustix::io::write(std::io::stderr(), &message);
        low_level::exit(Code::Damaged as i32)
    };
    // SAFETY: everything the action does is allowed in a signal handler: one write of bytes that were prepared before, and
    // `_exit`. It takes no lock, allocates nothing, and does not return, so no code sees the state it interrupted.
    unsafe { low_level::register(SIGBUS, end) }.map(drop).context("cannot handle SIGBUS")
}

fn failure(mapped: Mapped<'_>) -> Failure {
    let file = match mapped {
        Mapped::Region(name) => format!("region '{name}'"),
        Mapped::Block(name) => format!("block '{name}'"),
        Mapped::Several => "a region".to_owned(),
    };
    let what = format!("cannot access {file}: its file was cut short while in use, or cannot be read from its disk");
    Failure::new(Code::Damaged, what, remedy::cut_short(mapped))
}
