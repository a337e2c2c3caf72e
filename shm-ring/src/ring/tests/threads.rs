//! Tests with two real threads. They repeat what the models explore many times; under Miri, each
//! seed gives another schedule.

use super::*;
use std::thread::{self, ScopedJoinHandle};

/// The number of values that a writer publishes.
const LAST: u64 = if cfg!(miri) { 30 } else { 400_000 };

/// Returns whether the writer has ended. If so, everything that it stored is visible.
fn has_ended(writer: &ScopedJoinHandle<'_, ()>) -> bool {
    let has_ended = writer.is_finished();
    if has_ended {
        fence(Acquire);
    }
    has_ended
}

/// Polls up to the last value. Each value is checked when it is received. A writer that panics ends
/// the test, too.
fn follow(ring: Ring<'_>, writer: &ScopedJoinHandle<'_, ()>) {
    let mut follower = Follower { may_be_busy: true, ..Follower::at(1) };
    while follower.due <= LAST {
        follower.notes.clear();
        let has_ended = has_ended(writer);
        if !follower.poll(ring) {
            assert!(!has_ended, "the writer ended before value {}", follower.due);
            thread::yield_now();
        }
    }
}

fn publish_all(ring: Ring<'_>) {
    let mut producer = Producer::fresh(ring, 1);
    while producer.head() < LAST {
        let sequence = producer.publish(ring, &payload_of(producer.head() + 1, 0));
        producer.note_time(ring, TIME_NS + sequence);
    }
}

#[test]
fn a_reader_follows_a_writer_that_never_waits() {
    for memory in [memory_of(2), checksummed(16)] {
        thread::scope(|scope| {
            let writer = scope.spawn(|| publish_all(memory.ring()));
            follow(memory.ring(), &writer);
        });
    }
}

#[test]
fn a_reader_follows_a_writer_that_dies_again_and_again() {
    let memory = memory_of(4);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut author = 0;
            loop {
                let mut producer = Producer::take_over(memory.ring()).expect("a death damages nothing");
                if producer.head() >= LAST {
                    break;
                }
                author += 1;
                producer.publish(memory.ring(), &payload_of(producer.head() + 1, author % 3));
                let next = producer.head() + 1;
                publish_in_part(memory.ring(), next, &payload_of(next, author % 3), 0, author % (STORES + 1));
            }
        });
        follow(memory.ring(), &writer);
    });
}

#[test]
fn the_newest_value_is_never_older_than_the_last_one() {
    let memory = checksummed(4);
    thread::scope(|scope| {
        let writer = scope.spawn(|| publish_all(memory.ring()));
        let (mut newest, mut buffer) = (0, Vec::new());
        while newest < LAST {
            let has_ended = has_ended(&writer);
            match memory.ring().latest(0, &mut buffer).expect("no fault") {
                Polled::Value(stamped) => {
                    note_of(&stamped, &buffer);
                    assert!(stamped.sequence >= newest, "{} after {newest}", stamped.sequence);
                    newest = stamped.sequence;
                }
                Polled::Empty => assert_eq!(newest, 0),
                Polled::Busy => panic!("at least one of the attempts succeeds"),
            }
            assert!(!has_ended || newest == LAST, "the writer ended after value {newest}");
        }
    });
}
