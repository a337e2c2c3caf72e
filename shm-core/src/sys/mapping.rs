//! Mapped memory: of a region, as its header page and the words of its slots; and of a block, as bytes.
//! All of it is only ever accessed as atomics, except through slices for which the caller of an unsafe
//! function vouches.
//!
//! # Invariants
//!
//! A mapping starts at a page. Any bytes are a valid value of an atomic, and a race with another
//! process on atomics is defined. Memory that was mapped read-only is only loaded from. A mapping stays
//! mapped until its owner is dropped or, for a block, until its owner changes its length, which
//! requires exclusive access to the owner.
//!
//! *Region.* The whole file is mapped: at least `HEADER_BYTES`, and a multiple of 8.
//!
//! *Block.* At least `len` bytes are mapped. `stores` records whether the memory was mapped for
//! writing; only in that case is it stored to.
//!
//! One risk remains: the owner of the file can cut it short. The kernel then answers an access with
//! SIGBUS.
#![allow(unsafe_code)]

use super::file::Access;
use super::file_system::huge_page_bytes;
use memmap2::{MmapOptions, MmapRaw, RemapOptions, UncheckedAdvice};
use shm_ring::copy::WORD;
use shm_ring::header::{HEADER_BYTES, Header, StaticHeader};
use std::fs::File;
use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU8, AtomicU64};

/// The mapped memory of a region; see the `# Invariants` of this file.
#[derive(Debug)]
pub struct RegionMapping {
    raw: MmapRaw,
    // The offset of the first slot in bytes: a multiple of 128 within the mapping.
    slots_start: usize,
}

impl RegionMapping {
    /// Maps the whole file. The caller has compared the file's length with the header.
    pub fn new(file: &File, static_header: &StaticHeader, access: Access) -> io::Result<Self> {
        let length = usize::try_from(static_header.region_bytes).map_err(io::Error::other)?;
        assert!(length >= HEADER_BYTES as usize && length.is_multiple_of(WORD), "a checked header's length");
        let options = options(0, length);
        let raw = match access {
            Access::Read => options.map_raw_read_only(file)?,
            Access::Write => options.map_raw(file)?,
        };
        // A writer that dumps core holds its lock until the dump is complete. Its region can be inspected
        // without the dump, so it is left out. If the kernel refuses this advice, the dump takes longer.
        let _ = raw.advise(memmap2::Advice::DontDump);
        // The header was checked: the slots lie within the file.
        let slots_start = usize::try_from(static_header.slots_offset()).map_err(io::Error::other)?;
        assert!(slots_start <= length && slots_start.is_multiple_of(WORD), "a checked header's slots");
        Ok(Self { raw, slots_start })
    }

    /// Maps all pages for writing now, before they are touched.
    pub fn populate(&self) -> io::Result<()> {
        self.raw.advise(memmap2::Advice::PopulateWrite)
    }

    /// Returns the header page.
    #[inline]
    pub fn header(&self) -> &Header {
        // SAFETY: invariants of a region: aligned to a page, at least as long as a header, and mapped as long
        // as `self`; a header consists of atomics only.
        unsafe { &*self.raw.as_ptr().cast::<Header>() }
    }

    /// Returns the words of the slots, and any words between the last slot and the end of the file.
    #[inline]
    pub fn words(&self) -> &[AtomicU64] {
        let bytes = self.raw.len() - self.slots_start;
        // SAFETY: by `slots_start` this is within the mapping, which is one allocation.
        let first = unsafe { self.raw.as_ptr().add(self.slots_start) };
        // SAFETY: from a multiple of 128 up to the end of the mapping, mapped as long as `self`, atomics only.
        unsafe { std::slice::from_raw_parts(first.cast::<AtomicU64>(), bytes / WORD) }
    }
}

/// How a program is going to use the bytes of a block, for [`Block::madvise`](crate::Block::madvise).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Advice {
    /// In no particular way.
    Normal,
    /// In random order: the kernel should not read ahead.
    Random,
    /// From start to end: the kernel should read far ahead.
    Sequential,
    /// Soon: the kernel should read the bytes in now.
    WillNeed,
    /// Not soon: the kernel may give up the pages. Bytes that were stored to copy-on-write memory are lost;
    /// their pages contain the bytes of the file again, or zeros.
    DontNeed,
}

/// The mapped memory of a block; see the `# Invariants` of this file.
#[derive(Debug)]
pub struct BlockMapping {
    // Contains at least the block. Huge pages are mapped whole, because they can only be unmapped whole.
    raw: MmapRaw,
    len: usize,
    huge_page_bytes: Option<usize>,
    stores: bool,
}

impl BlockMapping {
    /// Maps `len` bytes of a file. Stores change the file.
    pub fn shared(file: &File, offset: u64, len: usize, stores: bool) -> io::Result<Self> {
        let huge_page_bytes = huge_page(file);
        let options = options(offset, whole_pages(len, huge_page_bytes)?);
        let raw = if stores { options.map_raw(file)? } else { options.map_raw_read_only(file)? };
        Ok(Self { raw, len, huge_page_bytes, stores })
    }

    /// Maps `len` bytes of a file. Stores change a private copy that only this process sees.
    pub fn private(file: &File, offset: u64, len: usize) -> io::Result<Self> {
        let huge_page_bytes = huge_page(file);
        let whole = whole_pages(len, huge_page_bytes)?;
        // SAFETY: the mapping is never seen as a slice, except through `as_slice` and `as_mut_slice`, which
        // have the same contract; see the invariants.
        let map = unsafe { options(offset, whole).map_copy(file)? };
        Ok(Self { raw: map.into(), len, huge_page_bytes, stores: true })
    }

    /// Maps `len` zero bytes that are private to this process.
    pub fn private_zeros(len: usize) -> io::Result<Self> {
        Ok(Self { raw: options(0, len).map_anon()?.into(), len, huge_page_bytes: None, stores: true })
    }

    /// Returns the length in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns the size of a page of the memory in bytes.
    pub fn page_bytes(&self) -> usize {
        self.huge_page_bytes.unwrap_or_else(page_bytes)
    }

    /// Returns all bytes as atomics. The caller may store to them only if they were mapped for writing.
    pub fn bytes(&self) -> &[AtomicU8] {
        // SAFETY: by the invariants there are `len` bytes, mapped as long as `self` is borrowed, and they are
        // atomics.
        unsafe { std::slice::from_raw_parts(self.raw.as_ptr().cast(), self.len()) }
    }

    /// Returns all bytes as a slice.
    ///
    /// # Safety
    ///
    /// While the slice exists, nobody may store to the bytes or cut the file.
    pub unsafe fn as_slice(&self) -> &[u8] {
        // SAFETY: there are `len` bytes, mapped as long as `self` is borrowed; the caller prevents stores.
        unsafe { std::slice::from_raw_parts(self.raw.as_ptr(), self.len()) }
    }

    /// Returns all bytes as a mutable slice.
    ///
    /// # Safety
    ///
    /// While the slice exists, nobody else may load or store the bytes, or cut the file.
    ///
    /// # Panics
    ///
    /// If the memory was not mapped for writing.
    pub unsafe fn as_mut_slice(&mut self) -> &mut [u8] {
        assert!(self.stores, "mapped for writing");
        // SAFETY: there are `len` writable bytes, mapped as long as `self` is borrowed; the caller prevents
        // all other access.
        unsafe { std::slice::from_raw_parts_mut(self.raw.as_mut_ptr(), self.len()) }
    }

    /// Changes the length. The file must be at least that long when the bytes are accessed. The number of
    /// huge pages cannot increase.
    pub fn remap(&mut self, len: usize) -> io::Result<()> {
        let whole = whole_pages(len, self.huge_page_bytes)?;
        if whole != self.raw.len() {
            // SAFETY: `&mut self` excludes other references into the mapping, and the caller makes sure of the
            // file's length before it ends its exclusive access.
            unsafe { self.raw.remap(whole, RemapOptions::new().may_move(true)) }?;
        }
        self.len = len;
        Ok(())
    }

    /// Waits until these bytes, which must lie within the mapping, are in the file.
    pub fn flush(&self, offset: usize, len: usize) -> io::Result<()> {
        self.raw.flush_range(offset, len)
    }

    /// Gives the kernel advice about these bytes, which must lie within the mapping.
    pub fn advise(&self, advice: Advice, start: usize, len: usize) -> io::Result<()> {
        // The kernel gives up only those huge pages that are within the range.
        let len = if start + len == self.len { self.raw.len() - start } else { len };
        let advice = match advice {
            Advice::Normal => memmap2::Advice::Normal,
            Advice::Random => memmap2::Advice::Random,
            Advice::Sequential => memmap2::Advice::Sequential,
            Advice::WillNeed => memmap2::Advice::WillNeed,
            Advice::DontNeed => {
                // SAFETY: the memory stays mapped. Its bytes may change, as the bytes of atomics may at any time.
                return unsafe { self.raw.unchecked_advise_range(UncheckedAdvice::DontNeed, start, len) };
            }
        };
        self.raw.advise_range(advice, start, len)
    }
}

/// Stores bytes in a file of `length` bytes through a mapping of all of it, where `write` is an error.
pub fn store_at(file: &File, length: u64, parts: [(u64, &[u8]); 2]) -> io::Result<()> {
    let mapping = BlockMapping::shared(file, 0, usize::try_from(length).map_err(io::Error::other)?, true)?;
    for (offset, bytes) in parts {
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let places = mapping.bytes().get(offset..).unwrap_or_default();
        places.iter().zip(bytes).for_each(|(place, byte)| place.store(*byte, Relaxed));
    }
    Ok(())
}

/// Returns the size of the file's pages if they are huge.
fn huge_page(file: &File) -> Option<usize> {
    usize::try_from(huge_page_bytes(file)?).ok()
}

/// Returns the length of the mapping for a block of `len` bytes.
fn whole_pages(len: usize, huge_page_bytes: Option<usize>) -> io::Result<usize> {
    let too_long = || io::Error::from(io::ErrorKind::OutOfMemory);
    len.checked_next_multiple_of(huge_page_bytes.unwrap_or(1)).ok_or_else(too_long)
}

fn options(offset: u64, len: usize) -> MmapOptions {
    let mut options = MmapOptions::new();
    options.offset(offset).len(len);
    options
}

/// Returns the size of a page in bytes.
pub fn page_bytes() -> usize {
    rustix::param::page_size()
}
