//! The moment between fork and exec, in which a child has a copy of every descriptor of this process: also of the lock of a
//! writer that is being opened, which then seems to be held by somebody else for as long as the child is kept waiting.

use std::io;
use std::process::{Child, Command};
use std::sync::{PoisonError, RwLock};

/// Held by all who start a program, until it is executed.
static FORKING: RwLock<()> = RwLock::new(());

/// Starts a program.
pub fn start(command: &mut Command) -> io::Result<Child> {
    let _forking = FORKING.read().unwrap_or_else(PoisonError::into_inner);
    command.spawn()
}

/// Does something while no child of this process has copies of its descriptors: opens a region as its writer that was just
/// written to, so that what other tests start does not get in between.
pub fn without_forks<T>(open: impl FnOnce() -> T) -> T {
    let _alone = FORKING.write().unwrap_or_else(PoisonError::into_inner);
    open()
}
