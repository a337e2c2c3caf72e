//! Tests of loans: values written in place, loans that are not committed, and the region meanwhile.

use super::{SLOTS_AT, TestRegion, drain, kill, row};
use crate::{
    ArrayReader, ArrayWriter, Kind, Loan, OpenError, Position, PublishError, RawReader, RawWriter, RegionState,
    inspect, verify,
};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::FileExt;

const TIME_AT: usize = 16;

/// The cache line `hot` and the slots as they are in the file, without the times in the slots.
fn content(test_region: &TestRegion) -> Vec<u8> {
    let stride = usize::try_from(inspect(&test_region.name).unwrap().stride).unwrap();
    let mut hot = vec![0; 32];
    test_region.file().read_exact_at(&mut hot, super::STATE_AT).unwrap();
    let mut slots = std::fs::read(&test_region.name).unwrap().split_off(usize::try_from(SLOTS_AT).unwrap());
    for slot in slots.chunks_mut(stride).filter(|slot| slot.len() > TIME_AT + 8) {
        slot[TIME_AT..TIME_AT + 8].fill(0);
    }
    [hot, slots].concat()
}

fn pattern(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 7 + seed * 31 + 1).to_le_bytes()[0]).collect()
}

/// A writer of bytes with few small slots.
fn small(test_region: &TestRegion, checksum: bool) -> RawWriter {
    RawWriter::options().kind(Kind::Bytes).slots(4).capacity(80).checksum(checksum).open_raw(&test_region.name).unwrap()
}

/// Ends a loan without publishing a value.
pub fn abandon(_: Loan<'_>) {}

fn newest(test_region: &TestRegion) -> Vec<u8> {
    test_region.reader(Position::Latest).latest().unwrap().unwrap().value
}

#[test]
fn a_value_published_by_loan_is_byte_for_byte_as_one_that_was_copied() {
    for checksum in [false, true] {
        let rooms = [TestRegion::new(), TestRegion::new()];
        let [mut copying, mut lending] = rooms.each_ref().map(|test_region| small(test_region, checksum));
        for length in (0..=80).chain([80, 79, 73, 72, 71, 1, 0]) {
            let value = pattern(length, 0);
            let mut loan = lending.loan(length).unwrap();
            assert_eq!((loan.len(), loan.is_empty()), (length, length == 0));
            loan.write_all(&value).unwrap();
            assert_eq!(loan.commit().unwrap(), copying.publish(&value).unwrap());
            assert!(content(&rooms[0]) == content(&rooms[1]), "{length} bytes");
            assert_eq!(newest(&rooms[1]), value);
        }
        assert_eq!(verify(&rooms[1].name).unwrap(), []);
        assert_eq!((copying.capacity(), lending.capacity()), (80, 80));
    }
}

#[test]
fn a_stream_into_a_loan_ends_at_the_end_of_the_value() {
    let test_region = TestRegion::new();
    let mut writer = small(&test_region, false);
    let mut loan = writer.loan(10).unwrap();
    loan.write_all(b"01234").unwrap();
    loan.flush().unwrap();
    assert_eq!(loan.write(b"56789abc").unwrap(), 5);
    assert_eq!(loan.write(b"d").unwrap(), 0);
    assert_eq!(loan.write_all(b"d").unwrap_err().kind(), ErrorKind::WriteZero);
    loan.commit().unwrap();
    assert_eq!(newest(&test_region), b"0123456789");
}

#[test]
fn a_stream_into_a_shortened_loan_writes_nothing_more() {
    let test_region = TestRegion::new();
    let mut writer = small(&test_region, false);
    let mut loan = writer.loan(8).unwrap();
    loan.write_all(b"0123456").unwrap();
    loan.truncate(3);
    assert_eq!(loan.write(b"x").unwrap(), 0);
    assert_eq!(loan.len(), 3);
    loan.commit().unwrap();
    assert_eq!(newest(&test_region), b"012");
}

#[test]
fn parts_may_be_written_at_any_place_in_any_order() {
    let test_region = TestRegion::new();
    let mut writer = small(&test_region, true);
    let parts = [(0, 1), (1, 8), (63, 13), (9, 15), (24, 16), (3, 2), (40, 23), (75, 5), (80, 0)];
    let mut expected = vec![0; 80];
    let mut loan = writer.loan(80).unwrap();
    for (seed, (at, length)) in parts.into_iter().enumerate() {
        let part = pattern(length, seed);
        loan.write_at(at, &part);
        expected[at..at + length].copy_from_slice(&part);
    }
    loan.commit().unwrap();
    assert_eq!(newest(&test_region), expected);
}

#[test]
fn a_shorter_value_is_filled_up_with_zeros() {
    let rooms = [TestRegion::new(), TestRegion::new()];
    let [mut copying, mut lending] = rooms.each_ref().map(|test_region| small(test_region, true));
    for length in [80, 33, 32, 7, 0] {
        // Fill only up to the last word of the value. The bytes after it must stay unchanged.
        let mut loan = lending.loan(length).unwrap();
        loan.write_at(0, &pattern(length, 1));
        loan.truncate(length / 3);
        loan.commit().unwrap();
        copying.publish(&pattern(length, 1)[..length / 3]).unwrap();
        assert_eq!(newest(&rooms[1]), newest(&rooms[0]));
        let word = |test_region: &TestRegion| {
            let stride = inspect(&test_region.name).unwrap().stride;
            let slot = lending.head() % 4;
            let mut bytes = [0; 8];
            test_region
                .file()
                .read_exact_at(&mut bytes, SLOTS_AT + slot * stride + 24 + length as u64 / 3 / 8 * 8)
                .unwrap();
            bytes
        };
        if !(length / 3).is_multiple_of(8) {
            assert_eq!(word(&rooms[1]), word(&rooms[0]));
        }
    }
    assert_eq!(verify(&rooms[1].name).unwrap(), []);
}

#[test]
fn writing_beyond_the_value_is_the_callers_error_and_the_region_stays_usable() {
    let test_region = TestRegion::new();
    let mut writer = small(&test_region, false);
    type Misuse = fn(&mut Loan<'_>);
    let misuses: [Misuse; 5] = [
        |loan| loan.write_at(9, b""),
        |loan| loan.write_at(8, b"x"),
        |loan| loan.write_at(0, b"012345678"),
        |loan| loan.write_at(usize::MAX, b"x"),
        |loan| loan.truncate(9),
    ];
    for misuse in misuses {
        let misused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| misuse(&mut writer.loan(8).unwrap())));
        assert!(misused.is_err());
    }
    assert_eq!(writer.publish(b"good").unwrap(), 1);
    assert_eq!(newest(&test_region), b"good");
}

#[test]
#[expect(unsafe_code, reason = "nobody else is there")]
fn the_bytes_of_a_loan_can_be_written_as_a_slice() {
    let test_region = TestRegion::new();
    let mut writer = small(&test_region, false);
    let mut loan = writer.loan(11).unwrap();
    // SAFETY: no other process has mapped this region for writing, and there are no views.
    let bytes = unsafe { loan.as_mut_slice() };
    bytes.copy_from_slice(b"hello world");
    loan.commit().unwrap();
    assert_eq!(newest(&test_region), b"hello world");
}

#[test]
fn a_loan_that_is_dropped_publishes_nothing_and_costs_one_old_value() {
    let test_region = TestRegion::new();
    let mut writer = small(&test_region, false);
    let mut slow = test_region.reader(Position::At(1));
    for byte in b"12345" {
        writer.publish(&[*byte]).unwrap();
    }
    let mut oldest = test_region.reader(Position::Oldest);
    let mut loan = writer.loan(3).unwrap();
    loan.write_all(b"xxx").unwrap();
    abandon(loan);
    assert_eq!((writer.head(), inspect(&test_region.name).unwrap().head), (5, 5));
    assert_eq!(newest(&test_region), b"5");
    // The loan took the slot of value 2. A reader at 1 or 2 continues at 3, half a ring before the newest
    // value.
    assert_eq!(drain(&mut slow)[0], (3, 2, "3".into()));
    assert_eq!(drain(&mut oldest), [(3, 1, "3".into()), row(4, "4"), row(5, "5")]);
    assert_eq!(drain(&mut test_region.reader(Position::Oldest))[0], row(3, "3"), "that is now the oldest");
    assert_eq!(verify(&test_region.name).unwrap(), []);
    assert_eq!(writer.publish(b"6").unwrap(), 6);
    assert_eq!(drain(&mut slow), [row(6, "6")]);
}

#[test]
fn a_loan_is_filled_in_a_larger_region_if_it_must_be() {
    let test_region = TestRegion::new();
    let mut writer = small(&test_region, true);
    writer.publish(b"one").unwrap();
    let mut reader = test_region.reader(Position::Oldest);
    let value = "long ".repeat(1000);
    let mut loan = writer.loan(value.len()).unwrap();
    assert_eq!(drain(&mut reader), [row(1, "one")], "the new file is there, the value is not");
    loan.write_all(value.as_bytes()).unwrap();
    assert_eq!(loan.commit().unwrap(), 2);
    assert_eq!(drain(&mut reader), [row(2, &value)]);
    let info = inspect(&test_region.name).unwrap();
    assert_eq!((info.file_number, info.capacity, info.slots), (2, 5000, 4));
    // An abandoned loan leaves the larger region.
    abandon(writer.loan(20_000).unwrap());
    assert_eq!(writer.publish(b"three").unwrap(), 3);
    assert_eq!(drain(&mut reader), [row(3, "three")]);
    assert_eq!(drain(&mut test_region.reader(Position::Oldest)).len(), 3);
    assert_eq!(inspect(&test_region.name).unwrap().file_number, 3);
}

#[test]
fn a_loan_that_no_region_can_hold_is_refused_and_nothing_changes() {
    let test_region = TestRegion::new();
    let mut writer = small(&test_region, false);
    writer.publish(b"one").unwrap();
    // With 32 bits, no length is above the limit for values.
    let longest = usize::try_from((1_u64 << 48) - 1).unwrap_or(usize::MAX);
    for length in [usize::MAX, longest.wrapping_add(1)].into_iter().filter(|length| *length > longest) {
        let refused = writer.loan(length).map(drop);
        assert!(
            matches!(refused, Err(PublishError::TooLarge { bytes, limit, .. }) if bytes == length as u64 && limit < bytes)
        );
    }
    let refused = writer.loan(longest).map(drop);
    assert!(matches!(refused, Err(PublishError::Grow(OpenError::TooLarge { .. }))), "{refused:?}");
    assert_eq!((writer.capacity(), writer.publish(b"two").unwrap()), (80, 2));
    assert_eq!(drain(&mut test_region.reader(Position::Oldest)), [row(1, "one"), row(2, "two")]);
}

/// Commits a loan with this content. If the commit is refused, readers must not see any of it.
#[track_caller]
fn commit(writer: &mut RawWriter, value: &[u8]) -> Result<u64, PublishError> {
    let (region, before) = (writer.location.name.clone(), writer.head());
    let mut loan = writer.loan(value.len())?;
    loan.write_all(value).unwrap();
    let committed = loan.commit();
    let after = before + u64::from(committed.is_ok());
    assert_eq!((writer.head(), inspect(&region).unwrap().head), (after, after));
    committed
}

#[test]
fn a_value_that_the_kind_does_not_allow_is_not_committed() {
    for (kind, good, bad) in [(Kind::Text, &b"text"[..], &b"\xff"[..]), (Kind::Json, b"[1]", b"[1")] {
        let test_region = TestRegion::new();
        let mut writer = test_region.writer(kind);
        assert!(matches!(commit(&mut writer, bad), Err(PublishError::BadValue { .. })));
        assert_eq!(commit(&mut writer, good).unwrap(), 1);
        assert!(matches!(commit(&mut writer, bad), Err(PublishError::BadValue { .. })));
        assert_eq!(writer.publish(good).unwrap(), 2);
        assert_eq!(newest(&test_region), good);
    }
}

#[cfg(feature = "schema")]
#[test]
fn a_value_that_the_schema_does_not_allow_is_not_committed() {
    let test_region = TestRegion::new();
    crate::Writer::<(u32, String)>::open(&test_region.name).unwrap().publish(&(7, "x".into())).unwrap();
    let mut writer = test_region.writer(Kind::Bincode);
    let good = [&9_u32.to_le_bytes()[..], &1_u64.to_le_bytes(), b"y"].concat();
    assert!(matches!(commit(&mut writer, &good[..12]), Err(PublishError::BadValue { .. })));
    assert_eq!(commit(&mut writer, &good).unwrap(), 2);
    let value = crate::Reader::<(u32, String)>::open(&test_region.name).unwrap().latest().unwrap().unwrap().value;
    assert_eq!(value, (9, "y".into()));
}

#[test]
fn an_array_is_lent_in_the_length_of_its_shape() {
    let test_region = TestRegion::new();
    let mut writer = ArrayWriter::<u16>::open(&test_region.name, &[2, 3]).unwrap();
    for elements in [0, 5, 7, usize::MAX] {
        assert!(matches!(writer.loan(elements), Err(PublishError::BadValue { .. })), "{elements}");
    }
    let mut loan = writer.loan(6).unwrap();
    assert_eq!(loan.len(), 6, "elements, not bytes");
    loan.truncate(5);
    assert_eq!(loan.len(), 5);
    assert!(matches!(loan.commit(), Err(PublishError::BadValue { .. })));
    let mut loan = writer.loan(6).unwrap();
    loan.write_at(3, &[4, 5, 600]);
    loan.write_at(0, &[1, 2, 3]);
    assert_eq!(loan.commit().unwrap(), 1);
    let mut reader = ArrayReader::<u16>::open(&test_region.name).unwrap();
    assert_eq!(reader.latest().unwrap().unwrap().value, [1, 2, 3, 4, 5, 600]);
}

#[test]
fn rows_of_an_array_may_be_cut_off() {
    let test_region = TestRegion::new();
    let mut writer = ArrayWriter::<f64>::open(&test_region.name, &[0, 3]).unwrap();
    assert!(matches!(writer.loan(7), Err(PublishError::BadValue { .. })));
    let mut loan = writer.loan(9).unwrap();
    loan.write_at(0, &[1.5; 3]);
    loan.truncate(3);
    loan.commit().unwrap();
    assert_eq!(ArrayReader::<f64>::open(&test_region.name).unwrap().latest().unwrap().unwrap().value, [1.5; 3]);
}

#[test]
fn a_region_that_is_removed_while_a_loan_is_out_is_gone() {
    let test_region = TestRegion::new();
    let mut writer = small(&test_region, false);
    writer.publish(b"one").unwrap();
    let loan = writer.loan(3).unwrap();
    std::fs::remove_file(&test_region.name).unwrap();
    // The writer checks the name every 50 ms. Before it does, attached readers still receive committed
    // values.
    let committed = loan.commit();
    let mut loans = std::iter::once(committed).chain(std::iter::repeat_with(|| writer.loan(3)?.commit()));
    assert!(matches!(loans.find_map(Result::err), Some(PublishError::Gone { .. })));
    assert!(matches!(writer.loan(3), Err(PublishError::Gone { .. })));
    assert!(matches!(writer.loan(300), Err(PublishError::Gone { .. })));
}

#[test]
fn a_larger_loan_reports_immediately_that_the_region_is_gone() {
    let test_region = TestRegion::new();
    let mut writer = small(&test_region, false);
    std::fs::remove_file(&test_region.name).unwrap();
    assert!(matches!(writer.loan(300), Err(PublishError::Gone { .. })));
    assert!(matches!(writer.loan(3), Err(PublishError::Gone { .. })));
    assert!(matches!(writer.publish(b"x"), Err(PublishError::Gone { .. })));
}

#[test]
fn after_the_last_number_no_loan_is_possible() {
    let test_region = TestRegion::new();
    let last = shm_ring::header::MAX_SEQUENCE;
    drop(small(&test_region, false));
    test_region.poke(super::HEAD_AT, &[(last - 1).to_le_bytes(), last.to_le_bytes()].concat());
    let mut writer = test_region.writer(Kind::Bytes);
    assert_eq!(commit(&mut writer, b"last").unwrap(), last);
    assert!(matches!(writer.loan(4), Err(PublishError::Damaged { .. })));
    assert_eq!(newest(&test_region), b"last");
}

#[test]
fn an_abandoned_loan_does_not_keep_a_region_from_being_closed_and_taken_over() {
    for dies in [false, true] {
        let test_region = TestRegion::new();
        let mut writer = small(&test_region, true);
        for value in [b"1", b"2", b"3", b"4"] {
            writer.publish(value).unwrap();
        }
        let mut loan = writer.loan(40).unwrap();
        loan.write_all(&[b'x'; 40]).unwrap();
        abandon(loan);
        if dies {
            kill(writer)
        } else {
            writer.close().unwrap()
        }
        let mut reader = test_region.reader(Position::Oldest);
        let info = inspect(&test_region.name).unwrap();
        assert_eq!((info.state, info.head), (if dies { RegionState::Open } else { RegionState::Closed }, 4));
        assert_eq!(verify(&test_region.name).unwrap(), []);
        assert_eq!(drain(&mut reader), [row(2, "2"), row(3, "3"), row(4, "4")]);
        assert_eq!(reader.is_ended(), !dies);
        let mut writer = test_region.writer(Kind::Bytes);
        assert_eq!(inspect(&test_region.name).unwrap().file_number, 1, "nothing was damaged");
        assert_eq!(commit(&mut writer, b"5").unwrap(), 5);
        assert_eq!(drain(&mut reader), [row(5, "5")]);
    }
}

#[test]
fn a_reader_waits_for_a_loan_and_is_woken_by_it() {
    let test_region = TestRegion::new();
    let mut writer = small(&test_region, false);
    let mut reader: RawReader = test_region.reader(Position::New);
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || reader.recv().unwrap().unwrap().value);
        let mut loan = writer.loan(5).unwrap();
        loan.write_all(b"value").unwrap();
        loan.commit().unwrap();
        assert_eq!(reading.join().unwrap(), b"value");
    });
}
