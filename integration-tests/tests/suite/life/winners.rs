//! Tests of many writers that race to create one region. They use the library, because that number
//! of programs could not be started.

use std::fs;
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use shm_core::{Kind, OpenError, RawReader, RawWriter};
use testkit::at_effort;

use crate::harness::{Child, DEADLINE, Sandbox, again, role};

/// Returns the number of races.
fn races() -> usize {
    at_effort([20, 200, 2000, 10_000])
}

/// The number of races that run in parallel. A race consists mostly of waiting, because a losing
/// writer keeps trying for a moment.
const LANES: usize = 4;

/// Runs races in another process that starts no programs. A started program would have a copy of a
/// lock that is just being taken. Each lane has a separate directory. `race` receives the
/// directory, the region's name, and the number of the race in its lane.
#[track_caller]
fn in_lanes(test: &str, race: impl Fn(&Path, &str, usize) + Sync) {
    if let Some(directory) = role() {
        return thread::scope(|scope| {
            for lane in 0..LANES {
                let (directory, race) = (Path::new(&directory).join(lane.to_string()), &race);
                fs::create_dir(&directory).expect("a directory of a lane");
                let name = directory.join("demo").to_str().expect("UTF-8").to_owned();
                scope.spawn(move || (0..races() / LANES).for_each(|number| race(&directory, &name, number)));
            }
        });
    }
    let s = Sandbox::new();
    let child = Child::start(test, &mut again(test, &s.name("")));
    let limit = DEADLINE + Duration::from_millis(100) * u32::try_from(races()).expect("a few");
    child.stdout().wait_for(limit, |_, ended| ended.then_some(()));
    child.wait().exits(0);
}

/// Runs one race with `count` writers. Returns the winner. All others must get an error that the
/// region has a writer.
fn race(name: &str, count: usize) -> RawWriter {
    let start = Barrier::new(count + 1);
    let attempt = || {
        start.wait();
        RawWriter::open(name, Kind::Text)
    };
    let look = || {
        start.wait();
        (0..20).for_each(|_| check_seen(RawReader::open(name)));
    };
    let attempts: Vec<Result<RawWriter, OpenError>> = thread::scope(|scope| {
        let looking = scope.spawn(look);
        let attempts: Vec<_> = (0..count).map(|_| scope.spawn(attempt)).collect();
        let attempts = attempts.into_iter().map(|thread| thread.join().expect("no panic")).collect();
        looking.join().expect("no panic");
        attempts
    });
    let (won, lost): (Vec<_>, Vec<_>) = attempts.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1, "of {count}: {lost:?}");
    assert!(lost.iter().all(|lost| matches!(lost, Err(OpenError::WriterAlive { .. }))), "{lost:?}");
    won.into_iter().next().expect("one").expect("it won")
}

/// Checks that the region is either whole or missing.
fn check_seen(seen: Result<RawReader, OpenError>) {
    match seen {
        Ok(_) | Err(OpenError::NotFound { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}

// Fault 7.
#[test]
fn of_many_that_make_one_region_at_once_one_wins_and_nobody_sees_half_of_it() {
    const TEST: &str =
        concat!(module_path!(), "::of_many_that_make_one_region_at_once_one_wins_and_nobody_sees_half_of_it");
    in_lanes(TEST, |directory, name, number| {
        let mut writer = race(name, 2 + number % 15);
        writer.publish(b"won").expect("a value");
        writer.remove().expect("the winner's own region");
        assert_eq!(fs::read_dir(directory).expect("the directory of the lane").count(), 0);
    });
}

// Fault 7.
#[test]
fn of_many_that_take_over_one_region_at_once_one_wins_and_numbers_go_on() {
    const TEST: &str =
        concat!(module_path!(), "::of_many_that_take_over_one_region_at_once_one_wins_and_numbers_go_on");
    in_lanes(TEST, |_, name, number| {
        let mut writer = race(name, 2 + number % 15);
        assert_eq!(writer.publish(b"won").expect("a value"), number as u64 + 1);
    });
}
