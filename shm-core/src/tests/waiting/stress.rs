//! The stress test of the wake rule. One writer and several readers record every sleep and every wake,
//! and the test compares the records at the end. It does not judge times, because they depend on the
//! machine, and a reader that overslept for a moment would not show in them.
//!
//! `SHM_EFFORT=3 cargo test --release -p shm-core --lib tests::waiting:: -- --nocapture` runs a long
//! test. `ci/mutate` shows that the test detects every wrong rule.

use super::{SPIN_NS, memory};
use crate::reader::sleeper::{Sleeper, WaitOutcome, WaitStrategy};
use crate::region::location::Location;
use crate::region::{MAX_REGION_BYTES, Region};
use crate::sys::file::Access;
use crate::writer::waker::Waker;
use crate::{Kind, RawWriter};
use shm_ring::header::{Le32, STATE_OPEN};
use shm_ring::{Cursor, Polled, Producer, Ring};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use testkit::{Ending, Random, at_effort};

/// The longest time that a test takes at the usual effort; a busy machine reaches it. At a higher
/// effort the limit is `LONG_TIME`, which only a test that hangs reaches.
const TIME: Duration = Duration::from_secs(2);
const LONG_TIME: Duration = Duration::from_secs(3600);
/// The timeout of some waits. It is longer than the time that a reader polls, so that a wait that times
/// out has slept.
const SHORT_TIMEOUT: Duration = Duration::from_micros(100);
/// Copying this many bytes takes longer than the threshold. A writer that read its clock before the
/// publication would fail.
const LARGE_BYTES: u64 = 96 << 10;

/// Usually returns immediately. Otherwise it keeps the processor busy, in most cases for about the
/// polling time or the threshold.
fn delay(random: &mut Random) {
    let delay_us = match random.below(64) {
        0..54 => return,
        54..57 => random.below(12),
        57..63 => 5 + random.below(55),
        _ => 60 + random.below(300),
    };
    spin(Duration::from_micros(delay_us));
}

pub fn spin(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// Rings the bell.
pub trait Ringer {
    /// Rings at least once, and records for each ring whether it woke readers.
    fn ring(&mut self, random: &mut Random, woke: &mut Vec<bool>);
}

/// The parts of [`RawWriter::publish`], with delays in between.
struct Pieces<'a> {
    ring: Ring<'a>,
    bell: &'a Le32,
    producer: Producer,
    waker: Waker,
}

impl Ringer for Pieces<'_> {
    fn ring(&mut self, random: &mut Random, woke: &mut Vec<bool>) {
        if random.below(64) == 0 {
            self.producer.announcer().change_state(self.ring, STATE_OPEN);
            delay(random);
            self.waker.wake(self.bell);
            woke.push(true);
            return;
        }
        self.producer.publish(self.ring, b"value");
        delay(random);
        let now = self.waker.read_clock();
        delay(random);
        self.producer.note_time(self.ring, now.unix_ns);
        let is_due = self.waker.is_due(now);
        if is_due {
            delay(random);
            self.waker.wake(self.bell);
        }
        woke.push(is_due);
    }
}

/// The public writing handle, on a file.
pub struct Handle {
    name: String,
    writer: Option<RawWriter>,
    payload: Vec<u8>,
}

impl Handle {
    pub fn open(name: &str) -> Self {
        let writer = RawWriter::options().kind(Kind::Bytes).slots(16).capacity(LARGE_BYTES).open_raw(name).unwrap();
        let payload = vec![0; usize::try_from(LARGE_BYTES).unwrap()];
        Self { name: name.to_owned(), writer: Some(writer), payload }
    }
}

impl Ringer for Handle {
    fn ring(&mut self, random: &mut Random, woke: &mut Vec<bool>) {
        if random.below(256) == 0 {
            self.writer = None;
            self.writer = Some(RawWriter::open(&self.name, Kind::Bytes).unwrap());
            woke.extend([true, true]);
            return;
        }
        let bytes = if random.below(8) > 0 { 8 } else { random.below(LARGE_BYTES) };
        let writer = self.writer.as_mut().unwrap();
        let before = writer.wakes();
        let payload = &self.payload[..usize::try_from(bytes).unwrap()];
        if random.below(4) > 0 {
            writer.publish(payload).unwrap();
        } else {
            let mut loan = writer.loan(payload.len()).unwrap();
            loan.write_at(0, payload);
            loan.commit().unwrap();
        }
        woke.push(writer.wakes() > before);
    }
}

/// A sleep that a reader really began, and how it ended.
pub struct Sleep {
    pub bell: u32,
    pub woken: bool,
}

/// The data that all threads of a run share, in addition to the ring.
#[derive(Default)]
pub struct Course {
    pub sleeps: AtomicU64,
    pub over: AtomicBool,
}

impl Course {
    /// Receives as a reading handle does, and records each sleep.
    pub fn read(&self, ring: Ring<'_>, bell: &Le32, mut random: Random) -> Vec<Sleep> {
        let (mut cursor, mut buffer, mut sleeps) = (Cursor::at(1), Vec::new(), Vec::new());
        while !self.over.load(Relaxed) {
            // A reader that waits for a number further ahead sees the bell change more than once in one wait.
            cursor.jump(cursor.next() + random.below(4).saturating_sub(1));
            let timeout = if random.below(4) == 0 { SHORT_TIMEOUT } else { Duration::MAX };
            let mut sleeper = Sleeper::new(WaitStrategy::Block, SPIN_NS);
            while !self.over.load(Relaxed) {
                let seen = ring.bell();
                if let Polled::Value(_) = cursor.poll(ring, &mut buffer).unwrap() {
                    break;
                }
                let waited = sleeper.wait(bell, seen, timeout, || cursor.is_near(ring));
                if waited != WaitOutcome::Changed {
                    self.sleeps.fetch_add(1, Relaxed);
                    sleeps.push(Sleep { bell: seen, woken: waited == WaitOutcome::Woken });
                }
            }
        }
        sleeps
    }

    /// Rings until there were `goal` sleeps, and returns for each bell whether the ringer woke readers.
    pub fn ring(&self, ringer: &mut impl Ringer, mut random: Random, goal: u64, time: Duration) -> Vec<bool> {
        let _end = Ending(&self.over);
        let (start, mut woke) = (Instant::now(), Vec::new());
        while self.sleeps.load(Relaxed) < goal && start.elapsed() < time && !self.over.load(Relaxed) {
            delay(&mut random);
            ringer.ring(&mut random, &mut woke);
        }
        woke
    }
}

/// Counts the sleepers that were not woken although the next bell rang. It does not matter how a sleep
/// ended: the kernel compares the bell before it lets a thread sleep, so the next bell had not rung
/// yet.
pub fn left_behind(sleeps: &[Sleep], woke: &[bool]) -> usize {
    sleeps.iter().filter(|sleep| woke.get(sleep.bell as usize) == Some(&false)).count()
}

/// The number of sleeps and the longest duration of a test.
fn budget() -> (u64, Duration) {
    at_effort([(3_000, TIME), (30_000, TIME), (120_000, LONG_TIME), (10_000_000, LONG_TIME)])
}

/// Runs a writer and readers, each with a separate view of the ring, so that they disturb each other.
fn check(readers: &[(Ring<'_>, &Le32)], mut ringer: impl Ringer, share: u32) {
    let (goal, time) = budget();
    let course = Course::default();
    let start = Instant::now();
    let (sleeps, woke) = std::thread::scope(|scope| {
        let course = &course;
        let spawn = |(seed, &(ring, bell))| scope.spawn(move || course.read(ring, bell, Random::new(seed)));
        let threads: Vec<_> = (1..).zip(readers).map(spawn).collect();
        let woke = course.ring(&mut ringer, Random::new(0), goal / u64::from(share), time / share);
        let sleeps: Vec<Sleep> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        (sleeps, woke)
    });
    let woken = sleeps.iter().filter(|sleep| sleep.woken).count();
    let (violations, wakes) = (left_behind(&sleeps, &woke), woke.iter().filter(|woke| **woke).count());
    println!(
        "{} readers, {:.1} s: {} sleeps ({woken} woken, {} timed out), {wakes} wakes for {} bells, {violations} violations",
        readers.len(),
        start.elapsed().as_secs_f64(),
        sleeps.len(),
        sleeps.len() - woken,
        woke.len(),
    );
    assert!(woken > 0, "nobody slept until woken");
    assert!(violations == 0, "sleepers were left behind: {violations} of {}", sleeps.len());
    let (ring, _) = readers[0];
    assert_eq!(ring.bell() as usize, woke.len(), "each publication and each change of state rings once");
}

#[test]
fn nobody_sleeps_through_a_publication_whatever_delays_the_writer() {
    // This includes more readers than processors.
    let counts = [1, 2, 5];
    for count in counts {
        let memory = memory();
        let (ring, bell) = (memory.ring(), &memory.hot.bell);
        let producer = Producer::fresh(ring, 1);
        let pieces = Pieces { ring, bell, producer, waker: Waker::new(SPIN_NS) };
        check(&vec![(ring, bell); count], pieces, 3);
    }
}

#[test]
fn nobody_sleeps_through_a_publication_of_the_writing_handle() {
    for count in [1, 3] {
        let directory = tempfile::tempdir().unwrap();
        let name = format!("{}/room", directory.path().display());
        let handle = Handle::open(&name);
        let location = Location::resolve(name.as_ref()).unwrap();
        // Each reader maps the file separately, at another address.
        let open = |_| Region::open(&location, Access::Read, MAX_REGION_BYTES).unwrap();
        let regions: Vec<Region> = (0..count).map(open).collect();
        let readers: Vec<_> = regions.iter().map(|region| (region.ring(), &region.header().hot.bell)).collect();
        check(&readers, handle, 2);
    }
}
