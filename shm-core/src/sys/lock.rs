//! Locks on whole files that the kernel frees however the holder dies: open file description locks.
//!
//! Such a lock is freed when nothing refers to the open file any more. A fork gets a copy of every
//! descriptor, so a child that outlives a dead writer would keep that writer's lock. For this reason a
//! mapping keeps the file open instead: the mapping is not inherited by forks (`MADV_DONTFORK`), and
//! the descriptor is closed. The mapped page is never accessed.

use super::file_system::maps_what_was_opened;
use memmap2::{Advice, MmapOptions, MmapRaw};
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use std::fs::File;
use std::io::Result;

/// Keeps a locked file open, and so keeps it locked.
#[derive(Debug)]
pub enum Hold {
    /// A mapping, which forks do not inherit.
    Mapping(MmapRaw),
    /// A descriptor, of which a fork has a copy.
    Descriptor(File),
}

impl Hold {
    /// Keeps the file open: with a mapping if possible, otherwise with the descriptor.
    pub fn of(file: File) -> Self {
        match map_for_this_process(&file) {
            Some(mapping) => Self::Mapping(mapping),
            None => Self::Descriptor(file),
        }
    }

    /// Frees the lock, even if a child that is just being started still has a copy of the descriptor.
    pub fn release(self) {
        match self {
            // If this fails, closing the descriptor frees the lock, at worst a moment later.
            Self::Descriptor(file) => drop(unlock(&file)),
            // Unmapping the file frees the lock. Closing a copy of the descriptor does not.
            Self::Mapping(mapping) => drop(mapping),
        }
    }

    /// Leaves the lock as it is. For a fork of the process that took the lock.
    pub fn forget(self) {
        // A fork does not have this mapping, and may have mapped something else at its address by now.
        if let Self::Mapping(mapping) = self {
            std::mem::forget(mapping);
        }
    }
}

/// Maps the file in such a way that forks do not inherit the mapping. Returns `None` if that is
/// impossible, or if the mapping would not keep the file open.
fn map_for_this_process(file: &File) -> Option<MmapRaw> {
    if !maps_what_was_opened(file) {
        return None;
    }
    // The file is empty, so the page could not be accessed.
    let mapping = MmapOptions::new().len(1).map_raw_read_only(file).ok()?;
    mapping.advise(Advice::DontFork).ok()?;
    Some(mapping)
}

/// Takes the lock if it is free, without waiting. Returns whether it was taken. Linux reports a lock that another
/// process has as `EAGAIN`; `EACCES`, which POSIX allows for it, comes from a security module.
pub fn try_lock(file: &File) -> Result<bool> {
    match set_lock(file, libc::F_WRLCK) {
        Ok(()) => Ok(true),
        Err(nix::Error::EAGAIN) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Frees the lock, even if other descriptors or mappings refer to the open file.
fn unlock(file: &File) -> Result<()> {
    Ok(set_lock(file, libc::F_UNLCK)?)
}

/// Returns whether the file is locked, without locking it.
pub fn is_locked(file: &File) -> Result<bool> {
    let mut asked = whole_file(libc::F_WRLCK);
    fcntl(file, FcntlArg::F_OFD_GETLK(&mut asked))?;
    Ok(i32::from(asked.l_type) != libc::F_UNLCK)
}

fn set_lock(file: &File, lock_type: libc::c_int) -> nix::Result<()> {
    loop {
        match fcntl(file, FcntlArg::F_OFD_SETLK(&whole_file(lock_type))) {
            Err(nix::Error::EINTR) => {}
            done => return done.map(drop),
        }
    }
}

fn whole_file(lock_type: libc::c_int) -> libc::flock {
    #[expect(clippy::cast_possible_truncation, reason = "the lock types and SEEK_SET are small")]
    libc::flock {
        l_type: lock_type as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}
