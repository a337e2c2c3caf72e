//! The directory of a benchmark's files, and the shared words that keep its two processes in step.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::{fs, io, process};

use anyhow::{Context, Result};

use crate::bare::Bare;
use crate::limits::spin;

/// The names of a measurement's files: for the direction to the second process, and for the way
/// back.
pub(crate) const THERE: &str = "there";
pub(crate) const BACK: &str = "back";
const CONTROL: &str = "control";
const CONTROL_BYTES: usize = 4096;
const STOP: usize = 0;
const TAKEN: usize = 128;
/// How many times a directory is emptied again if a process still creates files in it.
const ATTEMPTS: usize = 100;

/// A directory for regions and other files.
#[derive(Debug)]
pub struct Workplace {
    directory: PathBuf,
    control: Bare,
}

impl Workplace {
    /// Returns the path of the directory for this process's benchmark.
    pub(crate) fn directory_of_this_process() -> PathBuf {
        shm_core::path_of(format!("shm-bench-{}", process::id()))
    }

    /// Creates the directory.
    pub(crate) fn create(directory: PathBuf) -> Result<Self> {
        fs::create_dir(&directory).with_context(|| format!("cannot create directory '{}'", directory.display()))?;
        let control = Bare::create(&directory.join(CONTROL), CONTROL_BYTES)?;
        Ok(Self { directory, control })
    }

    /// Opens the directory that the other process created.
    pub(crate) fn open(directory: PathBuf) -> Result<Self> {
        let control = Bare::open(&directory.join(CONTROL))?;
        Ok(Self { directory, control })
    }

    /// The path of a file in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Removes the files of a run.
    pub(crate) fn sweep(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else if entry.file_name() != CONTROL {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Prepares for a run: nothing has been received, and the run is not over.
    pub(crate) fn begin(&self) {
        self.taken().store(0, Release);
        self.control.word(STOP).store(0, Release);
    }

    /// Signals to the second process that a run is over.
    pub(crate) fn stop(&self) {
        self.control.word(STOP).store(1, Release);
    }

    #[inline(always)]
    pub(crate) fn is_over(&self) -> bool {
        self.control.word(STOP).load(Acquire) != 0
    }

    /// Returns the number up to which a receiver that keeps up has received everything.
    #[inline(always)]
    pub(crate) fn taken(&self) -> &AtomicU64 {
        self.control.word(TAKEN)
    }

    /// Waits until the payload with this number has been received. Returns the number up to which
    /// all payloads had been received by then.
    pub(crate) fn await_taken(&self, number: u64) -> u64 {
        spin(|| Some(self.taken().load(Acquire)).filter(|taken| *taken >= number))
    }
}

/// The directory in which some peers always create their files.
const SHARED: &str = "/dev/shm";

/// Removes a directory with all its contents. Also removes the files in `/dev/shm` whose names
/// begin with the directory's name and `_`; a peer that cannot create its files in the directory
/// uses such names.
pub(crate) fn remove(directory: &Path) {
    for _ in 0..ATTEMPTS {
        match fs::remove_dir_all(directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {}
            _ => break,
        }
    }
    let prefix = directory.file_name().map(|name| format!("{}_", name.display()));
    for entry in fs::read_dir(SHARED).into_iter().flatten().flatten() {
        if prefix.as_ref().is_some_and(|prefix| entry.file_name().to_string_lossy().starts_with(prefix)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
