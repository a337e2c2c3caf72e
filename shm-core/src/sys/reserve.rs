//! Reserves pages for a range of a file before anything is stored there, even if signals interrupt this
//! repeatedly. The caller interprets the errors.

use rustix::fs::{self, FallocateFlags};
use rustix::io::{Errno, Result};
use std::fs::File;

/// The minimum size of a piece, which takes about ten microseconds.
const PIECE_MIN_BYTES: u64 = 64 << 10;

/// The effect on the length of a file that ends before the range does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// The file is extended to the end of the range.
    Extended,
    /// The file keeps its length.
    Kept,
}

/// Gives every byte of the range a page.
///
/// On older kernels, a signal aborts `fallocate` on tmpfs. 100 MB take longer than the period of many
/// timers, so repeating the whole call would never succeed.
pub fn reserve(file: &File, length: Length, offset: u64, bytes: u64) -> std::io::Result<()> {
    let flags = match length {
        Length::Extended => FallocateFlags::empty(),
        Length::Kept => FallocateFlags::KEEP_SIZE,
    };
    Ok(in_pieces(offset, bytes, |offset, bytes| fs::fallocate(file, flags, offset, bytes))?)
}

/// Reserves the whole range in one call or, after an interruption, in pieces of half the size.
fn in_pieces(offset: u64, bytes: u64, mut allocate: impl FnMut(u64, u64) -> Result<()>) -> Result<()> {
    let (mut done, mut piece) = (0, bytes);
    while done < bytes {
        let next = piece.min(bytes - done);
        match allocate(offset + done, next) {
            Ok(()) => done += next,
            Err(Errno::INTR) => piece = (next / 2).max(1).next_multiple_of(PIECE_MIN_BYTES),
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the pieces that were allocated if a signal interrupts every request for more than `most`
    /// bytes.
    fn pieces(offset: u64, bytes: u64, most: u64) -> Vec<(u64, u64)> {
        let mut pieces = Vec::new();
        in_pieces(offset, bytes, |offset, bytes| {
            if bytes > most {
                return Err(Errno::INTR);
            }
            pieces.push((offset, bytes));
            Ok(())
        })
        .unwrap();
        pieces
    }

    // Fault 27.
    #[test]
    fn what_a_timer_always_interrupts_is_reserved_in_pieces_without_gap_or_overlap() {
        assert_eq!(pieces(4096, 1_000_000, u64::MAX), [(4096, 1_000_000)]);
        for most in [PIECE_MIN_BYTES, 100_000, 300_000, 999_999] {
            let pieces = pieces(4096, 1_000_001, most);
            // Each piece is more than half as long as the longest request that is not interrupted.
            assert!(pieces.len() > 1 && pieces.len() as u64 <= 2 * 1_000_001 / most + 1, "{pieces:?}");
            let ends = pieces.iter().map(|(offset, bytes)| offset + bytes);
            let starts = pieces.iter().skip(1).map(|(offset, _)| *offset).chain([4096 + 1_000_001]);
            assert!(pieces[0].0 == 4096 && ends.eq(starts), "{pieces:?}");
        }
    }

    // Fault 27.
    #[test]
    fn a_single_byte_is_tried_again_as_it_is() {
        let mut interruptions = 1;
        let mut tried = Vec::new();
        in_pieces(0, 1, |offset, bytes| {
            tried.push((offset, bytes));
            interruptions -= 1;
            if interruptions < 0 { Ok(()) } else { Err(Errno::INTR) }
        })
        .unwrap();
        assert_eq!(tried, [(0, 1), (0, 1)]);
    }

    #[test]
    fn an_error_ends_it() {
        let mut calls = 0;
        let result = in_pieces(0, 1 << 20, |_, _| {
            calls += 1;
            Err(if calls == 1 { Errno::INTR } else { Errno::NOSPC })
        });
        assert_eq!((result, calls), (Err(Errno::NOSPC), 2));
    }
}
