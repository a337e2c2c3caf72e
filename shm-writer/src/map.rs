//! Plain bytes go into a block that has no header. Nothing counts them, and no reader is woken.

use std::ffi::OsStr;
use std::io::{self, IsTerminal, Read, SeekFrom};
use std::os::unix::ffi::OsStrExt;

use anyhow::{Context, Result};
use shm_cli::{Code, Failure, Talk};
use shm_core::Block;

/// Stores the value, or else all of stdin.
pub fn store(name: &str, value: Option<&OsStr>, at: u64, size: Option<u64>, force: bool, talk: Talk) -> Result<()> {
    let bytes = match value {
        Some(value) => value.as_bytes().to_vec(),
        None => read_stdin(name, talk)?,
    };
    let mut options = Block::options();
    if let Some(size) = size {
        refuse_overflow(bytes.len() as u64, at, size)?;
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
        talk.note(format_args!("reading bytes for '{name}' from the terminal, Ctrl-D ends"));
    }
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes).context("cannot read stdin")?;
    Ok(bytes)
}

/// Before a block is made for what it cannot hold.
fn refuse_overflow(bytes: u64, at: u64, size: u64) -> Result<(), Failure> {
    match at.checked_add(bytes) {
        Some(end) if end <= size && size > 0 => Ok(()),
        _ => {
            let bytes = shm_cli::counted(bytes, "byte");
            Err(Failure::new(Code::Usage, format!("{bytes} at {at} do not fit --size {size}"), "give it a larger size"))
        }
    }
}
