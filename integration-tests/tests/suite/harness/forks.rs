//! Keeps child processes from disturbing tests between fork and exec. In that moment a child has a copy of every
//! descriptor of this process, including the lock of a writer. The lock then appears to be held by another process
//! until the child executes its program.

use std::io;
use std::process::{Child, Command};
use std::sync::{PoisonError, RwLock};

/// Held by each thread that starts a program, until the program is executed.
static FORKING: RwLock<()> = RwLock::new(());

/// Starts a program.
pub fn start(command: &mut Command) -> io::Result<Child> {
    let _forking = FORKING.read().unwrap_or_else(PoisonError::into_inner);
    command.spawn()
}

/// Calls `open` while no child of this process has copies of its descriptors. Use it to open a writer of a region that
/// has just been written to; programs that other tests start then cannot interfere.
pub fn without_forks<T>(open: impl FnOnce() -> T) -> T {
    let _alone = FORKING.write().unwrap_or_else(PoisonError::into_inner);
    open()
}
