//! Runs an action before a signal ends the program.

use std::fs;
use std::sync::mpsc::{self, TryRecvError};
use std::thread;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// Starts a thread that calls `action` when SIGHUP, SIGINT or SIGTERM arrives, and then ends the
/// program by that signal. A signal that the program was started to ignore (by nohup, or as a shell's
/// background job) stays ignored.
///
/// Returns when the thread is running. The standard library ends the program if there is no memory to
/// start a thread, and the caller's next step may use all memory that is left.
pub fn before_end(action: impl Fn() + Send + 'static) -> Result<()> {
    let ignored = ignored_signals();
    let wanted = [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let mut signals = Signals::new(wanted).context("cannot wait for signals")?;
    let (running, runs) = mpsc::channel();
    let wait = move || {
        let _ = running.send(());
        for signal in signals.forever() {
            action();
            let _ = emulate_default_handler(signal);
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(wait).context("cannot wait for signals")?;
    while runs.try_recv() == Err(TryRecvError::Empty) {
        thread::yield_now(); // a blocking receive would hang if its wake-up were lost
    }
    Ok(())
}

/// Returns the signals that this process ignores, as a mask in which bit 0 is signal 1.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
