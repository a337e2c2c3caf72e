//! Tests of options that are refused, of permissions to read and write the file, and of a name that
//! another user has taken.

use super::TestRegion;
use crate::{Kind, Limit, OpenError, RawWriter, WriterOptions};
use std::os::unix::fs::PermissionsExt;

#[test]
fn options_that_no_region_can_have_are_refused_and_nothing_is_made() {
    let test_region = TestRegion::new();
    let refused = |options: &WriterOptions| {
        assert!(matches!(options.open_raw(&test_region.name), Err(OpenError::BadOption { .. })), "{options:?}");
    };
    for slots in [0, 1, 3, u64::MAX] {
        refused(WriterOptions::new().slots(slots));
    }
    for mode in [0o000, 0o400, 0o620, 0o666, 0o700, 0o1600] {
        refused(WriterOptions::new().mode(mode));
    }
    refused(WriterOptions::new().capacity(1 << 48));
    let too_large = WriterOptions::new().slots(1 << 40).capacity(1 << 40).open_raw(&test_region.name);
    assert!(matches!(too_large, Err(OpenError::TooLarge { limit: Limit::Region(bytes), .. }) if bytes == 1 << 40));
    assert_eq!(test_region.files(), [""; 0]);
}

#[test]
fn the_mode_is_kept_when_the_region_grows() {
    let test_region = TestRegion::new();
    let mut writer = WriterOptions::new().mode(0o640).open_raw(&test_region.name).unwrap();
    writer.publish(&[7; 10_000]).unwrap();
    let mode = |test_region: &TestRegion| std::fs::metadata(&test_region.name).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&test_region), 0o640);
    drop(writer);
    let mut writer = WriterOptions::new().mode(0o644).open_raw(&test_region.name).unwrap();
    assert_eq!(mode(&test_region), 0o644);
    writer.publish(&[7; 100_000]).unwrap();
    assert_eq!(mode(&test_region), 0o644);
    std::fs::set_permissions(&test_region.name, PermissionsExt::from_mode(0o600)).unwrap();
    writer.publish(&[7; 1_000_000]).unwrap();
    assert_eq!(mode(&test_region), 0o600);
}

// Fault 56.
#[test]
fn a_file_that_others_may_write_is_refused() {
    let test_region = TestRegion::new();
    test_region.writer(Kind::Text).publish(b"one").unwrap();
    std::fs::set_permissions(&test_region.name, PermissionsExt::from_mode(0o666)).unwrap();
    let error = RawWriter::open(&test_region.name, Kind::Text).unwrap_err();
    assert!(matches!(error, OpenError::NotOurs { .. }), "{error}");
}

// Fault 51.
#[test]
fn a_foreign_file_with_the_name_of_a_draft_does_not_stop_a_writer() {
    let test_region = TestRegion::new();
    // In a shared directory, a file that another user created cannot be removed either.
    let taken = test_region.directory.path().join(".room.new");
    std::fs::create_dir(&taken).unwrap();
    let mut writer = test_region.writer(Kind::Text);
    writer.publish(b"one").unwrap();
    writer.publish(&[b'x'; 10_000]).unwrap();
    assert_eq!(test_region.files(), [".room.lock", ".room.new", "room"]);
    writer.remove().unwrap();
    assert_eq!(test_region.files(), [".room.new"]);
}
