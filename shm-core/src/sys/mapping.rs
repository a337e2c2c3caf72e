//! Mapped memory: of a region, as its header page and the words of its slots, and of a block, as bytes. All of it is only
//! ever seen as atomics.
//!
//! # Invariants
//!
//! A mapping starts at a page. Any bytes are a valid value of an atomic, and a race with another process is defined for
//! them. What was mapped read-only is reached by loads only. It stays mapped until its owner is dropped or, for a block,
//! changes its length, for which one must have it alone.
//!
//! *Region.* The whole file is mapped: at least `HEADER_BYTES`, and a multiple of 8.
//!
//! *Block.* `stores` says whether it was mapped for writing; only then a store reaches it.
//!
//! What remains is the file's owner cutting it short: the kernel then answers an access with SIGBUS.
#![allow(unsafe_code)]

use super::file::Access;
use memmap2::{MmapOptions, MmapRaw, RemapOptions, UncheckedAdvice};
use shm_ring::copy::WORD;
use shm_ring::header::{HEADER_BYTES, Header, StaticHeader};
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU8, AtomicU64};

/// The memory of a region; see the file's `# Invariants`.
#[derive(Debug)]
pub struct RegionMapping {
    raw: MmapRaw,
    // Where the slots start, in bytes: a multiple of 128 within the mapping.
    slots_start: usize,
}

impl RegionMapping {
    /// Maps the whole file, whose length was compared with the header's.
    pub fn new(file: &File, static_header: &StaticHeader, access: Access) -> io::Result<Self> {
        let length = usize::try_from(static_header.region_bytes).map_err(io::Error::other)?;
        assert!(length >= HEADER_BYTES as usize && length.is_multiple_of(WORD), "a checked header's length");
        let options = options(0, length);
        let raw = match access {
            Access::Read => options.map_raw_read_only(file)?,
            Access::Write => options.map_raw(file)?,
        };
        // A writer that dumps core holds its lock until that is done, and its region can be looked at without it. Where the
        // kernel refuses, the dump takes longer.
        let _ = raw.advise(memmap2::Advice::DontDump);
        // The header was checked: the slots lie within the file.
        let slots_start = usize::try_from(static_header.slots_offset()).map_err(io::Error::other)?;
        assert!(slots_start <= length && slots_start.is_multiple_of(WORD), "a checked header's slots");
        Ok(Self { raw, slots_start })
    }

    /// The header page.
    #[inline]
    pub fn header(&self) -> &Header {
        // SAFETY: Region: aligned to a page, at least as long as a header, and mapped as long as `self`; a header is
        // atomics only.
        unsafe { &*self.raw.as_ptr().cast::<Header>() }
    }

    /// The words of the slots, and what lies between the last one and the end of the file.
    #[inline]
    pub fn words(&self) -> &[AtomicU64] {
        let bytes = self.raw.len() - self.slots_start;
        // SAFETY: by `slots_start` this is within the mapping, which is one allocation.
        let first = unsafe { self.raw.as_ptr().add(self.slots_start) };
        // SAFETY: from a multiple of 128 up to the end of the mapping, mapped as long as `self`, atomics only.
        unsafe { std::slice::from_raw_parts(first.cast::<AtomicU64>(), bytes / WORD) }
    }
}

/// How the bytes of a map are going to be used, for [`Block::madvise`](crate::Block::madvise).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Advice {
    /// In no special way.
    Normal,
    /// Here and there: do not read ahead.
    Random,
    /// From start to end: read far ahead.
    Sequential,
    /// Soon: read it in now.
    WillNeed,
    /// Not soon: its pages may be given up. What was stored in copy-on-write memory is lost: such pages are then as they are in the file, or zero.
    DontNeed,
}

/// The memory of a block; see the file's `# Invariants`.
#[derive(Debug)]
pub struct BlockMapping {
    raw: MmapRaw,
    stores: bool,
}

impl BlockMapping {
    /// Maps `len` bytes of a file, whose owner sees what is stored.
    pub fn shared(file: &File, offset: u64, len: usize, stores: bool) -> io::Result<Self> {
        let options = options(offset, len);
        let raw = if stores { options.map_raw(file)? } else { options.map_raw_read_only(file)? };
        Ok(Self { raw, stores })
    }

    /// Maps `len` bytes of a file, of which what is stored stays with this process.
    pub fn private(file: &File, offset: u64, len: usize) -> io::Result<Self> {
        // SAFETY: no slice is made of it, but by `as_slice`, which has the same contract; see the invariants.
        let map = unsafe { options(offset, len).map_copy(file)? };
        Ok(Self { raw: map.into(), stores: true })
    }

    /// Maps `len` zero bytes that nobody else has.
    pub fn private_zeros(len: usize) -> io::Result<Self> {
        Ok(Self { raw: options(0, len).map_anon()?.into(), stores: true })
    }

    /// The length in bytes.
    pub fn len(&self) -> usize {
        self.raw.len()
    }

    /// All of its bytes. Stores may reach them only if it was mapped for that.
    pub fn bytes(&self) -> &[AtomicU8] {
        // SAFETY: by the invariants there are `len` bytes, mapped as long as `self` is borrowed, and atomics.
        unsafe { std::slice::from_raw_parts(self.raw.as_ptr().cast(), self.len()) }
    }

    /// All of its bytes, as such.
    ///
    /// # Safety
    ///
    /// As long as the slice lives, nobody may store to them or cut the file.
    pub unsafe fn as_slice(&self) -> &[u8] {
        // SAFETY: there are `len` bytes, mapped as long as `self` is borrowed; the caller keeps stores away.
        unsafe { std::slice::from_raw_parts(self.raw.as_ptr(), self.len()) }
    }

    /// All of its bytes, to be changed.
    ///
    /// # Safety
    ///
    /// As long as the slice lives, nobody else may load or store them, or cut the file.
    ///
    /// # Panics
    ///
    /// If it was not mapped for writing.
    pub unsafe fn as_mut_slice(&mut self) -> &mut [u8] {
        assert!(self.stores, "mapped for writing");
        // SAFETY: there are `len` writable bytes, mapped as long as `self` is borrowed; the caller keeps all others away.
        unsafe { std::slice::from_raw_parts_mut(self.raw.as_mut_ptr(), self.len()) }
    }

    /// Changes the length. The file must reach up to there.
    pub fn remap(&mut self, len: usize) -> io::Result<()> {
        // SAFETY: nobody else has a reference into it, and the caller has seen to the file's length.
        unsafe { self.raw.remap(len, RemapOptions::new().may_move(true)) }
    }

    /// Waits until these bytes, which lie within it, are in the file.
    pub fn flush(&self, offset: usize, len: usize) -> io::Result<()> {
        self.raw.flush_range(offset, len)
    }

    /// Gives advice on these bytes, which lie within it.
    pub fn advise(&self, advice: Advice, start: usize, len: usize) -> io::Result<()> {
        let advice = match advice {
            Advice::Normal => memmap2::Advice::Normal,
            Advice::Random => memmap2::Advice::Random,
            Advice::Sequential => memmap2::Advice::Sequential,
            Advice::WillNeed => memmap2::Advice::WillNeed,
            Advice::DontNeed => {
                // SAFETY: it stays mapped. Bytes may change, as they may at any time in atomics.
                return unsafe { self.raw.unchecked_advise_range(UncheckedAdvice::DontNeed, start, len) };
            }
        };
        self.raw.advise_range(advice, start, len)
    }
}

fn options(offset: u64, len: usize) -> MmapOptions {
    let mut options = MmapOptions::new();
    options.offset(offset).len(len);
    options
}

/// The size of a page in bytes.
pub fn page_bytes() -> usize {
    rustix::param::page_size()
}
