//! Tests of a writer with many sleeping readers. The kernel wakes them one by one while the writer waits.
//!
//! `SHM_EFFORT=3 cargo test -p shm-core --lib tests::waiting::crowds -- --nocapture` measures it with 1000
//! readers.

use crate::tests::test_region::TestRegion;
use crate::{Kind, Position, Received};
use std::fs;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};
use testkit::at_effort;

/// How many publications are measured for each number of readers.
const ROUNDS: usize = 11;
const LONGEST: Duration = Duration::from_secs(60);

/// Waits until each of these threads sleeps.
fn await_sleep(threads: &[i32]) {
    let deadline = Instant::now() + LONGEST;
    let is_asleep = |thread: &i32| {
        let stat = fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'))
    };
    while !threads.iter().all(is_asleep) {
        assert!(Instant::now() < deadline, "not all readers sleep within {LONGEST:?}");
        thread::yield_now();
    }
}

/// Returns the median duration of a publication that wakes this many readers.
fn publication_beside(readers: u64) -> Duration {
    let test_region = &TestRegion::new();
    let mut writer = test_region.writer(Kind::Bytes);
    let (started, threads) = channel();
    thread::scope(|scope| {
        for _ in 0..readers {
            let started = started.clone();
            scope.spawn(move || {
                let mut reader = test_region.reader(Position::New);
                started.send(rustix::thread::gettid().as_raw_nonzero().get()).unwrap();
                let mut received = 0;
                while let Received::Value(_) = reader.recv_timeout(LONGEST).unwrap() {
                    received += 1;
                }
                assert_eq!(received, ROUNDS);
            });
        }
        let threads: Vec<i32> = (0..readers).map(|_| threads.recv_timeout(LONGEST).unwrap()).collect();
        let mut times = [(); ROUNDS].map(|()| {
            await_sleep(&threads);
            let start = Instant::now();
            writer.publish(&[7; 64]).unwrap();
            start.elapsed()
        });
        drop(writer);
        times.sort();
        times[ROUNDS / 2]
    })
}

// Reported 35.
#[test]
fn every_sleeping_reader_is_woken_and_costs_the_writer_some_microseconds() {
    let most = at_effort([10, 100, 1000, 1000]);
    for readers in [0, 1, 10, 100, 1000].into_iter().filter(|readers| *readers <= most) {
        let time = publication_beside(readers);
        println!("{readers} sleeping readers: a publication takes {time:?}");
        assert!(time < Duration::from_millis(100 + readers), "{readers}: {time:?}");
    }
}
