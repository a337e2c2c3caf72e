//! Models of values that are written in place, and of values that are read in place while later
//! ones are published.

use super::dying::{in_a_process, succeed};
use super::*;
use crate::copy::InPlace;

/// Stores a payload in the slot of the next value, which has been begun.
fn put(producer: &Producer, ring: Ring<'_>, author: usize) {
    let sequence = producer.head() + 1;
    let payload = payload_of(sequence, author);
    producer.begin(ring);
    copy::copy_in(ring.slot_view(sequence, payload.len()).words(), &payload);
}

fn finish(producer: &mut Producer, ring: Ring<'_>, author: usize) {
    let length = payload_of(producer.head() + 1, author).len();
    producer.finish(ring, length);
}

/// Returns which value the word at `index` of a payload belongs to.
fn owner(word: u64, index: usize) -> String {
    let mut words = [AtomicU64::new(0), AtomicU64::new(0)];
    let is_of = |words: &mut [AtomicU64; 2], sequence| {
        copy::copy_in(words, &payload_of(sequence, 0));
        words[index].load(Relaxed) == word
    };
    let owner = [1, 3].into_iter().find(|sequence| is_of(&mut words, *sequence));
    owner.expect("each word belongs to one of the values").to_string()
}

/// Views value 1 while value 3 overwrites it. Returns the owner of each word, and whether the view
/// was whole afterwards.
fn view(memory: &Memory) -> String {
    let (ring, mut room) = (memory.ring(), InPlace::default());
    match ring.lookup(1, &mut room).expect("no fault") {
        Lookup::Overwritten => return "late".into(),
        Lookup::NotYet => panic!("it was there before"),
        Lookup::Whole(stamped) => assert_eq!((stamped.sequence, room.0), (1, 16)),
    }
    let held = ring.slot_view(1, room.0);
    let words = [0, 1].map(|index| owner(held.words()[index].load(Relaxed), index));
    let is_whole = held.is_whole();
    assert!(is_whole || !held.is_whole(), "once it is not whole, it never is again");
    format!("{} {}", words.concat(), if is_whole { "whole" } else { "lapped" })
}

#[test]
fn a_view_is_whole_only_if_no_later_value_was_in_it() {
    // In the case "11 lapped", the writer had begun before the view was checked, or was seen to
    // begin.
    let expected = ["11 whole", "11 lapped", "13 lapped", "31 lapped", "33 lapped", "late"];
    explore(3, &expected, || {
        let (memory, mut producer) = ring_with(memory_of(2), 2);
        let theirs = Arc::clone(&memory);
        let writer = thread::spawn(move || publish_up_to(&mut producer, theirs.ring(), 3, 0));
        let note = view(&memory);
        writer.join().unwrap();
        note
    });
}

#[test]
fn a_view_of_a_slot_that_is_on_loan_is_not_whole() {
    let expected = ["11 whole", "11 lapped", "13 lapped", "31 lapped", "33 lapped", "late"];
    explore(3, &expected, || {
        let (memory, mut producer) = ring_with(memory_of(2), 2);
        let theirs = Arc::clone(&memory);
        let writer = thread::spawn(move || {
            put(&producer, theirs.ring(), 0);
            finish(&mut producer, theirs.ring(), 0);
        });
        let note = view(&memory);
        writer.join().unwrap();
        note
    });
}

/// Returns the notes of a cursor that starts at value 1 and polls twice, while `write` overwrites
/// it with value 3.
fn poll_while(write: impl FnOnce(&mut Producer, Ring<'_>) + Send + 'static) -> String {
    let (memory, mut producer) = ring_with(memory_of(2), 2);
    let theirs = Arc::clone(&memory);
    let writer = thread::spawn(move || write(&mut producer, theirs.ring()));
    let mut follower = Follower::at(1);
    follower.poll_times(memory.ring(), 2);
    writer.join().unwrap();
    follower.notes()
}

#[test]
fn a_loan_is_seen_once_it_is_finished() {
    explore(3, &["1 2", "2+1 -", "2+1 3"], || {
        poll_while(|producer, ring| {
            put(producer, ring, 0);
            finish(producer, ring, 0);
        })
    });
}

#[test]
fn nothing_is_seen_of_a_loan_that_was_abandoned_before_another() {
    explore(2, &["1 2", "2+1 -", "2+1 3b"], || {
        poll_while(|producer, ring| {
            put(producer, ring, 0);
            put(producer, ring, 1);
            finish(producer, ring, 1);
        })
    });
}

#[test]
fn nothing_is_seen_of_a_loan_that_was_abandoned_before_a_copy() {
    explore(2, &["1 2", "2+1 -", "2+1 3"], || {
        poll_while(|producer, ring| {
            put(producer, ring, 1);
            publish_up_to(producer, ring, 3, 0);
        })
    });
}

#[test]
fn a_loan_whose_producer_dies_is_never_seen_and_its_number_is_used_again() {
    explore(2, &["1 2 | 3b", "2+1 - | 3b", "2+1 3b |"], || {
        let (memory, producer) = ring_with(memory_of(2), 2);
        let theirs = Arc::clone(&memory);
        let reader = thread::spawn(move || {
            let mut follower = Follower::at(1);
            follower.poll_times(theirs.ring(), 2);
            follower
        });
        in_a_process(&memory, move |ring| put(&producer, ring, 0));
        let mut producer = succeed(memory.ring());
        put(&producer, memory.ring(), 1);
        finish(&mut producer, memory.ring(), 1);
        let mut follower = reader.join().unwrap();
        follower.notes.push("|".into());
        follower.drain(memory.ring());
        follower.notes()
    });
}

#[test]
fn a_length_that_is_not_this_values_is_no_fault() {
    explore(3, &["Overwritten", "Whole"], || {
        let (memory, _) = ring_with(memory_of(2), 2);
        let theirs = Arc::clone(&memory);
        let writer = thread::spawn(move || {
            theirs.ring().slot(3).head[STAMP].store(5, Relaxed);
            fence(Release);
            theirs.ring().slot(3).head[LENGTH].store(17, Relaxed);
        });
        let note = match memory.ring().lookup(1, &mut Vec::new()) {
            Ok(Lookup::Whole(_)) => "Whole",
            other => {
                assert_eq!(other, Ok(Lookup::Overwritten));
                "Overwritten"
            }
        };
        writer.join().unwrap();
        note.to_owned()
    });
}

#[test]
fn who_sees_a_bell_sees_the_head_behind_it() {
    explore(2, &["0 Empty", "0 1", "1 1"], || {
        let (memory, mut producer) = ring_with(memory_of(2), 0);
        let theirs = Arc::clone(&memory);
        let writer = thread::spawn(move || publish_up_to(&mut producer, theirs.ring(), 1, 0));
        let (bell, mut buffer) = (memory.ring().bell(), Vec::new());
        let newest = match memory.ring().latest(0, &mut buffer).expect("no fault") {
            Polled::Value(stamped) => note_of(&stamped, &buffer),
            other => format!("{other:?}"),
        };
        writer.join().unwrap();
        format!("{bell} {newest}")
    });
}
