//! What is asked of the file system for a region in the making, and what is left there.

use super::*;
use crate::region::tests::{Room, example};
use crate::sys::process::user;
use std::os::unix::fs::MetadataExt;

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
    let group = if user() == 0 { 65534 } else { Room::new().directory.path().metadata().unwrap().gid() };
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
    let explain = |kind: ErrorKind| explain_create(&room.place, 4096, kind.into());
    for kind in [ErrorKind::StorageFull, ErrorKind::QuotaExceeded] {
        assert!(matches!(explain(kind), Error::NoSpace { needed: 4096, .. }), "{kind}");
    }
    for kind in [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem] {
        assert!(matches!(explain(kind), Error::Permission { .. }), "{kind}");
    }
    for kind in [ErrorKind::Unsupported, ErrorKind::InvalidInput] {
        assert!(matches!(explain(kind), Error::FileSystem { .. }), "{kind}");
    }
    assert!(matches!(explain(ErrorKind::Other), Error::Io { .. }));
}
