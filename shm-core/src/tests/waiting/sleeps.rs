//! Single sleeps and single wakes.

use super::{LOOK_NS, check_wakes, memory};
use crate::reader::sleeper::{Sleeper, Wait, Waited};
use crate::sys::futex::wake;
use crate::writer::waker::Waker;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::time::Duration;

#[test]
fn a_bell_that_stays_silent_lets_time_pass() {
    let memory = memory();
    for timeout in [Duration::ZERO, Duration::from_nanos(LOOK_NS / 2), Duration::from_nanos(2 * LOOK_NS)] {
        assert_eq!(
            Sleeper::new(Wait::Block, LOOK_NS).wait(&memory.hot.bell, 0, timeout, || false),
            Waited::TimedOut,
            "{timeout:?}"
        );
    }
}

#[test]
fn who_has_looked_already_still_sees_the_bell_and_the_timeout() {
    let memory = memory();
    let mut sleeper = Sleeper::new(Wait::Block, LOOK_NS);
    for timeout_ns in [LOOK_NS, 0, LOOK_NS] {
        assert_eq!(sleeper.wait(&memory.hot.bell, 0, Duration::from_nanos(timeout_ns), || false), Waited::TimedOut);
    }
    memory.hot.bell.store(1, Release);
    assert_eq!(sleeper.wait(&memory.hot.bell, 0, Duration::MAX, || false), Waited::Rang);
}

#[test]
fn the_longest_wait_ends_by_itself() {
    // The slice ends it. Without that it would sleep for ever.
    assert_eq!(
        Sleeper::new(Wait::Block, LOOK_NS).wait(&memory().hot.bell, 0, Duration::MAX, || false),
        Waited::TimedOut
    );
}

#[test]
fn a_wake_ends_a_sleep_though_the_bell_is_the_same() {
    let memory = memory();
    let woken = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !woken.load(Relaxed) {
                wake(memory.hot.bell.word());
            }
        });
        let mut sleeper = Sleeper::new(Wait::Block, LOOK_NS);
        while sleeper.wait(&memory.hot.bell, 0, Duration::MAX, || false) != Waited::Woken {}
        woken.store(true, Relaxed);
    });
}

#[test]
fn only_calls_to_the_kernel_count_as_wakes() {
    let memory = memory();
    let mut waker = Waker::new(LOOK_NS);
    check_wakes(&mut waker, &[(0, true), (0, true)]);
    assert_eq!(waker.wakes(), 0);
    waker.wake(&memory.hot.bell);
    assert_eq!(waker.wakes(), 1);
}
