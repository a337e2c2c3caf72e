//! Plain memory that both processes map, on which the limits are measured. It has no protocol.
//!
//! # Invariants
//!
//! A `Bare` owns a shared mapping of a whole file. The mapping starts at a page boundary and stays
//! mapped until the `Bare` is dropped. Only the benchmark's two processes use the file, and neither
//! truncates it. Only atomics ever refer to its bytes. Plain bytes are only copied, by their
//! addresses, into and out of this process's own memory. Bytes that are copied while the other
//! process stores there may be a mixture; any bytes are valid, and the callers check a stamp before
//! and after.
#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::hint::black_box;
use std::marker::PhantomData;
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicU64};

use anyhow::{Context, Result};
use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{FallocateFlags, fallocate};

/// Shared memory without a header.
#[derive(Debug)]
pub struct Bare {
    raw: MmapRaw,
}

impl Bare {
    /// Creates the file, with its pages reserved and all bytes zero.
    pub fn create(path: &Path, bytes: usize) -> Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).open(path);
        let file = file.with_context(|| format!("cannot create '{}'", path.display()))?;
        let reserved = fallocate(&file, FallocateFlags::empty(), 0, bytes as u64);
        reserved.with_context(|| format!("cannot reserve {bytes} bytes for '{}'", path.display()))?;
        Self::map(&file, path)
    }

    /// Maps the file that the other process created.
    pub fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path);
        Self::map(&file.with_context(|| format!("cannot open '{}'", path.display()))?, path)
    }

    /// Maps a file for loads only.
    pub fn open_read_only(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot open '{}'", path.display()))?;
        let raw = MmapOptions::new().map_raw_read_only(&file);
        Ok(Self { raw: raw.with_context(|| format!("cannot map '{}'", path.display()))? })
    }

    fn map(file: &File, path: &Path) -> Result<Self> {
        let raw = MmapOptions::new().map_raw(file);
        Ok(Self { raw: raw.with_context(|| format!("cannot map '{}'", path.display()))? })
    }

    /// Returns the word that begins at byte `at`.
    #[inline(always)]
    pub fn word(&self, at: usize) -> &AtomicU64 {
        assert!(at.is_multiple_of(size_of::<AtomicU64>()));
        let word = self.address(at, size_of::<AtomicU64>()).cast::<AtomicU64>();
        // SAFETY: the word is within the mapping, which outlives the reference. It is aligned,
        // because the mapping starts at a page boundary. An atomic may be shared with another
        // process.
        unsafe { &*word }
    }

    /// Returns the half word that begins at byte `at`.
    #[inline(always)]
    pub fn half_word(&self, at: usize) -> &AtomicU32 {
        assert!(at.is_multiple_of(size_of::<AtomicU32>()));
        let word = self.address(at, size_of::<AtomicU32>()).cast::<AtomicU32>();
        // SAFETY: as for `word`.
        unsafe { &*word }
    }

    /// Copies bytes in, starting at byte `at`, with `memcpy`.
    #[inline(always)]
    pub fn copy_in(&self, at: usize, bytes: &[u8]) {
        // SAFETY: the whole target is within the mapping, and the source is this process's own
        // memory, so they do not overlap.
        unsafe { move_bytes(bytes.as_ptr(), self.address(at, bytes.len()), bytes.len()) }
    }

    /// Fills `bytes` with the bytes starting at byte `at`, with `memcpy`.
    #[inline(always)]
    pub fn copy_out(&self, at: usize, bytes: &mut [u8]) {
        // SAFETY: the whole source is within the mapping, and the target is this process's own
        // memory, so they do not overlap.
        unsafe { move_bytes(self.address(at, bytes.len()), bytes.as_mut_ptr(), bytes.len()) }
        black_box(bytes.as_mut_ptr()); // the compiler must not omit any part of the copy
    }

    /// Returns the bytes starting at `at`. Their range is checked here once, instead of at each
    /// copy.
    pub fn span(&self, at: usize, bytes: usize) -> Span<'_> {
        Span { first: self.address(at, bytes), bytes, mapping: PhantomData }
    }

    /// Returns the address of byte `at`, after checking that `bytes` bytes from there are mapped.
    #[inline(always)]
    fn address(&self, at: usize, bytes: usize) -> *mut u8 {
        assert!(at <= self.raw.len() && bytes <= self.raw.len() - at, "within the mapping");
        // SAFETY: the address is within the mapping, which is one allocation.
        unsafe { self.raw.as_mut_ptr().add(at) }
    }
}

/// A part of a `Bare`. The `bytes` bytes from `first` on are mapped as long as the span lives.
pub struct Span<'a> {
    first: *const u8,
    bytes: usize,
    mapping: PhantomData<&'a Bare>,
}

impl Span<'_> {
    /// Fills `bytes`, which must have the length of the span.
    #[inline(always)]
    pub fn copy_out(&self, bytes: &mut [u8]) {
        assert!(bytes.len() == self.bytes, "a span is copied as a whole");
        // SAFETY: the whole source is mapped, and the target is this process's own memory, so they
        // do not overlap.
        unsafe { move_bytes(self.first, bytes.as_mut_ptr(), self.bytes) }
        black_box(bytes.as_mut_ptr()); // as above
    }
}

/// Copies with `memcpy`. For the lengths that most rows use, the compiler generates a few moves
/// instead of a call, as it does for a program that knows its type.
///
/// # Safety
///
/// The same as for `ptr::copy_nonoverlapping`.
#[inline(always)]
unsafe fn move_bytes(from: *const u8, to: *mut u8, bytes: usize) {
    macro_rules! move_exactly {
        ($($known:literal),*) => {
            match bytes {
                // SAFETY: the caller guarantees it.
                $($known => unsafe { ptr::copy_nonoverlapping(from, to, $known) },)*
                // SAFETY: the caller guarantees it.
                _ => unsafe { ptr::copy_nonoverlapping(from, to, bytes) },
            }
        };
    }
    move_exactly!(8, 40, 64);
}
