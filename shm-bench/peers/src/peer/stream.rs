//! Messages over files that carry bytes in order: pipes and stream sockets. Both sides know how long a message is.

use crate::job::{Job, Waiting};
use crate::link::Link;
use crate::mate::Mate;
use anyhow::{Result, ensure};
use std::fs::File;
use std::hint::spin_loop;
use std::io::{ErrorKind, Read, Write};
use std::marker::PhantomData;
use std::os::fd::OwnedFd;

/// How much a receiver takes at once, if so much has come.
const TAKEN: usize = 1 << 18;

/// Where the files come from. The first is for input, the second for output.
pub trait Files {
    fn make(job: &Job, mate: &mut Mate) -> Result<[OwnedFd; 2]>;
    fn join(job: &Job, word: &str) -> Result<[OwnedFd; 2]>;
}

/// One end.
pub struct Stream<F> {
    input: File,
    output: File,
    message_bytes: usize,
    // Bytes that came and were not handed over yet.
    taken: Vec<u8>,
    filled: usize,
    files: PhantomData<F>,
}

impl<F: Files> Stream<F> {
    fn new(job: &Job, [input, output]: [OwnedFd; 2]) -> Result<Self> {
        if job.waiting == Waiting::Spin {
            rustix::io::ioctl_fionbio(&input, true)?;
            rustix::io::ioctl_fionbio(&output, true)?;
        }
        let message_bytes = job.message_bytes;
        let taken = vec![0; TAKEN.next_multiple_of(message_bytes)];
        let (input, output) = (input.into(), output.into());
        Ok(Self { input, output, message_bytes, taken, filled: 0, files: PhantomData })
    }
}

impl<F: Files> Link for Stream<F> {
    fn make(job: &Job, mate: &mut Mate) -> Result<Self> {
        Self::new(job, F::make(job, mate)?)
    }

    fn join(job: &Job, word: &str) -> Result<Self> {
        Self::new(job, F::join(job, word)?)
    }

    fn send(&mut self, message: &[u8]) -> Result<()> {
        let mut sent = 0;
        while sent < message.len() {
            sent += looking(|| self.output.write(&message[sent..]))?;
        }
        Ok(())
    }

    fn receive(&mut self, message: &mut Vec<u8>) -> Result<()> {
        let mut filled = 0;
        while filled < self.message_bytes {
            let count = looking(|| self.input.read(&mut message[filled..]))?;
            ensure!(count > 0, "the other side closed the connection");
            filled += count;
        }
        Ok(())
    }

    fn receive_all(&mut self, _: &mut Vec<u8>, each: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        while self.filled < self.message_bytes {
            let count = looking(|| self.input.read(&mut self.taken[self.filled..]))?;
            ensure!(count > 0, "the other side closed the connection");
            self.filled += count;
        }
        let whole = self.filled - self.filled % self.message_bytes;
        for message in self.taken[..whole].chunks_exact(self.message_bytes) {
            each(message)?;
        }
        self.taken.copy_within(whole..self.filled, 0);
        self.filled -= whole;
        Ok(())
    }
}

/// Calls again for as long as there would be a wait.
pub fn looking(mut call: impl FnMut() -> std::io::Result<usize>) -> std::io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => spin_loop(),
            done => return done,
        }
    }
}
