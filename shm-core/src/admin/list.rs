//! Every region in a directory.

use super::inspect::{Info, inspect_at};
use crate::error::OpenError;
use crate::region::location::{Location, check_name, default_directory};
use crate::sys::directory::Directory;
use std::path::Path;

/// Every region in `SHM_DIR`, by name, with what it says of itself, or why that cannot be read.
///
/// Files that are not regions are skipped.
///
/// # Errors
///
/// [`OpenError::Directory`] if the directory cannot be read.
#[expect(clippy::type_complexity, reason = "a list of pairs, which an alias would hide")]
pub fn regions() -> Result<Vec<(String, Result<Info, OpenError>)>, OpenError> {
    regions_in(&default_directory())
}

/// Every region in a directory.
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

/// Whether a file is a region, as far as that can be told. One that may not be read is, if it has a lock beside it.
fn is_region(location: &Location, info: &Result<Info, OpenError>) -> bool {
    match info {
        Err(OpenError::NotARegion { .. } | OpenError::NotFound { .. }) => false,
        Err(OpenError::Permission { .. }) => matches!(location.identity_of(&location.lock_file()), Ok(Some(_))),
        _ => true,
    }
}

/// A directory, open, and the names of the files in it that are UTF-8.
pub fn names(path: &Path) -> Result<(Directory, Vec<String>), OpenError> {
    let unreadable = |source| OpenError::Directory { region: None, directory: path.to_owned(), source };
    let directory = Directory::open(path).map_err(unreadable)?;
    let names = directory.names().map_err(unreadable)?;
    Ok((directory, names))
}
