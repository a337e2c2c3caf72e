//! A region with its readers, and the conditions that must hold whenever its writer was killed.

use std::fmt::Debug;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::{Duration, Instant};

use shm_core::{Kind, OpenError, Position, RawReader, RawWriter, WriterOptions};
use testkit::Background;

use super::ledger::Ledger;
use super::payload::payload;
use super::stepper::{Stepper, Survey};
use crate::harness::{Sandbox, victim, without_forks};

/// The number of slots of a scene's region.
pub const SLOTS: u64 = 8;
/// The number of values that a full region always retains. It is one less than the number of slots,
/// because the oldest value is lost while a value is being written.
const HELD: u64 = SLOTS - 1;
/// The maximum time until the next writer has started and until a reader has received its value,
/// even on a machine that is busy with other work.
const PROMPT: Duration = Duration::from_secs(10);

/// A sequence number and its value.
pub type Numbered = (u64, Vec<u8>);

pub struct Scene {
    pub sandbox: Sandbox,
    pub name: String,
    pub ledger: Ledger,
    /// The options that the region is created with.
    options: WriterOptions,
    follower: Option<Background<u64>>,
    /// The number of the last author. Each writer is a new author.
    pub author: u64,
    pub kills: u64,
    /// The minimum number of values that are retained after each death.
    pub fewest: u64,
    slowest_start: Duration,
    notices: Vec<Duration>,
}

impl Scene {
    /// Creates a full region with slots of this capacity, and a reader that waits.
    pub fn new(capacity: u64, checksum: bool) -> Self {
        let mut scene = Self::empty(capacity, checksum);
        scene.reset();
        scene.fewest = HELD;
        scene.follower = Some(follow(&scene.name, scene.ledger.clone()));
        scene
    }

    /// Creates a scene without a region.
    pub fn empty(capacity: u64, checksum: bool) -> Self {
        let sandbox = Sandbox::new();
        let name = sandbox.name("demo");
        let mut options = RawWriter::options();
        options.kind(Kind::Bytes).slots(SLOTS).capacity(capacity).checksum(checksum);
        Self {
            sandbox,
            name,
            ledger: Ledger::default(),
            options,
            follower: None,
            author: 0,
            kills: 0,
            fewest: 1,
            slowest_start: Duration::ZERO,
            notices: vec![],
        }
    }

    /// Restores the initial state of the region, full of values that fit in any slot, and closes
    /// it.
    #[track_caller]
    pub fn reset(&mut self) {
        let mut writer = self.open().expect("a next writer");
        for _ in 0..SLOTS {
            self.author += 1;
            let value = payload(self.author, 8);
            let sequence = writer.publish(&value).expect("it is published");
            self.ledger.enter(sequence, &value);
            if self.follower.is_some() {
                self.ledger.wait_for_follower(sequence);
            }
        }
    }

    fn open(&self) -> Result<RawWriter, OpenError> {
        without_forks(|| self.options.open_raw(&self.name))
    }

    /// Starts a victim, as the next author, that obeys these words up to the first stop.
    #[track_caller]
    pub fn victim(&mut self, words: &str) -> Stepper {
        self.author += 1;
        let mut command = self.sandbox.prepare(victim());
        command.arg(&self.name).arg(self.author.to_string()).args(words.split_whitespace());
        // The lock of the last writer of this process must be free.
        without_forks(|| ());
        Stepper::start(&mut command)
    }

    /// Runs such a victim to its end, and returns the changes that were visible from outside at
    /// each moment.
    #[track_caller]
    pub fn survey(&mut self, words: &str) -> Survey {
        let has_changed = self.looker();
        self.victim(words).survey(has_changed)
    }

    /// Returns the newest value, as seen by a reader that opens the region now. Returns `None` if
    /// there is no value or no region.
    #[track_caller]
    pub fn newest(&self) -> Option<Numbered> {
        let mut reader = match RawReader::open(&self.name) {
            Err(OpenError::NotFound { .. }) => return None,
            reader => reader.expect("a region is whole or not there"),
        };
        let sample = reader.latest().expect("the newest value can be read")?;
        self.ledger.enter(sample.sequence, &sample.value);
        Some((sample.sequence, sample.value))
    }

    /// Returns where the region may end: its newest value, and, if there is one, the next value,
    /// which can already be received before the head names it. A writer may have died between the
    /// two.
    #[track_caller]
    pub fn ends(&self) -> Vec<Option<Numbered>> {
        let newest = self.newest();
        let mut ends = vec![newest];
        if let Ok(mut reader) = RawReader::options().start(Position::New).open_raw(&self.name)
            && let Some(sample) = reader.try_recv().expect("every value can be read").value()
        {
            ends.push(Some((sample.sequence, sample.value)));
        }
        ends
    }

    /// Returns where the region may end after the victim, which is the last author, has died. The
    /// victim published values of these lengths.
    pub fn outcomes(&self, mut before: Vec<Option<Numbered>>, published: &[usize]) -> Vec<Option<Numbered>> {
        let last = before.iter().flatten().map(|(sequence, _)| *sequence).max().unwrap_or(0);
        let own =
            published.iter().zip(last + 1..).map(|(bytes, sequence)| Some((sequence, payload(self.author, *bytes))));
        before.extend(own);
        before
    }

    /// Kills the victim and checks the remaining state: the newest value is one of the expected
    /// ones, all values before it exist, and no reader saw anything wrong. Returns the newest
    /// value.
    #[track_caller]
    pub fn kill(&mut self, victim: Stepper, expected: &[Option<Numbered>], place: &dyn Debug) -> Option<Numbered> {
        victim.kill();
        self.kills += 1;
        let newest = self.newest();
        assert!(expected.contains(&newest), "{place:?}: {newest:02x?} is not one of {expected:02x?}");
        if let Some((sequence, _)) = &newest {
            self.check_held(*sequence, place);
        }
        self.ledger.check(place);
        newest
    }

    /// Waits until the follower is near the newest value. Otherwise, on a busy machine, a quick
    /// series of writers could overtake the follower, and it would then rightly lose values.
    #[track_caller]
    pub fn let_follower_keep_up(&self) {
        if let Some((sequence, _)) = self.newest() {
            self.ledger.wait_for_follower(sequence.saturating_sub(SLOTS / 2));
        }
    }

    /// Reads all values that the region retains. They must end with the newest one, without a gap.
    #[track_caller]
    fn check_held(&self, newest: u64, place: &dyn Debug) {
        let mut reader = RawReader::options().start(Position::Oldest).open_raw(&self.name).expect("it was there");
        let mut held = Vec::new();
        while let Some(sample) = reader.try_recv().expect("every value can be read").value() {
            assert_eq!((sample.lost, sample.restarted), (0, false), "{place:?}");
            self.ledger.enter(sample.sequence, &sample.value);
            held.push(sample.sequence);
        }
        // A value can be received shortly before the head names it.
        let (oldest, last) = held.first().copied().zip(held.last().copied()).unwrap_or_default();
        let is_gapless = held.iter().copied().eq(oldest..=last) && (newest..=newest + 1).contains(&last);
        assert!(is_gapless, "{place:?}: {held:?} are held, and {newest} is the newest");
        assert!(held.len() as u64 >= self.fewest, "{place:?}: only {held:?} are held");
    }

    /// Checks that the next writer starts immediately and publishes, that the waiting reader
    /// receives its value, and that only the files of a region remain.
    #[track_caller]
    pub fn restart(&mut self, place: &dyn Debug) {
        let started = Instant::now();
        let opened = without_forks(|| RawWriter::open(&self.name, Kind::Bytes));
        let mut writer = opened.unwrap_or_else(|error| panic!("{place:?}: {error}"));
        self.slowest_start = self.slowest_start.max(started.elapsed());
        assert_eq!(self.sandbox.files(), [".demo.lock", "demo"], "{place:?}");
        self.author += 1;
        let value = payload(self.author, 8);
        let sequence = writer.publish(&value).unwrap_or_else(|error| panic!("{place:?}: {error}"));
        let published = Instant::now();
        self.ledger.enter(sequence, &value);
        if self.follower.is_some() {
            let noticed = self.ledger.wait_for_follower(sequence);
            self.notices.push(noticed.saturating_duration_since(published));
        }
        self.ledger.check(place);
    }

    /// Removes the region, if there is one, so the next writer creates a new one.
    #[track_caller]
    pub fn clear(&mut self) {
        if self.sandbox.shm("demo").exists() {
            self.remove();
        }
        self.ledger = Ledger::default();
    }

    /// Removes the region, so the next writer creates a new one.
    #[track_caller]
    pub fn remove(&mut self) {
        self.open().expect("it can be opened").remove().expect("it can be removed");
        assert_eq!(self.sandbox.files(), [""; 0]);
        self.ledger = Ledger::default();
    }

    /// Returns a function that checks whether the state that is visible from outside has changed
    /// since the last call: the files, and the bytes of the region.
    fn looker(&self) -> impl FnMut() -> bool + use<> {
        let [region, draft, lock] = ["demo", ".demo.new", ".demo.lock"].map(|file| self.sandbox.shm(file));
        let mut open: Option<(u64, File)> = None;
        let (mut files_before, mut before, mut bytes) = ((false, false, 0), Vec::new(), vec![0; 1 << 16]);
        move || {
            let inode = fs::metadata(&region).map_or(0, |metadata| metadata.ino());
            if open.as_ref().is_none_or(|(known, _)| *known != inode) {
                open = File::open(&region).ok().map(|file| (inode, file));
            }
            let count = open.as_ref().map_or(0, |(_, file)| file.read_at(&mut bytes, 0).expect("it can be read"));
            let files = (draft.exists(), lock.exists(), inode);
            let has_changed = files != files_before || bytes[..count] != before[..];
            if has_changed {
                (files_before, before) = (files, bytes[..count].to_vec());
            }
            has_changed
        }
    }

    /// Prints the results of a run. They are visible if the test runner does not capture the
    /// output.
    pub fn report(&mut self, what: &str) {
        self.notices.sort();
        let p99 = self.notices.get(self.notices.len().saturating_sub(1) * 99 / 100).copied().unwrap_or_default();
        let last = self.notices.last().copied().unwrap_or_default();
        assert!(self.slowest_start.max(last) < PROMPT, "{what}: start {:?}, notice {last:?}", self.slowest_start);
        println!(
            "{what}: {} kills; slowest next start {:?}; {} notices of the next writer's value: p99 {p99:?}, slowest {last:?}",
            self.kills,
            self.slowest_start,
            self.notices.len()
        );
    }
}

/// Starts a reader that constantly waits for values.
fn follow(name: &str, ledger: Ledger) -> Background<u64> {
    let mut reader = RawReader::open(name).expect("the region is there");
    let mut value = Vec::new();
    Background::repeat(move || match reader.follow_into(&mut value, Duration::from_millis(100)) {
        Ok(Some(sample)) if sample.restarted => ledger.report("the region was created again".to_owned()),
        Ok(Some(sample)) if sample.lost > 0 => ledger.report(format!("{} values were lost", sample.lost)),
        Ok(Some(sample)) => ledger.follow(sample.sequence, &value),
        Ok(None) => {}
        Err(error) => ledger.report(error.to_string()),
    })
}
