//! The open writer, shared with the thread that closes its region when a signal ends the program. What is published is
//! decided elsewhere.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use shm_cli::Talk;
use shm_core::{PublishError, RawWriter, Sequence};

use crate::target::Target;

/// A writer that does not outlive its process without a word. None: it has ended.
#[derive(Clone)]
pub struct SharedWriter {
    writer: Arc<Mutex<Option<RawWriter>>>,
    removes: bool,
}

impl SharedWriter {
    /// Opens the target's region; from then on a signal closes it, or removes it if it is to be removed at the end.
    pub fn open(target: &Target, removes: bool, talk: Talk) -> Result<Self> {
        let held = Self { writer: Arc::default(), removes };
        let at_signal = held.clone();
        shm_cli::before_end(move || at_signal.end_for_good())?;
        let mut slot = held.lock(); // a signal that comes now waits until the writer is there to be closed
        let writer = target.options.open_raw(target.name)?;
        target.report_opened(&writer, talk);
        *slot = Some(writer);
        drop(slot);
        Ok(held)
    }

    /// Publishes a value.
    pub fn publish(&self, value: &[u8]) -> Result<Sequence, PublishError> {
        self.lock().as_mut().expect(ENDED).publish(value)
    }

    /// The number of the newest value.
    pub fn head(&self) -> Sequence {
        self.lock().as_ref().expect(ENDED).head()
    }

    /// Closes the region, or removes it.
    pub fn end(&self) -> Result<()> {
        Ok(end(self.lock().take(), self.removes)?)
    }

    /// Ends it, and keeps the lock: nobody publishes any more.
    fn end_for_good(&self) {
        let mut writer = self.lock();
        let _ = end(writer.take(), self.removes);
        mem::forget(writer);
    }

    fn lock(&self) -> MutexGuard<'_, Option<RawWriter>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const ENDED: &str = "only `end` takes the writer, and nobody publishes after it";

fn end(writer: Option<RawWriter>, removes: bool) -> Result<(), PublishError> {
    match writer {
        Some(writer) if removes => writer.remove(),
        Some(writer) => writer.close(),
        None => Ok(()),
    }
}
