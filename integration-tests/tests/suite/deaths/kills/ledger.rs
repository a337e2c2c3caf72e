//! A record of everything that was seen of a region. It checks that each value is whole, that each
//! number has one value, and that nothing goes backwards.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::payload::payload;
use crate::harness::DEADLINE;

/// Values that are older than the newest by more than this number are forgotten.
const REMEMBERED: u64 = 100_000;

/// The ledger is shared by all readers of one region.
#[derive(Clone, Default)]
pub struct Ledger(Arc<(Mutex<Pages>, Condvar)>);

#[derive(Default)]
struct Pages {
    values: BTreeMap<u64, Vec<u8>>,
    /// The newest number that the follower has seen, and when it saw it.
    followed: Option<(u64, Instant)>,
    faults: Vec<String>,
}

impl Ledger {
    /// Records a value that a reader has read.
    pub fn enter(&self, sequence: u64, value: &[u8]) {
        let mut pages = self.lock();
        if !is_whole(value) {
            pages.faults.push(format!("value {sequence} is torn: {value:02x?}"));
        }
        let before = pages.values.entry(sequence).or_insert_with(|| value.to_owned()).clone();
        if before != value {
            pages.faults.push(format!("value {sequence} was {before:02x?} and is {value:02x?}"));
        }
        pages.values = pages.values.split_off(&sequence.saturating_sub(REMEMBERED));
    }

    /// Records a value that a follower has read.
    pub fn follow(&self, sequence: u64, value: &[u8]) {
        self.enter(sequence, value);
        let mut pages = self.lock();
        if let Some((last, _)) = pages.followed
            && sequence <= last
        {
            pages.faults.push(format!("value {sequence} came after {last}"));
        }
        pages.followed = Some((sequence, Instant::now()));
        self.0.1.notify_all();
    }

    /// Waits until the follower has reached this number, and returns when it did.
    #[track_caller]
    pub fn wait_for_follower(&self, sequence: u64) -> Instant {
        let deadline = Instant::now() + DEADLINE;
        let mut pages = self.lock();
        loop {
            match pages.followed {
                Some((last, at)) if last >= sequence => return at,
                _ => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(left > Duration::ZERO, "a waiting reader did not get value {sequence}; faults: {:?}", pages.faults);
            pages = self.0.1.wait_timeout(pages, left).expect("no panic under this lock").0;
        }
    }

    pub fn report(&self, fault: String) {
        self.lock().faults.push(fault);
    }

    /// Fails if anything wrong has been recorded.
    #[track_caller]
    pub fn check(&self, place: &dyn std::fmt::Debug) {
        let faults = &self.lock().faults;
        assert!(faults.is_empty(), "{place:?}: {faults:#?}");
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.0.0.lock().expect("no panic under this lock")
    }
}

/// Returns whether a single author published the value. A value of less than a word may contain
/// anything.
fn is_whole(value: &[u8]) -> bool {
    value.first_chunk().is_none_or(|author| payload(u64::from_le_bytes(*author), value.len()) == value)
}

#[test]
fn a_value_of_two_authors_is_not_whole() {
    let (one, two) = (payload(1, 33), payload(2, 33));
    assert!(is_whole(&one) && is_whole(&two) && is_whole(b"") && is_whole(b"1234567"));
    for cut in 1..33 {
        assert!(!is_whole(&[&one[..cut], &two[cut..]].concat()), "{cut}");
    }
}
