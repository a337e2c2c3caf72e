//! Models of producers that die at any store, and of the producers that take over, while a reader
//! reads.
//!
//! Each producer is a thread that has ended before the next one starts. This models the kernel,
//! which frees the lock of a dead process and gives it to the next process.

use super::*;

#[derive(Clone, Copy)]
struct Story {
    /// The number of values published before the reader starts.
    before: u64,
    /// The number of values that the first producer publishes while the reader reads.
    whole: u64,
    /// How many stores of its next value each producer performs before it dies.
    deaths: &'static [usize],
    /// The value up to which the last producer publishes. It does not die.
    last: u64,
}

impl Story {
    /// Returns the notes of a reader that starts at value 1, polls twice while the producers run
    /// and, after the `|`, receives the rest at the end.
    fn run(self) -> String {
        let (memory, mut producer) = ring_with(memory_of(2), self.before);
        let theirs = Arc::clone(&memory);
        let reader = thread::spawn(move || {
            let mut follower = Follower::at(1);
            follower.poll_times(theirs.ring(), 2);
            follower
        });
        in_a_process(&memory, move |ring| {
            publish_up_to(&mut producer, ring, self.before + self.whole, 0);
            die(&producer, ring, 0, self.deaths[0]);
        });
        for (author, stores) in self.deaths.iter().enumerate().skip(1) {
            in_a_process(&memory, move |ring| die(&succeed(ring), ring, author, *stores));
        }
        let mut producer = succeed(memory.ring());
        publish_up_to(&mut producer, memory.ring(), self.last, self.deaths.len());
        let mut follower = reader.join().unwrap();
        follower.notes.push("|".into());
        follower.drain(memory.ring());
        assert_eq!(follower.due, self.last + 1, "every value was received or counts as lost");
        follower.notes()
    }
}

pub(super) fn in_a_process(memory: &Arc<Memory>, life: impl FnOnce(Ring<'_>) + 'static) {
    let memory = Arc::clone(memory);
    thread::spawn(move || life(memory.ring())).join().unwrap();
}

fn die(producer: &Producer, ring: Ring<'_>, author: usize, stores: usize) {
    let sequence = producer.head() + 1;
    publish_in_part(ring, sequence, &payload_of(sequence, author), ring.bell() + 1, stores);
}

pub(super) fn succeed(ring: Ring<'_>) -> Producer {
    let mut producer = Producer::take_over(ring).expect("a death damages nothing");
    producer.announcer().change_state(ring, STATE_OPEN);
    producer
}

const ONE_DEATH: [&[usize]; STORES + 1] = [&[0], &[1], &[2], &[3], &[4], &[5], &[6], &[7], &[8]];
/// The deaths after which the value is not visible, and the deaths after which it is visible.
const UNFINISHED: &[&[usize]] = ONE_DEATH.split_at(VISIBLE).0;
const WHOLE: &[&[usize]] = ONE_DEATH.split_at(VISIBLE).1;

/// Checks that each list of deaths leads to exactly these outcomes.
fn check(deaths: &[&'static [usize]], story: Story, expected: &[&str]) {
    for deaths in deaths {
        let story = Story { deaths, ..story };
        explore(2, expected, move || story.run());
    }
}

#[test]
fn a_value_is_written_over_by_a_producer_that_dies_at_any_store() {
    let story = Story { before: 2, whole: 0, deaths: &[], last: 3 };
    check(UNFINISHED, story, &["1 2 | 3b", "2+1 - | 3b", "2+1 3b |"]);
    check(WHOLE, story, &["1 2 | 3", "2+1 - | 3", "2+1 3 |"]);
}

#[test]
fn an_unfinished_number_is_used_again() {
    let story = Story { before: 0, whole: 1, deaths: &[], last: 2 };
    check(UNFINISHED, story, &["- - | 1 2b", "- 1 | 2b", "1 - | 2b", "1 2b |"]);
}

#[test]
fn a_whole_value_stays_and_the_next_one_is_seen_behind_it() {
    let story = Story { before: 0, whole: 1, deaths: &[], last: 3 };
    let early = ["- - | 2+1 3b", "- 1 | 2 3b", "- 2+1 | 3b"];
    let late = ["1 - | 2 3b", "1 2 | 3b", "2+1 - | 3b", "2+1 3b |"];
    check(WHOLE, story, &[&early[..], &late].concat());
}

#[test]
fn the_next_producer_dies_as_well() {
    let story = Story { before: 2, whole: 0, deaths: &[], last: 3 };
    check(&[&[1, 3], &[4, 1]], story, &["1 2 | 3c", "2+1 - | 3c", "2+1 3c |"]);
    check(&[&[2, 6], &[3, 7]], story, &["1 2 | 3b", "2+1 - | 3b", "2+1 3b |"]);
}
