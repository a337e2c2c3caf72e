//! Tests of inspecting, listing, verifying, removing and cleaning up, and of the files that must not be
//! touched.

use super::clean::clean_in;
use super::list::regions_in;
use crate::tests::test_region::{HEAD_AT, SLOTS_AT, STATE_AT, TestRegion, kill};
use crate::{
    Kind, OpenError, Position, PublishError, RawWriter, RegionState, Writer, WriterStatus, inspect, remove, verify,
};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::SystemTime;

/// The list of a directory: each name with the region's kind, `damaged`, or another error.
fn listed(test_region: &TestRegion) -> Vec<(String, String)> {
    let regions = regions_in(test_region.directory.path()).unwrap();
    let word = |info: Result<_, OpenError>| match info {
        Ok(crate::Info { kind, .. }) => kind.map_or("unknown".to_owned(), |kind| kind.to_string()),
        Err(OpenError::Damaged { .. }) => "damaged".to_owned(),
        Err(error) => error.to_string(),
    };
    regions.into_iter().map(|(name, info)| (name, word(info))).collect()
}

#[test]
fn a_list_has_all_regions_by_name_and_nothing_else() {
    let test_region = TestRegion::new();
    let path = |name: &str| test_region.directory.path().join(name);
    assert_eq!(listed(&test_region), []);
    drop(RawWriter::open(path("b").to_str().unwrap(), Kind::Text).unwrap());
    drop(Writer::<u32>::open(path("a").to_str().unwrap()).unwrap());
    drop(RawWriter::open(path("c").to_str().unwrap(), Kind::Bytes).unwrap());
    fs::OpenOptions::new().write(true).open(path("c")).unwrap().set_len(4096).unwrap();
    fs::write(path("notes"), "no region").unwrap();
    fs::create_dir(path("directory")).unwrap();
    fs::write(path(".hidden"), "").unwrap();
    let expected = [("a", "bincode"), ("b", "text"), ("c", "damaged")];
    assert_eq!(listed(&test_region), expected.map(|(name, word)| (name.to_owned(), word.to_owned())));
}

#[test]
fn a_directory_that_is_not_there_is_an_error_that_names_it() {
    let test_region = TestRegion::new();
    let nowhere = test_region.directory.path().join("nowhere");
    for error in [regions_in(&nowhere).unwrap_err(), clean_in(&nowhere, true).unwrap_err()] {
        assert!(matches!(&error, OpenError::Directory { .. }), "{error}");
        assert!(error.to_string().contains("nowhere"), "{error}");
    }
}

#[test]
fn what_is_inspected_is_what_the_writer_made() {
    let test_region = TestRegion::new();
    let before = SystemTime::now();
    let mut writer = RawWriter::options()
        .kind(Kind::Json)
        .slots(8)
        .capacity(100)
        .checksum(true)
        .mode(0o640)
        .open_raw(&test_region.name)
        .unwrap();
    let empty = inspect(&test_region.name).unwrap();
    assert_eq!((empty.head, empty.first, empty.newest_time, empty.state), (0, 1, None, RegionState::Open));
    writer.publish(b"[1]").unwrap();
    let info = inspect(&test_region.name).unwrap();
    assert_eq!((info.kind, info.slots, info.capacity, info.compatible), (Some(Kind::Json), 8, 104, 1));
    assert_eq!((&info.region, info.retained, info.checksum, empty.retained), (&test_region.name, 1, true, 0));
    assert_eq!((info.mode, info.head, info.first, info.epoch, info.file_number), (0o640, 1, 1, 1, 1));
    assert_eq!((info.pid, info.writer, info.origin), (std::process::id(), WriterStatus::Alive, 0));
    assert_eq!(info.region_bytes, test_region.file().metadata().unwrap().len());
    for time in [info.created, info.started, info.newest_time.unwrap()] {
        assert!(time >= before && time <= SystemTime::now());
    }
    writer.close().unwrap();
    let closed = inspect(&test_region.name).unwrap();
    assert_eq!((closed.state, closed.writer, closed.lineage), (RegionState::Closed, WriterStatus::Gone, info.lineage));
    assert_ne!(closed.bell, info.bell);
}

#[test]
fn a_sound_region_has_no_findings_and_each_damage_has_one_that_says_where() {
    let test_region = TestRegion::new();
    let mut writer = RawWriter::options().kind(Kind::Text).slots(4).capacity(8).open_raw(&test_region.name).unwrap();
    for value in ["one", "two"] {
        writer.publish(value.as_bytes()).unwrap();
    }
    writer.close().unwrap();
    let findings = || -> Vec<String> {
        verify(&test_region.name)
            .unwrap()
            .into_iter()
            .map(|finding| format!("{}: {}", finding.part, finding.problem))
            .collect()
    };
    assert_eq!(findings(), [""; 0]);
    let sound = fs::read(&test_region.name).unwrap();
    let slot = |number: u64| SLOTS_AT + number * 64;
    for (at, bytes, expected) in [
        (STATE_AT, 9_u64, "header: the state is 9, not one of 1 to 4"),
        (HEAD_AT, 3, "header: the head names value 3 as the newest, but its slot does not hold it"),
        (HEAD_AT, u64::MAX, "header: the head is 18446744073709551615, which does not fit the first number, 1"),
        (slot(1), 10, "slot 1: its stamp 10 belongs to a value after the newest one"),
        (slot(1), 4, "slot 1: its stamp 4 belongs to another slot"),
        (slot(1) + 8, 9, "slot 1: its length is more than the capacity of its slot"),
        (slot(1) + 24, 0xff, "slot 1: value 1: the value is not UTF-8: byte 0 is invalid"),
    ] {
        fs::write(&test_region.name, &sound).unwrap();
        test_region.poke(at, &bytes.to_le_bytes());
        assert_eq!(findings(), [expected]);
    }
}

#[test]
fn a_region_with_a_writer_is_removed_by_force_only() {
    let test_region = TestRegion::new();
    let mut writer = test_region.writer(Kind::Text);
    writer.publish(b"one").unwrap();
    let refused = remove(&test_region.name, false).unwrap_err();
    assert!(matches!(refused, OpenError::WriterAlive { pid: Some(pid), .. } if pid == std::process::id()), "{refused}");
    remove(&test_region.name, true).unwrap();
    assert!(matches!(writer.close(), Err(PublishError::Gone { .. })));
    assert!(matches!(remove(&test_region.name, true), Err(OpenError::NotFound { .. })));
}

#[test]
fn removing_leaves_nothing_and_takes_nothing_that_is_no_region() {
    let test_region = TestRegion::new();
    drop(test_region.writer(Kind::Text));
    fs::write(test_region.directory.path().join(".room.new"), "of a writer that died").unwrap();
    remove(&test_region.name, false).unwrap();
    assert_eq!(test_region.files(), [""; 0]);
    fs::write(&test_region.name, "notes").unwrap();
    assert!(matches!(remove(&test_region.name, true), Err(OpenError::NotARegion { .. })));
    assert_eq!(fs::read(&test_region.name).unwrap(), b"notes");
}

#[test]
fn a_damaged_region_can_be_removed() {
    let test_region = TestRegion::new();
    drop(test_region.writer(Kind::Text));
    test_region.poke(64, &3_u64.to_le_bytes());
    assert!(matches!(inspect(&test_region.name), Err(OpenError::Damaged { .. })));
    remove(&test_region.name, false).unwrap();
    assert_eq!(test_region.files(), [""; 0]);
}

#[test]
fn cleaning_takes_what_the_dead_left_and_no_region_and_nothing_of_the_living() {
    let test_region = TestRegion::new();
    let path = |name: &str| test_region.directory.path().join(name);
    let file = |name: &str| {
        fs::write(path(name), "").unwrap();
        fs::set_permissions(path(name), PermissionsExt::from_mode(0o600)).unwrap();
    };
    // One region whose writer died while it replaced the region, one lock without a region, and one living
    // writer with a draft.
    kill(test_region.writer(Kind::Text));
    file(".room.new");
    file(".room.new-0123456789abcdef");
    file(".gone.lock");
    let living = RawWriter::open(path("living").to_str().unwrap(), Kind::Text).unwrap();
    file(".living.new");
    // Files of other programs with the same or similar names.
    fs::write(path(".other.lock"), "not empty").unwrap();
    file(".room.newer");
    file("notes");
    let leftovers = [".gone.lock", ".room.new", ".room.new-0123456789abcdef"];
    let before = test_region.files();
    assert_eq!(clean_in(test_region.directory.path(), true).unwrap(), leftovers);
    assert_eq!(test_region.files(), before, "a dry run removes nothing");
    assert_eq!(clean_in(test_region.directory.path(), false).unwrap(), leftovers);
    let after: Vec<_> = before.into_iter().filter(|file| !leftovers.contains(&file.as_str())).collect();
    assert_eq!(test_region.files(), after);
    assert_eq!(clean_in(test_region.directory.path(), false).unwrap(), [""; 0]);
    living.close().unwrap();
    assert_eq!(test_region.reader(Position::Oldest).kind(), Kind::Text);
}
