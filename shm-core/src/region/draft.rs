//! Drafts: unfinished region files under a hidden name, which get the region's name when they are
//! complete.

use super::Region;
use super::location::Location;
use super::open::check_limit;
use crate::error::{Denied, Limit, OpenError};
use crate::sys::file::{self, Access, At, is_marked, is_no_space};
use crate::sys::file_system::{huge_page_bytes, store_in_place};
use crate::sys::mapping::{RegionMapping, store_at};
use crate::sys::reserve::{Length, reserve};
use shm_ring::header::{HEADER_BYTES, StaticHeader};
use std::fs::File;
use std::io::{self, ErrorKind};

#[cfg(test)]
mod tests;

/// An unfinished region, under a name that only the holder of the lock uses. Dropping the draft removes
/// the file.
#[derive(Debug)]
pub struct Draft<'a> {
    location: &'a Location,
    /// Empty after the file has got the region's name.
    file: String,
    region: Option<Region>,
}

impl<'a> Draft<'a> {
    /// Creates the file, reserves its pages, writes its header and sets its permissions.
    ///
    /// Only the holder of the writer's lock may call this. `group` is the group of the region that is being
    /// replaced, which the new file keeps.
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
                if location.is_own_file(&location.draft_file())? {
                    return Err(location.directory_is_marked());
                }
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
        store_in_place(&file);
        reserve(&file, Length::Extended, 0, static_header.region_bytes).map_err(|error| {
            // Gives back the pages that were reserved, so that the message counts them as free.
            let _ = file.set_len(0);
            explain(error)
        })?;
        let explain_step = |action, error| match is_no_space(&error) {
            true => explain(error),
            false => location.io_error(action, error),
        };
        let written = write_head(&file, &static_header, descriptor);
        written.map_err(|error| explain_step("write region", error))?;
        let stat = file::stat(&file).map_err(explain)?;
        // The group matters only if its members do not have the same permissions as everyone.
        if let Some(group) = group.filter(|group| *group != stat.group && mode >> 3 & 7 != mode & 7) {
            file::set_group(&file, group).map_err(|error| match error.kind() {
                // A group that the user namespace does not map is reported as an invalid argument.
                ErrorKind::PermissionDenied | ErrorKind::InvalidInput => location.denied(Denied::Group { group }),
                _ => location.io_error("set the group of region", error),
            })?;
        }
        file::set_mode(&file, mode).map_err(|error| explain_step("set the mode of region", error))?;
        let stat = file::stat(&file).map_err(explain)?;
        let mapping = RegionMapping::new(&file, &static_header, Access::Write);
        let mapping = mapping.map_err(|error| location.io_error("map region", error))?;
        Ok(Region::of(static_header, descriptor.to_vec(), &stat, mapping, file, Access::Write).populated())
    }

    /// Returns the region. The caller fills it before other processes see it.
    pub fn region(&self) -> &Region {
        self.region.as_ref().expect("built by new")
    }

    /// Gives the file the region's name. Returns `None` if another file has this name by now.
    pub fn create(self) -> Result<Option<Region>, OpenError> {
        match self.location.directory().rename_to_free(&self.file, self.location.file()) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(explain_create(self.location, 0, error)),
            Ok(()) => Ok(self.finish()),
        }
    }

    /// Gives the file the region's name, and so replaces the file that has this name now.
    pub fn replace(self) -> Result<Region, OpenError> {
        match self.location.directory().rename_over(&self.file, self.location.file()) {
            Err(error) if error.kind() == ErrorKind::ResourceBusy => Err(self.location.mounted("replace")),
            Err(error) if is_no_space(&error) => Err(explain_create(self.location, 0, error)),
            Err(error) if is_marked(&error) => Err(self.location.directory_is_marked()),
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
            // An error cannot be reported from here. The next draft of this region removes the file.
            let _ = self.location.directory().remove_file(&self.file);
        }
    }
}

/// Removes an unfinished file. Only the holder of the writer's lock may call this.
///
/// In a shared directory, another user may have created this file on purpose. It then cannot be
/// removed, and the next draft uses another name.
pub fn remove_draft(location: &Location) {
    let _ = location.directory().remove_file(&location.draft_file());
}

/// Writes the static header and the descriptor.
fn write_head(file: &File, static_header: &StaticHeader, descriptor: &[u8]) -> io::Result<()> {
    let parts = [(0, &static_header.to_bytes()[..]), (u64::from(HEADER_BYTES), descriptor)];
    if huge_page_bytes(file).is_some() {
        return store_at(file, static_header.region_bytes, parts);
    }
    parts.into_iter().try_for_each(|(offset, bytes)| file.write_all_at(bytes, offset))
}

fn explain_create(location: &Location, needed: u64, error: io::Error) -> OpenError {
    match error.kind() {
        _ if is_no_space(&error) => location.no_space(needed, &error),
        _ if is_marked(&error) => location.directory_is_marked(),
        ErrorKind::PermissionDenied => location.denied(Denied::Create),
        ErrorKind::Unsupported | ErrorKind::InvalidInput => location.unsuitable_file_system(),
        _ => location.io_error("create region", error),
    }
}
