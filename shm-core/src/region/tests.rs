//! What is refused under a region's name, and why; what is asked of the file system, and what is left there.

use super::place::open_directory;
use super::*;
use crate::{Kind, RawWriter};
use std::fs::OpenOptions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// A header of a small region.
fn example() -> Fixed {
    Fixed::new(4, 40, Kind::Text.code())
}

/// A directory, and the place of a region `x` in it.
pub fn room() -> (TempDir, Place) {
    let directory = tempfile::tempdir().unwrap();
    let opened = Arc::new(open_directory(directory.path(), None).unwrap());
    (directory, Place::within(&opened, "x"))
}

/// The same, with what is asked of it here.
struct Room {
    directory: TempDir,
    place: Place,
}

impl Room {
    fn new() -> Self {
        let (directory, place) = room();
        Self { directory, place }
    }

    /// With a region in it.
    fn with_region() -> Self {
        let room = Self::new();
        drop(RawWriter::open(room.path("x").to_str().unwrap(), Kind::Text).unwrap());
        room
    }

    fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    fn file(&self) -> File {
        OpenOptions::new().read(true).write(true).open(self.path("x")).unwrap()
    }

    fn open(&self, access: Access) -> Result<Region> {
        Region::open(&self.place, access, MAX_REGION_BYTES)
    }

    /// Why nobody opens what has the region's name.
    fn refusal(&self) -> String {
        let [to_read, to_write] =
            [Access::Read, Access::Write].map(|access| self.open(access).unwrap_err().to_string());
        assert_eq!(to_read, to_write);
        to_read
    }

    fn draft(&self, descriptor: &[u8]) -> Draft<'_> {
        Draft::new(&self.place, example().with_descriptor(descriptor, 0).lay_out().unwrap(), descriptor, 0o640, None)
            .unwrap()
    }
}

// Faults 53 and 54.
#[test]
fn what_is_no_file_is_refused_for_what_it_is() {
    let room = Room::new();
    let x = room.path("x");
    let refusal = |reason: &str| {
        assert_eq!(room.refusal(), room.place.not_a_region(reason).to_string());
    };
    std::fs::create_dir(&x).unwrap();
    refusal("it is a directory");
    std::fs::remove_dir(&x).unwrap();

    drop(RawWriter::open(room.path("other").to_str().unwrap(), Kind::Text).unwrap());
    symlink("other", &x).unwrap();
    refusal("it is a symbolic link");
    std::fs::remove_file(&x).unwrap();

    fs::mknodat(room.place.directory(), "x", FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    refusal("it is a pipe");
    std::fs::remove_file(&x).unwrap();

    let _socket = UnixListener::bind(&x).unwrap();
    refusal("it is a socket");

    let devices = Arc::new(open_directory("/dev".as_ref(), None).unwrap());
    let null = Region::open(&Place::within(&devices, "null"), Access::Read, MAX_REGION_BYTES);
    assert!(null.unwrap_err().to_string().contains("it is a device"));
}

// Fault 33.
#[test]
fn a_file_that_is_too_short_is_refused_for_that() {
    let room = Room::with_region();
    let file = room.file();
    for (bytes, reason) in [
        (4097, "the file has 4097 bytes"),
        (4096, "the file has 4096 bytes"),
        (4095, "the file ends after 4095 bytes"),
        (8, "the file ends after 8 bytes"),
        (7, "it does not begin as one"),
        (0, "it is empty"),
    ] {
        file.set_len(bytes).unwrap();
        assert!(room.refusal().contains(reason), "{bytes}: {}", room.refusal());
    }
}

#[test]
fn a_descriptor_has_1_mib_at_most_and_is_checked() {
    let room = Room::new();
    let longest = vec![7; 1 << 20];
    room.draft(&longest).replace().unwrap();
    assert_eq!(room.open(Access::Read).unwrap().descriptor, longest);

    room.file().write_all_at(&[8], 4096 + 12_345).unwrap();
    assert!(room.refusal().contains("the descriptor's CRC does not match"));

    room.draft(&vec![7; (1 << 20) + 1]).replace().unwrap();
    assert!(room.refusal().contains("its descriptor claims 1048577 bytes"));
}

#[test]
fn a_descriptor_that_is_cut_is_damaged_and_one_that_cannot_be_read_is_not() {
    let room = Room::new();
    let fixed = example().with_descriptor(&[7; 100], 0);
    std::fs::write(room.path("x"), [7; 4195]).unwrap();
    let cut = read_descriptor(&room.place, &room.file(), &fixed);
    assert!(matches!(cut, Err(Error::Damaged { .. })), "{cut:?}");
    let to_write = OpenOptions::new().append(true).open(room.path("x")).unwrap();
    let unreadable = read_descriptor(&room.place, &to_write, &fixed);
    assert!(matches!(unreadable, Err(Error::Io { .. })), "{unreadable:?}");
}

// Fault 32.
#[test]
fn a_region_may_be_as_large_as_is_allowed_and_no_larger() {
    let room = Room::with_region();
    let bytes = room.file().metadata().unwrap().len();
    let open = |limit| Region::open(&room.place, Access::Read, limit);
    open(bytes).unwrap();
    let refused = open(bytes - 1).unwrap_err();
    assert!(matches!(&refused, Error::TooLarge { .. }), "{refused}");
    assert!(refused.to_string().contains(&format!("{bytes} bytes, more than {}", bytes - 1)));
}

// Fault 32.
#[test]
fn a_large_file_stores_a_part_of_what_it_claims() {
    let (_directory, place) = room();
    let check = |bytes, stored| check_stored(&place, bytes, stored).map_err(|error| error.to_string());
    for (bytes, stored) in [(64 << 20, 0), (1 << 30, 1 << 30), (1 << 30, 1 << 26), (MAX_REGION_BYTES, u64::MAX)] {
        assert_eq!(check(bytes, stored), Ok(()));
    }
    assert!(check((64 << 20) + 1, 4096).unwrap_err().contains("of its 67108865 bytes only 4096 are stored"));
    assert!(check((1 << 30) + 1, 1 << 26).is_err());
}

#[test]
fn an_open_region_knows_its_file_and_has_all_its_words() {
    let room = Room::new();
    drop(room.draft(&[7; 100]).replace().unwrap());
    let region = room.open(Access::Write).unwrap();
    assert_eq!((region.mode, region.owner), (0o640, rustix::process::geteuid().as_raw()));
    let stat = fs::stat(room.path("x")).unwrap();
    assert_eq!((Some(region.identity), stat.st_uid), (room.place.identity().unwrap(), region.owner));
    assert_eq!(region.permissions(&room.place).unwrap(), (0o640, stat.st_gid));
    region.set_mode(&room.place, 0o600).unwrap();
    assert_eq!(region.permissions(&room.place).unwrap().0, 0o600);

    let words = region.fixed.region_bytes - region.fixed.slots_offset();
    assert_eq!(region.mapping.words().len() as u64 * 8, words);
    assert!(region.fixed.slots_offset() >= 4096 + 100);
}

#[test]
fn who_may_not_open_a_region_is_told_its_mode_and_owner() {
    let room = Room::with_region();
    std::fs::set_permissions(room.path("x"), PermissionsExt::from_mode(0o640)).unwrap();
    let owner = rustix::process::geteuid().as_raw();
    for errno in [Errno::ACCESS, Errno::PERM] {
        let to_read = explain_open(&room.place, Access::Read, errno).to_string();
        let to_write = explain_open(&room.place, Access::Write, errno).to_string();
        let whose = format!("it has mode 640, and user {owner}, its owner,");
        assert!(to_read.contains(&whose) && to_read.contains("create --mode 644 x"), "{to_read}");
        assert!(to_write.contains(&whose) && to_write.contains("alone can write to it"), "{to_write}");
    }
    let other = explain_open(&room.place, Access::Read, Errno::MFILE);
    assert!(matches!(other, Error::Io { .. }), "{other}");
    std::fs::remove_file(room.path("x")).unwrap();
    let missing = explain_open(&room.place, Access::Read, Errno::NOENT);
    assert!(matches!(missing, Error::NotFound { .. }), "{missing}");
}

// Fault 3.
#[test]
fn a_draft_is_under_its_own_name_until_it_is_done_and_gone_if_it_never_is() {
    let room = Room::new();
    let files = || {
        let mut files: Vec<_> =
            room.directory.path().read_dir().unwrap().map(|file| file.unwrap().file_name()).collect();
        files.sort();
        files
    };
    let draft = room.draft(&[]);
    assert_eq!(files(), [".x.new"]);
    drop(draft);
    assert!(files().is_empty());

    // What a dead writer left is taken away first.
    std::fs::write(room.path(".x.new"), "left").unwrap();
    assert!(room.draft(&[]).create().unwrap().is_some());
    assert_eq!(files(), ["x"]);
    assert!(room.draft(&[]).create().unwrap().is_none());
    assert_eq!(files(), ["x"]);
    let before = room.place.identity().unwrap();
    room.draft(&[]).replace().unwrap();
    assert_eq!(files(), ["x"]);
    assert_ne!(room.place.identity().unwrap(), before);
}

#[test]
fn a_draft_may_be_given_the_group_of_the_region_that_it_replaces() {
    let room = Room::new();
    let group = if rustix::process::geteuid().is_root() { 65534 } else { rustix::process::getegid().as_raw() };
    let draft = Draft::new(&room.place, example().lay_out().unwrap(), &[], 0o640, Some(group)).unwrap();
    assert_eq!(draft.region().permissions(&room.place).unwrap(), (0o640, group));
}

// Fault 55.
#[test]
fn a_draft_takes_another_name_where_its_own_is_taken() {
    let room = Room::new();
    std::fs::create_dir(room.path(".x.new")).unwrap();
    let draft = room.draft(&[]);
    assert!(draft.file.starts_with(".x.new-"), "{}", draft.file);
    draft.create().unwrap();
    room.open(Access::Write).unwrap();
}

// Faults 14, 18, 23 and 26.
#[test]
fn a_region_that_cannot_be_made_says_what_is_in_the_way() {
    let room = Room::new();
    let explain = |errno| explain_create(&room.place, 4096, errno);
    for errno in [Errno::NOSPC, Errno::DQUOT] {
        assert!(matches!(explain(errno), Error::NoSpace { needed: 4096, .. }), "{errno}");
    }
    for errno in [Errno::ACCESS, Errno::PERM, Errno::ROFS] {
        assert!(matches!(explain(errno), Error::Permission { .. }), "{errno}");
    }
    for errno in [Errno::OPNOTSUPP, Errno::NOSYS, Errno::INVAL] {
        assert!(matches!(explain(errno), Error::FileSystem { .. }), "{errno}");
    }
    assert!(matches!(explain(Errno::IO), Error::Io { .. }));
}

#[test]
fn a_region_that_is_gone_already_is_removed() {
    let room = Room::with_region();
    remove_file(&room.place).unwrap();
    assert!(!room.path("x").exists());
    remove_file(&room.place).unwrap();
    std::fs::create_dir(room.path("x")).unwrap();
    assert!(matches!(remove_file(&room.place), Err(Error::Io { .. })));
}

#[test]
fn a_region_of_an_earlier_boot_is_believed_only_if_it_was_closed() {
    let room = Room::new();
    let survived = |boot_id| {
        let fixed = Fixed { boot_id, ..example() }.lay_out().unwrap();
        let region = Draft::new(&room.place, fixed, &[], 0o600, None).unwrap().replace().unwrap();
        let while_open = region.survived_cleanly();
        region.header().hot.state.store(STATE_CLOSED, Relaxed);
        (while_open, region.survived_cleanly())
    };
    assert_eq!(survived(boot_id()), (true, true));
    assert_eq!(survived(boot_id() ^ 1), (false, true));
    // Where it is not known, there is nothing to go by.
    assert_eq!(survived(0), (true, true));
}

#[test]
fn this_machine_has_a_boot_id() {
    let file = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let parts: Vec<_> = file.trim().split('-').collect();
    assert_eq!(format!("{:032x}", boot_id()), parts.concat());
}
