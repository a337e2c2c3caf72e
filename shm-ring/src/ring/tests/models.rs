//! Models: loom explores every execution of small programs over the ring. This file contains the
//! models of reading while values are published.
//!
//! Each model compares the exact set of its outcomes. Otherwise a model that explores nothing would
//! pass. If the environment variable `LOOM_MAX_PREEMPTIONS` is set, the models explore more than by
//! default; the outcomes stay the same.

use super::*;
use loom::thread;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

mod dying;
mod in_place;
mod replacing;
mod waiting;

/// Runs every execution with at most this many preemptions and compares the outcomes with
/// `expected`.
fn explore(preemptions: usize, expected: &[&str], model: impl Fn() -> String + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.max(Some(preemptions));
    builder.max_branches = 10_000;
    let outcomes = Arc::new(Mutex::new(BTreeMap::<String, u64>::new()));
    let noted = Arc::clone(&outcomes);
    builder.check(move || {
        let outcome = model();
        *noted.lock().expect("nobody panicked").entry(outcome).or_default() += 1;
    });
    let outcomes = outcomes.lock().expect("nobody panicked");
    println!("{} executions: {outcomes:?}", outcomes.values().sum::<u64>());
    let seen: Vec<_> = outcomes.keys().map(String::as_str).collect();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(seen, expected);
}

/// Fills a ring with the values up to `head` and returns it with its producer.
fn ring_with(memory: Memory, head: u64) -> (Arc<Memory>, Producer) {
    let mut producer = Producer::fresh(memory.ring(), 1);
    publish_up_to(&mut producer, memory.ring(), head, 0);
    (Arc::new(memory), producer)
}

fn publish_up_to(producer: &mut Producer, ring: Ring<'_>, last: u64, author: usize) {
    while producer.head() < last {
        producer.publish(ring, &payload_of(producer.head() + 1, author));
    }
}

/// Returns the notes of a cursor that starts at value 1 and polls `polls` times while the values
/// after `before` are published.
fn poll_while_publishing(memory: Memory, before: u64, last: u64, polls: usize) -> String {
    let (memory, mut producer) = ring_with(memory, before);
    let theirs = Arc::clone(&memory);
    let writer = thread::spawn(move || publish_up_to(&mut producer, theirs.ring(), last, 0));
    let mut follower = Follower::at(1);
    follower.poll_times(memory.ring(), polls);
    writer.join().unwrap();
    follower.notes()
}

// Fault 37.
#[test]
fn values_come_whole_and_in_order_or_count_as_lost() {
    let expected = [
        ["- - -", "- - 1", "- - 2+1", "- 1 -", "- 1 2", "- 2+1 -", "- 2+1 3"],
        ["1 - -", "1 - 2", "1 2 -", "1 2 3", "2+1 - -", "2+1 - 3", "2+1 3 -"],
    ];
    explore(2, expected.as_flattened(), || poll_while_publishing(memory_of(2), 0, 3, 3));
}

// Fault 37.
#[test]
fn a_cursor_that_is_lapped_while_it_copies_sees_no_mixture() {
    // After "-" the cursor is at 3: it has seen that 4 is being written over 2, but not yet that 3
    // is the head.
    let expected = ["- -", "- 3+2", "1 -", "1 2", "1 3+1", "2+1 -", "2+1 3", "3+2 -", "3+2 4"];
    explore(2, &expected, || poll_while_publishing(memory_of(2), 2, 4, 2));
}

#[test]
fn one_lap_holds_in_every_execution_without_a_bound() {
    explore(usize::from(u8::MAX), &["1", "2+1"], || poll_while_publishing(memory_of(2), 2, 3, 1));
}

#[test]
fn a_checksum_belongs_to_its_value() {
    explore(3, &["1 2", "2+1 -", "2+1 3"], || poll_while_publishing(checksummed(2), 2, 3, 2));
}

#[test]
fn a_noted_time_belongs_to_its_value() {
    let expected = ["- -", "- 3+1", "2 -", "2 3", "2@ -", "2@ 3", "3+1 -", "3+1 4", "3+1 4@"];
    explore(2, &expected, || {
        let (memory, mut producer) = ring_with(memory_of(2), 2);
        let theirs = Arc::clone(&memory);
        let writer = thread::spawn(move || {
            producer.note_time(theirs.ring(), TIME_NS + 2);
            publish_up_to(&mut producer, theirs.ring(), 4, 0);
            producer.note_time(theirs.ring(), TIME_NS + 4);
        });
        let mut follower = Follower::at(2);
        follower.poll_times(memory.ring(), 2);
        writer.join().unwrap();
        follower.notes()
    });
}

#[test]
fn the_newest_value_is_whole_and_not_older_than_the_last_one() {
    // A busy result is possible: loom lets a thread see an old head, together with the newer stamp
    // in its slot, on every attempt.
    let expected = [
        ["1 1", "1 2", "1 3", "2 2", "2 3"],
        ["3 3", "Empty 1", "Empty 2", "Empty 3", "Empty Empty"],
        ["1 Busy", "Busy 2", "Busy 3", "Busy Busy", "Empty Busy"],
    ];
    explore(2, expected.as_flattened(), || {
        let (memory, mut producer) = ring_with(memory_of(2), 0);
        let theirs = Arc::clone(&memory);
        let writer = thread::spawn(move || publish_up_to(&mut producer, theirs.ring(), 3, 0));
        let mut buffer = Vec::new();
        let mut note = || match memory.ring().latest(0, &mut buffer).expect("no fault") {
            Polled::Value(stamped) => note_of(&stamped, &buffer),
            other => format!("{other:?}"),
        };
        let notes = format!("{} {}", note(), note());
        writer.join().unwrap();
        notes
    });
}

#[test]
fn the_newest_value_is_not_older_than_one_that_a_cursor_took() {
    explore(2, &["- Empty", "- 1", "- 2", "1 1", "1 2"], || {
        let (memory, mut producer) = ring_with(memory_of(2), 0);
        let theirs = Arc::clone(&memory);
        let writer = thread::spawn(move || publish_up_to(&mut producer, theirs.ring(), 2, 0));
        let mut follower = Follower::at(1);
        follower.poll(memory.ring());
        let passed = follower.cursor.passed();
        let newest = match memory.ring().latest(passed, &mut follower.buffer).expect("no fault") {
            Polled::Value(stamped) => note_of(&stamped, &follower.buffer),
            other => format!("{other:?}"),
        };
        writer.join().unwrap();
        format!("{} {newest}", follower.notes())
    });
}
