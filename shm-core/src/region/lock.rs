//! The writer's lock: an open file description lock on a file of its own beside the region. The kernel
//! frees it at any death of its holder. It is never the region's own file, because whoever may open a
//! file for reading may also lock it.
//!
//! Such a lock is freed when nothing refers to the open file any more, and a fork gets a copy of every descriptor: a child
//! that lives on would keep the lock of a writer that died. So the lock is held by a mapping of the file instead, which
//! forks do not get (`MADV_DONTFORK`), and the descriptor is closed. Nobody ever touches the mapped page.

use super::place::{Identity, Place, check_ours, identity_of};
use super::process::Process;
use crate::error::{Error, Result};
use memmap2::{Advice, MmapOptions, MmapRaw};
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use rustix::fd::OwnedFd;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use shm_ring::header::HEADER_BYTES;
use std::time::Duration;

/// Another process may lock and remove the file between our opening and our locking it; this often we try again.
const ATTEMPTS: usize = 100;

/// `rm` and `clean` hold the lock for a moment, and so does a child that is just being started, with a copy of a descriptor: a
/// refusal counts when it was repeated after pauses of these many milliseconds.
const PAUSES_MS: [u64; 6] = [1, 2, 4, 8, 16, 32];

/// File systems of which it is known that a mapping refers to the very file that was opened: tmpfs, ext2 to ext4, XFS and
/// Btrfs. Others may map a file that lies below it, as overlayfs does.
const MAPPED_AS_OPENED: [u64; 4] = [0x0102_1994, 0xef53, 0x5846_5342, 0x9123_683e];

/// The writer's lock, held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    // Gone only while it is being dropped.
    hold: Option<Hold>,
    identity: Identity,
    // The process that took it.
    process: Process,
}

/// What keeps the file open, and so locked.
#[derive(Debug)]
enum Hold {
    /// A mapping, which forks do not get.
    Mapping(MmapRaw),
    /// A descriptor, of which a fork has a copy.
    Descriptor(OwnedFd),
}

impl Hold {
    fn of(file: OwnedFd) -> Self {
        match map_for_this_process(&file) {
            Some(mapping) => Self::Mapping(mapping),
            None => Self::Descriptor(file),
        }
    }
}

/// Maps the file so that a fork has no part of it; `None` where that cannot be had, or would not keep the file open.
fn map_for_this_process(file: &OwnedFd) -> Option<MmapRaw> {
    let kind = u64::try_from(fs::fstatfs(file).ok()?.f_type).ok()?;
    if !MAPPED_AS_OPENED.contains(&kind) {
        return None;
    }
    // The file is empty, so nobody could touch the page.
    let mapping = MmapOptions::new().len(1).map_raw_read_only(file).ok()?;
    mapping.advise(Advice::DontFork).ok()?;
    Some(mapping)
}

/// Whether somebody holds a region's writer lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Presence {
    /// A writer holds the region.
    Alive,
    /// No writer does.
    Gone,
    /// The lock file may not be opened by this user.
    Unknown,
}

impl std::fmt::Display for Presence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Alive => "alive",
            Self::Gone => "gone",
            Self::Unknown => "unknown",
        })
    }
}

impl Lock {
    /// Takes the lock, or says that another writer has it. The error's pid is left for the caller to fill in.
    pub fn acquire(place: &Place) -> Result<Self> {
        let mut pauses = PAUSES_MS.into_iter().map(Duration::from_millis);
        for _ in 0..ATTEMPTS {
            // First, because it may fail, and then leaves nothing behind.
            let process = Process::this().map_err(|source| Error::Io {
                action: "lock region",
                region: place.shown.clone(),
                source,
            })?;
            let Some((file, is_new)) = open_or_create(place)? else { continue };
            let stat = fs::fstat(&file).map_err(|errno| place.io_error("lock region", errno));
            let checked = stat.and_then(|stat| check_file(place, &stat).map(|()| stat));
            // The error that matters is the one that led here.
            let give_up = || {
                if is_new {
                    let _ = remove_file(place);
                }
            };
            let stat = checked.inspect_err(|_| {
                // Somebody else may have locked it since.
                if set_lock(&file, libc::F_WRLCK).is_ok() {
                    give_up();
                }
            })?;
            match set_lock(&file, libc::F_WRLCK) {
                Ok(()) => {}
                Err(nix::Error::EAGAIN | nix::Error::EACCES) => {
                    let Some(pause) = pauses.next() else {
                        return Err(Error::WriterAlive { region: place.shown.clone(), pid: None });
                    };
                    std::thread::sleep(pause);
                    continue;
                }
                Err(errno) => {
                    // Nobody can lock it, so nobody has.
                    give_up();
                    return Err(Error::Io { action: "lock region", region: place.shown.clone(), source: errno.into() });
                }
            }
            let lock = Self { hold: Some(Hold::of(file)), identity: Identity::of(&stat), process };
            if lock.is_named(place).inspect_err(|_| give_up())? {
                return Ok(lock);
            }
        }
        Err(place.io_error("lock region", Errno::AGAIN))
    }

    /// Whether the lock file's name still leads to the file that is locked.
    pub fn is_named(&self, place: &Place) -> Result<bool> {
        Ok(identity_of(place, &place.lock_file())? == Some(self.identity))
    }

    /// The process that took the lock, of which this one may be a fork.
    #[inline]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Frees the lock, and removes its file if there is no region that it could be the lock of.
    pub fn release(self, place: &Place) -> Result<()> {
        match place.identity()? {
            Some(_) => Ok(()),
            None => self.remove_file(place),
        }
    }

    /// Removes the lock file, which is to be done before the lock is freed. The region must be gone already.
    pub fn remove_file(&self, place: &Place) -> Result<()> {
        remove_file(place)
    }
}

fn remove_file(place: &Place) -> Result<()> {
    match fs::unlinkat(place.directory(), place.lock_file(), AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(place.io_error("remove the lock of region", errno)),
    }
}

impl Drop for Lock {
    /// Frees the lock also where a child that is just being started still has a copy of the descriptor.
    fn drop(&mut self) {
        let is_mine = self.process.is_surely_present();
        match self.hold.take() {
            // Should it fail, closing the descriptor frees the lock, a moment later at worst.
            Some(Hold::Descriptor(file)) if is_mine => {
                let _ = set_lock(&file, libc::F_UNLCK);
            }
            // A fork has no such mapping, and may have put another in its place by now.
            Some(Hold::Mapping(mapping)) if !is_mine => std::mem::forget(mapping),
            // Unmapping the file frees the lock; closing a copy does not.
            _ => {}
        }
    }
}

/// Asks whether a writer holds the region, without locking anything.
pub fn probe(place: &Place) -> Presence {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let open = || fs::openat(place.directory(), place.lock_file(), flags, Mode::empty());
    let file = match retry_on_intr(open) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Presence::Gone,
        Err(_) => return Presence::Unknown,
    };
    let mut asked = whole_file(libc::F_WRLCK);
    match fcntl(&file, FcntlArg::F_OFD_GETLK(&mut asked)) {
        Ok(_) if i32::from(asked.l_type) == libc::F_UNLCK => Presence::Gone,
        Ok(_) => Presence::Alive,
        Err(_) => Presence::Unknown,
    }
}

/// Opens the lock file, and says whether it is new; `None` if it came and went meanwhile. In a sticky directory
/// `O_CREAT` may be refused for a file that exists, so that comes second.
fn open_or_create(place: &Place) -> Result<Option<(OwnedFd, bool)>> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let mode = Mode::RUSR | Mode::WUSR;
    let open = |flags| retry_on_intr(|| fs::openat(place.directory(), place.lock_file(), flags, mode));
    let opened = match open(flags) {
        Err(Errno::NOENT) => match open(flags | OFlags::CREATE | OFlags::EXCL) {
            Err(Errno::EXIST) => return Ok(None),
            made => made.map(|file| {
                // The umask may have taken rights from it. Where they cannot be given back, the next open says so.
                let _ = fs::fchmod(&file, mode);
                (file, true)
            }),
        },
        opened => opened.map(|file| (file, false)),
    };
    opened.map(Some).map_err(|errno| explain_open(place, errno))
}

fn explain_open(place: &Place, errno: Errno) -> Error {
    match errno {
        Errno::ACCESS | Errno::PERM | Errno::ROFS => Error::Permission {
            action: "lock region",
            region: place.shown.clone(),
            remedy: format!("'{}' must be writable; write as its owner, or set SHM_DIR", place.lock_file()),
        },
        Errno::NOSPC | Errno::DQUOT => place.no_space(u64::from(HEADER_BYTES)),
        Errno::LOOP | Errno::ISDIR | Errno::NXIO => foreign(place),
        _ => place.io_error("lock region", errno),
    }
}

/// Takes or frees the lock, without waiting for it.
fn set_lock(file: &OwnedFd, lock_type: libc::c_int) -> nix::Result<()> {
    loop {
        match fcntl(file, FcntlArg::F_OFD_SETLK(&whole_file(lock_type))) {
            Err(nix::Error::EINTR) => {}
            done => return done.map(drop),
        }
    }
}

fn check_file(place: &Place, stat: &fs::Stat) -> Result<()> {
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(foreign(place));
    }
    // A file that was unlinked after it was opened is a lost race, which the caller tries again.
    if stat.st_nlink == 0 {
        return Ok(());
    }
    check_ours(&place.lock_file(), stat)
}

fn foreign(place: &Place) -> Error {
    let reason = "it is not a regular file; remove it".to_owned();
    Error::NotOurs { file: place.lock_file(), reason }
}

fn whole_file(lock_type: libc::c_int) -> libc::flock {
    #[expect(clippy::cast_possible_truncation, reason = "the lock types and SEEK_SET are small")]
    libc::flock {
        l_type: lock_type as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region::tests::room;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_lock_is_had_by_one_at_a_time_and_seen_by_all() {
        let (directory, place) = room();
        assert_eq!(probe(&place), Presence::Gone);
        let lock = Lock::acquire(&place).unwrap();
        assert_eq!(probe(&place), Presence::Alive);
        assert!(matches!(Lock::acquire(&place), Err(Error::WriterAlive { pid: None, .. })));
        assert!(lock.is_named(&place).unwrap() && lock.process().is_present());
        drop(lock);
        assert_eq!(probe(&place), Presence::Gone);
        let lock = Lock::acquire(&place).unwrap();
        std::fs::rename(directory.path().join(".x.lock"), directory.path().join("moved")).unwrap();
        assert!(!lock.is_named(&place).unwrap());
    }

    /// A lock that is kept by a descriptor, and a copy of that, as a child has it.
    fn kept_by_a_descriptor(place: &Place) -> (Lock, OwnedFd) {
        let mut lock = Lock::acquire(place).unwrap();
        let (file, _) = open_or_create(place).unwrap().unwrap();
        drop(lock.hold.take());
        set_lock(&file, libc::F_WRLCK).unwrap();
        let copy = file.try_clone().unwrap();
        lock.hold = Some(Hold::Descriptor(file));
        assert_eq!(probe(place), Presence::Alive);
        (lock, copy)
    }

    #[test]
    fn a_lock_that_is_kept_by_a_descriptor_is_freed_while_a_child_has_a_copy() {
        let (_directory, place) = room();
        let (lock, _copy) = kept_by_a_descriptor(&place);
        drop(lock);
        assert_eq!(probe(&place), Presence::Gone);
    }

    // Fault 43.
    #[test]
    fn a_fork_frees_no_lock() {
        let (_directory, place) = room();
        let (mut lock, _copy) = kept_by_a_descriptor(&place);
        lock.process = Process::another();
        drop(lock);
        assert_eq!(probe(&place), Presence::Alive);
    }

    // Fault 43.
    #[test]
    fn a_fork_does_not_unmap_what_it_has_no_mapping_of() {
        let (_directory, place) = room();
        let mut lock = Lock::acquire(&place).unwrap();
        let is_mapped = matches!(lock.hold, Some(Hold::Mapping(_)));
        lock.process = Process::another();
        drop(lock);
        // Here the mapping is there all the same, and keeps the lock.
        assert_eq!(probe(&place) == Presence::Alive, is_mapped);
    }

    #[test]
    fn a_lock_file_goes_with_its_region() {
        let (directory, place) = room();
        let [file, region] = [".x.lock", "x"].map(|file| directory.path().join(file));
        Lock::acquire(&place).unwrap().release(&place).unwrap();
        assert!(!file.exists());

        let lock = Lock::acquire(&place).unwrap();
        std::fs::write(region, "").unwrap();
        lock.release(&place).unwrap();
        assert!(file.exists());

        let lock = Lock::acquire(&place).unwrap();
        lock.remove_file(&place).unwrap();
        assert!(!file.exists());
        lock.remove_file(&place).unwrap();
        std::fs::create_dir(&file).unwrap();
        assert!(matches!(lock.remove_file(&place), Err(Error::Io { .. })));
    }

    // Faults 53 to 55.
    #[test]
    fn only_a_file_of_this_user_alone_is_locked() {
        let (directory, place) = room();
        let file = directory.path().join(".x.lock");
        let refusal = || Lock::acquire(&place).unwrap_err().to_string();
        let is_foreign = || assert_eq!(refusal(), foreign(&place).to_string());

        std::fs::create_dir(&file).unwrap();
        is_foreign();
        std::fs::remove_dir(&file).unwrap();

        symlink("target", &file).unwrap();
        is_foreign();
        assert_eq!(probe(&place), Presence::Unknown);
        assert!(!directory.path().join("target").exists());
        std::fs::remove_file(&file).unwrap();

        fs::mknodat(place.directory(), ".x.lock", FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        is_foreign();
        assert_ne!(probe(&place), Presence::Alive);
        std::fs::remove_file(&file).unwrap();

        let socket = UnixListener::bind(&file).unwrap();
        is_foreign();
        drop(socket);
        std::fs::remove_file(&file).unwrap();

        std::fs::write(&file, "").unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o666)).unwrap();
        assert!(refusal().contains("others may write to it (mode 666)"), "{}", refusal());
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        let _lock = Lock::acquire(&place).unwrap();
    }

    #[test]
    fn a_lock_file_is_for_its_owner_alone_and_no_program_that_is_started_inherits_it() {
        let (directory, place) = room();
        let (file, is_new) = open_or_create(&place).unwrap().unwrap();
        assert!(is_new);
        assert!(rustix::io::fcntl_getfd(&file).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
        let path = directory.path().join(".x.lock");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
        let (_, is_new) = open_or_create(&place).unwrap().unwrap();
        assert!(!is_new);
        // A lost race, which is no error.
        std::fs::remove_file(path).unwrap();
        check_file(&place, &fs::fstat(&file).unwrap()).unwrap();
    }

    // Fault 43.
    #[test]
    fn a_lock_is_kept_by_a_mapping_where_that_keeps_the_file_open() {
        let (directory, place) = room();
        let kind = fs::statfs(directory.path()).unwrap().f_type;
        let is_kept_by_mapping = MAPPED_AS_OPENED.iter().any(|known| i128::from(*known) == i128::from(kind));
        let lock = Lock::acquire(&place).unwrap();
        assert_eq!(matches!(lock.hold, Some(Hold::Mapping(_))), is_kept_by_mapping);
    }

    // Faults 14, 18 and 26.
    #[test]
    fn a_lock_file_that_cannot_be_made_says_what_is_in_the_way() {
        let (_directory, place) = room();
        let explain = |errno| explain_open(&place, errno);
        for errno in [Errno::ACCESS, Errno::PERM, Errno::ROFS] {
            assert!(explain(errno).to_string().contains("'.x.lock' must be writable"), "{errno}");
        }
        for errno in [Errno::NOSPC, Errno::DQUOT] {
            assert!(matches!(explain(errno), Error::NoSpace { needed: 4096, .. }), "{errno}");
        }
        assert!(matches!(explain(Errno::IO), Error::Io { .. }));
    }

    #[test]
    fn presence_is_shown_in_a_word() {
        let shown = [Presence::Alive, Presence::Gone, Presence::Unknown].map(|presence| presence.to_string());
        assert_eq!(shown, ["alive", "gone", "unknown"]);
    }
}
