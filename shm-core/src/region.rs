//! Region files: an open region, with its checked header and its memory. The files below this one open
//! and check regions, create and replace them, and decide which process may write to them.

use crate::error::OpenError;
use crate::sys::clock::boot_id;
use crate::sys::file::{self, Access, At, Identity, Stat, is_no_space};
use crate::sys::file_system::{copies_for_writing, is_in_memory};
use crate::sys::mapping::RegionMapping;
use crate::sys::reserve::{Length, reserve};
use location::Location;
use shm_ring::copy::WORD;
use shm_ring::header::{Header, STATE_CLOSED, StaticHeader};
use shm_ring::{Ring, Shape};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::atomic::Ordering::Relaxed;

pub mod draft;
pub mod format;
pub mod location;
pub mod open;
pub mod replace;
pub mod tenure;
#[cfg(test)]
mod tests;

/// The size of the largest region that is opened by default: 1 TiB.
pub const MAX_REGION_BYTES: u64 = 1 << 40;
/// The problem that is reported for a value without a checksum in a region that did not
/// [survive cleanly](Region::survived_cleanly).
pub const NOT_BELIEVED: &str = "it has no checksum, and the machine restarted before the writer closed the region";

/// The size of the largest region whose pages a writer maps in advance. Above it, most values are large,
/// and may not fill the ring even once.
const POPULATED_BYTES_MAX: u64 = 65 << 20;

/// An open region: its checked header and its memory.
#[derive(Debug)]
pub struct Region {
    /// A checked copy of the static header.
    pub static_header: StaticHeader,
    /// The records after the header page.
    pub descriptor: Vec<u8>,
    /// The identity of the region's file.
    pub identity: Identity,
    /// The file's permission bits when it was opened.
    pub mode: u32,
    /// The id of the user that owns the file.
    pub owner: u32,
    /// Whether each page of the file already is in this process's memory.
    pub is_populated: bool,
    // Whether the file system keeps its files in memory. Such a file is not older than the kernel.
    is_in_memory: bool,
    // The ring's sizes, calculated once.
    shape: Shape,
    // Kept open only if the region was opened for writing.
    file: Option<File>,
    mapping: RegionMapping,
}

impl Region {
    fn of(
        static_header: StaticHeader,
        descriptor: Vec<u8>,
        stat: &Stat,
        mapping: RegionMapping,
        file: File,
        access: Access,
    ) -> Self {
        let shape = shape_of(&static_header);
        Self {
            static_header,
            descriptor,
            identity: stat.identity,
            mode: stat.mode,
            owner: stat.owner,
            is_populated: false,
            is_in_memory: is_in_memory(&file),
            shape,
            file: (access == Access::Write).then_some(file),
            mapping,
        }
    }

    /// Maps all pages for a writer now, if the file is in memory and not too large. The kernel clears a page
    /// when it is first used. Doing this for all pages at once takes half as long as the page faults of the
    /// first lap, and does not slow down a publication.
    pub fn populated(mut self) -> Self {
        let is_small = self.static_header.region_bytes <= POPULATED_BYTES_MAX;
        self.is_populated = is_small && self.is_in_memory && self.mapping.populate().is_ok();
        self
    }

    /// Returns the header page.
    #[inline]
    pub fn header(&self) -> &Header {
        self.mapping.header()
    }

    /// Returns the ring's sizes.
    #[inline]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Returns the region's ring.
    #[inline]
    pub fn ring(&self) -> Ring<'_> {
        Ring::new(&self.mapping.header().hot, self.mapping.words(), self.shape)
    }

    /// Returns the file's current permission bits and group. The region must have been opened for writing.
    pub fn permissions(&self, location: &Location) -> Result<(u32, u32), OpenError> {
        let stat = file::stat(self.opened_for_writing()).map_err(|error| location.io_error("inspect region", error))?;
        Ok((stat.mode, stat.group))
    }

    /// Changes the file's permission bits. The region must have been opened for writing.
    pub fn set_mode(&self, location: &Location, mode: u32) -> Result<(), OpenError> {
        let changed = file::set_mode(self.opened_for_writing(), mode);
        changed.map_err(|error| location.io_error("change the mode of region", error))
    }

    /// Writes a part of the payload of value n to the file, for a slot whose pages are not mapped yet. Fails
    /// without a consequence: what was not written is copied to the memory.
    pub fn write_payload(&self, sequence: u64, offset: usize, bytes: &[u8]) -> io::Result<()> {
        let header = &self.static_header;
        let slot = header.slots_offset() + (sequence % header.slots) * header.stride;
        self.opened_for_writing().write_all_at(bytes, slot + u64::from(header.payload_offset) + offset as u64)
    }

    /// Returns whether readers may have mapped another file of the same identity; see [`copies_for_writing`].
    pub fn may_be_a_copy(&self) -> bool {
        copies_for_writing(self.opened_for_writing())
    }

    fn opened_for_writing(&self) -> &File {
        self.file.as_ref().expect("opened for writing")
    }

    /// Allocates pages for the holes of the file, if it has any. A region has none, but a copy of its file may have
    /// some. On a file system without `fallocate`, the holes stay.
    pub fn fill_holes(&self, location: &Location) -> Result<(), OpenError> {
        let file = self.opened_for_writing();
        let stat = file::stat(file).map_err(|error| location.io_error("inspect region", error))?;
        if stat.stored_bytes >= stat.bytes {
            return Ok(());
        }
        reserve(file, Length::Kept, 0, stat.bytes).or_else(|error| match error.kind() {
            ErrorKind::Unsupported => Ok(()),
            _ if is_no_space(&error) => Err(location.no_space(stat.bytes - stat.stored_bytes, &error)),
            _ => Err(location.io_error("reserve space for region", error)),
        })
    }

    /// Returns whether the machine has run without a restart since the file was created, as far as this is known.
    ///
    /// The boot ids of containers on one kernel can differ, but a file in memory is never older than the kernel.
    pub fn is_of_this_boot(&self) -> bool {
        let (found, present) = (self.static_header.boot_id, boot_id());
        self.is_in_memory || found == 0 || present == 0 || found == present
    }

    /// Returns whether values without a checksum can be trusted. They cannot be trusted if the machine was
    /// restarted and the region had not been closed cleanly.
    pub fn survived_cleanly(&self) -> bool {
        self.is_of_this_boot() || self.header().hot.state.load(Relaxed) == STATE_CLOSED
    }
}

/// Calculates the sizes of a ring. The header was checked, so the ring fits into the mapping.
fn shape_of(static_header: &StaticHeader) -> Shape {
    let words = |bytes: u64| usize::try_from(bytes).expect("within a mapping") / WORD;
    Shape {
        slots: static_header.slots,
        stride_words: words(static_header.stride),
        payload_word: words(u64::from(static_header.payload_offset)),
        capacity: words(static_header.capacity) * WORD,
        checksummed: static_header.has_checksums(),
    }
}
