//! Handles SIGBUS, the signal that a program gets when it accesses a mapped page that the kernel cannot
//! provide: the file was cut short, the disk cannot deliver the page, or its file system has no space to
//! store it. No check beforehand can rule this out.
//!
//! The program reports which of these it was and ends. It cannot continue: the missing bytes would be read
//! as values that were never published.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use anyhow::{Context, Result};
use rustix::fs::{self, FallocateFlags, IFlags, Mode, OFlags};
use rustix::io::{Errno, pread};
use shm_ring::header::{HEADER_BYTES, STATIC_BYTES, StaticHeader};
use signal_hook::consts::SIGBUS;
use signal_hook::low_level;

use crate::report::rendered;
use crate::{Code, Failure, remedy};

/// The size of the file that is created to find out whether there is space.
const PROBE_BYTES: u64 = 64 << 10;

/// The files that a program maps.
#[derive(Clone, Copy, Debug)]
pub enum Mapped<'a> {
    /// The region of this name.
    Region(&'a str),
    /// The block of this name.
    Block(&'a str),
    /// Several files.
    Several,
}

/// Makes the program end with a message when it accesses a missing page. The exit code is
/// [`Code::Damaged`], or [`Code::Other`] if the values that were published are kept.
pub fn catch_bus_errors(mapped: Mapped<'_>) -> Result<()> {
    let messages = CAUSES.map(|cause| (rendered(&failure(cause, mapped).into()), code(cause)));
    let paths = paths(mapped);
    let end = move || {
        let cause = paths.as_ref().map_or(Cause::Unknown, |(directory, file)| find_cause(directory, file));
        let (message, code) = &messages[cause as usize];
        // If the message cannot be written, the exit code still reports the failure.
        let _ = rustix::io::write(std::io::stderr(), message);
        low_level::exit(*code as i32)
    };
    // SAFETY: everything the action does is allowed in a signal handler: system calls, a look at its own bytes, and
    // `_exit`. It takes no lock, allocates nothing, and does not return, so no code sees the state it interrupted.
    unsafe { low_level::register(SIGBUS, end) }.map(drop).context("cannot handle SIGBUS")
}

/// Why a page could not be accessed.
#[derive(Clone, Copy)]
enum Cause {
    /// The file is shorter than it was.
    CutShort,
    /// The file system has no space for a page, although the file's pages were reserved.
    FullDisk,
    /// As `FullDisk`, but because of a quota.
    Quota,
    /// The file was marked immutable.
    Immutable,
    /// It cannot be found out.
    Unknown,
}

const CAUSES: [Cause; 5] = [Cause::CutShort, Cause::FullDisk, Cause::Quota, Cause::Immutable, Cause::Unknown];

fn code(cause: Cause) -> Code {
    match cause {
        Cause::CutShort | Cause::Unknown => Code::Damaged,
        Cause::FullDisk | Cause::Quota | Cause::Immutable => Code::Other,
    }
}

fn failure(cause: Cause, mapped: Mapped<'_>) -> Failure {
    let file = match mapped {
        Mapped::Region(name) => format!("region '{name}'"),
        Mapped::Block(name) => format!("block '{name}'"),
        Mapped::Several => "a region".to_owned(),
    };
    let (reason, remedy) = match cause {
        Cause::CutShort => ("its file was cut short while in use", remedy::cut_short(mapped)),
        Cause::FullDisk => (
            "its disk is full, and a page of its file needs a new block: it is a hole, or shares its block with a snapshot or a copy",
            remedy::free_space(mapped),
        ),
        Cause::Quota => (
            "a page of its file needs a new block, and the quota of this user is used up, or that of its group or directory",
            remedy::free_space(mapped),
        ),
        Cause::Immutable => ("its file was marked immutable while in use", remedy::remove_mark(mapped)),
        Cause::Unknown => {
            ("its file was cut short while in use, or cannot be read from its disk", remedy::cut_short(mapped))
        }
    };
    Failure::new(code(cause), format!("cannot access {file}: {reason}"), remedy)
}

/// Returns the paths of the directory and of the file, for system calls in a signal handler.
fn paths(mapped: Mapped<'_>) -> Option<(CString, CString)> {
    let (Mapped::Region(name) | Mapped::Block(name)) = mapped else { return None };
    let file = shm_core::path_of(name);
    let directory = file.parent()?.to_owned();
    let terminated = |path: PathBuf| CString::new(path.into_os_string().into_vec()).ok();
    Some((terminated(directory)?, terminated(file)?))
}

/// Finds out what is wrong with a file, with system calls only.
fn find_cause(directory: &CStr, file: &CStr) -> Cause {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let Ok(file) = fs::open(file, flags, Mode::empty()) else { return Cause::Unknown };
    let bytes = fs::fstat(&file).ok().and_then(|stat| u64::try_from(stat.st_size).ok()).unwrap_or(0);
    let mut header = [0; STATIC_BYTES];
    let _ = pread(&file, &mut header, 0);
    // A block has no header that states its length.
    let wanted = StaticHeader::parse(&header).map_or(1, |header| header.region_bytes.max(HEADER_BYTES.into()));
    if bytes < wanted {
        return Cause::CutShort;
    }
    if fs::ioctl_getflags(&file).is_ok_and(|flags| flags.contains(IFlags::IMMUTABLE)) {
        return Cause::Immutable;
    }
    // A file without a name shows whether there is space, and whether a quota is the reason.
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let probe = fs::open(directory, flags, Mode::RUSR | Mode::WUSR);
    match probe.and_then(|probe| fs::fallocate(probe, FallocateFlags::empty(), 0, PROBE_BYTES)) {
        Err(Errno::NOSPC) => Cause::FullDisk,
        Err(Errno::DQUOT) => Cause::Quota,
        _ => Cause::Unknown,
    }
}
