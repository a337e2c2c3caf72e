//! Many that race to make one region, through the library, because so many programs could not be started.

use std::sync::Barrier;
use std::thread;

use shm_core::{Error, Kind, RawReader, RawWriter, Result};
use testkit::at_effort;

use crate::harness::Sandbox;

/// How many races there are.
fn races() -> usize {
    at_effort([20, 200, 2000, 10_000])
}

/// One race of so many. Returns the writer that won; all others are told that there is one.
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
    let attempts: Vec<Result<RawWriter>> = thread::scope(|scope| {
        let looking = scope.spawn(look);
        let attempts: Vec<_> = (0..count).map(|_| scope.spawn(attempt)).collect();
        let attempts = attempts.into_iter().map(|thread| thread.join().expect("no panic")).collect();
        looking.join().expect("no panic");
        attempts
    });
    let (won, lost): (Vec<_>, Vec<_>) = attempts.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1, "of {count}: {lost:?}");
    assert!(lost.iter().all(|lost| matches!(lost, Err(Error::WriterAlive { .. }))), "{lost:?}");
    won.into_iter().next().expect("one").expect("it won")
}

/// A region is there and whole, or it is not there.
fn check_seen(seen: Result<RawReader>) {
    match seen {
        Ok(_) | Err(Error::NotFound { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}

// Fault 7.
#[test]
fn of_many_that_make_one_region_at_once_one_wins_and_nobody_sees_half_of_it() {
    let s = Sandbox::new();
    let name = s.name("demo");
    for race_number in 0..races() {
        let mut writer = race(&name, 2 + race_number % 15);
        writer.publish(b"won").expect("a value");
        writer.remove().expect("the winner's own region");
        assert_eq!(s.files(), [""; 0]);
    }
}

// Fault 7.
#[test]
fn of_many_that_take_over_one_region_at_once_one_wins_and_numbers_go_on() {
    let s = Sandbox::new();
    let name = s.name("demo");
    for race_number in 0..races() {
        let mut writer = race(&name, 2 + race_number % 15);
        assert_eq!(writer.publish(b"won").expect("a value"), race_number as u64 + 1);
    }
}
