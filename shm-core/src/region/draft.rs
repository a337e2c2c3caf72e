//! A region in the making: a file under a hidden name, which gets the region's name once it is complete.

use super::Region;
use super::open::check_limit;
use super::place::Place;
use crate::error::{Error, Result};
use crate::sys::file::{self, Access, At, is_no_space};
use crate::sys::mapping::RegionMapping;
use crate::sys::reserve::{Length, reserve};
use shm_ring::header::{Fixed, HEADER_BYTES};
use std::fs::File;
use std::io::{self, ErrorKind};

#[cfg(test)]
mod tests;

/// A region in the making, under a name that only the lock's holder touches. Dropped, it is removed.
#[derive(Debug)]
pub struct Draft<'a> {
    place: &'a Place,
    /// Empty once the file has the region's name.
    file: String,
    region: Option<Region>,
}

impl<'a> Draft<'a> {
    /// Makes the file, with its pages reserved, its header written and its permissions set.
    ///
    /// The holder of the writer's lock alone may call this. `group` is kept from a region that is replaced.
    pub fn new(place: &'a Place, fixed: Fixed, descriptor: &[u8], mode: u32, group: Option<u32>) -> Result<Self> {
        let limit = "the limit on the size of files; raise it with ulimit -f";
        check_limit(place, fixed.region_bytes, file::length_limit(), limit)?;
        remove_draft(place);
        let (name, made) = match place.directory().create_file(&place.draft_file()) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let spare = place.spare_draft_file()?;
                let made = place.directory().create_file(&spare);
                (spare, made)
            }
            made => (place.draft_file(), made),
        };
        let file = made.map_err(|error| explain_create(place, fixed.region_bytes, error))?;
        let mut draft = Self { place, file: name, region: None };
        draft.region = Some(draft.build(file, fixed, descriptor, mode, group)?);
        Ok(draft)
    }

    fn build(&self, file: File, fixed: Fixed, descriptor: &[u8], mode: u32, group: Option<u32>) -> Result<Region> {
        let place = self.place;
        let explain = |error| explain_create(place, fixed.region_bytes, error);
        reserve(&file, Length::Extended, 0, fixed.region_bytes).map_err(explain)?;
        let written = file.write_all_at(&fixed.to_bytes(), 0);
        let written = written.and_then(|()| file.write_all_at(descriptor, u64::from(HEADER_BYTES)));
        written.map_err(|error| place.io_error("write region", error))?;
        let stat = file::stat(&file).map_err(explain)?;
        if let Some(group) = group.filter(|group| *group != stat.group) {
            file::set_group(&file, group).map_err(|error| place.io_error("keep the group of region", error))?;
        }
        file::set_mode(&file, mode).map_err(explain)?;
        let stat = file::stat(&file).map_err(explain)?;
        let mapping = RegionMapping::new(&file, &fixed, Access::Write);
        let mapping = mapping.map_err(|error| place.io_error("map region", error))?;
        Ok(Region::of(fixed, descriptor.to_vec(), &stat, mapping, Some(file)))
    }

    /// The region, to be filled before anyone else sees it.
    pub fn region(&self) -> &Region {
        self.region.as_ref().expect("built by new")
    }

    /// Gives the region its name. Returns `None` if there is a file of this name by now.
    pub fn create(self) -> Result<Option<Region>> {
        match self.place.directory().rename_to_free(&self.file, self.place.file()) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(explain_create(self.place, 0, error)),
            Ok(()) => Ok(self.finish()),
        }
    }

    /// Puts the region in the place of the one that has its name.
    pub fn replace(self) -> Result<Region> {
        match self.place.directory().rename_over(&self.file, self.place.file()) {
            Err(error) => Err(self.place.io_error("replace region", error)),
            Ok(()) => Ok(self.finish().expect("built by new")),
        }
    }

    fn finish(mut self) -> Option<Region> {
        self.file.clear();
        self.region.take()
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if !self.file.is_empty() {
            // Nothing more can be done here; whoever makes the next draft removes it.
            let _ = self.place.directory().remove_file(&self.file);
        }
    }
}

/// Removes an unfinished file. Only for the holder of the writer's lock.
///
/// It may be somebody else's, who planted it in a directory for all, and then stays: the next draft gets another name.
pub fn remove_draft(place: &Place) {
    let _ = place.directory().remove_file(&place.draft_file());
}

fn explain_create(place: &Place, needed: u64, error: io::Error) -> Error {
    let region = place.shown.clone();
    match error.kind() {
        _ if is_no_space(&error) => place.no_space(needed),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Error::Permission {
            action: "create region",
            region,
            remedy: "it needs write permission in its directory; set SHM_DIR to another".into(),
        },
        ErrorKind::Unsupported | ErrorKind::InvalidInput => Error::FileSystem { region },
        _ => place.io_error("create region", error),
    }
}
