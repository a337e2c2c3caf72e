//! Handles SIGBUS, which a program gets when it accesses a page of a mapping that the kernel cannot provide: the file was cut
//! short, its disk failed, or its file system has no space to store the page. No access can be checked for this in advance. The
//! program reports which of these it was and ends.
//!
//! The program does not continue after such a signal, because nobody published what it would read in place of the missing bytes.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};

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

/// Makes SIGBUS end the program with a message about the region or block `name`. `None`: the program uses several.
pub fn catch_bus_errors(name: Option<&str>) -> Result<()> {
    let messages = CAUSES.map(|cause| (rendered(&failure(cause, name).into()), code(cause)));
    let paths = name.and_then(paths);
    let end = move || {
        let cause = paths.as_ref().map_or(Cause::Unknown, |(directory, file)| find_cause(directory, file));
        let (message, code) = &messages[cause as usize];
        // If nobody can take the message, there is still the exit code.
        let _ = rustix::io::write(std::io::stderr(), message);
        low_level::exit(*code as i32)
    };
    // SAFETY: everything that the action does is allowed in a signal handler: system calls, a look at private bytes, and
    // `_exit`. It takes no lock, allocates nothing, and does not return, so nothing sees what it interrupted.
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
    /// The file may not be written any more.
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

fn failure(cause: Cause, name: Option<&str>) -> Failure {
    let whose = name.map_or("a file".to_owned(), |name| format!("the file of '{name}'"));
    let shared = "where blocks are shared with a snapshot or with a copy of the file, each store needs a new one";
    let (what, remedy) = match cause {
        Cause::CutShort => (format!("{whose} was cut short while it was in use"), remedy::cut_short(name)),
        Cause::FullDisk => {
            (format!("a page of {whose} could not be stored: the disk is full; {shared}"), remedy::free_space())
        }
        Cause::Quota => {
            let what = format!(
                "a page of {whose} could not be stored: the quota of this user is used up, or that of its group or \
                 directory; {shared}"
            );
            (what, remedy::free_space())
        }
        Cause::Immutable => {
            (format!("a page of {whose} could not be stored: it was marked immutable"), remedy::clear_mark())
        }
        Cause::Unknown => {
            let what =
                format!("{whose} was cut short while it was in use, or cannot be read from or stored to its disk");
            (what, remedy::cut_short(name))
        }
    };
    Failure::new(code(cause), what, remedy)
}

/// The paths of the directory and of the file of a region or block, for the system calls of a signal handler.
fn paths(name: &str) -> Option<(CString, CString)> {
    let (directory, file) = match name.rsplit_once('/') {
        Some((directory, _)) => (format!("{directory}/"), name.to_owned()),
        None => {
            let directory = std::env::var("SHM_DIR").ok().filter(|set| !set.is_empty());
            let directory = directory.unwrap_or_else(|| "/dev/shm".to_owned());
            let file = format!("{directory}/{name}");
            (directory, file)
        }
    };
    Some((CString::new(directory).ok()?, CString::new(file).ok()?))
}

/// Finds out what is wrong with a file, with system calls only.
fn find_cause(directory: &CStr, file: &CStr) -> Cause {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let Ok(file) = fs::open(file, flags, Mode::empty()) else { return Cause::Unknown };
    let bytes = fs::fstat(&file).ok().and_then(|stat| u64::try_from(stat.st_size).ok()).unwrap_or(0);
    let mut header = [0; STATIC_BYTES];
    let _ = pread(&file, &mut header, 0);
    // A block has no header that tells its length.
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
