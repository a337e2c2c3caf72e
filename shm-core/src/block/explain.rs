//! The errors of opening and resizing blocks, derived from errors of the system.

use crate::error::{BlockError, Limit};
use crate::region::location::Location;
use crate::sys::file::{self, Kind, is_no_space};
use crate::sys::file_system::huge_page_bytes;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;

pub fn explain_open(location: &Location, error: io::Error) -> BlockError {
    let name = location.name.as_str();
    match error.kind() {
        ErrorKind::NotFound => BlockError::NoBlock { block: name.to_owned() },
        ErrorKind::PermissionDenied => BlockError::Permission { block: name.to_owned() },
        _ if is_no_space(&error) => no_space(name, 0, &error, location.directory()),
        _ => match location.directory().stat(location.file()).ok().flatten().map(|stat| stat.kind) {
            None | Some(Kind::Regular) => io_error("map", name, error),
            Some(Kind::Link) => {
                refused(name, "map", "it is a symbolic link; use the name of the file that it points to".to_owned())
            }
            Some(_) => refused(name, "map", "it is not a regular file; choose another name".to_owned()),
        },
    }
}

/// The error if the kernel refuses to map a file. Huge pages are reserved when they are mapped.
pub fn explain_map(action: &'static str, name: &str, end: u64, file: &File, error: io::Error) -> BlockError {
    match error.kind() {
        ErrorKind::OutOfMemory if huge_page_bytes(file).is_some() => no_space(name, end, &error, file),
        ErrorKind::OutOfMemory => too_large(name, end, Limit::Address),
        _ => io_error(action, name, error),
    }
}

pub fn does_not_apply(name: &str, option: &str, to: &str) -> BlockError {
    refused(name, "map", format!("the option `{option}` only applies to {to}; leave it out"))
}

pub fn io_error(action: &'static str, name: &str, source: io::Error) -> BlockError {
    let block = name.to_owned();
    match source.kind() {
        ErrorKind::ReadOnlyFilesystem => BlockError::ReadOnly { action, block },
        _ => BlockError::Io { action, block, source },
    }
}

pub fn too_large(name: &str, bytes: u64, limit: Limit) -> BlockError {
    BlockError::TooLarge { block: name.to_owned(), bytes, limit }
}

/// The error for a block of `needed` bytes for which space has run out. `file` is any file beside it.
pub fn no_space(name: &str, needed: u64, error: &io::Error, file: impl AsFd) -> BlockError {
    let block = name.to_owned();
    match error.kind() {
        ErrorKind::QuotaExceeded => BlockError::Quota { block, needed },
        _ => BlockError::NoSpace { block, needed, free: file::free_bytes(file) },
    }
}

pub fn refused(name: &str, asked: &str, reason: String) -> BlockError {
    BlockError::Refused { block: name.to_owned(), asked: asked.to_owned(), reason }
}
