//! The open writer, shared with the thread that closes its region when a signal ends the program. What is published is
//! decided elsewhere.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use shm_core::{PublishError, RawWriter, Sequence};

/// A writer that does not outlive its process without a word. None: it is not open yet, or has ended.
#[derive(Clone)]
pub struct SharedWriter {
    writer: Arc<Mutex<Option<RawWriter>>>,
    removes: bool,
}

impl SharedWriter {
    /// No writer yet. From now on a signal closes the region of the one that is open then, or removes it if it is to be removed
    /// at the end.
    pub fn new(removes: bool) -> Result<Self> {
        let writer = Self { writer: Arc::default(), removes };
        let at_signal = writer.clone();
        shm_cli::before_end(move || at_signal.end_for_good())?;
        Ok(writer)
    }

    /// Opens a writer, after the one that was open has closed its region.
    pub fn open(&self, open: impl FnOnce() -> Result<RawWriter>) -> Result<()> {
        let mut slot = self.lock(); // a signal that comes now waits until the writer is there to be closed
        end(slot.take(), false)?;
        *slot = Some(open()?);
        Ok(())
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

    /// Removes the region.
    pub fn remove(&self) -> Result<()> {
        Ok(end(self.lock().take(), true)?)
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

const ENDED: &str = "nobody publishes before `open` or after `end`";

fn end(writer: Option<RawWriter>, removes: bool) -> Result<(), PublishError> {
    match writer {
        Some(writer) if removes => writer.remove(),
        Some(writer) => writer.close(),
        None => Ok(()),
    }
}
