//! Tests of the writer's lock: taking and freeing it, the files that can be locked, and forks.

use super::*;
use crate::region::tests::room;
use crate::sys::file_system::maps_what_was_opened;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

#[test]
fn a_lock_is_had_by_one_at_a_time_and_seen_by_all() {
    let (directory, location) = room();
    assert_eq!(probe(&location), WriterStatus::Gone);
    let lock = Lock::acquire(&location).unwrap();
    assert_eq!(probe(&location), WriterStatus::Alive);
    assert!(matches!(Lock::acquire(&location), Err(OpenError::WriterAlive { pid: None, .. })));
    assert!(lock.is_named(&location).unwrap() && lock.process().is_present());
    drop(lock);
    assert_eq!(probe(&location), WriterStatus::Gone);
    let lock = Lock::acquire(&location).unwrap();
    std::fs::rename(directory.path().join(".x.lock"), directory.path().join("moved")).unwrap();
    assert!(!lock.is_named(&location).unwrap());
}

// Reported 9.
#[test]
fn nothing_is_claimed_about_the_writer_of_a_region_without_a_lock_file() {
    let (directory, location) = room();
    std::fs::write(directory.path().join("x"), "").unwrap();
    assert_eq!(probe(&location), WriterStatus::Unknown);
    drop(Lock::acquire(&location).unwrap());
    assert_eq!(probe(&location), WriterStatus::Gone);
}

/// Returns a lock that a descriptor keeps, and a copy of that descriptor, as a child would have it.
fn kept_by_a_descriptor(location: &Location) -> (Lock, File) {
    let mut lock = Lock::acquire(location).unwrap();
    let file = LockFile::open_or_create(location).unwrap().unwrap().file;
    drop(lock.hold.take());
    assert!(lock::try_lock(&file).unwrap());
    let copy = file.try_clone().unwrap();
    lock.hold = Some(Hold::Descriptor(file));
    assert_eq!(probe(location), WriterStatus::Alive);
    (lock, copy)
}

#[test]
fn a_lock_that_is_kept_by_a_descriptor_is_freed_while_a_child_has_a_copy() {
    let (_directory, location) = room();
    let (lock, _copy) = kept_by_a_descriptor(&location);
    drop(lock);
    assert_eq!(probe(&location), WriterStatus::Gone);
}

// Fault 43.
#[test]
fn a_fork_frees_no_lock() {
    let (_directory, location) = room();
    let (mut lock, _copy) = kept_by_a_descriptor(&location);
    lock.process = Process::another();
    drop(lock);
    assert_eq!(probe(&location), WriterStatus::Alive);
}

// Fault 43.
#[test]
fn a_fork_does_not_unmap_what_it_has_no_mapping_of() {
    let (_directory, location) = room();
    let mut lock = Lock::acquire(&location).unwrap();
    let is_mapped = matches!(lock.hold, Some(Hold::Mapping(_)));
    lock.process = Process::another();
    drop(lock);
    // In this test the mapping exists, unlike in a real fork, and keeps the lock.
    assert_eq!(probe(&location) == WriterStatus::Alive, is_mapped);
}

#[test]
fn a_lock_file_goes_with_its_region() {
    let (directory, location) = room();
    let [file, region] = [".x.lock", "x"].map(|file| directory.path().join(file));
    Lock::acquire(&location).unwrap().release(&location).unwrap();
    assert!(!file.exists());

    let lock = Lock::acquire(&location).unwrap();
    std::fs::write(region, "").unwrap();
    lock.release(&location).unwrap();
    assert!(file.exists());

    let lock = Lock::acquire(&location).unwrap();
    lock.remove_file(&location).unwrap();
    assert!(!file.exists());
    lock.remove_file(&location).unwrap();
    std::fs::create_dir(&file).unwrap();
    assert!(matches!(lock.remove_file(&location), Err(OpenError::Io { .. })));
}

// Faults 53 to 55.
#[test]
fn only_a_file_of_this_user_alone_is_locked() {
    let (directory, location) = room();
    let file = directory.path().join(".x.lock");
    let refusal = || Lock::acquire(&location).unwrap_err().to_string();
    let is_foreign = || assert_eq!(refusal(), foreign(&location).to_string());

    std::fs::create_dir(&file).unwrap();
    is_foreign();
    std::fs::remove_dir(&file).unwrap();

    symlink("target", &file).unwrap();
    is_foreign();
    assert_eq!(probe(&location), WriterStatus::Unknown);
    assert!(!directory.path().join("target").exists());
    std::fs::remove_file(&file).unwrap();

    nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).unwrap();
    is_foreign();
    assert_ne!(probe(&location), WriterStatus::Alive);
    std::fs::remove_file(&file).unwrap();

    let socket = UnixListener::bind(&file).unwrap();
    is_foreign();
    drop(socket);
    std::fs::remove_file(&file).unwrap();

    std::fs::write(&file, "").unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o666)).unwrap();
    assert!(refusal().contains("its mode 666 lets other users write to it"), "{}", refusal());
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let _lock = Lock::acquire(&location).unwrap();
}

#[test]
fn a_lock_file_is_for_its_owner_alone_and_no_program_that_is_started_inherits_it() {
    let (directory, location) = room();
    let opened = LockFile::open_or_create(&location).unwrap().unwrap();
    assert!(opened.is_new);
    let flags = nix::fcntl::fcntl(&opened.file, nix::fcntl::FcntlArg::F_GETFD).unwrap();
    assert!(flags & nix::libc::FD_CLOEXEC != 0);
    let path = directory.path().join(".x.lock");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    assert!(!LockFile::open_or_create(&location).unwrap().unwrap().is_new);
    // The file was removed after it was opened. This is not an error.
    std::fs::remove_file(path).unwrap();
    opened.check().unwrap();
}

// Fault 43.
#[test]
fn a_lock_is_kept_by_a_mapping_where_that_keeps_the_file_open() {
    let (directory, location) = room();
    let is_kept_by_mapping = maps_what_was_opened(File::open(directory.path()).unwrap());
    let lock = Lock::acquire(&location).unwrap();
    assert_eq!(matches!(lock.hold, Some(Hold::Mapping(_))), is_kept_by_mapping);
}

// Faults 14, 18 and 26.
#[test]
fn a_lock_file_that_cannot_be_made_says_what_is_in_the_way() {
    let (_directory, location) = room();
    let explain = |kind: ErrorKind| explain_open(&location, kind.into());
    let refused = explain(ErrorKind::PermissionDenied);
    assert!(
        refused
            .to_string()
            .starts_with("cannot lock region 'x': permission denied: this user cannot open its lock file '.x.lock'"),
        "{refused}"
    );
    assert!(matches!(refused, OpenError::Permission { denied: Denied::Lock { .. }, .. }));
    assert!(matches!(explain(ErrorKind::ReadOnlyFilesystem), OpenError::ReadOnly { action: "lock region", .. }));
    assert!(matches!(explain(ErrorKind::StorageFull), OpenError::NoSpace { needed: 4096, .. }));
    assert!(matches!(explain(ErrorKind::QuotaExceeded), OpenError::Quota { needed: 4096, .. }));
    assert!(matches!(explain(ErrorKind::Other), OpenError::Io { .. }));
}

#[test]
fn presence_is_shown_in_a_word() {
    let name = [WriterStatus::Alive, WriterStatus::Gone, WriterStatus::Unknown].map(|presence| presence.to_string());
    assert_eq!(name, ["alive", "gone", "unknown"]);
}
