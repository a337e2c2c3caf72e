//! Region files: what an open one is. Opening and checking them, making them, putting one in another's place, and who may
//! write them are in the files below.

use crate::error::OpenError;
use crate::sys::clock::boot_id;
use crate::sys::file::{self, Identity, Stat};
use crate::sys::mapping::RegionMapping;
use location::Location;
use shm_ring::copy::WORD;
use shm_ring::header::{Header, STATE_CLOSED, StaticHeader};
use shm_ring::{Ring, Shape};
use std::fs::File;
use std::sync::atomic::Ordering::Relaxed;

pub mod draft;
pub mod format;
pub mod location;
pub mod open;
pub mod replace;
pub mod tenure;
#[cfg(test)]
mod tests;

/// The largest region that is opened unless the caller says otherwise: 1 TiB.
pub const MAX_REGION_BYTES: u64 = 1 << 40;
/// What is wrong with a plain value in a region that did not [survive cleanly](Region::survived_cleanly).
pub const NOT_BELIEVED: &str = "it has no checksum, and the machine restarted before the writer closed the region";

/// An open region: its checked header and its memory.
#[derive(Debug)]
pub struct Region {
    /// The checked copy of what is written once.
    pub static_header: StaticHeader,
    /// The records behind the header page.
    pub descriptor: Vec<u8>,
    /// Which file this is.
    pub identity: Identity,
    /// The file's permission bits when it was opened.
    pub mode: u32,
    /// The user that the file belongs to.
    pub owner: u32,
    // The ring's sizes, worked out once.
    shape: Shape,
    // Kept open only for writing.
    file: Option<File>,
    mapping: RegionMapping,
}

impl Region {
    fn of(
        static_header: StaticHeader,
        descriptor: Vec<u8>,
        stat: &Stat,
        mapping: RegionMapping,
        file: Option<File>,
    ) -> Self {
        let shape = shape_of(&static_header);
        Self {
            static_header,
            descriptor,
            identity: stat.identity,
            mode: stat.mode,
            owner: stat.owner,
            shape,
            file,
            mapping,
        }
    }

    /// The header page.
    #[inline]
    pub fn header(&self) -> &Header {
        self.mapping.header()
    }

    /// The ring's sizes.
    #[inline]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The ring in the region.
    #[inline]
    pub fn ring(&self) -> Ring<'_> {
        Ring::new(&self.mapping.header().hot, self.mapping.words(), self.shape)
    }

    /// The file's permission bits and group, as they are now. Only of a region that was opened for writing.
    pub fn permissions(&self, location: &Location) -> Result<(u32, u32), OpenError> {
        let stat = file::stat(self.opened_for_writing()).map_err(|error| location.io_error("inspect region", error))?;
        Ok((stat.mode, stat.group))
    }

    /// Changes the file's permission bits. Only of a region that was opened for writing.
    pub fn set_mode(&self, location: &Location, mode: u32) -> Result<(), OpenError> {
        let changed = file::set_mode(self.opened_for_writing(), mode);
        changed.map_err(|error| location.io_error("change the mode of region", error))
    }

    fn opened_for_writing(&self) -> &File {
        self.file.as_ref().expect("opened for writing")
    }

    /// Whether plain values can be believed: not after a reboot that came without a clean close.
    pub fn survived_cleanly(&self) -> bool {
        let boot_id = boot_id();
        let same_boot = boot_id == 0 || self.static_header.boot_id == 0 || self.static_header.boot_id == boot_id;
        same_boot || self.header().hot.state.load(Relaxed) == STATE_CLOSED
    }
}

/// The sizes of a ring by a header that was checked, so that it fits the mapping.
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
