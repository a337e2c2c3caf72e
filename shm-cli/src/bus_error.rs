//! What is left to do when the file under a mapping is cut short, or cannot be read from its disk: the next access then
//! gets SIGBUS, and no access can be asked beforehand whether it will. Says so, and ends the program.
//!
//! Nothing goes on after such a fault: what would be read in the place of the missing bytes, nobody published.
#![allow(unsafe_code)]

use anyhow::{Context, Result};
use signal_hook::consts::SIGBUS;
use signal_hook::low_level;

use crate::report::rendered;
use crate::{Code, Failure, remedy};

/// From now on a missing page of the region or block `name` ends the program with a message and [`Code::Damaged`]. `None`: it
/// uses several.
pub fn catch_bus_errors(name: Option<&str>) -> Result<()> {
    let message = rendered(&failure(name).into());
    let end = move || {
        // Where nobody can take the message, there is still the exit code.
        let _ = rustix::io::write(std::io::stderr(), &message);
        low_level::exit(Code::Damaged as i32)
    };
    // SAFETY: all that the action does may be done in a signal handler: one write of bytes that were made before, and
    // `_exit`. It takes no lock, allocates nothing, and does not return, so that nothing sees what it interrupted.
    unsafe { low_level::register(SIGBUS, end) }.map(drop).context("cannot handle SIGBUS")
}

fn failure(name: Option<&str>) -> Failure {
    let whose = name.map_or("a file".to_owned(), |name| format!("the file of '{name}'"));
    let what = format!("{whose} was cut short while it was in use, or cannot be read from its disk");
    Failure::new(Code::Damaged, what, remedy::cut_short(name))
}
