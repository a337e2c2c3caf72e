//! Tests of values that are written and read in place, and of the methods that use a slot alone.

use super::*;
use crate::copy::{Content, InPlace};
use crate::ring::checksum::{checksum, checksum_in_place};

/// Stores a payload in the slot of the next value, which has been begun.
fn put(producer: &Producer, ring: Ring<'_>, payload: &[u8]) {
    producer.begin(ring);
    copy::copy_in(ring.slot_view(producer.head() + 1, payload.len()).words(), payload);
}

fn words_of(memory: &Memory) -> Vec<u64> {
    memory.words.iter().map(|word| word.load(Relaxed)).collect()
}

/// Fills a ring with values up to `head` and returns its producer.
fn filled(memory: &Memory, head: u64) -> Producer {
    let mut producer = Producer::fresh(memory.ring(), 1);
    while producer.head() < head {
        producer.publish(memory.ring(), &payload_of(producer.head() + 1, 0));
    }
    producer
}

#[test]
fn a_value_made_in_its_place_is_as_one_that_was_copied() {
    for make in [memory_of, checksummed] {
        let [copied, in_place] = [make(2), make(2)];
        let [mut one, mut other] = [&copied, &in_place].map(|memory| Producer::fresh(memory.ring(), 1));
        for length in 0..=copied.ring().shape().capacity {
            let payload = &payload_of(4, 0)[..length];
            one.publish(copied.ring(), payload);
            put(&other, in_place.ring(), payload);
            assert_eq!(other.finish(in_place.ring(), length), one.head());
            assert_eq!(words_of(&in_place), words_of(&copied), "{length} bytes");
            assert_eq!((other.head(), in_place.ring().head()), (one.head(), one.head()));
            assert_eq!(in_place.ring().bell(), copied.ring().bell());
        }
    }
}

#[test]
fn a_look_may_leave_the_payload_in_its_place_and_knows_how_long_it_is() {
    let memory = memory_of(4);
    filled(&memory, 3);
    let (mut in_place, mut buffer) = (InPlace::default(), Vec::new());
    for sequence in 1..=3 {
        let payload = payload_of(sequence, 0);
        assert_eq!(memory.ring().lookup(sequence, &mut in_place), memory.ring().lookup(sequence, &mut buffer));
        assert!(matches!(in_place.content(), Content::InPlace(bytes) if bytes == payload.len()), "{sequence}");
        assert!(matches!(buffer.content(), Content::Copied(bytes) if bytes == payload), "{sequence}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri gives up on a byte that is stored into an atomic word")]
fn a_value_may_be_made_and_read_byte_by_byte() {
    let memory = checksummed(2);
    let mut producer = filled(&memory, 2);
    let payload = payload_of(4, 0);
    producer.begin(memory.ring());
    let place = memory.ring().slot_view(3, payload.len());
    for (start, end) in [(9, 16), (0, 3), (3, 9)] {
        copy::bytes_in(&copy::bytes_of(place.words())[start..end], &payload[start..end]);
    }
    producer.finish(memory.ring(), payload.len());
    let Ok(Lookup::Whole(held)) = memory.ring().view(3) else { panic!("no value") };
    let mut part = [0; 11];
    copy::bytes_out(&copy::bytes_of(held.words())[3..14], &mut part);
    assert!(held.is_whole() && part == payload[3..14]);
    let mut buffer = Vec::new();
    let Ok(Lookup::Whole(stamped)) = memory.ring().lookup(3, &mut buffer) else { panic!("no value") };
    assert!(stamped.checksum_holds(&payload) && buffer == payload);
}

#[test]
fn a_value_that_is_begun_is_not_seen_and_costs_the_one_in_its_slot() {
    let memory = memory_of(4);
    let mut producer = filled(&memory, 5);
    put(&producer, memory.ring(), &payload_of(6, 1));
    assert_eq!(memory.ring().head(), 5);
    let mut follower = Follower::at(2);
    follower.drain(memory.ring());
    assert_eq!(follower.notes(), "3+1 4 5");
    // The value is abandoned: the next value gets its number.
    assert_eq!(producer.publish(memory.ring(), &payload_of(6, 2)), 6);
    follower.drain(memory.ring());
    assert_eq!(follower.notes(), "3+1 4 5 6c");
}

#[test]
#[should_panic(expected = "payload above the capacity")]
fn a_length_above_the_capacity_is_the_callers_error() {
    let memory = memory_of(2);
    let mut producer = Producer::fresh(memory.ring(), 1);
    producer.begin(memory.ring());
    producer.finish(memory.ring(), 17);
}

#[test]
fn a_producer_that_dies_in_the_midst_leaves_a_number_to_be_used_again() {
    let memory = checksummed(2);
    let producer = filled(&memory, 3);
    put(&producer, memory.ring(), &payload_of(4, 0));
    let mut producer = Producer::take_over(memory.ring()).unwrap();
    assert_eq!(producer.head(), 3);
    put(&producer, memory.ring(), &payload_of(4, 1));
    producer.finish(memory.ring(), payload_of(4, 1).len());
    let mut follower = Follower::at(3);
    follower.drain(memory.ring());
    assert_eq!(follower.notes(), "3 4b");
}

#[test]
fn the_checksum_is_the_same_of_bytes_and_of_their_place() {
    let lengths: &[usize] = match cfg!(miri) {
        true => &[0, 9, 4097],
        false => &[0, 1, 7, 8, 9, 4095, 4096, 4097, 8191, 8192, 8193, 12_288, 12_290],
    };
    for &length in lengths {
        let payload: Vec<u8> = (0..length).map(|index| (index * 7 + index / 256).to_le_bytes()[0]).collect();
        let words: Vec<_> = (0..length.div_ceil(copy::WORD)).map(|_| AtomicU64::new(u64::MAX)).collect();
        copy::copy_in(&words, &payload);
        for (sequence, length_word) in [(1, 0), (2, 0), (2, 1 << LENGTH_BITS)] {
            let expected = checksum(sequence, length_word, &payload);
            assert_eq!(checksum_in_place(sequence, length_word, &words, length), expected, "{length} bytes");
        }
    }
    assert_ne!(checksum(1, 0, b""), checksum(2, 0, b""));
    assert_ne!(checksum(2, 0, b""), checksum(2, 1, b""));
}

#[test]
fn what_is_held_says_what_it_is() {
    for memory in [memory_of(4), checksummed(4)] {
        let producer = filled(&memory, 3);
        producer.note_time(memory.ring(), 77);
        let mut buffer = Vec::new();
        let Ok(Lookup::Whole(copied)) = memory.ring().lookup(3, &mut buffer) else { panic!("no value") };
        let Ok(Lookup::Whole(held)) = memory.ring().view(3) else { panic!("no value") };
        assert_eq!((held.length(), buffer.len()), (9, 9));
        assert_eq!(held.stamped(), Stamped { checksum: 0, ..copied });
        assert_eq!(copied.time_ns, 77);
        assert!(held.is_whole());
        let mut payload = vec![0; 9];
        copy::copy_out(held.words(), &mut payload);
        assert_eq!(payload, buffer);
    }
}

#[test]
fn a_payload_in_its_place_is_checked_by_its_checksum() {
    let memory = checksummed(2);
    filled(&memory, 1);
    let mut buffer = Vec::new();
    let Ok(Lookup::Whole(stamped)) = memory.ring().lookup(1, &mut buffer) else { panic!("no value") };
    let held = memory.ring().slot_view(1, buffer.len());
    assert!(held.checksum_holds(&stamped));
    assert_eq!(held.checksum(), stamped.checksum);
    assert!(!memory.ring().slot_view(1, buffer.len() - 1).checksum_holds(&stamped));
    held.words()[1].fetch_xor(1 << 63, Relaxed);
    assert!(!held.checksum_holds(&stamped));
}

#[test]
fn a_place_is_whole_only_as_long_as_its_value_is_in_it() {
    let memory = memory_of(2);
    let mut producer = filled(&memory, 2);
    let [lost, kept] = [1, 2].map(|sequence| memory.ring().slot_view(sequence, 16));
    assert!(lost.is_whole() && kept.is_whole());
    producer.begin(memory.ring());
    assert!(!lost.is_whole() && kept.is_whole());
    let next = memory.ring().slot_view(3, 16);
    assert!(!next.is_whole(), "it is being written");
    producer.publish(memory.ring(), &payload_of(3, 0));
    assert!(!lost.is_whole() && kept.is_whole() && next.is_whole());
    assert_eq!(memory.ring().slot_view(3, 17).length(), 16, "no more than the slot holds");
}

#[test]
fn a_cursor_knows_by_the_slot_alone_that_something_came() {
    let memory = memory_of(4);
    let mut producer = filled(&memory, 4);
    let is_near = |next| Cursor::at(next).is_near(memory.ring());
    assert_eq!([1, 2, 3, 4, 5, 6].map(is_near), [true, true, true, true, false, false]);
    producer.begin(memory.ring());
    assert!(!is_near(5), "it is not whole");
    assert!(is_near(1), "a later value has overwritten it");
    producer.publish(memory.ring(), &payload_of(5, 0));
    assert_eq!([1, 5, 9].map(is_near), [true, true, false]);
    assert!(!is_near(u64::MAX));
}
