//! What carries numbered payloads from one process to another: the traits that everything measured implements, and the
//! payloads.
//!
//! A payload has the length that the shape gives. Its first and its last word are its number. The receiver compares them,
//! so that the compiler cannot leave out any work that is measured, and a torn or stale payload is found.

use std::path::Path;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// The number of the payload that ends a measurement.
pub(crate) const END: u64 = u64::MAX;

/// How long payloads are, and how many are held or on their way at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// The length of a payload; at least a word.
    pub bytes: usize,
    /// The number of payloads; a power of two.
    pub slots: u64,
}

/// How a receiver waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Waiting {
    /// It never sleeps.
    Spinning,
    /// As it does by default, which ends in sleep.
    Sleeping,
}

/// A way for payloads from one process to the other.
pub trait Link {
    /// The name that both processes know it by.
    const NAME: &'static str;
    /// The sender's end.
    type Outlet: Outlet;
    /// The receiver's end.
    type Inlet: Inlet;
    /// What sends payloads back in a round trip; usually the same.
    type Back: Link;
}

/// The end of a link where payloads go in. It is created first.
pub trait Outlet: Sized {
    /// Creates this end at `path`, where there is nothing yet. It must not wait for the receiver, which waits as `waiting`
    /// says.
    fn create(path: &Path, shape: Shape, waiting: Waiting) -> Result<Self>;
    /// Sends the payload with this number. It may wait for a receiver that does not keep up, and at first for one to come.
    fn put(&mut self, number: u64) -> Result<()>;
}

/// The end of a link where payloads come out.
pub trait Inlet: Sized {
    /// Attaches to the outlet at `path`. It must not wait for the first payload.
    fn open(path: &Path, shape: Shape, waiting: Waiting) -> Result<Self>;
    /// Waits for the next payload, checks it, and gives its number.
    fn take(&mut self) -> Result<u64>;
}

/// A value that one process overwrites, and whose newest state others read.
pub trait Board {
    /// The name that both processes know it by.
    const NAME: &'static str;
    /// The end that writes.
    type Outlet: Outlet;
    /// The end that reads.
    type Looker: Looker;
}

/// The end of a board that reads the newest value.
pub trait Looker: Sized {
    /// Attaches to the outlet at `path`, which holds a value.
    fn open(path: &Path, shape: Shape) -> Result<Self>;
    /// Copies the newest value out, checks it, and gives its number. `None`: the writer was too fast.
    fn look(&mut self) -> Result<Option<u64>>;
}

/// The length of a word.
pub const WORD: usize = size_of::<u64>();

/// A payload in private memory, as it was received.
#[derive(Debug)]
pub struct Payload(pub Vec<u8>);

impl Payload {
    /// A payload of this length, all zero.
    pub fn new(shape: Shape) -> Self {
        assert!(shape.bytes >= WORD, "a payload holds its number");
        Self(vec![0; shape.bytes])
    }

    /// Its number, if its first and last words agree.
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

/// The number of a payload, if its first and last words agree.
#[inline(always)]
pub fn check(payload: &[u8]) -> Result<u64> {
    let (first, last) =
        (payload.first_chunk().expect("at least a word"), payload.last_chunk().expect("at least a word"));
    whole(u64::from_ne_bytes(*first), u64::from_ne_bytes(*last))
}

/// The number of a payload with these first and last words.
#[inline(always)]
pub fn whole(first: u64, last: u64) -> Result<u64> {
    ensure!(first == last, "a payload begins as number {first} and ends as number {last}");
    Ok(first)
}

/// How many bytes of payloads are prepared, and how many payloads at most.
const PREPARED_BYTES: usize = 16 << 10;
const PREPARED_MAX: u64 = 64;

/// Payloads about to be sent. A small one gets its number long before it is sent: a copy right after the stores of the
/// number would have to wait for these, and for all stores before them.
#[derive(Debug)]
pub struct Prepared {
    payloads: Vec<Payload>,
    mask: u64,
}

impl Prepared {
    /// Payloads of this length.
    pub fn new(shape: Shape) -> Self {
        let count = (PREPARED_BYTES / shape.bytes).max(1) as u64;
        let count = count.min(PREPARED_MAX).next_power_of_two();
        Self { payloads: (0..count).map(|_| Payload::new(shape)).collect(), mask: count - 1 }
    }

    /// Calls `send` with the payload of this number, and prepares one for later.
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
