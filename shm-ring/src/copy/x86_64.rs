//! Copies whole words as fast as `memcpy`, with vector moves in assembly: 16 bytes at a time, or 32
//! if the processor supports AVX.
//!
//! # Invariants
//!
//! *Places.* A move has a destination and a source. Each is valid for the given number of bytes,
//! which is a multiple of eight. One side is a slice of atomics. The other side is a slice of bytes
//! that nothing else uses meanwhile. The two sides therefore never overlap. No instruction touches
//! a byte outside of them.
//!
//! *Races.* All that the compiler knows about these accesses is that the assembly may read and
//! write any memory that other code can reach (no `nomem`, no `readonly`). It therefore assumes
//! nothing about the contents of that memory, and does not move an atomic access or a fence across
//! the assembly. Only the processor remains, and there a race of plain moves has a meaning: each
//! byte read is one that some process wrote, and the order is the processor's own.
//!
//! *Order.* x86-64 keeps loads in order among themselves, and stores too (Intel's manual, volume 3,
//! "Memory Ordering"; AMD's manual says the same for memory of type write-back). Vector moves count
//! as loads and stores like all others. A vector move of more than eight bytes counts as several,
//! which have no order among themselves. This guarantees at least as much as relaxed words do
//! between fences. For the ring it means: no store of a payload is seen before its odd stamp or
//! after its even stamp, and no load of a payload happens before the first check of the stamp or
//! after the second. The moves do not have to be atomic: a reader that got parts of two values sees
//! another stamp.
//!
//! *Not used.* Non-temporal stores would break that order and would need a fence. `rep movsb` would
//! keep the order, because its stores are unordered only among themselves. However, on AMD Zen 3 it
//! is up to 40 times slower if source and destination are aligned differently, and several times
//! slower if another core has the cache lines. Because no string instructions are used, the
//! direction flag does not matter.
#![allow(unsafe_code)]

use super::WORD;
use crate::sync::AtomicU64;
use core::arch::{asm, x86_64::_mm256_zeroupper};

cpufeatures::new!(avx, "avx");

/// Up to this many bytes are moved by inlined code. Longer payloads are worth a function call.
const SHORT_BYTES: usize = 128;
/// Up to this many bytes are moved by AVX from both ends. Longer payloads need a loop.
const AVX_ENDS_BYTES: usize = 256;

/// Stores each chunk into the word with the same index.
///
/// # Panics
///
/// If the lengths differ.
#[inline(always)]
pub fn words_in(words: &[AtomicU64], chunks: &[[u8; WORD]]) {
    assert_eq!(words.len(), chunks.len());
    let destination = words.as_ptr().cast_mut().cast();
    // SAFETY: Places: both slices have this length, and atomics may be written through a shared
    // reference.
    unsafe { move_words(destination, chunks.as_ptr().cast(), size_of_val(chunks)) }
}

/// Fills each chunk from the word with the same index.
///
/// # Panics
///
/// If the lengths differ.
#[inline(always)]
pub fn words_out(words: &[AtomicU64], chunks: &mut [[u8; WORD]]) {
    assert_eq!(words.len(), chunks.len());
    // SAFETY: Places: both slices have this length.
    unsafe { move_words(chunks.as_mut_ptr().cast(), words.as_ptr().cast(), size_of_val(chunks)) }
}

/// Moves any number of whole words.
///
/// # Safety
///
/// Places.
#[inline(always)]
unsafe fn move_words(destination: *mut u8, source: *const u8, bytes: usize) {
    match bytes {
        0 => {}
        // SAFETY: Places, and the length is one word.
        1..16 => unsafe { move_one(destination, source) },
        // SAFETY: Places, and the length is within the required range.
        16..=32 => unsafe { move_16_to_32(destination, source, bytes) },
        // SAFETY: Places, and the length is within the required range.
        33..=64 => unsafe { move_32_to_64(destination, source, bytes) },
        // SAFETY: Places, and the length is within the required range.
        65..=SHORT_BYTES => unsafe { move_64_to_128(destination, source, bytes) },
        // SAFETY: Places, and the length is within the required range.
        _ => unsafe { move_long(destination, source, bytes) },
    }
}

/// Moves one word.
///
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

/// Moves the first and the last 16 bytes, which may overlap.
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

/// Moves the first and the last 32 bytes, which may overlap.
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

/// Moves the first and the last 64 bytes, which may overlap.
///
/// # Safety
///
/// Places, with 64 to 128 bytes.
#[inline(always)]
unsafe fn move_64_to_128(destination: *mut u8, source: *const u8, bytes: usize) {
    // SAFETY: Places: the first 64 bytes are within the range.
    unsafe { move_32_to_64(destination, source, 64) };
    let last = bytes - 64;
    // SAFETY: Places: the last 64 bytes are within the range.
    unsafe { move_32_to_64(destination.wrapping_add(last), source.wrapping_add(last), 64) };
}

/// Moves more bytes than the inlined code does.
///
/// # Safety
///
/// Places, with more than `SHORT_BYTES` bytes.
#[inline(never)]
unsafe fn move_long(destination: *mut u8, source: *const u8, bytes: usize) {
    if !avx::get() {
        // SAFETY: Places, and the length is within the required range.
        unsafe { move_long_sse(destination, source, bytes) }
    } else if bytes <= AVX_ENDS_BYTES {
        // SAFETY: Places, the length is within the required range, and the processor supports AVX.
        unsafe { move_ends_avx(destination, source, bytes) }
    } else {
        // SAFETY: Places, the length is within the required range, and the processor supports AVX.
        unsafe { move_long_avx(destination, source, bytes) }
    }
}

/// Moves the first 16 bytes, then 64 bytes at a time starting from the next address in the
/// destination that is aligned to 16, and then the last 64 bytes.
///
/// # Safety
///
/// Places, with more than 80 bytes.
unsafe fn move_long_sse(destination: *mut u8, source: *const u8, bytes: usize) {
    // SAFETY: Places, Races. The loop begins at most 16 bytes after the start, which is before the
    // last 64 bytes. Each iteration begins before the last 64 bytes and therefore ends before the
    // end.
    unsafe {
        asm!(
            "movups {a}, [{source}]",
            "movups [{destination}], {a}",
            "lea {last_source}, [{source} + {bytes} - 64]",
            "lea {last}, [{destination} + {bytes} - 64]",
            // `bytes` becomes the distance to the aligned address, as a negative number.
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

/// Moves the first and the last 128 bytes, which may overlap.
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
    // The compiler would omit this instruction, and SSE code that runs next would be slow.
    _mm256_zeroupper();
}

/// Moves the first 32 bytes, then 128 bytes at a time starting from the next address in the
/// destination that is aligned to 32, and then the last 128 bytes.
///
/// # Safety
///
/// Places, with more than 160 bytes.
#[target_feature(enable = "avx")]
unsafe fn move_long_avx(destination: *mut u8, source: *const u8, bytes: usize) {
    // SAFETY: Places, Races. The loop begins at most 32 bytes after the start, which is before the
    // last 128 bytes. Each iteration begins before the last 128 bytes and therefore ends before the
    // end.
    unsafe {
        asm!(
            "vmovups {a}, [{source}]",
            "vmovups [{destination}], {a}",
            "lea {last_source}, [{source} + {bytes} - 128]",
            "lea {last}, [{destination} + {bytes} - 128]",
            // `bytes` becomes the distance to the aligned address, as a negative number.
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

    /// Moves each of `lengths` to every word offset within a cache line, from several source
    /// offsets.
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
            // SAFETY: the processor supports AVX.
            check("avx ends", |to, from, bytes| unsafe { move_ends_avx(to, from, bytes) }, 128..=AVX_ENDS_BYTES);
            // SAFETY: the processor supports AVX.
            check("avx", |to, from, bytes| unsafe { move_long_avx(to, from, bytes) }, 168..=1024);
        }
    }
}
