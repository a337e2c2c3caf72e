//! Who may write a region: the holder of the writer's lock, and what is noted of them in the region.
//!
//! The lock is on a file of its own beside the region, because whoever may open a file for reading may also lock it.

use super::Region;
use super::place::{Place, check_ours};
use crate::error::{Error, Result};
use crate::sys::clock::unix_ns;
use crate::sys::file::{self, Access, Identity, Kind, Stat, is_no_space};
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

/// Another process may lock and remove the file between our opening and our locking it; this often we try again.
const ATTEMPTS: usize = 100;

/// `rm` and `clean` hold the lock for a moment, and so does a child that is just being started, with a copy of a descriptor: a
/// refusal counts when it was repeated after pauses of these many milliseconds.
const PAUSES_MS: [u64; 6] = [1, 2, 4, 8, 16, 32];

/// The permission bits of a lock file.
const LOCK_MODE: u32 = 0o600;

/// The writer's lock, held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    // Gone only while it is being dropped.
    hold: Option<Hold>,
    identity: Identity,
    // The process that took it.
    process: Process,
}

/// Whether somebody holds a region's writer lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Presence {
    /// A writer holds the region.
    Alive,
    /// No writer does.
    Gone,
    /// The lock file may not be opened by this user.
    Unknown,
}

impl fmt::Display for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Alive => "alive",
            Self::Gone => "gone",
            Self::Unknown => "unknown",
        })
    }
}

impl Lock {
    /// Takes the lock, or says that another writer has it. The error's pid is left for the caller to fill in.
    pub fn acquire(place: &Place) -> Result<Self> {
        let mut pauses = PAUSES_MS.into_iter().map(Duration::from_millis);
        for _ in 0..ATTEMPTS {
            // First, because it may fail, and then leaves nothing behind.
            let process = Process::this().map_err(|error| place.io_error("lock region", error))?;
            let Some(file) = LockFile::open_or_create(place)? else { continue };
            let identity = file.check()?;
            if !file.try_lock()? {
                let Some(pause) = pauses.next() else {
                    return Err(Error::WriterAlive { region: place.shown.clone(), pid: None });
                };
                std::thread::sleep(pause);
                continue;
            }
            let is_new = file.is_new;
            let lock = Self { hold: Some(Hold::of(file.file)), identity, process };
            let is_named = lock.is_named(place).inspect_err(|_| give_up(place, is_new))?;
            if is_named {
                return Ok(lock);
            }
        }
        Err(place.io_error("lock region", ErrorKind::WouldBlock.into()))
    }

    /// Whether the lock file's name still leads to the file that is locked.
    pub fn is_named(&self, place: &Place) -> Result<bool> {
        Ok(place.identity_of(&place.lock_file())? == Some(self.identity))
    }

    /// Whether the names of region and lock still lead to these files, and this process is the one that took the lock.
    pub fn is_of(&self, place: &Place, region: &Region) -> Result<bool> {
        let is_this_process = self.process.is_surely_present();
        Ok(is_this_process && place.identity()? == Some(region.identity) && self.is_named(place)?)
    }

    /// The process that took the lock, of which this one may be a fork.
    #[inline]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Frees the lock, and removes its file if there is no region that it could be the lock of.
    pub fn release(self, place: &Place) -> Result<()> {
        match place.identity()? {
            Some(_) => Ok(()),
            None => self.remove_file(place),
        }
    }

    /// Removes the lock file, which is to be done before the lock is freed. The region must be gone already.
    pub fn remove_file(&self, place: &Place) -> Result<()> {
        remove_file(place)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let Some(hold) = self.hold.take() else { return };
        if self.process.is_surely_present() { hold.release() } else { hold.forget() }
    }
}

/// An open lock file, which is not locked yet.
struct LockFile<'a> {
    place: &'a Place,
    file: File,
    is_new: bool,
}

impl<'a> LockFile<'a> {
    /// Opens the lock file; `None` if it came and went meanwhile. In a sticky directory `O_CREAT` may be refused for a file
    /// that exists, so that comes second.
    fn open_or_create(place: &'a Place) -> Result<Option<Self>> {
        let name = place.lock_file();
        let opened = match place.directory().open_file(&name, Access::Write) {
            Err(error) if error.kind() == ErrorKind::NotFound => match place.directory().create_file(&name) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(None),
                made => made.map(|file| {
                    // The umask may have taken rights from it. Where they cannot be given back, the next open says so.
                    let _ = file::set_mode(&file, LOCK_MODE);
                    Self { place, file, is_new: true }
                }),
            },
            opened => opened.map(|file| Self { place, file, is_new: false }),
        };
        opened.map(Some).map_err(|error| explain_open(place, error))
    }

    /// Refuses a file that is not this user's own lock file.
    fn check(&self) -> Result<Identity> {
        let stat = file::stat(&self.file).map_err(|error| self.place.io_error("lock region", error));
        let checked = stat.and_then(|stat| check_file(self.place, &stat).map(|()| stat.identity));
        checked.inspect_err(|_| {
            // Somebody else may have locked it since.
            if matches!(lock::try_lock(&self.file), Ok(true)) {
                give_up(self.place, self.is_new);
            }
        })
    }

    fn try_lock(&self) -> Result<bool> {
        lock::try_lock(&self.file).map_err(|error| {
            // Nobody can lock it, so nobody has.
            give_up(self.place, self.is_new);
            self.place.io_error("lock region", error)
        })
    }
}

/// Leaves nothing behind where a lock could not be had: the error that matters is the one that led here.
fn give_up(place: &Place, is_new: bool) {
    if is_new {
        let _ = remove_file(place);
    }
}

fn remove_file(place: &Place) -> Result<()> {
    let removed = place.directory().remove_file(&place.lock_file());
    removed.map_err(|error| place.io_error("remove the lock of region", error))
}

/// Asks whether a writer holds the region, without locking anything.
pub fn probe(place: &Place) -> Presence {
    let file = match place.directory().open_file(&place.lock_file(), Access::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Presence::Gone,
        Err(_) => return Presence::Unknown,
    };
    match lock::is_locked(&file) {
        Ok(true) => Presence::Alive,
        Ok(false) => Presence::Gone,
        Err(_) => Presence::Unknown,
    }
}

fn explain_open(place: &Place, error: io::Error) -> Error {
    match error.kind() {
        _ if is_no_space(&error) => place.no_space(u64::from(HEADER_BYTES)),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Error::Permission {
            action: "lock region",
            region: place.shown.clone(),
            remedy: format!("'{}' must be writable; write as its owner, or set SHM_DIR", place.lock_file()),
        },
        _ => match place.directory().stat(&place.lock_file()) {
            Ok(Some(stat)) if stat.kind != Kind::Regular => foreign(place),
            _ => place.io_error("lock region", error),
        },
    }
}

fn check_file(place: &Place, stat: &Stat) -> Result<()> {
    if stat.kind != Kind::Regular {
        return Err(foreign(place));
    }
    // A file that was unlinked after it was opened is a lost race, which the caller tries again.
    if stat.names == 0 {
        return Ok(());
    }
    check_ours(&place.lock_file(), stat)
}

fn foreign(place: &Place) -> Error {
    let reason = "it is not a regular file; remove it".to_owned();
    Error::NotOurs { file: place.lock_file(), reason }
}

/// Notes in the region who writes from now on.
pub fn begin_tenure(region: &Region, epoch: u64) {
    let tenure = &region.header().tenure;
    tenure.epoch.store(epoch, Relaxed);
    tenure.started_ns.store(unix_ns(SystemTime::now()), Relaxed);
    tenure.pid.store(std::process::id(), Relaxed);
}
