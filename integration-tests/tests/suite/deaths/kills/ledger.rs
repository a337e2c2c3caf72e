//! What was ever seen of a region: each value whole, each number with one value, and nothing that goes back.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::payload::payload;
use crate::harness::DEADLINE;

/// Numbers so far behind the newest are forgotten.
const REMEMBERED: u64 = 100_000;

/// Shared by all who look at one region.
#[derive(Clone, Default)]
pub struct Ledger(Arc<(Mutex<Pages>, Condvar)>);

#[derive(Default)]
struct Pages {
    values: BTreeMap<u64, Vec<u8>>,
    /// The newest number that the follower has seen, and when.
    followed: Option<(u64, Instant)>,
    faults: Vec<String>,
}

impl Ledger {
    /// Enters a value that somebody has read.
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

    /// The same for a reader that follows the region.
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

    /// Waits until a follower has got as far as this, and says when it did.
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

    /// Fails if anything was wrong so far.
    #[track_caller]
    pub fn check(&self, place: &dyn std::fmt::Debug) {
        let faults = &self.lock().faults;
        assert!(faults.is_empty(), "{place:?}: {faults:#?}");
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.0.0.lock().expect("no panic under this lock")
    }
}

/// Whether a value is one that a single author published. Of less than a word, anything may be.
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
