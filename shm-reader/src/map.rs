//! `map`: prints the plain bytes of a block.

use std::io::{self, IsTerminal, SeekFrom, Write};

use anyhow::Result;
use shm_cli::{Escaped, SHOWN_BYTES, left_out};
use shm_core::{Access, Block};

use crate::print::dump_rows;

/// The number of bytes that are read at a time: whole rows of a dump.
const PART_BYTES: u64 = 64 << 10;

/// Prints at most `len` bytes of a block, starting at `at`. Without `len`, a terminal shows only the first of
/// many bytes.
pub fn print(name: &str, at: u64, len: Option<u64>, is_hex: bool, force: bool, out: &mut dyn Write) -> Result<()> {
    let mut map = Block::options().access(Access::Read).force(force).open(name)?;
    map.seek(SeekFrom::Start(at))?;
    let is_terminal = io::stdout().is_terminal();
    let whole = at.saturating_add(len.unwrap_or(u64::MAX)).min(map.len() as u64);
    let end = if is_terminal && len.is_none() { whole.min(at.saturating_add(SHOWN_BYTES as u64)) } else { whole };
    let mut offset = at;
    while offset < end {
        let part = map.read(usize::try_from(PART_BYTES.min(end - offset))?)?;
        match (is_hex, is_terminal) {
            (true, _) => dump_rows(out, offset, &part)?,
            (_, true) => write!(out, "{}", Escaped(&part))?,
            _ => out.write_all(&part)?,
        }
        offset += part.len() as u64;
    }
    match (is_hex, is_terminal) {
        _ if end < whole => {
            let space = if is_hex { "" } else { " " };
            writeln!(out, "{space}{}", left_out(whole - end, "--len or a pipe"))?;
        }
        (true, _) => writeln!(out, "{end:08x}")?,
        (_, true) => writeln!(out)?,
        _ => {}
    }
    Ok(())
}
