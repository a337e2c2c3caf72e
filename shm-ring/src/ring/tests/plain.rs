//! Tests of the values that a ring returns and of the bytes in its memory.

use super::*;
use crate::header::STATE_MOVED;

/// Fills a ring whose first number is `first` with values up to `head`.
fn filled(memory: &Memory, first: u64, head: u64) -> Producer {
    let mut producer = Producer::fresh(memory.ring(), first);
    while producer.head() < head {
        let sequence = producer.head() + 1;
        assert_eq!(producer.publish(memory.ring(), &payload_of(sequence, 0)), sequence);
    }
    producer
}

fn bytes_of(words: &[AtomicU64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.load(Relaxed).to_ne_bytes()).collect()
}

// Fault 35.
#[test]
fn a_slot_has_these_bytes() {
    let memory = checksummed(2);
    let mut producer = filled(&memory, 0x0001_0203_0405_0607, 0);
    producer.publish(memory.ring(), b"eleven byte");
    producer.note_time(memory.ring(), 0x1112_1314_1516_1718);
    let expected = [
        [0x0e, 0x0c, 0x0a, 0x08, 0x06, 0x04, 0x02, 0x00],
        [11, 0, 0, 0, 0, 0, 1, 0],
        [0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11],
        *b"eleven b",
        *b"yte\0\0\0\0\0",
        // The same number as zlib's crc32 of the sequence number, the length with the flags, and
        // the payload.
        [0xc2, 0x59, 0xe9, 0x70, 0, 0, 0, 0],
    ];
    assert_eq!(bytes_of(&memory.words[6..]), expected.as_flattened());
    assert_eq!(bytes_of(&memory.words[..6]), [0; 48]);
    assert_eq!(memory.ring().time_ns(0x0001_0203_0405_0607), 0x1112_1314_1516_1718);
}

#[test]
fn a_slot_whose_value_is_unfinished_has_these_bytes() {
    let memory = memory_of(2);
    filled(&memory, 1, 2);
    // The slot has no space for this payload, so the producer dies in the middle of writing it.
    let ring = Ring { shape: Shape { capacity: 24, ..memory.ring().shape() }, ..memory.ring() };
    let death = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| fill(ring, 3, &[1; 24], 0x0708)));
    assert!(death.is_err());
    let expected = [[5, 0, 0, 0, 0, 0, 0, 0], [16, 0, 0, 0, 0, 0, 0, 0], [0; 8]];
    assert_eq!(bytes_of(&memory.words[5..8]), expected.as_flattened());
    assert_eq!(memory.ring().head(), 2);
}

#[test]
fn the_hot_line_says_what_was_published() {
    let memory = memory_of(2);
    memory.hot.state.store(0, Relaxed);
    let mut producer = filled(&memory, 7, 9);
    let hot = |memory: &Memory| {
        let ring = memory.ring();
        (ring.state(), ring.bell(), ring.head(), ring.first())
    };
    assert_eq!(hot(&memory), (STATE_OPEN, 3, 9, 7));
    producer.announcer().change_state(memory.ring(), STATE_MOVED);
    assert_eq!(hot(&memory), (STATE_MOVED, 4, 9, 7));
}

// Fault 36.
#[test]
fn the_bell_counts_on_from_its_last_number_to_0() {
    let memory = memory_of(2);
    memory.hot.bell.store(u32::MAX, Relaxed);
    let mut producer = Producer::take_over(memory.ring()).unwrap();
    producer.publish(memory.ring(), b"");
    assert_eq!(memory.ring().bell(), 0);
}

#[test]
fn every_length_comes_out_as_it_went_in() {
    for memory in [memory_of(2), checksummed(2)] {
        let mut producer = filled(&memory, 1, 2);
        let (mut cursor, mut buffer) = (Cursor::at(3), Vec::new());
        for length in 0..=memory.ring().shape().capacity {
            let payload = vec![0xa5; length];
            let sequence = producer.publish(memory.ring(), &payload);
            let Ok(Polled::Value(stamped)) = cursor.poll(memory.ring(), &mut buffer) else {
                panic!("no value of {length} bytes");
            };
            assert_eq!((stamped.sequence, stamped.time_ns, stamped.lost), (sequence, 0, 0));
            assert_eq!((stamped.has_checksum(), &buffer), (memory.ring().shape().checksummed, &payload));
            if memory.ring().shape().checksummed {
                assert!(stamped.checksum_holds(&payload));
                assert!(!stamped.checksum_holds(&vec![0xa5; length + 1]));
                assert!(!Stamped { sequence: sequence + 1, ..stamped }.checksum_holds(&payload));
            }
        }
    }
}

#[test]
fn a_cursor_takes_each_value_once() {
    let memory = memory_of(4);
    filled(&memory, 1, 3);
    let mut follower = Follower::at(1);
    follower.poll_times(memory.ring(), 5);
    assert_eq!(follower.notes(), "1 2 3 - -");
    let mut follower = Follower::at(3);
    follower.poll_times(memory.ring(), 2);
    assert_eq!(follower.notes(), "3 -");
}

// Fault 37.
#[test]
fn a_lapped_cursor_goes_on_half_a_ring_behind_the_head_and_knows_what_it_lost() {
    let sizes: &[u64] = if cfg!(miri) { &[2, 4] } else { &[2, 4, 8, 16] };
    for &slots in sizes {
        for head in 1..=4 * slots {
            let memory = memory_of(slots);
            filled(&memory, 1, head);
            let mut follower = Follower::at(1);
            follower.drain(memory.ring());
            let start = if head <= slots { 1 } else { (head - slots / 2).max(2) };
            let first = if start == 1 { "1".into() } else { format!("{start}+{}", start - 1) };
            let rest = (start + 1..=head).map(|sequence| format!(" {sequence}"));
            assert_eq!(follower.notes(), first + &rest.collect::<String>(), "{slots} slots, {head} values");
        }
    }
}

#[test]
fn what_was_lost_before_nothing_came_is_told_with_the_next_value() {
    let memory = memory_of(4);
    let mut producer = filled(&memory, 1, 4);
    let mut follower = Follower::at(1);
    follower.cursor.skip_to(5);
    follower.cursor.skip_to(4);
    assert_eq!(follower.cursor.next(), 5);
    follower.poll(memory.ring());
    producer.publish(memory.ring(), &payload_of(5, 0));
    producer.publish(memory.ring(), &payload_of(6, 0));
    follower.drain(memory.ring());
    assert_eq!(follower.notes(), "- 5+4 6");
}

#[test]
fn a_jump_forgets_what_was_lost() {
    let memory = memory_of(4);
    filled(&memory, 1, 4);
    let mut follower = Follower::at(4);
    follower.cursor.skip_to(9);
    follower.cursor.jump(4);
    follower.drain(memory.ring());
    assert_eq!(follower.notes(), "4");
}

#[test]
fn numbers_that_a_writer_left_out_count_as_lost() {
    let memory = memory_of(4);
    let mut producer = filled(&memory, 1, 5);
    producer.leave_out(2);
    producer.publish(memory.ring(), &payload_of(8, 0));
    let mut follower = Follower::at(5);
    follower.drain(memory.ring());
    assert_eq!(follower.notes(), "5 8+2");
    // This also holds if the slots have older values of every age.
    for last in 5..60 {
        let memory = memory_of(4);
        let mut producer = filled(&memory, 1, last);
        producer.leave_out(4);
        let next = producer.publish(memory.ring(), &payload_of(last + 5, 0));
        let mut follower = Follower::at(last + 1);
        follower.drain(memory.ring());
        assert_eq!(follower.notes(), format!("{next}+4"));
    }
}

#[test]
fn a_long_row_of_left_out_numbers_is_passed_by_at_once() {
    let memory = memory_of(256);
    let mut producer = filled(&memory, 1, 5);
    producer.leave_out(200);
    producer.publish(memory.ring(), &payload_of(206, 0));
    let mut follower = Follower::at(5);
    follower.poll_times(memory.ring(), 2);
    assert_eq!(follower.notes(), "5 206+200");
}

#[test]
fn a_cursor_before_the_first_number_starts_there() {
    let memory = memory_of(4);
    filled(&memory, 8, 9);
    for start in [1, 5, 6] {
        let mut follower = Follower::at(start);
        follower.drain(memory.ring());
        assert_eq!(follower.notes(), format!("8+{} 9", 8 - start));
    }
    let memory = memory_of(256);
    filled(&memory, 1000, 1001);
    let mut follower = Follower::at(2);
    follower.drain(memory.ring());
    assert_eq!(follower.notes(), "1000+998 1001");
}

#[test]
fn the_oldest_number_is_in_the_ring_and_not_before_the_first_and_what_follows_it_is_retained() {
    let seen = |first, head| {
        let memory = memory_of(4);
        filled(&memory, first, head);
        (memory.ring().oldest(head), memory.ring().retained(head))
    };
    let cases = [
        (1, 0, (1, 0)),
        (1, 1, (1, 1)),
        (1, 4, (1, 4)),
        (1, 5, (2, 4)),
        (1, 9, (6, 4)),
        (7, 6, (7, 0)),
        (7, 8, (7, 2)),
        (7, 10, (7, 4)),
        (7, 11, (8, 4)),
    ];
    for (first, head, expected) in cases {
        assert_eq!(seen(first, head), expected, "first {first}, head {head}");
    }
}

#[test]
fn the_newest_value_comes_as_often_as_it_is_asked_for() {
    let memory = memory_of(2);
    let mut producer = filled(&memory, 3, 2);
    let mut buffer = Vec::new();
    assert_eq!(memory.ring().latest(0, &mut buffer), Ok(Polled::Empty));
    for sequence in 3..9 {
        producer.publish(memory.ring(), &payload_of(sequence, 0));
        assert!(memory.ring().latest_at_once(0, &mut buffer).is_some(), "one attempt is enough");
        assert!(Cursor::at(sequence).poll_at_once(memory.ring(), &mut buffer).is_some(), "also for a waiting reader");
        // This also holds for a reader that waits after a number that was never published or never
        // can be.
        for known in [0, 0, sequence, sequence + 1, MAX_SEQUENCE + 1, u64::MAX] {
            let Ok(Polled::Value(stamped)) = latest(memory.ring(), known, &mut buffer) else { panic!("no value") };
            assert_eq!(note_of(&stamped, &buffer), sequence.to_string());
        }
    }
}

#[test]
fn the_newest_value_is_not_older_than_one_that_was_seen_ahead_of_the_head() {
    let memory = memory_of(4);
    filled(&memory, 1, 3);
    publish_in_part(memory.ring(), 4, &payload_of(4, 0), 3, VISIBLE);
    let mut buffer = Vec::new();
    for (known, newest) in [(2, 3), (3, 3), (4, 4), (5, 3)] {
        let Ok(Polled::Value(stamped)) = memory.ring().latest(known, &mut buffer) else { panic!("no value") };
        assert_eq!(stamped.sequence, newest, "for a reader that has seen {known}");
    }
}

#[test]
fn a_value_that_is_written_over_was_overwritten() {
    let memory = memory_of(2);
    filled(&memory, 1, 2);
    let mut buffer = Vec::new();
    publish_in_part(memory.ring(), 3, &payload_of(3, 0), 3, 1);
    assert_eq!(memory.ring().lookup(1, &mut buffer), Ok(Lookup::Overwritten));
    assert_eq!(memory.ring().lookup(3, &mut buffer), Ok(Lookup::NotYet));
    assert_eq!(memory.ring().lookup(5, &mut buffer), Ok(Lookup::NotYet));
    assert!(matches!(memory.ring().lookup(2, &mut buffer), Ok(Lookup::Whole(_))));
}

// Fault 36.
#[test]
fn the_last_number_is_the_last() {
    let memory = memory_of(4);
    filled(&memory, MAX_SEQUENCE - 1, MAX_SEQUENCE);
    let mut follower = Follower::at(MAX_SEQUENCE - 1);
    follower.poll_times(memory.ring(), 2);
    assert_eq!(follower.notes(), format!("{} {MAX_SEQUENCE}", MAX_SEQUENCE - 1));
    let beyond = Fault { sequence: MAX_SEQUENCE + 1, problem: "no value can have this number" };
    assert_eq!(follower.cursor.poll(memory.ring(), &mut Vec::new()), Err(beyond));
    assert!(matches!(memory.ring().latest(0, &mut Vec::new()), Ok(Polled::Value(_))));
    assert_eq!(Producer::take_over(memory.ring()).unwrap_err(), beyond);
}
