//! Removes the files that dead writers have left in a directory.

use super::list::names;
use crate::error::OpenError;
use crate::region::location::{Location, check_name, default_directory};
use crate::region::tenure::{self, Lock, WriterStatus};
use crate::sys::file::Kind;
use std::path::Path;

/// Removes leftover files from `SHM_DIR`: unfinished files, and lock files without a region. Regions
/// are never removed.
///
/// Returns the names of the files that were removed or, with `dry_run`, of those that would be removed.
///
/// # Errors
///
/// [`OpenError::Directory`] if the directory cannot be read; [`OpenError::Io`] if a file cannot be
/// inspected, locked or removed.
pub fn clean(dry_run: bool) -> Result<Vec<String>, OpenError> {
    clean_in(&default_directory(), dry_run)
}

/// Removes leftover files from a directory.
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
            // A lock that is held belongs to a living writer. A lock that this user may not take belongs to
            // another user.
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

/// Lists the files of a region that no living writer can need: the region's drafts, as far as they
/// belong to this user, and its lock file if the region does not exist. `drafts` contains all drafts,
/// each with the name of its region.
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

/// Returns the name of the region whose draft has this file name.
fn region_of_draft(file: &str) -> Option<&str> {
    let is_random = |digits: &str| digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let usual = file.rsplit_once('-').filter(|(_, digits)| is_random(digits)).map_or(file, |(usual, _)| usual);
    usual.strip_prefix('.')?.strip_suffix(".new")
}

/// Returns the name of the region whose lock has this file name.
fn region_of_lock(file: &str) -> Option<&str> {
    let name = file.strip_prefix('.')?.strip_suffix(".lock")?;
    check_name(name).is_ok().then_some(name)
}

/// Returns whether the region's lock file looks like one of ours: an empty file with mode 600. Files of
/// other programs that happen to have such a name are not touched.
fn is_our_lock_file(location: &Location) -> Result<bool, OpenError> {
    let stat = location.directory().stat(&location.lock_file());
    let stat = stat.map_err(|error| location.io_error("inspect the lock of region", error))?;
    Ok(stat.is_some_and(|stat| stat.kind == Kind::Regular && stat.bytes == 0 && stat.mode == 0o600))
}
