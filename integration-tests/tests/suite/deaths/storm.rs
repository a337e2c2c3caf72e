//! Tests of the real programs, killed at random: the writer alone, or all programs at once. Then
//! they are started again, without any cleanup in between.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use shm_core::{OpenError, Position, RawReader, WriterStatus, inspect};
use testkit::{Ending, Random, at_effort};

use crate::harness::{Sandbox, Started, eventually, observe, programs, start};

/// The number of words in a value, by author: values that fit in a slot, and values that make the
/// region grow.
const WORDS: [usize; 3] = [4, 200, 500];
/// Values that are older than the newest by more than this number are forgotten.
const REMEMBERED: u64 = 100_000;
/// How long a reader waits when its writer is dead.
const WAIT: Duration = Duration::from_millis(2);

/// Everything that any reader has seen.
#[derive(Default)]
struct Seen {
    /// The author of each sequence number.
    authors: BTreeMap<u64, u64>,
    /// The author of the newest value that the follower has received.
    author: u64,
    values: u64,
    lost: u64,
    /// For each author, the time from the death of the previous writer until a waiting reader
    /// received the author's first value.
    notices: Vec<Duration>,
    faults: Vec<String>,
}

impl Seen {
    fn enter(&mut self, text: &[u8], place: impl Display) -> Option<(u64, u64)> {
        self.values += 1;
        let Some((author, number)) = read_value(text) else {
            self.faults.push(format!("{place}: torn: {:.100}", String::from_utf8_lossy(text)));
            return None;
        };
        let before = *self.authors.entry(number).or_insert(author);
        if before != author {
            self.faults.push(format!("{place}: value {number} was of writer {before} and is of {author}"));
        }
        self.authors = self.authors.split_off(&number.saturating_sub(REMEMBERED));
        Some((author, number))
    }
}

/// Returns the value that an author publishes: the author's number and the sequence number,
/// repeated.
fn template(author: u64) -> String {
    format!("{author}:{{seq}} ").repeat(words_of(author))
}

fn words_of(author: u64) -> usize {
    WORDS[usize::try_from(author % 3).expect("0 to 2")]
}

/// Returns the author and the sequence number of a value, if it is whole.
fn read_value(value: &[u8]) -> Option<(u64, u64)> {
    let mut words = str::from_utf8(value).ok()?.split_whitespace();
    let first = words.next()?;
    let (author, number) = first.split_once(':')?;
    let (author, number) = (author.parse().ok()?, number.parse().ok()?);
    let count = 1 + words.by_ref().take_while(|word| *word == first).count();
    (count == words_of(author) && words.next().is_none()).then_some((author, number))
}

#[test]
fn a_value_of_two_writers_is_not_whole() {
    let value = template(7).replace("{seq}", "12");
    assert_eq!(read_value(value.as_bytes()), Some((7, 12)));
    assert_eq!(read_value(&value.as_bytes()[..value.len() - 5]), None);
    assert_eq!(read_value(value.replacen("7:12 7:12", "7:12 7:11", 1).as_bytes()), None);
}

struct Storm {
    sandbox: Sandbox,
    name: String,
    seen: Arc<Mutex<Seen>>,
    random: Random,
    kills: u64,
    newest: u64,
    starts: Vec<Duration>,
    returns: Vec<Duration>,
}

impl Storm {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no panic under this lock")
    }

    /// Runs a writer once, and in every second round also a reader, and kills them together.
    fn round(&mut self, author: u64) {
        let started = Instant::now();
        let mut writer = self.start_writer(author);
        let group = Pid::from_raw(writer.id().try_into().expect("a pid"));
        let mut reader = author.is_multiple_of(2).then(|| self.start_reader(group));
        let is_awaited = self.random.below(2) == 0;
        if is_awaited {
            eventually("the next writer publishes", || (self.seen().author == author).then_some(()));
            self.starts.push(started.elapsed());
        }
        let life = if is_awaited { 500 } else { 3000 };
        observe(Duration::from_micros(self.random.below(life)));
        killpg(group, Signal::SIGKILL).expect("they live");
        for program in [Some(&mut writer), reader.as_mut()].into_iter().flatten() {
            let status = program.wait().expect("it is our child");
            assert_eq!(status.signal(), Some(Signal::SIGKILL as i32), "round {author}: it ended by itself");
            self.kills += 1;
        }
        if reader.is_some() {
            self.check_output(author);
        }
        self.look(author);
    }

    fn start_writer(&mut self, author: u64) -> Started {
        let every = *self.random.one_of(&["0s", "50us", "1ms"]);
        // The slots are larger than before every second time, so the writer begins with a replacement.
        let capacity = (4096 + author / 2 * 8).to_string();
        let mut command = self.command("shm-writer");
        command.args(["demo", "--every", every, "--capacity", &capacity, &template(author)]).stdout(Stdio::null());
        start(command.process_group(0)).expect("the writer starts")
    }

    fn start_reader(&self, group: Pid) -> Started {
        let output = File::create(self.sandbox.outside("output")).expect("a file for the reader's output");
        let mut command = self.command("shm-reader");
        command.args(["demo", "-f", "--from", "oldest"]).stdout(output).stderr(Stdio::null());
        start(command.process_group(group.as_raw())).expect("the reader starts")
    }

    fn command(&self, program: &str) -> Command {
        let path = programs().join(program);
        let mut command = self.sandbox.prepare(path.to_str().expect("the target directory is UTF-8"));
        command.stdin(Stdio::null());
        command
    }

    /// Checks the output of the killed reader: whole values in order. Only the last line may be
    /// incomplete.
    fn check_output(&self, author: u64) {
        let printed = fs::read(self.sandbox.outside("output")).expect("the reader's output");
        let lines = printed.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
        let mut seen = self.seen();
        let mut last = 0;
        for line in lines {
            let Some((_, number)) = seen.enter(line, format_args!("a reader of round {author}")) else { continue };
            if number <= last {
                seen.faults.push(format!("a reader of round {author}: value {number} came after {last}"));
            }
            last = number;
        }
    }

    /// Checks the region after all programs have died: it has no writer, the newest value is whole
    /// and not older than before, and waits return in time.
    fn look(&mut self, author: u64) {
        let mut reader = match RawReader::options().start(Position::New).open_raw(&self.name) {
            Err(OpenError::NotFound { .. }) if self.newest == 0 => return,
            reader => reader.unwrap_or_else(|error| panic!("round {author}: {error}")),
        };
        let info = inspect(&self.name).expect("it was there");
        assert_eq!(info.writer, WriterStatus::Gone, "round {author}");
        if author.is_multiple_of(16) {
            let started = Instant::now();
            let _ = reader.recv_timeout(WAIT).expect("nothing is damaged");
            let late = started.elapsed().saturating_sub(WAIT);
            assert!(late < Duration::from_secs(10), "round {author}: a wait came back after {late:?}");
            self.returns.push(late);
        }
        if let Some(sample) = reader.latest().expect("the newest value can be read") {
            let number =
                self.seen().enter(&sample.value, format_args!("after round {author}")).map(|(_, number)| number);
            assert!(number.is_none_or(|number| number == sample.sequence), "round {author}");
            assert!(sample.sequence >= self.newest, "round {author}: {} after {}", sample.sequence, self.newest);
            self.newest = sample.sequence;
        }
        let seen = self.seen();
        assert!(seen.faults.is_empty(), "round {author}: {:#?}", seen.faults);
    }

    /// Follows the region in this thread until the storm is over.
    fn follow(name: &str, seen: &Mutex<Seen>, is_over: &AtomicBool) {
        let mut options = RawReader::options();
        options.open_timeout(Duration::from_millis(100));
        let mut attempts = std::iter::repeat_with(|| options.open_raw(name));
        let Some(Ok(mut reader)) = attempts.find(|opened| opened.is_ok() || is_over.load(Relaxed)) else { return };
        let (mut value, mut last) = (Vec::new(), 0);
        while !is_over.load(Relaxed) {
            let received = reader.follow_into(&mut value, Duration::from_millis(100));
            let now = SystemTime::now();
            let mut seen = seen.lock().expect("no panic under this lock");
            let sample = match received {
                Ok(Some(sample)) => sample,
                Ok(None) => continue,
                Err(error) => {
                    seen.faults.push(format!("the follower: {error}"));
                    continue;
                }
            };
            seen.lost += sample.lost;
            if sample.restarted || sample.sequence <= last {
                let again = if sample.restarted { "was created again" } else { "went on" };
                seen.faults.push(format!("the follower: the region {again} at {} after {last}", sample.sequence));
            }
            last = sample.sequence;
            let Some((author, number)) = seen.enter(&value, "the follower") else { continue };
            if number != sample.sequence {
                seen.faults.push(format!("the follower: value {} says that it is {number}", sample.sequence));
            }
            if author != seen.author {
                seen.author = author;
                seen.notices.push(now.duration_since(sample.time()).unwrap_or_default());
            }
        }
    }

    /// Checks that only files remain that the next writer clears away.
    fn end(&mut self) {
        self.sandbox.run("shm-writer demo '0:0 0:0 0:0 0:0'").prints("");
        self.sandbox.run("shm-reader demo").prints("0:0 0:0 0:0 0:0\n");
        self.sandbox.run("shm-reader verify demo").exits(0);
        assert_eq!(self.sandbox.files(), [".demo.lock", "demo"]);
    }

    fn report(&mut self, rounds: u64, took: Duration) {
        self.starts.sort();
        self.returns.sort();
        let mut notices = std::mem::take(&mut self.seen().notices);
        notices.sort();
        let seen = self.seen();
        println!(
            "{} kills in {rounds} rounds, {took:.1?}; {} values read, none torn, none back, {} lost by the slow; \
             start to first value: {}; waiting readers' notice of it: {}; late return of a wait for the dead: {}",
            self.kills,
            seen.values,
            seen.lost,
            spread(&self.starts),
            spread(&notices),
            spread(&self.returns),
        );
    }
}

/// Returns the median, the 99th percentile and the largest of sorted times.
fn spread(sorted: &[Duration]) -> String {
    let at = |share: usize| sorted.get(sorted.len().saturating_sub(1) * share / 100).copied().unwrap_or_default();
    format!("{} times, median {:?}, p99 {:?}, slowest {:?}", sorted.len(), at(50), at(99), at(100))
}

// Faults 6, 49.
#[test]
fn programs_that_are_killed_at_random_start_again_at_once_and_nobody_sees_anything_wrong() {
    let wanted = at_effort([20, 60, 10_000, 100_000]);
    let sandbox = Sandbox::new();
    let name = sandbox.name("demo");
    let mut storm = Storm {
        sandbox,
        name: name.clone(),
        seen: Arc::default(),
        random: Random::new(6),
        kills: 0,
        newest: 0,
        starts: vec![],
        returns: vec![],
    };
    let (seen, is_over) = (Arc::clone(&storm.seen), AtomicBool::new(false));
    let started = Instant::now();
    let mut rounds = 0;
    thread::scope(|scope| {
        scope.spawn(|| Storm::follow(&name, &seen, &is_over));
        // The follower ends even if a round fails.
        let _ending = Ending(&is_over);
        while storm.kills < wanted {
            rounds += 1;
            storm.round(rounds);
        }
    });
    storm.end();
    storm.report(rounds, started.elapsed());
}
