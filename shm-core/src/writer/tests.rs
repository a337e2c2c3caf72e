//! Tests of writers in one process with readers: taking over, growing and replacing a region, and the
//! effect on attached readers.

use crate::tests::test_region::{BOOT_ID_AT, HEAD_AT, SLOTS_AT, STATE_AT, TestRegion, drain, kill, row};
use crate::{
    Kind, OpenError, Position, PublishError, RawReader, RawWriter, Reader, ReceiveError, Writer, WriterOptions,
    inspect, verify,
};
use shm_ring::header::{STATE_MOVING, STATE_OPEN};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

pub mod in_place;
mod json;
#[cfg(feature = "schema")]
mod large;
#[cfg(feature = "schema")]
mod mismatch;
mod options;

// Fault 8.
#[test]
fn a_region_of_a_dead_writer_is_taken_over_and_numbers_continue() {
    let test_region = TestRegion::new();
    let mut writer = test_region.writer(Kind::Text);
    writer.publish(b"one").unwrap();
    let mut reader = test_region.reader(Position::Oldest);
    kill(writer);
    assert_eq!(inspect(&test_region.name).unwrap().state.to_string(), "open");
    let mut writer = test_region.writer(Kind::Text);
    assert_eq!(writer.publish(b"two").unwrap(), 2);
    assert_eq!(drain(&mut reader), [row(1, "one"), row(2, "two")]);
    let info = inspect(&test_region.name).unwrap();
    assert_eq!((info.epoch, info.file_number), (2, 1));
}

#[test]
fn a_value_that_was_whole_before_its_writer_died_keeps_its_number() {
    let test_region = TestRegion::new();
    let mut writer = test_region.writer(Kind::Text);
    writer.publish(b"one").unwrap();
    writer.publish(b"two").unwrap();
    kill(writer);
    test_region.poke(HEAD_AT, &1_u64.to_le_bytes());
    let mut writer = test_region.writer(Kind::Text);
    assert_eq!(writer.publish(b"three").unwrap(), 3);
}

#[test]
fn there_is_one_writer_at_a_time() {
    let test_region = TestRegion::new();
    let writer = test_region.writer(Kind::Text);
    let error = RawWriter::open(&test_region.name, Kind::Text).unwrap_err();
    let pid = std::process::id();
    assert!(matches!(error, OpenError::WriterAlive { pid: Some(found), .. } if found == pid), "{error}");
    writer.close().unwrap();
    test_region.writer(Kind::Text);
}

#[test]
fn growing_loses_and_repeats_nothing_for_an_attached_reader() {
    let test_region = TestRegion::new();
    let mut writer = WriterOptions::new().slots(8).capacity(8).kind(Kind::Text).open_raw(&test_region.name).unwrap();
    let mut slow = test_region.reader(Position::Oldest);
    let mut beside = test_region.reader(Position::Oldest);
    let mut expected = Vec::new();
    for (sequence, length) in (1..).zip([1, 8, 9, 3, 40, 1000, 2, 70_000]) {
        let text = "x".repeat(length);
        assert_eq!(writer.publish(text.as_bytes()).unwrap(), sequence);
        assert_eq!(drain(&mut beside), [row(sequence, &text)]);
        expected.push(row(sequence, &text));
    }
    assert_eq!(drain(&mut slow), expected);
    let info = inspect(&test_region.name).unwrap();
    assert_eq!((info.capacity, info.file_number, info.slots), (70_000, 5, 8));
    assert_eq!(verify(&test_region.name).unwrap(), []);
    drop(writer);
    assert_eq!(test_region.files(), [".room.lock", "room"]);
}

#[test]
fn a_reader_that_missed_all_old_files_loses_only_values_that_no_file_retains() {
    let test_region = TestRegion::new();
    let mut writer = WriterOptions::new().slots(4).capacity(8).kind(Kind::Text).open_raw(&test_region.name).unwrap();
    for text in ["1", "2", "3", "4", "5", "6"] {
        writer.publish(text.as_bytes()).unwrap();
    }
    let mut reader = test_region.reader(Position::At(1));
    writer.publish("seven is long".as_bytes()).unwrap();
    writer.publish("eight is very, very long".as_bytes()).unwrap();
    // The old ring retained 3 to 6, and the new one retains 5 to 8.
    let got = drain(&mut reader);
    assert_eq!(got[0], (3, 2, "3".into()));
    assert_eq!(got.iter().map(|row| row.0).collect::<Vec<_>>(), [3, 4, 5, 6, 7, 8]);
    assert_eq!(got.iter().map(|row| row.1).sum::<u64>(), 2);
}

#[test]
fn another_kind_replaces_the_region_on_request_and_numbers_continue() {
    let test_region = TestRegion::new();
    test_region.writer(Kind::Text).publish(b"one").unwrap();
    let mut reader = test_region.reader(Position::Oldest);
    let mut typed_writer = {
        assert_eq!(drain(&mut reader), [row(1, "one")]);
        WriterOptions::new().replace(true).open::<u32>(&test_region.name).unwrap()
    };
    let mut typed = Reader::<u32>::open(&test_region.name).unwrap();
    assert_eq!(typed.latest().unwrap(), None);
    assert_eq!(typed_writer.publish(&7).unwrap(), 2);
    let sample = reader.try_recv().unwrap().value().unwrap();
    assert_eq!((sample.sequence, sample.lost, sample.restarted, reader.kind()), (2, 0, false, Kind::Bincode));
    assert_eq!(typed.recv().unwrap().unwrap().value, 7);
    drop(typed_writer);
    let mut json = RawWriter::options().kind(Kind::Json).replace(true).open_raw(&test_region.name).unwrap();
    json.publish(b"{}").unwrap();
    assert!(matches!(typed.latest(), Err(ReceiveError::Reopen(OpenError::Kind { .. }))));
}

// Reported 11.
#[test]
fn sizes_are_minimums_and_no_option_costs_a_value() {
    let test_region = TestRegion::new();
    let mut writer = WriterOptions::new().slots(8).capacity(8).kind(Kind::Text).open_raw(&test_region.name).unwrap();
    for text in ["a", "b", "a long text of 25 letters", "d", "e"] {
        writer.publish(text.as_bytes()).unwrap();
    }
    drop(writer);
    let sizes_after = |options: &WriterOptions| {
        let writer = options.open_raw(&test_region.name).unwrap();
        let sizes = (writer.slots(), writer.capacity(), writer.discarded());
        drop(writer);
        let texts = drain(&mut test_region.reader(Position::Oldest)).into_iter().map(|(sequence, ..)| sequence);
        assert_eq!(texts.collect::<Vec<_>>(), [1, 2, 3, 4, 5], "{options:?}");
        sizes
    };
    let mut options = WriterOptions::new();
    assert_eq!(sizes_after(options.slots(2).capacity(8)), (8, 32, 0), "the options of each start");
    assert_eq!(sizes_after(options.checksum(true).mode(0o640)), (8, 32, 0));
    assert_eq!(sizes_after(options.checksum(false).mode(0o600)), (8, 32, 0));
    assert_eq!(sizes_after(options.slots(16).capacity(100)), (16, 104, 0));
    assert_eq!(sizes_after(WriterOptions::new().replace(true).slots(2).capacity(8)), (16, 104, 0), "the same type");
    let info = inspect(&test_region.name).unwrap();
    assert_eq!((info.slots, info.capacity, info.kind, info.head), (16, 104, Some(Kind::Text), 5));
    // Where the values go anyway, the sizes are those that are asked for.
    let writer = options.kind(Kind::Json).replace(true).slots(2).capacity(8).open_raw(&test_region.name).unwrap();
    assert_eq!((writer.slots(), writer.capacity(), writer.discarded()), (2, 8, 5));
}

// Reported 11.
#[test]
fn a_start_with_the_first_options_takes_a_region_whose_slots_have_grown() {
    let test_region = TestRegion::new();
    let mut options = WriterOptions::new();
    options.slots(64).capacity(8);
    let mut writer = options.open_raw(&test_region.name).unwrap();
    writer.publish(&vec![7; 40 << 20]).unwrap();
    let sizes = (writer.slots(), writer.capacity());
    assert_eq!(sizes, (4, 40 << 20));
    drop(writer);
    let writer = options.open_raw(&test_region.name).unwrap();
    assert_eq!((writer.slots(), writer.capacity(), writer.head()), (sizes.0, sizes.1, 1), "not 64 slots of 40 MiB");
}

// Reported 47.
#[test]
fn many_small_values_take_little_memory_without_a_capacity() {
    let test_region = TestRegion::new();
    let mut writer = WriterOptions::new().slots(65_536).open_raw(&test_region.name).unwrap();
    writer.publish(&[7; 16]).unwrap();
    let bytes = || std::fs::metadata(&test_region.name).unwrap().len();
    assert!(bytes() <= 9 << 20, "{} bytes", bytes());
    writer.publish(&[7; 500]).unwrap();
    assert_eq!((writer.slots(), writer.capacity()), (65_536, 504), "the history stays as long as was asked for");
    assert!(bytes() <= 40 << 20, "{} bytes", bytes());
}

// Reported 44.
#[test]
fn a_huge_value_needs_two_slots_of_its_own_size() {
    const BYTES: usize = 80 << 20;
    let test_region = TestRegion::new();
    let mut writer = test_region.writer(Kind::Bytes);
    let mut loan = writer.loan(BYTES).unwrap();
    // Large parts go to the file, small ones to the memory.
    let chunk: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    let mut value = chunk.repeat(BYTES.div_ceil(chunk.len()));
    value.truncate(BYTES - 5);
    std::io::Write::write_all(&mut loan, &value[..3]).unwrap();
    for part in value[3..].chunks(chunk.len()) {
        std::io::Write::write_all(&mut loan, part).unwrap();
    }
    loan.truncate(value.len());
    loan.commit().unwrap();
    assert!(test_region.reader(Position::Oldest).recv().unwrap().unwrap().value == value);
    assert_eq!(writer.slots(), 2);
    let bytes = std::fs::metadata(&test_region.name).unwrap().len();
    assert!(bytes * 100 <= BYTES as u64 * 201, "{bytes} bytes");
    // The same slots once more, and their successors.
    for first in 1..=4 {
        value[0] = first;
        let mut loan = writer.loan(value.len()).unwrap();
        std::io::Write::write_all(&mut loan, &value).unwrap();
        loan.commit().unwrap();
        assert!(test_region.reader(Position::Latest).recv().unwrap().unwrap().value == value);
    }
}

// Reported 16.
#[test]
fn a_region_that_is_created_and_removed_at_once_is_found_by_those_who_wait() {
    let test_region = TestRegion::new();
    let name = &test_region.name;
    std::thread::scope(|scope| {
        let readers = [(); 5].map(|()| {
            scope.spawn(|| {
                let mut options = RawReader::options();
                let mut reader = options.start(Position::At(1)).open_timeout(Duration::from_secs(30)).open_raw(name)?;
                Ok::<_, crate::Error>(reader.recv()?.map(|sample| sample.value))
            })
        });
        // The second one replaces the file shortly before it removes it.
        let mut writer = test_region.writer(Kind::Text);
        writer.publish(&[b'x'; 5000]).unwrap();
        writer.remove().unwrap();
        for reader in readers {
            assert_eq!(reader.join().unwrap().unwrap(), Some(vec![b'x'; 5000]));
        }
    });
    assert_eq!(test_region.files(), [""; 0]);
}

#[test]
fn a_region_that_died_while_moving_is_opened_again() {
    let test_region = TestRegion::new();
    let mut writer = test_region.writer(Kind::Text);
    writer.publish(b"one").unwrap();
    kill(writer);
    test_region.poke(STATE_AT, &STATE_MOVING.to_le_bytes());
    let mut reader = test_region.reader(Position::Oldest);
    assert_eq!(drain(&mut reader), [row(1, "one")]);
    let mut writer = test_region.writer(Kind::Text);
    writer.publish(b"two").unwrap();
    assert_eq!(drain(&mut reader), [row(2, "two")]);
    assert_eq!(u32::from_le_bytes(read(&test_region, STATE_AT)), STATE_OPEN);
}

fn read<const N: usize>(test_region: &TestRegion, at: u64) -> [u8; N] {
    let mut bytes = [0; N];
    test_region.file().read_exact_at(&mut bytes, at).unwrap();
    bytes
}

#[test]
fn after_a_crash_of_the_machine_only_checksummed_values_are_trusted() {
    for (checksum, expected) in [(false, vec![]), (true, vec![row(1, "one"), row(2, "two")])] {
        let test_region = TestRegion::new();
        let mut writer = WriterOptions::new().checksum(checksum).kind(Kind::Text).open_raw(&test_region.name).unwrap();
        writer.publish(b"one").unwrap();
        writer.publish(b"two").unwrap();
        kill(writer);
        test_region.poke_header(BOOT_ID_AT, &[9; 16]);
        assert_eq!(test_region.reader(Position::Oldest).try_recv().is_ok(), checksum);
        let mut writer = test_region.writer(Kind::Text);
        assert_eq!(drain(&mut test_region.reader(Position::Oldest)), expected);
        assert_eq!(writer.publish(b"three").unwrap(), 3);
        assert_eq!(drain(&mut test_region.reader(Position::Latest)), [row(3, "three")]);
    }
}

#[test]
fn after_a_clean_close_and_a_reboot_everything_is_kept() {
    let test_region = TestRegion::new();
    test_region.writer(Kind::Text).publish(b"one").unwrap();
    test_region.poke_header(BOOT_ID_AT, &[9; 16]);
    assert_eq!(drain(&mut test_region.reader(Position::Oldest)), [row(1, "one")]);
    assert_eq!(test_region.writer(Kind::Text).publish(b"two").unwrap(), 2);
    assert_eq!(drain(&mut test_region.reader(Position::Oldest)), [row(1, "one"), row(2, "two")]);
    assert_ne!(read::<16>(&test_region, BOOT_ID_AT), [9; 16]);
}

#[test]
fn a_damaged_ring_is_replaced_and_numbers_continue() {
    let test_region = TestRegion::new();
    test_region.writer(Kind::Text).publish(b"one").unwrap();
    // This gives the first slot, which would hold value 64, the stamp of value 5.
    test_region.poke(SLOTS_AT + 4160 * 2, &10_u64.to_le_bytes());
    assert_eq!(verify(&test_region.name).unwrap()[0].part, "slot 2");
    let mut writer = test_region.writer(Kind::Text);
    assert_eq!(writer.publish(b"two").unwrap(), 2);
    assert_eq!(inspect(&test_region.name).unwrap().file_number, 2);
    assert_eq!(verify(&test_region.name).unwrap(), []);
    assert_eq!(drain(&mut test_region.reader(Position::Oldest)), [row(1, "one"), row(2, "two")]);
}

// Fault 9.
#[test]
fn a_region_removed_by_hand_is_noticed_on_both_sides() {
    let test_region = TestRegion::new();
    let mut writer = test_region.writer(Kind::Text);
    writer.publish(b"one").unwrap();
    let mut reader = test_region.reader(Position::Oldest);
    assert_eq!(drain(&mut reader), [row(1, "one")]);
    std::fs::remove_file(&test_region.name).unwrap();
    let removed = Instant::now();
    assert!(matches!(reader.recv(), Err(ReceiveError::Gone { .. })));
    // The reader notices it after a slice of 50 ms. The rest of the time is for a busy machine.
    assert!(removed.elapsed() < Duration::from_secs(2), "{:?}", removed.elapsed());
    let gone = std::iter::repeat_with(|| writer.publish(b"lost")).find_map(Result::err);
    assert!(matches!(gone, Some(PublishError::Gone { .. })));
    assert!(matches!(writer.publish(b"lost"), Err(PublishError::Gone { .. })));
    drop(writer);
    let mut writer = test_region.writer(Kind::Text);
    writer.publish(b"again").unwrap();
    // The first values are those that the old writer published before it noticed.
    let samples = std::iter::repeat_with(|| reader.recv().unwrap().unwrap());
    let sample = samples.into_iter().find(|sample| sample.value != b"lost").unwrap();
    assert_eq!((sample.sequence, sample.lost, sample.restarted, &sample.value[..]), (1, 0, true, &b"again"[..]));
}

#[test]
fn removing_informs_the_readers_and_leaves_no_files() {
    let test_region = TestRegion::new();
    let mut writer = test_region.writer(Kind::Text);
    writer.publish(b"one").unwrap();
    assert!(matches!(crate::remove(&test_region.name, false), Err(OpenError::WriterAlive { .. })));
    let mut reader = test_region.reader(Position::New);
    kill(writer);
    crate::remove(&test_region.name, false).unwrap();
    assert!(matches!(reader.try_recv(), Err(ReceiveError::Gone { .. })));
    assert!(matches!(reader.latest(), Err(ReceiveError::Gone { .. })));
    assert_eq!(test_region.files(), [""; 0]);
    assert!(matches!(crate::remove(&test_region.name, false), Err(OpenError::NotFound { .. })));
}

#[test]
fn a_torn_newest_value_does_not_cost_an_older_one() {
    let test_region = TestRegion::new();
    let mut writer = WriterOptions::new().checksum(true).kind(Kind::Text).open_raw(&test_region.name).unwrap();
    for text in ["one", "two", "three"] {
        writer.publish(text.as_bytes()).unwrap();
    }
    kill(writer);
    let crate::Info { stride, lineage, .. } = inspect(&test_region.name).unwrap();
    test_region.poke(SLOTS_AT + 3 * stride + 24, b"?");
    test_region.poke_header(BOOT_ID_AT, &[9; 16]);
    let mut writer = test_region.writer(Kind::Text);
    assert_eq!(test_region.reader(Position::Latest).latest().unwrap().unwrap().value, b"two");
    assert_eq!(writer.publish(b"four").unwrap(), 4);
    let expected = [row(1, "one"), row(2, "two"), (4, 1, "four".to_owned())];
    assert_eq!(drain(&mut test_region.reader(Position::Oldest)), expected);
    assert_ne!(inspect(&test_region.name).unwrap().lineage, lineage);
}

#[test]
fn numbers_continue_after_every_value_of_a_damaged_ring() {
    let test_region = TestRegion::new();
    let mut writer = test_region.writer(Kind::Text);
    for _ in 0..100 {
        writer.publish(b"x").unwrap();
    }
    drop(writer);
    test_region.poke(HEAD_AT, &5_u64.to_le_bytes());
    assert_eq!(test_region.writer(Kind::Text).publish(b"y").unwrap(), 101);
}

// Fault 10.
#[test]
fn a_writer_that_lost_its_region_does_not_close_the_next_writers() {
    let test_region = TestRegion::new();
    let mut lost = test_region.writer(Kind::Text);
    lost.publish(b"one").unwrap();
    std::fs::remove_file(test_region.directory.path().join(".room.lock")).unwrap();
    let mut writer = test_region.writer(Kind::Text);
    writer.publish(b"two").unwrap();
    drop(lost);
    assert_eq!(inspect(&test_region.name).unwrap().state, crate::RegionState::Open);
}

// Fault 36.
#[test]
fn running_out_of_numbers_is_an_error() {
    let test_region = TestRegion::new();
    let last = shm_ring::header::MAX_SEQUENCE;
    drop(test_region.writer(Kind::Text));
    test_region.poke(HEAD_AT, &[(last - 1).to_le_bytes(), last.to_le_bytes()].concat());
    let mut writer = test_region.writer(Kind::Text);
    assert_eq!(writer.publish(b"last").unwrap(), last);
    assert!(matches!(writer.publish(b"beyond"), Err(PublishError::Damaged { .. })));
    assert_eq!(test_region.reader(Position::Latest).recv().unwrap().unwrap().value, b"last");
}

// Fault 63.
#[test]
fn a_descriptor_and_unknown_compatible_features_outlive_growth() {
    let test_region = TestRegion::new();
    drop(WriterOptions::new().slots(2).capacity(8).kind(Kind::Text).open_raw(&test_region.name).unwrap());
    // Moves the slots, which are empty, to the end of a longer file, so that there is space for a
    // descriptor.
    let descriptor = b"\x09\0\0\0\x05\0\0\0later\0\0\0";
    test_region.file().set_len(12_288).unwrap();
    test_region.poke(4096, descriptor);
    test_region.poke_header(16, &0x100_u64.to_le_bytes());
    test_region.poke_header(32, &12_288_u64.to_le_bytes());
    test_region.poke_header(100, &16_u32.to_le_bytes());
    test_region.poke_header(104, &crc32fast::hash(descriptor).to_le_bytes());
    let mut writer = WriterOptions::new().open_raw(&test_region.name).unwrap();
    writer.publish(b"longer than eight").unwrap();
    let info = inspect(&test_region.name).unwrap();
    assert_eq!((info.descriptor_bytes, info.compatible, info.file_number), (16, 0x100, 2));
    assert_eq!(read::<16>(&test_region, 4096), *descriptor);
    assert_eq!(drain(&mut test_region.reader(Position::Oldest)), [row(1, "longer than eight")]);
}

#[test]
fn values_that_their_kind_does_not_allow_are_not_published() {
    let test_region = TestRegion::new();
    let mut writer = test_region.writer(Kind::Json);
    assert!(matches!(writer.publish(b"{"), Err(PublishError::BadValue { .. })));
    assert_eq!(writer.publish(b"{}").unwrap(), 1);
}

#[test]
fn handles_may_move_to_other_threads() {
    fn assert_send<T: Send>() {}
    // This also holds for types that are not `Send`, because a handle owns none of its values.
    assert_send::<(RawWriter, RawReader, Writer<*const u8>, Reader<*const u8>)>();
}
