//! Opening a region: nothing of a file is believed before all of its header was checked against the file.

use super::Region;
use super::place::{Place, check_ours};
use crate::error::{Error, Result};
use crate::sys::file::{self, Access, At, Kind, Stat};
use crate::sys::file_system::remote_file_system;
use crate::sys::mapping::RegionMapping;
use shm_ring::header::{FIXED_BYTES, Fixed, HEADER_BYTES, HeaderFault, MAGIC, VERSION};
use std::fs::File;
use std::io::{self, ErrorKind};

#[cfg(test)]
mod tests;

/// A file that is larger than this stores at least one in [`MAX_SPARSENESS`] of its bytes.
const SPARSE_BYTES: u64 = 64 << 20;
/// A writer reserves all of its file, but a copy on a file system that compresses may store less than it holds.
const MAX_SPARSENESS: u64 = 16;
/// How often a region that loses its name while it is being opened is tried again.
const OPEN_ATTEMPTS: usize = 100;
/// The largest descriptor that is read.
const MAX_DESCRIPTOR_BYTES: u32 = 1 << 20;

impl Region {
    /// Opens the region at `place` and checks all of its header against the file.
    pub fn open(place: &Place, access: Access, max_bytes: u64) -> Result<Self> {
        for _ in 0..OPEN_ATTEMPTS {
            if let Some(region) = Self::open_once(place, access, max_bytes)? {
                return Ok(region);
            }
        }
        Err(Error::NotFound { region: place.shown.clone() })
    }

    /// Returns `None` if the file lost its name just after it was opened: there may be another by now.
    fn open_once(place: &Place, access: Access, max_bytes: u64) -> Result<Option<Self>> {
        let opened = place.directory().open_file(place.file(), access);
        let file = opened.map_err(|error| explain_open(place, access, error))?;
        let stat = file::stat(&file).map_err(|error| place.io_error("inspect region", error))?;
        check_kind(place, &stat)?;
        if stat.names == 0 {
            return Ok(None);
        }
        if access == Access::Write {
            check_ours(&place.shown, &stat)?;
        }
        let file_bytes = stat.bytes;
        let fixed = read_header(place, &file, file_bytes)?;
        refuse_remote(place, remote_file_system(&file))?;
        if fixed.region_bytes != file_bytes {
            let reason = format!("the file has {file_bytes} bytes, its header says {}", fixed.region_bytes);
            return Err(place.damaged(reason));
        }
        check_limit(place, file_bytes, max_bytes, "what its reader or writer allows")?;
        check_stored(place, file_bytes, stat.stored_bytes)?;
        let descriptor = read_descriptor(place, &file, &fixed)?;
        let mapping = RegionMapping::new(&file, &fixed, access);
        let mapping = mapping.map_err(|error| place.io_error("map region", error))?;
        let file = (access == Access::Write).then_some(file);
        Ok(Some(Self::of(fixed, descriptor, &stat, mapping, file)))
    }
}

/// Reads the written-once part into private memory, once, and parses that.
fn read_header(place: &Place, file: &File, file_bytes: u64) -> Result<Fixed> {
    let mut bytes = [0; FIXED_BYTES];
    let wanted = FIXED_BYTES.min(usize::try_from(file_bytes).unwrap_or(FIXED_BYTES));
    file.read_exact_at(&mut bytes[..wanted], 0).map_err(|error| place.io_error("read region", error))?;
    if bytes[..MAGIC.len()] != MAGIC {
        return Err(place.not_a_region(match file_bytes {
            0 => "it is empty",
            _ => "it does not begin as one",
        }));
    }
    if file_bytes < u64::from(HEADER_BYTES) {
        return Err(place.damaged(format!("the file ends after {file_bytes} bytes, within the header")));
    }
    Fixed::parse(&bytes).map_err(|fault| match fault {
        HeaderFault::Foreign => place.not_a_region("it does not begin as one"),
        HeaderFault::Version(major, minor) => Error::Version {
            region: place.shown.clone(),
            found: format!("{major}.{minor}"),
            supported: format!("{}.{}", VERSION.0, VERSION.1),
        },
        HeaderFault::Features(bits) => Error::Features { region: place.shown.clone(), bits },
        HeaderFault::Field(reason) => place.damaged(reason.into()),
    })
}

/// Reads the descriptor. Its records are for those who know them; here it only has to be whole.
fn read_descriptor(place: &Place, file: &File, fixed: &Fixed) -> Result<Vec<u8>> {
    if fixed.descriptor_bytes > MAX_DESCRIPTOR_BYTES {
        return Err(place.damaged(format!("its descriptor claims {} bytes", fixed.descriptor_bytes)));
    }
    let mut descriptor = vec![0; fixed.descriptor_bytes as usize];
    match file.read_exact_at(&mut descriptor, u64::from(HEADER_BYTES)) {
        Ok(()) if crc32fast::hash(&descriptor) == fixed.descriptor_crc => Ok(descriptor),
        // A file that ends before its header says so was cut meanwhile.
        Err(error) if error.kind() != ErrorKind::UnexpectedEof => Err(place.io_error("read region", error)),
        _ => Err(place.damaged("the descriptor's CRC does not match".into())),
    }
}

fn check_kind(place: &Place, stat: &Stat) -> Result<()> {
    let reason = match stat.kind {
        Kind::Regular => return Ok(()),
        Kind::Directory => "it is a directory",
        Kind::Link => "it is a symbolic link",
        Kind::Pipe => "it is a pipe",
        Kind::Socket => "it is a socket",
        Kind::Device => "it is a device",
    };
    Err(place.not_a_region(reason))
}

/// Refuses a region in a directory on a file system that is not this machine's own.
pub fn check_local_directory(place: &Place) -> Result<()> {
    refuse_remote(place, remote_file_system(place.directory()))
}

fn refuse_remote(place: &Place, remote: Option<&'static str>) -> Result<()> {
    match remote {
        Some(file_system) => Err(Error::Remote { region: place.shown.clone(), file_system }),
        None => Ok(()),
    }
}

/// Refuses a file of more bytes than `max_bytes`, which is the limit that `whose` names.
pub fn check_limit(place: &Place, bytes: u64, max_bytes: u64, whose: &str) -> Result<()> {
    let reason = if bytes > max_bytes {
        format!("{bytes} bytes, more than {max_bytes}, {whose}")
    } else if usize::try_from(bytes).is_err() {
        format!("{bytes} bytes, more than this processor can address")
    } else {
        return Ok(());
    };
    Err(Error::TooLarge { region: place.shown.clone(), reason })
}

/// Refuses a file that is mostly holes: in a few KiB it could claim a value of gigabytes, for which a reader makes room.
fn check_stored(place: &Place, bytes: u64, stored: u64) -> Result<()> {
    if bytes <= SPARSE_BYTES.max(stored.saturating_mul(MAX_SPARSENESS)) {
        return Ok(());
    }
    let reason = format!("of its {bytes} bytes only {stored} are stored (a whole copy is made by cp --sparse=never)");
    Err(place.damaged(reason))
}

/// Says why a file could not be opened, after another look at what it is.
fn explain_open(place: &Place, access: Access, error: io::Error) -> Error {
    if error.kind() == ErrorKind::NotFound {
        return Error::NotFound { region: place.shown.clone() };
    }
    let Ok(Some(stat)) = place.directory().stat(place.file()) else { return place.io_error("open region", error) };
    if let Err(foreign) = check_kind(place, &stat) {
        return foreign;
    }
    if error.kind() != ErrorKind::PermissionDenied {
        return place.io_error("open region", error);
    }
    let (owner, mode) = (stat.owner, stat.mode & 0o777);
    let allowed = match access {
        Access::Read => format!("can let others read it with: shm-writer create --mode 644 {}", place.shown),
        Access::Write => "alone can write to it; choose another name".into(),
    };
    let remedy = format!("it has mode {mode:o}, and user {owner}, its owner, {allowed}");
    Error::Permission { action: "open region", region: place.shown.clone(), remedy }
}
