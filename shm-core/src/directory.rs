//! All regions of a directory: listing them, removing one, and cleaning up what the dead left behind.

use crate::error::{Error, Result};
use crate::inspect::{Info, inspect_at};
use crate::region::lock::{self, Lock, Presence};
use crate::region::place::{Place, check_name, default_directory, identity_of, is_own_file, open_directory};
use crate::region::{self, Access, MAX_REGION_BYTES, Region};
use crate::wait;
use rustix::fd::OwnedFd;
use rustix::fs::{self, AtFlags, FileType};
use rustix::io::Errno;
use shm_ring::Announcer;
use shm_ring::header::{STATE_CLOSED, STATE_MOVED};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Every region in `SHM_DIR`, by name, with what it says of itself, or why that cannot be read.
///
/// Files that are not regions are passed by.
///
/// # Errors
///
/// [`Error::Directory`] if the directory cannot be read.
pub fn regions() -> Result<Vec<(String, Result<Info>)>> {
    let (directory, names) = names()?;
    let mut regions: Vec<_> = names
        .into_iter()
        .filter(|name| check_name(name).is_ok())
        .map(|name| {
            let info = inspect_at(&Place::within(&directory, &name));
            (name, info)
        })
        .filter(|(name, info)| is_region(&Place::within(&directory, name), info))
        .collect();
    regions.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(regions)
}

/// Whether a file is a region, as far as that can be told. One that may not be read is, if it has a lock beside it.
fn is_region(place: &Place, info: &Result<Info>) -> bool {
    match info {
        Err(Error::NotARegion { .. } | Error::NotFound { .. }) => false,
        Err(Error::Permission { .. }) => matches!(identity_of(place, &place.lock_file()), Ok(Some(_))),
        _ => true,
    }
}

/// `SHM_DIR`, open, and the names of the files in it that are text.
fn names() -> Result<(Arc<OwnedFd>, Vec<String>)> {
    let path = default_directory();
    let refuse =
        |source: std::io::Error| Error::Directory { region: None, directory: path.display().to_string(), source };
    let directory = Arc::new(open_directory(&path, None)?);
    // A list that ends where the directory could not be read any further would be taken for all of it.
    let entries: rustix::io::Result<Vec<_>> = fs::Dir::read_from(&directory).and_then(Iterator::collect);
    let entries = entries.map_err(|errno| refuse(errno.into()))?;
    let names = entries.iter().filter_map(|entry| Some(entry.file_name().to_str().ok()?.to_owned()));
    Ok((directory, names.collect()))
}

/// Removes a region and what belongs to it. Attached readers keep what they have, and are told.
///
/// With `force` also while it has a writer; that writer then learns that its region is gone.
///
/// # Errors
///
/// [`Error::WriterAlive`] if it has a writer; [`Error::NotFound`]; [`Error::NotARegion`] for a file that is something
/// else, which is never removed; [`Error::Permission`].
pub fn remove(name: &str, force: bool) -> Result<()> {
    let place = Place::resolve(name)?;
    let pid = removable(&place)?.map(|region| region.header().tenure.pid.load(Relaxed));
    let lock = match Lock::acquire(&place) {
        // The lock file stays: it is the living writer's.
        Err(Error::WriterAlive { .. }) if force => return region::remove_file(&place),
        Err(Error::WriterAlive { region, .. }) => return Err(Error::WriterAlive { region, pid }),
        acquired => acquired?,
    };
    let removed = remove_locked(&place);
    removed.and(lock.release(&place))
}

/// Removes a region whose lock is held. Before it was, the region may have been replaced or removed.
fn remove_locked(place: &Place) -> Result<()> {
    let region = removable(place)?;
    region::remove_draft(place);
    region::remove_file(place)?;
    if let Some(region) = &region {
        tell_readers(region);
    }
    Ok(())
}

/// Opens a region that is to be removed. One that is damaged, of another version or remote may be removed unopened;
/// anything else that cannot be opened may not.
fn removable(place: &Place) -> Result<Option<Region>> {
    match Region::open(place, Access::Write, MAX_REGION_BYTES) {
        Ok(region) => Ok(Some(region)),
        Err(
            Error::Damaged { .. }
            | Error::Version { .. }
            | Error::Features { .. }
            | Error::TooLarge { .. }
            | Error::Remote { .. },
        ) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes readers look at the name now. One that was closed stays closed: whoever waits for that is told so.
fn tell_readers(region: &Region) {
    let hot = &region.header().hot;
    if hot.state.load(Relaxed) == STATE_CLOSED {
        return;
    }
    let ring = region.ring();
    Announcer::of(ring).change_state(ring, STATE_MOVED);
    wait::wake(&hot.bell);
}

/// Removes leftovers from `SHM_DIR`, never a region: unfinished files, and lock files without a region.
/// Returns the names of the files; with `dry_run` they stay.
///
/// # Errors
///
/// [`Error::Directory`] if the directory cannot be read; [`Error::Io`] if a file cannot be looked at, locked or removed.
pub fn clean(dry_run: bool) -> Result<Vec<String>> {
    let (directory, names) = names()?;
    let drafts: Vec<_> = names.iter().filter_map(|file| Some((region_of_draft(file)?, file.as_str()))).collect();
    let mut removed = Vec::new();
    for name in names.iter().filter_map(|file| region_of_lock(file)) {
        let region = Place::within(&directory, name);
        if !is_our_lock_file(&region)? || leftovers(&region, &drafts)?.is_empty() {
            continue;
        }
        if dry_run {
            if lock::probe(&region) == Presence::Gone {
                removed.extend(leftovers(&region, &drafts)?);
            }
            continue;
        }
        let lock = match Lock::acquire(&region) {
            // A lock that is held belongs to a living writer, and one that may not be taken to somebody else.
            Err(Error::WriterAlive { .. } | Error::Permission { .. } | Error::NotOurs { .. }) => continue,
            acquired => acquired?,
        };
        for file in leftovers(&region, &drafts)? {
            if file != region.lock_file() {
                fs::unlinkat(region.directory(), &file, AtFlags::empty())
                    .map_err(|errno| region.io_error("remove the unfinished file of region", errno))?;
            }
            removed.push(file);
        }
        lock.release(&region)?;
    }
    removed.sort();
    Ok(removed)
}

/// The files that no living writer of this region can need: of the drafts, given with their regions, those of this user.
fn leftovers(region: &Place, drafts: &[(&str, &str)]) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for (_, file) in drafts.iter().filter(|(name, _)| *name == region.file()) {
        if is_own_file(region, file)? {
            files.push((*file).to_owned());
        }
    }
    if region.identity()?.is_none() {
        files.push(region.lock_file());
    }
    Ok(files)
}

/// The region that a file is the draft of, by its name.
fn region_of_draft(file: &str) -> Option<&str> {
    let is_random = |digits: &str| digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let usual = file.rsplit_once('-').filter(|(_, digits)| is_random(digits)).map_or(file, |(usual, _)| usual);
    usual.strip_prefix('.')?.strip_suffix(".new")
}

/// The region that a file is the lock of, by its name.
fn region_of_lock(file: &str) -> Option<&str> {
    let name = file.strip_prefix('.')?.strip_suffix(".lock")?;
    check_name(name).is_ok().then_some(name)
}

/// A lock file is empty and for its owner alone; another program's file of such a name is left alone.
fn is_our_lock_file(place: &Place) -> Result<bool> {
    match fs::statat(place.directory(), place.lock_file(), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
            && stat.st_size == 0
            && stat.st_mode & 0o7777 == 0o600),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(place.io_error("inspect the lock of region", errno)),
    }
}
