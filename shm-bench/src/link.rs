//! Links, which carry numbered payloads from one process to another. This file defines the traits
//! that everything measured implements, and the payloads.
//!
//! The shape gives the length of a payload. The first and the last word of a payload are its
//! number. The receiver compares the two words. This detects a torn or stale payload and prevents
//! the compiler from omitting work that is measured.

use std::path::Path;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// The number of the payload that ends a measurement.
pub(crate) const END: u64 = u64::MAX;

/// The length of payloads, and the maximum number of payloads that are stored or in transit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// The length of a payload in bytes, at least one word.
    pub bytes: usize,
    /// The number of payloads, a power of two.
    pub slots: u64,
}

/// How a receiver waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Waiting {
    /// The receiver never sleeps.
    Spinning,
    /// The receiver waits as it does by default, which ends in sleep.
    Sleeping,
}

/// A way to carry payloads from one process to the other.
pub trait Link {
    /// The name by which both processes refer to the link.
    const NAME: &'static str;
    /// The sender's end.
    type Outlet: Outlet;
    /// The receiver's end.
    type Inlet: Inlet;
    /// The link that sends payloads back in a round trip; usually the same link.
    type Back: Link;
}

/// The sending end of a link. It is created first.
pub trait Outlet: Sized {
    /// Creates this end at `path`, where no file exists yet. It must not wait for the receiver.
    /// `waiting` is how the receiver will wait.
    fn create(path: &Path, shape: Shape, waiting: Waiting) -> Result<Self>;
    /// Sends the payload with this number. It may wait for a receiver that does not keep up, and
    /// before the first payload for a receiver to attach.
    fn put(&mut self, number: u64) -> Result<()>;
}

/// The receiving end of a link.
pub trait Inlet: Sized {
    /// Attaches to the outlet at `path`. It must not wait for the first payload.
    fn open(path: &Path, shape: Shape, waiting: Waiting) -> Result<Self>;
    /// Waits for the next payload, checks it, and returns its number.
    fn take(&mut self) -> Result<u64>;
}

/// A value that one process overwrites and whose newest state other processes read.
pub trait Board {
    /// The name by which both processes refer to the board.
    const NAME: &'static str;
    /// The end that writes.
    type Outlet: Outlet;
    /// The end that reads.
    type Looker: Looker;
}

/// The reading end of a board, which reads the newest value.
pub trait Looker: Sized {
    /// Attaches to the outlet at `path`, which already has a value.
    fn open(path: &Path, shape: Shape) -> Result<Self>;
    /// Copies the newest value out, checks it, and returns its number. Returns `None` if the writer
    /// was too fast.
    fn look(&mut self) -> Result<Option<u64>>;
}

/// Bytes of a word.
pub const WORD: usize = size_of::<u64>();

/// A payload in private memory, as it was received.
#[derive(Debug)]
pub struct Payload(pub Vec<u8>);

impl Payload {
    /// Creates a payload of the length in `shape`, with all bytes zero.
    pub fn new(shape: Shape) -> Self {
        assert!(shape.bytes >= WORD, "a payload has space for its number");
        Self(vec![0; shape.bytes])
    }

    /// Returns the payload's number, if its first and last words are equal.
    #[inline(always)]
    pub fn check(&self) -> Result<u64> {
        check(&self.0)
    }

    #[inline(always)]
    pub(crate) fn first(&self) -> u64 {
        u64::from_ne_bytes(*self.0.first_chunk().expect("at least a word"))
    }

    fn number(&mut self, number: u64) {
        let last = self.0.len() - WORD;
        self.0[..WORD].copy_from_slice(&number.to_ne_bytes());
        self.0[last..].copy_from_slice(&number.to_ne_bytes());
    }
}

/// Returns the number of a payload, if its first and last words are equal.
#[inline(always)]
pub fn check(payload: &[u8]) -> Result<u64> {
    let (first, last) =
        (payload.first_chunk().expect("at least a word"), payload.last_chunk().expect("at least a word"));
    whole(u64::from_ne_bytes(*first), u64::from_ne_bytes(*last))
}

/// Returns the number of a payload with these first and last words, if they are equal.
#[inline(always)]
pub fn whole(first: u64, last: u64) -> Result<u64> {
    ensure!(first == last, "a payload begins as number {first} and ends as number {last}");
    Ok(first)
}

/// How many bytes of payloads are prepared in advance, and the maximum number of payloads.
const PREPARED_BYTES: usize = 16 << 10;
const PREPARED_MAX: u64 = 64;

/// Payloads that are about to be sent. A small payload gets its number long before it is sent. If
/// it were copied right after its number is stored, the copy would have to wait for these stores
/// and for all stores before them.
#[derive(Debug)]
pub struct Prepared {
    payloads: Vec<Payload>,
    mask: u64,
}

impl Prepared {
    /// Creates payloads of the length in `shape`.
    pub fn new(shape: Shape) -> Self {
        let count = (PREPARED_BYTES / shape.bytes).max(1) as u64;
        let count = count.min(PREPARED_MAX).next_power_of_two();
        Self { payloads: (0..count).map(|_| Payload::new(shape)).collect(), mask: count - 1 }
    }

    /// Calls `send` with the payload of this number and prepares a later one.
    #[inline(always)]
    pub fn send<T>(&mut self, number: u64, send: impl FnOnce(&[u8]) -> T) -> T {
        #[expect(clippy::cast_possible_truncation, reason = "below the number of payloads")]
        let payload = &mut self.payloads[(number & self.mask) as usize];
        if payload.first() != number {
            payload.number(number);
        }
        let sent = send(&payload.0);
        payload.number(number.wrapping_add(self.mask + 1));
        sent
    }
}
