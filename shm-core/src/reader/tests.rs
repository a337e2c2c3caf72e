//! Tests of readers: where they start, what they accept, what they wait for, and how they treat damaged
//! values.

use crate::tests::test_region::{HEAD_AT, SLOTS_AT, TestRegion, drain, kill, row};
use crate::{
    ArrayReader, ArrayWriter, Kind, OpenError, Position, RawReader, RawWriter, Reader, ReceiveError, Sequence, Writer,
    WriterOptions, inspect, verify,
};
use std::time::{Duration, Instant};

#[cfg(feature = "schema")]
mod by_name;
mod views;

/// A region with four slots in which six values were published. It retains values 3 to 6.
fn with_six_values() -> (TestRegion, RawWriter) {
    let test_region = TestRegion::new();
    let mut writer = RawWriter::options().kind(Kind::Text).slots(4).capacity(8).open_raw(&test_region.name).unwrap();
    for number in 1..=6 {
        writer.publish(number.to_string().as_bytes()).unwrap();
    }
    (test_region, writer)
}

/// The sequence numbers that a reader receives when it starts there, and the losses before them.
fn from(test_region: &TestRegion, start: Position) -> Vec<(Sequence, u64)> {
    drain(&mut test_region.reader(start)).into_iter().map(|(sequence, lost, _)| (sequence, lost)).collect()
}

#[test]
fn a_reader_starts_at_its_position_and_only_overwritten_values_count_as_lost() {
    let (test_region, _writer) = with_six_values();
    let held = [(3, 0), (4, 0), (5, 0), (6, 0)];
    assert_eq!(from(&test_region, Position::Oldest), held);
    assert_eq!(from(&test_region, Position::Latest), held[3..]);
    assert_eq!(from(&test_region, Position::New), []);
    assert_eq!(from(&test_region, Position::Last(2)), held[2..]);
    assert_eq!(from(&test_region, Position::Last(100)), held);
    assert_eq!(from(&test_region, Position::Last(0)), []);
    assert_eq!(from(&test_region, Position::At(5)), held[2..]);
    assert_eq!(from(&test_region, Position::At(1)), [(3, 2), (4, 0), (5, 0), (6, 0)]);
    assert_eq!(from(&test_region, Position::At(0)), from(&test_region, Position::At(1)));
    assert_eq!(from(&test_region, Position::At(7)), []);
    assert_eq!(from(&test_region, Position::At(u64::MAX)), []);
}

#[test]
fn a_reader_can_seek_repeatedly() {
    let (test_region, _writer) = with_six_values();
    let mut reader = RawReader::open(&test_region.name).unwrap();
    for (to, expected) in [(Position::Oldest, 3), (Position::Latest, 6), (Position::At(4), 4), (Position::Oldest, 3)] {
        reader.seek(to);
        assert_eq!(
            reader.try_recv().unwrap().value().map(|sample| (sample.sequence, sample.lost)),
            Some((expected, 0))
        );
    }
    reader.seek(Position::New);
    assert_eq!(reader.try_recv().unwrap().value(), None);
}

#[test]
fn opening_waits_for_a_region_until_the_timeout_and_then_starts_at_its_first_value() {
    let test_region = TestRegion::new();
    let mut options = RawReader::options();
    assert!(matches!(options.open_raw(&test_region.name), Err(OpenError::NotFound { .. })));
    let start = Instant::now();
    let timeout = Duration::from_millis(30);
    assert!(matches!(options.open_timeout(timeout).open_raw(&test_region.name), Err(OpenError::NotFound { .. })));
    assert!(start.elapsed() >= timeout);

    let mut reader = std::thread::scope(|scope| {
        let opening = scope.spawn(|| options.open_timeout(Duration::MAX).open_raw(&test_region.name).unwrap());
        let mut writer = test_region.writer(Kind::Text);
        for value in ["one", "two"] {
            writer.publish(value.as_bytes()).unwrap();
        }
        opening.join().unwrap()
    });
    // The reader may have opened the region after both values were published. In that case it starts at 2,
    // unless it had to wait.
    let first = reader.try_recv().unwrap().value().map(|sample| sample.sequence);
    assert!(first == Some(1) || first == Some(2), "{first:?}");
}

#[test]
fn a_reader_accepts_its_kind_and_type_and_reports_any_other() {
    let test_region = TestRegion::new();
    Writer::<(u32, f64)>::open(&test_region.name).unwrap().publish(&(1, 2.5)).unwrap();
    assert_eq!(Reader::<(u32, f64)>::open(&test_region.name).unwrap().latest().unwrap().unwrap().value, (1, 2.5));
    assert_eq!(RawReader::open(&test_region.name).unwrap().kind(), Kind::Bincode);
    assert!(matches!(ArrayReader::<u8>::open(&test_region.name), Err(OpenError::Kind { .. })));
    #[cfg(feature = "schema")]
    assert!(matches!(Reader::<(u32, f32)>::open(&test_region.name), Err(OpenError::Type { .. })));

    let arrays = TestRegion::new();
    ArrayWriter::<u16>::open(&arrays.name, &[2]).unwrap().publish(&[7, 8]).unwrap();
    assert_eq!(ArrayReader::<u16>::open(&arrays.name).unwrap().latest().unwrap().unwrap().value, [7, 8]);
    let other = ArrayReader::<u8>::open(&arrays.name).unwrap_err();
    assert!(matches!(other, OpenError::Type { .. }), "{other}");
    assert!(matches!(Reader::<(u32, f64)>::open(&arrays.name), Err(OpenError::Kind { .. })));
}

#[test]
fn a_region_above_the_readers_limit_is_refused() {
    let (test_region, _writer) = with_six_values();
    let bytes = test_region.file().metadata().unwrap().len();
    RawReader::options().max_region_bytes(bytes).open_raw(&test_region.name).unwrap();
    let refused = RawReader::options().max_region_bytes(bytes - 1).open_raw(&test_region.name);
    assert!(matches!(refused, Err(OpenError::TooLarge { .. })));
}

#[test]
fn a_wait_ends_at_its_timeout_with_nothing_and_before_it_with_a_value() {
    let test_region = TestRegion::new();
    let mut writer = test_region.writer(Kind::Text);
    let mut reader = test_region.reader(Position::Oldest);
    let timeout = Duration::from_millis(5);
    let start = Instant::now();
    assert_eq!(reader.recv_timeout(timeout).unwrap().value(), None);
    assert!(start.elapsed() >= timeout && !reader.is_ended());
    writer.publish(b"one").unwrap();
    assert_eq!(reader.recv_timeout(Duration::MAX).unwrap().value().unwrap().value, b"one");
    assert_eq!(reader.follow_into(&mut Vec::new(), timeout).unwrap(), None);
    kill(writer);
    assert_eq!(reader.recv_timeout(timeout).unwrap().value(), None, "the next writer is waited for");
    assert!(!reader.is_ended());
}

#[test]
fn a_checksum_that_does_not_match_is_an_error_and_the_next_value_is_read() {
    let test_region = TestRegion::new();
    let mut writer = WriterOptions::new().checksum(true).kind(Kind::Text).open_raw(&test_region.name).unwrap();
    for text in ["one", "two"] {
        writer.publish(text.as_bytes()).unwrap();
    }
    let stride = inspect(&test_region.name).unwrap().stride;
    test_region.poke(SLOTS_AT + stride + 24, b"0");
    let mut reader = test_region.reader(Position::Oldest);
    assert_eq!(reader.try_recv().unwrap_err().value(), Some(1));
    assert_eq!(drain(&mut reader), [row(2, "two")]);
    assert_eq!(verify(&test_region.name).unwrap()[0].problem, "value 1: its checksum does not match");
}

#[test]
fn losses_before_a_value_that_fails_are_reported_with_the_next() {
    let test_region = TestRegion::new();
    let mut writer = WriterOptions::new().slots(4).checksum(true).open_raw(&test_region.name).unwrap();
    let mut reader = test_region.reader(Position::At(1));
    for byte in 1..=8 {
        writer.publish(&[byte]).unwrap();
    }
    // An overtaken reader continues at value 6 of 8. This spoils the payload of value 6.
    let stride = inspect(&test_region.name).unwrap().stride;
    test_region.poke(SLOTS_AT + 2 * stride + 24, b"?");
    assert_eq!(reader.try_recv().unwrap_err().value(), Some(6));
    let sample = reader.try_recv().unwrap().value().unwrap();
    assert_eq!((sample.sequence, sample.lost), (7, 5));
}

#[test]
fn a_reader_that_met_damage_continues_in_the_file_that_replaces_it() {
    let test_region = TestRegion::new();
    let mut writer = test_region.writer(Kind::Text);
    writer.publish(b"one").unwrap();
    let mut reader = test_region.reader(Position::New);
    kill(writer);
    test_region.poke(HEAD_AT, &u64::MAX.to_le_bytes());
    assert!(matches!(reader.try_recv(), Err(ReceiveError::Damaged { .. })));
    assert!(matches!(reader.latest(), Err(ReceiveError::Damaged { .. })));
    test_region.poke(HEAD_AT, &5_u64.to_le_bytes());
    test_region.writer(Kind::Text).publish(b"two").unwrap();
    // The slot of the newest value, according to the head, does not hold it. The new file therefore has a
    // new lineage.
    let samples = [reader.recv().unwrap().unwrap(), reader.recv().unwrap().unwrap()];
    let expected = [(1, true, 0, &b"one"[..]), (6, false, 4, b"two")];
    assert_eq!(samples.each_ref().map(|s| (s.sequence, s.restarted, s.lost, &s.value[..])), expected);
}

// Fault 12.
#[test]
fn a_file_that_was_emptied_under_its_reader_is_damaged() {
    let test_region = TestRegion::new();
    let mut writer = test_region.writer(Kind::Text);
    writer.publish(b"one").unwrap();
    let mut reader = test_region.reader(Position::New);
    test_region.poke(256, &[0; 40_000]);
    assert!(matches!(reader.recv(), Err(ReceiveError::Damaged { .. })));
    assert!(matches!(reader.latest(), Err(ReceiveError::Damaged { .. })));
}

#[test]
fn the_newest_value_is_never_older_than_one_that_was_received() {
    let test_region = TestRegion::new();
    let mut writer = test_region.writer(Kind::Text);
    for text in ["one", "two", "three"] {
        writer.publish(text.as_bytes()).unwrap();
    }
    let mut follower = test_region.reader(Position::Oldest);
    assert_eq!(drain(&mut follower), [row(1, "one"), row(2, "two"), row(3, "three")]);
    // The state after a writer was delayed, or died, between a value and its announcement.
    test_region.poke(HEAD_AT, &2_u64.to_le_bytes());
    assert_eq!(follower.latest().unwrap().unwrap().value, b"three");
    assert_eq!(follower.view().unwrap().unwrap().sample().sequence, 3);
    assert_eq!(follower.try_recv().unwrap().value(), None, "it has that one already");
    for start in [Position::Oldest, Position::At(2), Position::At(9), Position::At(u64::MAX)] {
        assert_eq!(test_region.reader(start).latest().unwrap().unwrap().value, b"two", "from {start:?}");
    }
}

#[test]
fn a_closed_region_ends_recv_but_not_follow() {
    let test_region = TestRegion::new();
    let mut writer = test_region.writer(Kind::Text);
    writer.publish(b"one").unwrap();
    let mut reader = test_region.reader(Position::Oldest);
    writer.close().unwrap();
    assert!(!reader.is_ended());
    assert_eq!(reader.recv().unwrap().unwrap().value, b"one");
    assert_eq!(reader.recv().unwrap(), None);
    assert!(reader.is_ended());
    let mut buffer = Vec::new();
    assert_eq!(reader.follow_into(&mut buffer, Duration::ZERO).unwrap(), None);
    test_region.writer(Kind::Text).publish(b"two").unwrap();
    assert_eq!(reader.follow_into(&mut buffer, Duration::MAX).unwrap().unwrap().sequence, 2);
}

// Reported 15.
#[test]
fn receiving_continues_after_one_bad_value_by_every_method() {
    let test_region = TestRegion::new();
    let mut writer = WriterOptions::new().checksum(true).kind(Kind::Text).open_raw(&test_region.name).unwrap();
    for text in ["one", "two", "three", "four", "five"] {
        writer.publish(text.as_bytes()).unwrap();
    }
    let (stride, word) = (inspect(&test_region.name).unwrap().stride, |bytes: u64| bytes.to_le_bytes());
    // The payload of value 1, the length of value 3 and the stamp of value 5 are spoiled.
    test_region.poke(SLOTS_AT + stride + 24, b"0");
    test_region.poke(SLOTS_AT + 3 * stride + 8, &word((1 << 40) | 5));
    test_region.poke(SLOTS_AT + 5 * stride, &word(2 * 6));
    drop(writer);
    let summary = |result: Result<Option<crate::Sample<Vec<u8>>>, ReceiveError>| match result {
        Ok(Some(sample)) => format!("{}", sample.sequence),
        Ok(None) => "end".to_owned(),
        Err(error) => format!("bad {}", error.value().unwrap_or_else(|| panic!("{error}"))),
    };
    let expected = ["bad 1", "2", "bad 3", "4", "bad 5", "end"];
    let again = || test_region.reader(Position::Oldest);
    let mut reader = again();
    assert_eq!([(); 6].map(|()| summary(reader.recv())), expected);
    let mut reader = again();
    assert_eq!([(); 6].map(|()| summary(reader.try_recv().map(crate::Received::value))), expected);
    let mut reader = again();
    let timeout = std::time::Duration::from_secs(9);
    assert_eq!([(); 6].map(|()| summary(reader.recv_timeout(timeout).map(crate::Received::value))), expected);
    let mut reader = again();
    assert_eq!([(); 5].map(|()| summary(reader.follow(timeout))), expected[..5]);
    let mut reader = again();
    assert_eq!([(); 6].map(|()| summary(reader.recv_into(&mut vec![]).map(|s| s.map(|s| s.with(vec![]))))), expected);
    let found: Vec<_> = again().into_iter().map(|result| summary(result.map(Some))).collect();
    assert_eq!(found, expected[..5]);
    assert_eq!(again().latest().unwrap_err().value(), Some(5));
}

// Reported 54.
#[test]
fn a_first_number_that_is_impossible_is_damage() {
    for first in [0, 3, u64::MAX] {
        let test_region = TestRegion::new();
        test_region.writer(Kind::Text).publish(b"one").unwrap();
        test_region.poke(400, &u64::to_le_bytes(first));
        let error = RawReader::open(&test_region.name).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
        assert!(!verify(&test_region.name).unwrap().is_empty());
        // A writer replaces the file, and readers can open it again.
        assert!(test_region.writer(Kind::Text).publish(b"two").unwrap() >= 2);
        assert_eq!(RawReader::open(&test_region.name).unwrap().latest().unwrap().unwrap().value, b"two");
    }
}

// Reported 54.
#[test]
fn a_fingerprint_without_a_schema_is_damage() {
    let test_region = TestRegion::new();
    test_region.writer(Kind::Text).publish(b"one").unwrap();
    test_region.poke_header(112, &7_u64.to_le_bytes());
    let refused = [
        RawReader::open(&test_region.name).map(drop),
        RawWriter::open(&test_region.name, Kind::Text).map(drop),
        inspect(&test_region.name).map(drop),
    ];
    assert!(refused.iter().all(|outcome| matches!(outcome, Err(OpenError::Damaged { .. }))), "{refused:?}");
}
