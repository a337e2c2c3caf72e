//! What is done before a signal ends the program.

use std::fs;
use std::sync::mpsc::{self, TryRecvError};
use std::thread;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// Starts the thread that calls `action` when a signal comes, and then ends the program, as it would have ended without the
/// thread. A signal that the program was started to ignore (nohup, a shell's background job) stays ignored.
///
/// Returns once the thread runs: the standard library ends the program if a thread finds no memory for its start, and
/// what the caller does next may take all that is left.
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
        thread::yield_now(); // not a wait, which would last for ever if its wake were lost
    }
    Ok(())
}

/// The signals that this process ignores, as a mask: bit 0 is signal 1.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
