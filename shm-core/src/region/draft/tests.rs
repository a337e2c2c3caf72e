//! Tests of drafts: the files that they create and leave, and the errors when that is impossible.

use super::*;
use crate::region::tests::{TestRegion, example};
use crate::sys::process::user;
use std::os::unix::fs::MetadataExt;

// Fault 3.
#[test]
fn a_draft_is_under_its_own_name_until_it_is_done_and_gone_if_it_never_is() {
    let test_region = TestRegion::new();
    let files = || {
        let mut files: Vec<_> =
            test_region.directory.path().read_dir().unwrap().map(|file| file.unwrap().file_name()).collect();
        files.sort();
        files
    };
    let draft = test_region.draft(&[]);
    assert_eq!(files(), [".x.new"]);
    drop(draft);
    assert!(files().is_empty());

    // A file that a dead writer left is removed first.
    std::fs::write(test_region.path(".x.new"), "left").unwrap();
    assert!(test_region.draft(&[]).create().unwrap().is_some());
    assert_eq!(files(), ["x"]);
    assert!(test_region.draft(&[]).create().unwrap().is_none());
    assert_eq!(files(), ["x"]);
    let before = test_region.location.identity().unwrap();
    test_region.draft(&[]).replace().unwrap();
    assert_eq!(files(), ["x"]);
    assert_ne!(test_region.location.identity().unwrap(), before);
}

#[test]
fn a_draft_may_be_given_the_group_of_the_region_that_it_replaces() {
    let test_region = TestRegion::new();
    let group = if user() == 0 { 65534 } else { TestRegion::new().directory.path().metadata().unwrap().gid() };
    let draft = Draft::new(&test_region.location, example().lay_out().unwrap(), &[], 0o640, Some(group)).unwrap();
    assert_eq!(draft.region().permissions(&test_region.location).unwrap(), (0o640, group));
}

// Fault 55.
#[test]
fn a_draft_takes_another_name_where_its_own_is_taken() {
    let test_region = TestRegion::new();
    std::fs::create_dir(test_region.path(".x.new")).unwrap();
    let draft = test_region.draft(&[]);
    assert!(draft.file.starts_with(".x.new-"), "{}", draft.file);
    draft.create().unwrap();
    test_region.open(Access::Write).unwrap();
}

// Faults 14, 18, 23 and 26.
#[test]
fn a_region_that_cannot_be_made_says_what_is_in_the_way() {
    let test_region = TestRegion::new();
    let explain = |kind: ErrorKind| explain_create(&test_region.location, 4096, kind.into());
    assert!(matches!(explain(ErrorKind::StorageFull), OpenError::NoSpace { needed: 4096, .. }));
    assert!(matches!(explain(ErrorKind::QuotaExceeded), OpenError::Quota { needed: 4096, .. }));
    assert!(matches!(explain(ErrorKind::PermissionDenied), OpenError::Permission { denied: Denied::Create, .. }));
    assert!(matches!(explain(ErrorKind::ReadOnlyFilesystem), OpenError::ReadOnly { .. }));
    for kind in [ErrorKind::Unsupported, ErrorKind::InvalidInput] {
        assert!(matches!(explain(kind), OpenError::FileSystem { .. }), "{kind}");
    }
    assert!(matches!(explain(ErrorKind::Other), OpenError::Io { .. }));
}
