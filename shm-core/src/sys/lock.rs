//! Locks on whole files, which the kernel frees at any death of their holder: open file description locks.
//!
//! Such a lock is freed when nothing refers to the open file any more, and a fork gets a copy of every descriptor: a child
//! that lives on would keep the lock of a writer that died. So the file is kept open by a mapping instead, which forks do
//! not get (`MADV_DONTFORK`), and the descriptor is closed. Nobody ever touches the mapped page.

use super::file_system::maps_what_was_opened;
use memmap2::{Advice, MmapOptions, MmapRaw};
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use std::fs::File;
use std::io::Result;

/// What keeps a locked file open, and so locked.
#[derive(Debug)]
pub enum Hold {
    /// A mapping, which forks do not get.
    Mapping(MmapRaw),
    /// A descriptor, of which a fork has a copy.
    Descriptor(File),
}

impl Hold {
    /// Keeps the file open, by a mapping where that can be had.
    pub fn of(file: File) -> Self {
        match map_for_this_process(&file) {
            Some(mapping) => Self::Mapping(mapping),
            None => Self::Descriptor(file),
        }
    }

    /// Frees the lock, also where a child that is just being started still has a copy of the descriptor.
    pub fn release(self) {
        match self {
            // Should it fail, closing the descriptor frees the lock, a moment later at worst.
            Self::Descriptor(file) => drop(unlock(&file)),
            // Unmapping the file frees the lock; closing a copy does not.
            Self::Mapping(mapping) => drop(mapping),
        }
    }

    /// In a fork of the process that took the lock: lets the lock be.
    pub fn forget(self) {
        // A fork has no such mapping, and may have put another in its place by now.
        if let Self::Mapping(mapping) = self {
            std::mem::forget(mapping);
        }
    }
}

/// Maps the file so that a fork has no part of it; `None` where that cannot be had, or would not keep the file open.
fn map_for_this_process(file: &File) -> Option<MmapRaw> {
    if !maps_what_was_opened(file) {
        return None;
    }
    // The file is empty, so nobody could touch the page.
    let mapping = MmapOptions::new().len(1).map_raw_read_only(file).ok()?;
    mapping.advise(Advice::DontFork).ok()?;
    Some(mapping)
}

/// Takes the lock without waiting for it. Whether it was free.
pub fn try_lock(file: &File) -> Result<bool> {
    match set_lock(file, libc::F_WRLCK) {
        Ok(()) => Ok(true),
        Err(nix::Error::EAGAIN | nix::Error::EACCES) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Frees the lock, whoever else refers to the open file.
fn unlock(file: &File) -> Result<()> {
    Ok(set_lock(file, libc::F_UNLCK)?)
}

/// Whether somebody has the lock. Nothing is locked.
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
