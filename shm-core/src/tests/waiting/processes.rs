//! The same test as [`stress`](super::stress), between processes that are stopped and continued at any
//! moment. The machine has more work than processors, and one reader has a different clock. Each
//! process records its sleeps and wakes, and the test compares the records at the end.
//!
//! `SHM_EFFORT=3 cargo test --release -p shm-core --lib tests::waiting::processes -- --nocapture` runs
//! a long test.

use super::stress::{Course, Handle, Sleep, left_behind};
use crate::region::location::Location;
use crate::region::{MAX_REGION_BYTES, Region};
use crate::sys::file::Access;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use std::{fs, thread};
use testkit::{Random, Survivor, at_effort};

const TEST: &str = "tests::waiting::processes::nobody_sleeps_through_a_publication_while_all_are_stopped_and_continued";
/// The role of a process in the test, the region, and the file for its records.
const ROLE: &str = "SHM_TEST_ROLE";
const REGION: &str = "SHM_TEST_REGION";
const NOTES: &str = "SHM_TEST_NOTES";
const READERS: u64 = 3;
/// Starts a command whose steady clock is more than three years ahead of the clock of this process.
const ELSEWHEN: [&str; 5] = ["unshare", "--time", "--monotonic=100000000", "--boottime=100000000", "--fork"];

/// How long a process may take to start.
const START: Duration = Duration::from_secs(60);

/// A process. When it is dropped, or when this test is killed, it is killed together with all processes
/// that it started.
struct Process(Child, #[expect(dead_code, reason = "it acts when the test is killed")] Survivor);

impl Process {
    fn start(command: &mut Command) -> Self {
        let child = command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it starts");
        let survivor = Survivor::of(&child);
        Self(child, survivor)
    }

    fn signal(&self, signal: Signal) {
        let group = Pid::from_child(&self.0);
        // The process may have ended already.
        let _ = kill_process_group(group, signal);
    }

    /// Waits until the process has created the file.
    fn await_file(&mut self, path: &str) {
        let deadline = Instant::now() + START;
        while fs::metadata(path).is_err() {
            let ended = self.0.try_wait().expect("it can be waited for");
            assert!(ended.is_none(), "the process that creates {path} has ended: {ended:?}");
            assert!(Instant::now() < deadline, "no process has created {path} within {START:?}");
            thread::yield_now();
        }
    }

    /// Asks the process to end, and waits until it has ended.
    fn finish(mut self) {
        self.signal(Signal::CONT);
        drop(self.0.stdin.take());
        assert!(self.0.wait().expect("it ends").success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.0.wait();
    }
}

/// Starts this test again as a process with this role. The command line begins with the words of
/// `before`.
fn play(role: &str, before: &[&str], region: &str, notes: &str) -> Process {
    let this = std::env::current_exe().expect("this test");
    let words: Vec<_> = before.iter().map(Into::into).chain([this.into_os_string()]).collect();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(["--exact", TEST, "--nocapture", "--test-threads=1"]);
    Process::start(command.env(ROLE, role).env(REGION, region).env(NOTES, notes))
}

/// Runs the test in the started process: as a writer or a reader, until stdin ends.
fn be(role: &str) {
    let [region, notes] = [REGION, NOTES].map(|name| std::env::var(name).expect("its part"));
    let course = Course::default();
    let noted: Vec<u8> = thread::scope(|scope| {
        scope.spawn(|| {
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            course.over.store(true, Relaxed);
        });
        if role == "writer" {
            let woke = course.ring(&mut Handle::open(&region), Random::new(0), u64::MAX, Duration::MAX);
            woke.into_iter().map(u8::from).collect()
        } else {
            let location = Location::resolve(region.as_ref()).unwrap();
            let region = Region::open(&location, Access::Read, MAX_REGION_BYTES).unwrap();
            let sleeps = course.read(region.ring(), &region.header().hot.bell, Random::new(std::process::id().into()));
            sleeps
                .iter()
                .flat_map(|sleep| (u64::from(sleep.bell) << 1 | u64::from(sleep.woken)).to_le_bytes())
                .collect()
        }
    });
    fs::write(notes, noted).expect("the notes are kept");
}

fn sleeps_in(notes: &[u8]) -> Vec<Sleep> {
    let numbers = notes.chunks_exact(8).map(|bytes| u64::from_le_bytes(bytes.try_into().expect("eight bytes")));
    numbers.map(|number| Sleep { bell: u32::try_from(number >> 1).expect("a bell"), woken: number & 1 == 1 }).collect()
}

fn can_unshare_time() -> bool {
    let tried = Command::new(ELSEWHEN[0]).args(&ELSEWHEN[1..]).arg("true").stderr(Stdio::null()).status();
    let possible = tried.is_ok_and(|status| status.success());
    if !possible {
        eprintln!("no reader has a clock of its own: a time namespace needs privileges");
    }
    possible
}

// Reported 56.
#[test]
fn a_process_that_does_not_start_is_a_failure_and_not_an_endless_wait() {
    let mut process = Process::start(&mut Command::new("false"));
    let waiting = std::panic::AssertUnwindSafe(|| process.await_file("/nowhere/at/all"));
    assert!(std::panic::catch_unwind(waiting).is_err());
}

// Faults 38, 48.
#[test]
fn nobody_sleeps_through_a_publication_while_all_are_stopped_and_continued() {
    if let Ok(role) = std::env::var(ROLE) {
        return be(&role);
    }
    let seconds = at_effort([1, 2, 60, 300]);
    let directory = tempfile::tempdir().unwrap();
    let path = |file: &str| format!("{}/{file}", directory.path().display());
    let (region, noted) = (path("room"), |index: u64| path(&format!("notes-{index}")));
    let processors = thread::available_parallelism().map_or(2, usize::from);
    let busy = || Process::start(Command::new("sh").args(["-c", "while :; do :; done"]));
    let _load: Vec<Process> = (0..=processors).map(|_| busy()).collect();

    let mut writer = play("writer", &[], &region, &noted(0));
    writer.await_file(&region);
    let elsewhen = can_unshare_time();
    let before = |index: u64| if elsewhen && index == READERS { &ELSEWHEN[..] } else { &[] };
    let readers: Vec<_> = (1..=READERS).map(|index| play("reader", before(index), &region, &noted(index))).collect();

    let mut random = Random::new(1);
    let all: Vec<&Process> = readers.iter().chain([&writer]).collect();
    let (start, mut stops) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(seconds) {
        let victim = all[usize::try_from(random.below(READERS + 1)).unwrap()];
        victim.signal(Signal::STOP);
        // Usually about as long as a reader polls, sometimes longer than a slice of sleep.
        let stopped_us = if random.below(32) > 0 { random.below(100) } else { random.below(100_000) };
        thread::park_timeout(Duration::from_micros(stopped_us));
        victim.signal(Signal::CONT);
        thread::park_timeout(Duration::from_micros(random.below(1000)));
        stops += 1;
    }
    writer.finish();
    readers.into_iter().for_each(Process::finish);

    let woke: Vec<bool> = fs::read(noted(0)).unwrap().into_iter().map(|woke| woke == 1).collect();
    let sleeps: Vec<Sleep> = (1..=READERS).flat_map(|index| sleeps_in(&fs::read(noted(index)).unwrap())).collect();
    let (violations, woken) = (left_behind(&sleeps, &woke), sleeps.iter().filter(|sleep| sleep.woken).count());
    let wakes = woke.iter().filter(|woke| **woke).count();
    println!(
        "{stops} stops, {} sleeps ({woken} woken), {wakes} wakes for {} bells, {violations} violations",
        sleeps.len(),
        woke.len(),
    );
    assert!(woken > 0 && wakes < woke.len(), "nobody slept, or every bell woke");
    assert!(violations == 0, "sleepers were left behind: {violations} of {}", sleeps.len());
}
