//! The directory in which a benchmark's files are, and the few words by which its two processes keep step. What is
//! measured is not here.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::{env, fs, io, process};

use anyhow::{Context, Result};

use super::bare::Bare;
use super::limits::spin;

const CONTROL: &str = "control";
const CONTROL_BYTES: usize = 4096;
const STOP: usize = 0;
const TAKEN: usize = 128;
/// How often a directory is emptied again into which somebody still puts files.
const ATTEMPTS: usize = 100;

/// A directory for regions and bare files.
pub struct Workplace {
    directory: PathBuf,
    control: Bare,
}

impl Workplace {
    /// Where the benchmark of this process has its files.
    pub fn directory_of_this_process() -> PathBuf {
        let shm = env::var_os("SHM_DIR").filter(|path| !path.is_empty()).unwrap_or_else(|| "/dev/shm".into());
        Path::new(&shm).join(format!("shm-bench-{}", process::id()))
    }

    /// Makes the directory.
    pub fn create(directory: PathBuf) -> Result<Self> {
        fs::create_dir(&directory).with_context(|| format!("cannot make directory '{}'", directory.display()))?;
        let control = Bare::create(&directory.join(CONTROL), CONTROL_BYTES)?;
        Ok(Self { directory, control })
    }

    /// The directory that the other process made.
    pub fn open(directory: PathBuf) -> Result<Self> {
        let control = Bare::open(&directory.join(CONTROL))?;
        Ok(Self { directory, control })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Removes what a run has left.
    pub fn sweep(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            if entry.file_name() != CONTROL {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Before a run: nobody is to stop, nothing was taken.
    pub fn begin(&self) {
        self.taken().store(0, Release);
        self.control.word(STOP).store(0, Release);
    }

    /// Tells the second process that a run is over.
    pub fn stop(&self) {
        self.control.word(STOP).store(1, Release);
    }

    #[inline(always)]
    pub fn is_over(&self) -> bool {
        self.control.word(STOP).load(Acquire) != 0
    }

    /// The number up to which a keeping-up receiver has taken everything.
    #[inline(always)]
    pub fn taken(&self) -> &AtomicU64 {
        self.control.word(TAKEN)
    }

    /// Waits until what has this number was taken, and says up to where that is the case by then. `None`: the run is over.
    pub fn await_taken(&self, number: u64) -> Option<u64> {
        spin(|| match self.taken().load(Acquire) {
            taken if taken >= number => Some(Some(taken)),
            _ => self.is_over().then_some(None),
        })
    }
}

/// Removes a directory and all that is in it.
pub fn remove(directory: &Path) {
    for _ in 0..ATTEMPTS {
        match fs::remove_dir_all(directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {}
            _ => return,
        }
    }
}
