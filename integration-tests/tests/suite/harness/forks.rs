//! Keeps child processes from disturbing tests between fork and exec. In that moment a child has a copy of every
//! descriptor of this process, including the lock of a writer. The lock then appears to be held by another process
//! until the child executes its program.

use std::io;
use std::ops::{Deref, DerefMut};
use std::process::{Child, Command};
use std::sync::{PoisonError, RwLock};

use testkit::Survivor;

/// Held by each thread that starts a program, until the program is executed.
static FORKING: RwLock<()> = RwLock::new(());

/// A program that is killed if this test is.
pub struct Started {
    process: Child,
    _survivor: Survivor,
}

/// Starts a program.
pub fn start(command: &mut Command) -> io::Result<Started> {
    let _forking = FORKING.read().unwrap_or_else(PoisonError::into_inner);
    let process = command.spawn()?;
    Ok(Started { _survivor: Survivor::of(&process), process })
}

impl Deref for Started {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.process
    }
}

impl DerefMut for Started {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.process
    }
}

/// Calls `open` while no child of this process has copies of its descriptors. Use it to open a writer of a region that
/// has just been written to; programs that other tests start then cannot interfere.
pub fn without_forks<T>(open: impl FnOnce() -> T) -> T {
    let _alone = FORKING.write().unwrap_or_else(PoisonError::into_inner);
    open()
}
