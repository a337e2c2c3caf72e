//! `map`: stores plain bytes in a block, which has no header. The bytes are not counted, and no reader is woken.

use std::ffi::OsStr;
use std::io::{self, IsTerminal, Read, SeekFrom};
use std::os::unix::ffi::OsStrExt;

use anyhow::{Context, Result};
use shm_cli::{Code, Failure, Talk, remedy};
use shm_core::Block;

/// Stores the value, or all of stdin if there is no value.
pub fn store(name: &str, value: Option<&OsStr>, at: u64, size: Option<u64>, force: bool, talk: Talk) -> Result<()> {
    let bytes = match value {
        Some(value) => value.as_bytes().to_vec(),
        None => read_stdin(name, talk)?,
    };
    let mut options = Block::options();
    if let Some(size) = size {
        refuse_overflow(name, bytes.len() as u64, at, size)?;
        options.len(usize::try_from(size)?).create(true);
    }
    let mut map = options.force(force).open(name)?;
    map.seek(SeekFrom::Start(at))?;
    map.write(&bytes)?;
    talk.detail(format_args!("stored {} at {at} of '{name}'", shm_cli::counted(bytes.len() as u64, "byte")));
    Ok(())
}

fn read_stdin(name: &str, talk: Talk) -> Result<Vec<u8>> {
    if io::stdin().is_terminal() {
        talk.note(format_args!("reading bytes for '{name}' from the terminal; press Ctrl-D to end"));
    }
    let mut bytes = Vec::new();
    shm_cli::stdin().read_to_end(&mut bytes).context("cannot read stdin")?;
    Ok(bytes)
}

/// Refuses a --size that is too small for the bytes, before the block is created.
fn refuse_overflow(name: &str, bytes: u64, at: u64, size: u64) -> Result<(), Failure> {
    match at.checked_add(bytes) {
        Some(end) if end <= size && size > 0 => Ok(()),
        _ => {
            let bytes = shm_cli::counted(bytes, "byte");
            let what = format!("cannot store {bytes} at {at} of '{name}': --size {size} is too small");
            Err(Failure::new(Code::Usage, what, remedy::larger_size()))
        }
    }
}
