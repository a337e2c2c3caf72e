//! The open writer, shared with the thread that closes its region when a signal ends the program. What is published is
//! decided elsewhere.

use std::fs;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use shm_cli::Talk;
use shm_core::{RawWriter, Sequence};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::target::Target;

/// A writer that does not outlive its process without a word. None: it has ended.
#[derive(Clone)]
pub struct Held {
    writer: Arc<Mutex<Option<RawWriter>>>,
    removes: bool,
}

impl Held {
    /// Opens the target's region; from then on a signal closes it, or removes it if it is to be removed at the end.
    pub fn open(target: &Target, removes: bool, talk: Talk) -> Result<Self> {
        let held = Self { writer: Arc::default(), removes };
        held.clone().end_by_signal().context("cannot wait for signals")?;
        let mut slot = held.lock(); // a signal that comes now waits until the writer is there to be closed
        let writer = target.options.open_raw(target.name)?;
        target.tell(&writer, talk);
        *slot = Some(writer);
        drop(slot);
        Ok(held)
    }

    /// Publishes a value.
    pub fn publish(&self, value: &[u8]) -> shm_core::Result<Sequence> {
        self.lock().as_mut().expect(ENDED).publish(value)
    }

    /// The number of the newest value.
    pub fn sequence(&self) -> Sequence {
        self.lock().as_ref().expect(ENDED).sequence()
    }

    /// Closes the region, or removes it.
    pub fn end(&self) -> Result<()> {
        Ok(end(self.lock().take(), self.removes)?)
    }

    fn lock(&self) -> MutexGuard<'_, Option<RawWriter>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the thread in which a signal ends the writer, then the program, as it would have without the thread. A
    /// signal that the program was started to ignore (nohup, a shell's background job) stays ignored.
    fn end_by_signal(self) -> Result<()> {
        let ignored = ignored_signals();
        let wanted = [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
        let mut signals = Signals::new(wanted)?;
        let wait = move || {
            for signal in signals.forever() {
                let mut writer = self.lock(); // and never given back: nobody publishes any more
                let _ = end(writer.take(), self.removes);
                let _ = emulate_default_handler(signal);
            }
        };
        thread::Builder::new().name("signals".to_owned()).spawn(wait)?;
        Ok(())
    }
}

const ENDED: &str = "only `end` takes the writer, and nobody publishes after it";

fn end(writer: Option<RawWriter>, removes: bool) -> shm_core::Result<()> {
    match writer {
        Some(writer) if removes => writer.remove(),
        Some(writer) => writer.close(),
        None => Ok(()),
    }
}

/// The signals that this process ignores, as a mask: bit 0 is signal 1.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
