//! Removing what writers that died have left in a directory.

use super::list::names;
use crate::error::OpenError;
use crate::region::location::{Location, check_name, default_directory};
use crate::region::tenure::{self, Lock, WriterStatus};
use crate::sys::file::Kind;
use std::path::Path;

/// Removes leftovers from `SHM_DIR`, never a region: unfinished files, and lock files without a region.
/// Returns the names of the files; with `dry_run` they stay.
///
/// # Errors
///
/// [`OpenError::Directory`] if the directory cannot be read; [`OpenError::Io`] if a file cannot be looked at, locked or
/// removed.
pub fn clean(dry_run: bool) -> Result<Vec<String>, OpenError> {
    clean_in(&default_directory(), dry_run)
}

/// Removes leftovers from a directory.
pub fn clean_in(path: &Path, dry_run: bool) -> Result<Vec<String>, OpenError> {
    let (directory, names) = names(path)?;
    let drafts: Vec<_> = names.iter().filter_map(|file| Some((region_of_draft(file)?, file.as_str()))).collect();
    let mut removed = Vec::new();
    for name in names.iter().filter_map(|file| region_of_lock(file)) {
        let region = Location::within(&directory, name);
        if !is_our_lock_file(&region)? || leftovers(&region, &drafts)?.is_empty() {
            continue;
        }
        if dry_run {
            if tenure::probe(&region) == WriterStatus::Gone {
                removed.extend(leftovers(&region, &drafts)?);
            }
            continue;
        }
        let lock = match Lock::acquire(&region) {
            // A lock that is held belongs to a living writer, and one that may not be taken to somebody else.
            Err(OpenError::WriterAlive { .. } | OpenError::Permission { .. } | OpenError::NotOurs { .. }) => continue,
            acquired => acquired?,
        };
        for file in leftovers(&region, &drafts)? {
            if file != region.lock_file() {
                let removed = region.directory().remove_file(&file);
                removed.map_err(|error| region.io_error("remove the unfinished file of region", error))?;
            }
            removed.push(file);
        }
        lock.release(&region)?;
    }
    removed.sort();
    Ok(removed)
}

/// The files that no living writer of this region can need: of the drafts, given with their regions, those of this user.
fn leftovers(region: &Location, drafts: &[(&str, &str)]) -> Result<Vec<String>, OpenError> {
    let mut files = Vec::new();
    for (_, file) in drafts.iter().filter(|(name, _)| *name == region.file()) {
        if region.is_own_file(file)? {
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
fn is_our_lock_file(location: &Location) -> Result<bool, OpenError> {
    let stat = location.directory().stat(&location.lock_file());
    let stat = stat.map_err(|error| location.io_error("inspect the lock of region", error))?;
    Ok(stat.is_some_and(|stat| stat.kind == Kind::Regular && stat.bytes == 0 && stat.mode == 0o600))
}
