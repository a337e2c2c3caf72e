//! The output of a child so far. A thread collects it, which keeps both sides from blocking on a full or empty pipe.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

#[derive(Clone, Default)]
pub struct Stream(Arc<(Mutex<Content>, Condvar)>);

#[derive(Default)]
struct Content {
    bytes: Vec<u8>,
    ended: bool,
}

impl Stream {
    pub fn of(mut source: impl Read + Send + 'static) -> Self {
        let stream = Self::default();
        let sink = stream.clone();
        thread::spawn(move || {
            let mut chunk = vec![0; 1 << 16];
            while let Ok(count @ 1..) = source.read(&mut chunk) {
                sink.change(|content| content.bytes.extend_from_slice(&chunk[..count]));
            }
            sink.change(|content| content.ended = true);
        });
        stream
    }

    /// Waits until `look` returns a value. It is called with all bytes so far, and with whether the stream has ended.
    pub fn wait_for<T>(&self, limit: Duration, mut look: impl FnMut(&[u8], bool) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + limit;
        let mut content = self.lock();
        loop {
            if let Some(found) = look(&content.bytes, content.ended) {
                return Some(found);
            }
            let rest = deadline.checked_duration_since(Instant::now())?;
            content = self.0.1.wait_timeout(content, rest).expect("no panic under this lock").0;
        }
    }

    /// Returns whether the other end is closed within the limit.
    pub fn ends(&self, limit: Duration) -> bool {
        self.wait_for(limit, |_, ended| ended.then_some(())).is_some()
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.lock().bytes.clone()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.lock().bytes).into_owned()
    }

    fn change(&self, change: impl FnOnce(&mut Content)) {
        change(&mut self.lock());
        self.0.1.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.0.lock().expect("no panic under this lock")
    }
}
