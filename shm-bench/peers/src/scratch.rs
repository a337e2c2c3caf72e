//! A directory for one measurement, in memory, of which nothing is left.

use crate::peer::iceoryx2;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

const MEMORY: &str = "/dev/shm";

/// The directory, which is removed with everything in it when this is dropped.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(MEMORY).join(format!("peers-{}-{count}", process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot make the directory {}", path.display()))?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What a peer that failed has left beside the directory has the directory's name in front.
        let prefix = iceoryx2::prefix(&self.0).unwrap_or_default();
        for entry in fs::read_dir(MEMORY).into_iter().flatten().flatten() {
            if !prefix.is_empty() && entry.file_name().to_string_lossy().starts_with(&prefix) {
                let _ = fs::remove_file(entry.path());
            }
        }
        let _ = fs::remove_dir_all(&self.0);
    }
}
