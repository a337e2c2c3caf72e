//! Threads that run until the test that needs them ends, whether it succeeds or panics.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// Sets a flag when it is dropped. Threads that watch the flag therefore end even if the test
/// panics.
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
///     // The test runs here, while the thread is running.
/// });
/// ```
pub struct Ending<'a>(pub &'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A thread that runs until it is ended or dropped. Both wait for the thread.
pub struct Background<T> {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<T>>,
}

impl<T: Send + 'static> Background<T> {
    /// Starts a thread that runs `work`. `work` must return soon after the flag that it receives is
    /// set.
    pub fn start(work: impl FnOnce(&AtomicBool) -> T + Send + 'static) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&is_over);
        Self { is_over, thread: Some(thread::spawn(move || work(&seen))) }
    }
}

impl Background<u64> {
    /// Starts a thread that runs `step` repeatedly and counts how many times it has run.
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
    /// Ends the thread and returns its result.
    ///
    /// # Panics
    ///
    /// Panics with the thread's message if the thread has panicked.
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
            panic!("a background thread has panicked");
        }
    }
}

#[test]
fn a_flag_is_set_when_its_guard_goes_also_by_a_panic() {
    let is_over = AtomicBool::new(false);
    let panicked = std::panic::catch_unwind(|| {
        let _ending = Ending(&is_over);
        panic!("on purpose");
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
    assert!(ended.load(Ordering::Relaxed), "the thread ends before the guard is dropped");
    let counter = Background::repeat(thread::yield_now);
    let _count: u64 = counter.end();
}
