//! Tests of single sleeps and single wakes.

use super::{SPIN_NS, check_wakes, memory};
use crate::reader::sleeper::{Sleeper, WaitOutcome, WaitStrategy};
use crate::sys::futex::wake;
use crate::writer::waker::Waker;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::time::Duration;

#[test]
fn a_wait_times_out_if_the_bell_does_not_ring() {
    let memory = memory();
    for timeout in [Duration::ZERO, Duration::from_nanos(SPIN_NS / 2), Duration::from_nanos(2 * SPIN_NS)] {
        assert_eq!(
            Sleeper::new(WaitStrategy::Block, SPIN_NS).wait(&memory.hot.bell, 0, timeout, || false),
            WaitOutcome::TimedOut,
            "{timeout:?}"
        );
    }
}

#[test]
fn a_sleeper_that_has_polled_still_notices_the_bell_and_the_timeout() {
    let memory = memory();
    let mut sleeper = Sleeper::new(WaitStrategy::Block, SPIN_NS);
    for timeout_ns in [SPIN_NS, 0, SPIN_NS] {
        assert_eq!(
            sleeper.wait(&memory.hot.bell, 0, Duration::from_nanos(timeout_ns), || false),
            WaitOutcome::TimedOut
        );
    }
    memory.hot.bell.store(1, Release);
    assert_eq!(sleeper.wait(&memory.hot.bell, 0, Duration::MAX, || false), WaitOutcome::Changed);
}

#[test]
fn the_longest_wait_ends_after_a_slice() {
    // The slice ends the wait. Without it, the wait would never end.
    assert_eq!(
        Sleeper::new(WaitStrategy::Block, SPIN_NS).wait(&memory().hot.bell, 0, Duration::MAX, || false),
        WaitOutcome::TimedOut
    );
}

#[test]
fn a_wake_ends_a_sleep_even_if_the_bell_is_unchanged() {
    let memory = memory();
    let woken = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !woken.load(Relaxed) {
                wake(memory.hot.bell.word());
            }
        });
        let mut sleeper = Sleeper::new(WaitStrategy::Block, SPIN_NS);
        while sleeper.wait(&memory.hot.bell, 0, Duration::MAX, || false) != WaitOutcome::Woken {}
        woken.store(true, Relaxed);
    });
}

#[test]
fn only_calls_to_the_kernel_count_as_wakes() {
    let memory = memory();
    let mut waker = Waker::new(SPIN_NS);
    check_wakes(&mut waker, &[(0, true), (0, true)]);
    assert_eq!(waker.wakes(), 0);
    waker.wake(&memory.hot.bell);
    assert_eq!(waker.wakes(), 1);
}
