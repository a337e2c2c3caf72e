//! A region in the making: a file under a hidden name, which gets the region's name once it is complete.

use super::Region;
use super::location::Location;
use super::open::check_limit;
use crate::error::{Denied, Limit, OpenError};
use crate::sys::file::{self, Access, At, is_no_space};
use crate::sys::mapping::RegionMapping;
use crate::sys::reserve::{Length, reserve};
use shm_ring::header::{HEADER_BYTES, StaticHeader};
use std::fs::File;
use std::io::{self, ErrorKind};

#[cfg(test)]
mod tests;

/// A region in the making, under a name that only the lock's holder touches. Dropped, it is removed.
#[derive(Debug)]
pub struct Draft<'a> {
    location: &'a Location,
    /// Empty once the file has the region's name.
    file: String,
    region: Option<Region>,
}

impl<'a> Draft<'a> {
    /// Makes the file, with its pages reserved, its header written and its permissions set.
    ///
    /// The holder of the writer's lock alone may call this. `group` is kept from a region that is replaced.
    pub fn new(
        location: &'a Location,
        static_header: StaticHeader,
        descriptor: &[u8],
        mode: u32,
        group: Option<u32>,
    ) -> Result<Self, OpenError> {
        check_limit(location, static_header.region_bytes, file::length_limit(), Limit::FileSize)?;
        remove_draft(location);
        let (name, made) = match location.directory().create_file(&location.draft_file()) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let spare = location.spare_draft_file()?;
                let made = location.directory().create_file(&spare);
                (spare, made)
            }
            made => (location.draft_file(), made),
        };
        let file = made.map_err(|error| explain_create(location, static_header.region_bytes, error))?;
        let mut draft = Self { location, file: name, region: None };
        draft.region = Some(draft.build(file, static_header, descriptor, mode, group)?);
        Ok(draft)
    }

    fn build(
        &self,
        file: File,
        static_header: StaticHeader,
        descriptor: &[u8],
        mode: u32,
        group: Option<u32>,
    ) -> Result<Region, OpenError> {
        let location = self.location;
        let explain = |error| explain_create(location, static_header.region_bytes, error);
        reserve(&file, Length::Extended, 0, static_header.region_bytes).map_err(explain)?;
        let written = file.write_all_at(&static_header.to_bytes(), 0);
        let written = written.and_then(|()| file.write_all_at(descriptor, u64::from(HEADER_BYTES)));
        written.map_err(|error| location.io_error("write region", error))?;
        let stat = file::stat(&file).map_err(explain)?;
        if let Some(group) = group.filter(|group| *group != stat.group) {
            file::set_group(&file, group).map_err(|error| location.io_error("set the group of region", error))?;
        }
        file::set_mode(&file, mode).map_err(explain)?;
        let stat = file::stat(&file).map_err(explain)?;
        let mapping = RegionMapping::new(&file, &static_header, Access::Write);
        let mapping = mapping.map_err(|error| location.io_error("map region", error))?;
        Ok(Region::of(static_header, descriptor.to_vec(), &stat, mapping, Some(file)))
    }

    /// The region, to be filled before anyone else sees it.
    pub fn region(&self) -> &Region {
        self.region.as_ref().expect("built by new")
    }

    /// Gives the region its name. Returns `None` if there is a file of this name by now.
    pub fn create(self) -> Result<Option<Region>, OpenError> {
        match self.location.directory().rename_to_free(&self.file, self.location.file()) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(explain_create(self.location, 0, error)),
            Ok(()) => Ok(self.finish()),
        }
    }

    /// Puts the region in the place of the one that has its name.
    pub fn replace(self) -> Result<Region, OpenError> {
        match self.location.directory().rename_over(&self.file, self.location.file()) {
            Err(error) => Err(self.location.io_error("replace region", error)),
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
            let _ = self.location.directory().remove_file(&self.file);
        }
    }
}

/// Removes an unfinished file. Only for the holder of the writer's lock.
///
/// It may be somebody else's, who planted it in a directory for all, and then stays: the next draft gets another name.
pub fn remove_draft(location: &Location) {
    let _ = location.directory().remove_file(&location.draft_file());
}

fn explain_create(location: &Location, needed: u64, error: io::Error) -> OpenError {
    let region = location.name.clone();
    match error.kind() {
        _ if is_no_space(&error) => location.no_space(needed),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            OpenError::Permission { region, denied: Denied::Create }
        }
        ErrorKind::Unsupported | ErrorKind::InvalidInput => location.unsuitable_file_system(),
        _ => location.io_error("create region", error),
    }
}
