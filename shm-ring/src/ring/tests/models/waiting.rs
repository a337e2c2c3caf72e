//! Models of changes of state and of sleeping on the bell.

use super::*;
use crate::header::{Le32, STATE_CLOSED};
use loom::sync::Condvar;

/// Returns the notes of a reader that polls three times, or until `is_over`, while the values 1 and
/// 2 are published and the region is then closed.
fn read_up_to_the_close(is_over: impl Fn(Ring<'_>, &mut Follower) -> bool) -> String {
    let (memory, mut producer) = ring_with(memory_of(2), 0);
    let theirs = Arc::clone(&memory);
    let writer = thread::spawn(move || {
        publish_up_to(&mut producer, theirs.ring(), 2, 0);
        producer.announcer().change_state(theirs.ring(), STATE_CLOSED);
    });
    let mut follower = Follower::at(1);
    if (0..3).any(|_| is_over(memory.ring(), &mut follower)) {
        follower.notes.push("closed".into());
    }
    writer.join().unwrap();
    follower.notes()
}

/// Returns the answer of `RawReader::is_ended`, asked after a poll that found no value.
fn is_ended(ring: Ring<'_>, cursor: &Cursor) -> bool {
    ring.state() == STATE_CLOSED && ring.head() < cursor.next()
}

const UP_TO_THE_CLOSE: [&str; 8] = ["- - -", "- - 1", "- 1 -", "- 1 2", "1 - -", "1 - 2", "1 2 -", "1 2 - closed"];

#[test]
fn a_reader_that_sees_the_close_and_then_finds_nothing_has_everything() {
    explore(2, &UP_TO_THE_CLOSE, || {
        read_up_to_the_close(|ring, follower| {
            let is_ended = ring.state() == STATE_CLOSED;
            !follower.poll(ring) && is_ended
        })
    });
}

#[test]
fn a_reader_that_sees_the_close_and_is_ahead_of_the_head_has_everything() {
    explore(2, &UP_TO_THE_CLOSE, || {
        read_up_to_the_close(|ring, follower| !follower.poll(ring) && is_ended(ring, &follower.cursor))
    });
}

/// The kernel's side of a futex. For a thread that wakes others, comparing the bell and falling
/// asleep are one step.
struct Kernel {
    queue: loom::sync::Mutex<()>,
    sleepers: Condvar,
}

impl Kernel {
    fn new() -> Arc<Self> {
        Arc::new(Self { queue: loom::sync::Mutex::new(()), sleepers: Condvar::new() })
    }

    fn wake(&self) {
        let _queue = self.queue.lock().unwrap();
        self.sleepers.notify_all();
    }

    fn sleep(&self, bell: &Le32, seen: u32) {
        let queue = self.queue.lock().unwrap();
        if bell.load(Relaxed) == seen {
            drop(self.sleepers.wait(queue).unwrap());
        }
    }
}

/// Reads until `is_over`, and sleeps whenever there is no new value. A missed wake-up is a
/// deadlock, which loom reports.
fn read_and_sleep(memory: &Memory, kernel: &Kernel, is_over: impl Fn(&Cursor) -> bool) -> String {
    let mut follower = Follower::at(1);
    loop {
        let bell = memory.ring().bell();
        let is_empty = !follower.poll(memory.ring());
        if is_over(&follower.cursor) {
            follower.notes.retain(|note| note != "-");
            return follower.notes();
        }
        if is_empty {
            kernel.sleep(&memory.hot.bell, bell);
        }
    }
}

#[test]
fn a_sleeper_misses_no_value_and_no_close() {
    explore(2, &["1 2"], || {
        let (memory, mut producer) = ring_with(memory_of(2), 0);
        let kernel = Kernel::new();
        let theirs = (Arc::clone(&memory), Arc::clone(&kernel));
        let writer = thread::spawn(move || {
            for sequence in 1..=2 {
                publish_up_to(&mut producer, theirs.0.ring(), sequence, 0);
                theirs.1.wake();
            }
            producer.announcer().change_state(theirs.0.ring(), STATE_CLOSED);
            theirs.1.wake();
        });
        let notes = read_and_sleep(&memory, &kernel, |cursor| is_ended(memory.ring(), cursor));
        writer.join().unwrap();
        notes
    });
}

/// Models a death: the first producer publishes value 1, wakes the readers, and dies after the
/// given number of stores of value 2. The next producer makes sure that value 2 arrives.
fn sleep_across_a_death(stores: usize) -> String {
    let (memory, mut producer) = ring_with(memory_of(2), 0);
    let kernel = Kernel::new();
    let theirs = (Arc::clone(&memory), Arc::clone(&kernel));
    let reader = thread::spawn(move || read_and_sleep(&theirs.0, &theirs.1, |cursor| cursor.next() > 2));
    let theirs = (Arc::clone(&memory), Arc::clone(&kernel));
    let dying = thread::spawn(move || {
        publish_up_to(&mut producer, theirs.0.ring(), 1, 0);
        theirs.1.wake();
        publish_in_part(theirs.0.ring(), 2, &payload_of(2, 0), 2, stores);
    });
    dying.join().unwrap();
    let mut successor = Producer::take_over(memory.ring()).expect("a death damages nothing");
    successor.announcer().change_state(memory.ring(), STATE_OPEN);
    kernel.wake();
    if successor.head() < 2 {
        successor.publish(memory.ring(), &payload_of(2, 1));
        kernel.wake();
    }
    reader.join().unwrap()
}

#[test]
fn a_sleeper_misses_no_value_of_a_producer_that_dies() {
    for stores in [0, 1, VISIBLE - 1] {
        explore(2, &["1 2b"], move || sleep_across_a_death(stores));
    }
    for stores in [VISIBLE, VISIBLE + 1, STORES] {
        explore(2, &["1 2"], move || sleep_across_a_death(stores));
    }
}
