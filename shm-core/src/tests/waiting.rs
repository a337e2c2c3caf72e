//! Tests of waiting: the rule alone, a single sleep, and writers and readers that disturb each other.

use crate::reader::sleeper::{Sleeper, WaitOutcome, WaitStrategy};
use crate::sys::clock::Moment;
use crate::writer::waker::Waker;
use shm_ring::header::STATE_CLOSED;
use shm_ring::{Memory, Producer, Shape};
use std::sync::atomic::Ordering::Release;
use std::time::Duration;

mod crowds;
mod processes;
mod sleeps;
mod spins;
mod states;
mod stress;

const SPIN_NS: u64 = 20_000;
const HALF_NS: u64 = SPIN_NS / 2;

/// The memory of a ring of 64 small slots, before its first value.
fn memory() -> Memory {
    Memory::new(Shape { slots: 64, stride_words: 16, payload_word: 3, capacity: 64, checksummed: false })
}

/// Asserts for the time of each publication whether it wakes: `(time in ns, wakes)`.
#[track_caller]
fn check_wakes(waker: &mut Waker, publications: &[(u64, bool)]) {
    for (number, &(steady_ns, wakes)) in publications.iter().enumerate() {
        assert_eq!(waker.is_due(Moment { steady_ns, unix_ns: 0 }), wakes, "number {number}, at {steady_ns} ns");
    }
}

// Fault 48.
#[test]
fn the_unix_clock_never_matters() {
    let mut wakers = [Waker::new(SPIN_NS), Waker::new(SPIN_NS)];
    let mut steady_ns = 0;
    for step in 0..10_000_u64 {
        steady_ns += step * 7919 % SPIN_NS;
        // The first clock continues with the steady clock. The second jumps forward and back by years.
        let unix_ns = [steady_ns, step.wrapping_mul(0x9e37_79b9_7f4a_7c15)];
        let due = [0, 1].map(|index| wakers[index].is_due(Moment { steady_ns, unix_ns: unix_ns[index] }));
        assert_eq!(due[0], due[1], "step {step}");
    }
}

#[test]
fn a_restarted_waker_forgets_earlier_publications() {
    let mut waker = Waker::new(SPIN_NS);
    check_wakes(&mut waker, &[(0, true), (1, true), (2, false)]);
    waker.restart(2 * SPIN_NS);
    check_wakes(&mut waker, &[(3, true), (4, true), (3 + HALF_NS, false), (4 + 2 * HALF_NS, true)]);
}

#[test]
fn every_change_of_state_changes_the_bell() {
    let memory = memory();
    let mut producer = Producer::fresh(memory.ring(), 1);
    let before = memory.ring().bell();
    producer.announcer().change_state(memory.ring(), STATE_CLOSED);
    assert_ne!(memory.ring().bell(), before);
}

#[test]
fn a_bell_that_changed_ends_the_wait_immediately() {
    let memory = memory();
    memory.hot.bell.store(8, Release);
    let wait =
        |seen, timeout| Sleeper::new(WaitStrategy::Block, SPIN_NS).wait(&memory.hot.bell, seen, timeout, || false);
    assert_eq!(wait(7, Duration::MAX), WaitOutcome::Changed);
    assert_eq!(wait(7, Duration::ZERO), WaitOutcome::Changed);
    assert_eq!(wait(9, Duration::MAX), WaitOutcome::Changed);
}
