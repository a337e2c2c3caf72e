//! The blocks that are compared: of a file or of anonymous memory, their access and their initial
//! contents.

use super::{Access, Block, short, text};
use crate::sys::mapping::page_bytes;
use proptest::prelude::*;
use proptest::sample::select;
use serde::{Serialize, Serializer};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::path::Path;

/// A block that both sides create.
#[derive(Clone, Debug, Serialize)]
pub struct Layout {
    pub is_anonymous: bool,
    #[serde(serialize_with = "by_name")]
    pub access: Access,
    /// Whether Python receives flags and protection instead of an access.
    pub by_flags: bool,
    /// The contents of the file or of the anonymous memory.
    #[serde(serialize_with = "as_text")]
    content: Vec<u8>,
    offset: usize,
    /// The length of the block; 0 maps everything after the offset.
    length: usize,
}

fn by_name<S: Serializer>(access: &Access, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format!("{access:?}"))
}

fn as_text<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(bytes))
}

impl Layout {
    /// Returns the size of all pages that the memory has initially.
    pub fn pages_bytes(&self) -> i64 {
        i64::try_from(self.content.len().next_multiple_of(page_bytes())).expect("a few pages")
    }

    /// Returns where the block ends in its file.
    pub fn end_of(&self, map: &Block) -> u64 {
        (self.offset + map.len()) as u64
    }

    /// Creates the block. If it is a block of a file, the file is at `path`.
    pub fn make(&self, path: &Path) -> Block {
        let mut options = Block::options();
        options.access(self.access);
        if self.is_anonymous {
            let mut map = options.len(self.content.len()).anonymous().expect("memory");
            if self.access != Access::Read {
                map.set(.., &self.content).expect("it fits");
            }
            return map;
        }
        fs::write(path, &self.content).expect("a file");
        let file = match self.access {
            Access::Write => OpenOptions::new().read(true).write(true).open(path),
            Access::Read | Access::Copy => File::open(path),
        };
        options.len(self.length).offset(self.offset as u64).file(file.expect("it was just made")).expect("a map")
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_anonymous { "anonymous memory" } else { "file" };
        let how = if self.by_flags { ", by flags" } else { "" };
        write!(f, "{what} of {} bytes for {:?}{how}", self.content.len(), self.access)?;
        if !self.is_anonymous {
            write!(f, ", mapped from {} on, length {}", self.offset, self.length)?;
        }
        write!(f, ": \"{}\"", short(&self.content[self.offset..].escape_ascii().to_string()))
    }
}

/// Returns any block. Most are small, because usually only the place of a byte makes it special.
pub fn layout() -> impl Strategy<Value = Layout> {
    let content = prop_oneof![11 => few_bytes(), 1 => many_bytes()];
    let access = select(vec![Access::Write, Access::Write, Access::Read, Access::Copy]);
    // The number of bytes in the file before the block and, if the block's length is given, after the
    // block.
    let around = (select(vec![0, page_bytes()]), prop_oneof![Just(None), (0..20_usize).prop_map(Some)]);
    (prop::bool::weighted(0.3), access, any::<bool>(), content, around).prop_map(
        |(is_anonymous, access, by_flags, mapped, (before, after))| {
            let (offset, after) = if is_anonymous { (0, None) } else { (before, after) };
            let length = after.map_or(0, |_| mapped.len());
            let content = [vec![b'<'; offset], mapped, vec![b'>'; after.unwrap_or(0)]].concat();
            Layout { is_anonymous, access, by_flags, content, offset, length }
        },
    )
}

fn few_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(byte(), 1..=45)
}

/// Returns a byte that probably occurs elsewhere, too.
pub fn byte() -> impl Strategy<Value = u8> {
    select(&b"aaaaabbbbb\n\nc\0\x80\xff"[..])
}

/// Returns about as many bytes as a few pages have, or as a few parts that are searched or moved at a
/// time.
fn many_bytes() -> impl Strategy<Value = Vec<u8>> {
    let around = (select(&[4096, 8192, 3 * 4096, 16 << 10, 32 << 10, 48 << 10]), select(&[0, 0, 0, 1, -1, 17, -17]));
    let around = around.prop_map(|(bytes, more): (usize, isize)| bytes.saturating_add_signed(more));
    let count = prop_oneof![around, 40_000..50_000_usize];
    // Without newlines, the whole block is one line.
    let alphabet = select(vec![&b"aab\n"[..], b"abac"]);
    (count, alphabet, any::<u64>()).prop_map(|(count, alphabet, seed)| scattered(count, alphabet, seed))
}

/// Returns letters without a pattern, so a sequence of a few letters does not occur a second time.
fn scattered(count: usize, alphabet: &[u8], seed: u64) -> Vec<u8> {
    let letter = |at: u64| {
        let mixed = (seed ^ at).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        alphabet[(mixed >> 62) as usize]
    };
    (0..).map(letter).take(count).collect()
}
