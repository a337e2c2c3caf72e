//! Carries payloads over files that transport bytes or packets in order. Both ends know the length
//! of a payload.

use crate::peer::wires::Wire;
use anyhow::{Result, ensure};
use shm_bench::{Inlet, Link, Outlet, Prepared, Shape, Waiting, check};
use std::fs::File;
use std::hint::spin_loop;
use std::io::{self, ErrorKind, Read, Write};
use std::marker::PhantomData;
use std::os::fd::OwnedFd;
use std::path::Path;

/// The number of bytes that a receiver reads at once, if that many have arrived.
const TAKEN: usize = 1 << 16;

/// A link over one kind of file.
pub struct Stream<W>(PhantomData<W>);

impl<W: Wire> Link for Stream<W> {
    const NAME: &'static str = W::NAME;
    type Outlet = Output<W>;
    type Inlet = Input<W>;
    type Back = Self;
}

/// The sending end. Its file exists after the receiver has attached.
pub struct Output<W: Wire> {
    door: W::Door,
    file: Option<File>,
    waiting: Waiting,
    prepared: Prepared,
}

impl<W: Wire> Outlet for Output<W> {
    fn create(path: &Path, shape: Shape, waiting: Waiting) -> Result<Self> {
        Ok(Self { door: W::door(path)?, file: None, waiting, prepared: Prepared::new(shape) })
    }

    fn put(&mut self, number: u64) -> Result<()> {
        let Self { door, file, waiting, prepared } = self;
        let file = match file {
            Some(file) => file,
            none => none.insert(set_to(W::accept(door)?, *waiting)?),
        };
        prepared.send(number, |payload| {
            // A packet is sent whole. A stream of bytes may accept only a part at a time.
            for mut rest in payload.chunks(W::PACKET) {
                while !rest.is_empty() {
                    rest = &rest[looking(|| file.write(rest))?..];
                }
            }
            Ok(())
        })
    }
}

/// The receiving end.
pub struct Input<W> {
    file: File,
    arrived: Arrived,
    wire: PhantomData<W>,
}

impl<W: Wire> Inlet for Input<W> {
    fn open(path: &Path, shape: Shape, waiting: Waiting) -> Result<Self> {
        let file = set_to(W::connect(path)?, waiting)?;
        Ok(Self { file, arrived: Arrived::new(shape), wire: PhantomData })
    }

    fn take(&mut self) -> Result<u64> {
        self.arrived.next(|buffer| {
            let count = looking(|| self.file.read(buffer))?;
            ensure!(count > 0, "the other side closed the connection");
            Ok(count)
        })
    }
}

/// Bytes that have arrived and have not been consumed yet.
pub struct Arrived {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    payload_bytes: usize,
}

impl Arrived {
    pub fn new(shape: Shape) -> Self {
        Self { bytes: vec![0; TAKEN.next_multiple_of(shape.bytes)], start: 0, end: 0, payload_bytes: shape.bytes }
    }

    /// Returns the number of the next payload. `fill` waits for more bytes and returns how many it
    /// has stored.
    pub fn next(&mut self, mut fill: impl FnMut(&mut [u8]) -> Result<usize>) -> Result<u64> {
        while self.end - self.start < self.payload_bytes {
            if self.start > 0 {
                self.bytes.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            }
            self.end += fill(&mut self.bytes[self.end..])?;
        }
        let payload = &self.bytes[self.start..][..self.payload_bytes];
        self.start += self.payload_bytes;
        check(payload)
    }
}

/// Returns the file. If its user spins, the file is set to non-blocking.
fn set_to(file: OwnedFd, waiting: Waiting) -> Result<File> {
    rustix::io::ioctl_fionbio(&file, waiting == Waiting::Spinning)?;
    Ok(file.into())
}

/// Repeats a call as long as it would block.
fn looking(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => spin_loop(),
            done => return done,
        }
    }
}
