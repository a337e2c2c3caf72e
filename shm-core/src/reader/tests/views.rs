//! Tests of views: values read in place, undisturbed and while the writer overwrites, replaces or
//! closes the region.

use crate::tests::test_region::{SLOTS_AT, TestRegion};
use crate::writer::tests::in_place::abandon;
use crate::{
    ArrayReader, ArrayWriter, Kind, Position, RawReader, RawWriter, Reader, ReceiveError, ValueError, Writer,
    WriterOptions, inspect,
};
use serde::{Deserialize, Serialize};

fn writer(test_region: &TestRegion, slots: u64, checksum: bool) -> RawWriter {
    RawWriter::options()
        .kind(Kind::Bytes)
        .slots(slots)
        .capacity(80)
        .checksum(checksum)
        .open_raw(&test_region.name)
        .unwrap()
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 7 + 1).to_le_bytes()[0]).collect()
}

#[test]
fn a_view_shows_what_was_published_in_every_way() {
    for checksum in [false, true] {
        let test_region = TestRegion::new();
        let mut writer = writer(&test_region, 4, checksum);
        let mut reader = test_region.reader(Position::Oldest);
        for length in 0..=80 {
            let value = pattern(length);
            writer.publish(&value).unwrap();
            let view = reader.recv_view().unwrap().unwrap();
            assert_eq!((view.len(), view.is_empty()), (length, length == 0));
            for (offset, count) in
                [(0, length), (length, 0), (length / 2, length - length / 2), (length / 3, length / 4)]
            {
                let mut part = vec![0xee; count];
                view.copy_to(offset, &mut part);
                assert_eq!(part, value[offset..offset + count], "{count} of {length} bytes at {offset}");
            }
            let words: Vec<u8> = view.words().flat_map(u64::to_le_bytes).collect();
            assert_eq!((words.len(), &words[..length]), (length.next_multiple_of(8), &value[..]));
            assert!(words[length..].iter().all(|byte| *byte == 0));
            assert!(view.is_whole());
        }
    }
}

#[test]
#[expect(unsafe_code, reason = "the writer waits")]
fn the_bytes_of_a_view_can_be_read_as_a_slice() {
    let test_region = TestRegion::new();
    let mut writer = writer(&test_region, 4, false);
    let mut reader = test_region.reader(Position::Oldest);
    for length in [0, 1, 7, 8, 80] {
        writer.publish(&pattern(length)).unwrap();
        let view = reader.view().unwrap().unwrap();
        // SAFETY: the writer publishes nothing meanwhile.
        let bytes = unsafe { view.as_slice() };
        assert_eq!(bytes, pattern(length));
    }
}

#[test]
fn a_part_that_lies_beyond_the_value_is_the_callers_error() {
    let test_region = TestRegion::new();
    writer(&test_region, 4, false).publish(b"eight by").unwrap();
    let mut reader = test_region.reader(Position::Oldest);
    for (offset, count) in [(9, 0), (8, 1), (0, 9), (usize::MAX, 1)] {
        let view = reader.view().unwrap().unwrap();
        let copy = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| view.copy_to(offset, &mut vec![0; count])));
        assert!(copy.is_err(), "{count} bytes at {offset}");
    }
}

#[test]
fn a_view_is_whole_until_its_slot_is_reused_and_never_again() {
    let test_region = TestRegion::new();
    let mut writer = writer(&test_region, 4, false);
    writer.publish(b"one").unwrap();
    let mut reader = test_region.reader(Position::Oldest);
    let view = reader.view().unwrap().unwrap();
    for _ in 0..3 {
        writer.publish(b"later").unwrap();
        assert!(view.is_whole());
    }
    let loan = writer.loan(3).unwrap();
    assert!(!view.is_whole(), "a loan takes the slot when it begins");
    abandon(loan);
    for _ in 0..9 {
        assert!(!view.is_whole());
        writer.publish(b"one").unwrap();
    }
    assert!(!view.is_whole());
    assert_eq!((view.len(), view.sample().sequence), (3, 1));
}

#[test]
fn a_region_without_values_has_no_view() {
    let test_region = TestRegion::new();
    let mut writer = writer(&test_region, 4, false);
    let mut reader = test_region.reader(Position::Oldest);
    assert!(reader.view().unwrap().is_none());
    let loan = writer.loan(3).unwrap();
    assert!(reader.view().unwrap().is_none(), "a loan is not there before it is committed");
    abandon(loan);
    writer.close().unwrap();
    assert!(reader.view().unwrap().is_none() && reader.recv_view().unwrap().is_none());
}

#[test]
fn views_arrive_in_order_report_losses_and_end_at_the_close() {
    let test_region = TestRegion::new();
    let mut writer = writer(&test_region, 4, true);
    let mut reader = test_region.reader(Position::At(1));
    for byte in 1..=10 {
        writer.publish(&[byte]).unwrap();
    }
    writer.close().unwrap();
    let mut seen = Vec::new();
    while let Some(view) = reader.recv_view().unwrap() {
        let sample = view.sample();
        seen.push((sample.sequence, sample.lost, view.words().next()));
        assert!(view.is_whole() && sample.time().elapsed().unwrap().as_secs() < 3600);
    }
    // An overtaken reader continues half a ring before the newest value.
    assert_eq!(seen, [(8, 7, Some(8)), (9, 0, Some(9)), (10, 0, Some(10))]);
    assert!(reader.is_ended());
    assert_eq!(reader.view().unwrap().unwrap().sample().sequence, 10, "the newest value stays");
    assert!(reader.try_recv().unwrap().value().is_none(), "receiving continues after the value of a view");
}

#[test]
fn a_view_of_a_value_that_is_damaged_is_refused() {
    let test_region = TestRegion::new();
    let mut writer = writer(&test_region, 4, true);
    writer.publish(b"one").unwrap();
    writer.publish(b"two").unwrap();
    let stride = inspect(&test_region.name).unwrap().stride;
    test_region.poke(SLOTS_AT + 2 * stride + 24, b"?");
    let mut reader = test_region.reader(Position::Oldest);
    assert_eq!(reader.recv_view().unwrap().unwrap().sample().sequence, 1);
    assert!(matches!(reader.view(), Err(ReceiveError::DamagedValue { .. })));
    reader.seek(Position::Latest);
    assert!(matches!(reader.recv_view(), Err(ReceiveError::DamagedValue { .. })));
    writer.publish(b"three").unwrap();
    assert_eq!(reader.recv_view().unwrap().unwrap().len(), 5);
}

#[test]
fn a_value_that_is_overwritten_while_it_is_verified_is_not_damaged() {
    const BYTES: usize = 32 << 10;
    let test_region = TestRegion::new();
    let mut options = RawWriter::options();
    let mut writer =
        options.kind(Kind::Bytes).slots(2).capacity(BYTES as u64).checksum(true).open_raw(&test_region.name).unwrap();
    writer.publish(&[0; BYTES]).unwrap();
    let mut reader = test_region.reader(Position::Oldest);
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || (0..20_000).filter(|_| is_lapped(&mut reader)).take(100).count());
        for round in 0.. {
            if reading.is_finished() {
                break;
            }
            writer.publish(&[u8::try_from(round % 251).unwrap(); BYTES]).unwrap();
        }
        assert!(reading.join().unwrap() > 0, "the writer never came in between");
    });
}

/// Whether the writer overwrites the newest value while the reader reads it. All bytes of a value are
/// equal.
fn is_lapped(reader: &mut RawReader) -> bool {
    let view = match reader.view() {
        Err(ReceiveError::Busy { .. }) => return false,
        view => view.unwrap().expect("a value"),
    };
    let is_same = view.words().all(|word| word == u64::from(word.to_le_bytes()[0]) * 0x0101_0101_0101_0101);
    let is_whole = view.is_whole();
    assert!(is_same || !is_whole);
    !is_whole
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    name: String,
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Borrowed<'a> {
    name: &'a str,
    #[serde(with = "serde_bytes")]
    bytes: &'a [u8],
}

#[test]
fn a_view_is_decoded_without_a_copy_of_its_strings_and_bytes() {
    let test_region = TestRegion::new();
    let mut writer = WriterOptions::new().slots(2).open::<Note>(&test_region.name).unwrap();
    let mut reader = Reader::<Note>::open(&test_region.name).unwrap();
    for round in 0..5_u8 {
        let note = Note { name: "x".repeat(round.into()), bytes: vec![round; 10 * usize::from(round)] };
        writer.publish(&note).unwrap();
        let mut view = reader.recv_view().unwrap().unwrap();
        let borrowed: Borrowed<'_> = view.decode().unwrap();
        assert_eq!((borrowed.name, borrowed.bytes), (&note.name[..], &note.bytes[..]));
        let owned: Note = view.decode().unwrap();
        assert_eq!(owned, note);
    }
    // The reader owns the copy, so the writer cannot change the decoded value.
    let mut view = reader.view().unwrap().unwrap();
    let borrowed: Borrowed<'_> = view.decode().unwrap();
    for _ in 0..2 {
        writer.publish(&Note { name: "later".into(), bytes: vec![9] }).unwrap();
    }
    assert_eq!((borrowed.name, borrowed.bytes), ("xxxx", &[4; 40][..]));
    let again: Result<Borrowed<'_>, _> = view.decode();
    assert!(matches!(again, Err(ReceiveError::Busy { .. })), "{again:?}");
}

#[test]
fn a_value_of_another_type_is_not_decoded() {
    let test_region = TestRegion::new();
    Writer::<(u8, u8)>::open(&test_region.name).unwrap().publish(&(1, 2)).unwrap();
    let mut reader = Reader::<(u8, u8)>::open(&test_region.name).unwrap();
    let mut view = reader.view().unwrap().unwrap();
    assert!(matches!(view.decode::<(u8, u32)>(), Err(ReceiveError::Decode { sequence: 1, .. })));
    assert!(matches!(view.decode::<u8>(), Err(ReceiveError::Decode { .. })), "all bytes must be used up");
    assert_eq!(view.decode::<(u8, u8)>().unwrap(), (1, 2));
    for kind in [Kind::Bytes, Kind::Text] {
        let test_region = TestRegion::new();
        test_region.writer(kind).publish(b"1").unwrap();
        let mut reader = test_region.reader(Position::Oldest);
        let error = reader.view().unwrap().unwrap().decode::<u8>().unwrap_err();
        let ReceiveError::Decode { source, .. } = error else { panic!("{error}") };
        assert!(matches!(source, ValueError::Kind { found, .. } if found == kind), "{source}");
    }
}

#[test]
fn a_view_outlives_the_growth_of_its_region() {
    let test_region = TestRegion::new();
    let mut writer = writer(&test_region, 4, false);
    writer.publish(b"one").unwrap();
    let mut reader = test_region.reader(Position::Oldest);
    let view = reader.recv_view().unwrap().unwrap();
    for _ in 0..6 {
        writer.publish(&[2; 1000]).unwrap();
    }
    let mut bytes = [0; 3];
    view.copy_to(0, &mut bytes);
    assert!(view.is_whole(), "its file stays as it was");
    assert_eq!(&bytes, b"one");
    let view = reader.recv_view().unwrap().unwrap();
    // The new file retains 4 to 7. An overtaken reader continues half a ring before the newest value.
    assert_eq!((view.sample().sequence, view.sample().lost, view.len()), (5, 3, 1000));
    assert_eq!(reader.view().unwrap().unwrap().sample().sequence, 7);
}

#[test]
fn a_view_is_of_the_region_that_the_name_refers_to() {
    let test_region = TestRegion::new();
    test_region.writer(Kind::Text).publish(b"text").unwrap();
    let mut reader = test_region.reader(Position::Oldest);
    assert_eq!(reader.recv_view().unwrap().unwrap().len(), 4);
    let mut typed = WriterOptions::new().replace(true).open::<u64>(&test_region.name).unwrap();
    typed.publish(&77).unwrap();
    let mut view = reader.recv_view().unwrap().unwrap();
    assert_eq!((view.sample().sequence, view.sample().restarted, view.decode::<u64>().unwrap()), (2, false, 77));
    typed.remove().unwrap();
    assert!(matches!(reader.recv_view(), Ok(None)), "it was closed first");
    let mut next_writer = test_region.writer(Kind::Text);
    next_writer.publish(b"again").unwrap();
    // The reader checks the name every 50 ms.
    let found = loop {
        match reader.recv_view() {
            Ok(Some(view)) => break (view.sample().sequence, view.sample().restarted),
            Ok(None) => {}
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(found, (1, true));
}

#[test]
fn an_array_that_does_not_fit_its_shape_is_not_shown() {
    let test_region = TestRegion::new();
    let mut writer = ArrayWriter::<u16>::open(&test_region.name, &[2]).unwrap();
    let mut reader = ArrayReader::<u16>::open(&test_region.name).unwrap();
    assert!(reader.view().unwrap().is_none());
    for elements in [[1, 2], [3, 4], [5, 6]] {
        writer.publish(&elements).unwrap();
    }
    let first = reader.recv_view().unwrap().unwrap();
    let mut elements = [0; 2];
    first.copy_to(0, &mut elements);
    assert_eq!((first.sample().sequence, first.len(), elements, first.is_whole()), (1, 2, [1, 2], true));
    let info = inspect(&test_region.name).unwrap();
    let slots_at = (SLOTS_AT + u64::from(info.descriptor_bytes)).next_multiple_of(128);
    test_region.poke(slots_at + 2 * info.stride + 8, &[3]);
    assert!(matches!(reader.recv_view(), Err(ReceiveError::Decode { sequence: 2, .. })));
    let mut last = [0];
    reader.view().unwrap().unwrap().copy_to(1, &mut last);
    assert_eq!(last, [6]);
    writer.close().unwrap();
    assert!(reader.recv_view().unwrap().is_none());
}

#[test]
fn a_view_borrows_its_reader_and_not_the_writer() {
    fn assert_send<T: Send>() {}
    assert_send::<crate::View<'_>>();
    assert_send::<crate::Loan<'_>>();
    let test_region = TestRegion::new();
    let mut writer = writer(&test_region, 2, false);
    writer.publish(b"one").unwrap();
    let [mut one, mut other] = [(); 2].map(|()| RawReader::open(&test_region.name).unwrap());
    let views = [one.view().unwrap().unwrap(), other.view().unwrap().unwrap()];
    writer.publish(b"two").unwrap();
    writer.publish(b"three").unwrap();
    assert!(views.iter().all(|view| !view.is_whole()));
}
