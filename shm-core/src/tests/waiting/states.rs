//! Tests of changes of state while readers sleep or are about to sleep. The readers must see each
//! change immediately, and not only when a slice of sleep ends.
//!
//! `SHM_EFFORT=3 cargo test --release -p shm-core --lib tests::waiting::states -- --nocapture --test-threads=1`
//! tries 100,000 changes, a quarter of each kind.

use super::SPIN_NS;
use super::stress::spin;
use crate::reader::sleeper::{Sleeper, WaitOutcome, WaitStrategy};
use crate::region::location::Location;
use crate::region::{MAX_REGION_BYTES, Region};
use crate::sys::file::Access;
use crate::{Kind, RawWriter, remove};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::Duration;
use testkit::at_effort;

/// How many changes may be seen late, regardless of their total number: the thread that makes a change
/// may be delayed for a whole slice of sleep.
const LATE: usize = 2;
/// A wake must reach all of them.
const READERS: usize = 3;
/// After this time the readers are most likely asleep.
const DOZE: Duration = Duration::from_micros(150);

/// A directory with one region in it, and the region's location.
struct TestRegion {
    _directory: tempfile::TempDir,
    location: Location,
}

impl TestRegion {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let location = Location::resolve(&directory.path().join("room")).unwrap();
        Self { _directory: directory, location }
    }

    fn writer(&self) -> RawWriter {
        RawWriter::options().kind(Kind::Bytes).slots(2).capacity(8).open_raw(&self.location.name).unwrap()
    }

    fn mapped(&self) -> Region {
        Region::open(&self.location, Access::Read, MAX_REGION_BYTES).unwrap()
    }
}

/// Whether a reader overlooks a change that comes after it has read the state and before it sleeps.
fn is_overlooked<T>(region: &Region, change: impl FnOnce() -> T) -> bool {
    let seen = region.ring().bell();
    let _writer = change();
    Sleeper::new(WaitStrategy::Block, SPIN_NS).wait(&region.header().hot.bell, seen, Duration::MAX, || false)
        != WaitOutcome::Changed
}

/// Whether one of several sleeping readers sees a change only after a slice of sleep has passed.
fn is_late<T>(region: &Region, change: impl FnOnce() -> T) -> bool {
    let ready = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let readers = [(); READERS].map(|()| scope.spawn(|| sleeps_through(region, &ready)));
        while ready.load(Acquire) < READERS {
            std::thread::yield_now();
        }
        spin(DOZE);
        // Keep a writer that the change returns: dropping it would close the region, which wakes readers, too.
        let _writer = change();
        readers.map(|reader| reader.join().unwrap()).contains(&true)
    })
}

/// Waits as a reading handle does until the state changes. Returns whether a slice of sleep passed
/// before the reader saw the change.
fn sleeps_through(region: &Region, ready: &AtomicUsize) -> bool {
    let (ring, bell) = (region.ring(), &region.header().hot.bell);
    let mut sleeper = Sleeper::new(WaitStrategy::Block, SPIN_NS);
    let first = ring.state();
    ready.fetch_add(1, Release);
    let mut waited = WaitOutcome::Changed;
    loop {
        let seen = ring.bell();
        if ring.state() != first {
            return waited == WaitOutcome::TimedOut;
        }
        waited = sleeper.wait(bell, seen, Duration::MAX, || false);
    }
}

/// Tries a change many times, each time on a new region, which `prepare` brings to its first state.
#[track_caller]
fn check<S, T>(prepare: impl Fn(RawWriter) -> S, change: impl Fn(&TestRegion, S) -> T) {
    let on_new_region = |judge: fn(&Region, &mut dyn FnMut() -> T) -> bool| {
        let test_region = TestRegion::new();
        let mut prepared = Some(prepare(test_region.writer()));
        judge(&test_region.mapped(), &mut || change(&test_region, prepared.take().expect("one change")))
    };
    assert!(!on_new_region(|region, change| is_overlooked(region, change)), "the change did not ring");
    // A quarter of the total, because there are four kinds of changes.
    let rounds = at_effort([10, 40, 2_500, 25_000]);
    let late = (0..rounds).filter(|_| on_new_region(|region, change| is_late(region, change))).count();
    println!("{rounds} changes under {READERS} sleepers each, {late} seen late");
    assert!(late <= LATE, "{late} of {rounds} changes were seen late");
}

#[test]
fn a_close_is_noticed_immediately() {
    check(|writer| writer, |_, writer| drop(writer));
}

#[test]
fn a_writer_that_takes_over_is_noticed_immediately() {
    check(drop, |test_region, ()| test_region.writer());
}

#[test]
fn a_replacement_is_noticed_immediately() {
    let grow = |mut writer: RawWriter| writer.publish(&[0; 64]).map(|_| writer).unwrap();
    check(|writer| writer, |_, writer| grow(writer));
}

#[test]
fn a_removal_is_noticed_immediately() {
    // A writer that dies leaves the region open.
    let die = |writer: RawWriter| {
        let died = catch_unwind(AssertUnwindSafe(|| {
            let _writer = writer;
            resume_unwind(Box::new("died"));
        }));
        assert!(died.is_err());
    };
    check(die, |test_region, ()| remove(&test_region.location.name, false).unwrap());
}
