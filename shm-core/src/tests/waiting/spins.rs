//! Tests of waits that never sleep: alone, and in readers with this strategy.

use super::{Memory, SPIN_NS, memory};
use crate::reader::follow::SLICE;
use crate::reader::sleeper::{Sleeper, WaitOutcome, WaitStrategy, spin};
use crate::{Kind, Position, RawReader, RawWriter, ReceiveError};
use std::cell::Cell;
use std::sync::atomic::Ordering::Release;
use std::time::{Duration, Instant};

#[test]
fn spinning_polls_repeatedly_but_not_forever() {
    let asked = Cell::new(0);
    let after = |count: u32| {
        asked.set(0);
        spin(|| asked.replace(asked.get() + 1) >= count)
    };
    assert!(after(0) && asked.get() == 1, "at once");
    assert!(after(1) && after(2) && after(100));
    assert!(!after(u32::MAX) && asked.get() > 100, "but not for ever");
}

#[test]
fn a_spinning_wait_continues_until_the_value_is_near_and_never_sleeps() {
    let memory = memory();
    let mut sleeper = Sleeper::new(WaitStrategy::Spin, SPIN_NS);
    for _ in 0..3 {
        assert_eq!(asks_until_near(&mut sleeper, &memory, 1000), 1001);
    }
    // This must also hold after it has polled for a whole slice.
    let start = Instant::now();
    assert_eq!(sleeper.wait(&memory.hot.bell, 0, Duration::MAX, || false), WaitOutcome::TimedOut);
    assert!(start.elapsed() >= SLICE);
    assert_eq!(asks_until_near(&mut sleeper, &memory, 1000), 1001);
}

/// Waits until the value is near, which it is after `is_near` was called `count` times. Returns the
/// number of calls.
///
/// A slice may pass without a sleep if this thread gets no processor for that long, so there are three
/// tries. A wait that does sleep would sleep immediately in each of them, because the bell has not
/// changed for long enough.
fn asks_until_near(sleeper: &mut Sleeper, memory: &Memory, count: u32) -> u32 {
    let asked = Cell::new(0);
    let is_near = || asked.replace(asked.get() + 1) >= count;
    let mut tries = (0..3).map(|_| sleeper.wait(&memory.hot.bell, 0, Duration::MAX, is_near));
    assert_eq!(tries.find(|outcome| *outcome != WaitOutcome::TimedOut), Some(WaitOutcome::Changed));
    asked.get()
}

#[test]
fn a_polling_wait_ends_when_the_value_is_near() {
    let memory = memory();
    assert_eq!(
        Sleeper::new(WaitStrategy::Block, SPIN_NS).wait(&memory.hot.bell, 0, Duration::MAX, || true),
        WaitOutcome::Changed
    );
}

#[test]
fn a_spinning_wait_notices_the_bell_and_the_timeout() {
    let memory = memory();
    let mut sleeper = Sleeper::new(WaitStrategy::Spin, SPIN_NS);
    for timeout in [Duration::ZERO, Duration::from_micros(100)] {
        let mut time_out = || {
            let start = Instant::now();
            assert_eq!(sleeper.wait(&memory.hot.bell, 0, timeout, || false), WaitOutcome::TimedOut);
            start.elapsed()
        };
        let passed: Vec<_> = (0..20).map(|_| time_out()).collect();
        assert!(passed.iter().all(|passed| *passed >= timeout));
        assert!(passed.iter().any(|passed| *passed < SLICE), "{timeout:?} is less than a slice: {passed:?}");
    }
    memory.hot.bell.store(1, Release);
    assert_eq!(sleeper.wait(&memory.hot.bell, 0, Duration::MAX, || false), WaitOutcome::Changed);
}

/// A region with its writer, and a reader of the region that spins.
fn spinning() -> (tempfile::TempDir, RawWriter, RawReader) {
    let directory = tempfile::tempdir().unwrap();
    let name = format!("{}/room", directory.path().display());
    let writer = RawWriter::options().kind(Kind::Bytes).slots(4).open_raw(&name).unwrap();
    let reader = RawReader::options().wait_strategy(WaitStrategy::Spin).start(Position::New).open_raw(&name).unwrap();
    (directory, writer, reader)
}

#[test]
fn a_spinning_reader_receives_values_and_notices_the_close() {
    let (_directory, mut writer, mut reader) = spinning();
    let received = std::thread::scope(|scope| {
        let receiving = scope.spawn(|| {
            let values = std::iter::from_fn(|| reader.recv().unwrap());
            values.map(|sample| sample.lost + 1).sum::<u64>()
        });
        for _ in 0..1000 {
            writer.publish(b"value").unwrap();
            std::thread::yield_now();
        }
        writer.close().unwrap();
        receiving.join().unwrap()
    });
    assert_eq!(received, 1000, "each came or was counted as lost");
    assert!(reader.is_ended());
}

#[test]
fn a_spinning_reader_stops_at_its_timeout() {
    let (_directory, _writer, mut reader) = spinning();
    for timeout in [Duration::ZERO, Duration::from_millis(1), 2 * SLICE] {
        let start = Instant::now();
        assert_eq!(reader.recv_timeout(timeout).unwrap().value(), None);
        assert!(start.elapsed() >= timeout);
    }
    assert!(!reader.is_ended());
}

#[test]
fn a_spinning_reader_notices_a_removal() {
    let (directory, _writer, mut reader) = spinning();
    std::fs::remove_file(directory.path().join("room")).unwrap();
    assert!(matches!(reader.recv(), Err(ReceiveError::Gone { .. })));
}
