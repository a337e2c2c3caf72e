//! The moment between fork and exec, in which a child has a copy of every descriptor of this process: also of the lock of a
//! writer that is being opened, which then seems to be held by somebody else for as long as the child is kept waiting.

use std::io;
use std::process::{Child, Command};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

/// Held by all who start a program, until it is executed.
static FORKING: RwLock<()> = RwLock::new(());

/// Starts a program.
pub fn start(command: &mut Command) -> io::Result<Child> {
    let _forking = FORKING.read().unwrap_or_else(PoisonError::into_inner);
    command.spawn()
}

/// While this is held, no child of this process has copies of its descriptors. For tests that open a region again and again
/// as its writer, or let a program do so: what other tests start must not get in between.
pub fn without_forks() -> RwLockWriteGuard<'static, ()> {
    FORKING.write().unwrap_or_else(PoisonError::into_inner)
}
