//! Opens regions. The contents of a file are not trusted until the whole header has been checked
//! against the file.

use super::Region;
use super::location::{Location, check_ours};
use crate::error::{Denied, Limit, OpenError};
use crate::sys::file::{self, Access, At, Kind, Stat, is_marked};
use crate::sys::file_system::remote_file_system;
use crate::sys::mapping::RegionMapping;
use shm_ring::header::{HEADER_BYTES, HeaderFault, MAGIC, STATIC_BYTES, StaticHeader, VERSION};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::thread;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// A file that is larger than this must have at least one in [`MAX_SPARSENESS`] of its bytes allocated.
const SPARSE_BYTES: u64 = 64 << 20;
/// A writer reserves its whole file, but a copy on a file system with compression may occupy less space
/// than its length.
const MAX_SPARSENESS: u64 = 16;
/// How many times opening is attempted if the region loses its name while it is being opened.
const OPEN_ATTEMPTS: usize = 100;
/// The pause after such an attempt.
const NAME_PAUSE: Duration = Duration::from_micros(500);
/// The length of the largest descriptor that is read.
const MAX_DESCRIPTOR_BYTES: u32 = 1 << 20;

impl Region {
    /// Opens the region at `location` and checks its whole header against the file.
    pub fn open(location: &Location, access: Access, max_region_bytes: u64) -> Result<Self, OpenError> {
        for _ in 0..OPEN_ATTEMPTS {
            if let Some(region) = Self::open_once(location, access, max_region_bytes)? {
                return Ok(region);
            }
            // A file loses its name a moment before the name leads to the next one.
            thread::sleep(NAME_PAUSE);
        }
        Err(location.mounted("open"))
    }

    /// Returns `None` if the file has no name any more. The name that was opened may already refer to
    /// another file. If it still refers to this one after many attempts, the file is mounted there.
    fn open_once(location: &Location, access: Access, max_region_bytes: u64) -> Result<Option<Self>, OpenError> {
        let opened = location.directory().open_file(location.file(), access);
        let file = opened.map_err(|error| explain_open(location, access, error))?;
        let stat = file::stat(&file).map_err(|error| location.io_error("inspect region", error))?;
        check_kind(location, &stat)?;
        if stat.names == 0 {
            return Ok(None);
        }
        if access == Access::Write {
            check_ours(&location.name, &stat)?;
        }
        let file_bytes = stat.bytes;
        let static_header = read_header(location, &file, file_bytes)?;
        refuse_remote(location, remote_file_system(&file))?;
        if static_header.region_bytes != file_bytes {
            let reason = format!("the file has {file_bytes} bytes, and its header says {}", static_header.region_bytes);
            return Err(location.damaged(reason));
        }
        check_limit(location, file_bytes, max_region_bytes, Limit::Allowed)?;
        check_stored(location, file_bytes, stat.stored_bytes)?;
        let descriptor = read_descriptor(location, &file, &static_header)?;
        let mapping = RegionMapping::new(&file, &static_header, access);
        let mapping = mapping.map_err(|error| location.io_error("map region", error))?;
        Ok(Some(Self::of(static_header, descriptor, &stat, mapping, file, access)))
    }
}

/// Reads the static header into private memory, once, and parses that copy.
fn read_header(location: &Location, file: &File, file_bytes: u64) -> Result<StaticHeader, OpenError> {
    let mut bytes = [0; STATIC_BYTES];
    let wanted = STATIC_BYTES.min(usize::try_from(file_bytes).unwrap_or(STATIC_BYTES));
    file.read_exact_at(&mut bytes[..wanted], 0).map_err(|error| location.io_error("read region", error))?;
    if bytes[..MAGIC.len()] != MAGIC {
        return Err(location.not_a_region(match file_bytes {
            0 => "it is empty",
            _ => "it does not begin with the header of a region",
        }));
    }
    if file_bytes < u64::from(HEADER_BYTES) {
        return Err(location.damaged(format!("its file has only {file_bytes} bytes, fewer than a header")));
    }
    StaticHeader::parse(&bytes).map_err(|fault| match fault {
        HeaderFault::Foreign => location.not_a_region("it does not begin with the header of a region"),
        HeaderFault::Version(major, minor) => {
            OpenError::Version { region: location.name.clone(), found: (major, minor), supported: VERSION }
        }
        HeaderFault::Features(bits) => OpenError::Features { region: location.name.clone(), bits },
        HeaderFault::Field(reason) => location.damaged(reason.into()),
    })
}

/// Reads the descriptor and checks its CRC. Its records are parsed elsewhere.
fn read_descriptor(location: &Location, file: &File, static_header: &StaticHeader) -> Result<Vec<u8>, OpenError> {
    if static_header.descriptor_bytes > MAX_DESCRIPTOR_BYTES {
        return Err(location.damaged(format!(
            "its header says that the descriptor has {} bytes, which is too many",
            static_header.descriptor_bytes
        )));
    }
    let mut descriptor = vec![0; static_header.descriptor_bytes as usize];
    match file.read_exact_at(&mut descriptor, u64::from(HEADER_BYTES)) {
        Ok(()) if crc32fast::hash(&descriptor) == static_header.descriptor_crc => Ok(descriptor),
        // If the file ends before the descriptor does, it was cut after the header was read.
        Err(error) if error.kind() != ErrorKind::UnexpectedEof => Err(location.io_error("read region", error)),
        _ => Err(location.damaged("the CRC of its descriptor does not match".into())),
    }
}

fn check_kind(location: &Location, stat: &Stat) -> Result<(), OpenError> {
    let reason = match stat.kind {
        Kind::Regular => return Ok(()),
        Kind::Directory => "it is a directory",
        Kind::Link => "it is a symbolic link",
        Kind::Pipe => "it is a pipe",
        Kind::Socket => "it is a socket",
        Kind::Device => "it is a device",
    };
    Err(location.not_a_region(reason))
}

/// Refuses a region in a directory on a file system that is not local to this machine.
pub fn check_local_directory(location: &Location) -> Result<(), OpenError> {
    refuse_remote(location, remote_file_system(location.directory()))
}

fn refuse_remote(location: &Location, remote: Option<&'static str>) -> Result<(), OpenError> {
    match remote {
        Some(file_system) => Err(OpenError::Remote { region: location.name.clone(), file_system }),
        None => Ok(()),
    }
}

/// Refuses a file of more than `most` bytes. `limit` creates the limit that the error names.
pub fn check_limit(location: &Location, bytes: u64, most: u64, limit: fn(u64) -> Limit) -> Result<(), OpenError> {
    // No mapping is larger than half of the address space.
    let limit = match isize::try_from(bytes) {
        _ if bytes > most => limit(most),
        Err(_) => Limit::Address,
        Ok(_) => return Ok(()),
    };
    Err(OpenError::TooLarge { region: location.name.clone(), bytes, limit })
}

/// Refuses a file that consists mostly of holes. A file of a few KiB could otherwise claim a value of
/// gigabytes, for which a reader would allocate memory.
fn check_stored(location: &Location, bytes: u64, stored: u64) -> Result<(), OpenError> {
    if bytes <= SPARSE_BYTES.max(stored.saturating_mul(MAX_SPARSENESS)) {
        return Ok(());
    }
    let reason = format!("its file stores only {stored} of its {bytes} bytes (a copy of a region must not be sparse)");
    Err(location.damaged(reason))
}

/// Finds out why a file could not be opened. Checks the type of the file to do so.
fn explain_open(location: &Location, access: Access, error: io::Error) -> OpenError {
    if error.kind() == ErrorKind::NotFound {
        return OpenError::NotFound { region: location.name.clone() };
    }
    let Ok(Some(stat)) = location.directory().stat(location.file()) else {
        return location.io_error("open region", error);
    };
    if let Err(foreign) = check_kind(location, &stat) {
        return foreign;
    }
    if error.kind() != ErrorKind::PermissionDenied {
        return location.io_error("open region", error);
    }
    let (owner, mode) = (stat.owner, stat.mode & 0o777);
    let denied = match access {
        Access::Read => Denied::Read { owner, mode },
        Access::Write if is_marked(&error) => Denied::Marked { file: location.file().to_owned() },
        Access::Write => Denied::Write { owner, mode },
    };
    location.denied(denied)
}
