//! The two ends of a way by which numbered payloads go from one process to the other, whatever the way is: ours and each of
//! the limits. How it is measured is not here.
//!
//! A payload is as long as the shape says. Its first and its last word are its number, and whoever takes it looks whether
//! they agree: so nothing that is measured can be left out by the compiler, and a torn or stale payload is found.

use std::path::Path;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::limits::{Flag, Futex, Line, Ring, RingInPlace, Word};
use super::ours::{Copied, InPlace};

/// The number that ends a measurement.
pub const END: u64 = u64::MAX;

/// How payloads go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// A region, copied in and out.
    Ours,
    /// A region, filled and looked at in place.
    OursInPlace,
    /// One word; no payload but the number.
    Word,
    /// Stamp and payload in one cache line.
    Line,
    /// A flag in a line of its own, and the payload copied in and out beside it.
    Flag,
    /// The same with a bare futex: the taker sleeps.
    Futex,
    /// A ring like ours without a clock, the payload copied in and out.
    Ring,
    /// The same, filled and looked at in place.
    RingInPlace,
}

/// How long payloads are, and how many are held where several are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    pub bytes: usize,
    pub slots: u64,
}

/// How one of our readers waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Waiting {
    /// It never sleeps.
    Spinning,
    /// It looks for a while, then sleeps.
    Sleeping,
}

/// The end where payloads go in. It is made first.
pub trait Outlet: Sized {
    fn create(path: &Path, shape: Shape) -> Result<Self>;
    fn put(&mut self, number: u64) -> Result<()>;
}

/// The end where they come out.
pub trait Inlet: Sized {
    fn open(path: &Path, shape: Shape, waiting: Waiting) -> Result<Self>;
    /// Waits for the next one.
    fn take(&mut self) -> Result<u64>;
}

/// Both ends of a way, there and back.
pub trait Ends {
    type There: Outlet;
    type Arrival: Inlet;
    type Back: Outlet;
    type Return: Inlet;
}

impl<There: Link, Back: Link> Ends for (There, Back) {
    type There = There::Outlet;
    type Arrival = There::Inlet;
    type Back = Back::Outlet;
    type Return = Back::Inlet;
}

/// One direction of a way.
pub trait Link {
    type Outlet: Outlet;
    type Inlet: Inlet;
}

/// What is done with the ends of a way.
pub trait Job {
    type Outcome;
    fn run<E: Ends>(self) -> Result<Self::Outcome>;
}

impl Way {
    /// Does the job with this way's ends.
    pub fn apply<J: Job>(self, job: J) -> Result<J::Outcome> {
        match self {
            Way::Ours => job.run::<(Copied, Copied)>(),
            Way::OursInPlace => job.run::<(InPlace, InPlace)>(),
            Way::Word => job.run::<(Word, Word)>(),
            Way::Line => job.run::<(Line, Line)>(),
            Way::Flag => job.run::<(Flag, Flag)>(),
            // The sleeper is on the way there alone.
            Way::Futex => job.run::<(Futex, Flag)>(),
            Way::Ring => job.run::<(Ring, Ring)>(),
            Way::RingInPlace => job.run::<(RingInPlace, RingInPlace)>(),
        }
    }
}

pub const WORD: usize = size_of::<u64>();

/// A payload in memory of our own, as it was taken.
pub struct Payload(pub Vec<u8>);

impl Payload {
    pub fn new(shape: Shape) -> Self {
        assert!(shape.bytes >= WORD, "a payload holds its number");
        Self(vec![0; shape.bytes])
    }

    /// Its number, if it is whole as far as that can be seen.
    #[inline(always)]
    pub fn check(&self) -> Result<u64> {
        whole(self.first(), u64::from_ne_bytes(*self.0.last_chunk().expect("at least a word")))
    }

    #[inline(always)]
    pub fn first(&self) -> u64 {
        u64::from_ne_bytes(*self.0.first_chunk().expect("at least a word"))
    }

    fn number(&mut self, number: u64) {
        let last = self.0.len() - WORD;
        self.0[..WORD].copy_from_slice(&number.to_ne_bytes());
        self.0[last..].copy_from_slice(&number.to_ne_bytes());
    }
}

/// How many bytes of payloads are prepared, and how many payloads at most.
const PREPARED_BYTES: usize = 16 << 10;
const PREPARED_MAX: u64 = 64;

/// Payloads about to be sent. Each gets its number long before it is sent, where it is small: a copy just behind the stores
/// of the number would have to wait for these, and for all stores before them.
pub struct Prepared {
    payloads: Vec<Payload>,
    mask: u64,
}

impl Prepared {
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

/// The number of a payload with these first and last words.
#[inline(always)]
pub fn whole(first: u64, last: u64) -> Result<u64> {
    ensure!(first == last, "a payload begins as number {first} and ends as number {last}");
    Ok(first)
}
