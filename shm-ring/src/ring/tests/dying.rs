//! Tests of producers that die at any store, of producers that take over, and of values carried
//! over to another ring.

use super::*;

/// The life of a producer: it takes over, publishes some values completely, and dies after some
/// stores of the next one.
#[derive(Clone, Copy, Debug)]
struct Life {
    whole: u64,
    stores: usize,
}

/// Runs this life. Returns the number of the last value that is visible afterwards and the number
/// of the last value whose slot was touched.
fn live(ring: Ring<'_>, author: usize, life: Life) -> (u64, u64) {
    let mut producer = Producer::take_over(ring).expect("a death damages nothing");
    for _ in 0..life.whole {
        producer.publish(ring, &payload_of(producer.head() + 1, author));
    }
    let (head, next) = (producer.head(), producer.head() + 1);
    publish_in_part(ring, next, &payload_of(next, author), ring.bell() + 1, life.stores);
    (if life.stores < VISIBLE { head } else { next }, if life.stores == 0 { head } else { next })
}

fn all_lives(wholes: std::ops::RangeInclusive<u64>) -> impl Iterator<Item = Life> {
    wholes.flat_map(|whole| (0..=STORES).map(move |stores| Life { whole, stores }))
}

/// Checks that a reader that reads after each death gets every visible value once, and that a late
/// reader gets the values that the ring still has.
fn check_lives(slots: u64, lives: &[Life]) {
    let memory = memory_of(slots);
    let mut follower = Follower::at(1);
    let mut expected = Vec::new();
    let mut touched = 0;
    for (author, life) in lives.iter().enumerate() {
        let (visible, last) = live(memory.ring(), author, *life);
        expected.extend((expected.len() as u64 + 1..=visible).map(|sequence| format!("{sequence}{}", AUTHORS[author])));
        touched = last.max(touched);
        follower.drain(memory.ring());
        assert_eq!(follower.notes, expected, "{lives:?}");
    }
    let producer = Producer::take_over(memory.ring()).expect("a death damages nothing");
    assert_eq!((producer.head(), memory.ring().head()), (follower.due - 1, follower.due - 1), "{lives:?}");
    for (sequence, note) in (1..).zip(&expected).filter(|(sequence, _)| sequence + slots > touched) {
        let mut late = Follower::at(sequence);
        late.poll(memory.ring());
        assert_eq!(late.notes.last(), Some(note), "{lives:?}");
    }
}

// Faults 1, 2.
#[test]
fn a_death_at_any_store_loses_no_visible_value_and_repeats_no_number() {
    let sizes: &[(u64, u64)] = if cfg!(miri) { &[(2, 0)] } else { &[(2, 1), (4, 3)] };
    for &(slots, most) in sizes {
        for first in all_lives(0..=most) {
            for second in all_lives(0..=most) {
                check_lives(slots, &[first, second]);
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "too slow")]
fn three_deaths_in_a_row_neither() {
    for first in all_lives(0..=1) {
        for second in all_lives(0..=1) {
            for third in all_lives(0..=1) {
                check_lives(2, &[first, second, third]);
            }
        }
    }
}

#[test]
fn a_publication_in_all_its_parts_is_a_publication() {
    let [whole, in_parts] = [memory_of(2), memory_of(2)];
    for sequence in 1..=3 {
        Producer::take_over(whole.ring()).unwrap().publish(whole.ring(), &payload_of(sequence, 0));
        publish_in_part(in_parts.ring(), sequence, &payload_of(sequence, 0), u32::try_from(sequence).unwrap(), STORES);
    }
    let words_of = |memory: &Memory| memory.words.iter().map(|word| word.load(Relaxed)).collect::<Vec<_>>();
    let hot_of = |memory: &Memory| (memory.ring().head(), memory.ring().bell());
    assert_eq!((words_of(&whole), hot_of(&whole)), (words_of(&in_parts), hot_of(&in_parts)));
}

#[test]
fn the_head_is_brought_up_to_what_is_whole() {
    for whole in 0..4 {
        let memory = memory_of(4);
        for sequence in 1..=whole {
            fill(memory.ring(), sequence, b"", 0);
        }
        assert_eq!(Producer::take_over(memory.ring()).unwrap().head(), whole);
        assert_eq!(memory.ring().head(), whole);
    }
}

#[test]
fn the_bell_goes_on_from_where_it_was() {
    let memory = memory_of(2);
    live(memory.ring(), 0, Life { whole: 3, stores: 0 });
    Producer::take_over(memory.ring()).unwrap().announcer().change_state(memory.ring(), STATE_OPEN);
    assert_eq!(memory.ring().bell(), 4);
    Announcer::of(memory.ring()).change_state(memory.ring(), STATE_OPEN);
    assert_eq!((memory.ring().bell(), memory.ring().head()), (5, 3));
}

/// Returns the highest number that a ring with these stamps shows. The first slot is that of value
/// 0, 4, 8, and so on.
fn highest_with(stamps: [u64; 4], head: u64) -> u64 {
    let memory = memory_of(4);
    for (slot, stamp) in (0..).zip(stamps) {
        memory.ring().slot(slot).head[STAMP].store(stamp.to_le(), Relaxed);
    }
    memory.hot.head.store(head, Relaxed);
    memory.ring().highest_shown()
}

#[test]
fn numbers_go_on_after_everything_that_was_shown() {
    assert_eq!(highest_with([0; 4], 0), 0);
    assert_eq!(highest_with([8, 2, 4, 6], 4), 4);
    assert_eq!(highest_with([8, 2, 4, 6], 3), 4, "the last producer died before it announced its value");
    assert_eq!(highest_with([8, 9, 4, 6], 4), 4, "an unfinished value was not shown");
    assert_eq!(highest_with([0; 4], 7), 7, "the slots were lost");
    assert_eq!(highest_with([8, 2, 4, 14], 3), 7, "the head was set back");
    assert_eq!(highest_with([8, 2, 4, 22], 3), 11, "the head was lost");
    assert_eq!(highest_with([8, 12, 4, 6], 4), 4, "a stamp that belongs to another slot does not count");
    assert_eq!(highest_with([8, 2, 4, 6], u64::MAX), MAX_SEQUENCE);
}

/// Carries values over to a new ring from an old ring of four slots that has values up to `head`.
fn carried(memory: &Memory, head: u64, most: u64, trusted: impl Fn(u64) -> bool) -> (Memory, Producer) {
    let mut producer = Producer::fresh(memory.ring(), 1);
    while producer.head() < head {
        producer.publish(memory.ring(), &payload_of(producer.head() + 1, 0));
        producer.note_time(memory.ring(), TIME_NS + producer.head());
    }
    let fresh = Memory::new(Shape { slots: 8, ..memory.ring().shape() });
    fresh.hot.state.store(0, Relaxed);
    let producer = Producer::carry_over(memory.ring(), producer.head(), fresh.ring(), most, |stamped, payload| {
        note_of(stamped, payload);
        trusted(stamped.sequence)
    });
    (fresh, producer)
}

#[test]
fn the_newest_values_are_carried_over_under_their_numbers_and_times() {
    for (head, most, expected) in
        [(6, 8, "3@ 4@ 5@ 6@"), (6, 4, "3@ 4@ 5@ 6@"), (6, 2, "5@ 6@"), (6, 0, ""), (2, 8, "1@ 2@"), (0, 8, "")]
    {
        let memory = memory_of(4);
        let (fresh, mut producer) = carried(&memory, head, most, |_| true);
        assert_eq!((fresh.ring().state(), fresh.ring().head(), fresh.ring().bell()), (STATE_OPEN, head, 0));
        let mut follower = Follower::at(fresh.ring().first());
        follower.drain(fresh.ring());
        assert_eq!(follower.notes(), expected);
        assert_eq!(producer.publish(fresh.ring(), &payload_of(head + 1, 0)), head + 1);
        assert_eq!(fresh.ring().bell(), 1);
        follower.notes.clear();
        follower.drain(fresh.ring());
        assert_eq!(follower.notes(), (head + 1).to_string());
        assert_eq!(Producer::take_over(fresh.ring()).unwrap().head(), head + 1);
    }
}

/// Carries six values over, of which only some are trusted. Also returns the notes of a cursor that
/// reads the new ring from its first value on.
fn carried_of_six(trusted: impl Fn(u64) -> bool) -> (Memory, Producer, String) {
    let memory = memory_of(4);
    let (fresh, producer) = carried(&memory, 6, 8, trusted);
    let mut follower = Follower::at(fresh.ring().first());
    follower.drain(fresh.ring());
    (fresh, producer, follower.notes())
}

#[test]
fn values_that_are_not_trusted_are_left_out_and_numbers_go_on_behind_them() {
    for (trusted, first, expected) in
        [(&[3, 5, 6][..], 3, "3@ 5+1@ 6@"), (&[4], 4, "4@"), (&[3, 4, 5], 3, "3@ 4@ 5@"), (&[], 7, "")]
    {
        let (fresh, mut producer, notes) = carried_of_six(|sequence| trusted.contains(&sequence));
        assert_eq!((notes.as_str(), fresh.ring().first()), (expected, first));
        assert_eq!(fresh.ring().head(), trusted.last().copied().unwrap_or(6));
        let newest = fresh.ring().latest(0, &mut Vec::new()).expect("no fault");
        assert_eq!(newest == Polled::Empty, trusted.is_empty());
        assert_eq!(producer.publish(fresh.ring(), &payload_of(7, 0)), 7);
        let mut follower = Follower::at(6);
        follower.drain(fresh.ring());
        assert_eq!(follower.notes(), if trusted.contains(&6) { "6@ 7" } else { "7+1" });
    }
}

#[test]
fn nothing_older_than_a_value_that_is_too_large_is_carried_over() {
    for (lengths, first) in [([8, 16, 8, 0], 3), ([8, 8, 8, 16], 5), ([16, 8, 8, 8], 2), ([0, 0, 0, 0], 1)] {
        let memory = memory_of(4);
        let mut producer = Producer::fresh(memory.ring(), 1);
        for length in lengths {
            producer.publish(memory.ring(), &vec![1; length]);
        }
        let smaller = Memory::new(Shape { capacity: 8, ..memory.ring().shape() });
        Producer::carry_over(memory.ring(), producer.head(), smaller.ring(), 4, |_, _| true);
        assert_eq!((smaller.ring().first(), smaller.ring().head()), (first, 4), "{lengths:?}");
    }
}

#[test]
fn the_length_of_a_value_that_is_not_trusted_does_not_matter() {
    let memory = memory_of(4);
    let mut producer = Producer::fresh(memory.ring(), 1);
    for length in [8, 16, 8] {
        producer.publish(memory.ring(), &vec![1; length]);
    }
    let smaller = Memory::new(Shape { capacity: 8, ..memory.ring().shape() });
    Producer::carry_over(memory.ring(), 3, smaller.ring(), 4, |stamped, _| stamped.sequence != 2);
    assert_eq!((smaller.ring().first(), smaller.ring().head()), (1, 3));
}

#[test]
fn values_that_are_missing_are_left_out() {
    let (memory, fresh) = (memory_of(4), memory_of(8));
    carried(&memory, 6, 8, |_| true);
    memory.ring().slot(5).head[STAMP].store(u64::to_le(9), Relaxed);
    let producer = Producer::carry_over(memory.ring(), 7, fresh.ring(), 8, |_, _| true);
    assert_eq!((fresh.ring().first(), fresh.ring().head(), producer.head()), (4, 6, 7));
}

#[test]
fn a_reader_goes_on_in_the_ring_that_the_values_were_carried_to() {
    let memory = memory_of(4);
    let (fresh, _) = carried(&memory, 6, 2, |_| true);
    for (read, expected) in [(6, "6@"), (5, "5@ 6@"), (2, "5+3@ 6@")] {
        let mut follower = Follower::at(read);
        follower.cursor.skip_to(fresh.ring().first());
        follower.drain(fresh.ring());
        assert_eq!(follower.notes(), expected);
    }
}
