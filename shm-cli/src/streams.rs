//! The standard streams, as the programs use them.
//!
//! A stream can be non-blocking: all processes that inherited a pipe or a terminal share this setting, so
//! any of them can have changed it. Reading and writing then wait here, as they do for other streams.

use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Read, StdoutLock, Write};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

const BUFFER_BYTES: usize = 64 << 10;

/// A stream that waits when a non-blocking one would return an error.
struct Waiting<S>(S);

impl<S: AsFd> Waiting<S> {
    fn retry<T>(&mut self, event: PollFlags, mut attempt: impl FnMut(&mut S) -> io::Result<T>) -> io::Result<T> {
        loop {
            match attempt(&mut self.0) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => await_event(&self.0, event)?,
                result => return result,
            }
        }
    }
}

fn await_event(stream: &impl AsFd, event: PollFlags) -> io::Result<()> {
    match poll(&mut [PollFd::new(stream, event)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

impl<S: AsFd + Read> Read for Waiting<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.retry(PollFlags::IN, |stream| stream.read(buffer))
    }
}

impl<S: AsFd + Write> Write for Waiting<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.retry(PollFlags::OUT, |stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.retry(PollFlags::OUT, S::flush)
    }
}

/// Returns the buffered standard input.
pub fn stdin() -> impl BufRead + Send {
    BufReader::with_capacity(BUFFER_BYTES, Waiting(io::stdin()))
}

/// Returns the buffered standard output. Its errors say that writing to stdout failed.
pub fn stdout() -> impl Write {
    BufWriter::with_capacity(BUFFER_BYTES, Stdout(Waiting(io::stdout().lock())))
}

/// Writes bytes to the standard error. Errors are ignored, because they could not be reported either.
pub(crate) fn write_stderr(bytes: &[u8]) {
    let _ = Waiting(io::stderr()).write_all(bytes);
}

struct Stdout(Waiting<StdoutLock<'static>>);

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(named)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(named)
    }
}

fn named(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::Interrupted => error, // the caller tries again
        kind => io::Error::new(kind, format!("cannot write to stdout: {error}")),
    }
}

/// Returns an error if the program that reads the standard output has ended. A program that waits would
/// otherwise find this out at its next output, which may never come.
pub fn refuse_closed_stdout() -> io::Result<()> {
    let stdout = io::stdout();
    let mut polled = [PollFd::new(&stdout, PollFlags::empty())];
    let events = poll(&mut polled, Some(&Timespec::default()));
    match polled[0].revents().intersects(PollFlags::ERR | PollFlags::HUP) && events.is_ok() {
        true => Err(ErrorKind::BrokenPipe.into()),
        false => Ok(()),
    }
}
