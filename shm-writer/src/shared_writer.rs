//! The open writer, shared with the thread that closes its region when a signal ends the program.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use shm_core::{PublishError, RawWriter, Sequence};

/// A writer whose region is closed when a signal ends the program. It holds `None` before it is opened
/// and after it ended.
#[derive(Clone)]
pub struct SharedWriter {
    writer: Arc<Mutex<Option<RawWriter>>>,
    removes: bool,
}

impl SharedWriter {
    /// Creates it without an open writer, and installs the signal handler. A signal closes the region of
    /// the writer that is open at that time, or removes the region if `removes` is set.
    pub fn new(removes: bool) -> Result<Self> {
        let writer = Self { writer: Arc::default(), removes };
        let at_signal = writer.clone();
        shm_cli::before_end(move || at_signal.end_for_good())?;
        Ok(writer)
    }

    /// Closes the region of the current writer, if any, and opens another writer.
    pub fn open(&self, open: impl FnOnce() -> Result<RawWriter>) -> Result<()> {
        let mut slot = self.lock(); // a signal that arrives now waits until there is a writer to close
        end(slot.take(), false)?;
        *slot = Some(open()?);
        Ok(())
    }

    /// Publishes a value.
    pub fn publish(&self, value: &[u8]) -> Result<Sequence, PublishError> {
        self.lock().as_mut().expect(ENDED).publish(value)
    }

    /// Publishes with the writer itself. A signal ends the program when this returns.
    pub fn publish_with<T>(&self, publish: impl FnOnce(&mut RawWriter) -> Result<T>) -> Result<T> {
        publish(self.lock().as_mut().expect(ENDED))
    }

    /// Returns the number of the newest value.
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

    /// Ends the writer and never releases the mutex, so no other thread can publish after this.
    fn end_for_good(&self) {
        let mut writer = self.lock();
        let _ = end(writer.take(), self.removes);
        mem::forget(writer);
    }

    fn lock(&self) -> MutexGuard<'_, Option<RawWriter>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const ENDED: &str = "a writer is open between `open` and `end`";

fn end(writer: Option<RawWriter>, removes: bool) -> Result<(), PublishError> {
    match writer {
        Some(writer) if removes => writer.remove(),
        Some(writer) => writer.close(),
        None => Ok(()),
    }
}
