//! Whole words as fast as `memcpy` moves them: vector moves in assembly, 16 bytes each, and 32 where the processor can.
//!
//! # Invariants
//!
//! *Places.* A move gets a destination and a source, each valid for the given bytes, which are a multiple of eight. One
//! side is a slice of atomics, the other a slice of bytes that nobody else uses meanwhile, so they never overlap. No
//! instruction touches a byte outside of them.
//!
//! *Races.* The compiler knows of these accesses only that the assembly may read and write any memory that others can
//! reach (no `nomem`, no `readonly`). So it neither assumes anything about what they find nor moves an atomic access or
//! a fence across them. What is left is the processor, where a race of plain moves has a meaning: each byte read is one
//! that somebody wrote, and the order is the processor's own.
//!
//! *Order.* x86-64 keeps loads in order among themselves, and stores (Intel's manual, volume 3, "Memory Ordering"; AMD's
//! says the same for memory of type write-back), and takes vector moves for loads and stores like all others: those of
//! more than eight bytes count as several, in no order among themselves. That is at least what relaxed words promise
//! between fences. For the ring: no store of a payload is seen before its odd stamp or after its even one, and no load
//! of it happens before the first look at the stamp or after the second. Nothing here needs a move to be whole: a reader
//! that got parts of two values sees another stamp.
//!
//! *Not used.* Non-temporal stores would break that order, and have to be fenced. `rep movsb` would keep it, since its
//! stores are only unordered among themselves; but on AMD Zen 3 it is up to 40 times slower when source and destination
//! are not aligned alike, and several times slower when another core has the lines. Without string instructions the
//! direction flag does not matter.
#![allow(unsafe_code)]

use super::WORD;
use crate::sync::AtomicU64;
use core::arch::{asm, x86_64::_mm256_zeroupper};

cpufeatures::new!(avx, "avx");

/// Up to so many bytes are moved in place; more are worth a call.
const SHORT_BYTES: usize = 128;
/// Up to so many bytes are moved from both ends by AVX; more need a loop.
const AVX_ENDS_BYTES: usize = 256;

/// Stores each chunk into the word at its place.
///
/// # Panics
///
/// If the lengths differ.
#[inline(always)]
pub fn words_in(words: &[AtomicU64], chunks: &[[u8; WORD]]) {
    assert_eq!(words.len(), chunks.len());
    let destination = words.as_ptr().cast_mut().cast();
    // SAFETY: Places: both slices are as long as that, and atomics may be written through a shared reference.
    unsafe { move_words(destination, chunks.as_ptr().cast(), size_of_val(chunks)) }
}

/// Fills each chunk from the word at its place.
///
/// # Panics
///
/// If the lengths differ.
#[inline(always)]
pub fn words_out(words: &[AtomicU64], chunks: &mut [[u8; WORD]]) {
    assert_eq!(words.len(), chunks.len());
    // SAFETY: Places: both slices are as long as that.
    unsafe { move_words(chunks.as_mut_ptr().cast(), words.as_ptr().cast(), size_of_val(chunks)) }
}

/// # Safety
///
/// Places.
#[inline(always)]
unsafe fn move_words(destination: *mut u8, source: *const u8, bytes: usize) {
    match bytes {
        0 => {}
        // SAFETY: Places, and it is one word.
        1..16 => unsafe { move_one(destination, source) },
        // SAFETY: Places, and the length is as demanded.
        16..=32 => unsafe { move_16_to_32(destination, source, bytes) },
        // SAFETY: Places, and the length is as demanded.
        33..=64 => unsafe { move_32_to_64(destination, source, bytes) },
        // SAFETY: Places, and the length is as demanded.
        65..=SHORT_BYTES => unsafe { move_64_to_128(destination, source, bytes) },
        // SAFETY: Places, and the length is as demanded.
        _ => unsafe { move_long(destination, source, bytes) },
    }
}

/// # Safety
///
/// Places, with eight bytes.
#[inline(always)]
unsafe fn move_one(destination: *mut u8, source: *const u8) {
    // SAFETY: Places, Races.
    unsafe {
        asm!(
            "mov {word}, [{source}]",
            "mov [{destination}], {word}",
            source = in(reg) source,
            destination = in(reg) destination,
            word = out(reg) _,
            options(nostack, preserves_flags),
        );
    }
}

/// The first and the last 16 bytes, which may overlap.
///
/// # Safety
///
/// Places, with 16 to 32 bytes.
#[inline(always)]
unsafe fn move_16_to_32(destination: *mut u8, source: *const u8, bytes: usize) {
    // SAFETY: Places, Races.
    unsafe {
        asm!(
            "movups {a}, [{source}]",
            "movups {b}, [{source} + {bytes} - 16]",
            "movups [{destination}], {a}",
            "movups [{destination} + {bytes} - 16], {b}",
            source = in(reg) source,
            destination = in(reg) destination,
            bytes = in(reg) bytes,
            a = out(xmm_reg) _,
            b = out(xmm_reg) _,
            options(nostack, preserves_flags),
        );
    }
}

/// The first and the last 32 bytes, which may overlap.
///
/// # Safety
///
/// Places, with 32 to 64 bytes.
#[inline(always)]
unsafe fn move_32_to_64(destination: *mut u8, source: *const u8, bytes: usize) {
    // SAFETY: Places, Races.
    unsafe {
        asm!(
            "movups {a}, [{source}]",
            "movups {b}, [{source} + 16]",
            "movups {c}, [{source} + {bytes} - 32]",
            "movups {d}, [{source} + {bytes} - 16]",
            "movups [{destination}], {a}",
            "movups [{destination} + 16], {b}",
            "movups [{destination} + {bytes} - 32], {c}",
            "movups [{destination} + {bytes} - 16], {d}",
            source = in(reg) source,
            destination = in(reg) destination,
            bytes = in(reg) bytes,
            a = out(xmm_reg) _,
            b = out(xmm_reg) _,
            c = out(xmm_reg) _,
            d = out(xmm_reg) _,
            options(nostack, preserves_flags),
        );
    }
}

/// The first and the last 64 bytes, which may overlap.
///
/// # Safety
///
/// Places, with 64 to 128 bytes.
#[inline(always)]
unsafe fn move_64_to_128(destination: *mut u8, source: *const u8, bytes: usize) {
    // SAFETY: Places: the first 64 bytes lie within.
    unsafe { move_32_to_64(destination, source, 64) };
    let last = bytes - 64;
    // SAFETY: Places: the last 64 bytes lie within.
    unsafe { move_32_to_64(destination.wrapping_add(last), source.wrapping_add(last), 64) };
}

/// # Safety
///
/// Places, with more than `SHORT_BYTES` bytes.
#[inline(never)]
unsafe fn move_long(destination: *mut u8, source: *const u8, bytes: usize) {
    if !avx::get() {
        // SAFETY: Places, and the length is as demanded.
        unsafe { move_long_sse(destination, source, bytes) }
    } else if bytes <= AVX_ENDS_BYTES {
        // SAFETY: Places, the length is as demanded, and the processor can.
        unsafe { move_ends_avx(destination, source, bytes) }
    } else {
        // SAFETY: Places, the length is as demanded, and the processor can.
        unsafe { move_long_avx(destination, source, bytes) }
    }
}

/// The first 16 bytes; then 64 at a time from the next place in the destination that is aligned to 16; then the last 64.
///
/// # Safety
///
/// Places, with more than 80 bytes.
unsafe fn move_long_sse(destination: *mut u8, source: *const u8, bytes: usize) {
    // SAFETY: Places, Races. The loop begins at most 16 bytes after the start and so before the last 64 bytes, and each
    // turn begins before them, and so ends before the end.
    unsafe {
        asm!(
            "movups {a}, [{source}]",
            "movups [{destination}], {a}",
            "lea {last_source}, [{source} + {bytes} - 64]",
            "lea {last}, [{destination} + {bytes} - 64]",
            // `bytes` becomes what lies before the aligned place, negative.
            "mov {bytes}, {destination}",
            "and {bytes}, 15",
            "sub {bytes}, 16",
            "sub {source}, {bytes}",
            "sub {destination}, {bytes}",
            ".p2align 4",
            "2:",
            "movups {a}, [{source}]",
            "movups {b}, [{source} + 16]",
            "movups {c}, [{source} + 32]",
            "movups {d}, [{source} + 48]",
            "add {source}, 64",
            "movaps [{destination}], {a}",
            "movaps [{destination} + 16], {b}",
            "movaps [{destination} + 32], {c}",
            "movaps [{destination} + 48], {d}",
            "add {destination}, 64",
            "cmp {destination}, {last}",
            "jb 2b",
            "movups {a}, [{last_source}]",
            "movups {b}, [{last_source} + 16]",
            "movups {c}, [{last_source} + 32]",
            "movups {d}, [{last_source} + 48]",
            "movups [{last}], {a}",
            "movups [{last} + 16], {b}",
            "movups [{last} + 32], {c}",
            "movups [{last} + 48], {d}",
            source = inout(reg) source => _,
            destination = inout(reg) destination => _,
            bytes = inout(reg) bytes => _,
            last_source = out(reg) _,
            last = out(reg) _,
            a = out(xmm_reg) _,
            b = out(xmm_reg) _,
            c = out(xmm_reg) _,
            d = out(xmm_reg) _,
            options(nostack),
        );
    }
}

/// The first and the last 128 bytes, which may overlap.
///
/// # Safety
///
/// Places, with 128 to 256 bytes.
#[target_feature(enable = "avx")]
unsafe fn move_ends_avx(destination: *mut u8, source: *const u8, bytes: usize) {
    // SAFETY: Places, Races.
    unsafe {
        asm!(
            "vmovups {a}, [{source}]",
            "vmovups {b}, [{source} + 32]",
            "vmovups {c}, [{source} + 64]",
            "vmovups {d}, [{source} + 96]",
            "vmovups {e}, [{source} + {bytes} - 128]",
            "vmovups {f}, [{source} + {bytes} - 96]",
            "vmovups {g}, [{source} + {bytes} - 64]",
            "vmovups {h}, [{source} + {bytes} - 32]",
            "vmovups [{destination}], {a}",
            "vmovups [{destination} + 32], {b}",
            "vmovups [{destination} + 64], {c}",
            "vmovups [{destination} + 96], {d}",
            "vmovups [{destination} + {bytes} - 128], {e}",
            "vmovups [{destination} + {bytes} - 96], {f}",
            "vmovups [{destination} + {bytes} - 64], {g}",
            "vmovups [{destination} + {bytes} - 32], {h}",
            source = in(reg) source,
            destination = in(reg) destination,
            bytes = in(reg) bytes,
            a = out(ymm_reg) _,
            b = out(ymm_reg) _,
            c = out(ymm_reg) _,
            d = out(ymm_reg) _,
            e = out(ymm_reg) _,
            f = out(ymm_reg) _,
            g = out(ymm_reg) _,
            h = out(ymm_reg) _,
            options(nostack, preserves_flags),
        );
    }
    // The compiler would leave it out, and SSE code that comes next would be slow.
    _mm256_zeroupper();
}

/// The first 32 bytes; then 128 at a time from the next place in the destination that is aligned to 32; then the last 128.
///
/// # Safety
///
/// Places, with more than 160 bytes.
#[target_feature(enable = "avx")]
unsafe fn move_long_avx(destination: *mut u8, source: *const u8, bytes: usize) {
    // SAFETY: Places, Races. The loop begins at most 32 bytes after the start and so before the last 128 bytes, and each
    // turn begins before them, and so ends before the end.
    unsafe {
        asm!(
            "vmovups {a}, [{source}]",
            "vmovups [{destination}], {a}",
            "lea {last_source}, [{source} + {bytes} - 128]",
            "lea {last}, [{destination} + {bytes} - 128]",
            // `bytes` becomes what lies before the aligned place, negative.
            "mov {bytes}, {destination}",
            "and {bytes}, 31",
            "sub {bytes}, 32",
            "sub {source}, {bytes}",
            "sub {destination}, {bytes}",
            ".p2align 4",
            "2:",
            "vmovups {a}, [{source}]",
            "vmovups {b}, [{source} + 32]",
            "vmovups {c}, [{source} + 64]",
            "vmovups {d}, [{source} + 96]",
            "sub {source}, -128",
            "vmovaps [{destination}], {a}",
            "vmovaps [{destination} + 32], {b}",
            "vmovaps [{destination} + 64], {c}",
            "vmovaps [{destination} + 96], {d}",
            "sub {destination}, -128",
            "cmp {destination}, {last}",
            "jb 2b",
            "vmovups {a}, [{last_source}]",
            "vmovups {b}, [{last_source} + 32]",
            "vmovups {c}, [{last_source} + 64]",
            "vmovups {d}, [{last_source} + 96]",
            "vmovups [{last}], {a}",
            "vmovups [{last} + 32], {b}",
            "vmovups [{last} + 64], {c}",
            "vmovups [{last} + 96], {d}",
            source = inout(reg) source => _,
            destination = inout(reg) destination => _,
            bytes = inout(reg) bytes => _,
            last_source = out(reg) _,
            last = out(reg) _,
            a = out(ymm_reg) _,
            b = out(ymm_reg) _,
            c = out(ymm_reg) _,
            d = out(ymm_reg) _,
            options(nostack),
        );
    }
    _mm256_zeroupper();
}

#[cfg(test)]
mod tests {
    use super::*;

    type Move = unsafe fn(*mut u8, *const u8, usize);

    /// Moves every one of `lengths` from and to every place that words can have within a cache line.
    fn check(name: &str, kernel: Move, lengths: core::ops::RangeInclusive<usize>) {
        let most = *lengths.end();
        let source: Vec<u8> = (0..251).cycle().take(most + 2 * 64).collect();
        for length in lengths.step_by(WORD) {
            for (to, from) in (0..64).step_by(WORD).flat_map(|to| [(to, 3), (64 - to, to), (to + 5, to)]) {
                let mut expected = vec![0xee; most + 3 * 64];
                let mut destination = expected.clone();
                let skipped = destination.as_ptr().align_offset(64);
                let start = skipped + to;
                expected[start..start + length].copy_from_slice(&source[from..from + length]);
                // SAFETY: both vectors are long enough.
                unsafe { kernel(destination[start..].as_mut_ptr(), source[from..].as_ptr(), length) };
                assert!(destination == expected, "{name}: {length} bytes from {from} to {to}");
            }
        }
    }

    #[test]
    fn each_kernel_moves_exactly_what_it_is_given() {
        check("words", move_words, 0..=SHORT_BYTES + 8);
        check("long", move_long, SHORT_BYTES + 8..=1024);
        check("sse", move_long_sse, 88..=1024);
        if avx::get() {
            // SAFETY: the processor can.
            check("avx ends", |to, from, bytes| unsafe { move_ends_avx(to, from, bytes) }, 128..=AVX_ENDS_BYTES);
            // SAFETY: the processor can.
            check("avx", |to, from, bytes| unsafe { move_long_avx(to, from, bytes) }, 168..=1024);
        }
    }
}
