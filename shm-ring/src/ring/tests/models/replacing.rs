//! Models of a region that is replaced while it is read. The writer survives, or dies between any
//! two of its steps.

use super::dying::succeed;
use super::*;
use crate::header::{STATE_MOVED, STATE_MOVING};

/// Two files that have the same name one after the other. The kernel orders a rename before every
/// lookup that finds the new file.
struct Directory {
    files: [Memory; 2],
    name: AtomicU64,
}

/// Polls `polls` times. After the old file is drained, the reader continues in the new one, as
/// `RawReader::try_recv_into` does.
fn read_across_files(directory: &Directory, follower: &mut Follower, at: &mut usize, polls: usize) {
    let mut is_final = false;
    for _ in 0..polls {
        let ring = directory.files[*at].ring();
        let is_due = matches!(ring.state(), STATE_MOVING | STATE_MOVED);
        if follower.poll(ring) {
            continue;
        }
        follower.notes.pop();
        if is_final {
            *at = 1;
            is_final = false;
            follower.cursor.skip_to(directory.files[1].ring().first());
            follower.notes.push(">".into());
        } else if is_due && directory.name.load(Acquire) != 0 {
            is_final = true;
        }
    }
}

/// Creates the old file with value 1 in it, which has the name, and a new file. Also returns the
/// producer of the old file.
fn directory() -> (Arc<Directory>, Producer) {
    let files = [memory_of(2), memory_of(2)];
    let mut producer = Producer::fresh(files[0].ring(), 1);
    publish_up_to(&mut producer, files[0].ring(), 1, 0);
    (Arc::new(Directory { files, name: AtomicU64::new(0) }), producer)
}

/// The steps of a replacement that a reader can see: the announcement, the rename, and the notice
/// that the region has moved.
const STEPS: usize = 3;

/// Performs the first steps of a replacement, like a writer that dies afterwards. Returns the new
/// file's producer. The new file is complete before any reader sees it.
fn replace_in_part(directory: &Directory, mut producer: Producer, steps: usize) -> Producer {
    let [old, new] = [directory.files[0].ring(), directory.files[1].ring()];
    publish_up_to(&mut producer, old, 2, 0);
    let mut fresh = Producer::carry_over(old, producer.head(), new, 1, |_, _| true);
    publish_up_to(&mut fresh, new, 3, 0);
    if steps > 0 {
        producer.announcer().change_state(old, STATE_MOVING);
    }
    if steps > 1 {
        directory.name.store(1, Release);
    }
    if steps > 2 {
        producer.announcer().change_state(old, STATE_MOVED);
    }
    fresh
}

#[test]
fn a_reader_misses_nothing_when_the_region_is_replaced() {
    let expected = ["1 | 2 > 3 4", "1 2 | > 3 4", "1 2 > | 3 4", "1 2 > 3 | 4", "1 2 > 3 4 |"];
    explore(2, &expected, || {
        let (directory, producer) = directory();
        let theirs = Arc::clone(&directory);
        let writer = thread::spawn(move || {
            let mut fresh = replace_in_part(&theirs, producer, STEPS);
            publish_up_to(&mut fresh, theirs.files[1].ring(), 4, 0);
        });
        let (mut follower, mut at) = (Follower::at(1), 0);
        read_across_files(&directory, &mut follower, &mut at, 6);
        writer.join().unwrap();
        follower.notes.push("|".into());
        read_across_files(&directory, &mut follower, &mut at, 8);
        assert_eq!(follower.due, 5, "every value was received or counts as lost");
        follower.notes()
    });
}

/// Returns the notes of a reader of a region whose writer dies after `steps` steps of replacing it.
/// The next writer publishes one more value in the file that has the name.
fn read_across_a_death(steps: usize, polls: usize) -> String {
    let (directory, producer) = directory();
    let theirs = Arc::clone(&directory);
    let reader = thread::spawn(move || {
        let (mut follower, mut at) = (Follower::at(1), 0);
        read_across_files(&theirs, &mut follower, &mut at, polls);
        (follower, at)
    });
    let theirs = Arc::clone(&directory);
    thread::spawn(move || drop(replace_in_part(&theirs, producer, steps))).join().unwrap();
    let theirs = Arc::clone(&directory);
    let next = thread::spawn(move || {
        let file = usize::from(theirs.name.load(Acquire) != 0);
        let mut producer = succeed(theirs.files[file].ring());
        let last = producer.head() + 1;
        publish_up_to(&mut producer, theirs.files[file].ring(), last, 1);
    });
    next.join().unwrap();
    let (mut follower, mut at) = reader.join().unwrap();
    follower.notes.push("|".into());
    read_across_files(&directory, &mut follower, &mut at, 6);
    assert_eq!(follower.due, directory.files[at].ring().head() + 1, "every value was received or counts as lost");
    follower.notes()
}

#[test]
fn a_reader_misses_nothing_when_the_region_is_replaced_by_writers_that_die() {
    // With fewer than two steps, the name still refers to the old file; otherwise to the new one.
    for steps in [0, 1] {
        let expected = ["1 2 3b |", "1 2 | 3b", "1 | 2 3b", "2+1 3b |", "2+1 | 3b"];
        explore(1, &expected, move || read_across_a_death(steps, 3));
    }
    for steps in [2, 3] {
        let expected = ["1 | 2 > 3 4b", "1 2 | > 3 4b", "1 2 > | 3 4b", "1 2 > 3 | 4b", "1 2 > 3 4b |"];
        explore(1, &expected, move || read_across_a_death(steps, 6));
    }
}
