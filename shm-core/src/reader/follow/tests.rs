//! Tests of the next step of a reader, at times that the tests choose. Nothing here waits.

use super::*;
use crate::region::MAX_REGION_BYTES;
use crate::region::replace::{Change, Replacement};
use crate::region::tenure::Lock;
use crate::{Kind, RawWriter, remove};
use shm_ring::Announcer;
use shm_ring::header::StaticHeader;
use std::fs;
use tempfile::TempDir;

const NOTHING: Duration = Duration::ZERO;
const ALMOST: Duration = Duration::from_nanos(49_999_999);

/// A directory, a region `room` in it with slots of eight bytes, and the current time of the test.
struct TestRegion {
    directory: TempDir,
    name: String,
    now: Instant,
}

impl TestRegion {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let name = format!("{}/room", directory.path().display());
        Self { directory, name, now: Instant::now() }
    }

    fn writer(&self) -> RawWriter {
        RawWriter::options().kind(Kind::Bytes).slots(4).capacity(8).open_raw(&self.name).unwrap()
    }

    /// A reader that starts at the first value.
    fn follow(&self) -> Follow {
        let location = Location::resolve(self.name.as_ref()).unwrap();
        let region = Region::open(&location, Access::Read, u64::MAX).unwrap();
        Follow::new(location, region, Expected::default(), u64::MAX, self.now).unwrap()
    }

    /// Lets time pass.
    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// The next step of the reader, as a short text.
    fn next(&self, follow: &mut Follow) -> String {
        let mut payload = Vec::new();
        match follow.step(self.now, &mut payload) {
            Ok(Step::Value(sample)) => {
                let lost = if sample.lost > 0 { format!("+{}", sample.lost) } else { String::new() };
                let restarted = if sample.restarted { " restarted" } else { "" };
                format!("{}{lost}{restarted}: {}", sample.sequence, String::from_utf8(payload).unwrap())
            }
            Ok(step) => format!("{step:?}").split(' ').next().unwrap().to_owned(),
            Err(error) => error.to_string(),
        }
    }

    fn newest(&self, follow: &mut Follow) -> String {
        let mut payload = Vec::new();
        match follow.newest(self.now, &mut payload) {
            Ok(Some(sample)) => format!("{}: {}", sample.sequence, String::from_utf8(payload).unwrap()),
            Ok(None) => "none".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    /// Removes the region's file directly, without informing readers.
    fn lose(&self) {
        fs::remove_file(&self.name).unwrap();
    }

    fn move_file(&self, from: &str, to: &str) {
        let [from, to] = [from, to].map(|name| self.directory.path().join(name));
        fs::rename(from, to).unwrap();
    }
}

#[test]
fn a_reader_takes_available_values_first_and_then_waits_for_the_bell() {
    let test_region = TestRegion::new();
    let mut writer = test_region.writer();
    let mut follow = test_region.follow();
    assert_eq!(follow.step(test_region.now, &mut Vec::new()).unwrap(), Step::Wait { bell: 0 });
    writer.publish(b"one").unwrap();
    assert_eq!(test_region.next(&mut follow), "1: one");
    assert_eq!(follow.step(test_region.now, &mut Vec::new()).unwrap(), Step::Wait { bell: 1 });
}

// Fault 9.
#[test]
fn a_region_removed_by_hand_is_noticed_after_50_ms_and_not_before() {
    let mut test_region = TestRegion::new();
    let mut writer = test_region.writer();
    let mut follow = test_region.follow();
    test_region.lose();
    writer.publish(b"one").unwrap();
    assert_eq!(test_region.next(&mut follow), "1: one");
    for (time, expected) in [(NOTHING, "Wait"), (ALMOST, "Wait"), (SLICE - ALMOST, "Absent"), (NOTHING, "Absent")] {
        test_region.pass(time);
        assert_eq!(test_region.next(&mut follow), expected);
    }
}

#[test]
fn each_check_of_the_name_restarts_the_50_ms() {
    let mut test_region = TestRegion::new();
    let _writer = test_region.writer();
    let mut follow = test_region.follow();
    test_region.pass(SLICE);
    assert_eq!(test_region.next(&mut follow), "Wait");
    test_region.lose();
    for (time, expected) in [(ALMOST, "Wait"), (SLICE - ALMOST, "Absent")] {
        test_region.pass(time);
        assert_eq!(test_region.next(&mut follow), expected);
    }
}

#[test]
fn reading_the_newest_value_also_checks_the_name_after_50_ms() {
    let mut test_region = TestRegion::new();
    let mut writer = test_region.writer();
    let mut follow = test_region.follow();
    assert_eq!(test_region.newest(&mut follow), "none");
    writer.publish(b"one").unwrap();
    test_region.lose();
    for (time, expected) in [(NOTHING, "1: one"), (ALMOST, "1: one")] {
        test_region.pass(time);
        assert_eq!(test_region.newest(&mut follow), expected);
    }
    test_region.pass(SLICE - ALMOST);
    assert_eq!(test_region.newest(&mut follow), follow.location().gone_for_reader().to_string());
}

// Fault 10.
#[test]
fn a_recreated_region_is_followed_immediately_and_reported_as_a_restart() {
    let mut test_region = TestRegion::new();
    drop(test_region.writer());
    let mut follow = test_region.follow();
    test_region.lose();
    test_region.pass(SLICE);
    assert_eq!(test_region.next(&mut follow), "Absent");
    // Each call now checks the name, even if hardly any time passes.
    let mut writer = test_region.writer();
    writer.publish(b"new").unwrap();
    assert_eq!(test_region.next(&mut follow), "1 restarted: new");
    assert_eq!(test_region.next(&mut follow), "Wait");
}

#[test]
fn a_region_that_grows_is_followed_immediately_and_without_loss() {
    let test_region = TestRegion::new();
    let mut writer = test_region.writer();
    let mut follow = test_region.follow();
    for value in ["one", "two", "and a long three"] {
        writer.publish(value.as_bytes()).unwrap();
    }
    let before = follow.region().identity;
    for expected in ["1: one", "2: two"] {
        assert_eq!(test_region.next(&mut follow), expected);
        assert_eq!(follow.region().identity, before, "the old file is drained first");
    }
    assert_eq!(test_region.next(&mut follow), "3: and a long three");
    assert_ne!(follow.region().identity, before);
}

#[test]
fn a_file_replaced_between_the_poll_and_the_check_of_the_name_is_drained_first() {
    let test_region = TestRegion::new();
    let mut writer = test_region.writer();
    let mut follow = test_region.follow();
    // The reader found nothing, in a region that was open. All of this happens before it checks the name:
    writer.publish(b"one").unwrap();
    writer.publish(b"and a long two").unwrap();
    let look = follow.look_at_name(test_region.now + SLICE, STATE_OPEN, false).unwrap();
    assert_eq!(look, Name::Another);
    // The bell of the old file does not ring any more, and no time passes.
    for expected in ["1: one", "2: and a long two", "Wait"] {
        assert_eq!(test_region.next(&mut follow), expected);
    }
}

#[test]
fn values_missing_from_the_new_file_count_as_lost() {
    let test_region = TestRegion::new();
    let mut writer = test_region.writer();
    let mut follow = test_region.follow();
    for value in ["1", "2", "3", "4", "5", "6"] {
        writer.publish(value.as_bytes()).unwrap();
    }
    drop(writer);
    // A writer in another language may keep fewer values than this library would.
    let location = Location::resolve(test_region.name.as_ref()).unwrap();
    let lock = Lock::acquire(&location).unwrap();
    let region = Region::open(&location, Access::Write, MAX_REGION_BYTES).unwrap();
    let wanted = StaticHeader { slots: 2, ..region.static_header.clone() };
    let change = Change { wanted, descriptor: region.descriptor.clone(), mode: None, epoch: 2, value: Some(b"7") };
    let announcer = &mut Announcer::of(region.ring());
    Replacement { location: &location, lock: &lock, region: &region, newest: 6, announcer }.replace(change).unwrap();
    // The old file still retains 3 to 6. An overtaken reader continues half a ring before the head.
    let seen: Vec<_> = (0..4).map(|_| test_region.next(&mut follow)).collect();
    assert_eq!(seen, ["4+3: 4", "5: 5", "6: 6", "7: 7"]);
}

#[test]
fn the_name_of_a_moving_region_is_checked_once_per_bell() {
    let mut test_region = TestRegion::new();
    let mut writer = test_region.writer();
    let mut follow = test_region.follow();
    writer.publish(b"one").unwrap();
    // The old file's state is "moving". Then its name refers to it again, as if the writer had died before
    // the rename.
    fs::copy(&test_region.name, test_region.directory.path().join("other")).unwrap();
    let hot = &writer.region().header().hot;
    hot.state.store(STATE_MOVING, std::sync::atomic::Ordering::Release);
    assert_eq!(test_region.next(&mut follow), "1: one");
    assert_eq!(test_region.next(&mut follow), "Wait");
    test_region.move_file("room", "away");
    // The bell has not changed and no time has passed, so the reader does not check the name.
    assert_eq!(test_region.next(&mut follow), "Wait");
    hot.bell.store(9, std::sync::atomic::Ordering::Release);
    assert_eq!(test_region.next(&mut follow), "Absent");
    test_region.move_file("away", "room");
    assert_eq!(test_region.next(&mut follow), "Wait");
    test_region.pass(SLICE);
    assert_eq!(test_region.next(&mut follow), "Wait");
}

#[test]
fn a_name_that_cannot_be_compared_stops_a_reader_only_after_its_file_was_replaced() {
    let mut test_region = TestRegion::new();
    let mut writer = test_region.writer();
    let mut follow = test_region.follow();
    let location = follow.location.clone();
    // No file can have a name of this length, so each comparison fails.
    follow.location = Location::within(location.directory(), &"x".repeat(300));
    test_region.pass(SLICE);
    assert_eq!(test_region.next(&mut follow), "Wait");
    writer.publish(b"one").unwrap();
    test_region.pass(SLICE);
    assert_eq!(test_region.newest(&mut follow), "1: one");
    writer.publish(b"too large").unwrap();
    for _ in 0..2 {
        for read in [test_region.next(&mut follow), test_region.newest(&mut follow)] {
            assert!(read.starts_with("cannot inspect region"), "{read}");
        }
    }
    follow.location = location;
    assert_eq!(test_region.next(&mut follow), "2: too large");
    follow.location = Location::within(follow.location.directory(), &"x".repeat(300));
    test_region.lose();
    test_region.pass(SLICE);
    assert_eq!(test_region.next(&mut follow), "Wait");
}

#[test]
fn a_clean_close_is_the_end_once_everything_was_read_and_the_next_writer_is_followed() {
    let test_region = TestRegion::new();
    let mut writer = test_region.writer();
    let mut follow = test_region.follow();
    writer.publish(b"one").unwrap();
    writer.close().unwrap();
    assert_eq!(test_region.next(&mut follow), "1: one");
    assert_eq!(test_region.next(&mut follow), "Ended");
    assert!(follow.is_ended());
    let mut writer = test_region.writer();
    assert_eq!(test_region.next(&mut follow), "Wait");
    writer.publish(b"two").unwrap();
    assert_eq!(test_region.next(&mut follow), "2: two");
}

#[test]
fn a_region_that_is_removed_after_its_close_stays_ended() {
    let mut test_region = TestRegion::new();
    test_region.writer().close().unwrap();
    let mut follow = test_region.follow();
    remove(&test_region.name, false).unwrap();
    assert_eq!(test_region.next(&mut follow), "Ended", "no time has passed");
    test_region.pass(SLICE);
    assert_eq!(test_region.next(&mut follow), "Absent");
    assert!(follow.is_ended());
}

// Fault 11.
#[test]
fn a_truncated_file_is_reported_as_damaged_when_its_name_is_checked() {
    let mut test_region = TestRegion::new();
    let _writer = test_region.writer();
    let mut follow = test_region.follow();
    fs::OpenOptions::new().write(true).open(&test_region.name).unwrap().set_len(8191).unwrap();
    test_region.pass(SLICE);
    assert!(test_region.next(&mut follow).contains("another program cut its file short"));
}

#[test]
fn a_damaged_value_makes_a_reader_check_the_name_for_a_replacement() {
    let test_region = TestRegion::new();
    let mut writer = test_region.writer();
    let mut follow = test_region.follow();
    writer.publish(b"one").unwrap();
    let damaged = writer.region().ring().highest_shown();
    assert_eq!(damaged, 1);
    // The slot's stamp is 1 instead of 2, so the newest value is missing.
    use std::os::unix::fs::FileExt;
    let slot = writer.region().static_header.slots_offset() + writer.region().static_header.stride;
    let file = fs::OpenOptions::new().write(true).open(&test_region.name).unwrap();
    file.write_all_at(&1_u64.to_le_bytes(), slot).unwrap();
    assert!(test_region.next(&mut follow).contains("the head names it as the newest"));
    drop(writer);
    // The next writer replaces the file without announcing it. The reader finds the new file because of
    // the damage.
    let mut writer = test_region.writer();
    writer.publish(b"two").unwrap();
    assert_eq!(test_region.next(&mut follow), "2 restarted: two");
}

#[test]
fn a_region_of_another_kind_is_an_error_each_time_and_then_followed_once_it_fits() {
    let mut test_region = TestRegion::new();
    drop(test_region.writer());
    let mut follow = test_region.follow();
    follow.expected.kind = Some(Kind::Bytes);
    drop(RawWriter::options().kind(Kind::Text).replace(true).open_raw(&test_region.name).unwrap());
    test_region.pass(SLICE);
    for _ in 0..2 {
        assert!(test_region.next(&mut follow).contains("its kind is text, not bytes"));
    }
    let mut writer = RawWriter::options().kind(Kind::Bytes).replace(true).open_raw(&test_region.name).unwrap();
    writer.publish(b"fits").unwrap();
    assert_eq!(test_region.next(&mut follow), "1: fits");
}

/// A destination on a machine without free memory.
struct NoRoom;

impl Destination for NoRoom {
    fn room(&mut self, _: usize) -> Option<&mut [u8]> {
        None
    }

    fn content(&self) -> Copied<'_> {
        Copied::Copied(&[])
    }
}

#[test]
fn a_value_for_which_there_is_no_memory_is_not_damage() {
    let test_region = TestRegion::new();
    test_region.writer().publish(b"one").unwrap();
    let mut follow = test_region.follow();
    let refused = [
        follow.step(test_region.now, &mut NoRoom).unwrap_err(),
        follow.newest(test_region.now, &mut NoRoom).unwrap_err(),
    ];
    for error in refused {
        assert!(matches!(error, ReceiveError::TooLarge { sequence: 1, .. }), "{error}");
    }
    assert_eq!(test_region.next(&mut follow), "1: one", "it can be received once there is memory");
}
