//! Lists the regions in a directory.

use super::inspect::{Info, inspect_at};
use crate::error::OpenError;
use crate::region::location::{Location, check_name, default_directory};
use crate::sys::directory::Directory;
use std::path::Path;

/// Lists all regions in `SHM_DIR`, sorted by name. Each name comes with the region's [`Info`], or with
/// the error that inspecting it returned.
///
/// Files that are not regions are skipped.
///
/// # Errors
///
/// [`OpenError::Directory`] if the directory cannot be read.
#[expect(clippy::type_complexity, reason = "an alias would hide that it is a list of pairs")]
pub fn regions() -> Result<Vec<(String, Result<Info, OpenError>)>, OpenError> {
    regions_in(&default_directory())
}

/// Lists all regions in a directory.
#[expect(clippy::type_complexity, reason = "as above")]
pub fn regions_in(path: &Path) -> Result<Vec<(String, Result<Info, OpenError>)>, OpenError> {
    let (directory, names) = names(path)?;
    let mut regions: Vec<_> = names
        .into_iter()
        .filter(|name| check_name(name).is_ok())
        .map(|name| {
            let info = inspect_at(&Location::within(&directory, &name));
            (name, info)
        })
        .filter(|(name, info)| is_region(&Location::within(&directory, name), info))
        .collect();
    regions.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(regions)
}

/// Returns whether a file seems to be a region. A file that this user may not read counts as a region
/// if a lock file for it exists.
fn is_region(location: &Location, info: &Result<Info, OpenError>) -> bool {
    match info {
        Err(OpenError::NotARegion { .. } | OpenError::NotFound { .. }) => false,
        Err(OpenError::Permission { .. }) => matches!(location.identity_of(&location.lock_file()), Ok(Some(_))),
        _ => true,
    }
}

/// Opens a directory, and lists the names of its files that are valid UTF-8.
pub fn names(path: &Path) -> Result<(Directory, Vec<String>), OpenError> {
    let unreadable = |source| OpenError::Directory { region: None, directory: path.to_owned(), source };
    let directory = Directory::open(path).map_err(unreadable)?;
    let names = directory.names().map_err(unreadable)?;
    Ok((directory, names))
}
