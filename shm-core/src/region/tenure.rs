//! The writer's lock, whose holder may write to a region, and the record of that writer in the region.
//!
//! The lock is a separate file next to the region, because every user that may open a file for reading
//! can also lock it.

use super::Region;
use super::location::{Location, check_ours};
use crate::error::{Denied, NotOursReason, OpenError};
use crate::sys::clock::unix_ns;
use crate::sys::file::{self, Access, Identity, Kind, Stat, is_marked, is_no_space};
use crate::sys::lock::{self, Hold};
use crate::sys::process::Process;
use shm_ring::header::HEADER_BYTES;
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime};

#[cfg(test)]
mod tests;

/// How many times locking is attempted. Another process may lock and remove the file after it was
/// opened here and before it is locked.
const ATTEMPTS: usize = 100;

/// The pauses between attempts in milliseconds. `rm` and `clean` hold the lock for a moment, and so
/// does a child that is just being started and has a copy of the descriptor. Only after these attempts
/// is the region considered to have a writer.
const PAUSES_MS: [u64; 6] = [1, 2, 4, 8, 16, 32];

/// The permission bits of a lock file.
const LOCK_MODE: u32 = 0o600;

/// The writer's lock, which is held until this value is dropped.
#[derive(Debug)]
pub struct Lock {
    // `None` only while the lock is being dropped.
    hold: Option<Hold>,
    identity: Identity,
    // The process that took the lock.
    process: Process,
}

/// Whether a region has a writer, which is a process that holds the region's writer lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriterStatus {
    /// A writer has the region open.
    Alive,
    /// No writer has the region open.
    Gone,
    /// This user cannot find out, for example because the user may not open the writer's lock file.
    Unknown,
}

impl fmt::Display for WriterStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Alive => "alive",
            Self::Gone => "gone",
            Self::Unknown => "unknown",
        })
    }
}

impl Lock {
    /// Takes the lock. Returns an error if another writer has it; the caller adds the pid to that error.
    pub fn acquire(location: &Location) -> Result<Self, OpenError> {
        let mut pauses = PAUSES_MS.into_iter().map(Duration::from_millis);
        for _ in 0..ATTEMPTS {
            // Do this first, because it can fail, and nothing has been created yet.
            let process = Process::this().map_err(|error| location.io_error("lock region", error))?;
            let Some(file) = LockFile::open_or_create(location)? else { continue };
            let identity = file.check()?;
            if !file.try_lock()? {
                let Some(pause) = pauses.next() else {
                    return Err(OpenError::WriterAlive { region: location.name.clone(), pid: None });
                };
                std::thread::sleep(pause);
                continue;
            }
            let is_new = file.is_new;
            let lock = Self { hold: Some(Hold::of(file.file)), identity, process };
            let is_named = lock.is_named(location).inspect_err(|_| give_up(location, is_new))?;
            if is_named {
                return Ok(lock);
            }
        }
        let reason = "other programs keep removing its lock file; try again";
        Err(location.io_error("lock region", io::Error::new(ErrorKind::WouldBlock, reason)))
    }

    /// Returns whether the lock file's name still refers to the file that is locked.
    pub fn is_named(&self, location: &Location) -> Result<bool, OpenError> {
        Ok(location.identity_of(&location.lock_file())? == Some(self.identity))
    }

    /// Returns whether the names of the region and of the lock still refer to these files, and this process
    /// took the lock.
    pub fn is_of(&self, location: &Location, region: &Region) -> Result<bool, OpenError> {
        let is_this_process = self.process.is_surely_present();
        Ok(is_this_process && location.identity()? == Some(region.identity) && self.is_named(location)?)
    }

    /// Returns the process that took the lock. The current process may be a fork of it.
    #[inline]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Frees the lock. Removes the lock file if the region no longer exists.
    pub fn release(self, location: &Location) -> Result<(), OpenError> {
        match location.identity()? {
            Some(_) => Ok(()),
            None => self.remove_file(location),
        }
    }

    /// Removes the lock file. Call this before the lock is freed, and only after the region has been
    /// removed.
    pub fn remove_file(&self, location: &Location) -> Result<(), OpenError> {
        remove_file(location)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let Some(hold) = self.hold.take() else { return };
        if self.process.is_surely_present() { hold.release() } else { hold.forget() }
    }
}

/// An open lock file that is not locked yet.
struct LockFile<'a> {
    location: &'a Location,
    file: File,
    is_new: bool,
}

impl<'a> LockFile<'a> {
    /// Opens the lock file, or creates it if it does not exist. Returns `None` if the file appeared or
    /// disappeared meanwhile. In a sticky directory, the kernel may refuse `O_CREAT` for an existing file,
    /// so creating the file is tried second.
    fn open_or_create(location: &'a Location) -> Result<Option<Self>, OpenError> {
        let name = location.lock_file();
        let opened = match location.directory().open_file(&name, Access::Write) {
            Err(error) if error.kind() == ErrorKind::NotFound => match location.directory().create_file(&name) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(None),
                made => made.map(|file| {
                    // The umask may have removed permissions. If they cannot be restored, the next attempt to open the
                    // file fails.
                    let _ = file::set_mode(&file, LOCK_MODE);
                    Self { location, file, is_new: true }
                }),
            },
            opened => opened.map(|file| Self { location, file, is_new: false }),
        };
        opened.map(Some).map_err(|error| explain_open(location, error))
    }

    /// Refuses a file that is not this user's own lock file.
    fn check(&self) -> Result<Identity, OpenError> {
        let stat = file::stat(&self.file).map_err(|error| self.location.io_error("lock region", error));
        let checked = stat.and_then(|stat| check_file(self.location, &stat).map(|()| stat.identity));
        checked.inspect_err(|_| {
            // Another process may have locked the file meanwhile. Only remove it if it is not locked.
            if matches!(lock::try_lock(&self.file), Ok(true)) {
                give_up(self.location, self.is_new);
            }
        })
    }

    fn try_lock(&self) -> Result<bool, OpenError> {
        lock::try_lock(&self.file).map_err(|error| {
            // Locks do not work on this file, so no other process has locked it.
            give_up(self.location, self.is_new);
            match error.kind() {
                ErrorKind::PermissionDenied => {
                    self.location.denied(Denied::Locking { file: self.location.lock_file() })
                }
                ErrorKind::InvalidInput => self.location.io_error("lock region", without_locks()),
                _ => self.location.io_error("lock region", error),
            }
        })
    }
}

/// The error for a kernel, or a sandbox with a kernel of its own, that does not know the lock.
fn without_locks() -> io::Error {
    let reason = "the kernel does not support locks of open files (F_OFD_SETLK), which writers need; run the writer outside of this sandbox";
    io::Error::new(ErrorKind::Unsupported, reason)
}

/// Removes the lock file, if this process created it, after the lock could not be taken. An error is
/// ignored, because the caller reports the error that led here.
fn give_up(location: &Location, is_new: bool) {
    if is_new {
        let _ = remove_file(location);
    }
}

fn remove_file(location: &Location) -> Result<(), OpenError> {
    let removed = location.directory().remove_file(&location.lock_file());
    removed.map_err(|error| location.io_error("remove the lock of region", error))
}

/// Returns whether a writer has the region open. Does not lock anything.
///
/// A region without a lock file is a copy, or its file alone is mounted here. The lock file that its
/// writer may hold is then in another directory.
pub fn probe(location: &Location) -> WriterStatus {
    // A region that is just being created has its lock file first, so look at that a second time.
    for _ in 0..2 {
        if let Some(status) = probe_lock(location) {
            return status;
        }
        if matches!(location.stat_region(), Ok(None)) {
            return WriterStatus::Gone;
        }
    }
    WriterStatus::Unknown
}

/// Returns whether the lock file is locked, or `None` if there is no such file.
fn probe_lock(location: &Location) -> Option<WriterStatus> {
    let file = match location.directory().open_file(&location.lock_file(), Access::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(_) => return Some(WriterStatus::Unknown),
    };
    Some(match lock::is_locked(&file) {
        Ok(true) => WriterStatus::Alive,
        Ok(false) => WriterStatus::Gone,
        Err(_) => WriterStatus::Unknown,
    })
}

fn explain_open(location: &Location, error: io::Error) -> OpenError {
    match error.kind() {
        _ if is_no_space(&error) => location.no_space(u64::from(HEADER_BYTES), &error),
        _ if is_marked(&error) => match location.directory().stat(&location.lock_file()) {
            Ok(Some(_)) => location.denied(Denied::Marked { file: location.lock_file() }),
            _ => location.directory_is_marked(),
        },
        ErrorKind::PermissionDenied => location.denied(Denied::Lock { file: location.lock_file() }),
        _ => match location.directory().stat(&location.lock_file()) {
            Ok(Some(stat)) if stat.kind != Kind::Regular => foreign(location),
            _ => location.io_error("lock region", error),
        },
    }
}

fn check_file(location: &Location, stat: &Stat) -> Result<(), OpenError> {
    if stat.kind != Kind::Regular {
        return Err(foreign(location));
    }
    // The file was removed after it was opened. The caller then tries again.
    if stat.names == 0 {
        return Ok(());
    }
    check_ours(&location.lock_file(), stat)
}

fn foreign(location: &Location) -> OpenError {
    OpenError::NotOurs { file: location.lock_file(), reason: NotOursReason::NotRegular }
}

/// Records in the region that this process is its writer.
pub fn begin_tenure(region: &Region, epoch: u64) {
    let tenure = &region.header().tenure;
    tenure.epoch.store(epoch, Relaxed);
    tenure.started_ns.store(unix_ns(SystemTime::now()), Relaxed);
    tenure.pid.store(std::process::id(), Relaxed);
}
