//! Tests of `shm-bench`: it measures and reports every kind of row, and leaves no files, however it ends. The tests do
//! not check the figures, because they depend on the machine.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::{Child, Sandbox, eventually};

/// Held while a long benchmark runs. All benchmarks use the same two processors, so running several at once saves no
/// time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One quick row of every kind. Each runs in a separate command, which ends in time even on a busy machine.
const ROWS: [&str; 11] = [
    "trip-8-spin",
    "trip-64-wait",
    "trip-64-idle",
    "stream-64",
    "stream-1m",
    "follow",
    "latest-64",
    "publish-1",
    "asleep",
    "wakes",
    "attach",
];

#[test]
fn every_row_has_all_its_fields_and_plausible_numbers() {
    let _alone = alone();
    let s = Sandbox::new();
    for word in ROWS {
        let mut objects = s.run(&format!("shm-bench --quick --json {word}")).succeeds().json();
        let head = objects.remove(0);
        assert!(head["machine"]["cpus"].as_u64() >= Some(1) && head["machine"]["kernel"].is_string(), "{head}");
        let runs = usize::try_from(head["runs"].as_u64().expect("a number of runs")).expect("a few");
        let is_there = objects.iter().any(|row| row["name"].as_str().is_some_and(|name| name.contains(word)));
        assert!(is_there, "no row {word}");
        objects.iter().for_each(|row| check_row(row, runs));
    }
    assert_eq!(s.files(), [""; 0]);
}

#[track_caller]
fn check_row(row: &Value, runs: usize) {
    for field in ["name", "group", "work", "unit", "limit_is"] {
        assert!(row[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {row}");
    }
    for field in ["ours", "limit", "ratio"] {
        let all = row[format!("{field}_runs")].as_array().expect("an array of runs");
        assert_eq!(all.len(), runs, "{field}: {row}");
        // A run that received nothing has no figure, and a burst may end without a wake.
        let least = if row["unit"] == "count" { 0.0 } else { f64::MIN_POSITIVE };
        assert!(all.iter().all(|figure| figure.is_null() || figure.as_f64() >= Some(least)), "{field}: {row}");
        assert!(row[field].as_f64() >= Some(least), "{field}: {row}");
    }
    assert_eq!(row["goal"].is_null(), row["met"].is_null(), "{row}");
    let has_singles = row["name"].as_str().is_some_and(|name| name.starts_with("trip") || name == "attach");
    for field in ["ours_single_ns", "limit_single_ns"] {
        assert_eq!(row[field].is_object(), has_singles, "{row}");
        let percentiles = ["p50", "p99", "p99.9", "max"].map(|name| row[field][name].as_u64());
        assert!(!has_singles || percentiles[0] > Some(0) && percentiles.is_sorted(), "{field}: {row}");
    }
    for field in ["payload_bytes", "slots"] {
        assert!(row[field].as_u64() > Some(0), "{field}: {row}");
    }
    assert!(row["busy"].is_u64() && row["lost"].is_u64(), "{row}");
}

#[test]
fn a_table_shows_the_machine_then_each_row_with_its_limit_and_the_goals_if_they_are_wanted() {
    let _alone = alone();
    let s = Sandbox::new();
    for option in ["", "--goals"] {
        let lines = s.run(&format!("shm-bench --quick {option} attach trip-8-spin")).succeeds().lines();
        assert!(lines[0].contains("CPU") && lines[0].contains("Linux"), "{lines:?}");
        let has = |words: &[&str]| lines.iter().any(|line| words.iter().all(|word| line.contains(word)));
        for words in [&["8 B", "one line"][..], &["open", "mmap"], &["ours", "p99.9", "limit", "ratio"]] {
            assert!(has(words), "no line with {words:?}: {lines:#?}");
        }
        for words in [&["8 B", "<= 1.05"][..], &["open", "<= 3"], &["ratio", "goal"]] {
            assert_eq!(has(words), option == "--goals", "{words:?}: {lines:#?}");
        }
    }
    assert_eq!(s.files(), [""; 0]);
}

#[test]
fn progress_is_reported_under_verbose() {
    let s = Sandbox::new();
    s.run("shm-bench --quick attach -v").exits(0).complains(&["attach: run 1 of"]);
    s.run("shm-bench --quick attach -q").succeeds();
}

#[test]
fn an_unknown_row_is_refused_with_the_list_of_rows() {
    let s = Sandbox::new();
    s.run("shm-bench nonsense").exits(2).complains(&["'nonsense'", "trip-64-spin", "attach"]);
    s.run("SHM_DIR=/nowhere shm-bench --quick attach").exits(1).complains(&["cannot create directory", "/nowhere"]);
    assert_eq!(s.files(), [""; 0]);
}

#[test]
fn its_help_fits_a_screen_and_needs_no_directory() {
    let s = Sandbox::new().with("COLUMNS", "80").with("SHM_DIR", "/nowhere");
    let page = s.run("shm-bench -h").succeeds().text();
    assert!(page.lines().count() <= 24 && page.lines().all(|line| line.chars().count() <= 80), "{page}");
    let page = s.run("shm-bench --help").succeeds().text();
    for word in ["--quick", "--json", "--goals", "SHM_DIR", "130"] {
        assert!(page.contains(word), "no {word}: {page}");
    }
    assert!(!page.contains("--second-process"), "{page}");
    s.run("shm-bench --nonsense").exits(2);
}

/// Starts a benchmark, and waits until it is measuring between the two processes.
fn in_the_middle(s: &Sandbox) -> (Child, String) {
    let bench = s.spawn("shm-bench trip");
    let directory = s.shm(&format!("shm-bench-{}", bench.pid()));
    eventually("both sides have made their files", || directory.join("back").exists().then_some(()));
    let children = format!("/proc/{0}/task/{0}/children", bench.pid());
    let second = fs::read_to_string(children).expect("what the benchmark has started");
    (bench, second.trim().to_owned())
}

#[test]
fn a_signal_in_the_middle_ends_both_processes_and_leaves_nothing() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let s = Sandbox::new();
        let (bench, second) = in_the_middle(&s);
        bench.signal(signal);
        assert_eq!(bench.wait().dies_of(signal).stderr, "");
        assert_eq!(s.files(), [""; 0]);
        assert!(!second.is_empty() && !Path::new("/proc").join(second).exists(), "the second process lives on");
    }
}

#[test]
fn the_second_process_tidies_up_when_the_first_is_killed() {
    let s = Sandbox::new();
    let (bench, second) = in_the_middle(&s);
    bench.signal(Signal::SIGKILL);
    bench.wait().dies_of(Signal::SIGKILL);
    eventually("nothing is left", || (s.files().is_empty()).then_some(()));
    eventually("the second process ends", || (!Path::new("/proc").join(&second).exists()).then_some(()));
}

#[test]
fn the_first_process_says_so_and_tidies_up_when_the_second_is_killed() {
    let s = Sandbox::new();
    let (bench, second) = in_the_middle(&s);
    s.ok(&format!("kill -9 {second}"));
    bench.wait().exits(1).complains(&["the second process has ended"]);
    assert_eq!(s.files(), [""; 0]);
}
