//! Threads that go on until the test that needs them ends, however it ends.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// Sets a flag when it is dropped: those who watch the flag end also when the test panics.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// let is_over = AtomicBool::new(false);
/// std::thread::scope(|scope| {
///     scope.spawn(|| while !is_over.load(Ordering::Relaxed) {});
///     let _ending = testkit::Ending(&is_over);
///     // What is tested beside the thread.
/// });
/// ```
pub struct Ending<'a>(pub &'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A thread that goes on until it is ended, or dropped. Either waits for the thread.
pub struct Background<T> {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<T>>,
}

impl<T: Send + 'static> Background<T> {
    /// Starts a thread that runs `work`, which returns soon after the flag that it is given is set.
    pub fn start(work: impl FnOnce(&AtomicBool) -> T + Send + 'static) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&is_over);
        Self { is_over, thread: Some(thread::spawn(move || work(&seen))) }
    }
}

impl Background<u64> {
    /// Starts a thread that runs `step` again and again, and counts how often it did.
    pub fn repeat(mut step: impl FnMut() + Send + 'static) -> Self {
        Self::start(move |is_over| {
            let mut count = 0;
            while !is_over.load(Ordering::Relaxed) {
                step();
                count += 1;
            }
            count
        })
    }
}

impl<T> Background<T> {
    /// Ends the thread, and returns what it came to.
    ///
    /// # Panics
    ///
    /// Panics if the thread has panicked, with its message.
    pub fn end(mut self) -> T {
        self.is_over.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("it is ended once");
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl<T> Drop for Background<T> {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        if !thread::panicking() && matches!(ended, Some(Err(_))) {
            panic!("a thread in the background has panicked");
        }
    }
}

#[test]
fn a_flag_is_set_when_its_guard_goes_also_by_a_panic() {
    let is_over = AtomicBool::new(false);
    let panicked = std::panic::catch_unwind(|| {
        let _ending = Ending(&is_over);
        panic!("as it was told to");
    });
    assert!(panicked.is_err() && is_over.load(Ordering::Relaxed));
}

#[test]
fn a_thread_in_the_background_ends_when_it_is_told_to_and_when_it_is_dropped() {
    let ended = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ended);
    drop(Background::start(move |is_over| {
        while !is_over.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        seen.store(true, Ordering::Relaxed);
    }));
    assert!(ended.load(Ordering::Relaxed), "it has ended before the guard is gone");
    let counter = Background::repeat(thread::yield_now);
    let _count: u64 = counter.end();
}
