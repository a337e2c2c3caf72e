//! The limits: links over bare shared memory, on the same two processors, without names, times,
//! loss or sleeping readers. They are as fast as possible, because shm is compared with them.

use std::path::Path;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU64, fence};
use std::{hint, thread};

use anyhow::{Result, ensure};
use rustix::thread::futex;

use crate::bare::{Bare, Span};
use crate::link::{Board, Inlet, Link, Looker, Outlet, Payload, Prepared, Shape, WORD, Waiting, whole};

/// Two cache lines, because processors fetch lines in pairs.
const APART: usize = 128;
/// Offset of the slots in a ring: they follow one page, as in a region.
const PAGE: usize = 4096;
/// After this many unsuccessful polls, the thread yields the processor. If there is only one
/// processor, the other process could never run otherwise.
const PATIENCE: u32 = 10_000;

/// Polls until `look` returns something.
#[inline(always)]
pub fn spin<T>(mut look: impl FnMut() -> Option<T>) -> T {
    loop {
        for _ in 0..PATIENCE {
            if let Some(found) = look() {
                return found;
            }
            hint::spin_loop();
        }
        thread::yield_now();
    }
}

/// Waits until the word has changed.
#[inline(always)]
fn await_change(word: &AtomicU64, seen: u64) -> u64 {
    spin(|| Some(word.load(Acquire)).filter(|now| *now != seen))
}

/// The sending end over plain memory, which all of these links use.
pub struct Sender {
    bare: Bare,
    prepared: Prepared,
    count: u64,
}

impl Sender {
    fn create(path: &Path, bytes: usize, shape: Shape) -> Result<Self> {
        Ok(Self { bare: Bare::create(path, bytes)?, prepared: Prepared::new(shape), count: 0 })
    }
}

/// The receiving end.
pub struct Taker {
    bare: Bare,
    payload: Payload,
    count: u64,
}

impl Taker {
    fn open(path: &Path, shape: Shape) -> Result<Self> {
        Ok(Self { bare: Bare::open(path)?, payload: Payload::new(shape), count: 0 })
    }
}

/// Declares the type of a link and the types of its two ends.
macro_rules! link {
    ($(#[$doc:meta])* $link:ident, $name:literal, $outlet:ident, $inlet:ident, back: $back:ident) => {
        $(#[$doc])*
        pub struct $link;
        pub struct $outlet(Sender);
        pub struct $inlet(Taker);

        impl Link for $link {
            const NAME: &'static str = $name;
            type Outlet = $outlet;
            type Inlet = $inlet;
            type Back = $back;
        }
    };
}

link!(
    /// One word. The number is the only payload.
    Word, "word", WordOutlet, WordInlet, back: Word
);

impl Outlet for WordOutlet {
    fn create(path: &Path, shape: Shape, _: Waiting) -> Result<Self> {
        Sender::create(path, PAGE, shape).map(Self)
    }

    #[inline(always)]
    fn put(&mut self, number: u64) -> Result<()> {
        self.0.bare.word(0).store(number, Release);
        Ok(())
    }
}

impl Inlet for WordInlet {
    fn open(path: &Path, shape: Shape, _: Waiting) -> Result<Self> {
        Taker::open(path, shape).map(Self)
    }

    #[inline(always)]
    fn take(&mut self) -> Result<u64> {
        self.0.count = await_change(self.0.bare.word(0), self.0.count);
        Ok(self.0.count)
    }
}

/// Declares a link with a stamp at offset 0 and the payload at `$at`.
macro_rules! stamped_link {
    ($(#[$doc:meta])* $link:ident, $name:literal, $outlet:ident, $inlet:ident, $at:expr) => {
        link!($(#[$doc])* $link, $name, $outlet, $inlet, back: $link);

        impl Outlet for $outlet {
            fn create(path: &Path, shape: Shape, _: Waiting) -> Result<Self> {
                Sender::create(path, $at + shape.bytes, shape).map(Self)
            }

            #[inline(always)]
            fn put(&mut self, number: u64) -> Result<()> {
                let Sender { bare, prepared, count } = &mut self.0;
                *count += 1;
                prepared.send(number, |payload| bare.copy_in($at, payload));
                bare.word(0).store(*count, Release);
                Ok(())
            }
        }

        impl Inlet for $inlet {
            fn open(path: &Path, shape: Shape, _: Waiting) -> Result<Self> {
                Taker::open(path, shape).map(Self)
            }

            #[inline(always)]
            fn take(&mut self) -> Result<u64> {
                let Taker { bare, payload, count } = &mut self.0;
                *count = await_change(bare.word(0), *count);
                bare.copy_out($at, &mut payload.0);
                payload.check()
            }
        }
    };
}

stamped_link!(
    /// A stamp and a payload in one cache line.
    Line, "line", LineOutlet, LineInlet, size_of::<u64>()
);
stamped_link!(
    /// A flag in a separate cache line. The payload is copied in and out next to it.
    Flag, "flag", FlagOutlet, FlagInlet, APART
);

link!(
    /// The same with a bare futex, on which the receiver sleeps. Payloads are sent back without a
    /// futex.
    Futex, "futex", FutexOutlet, FutexInlet, back: Flag
);

impl Outlet for FutexOutlet {
    fn create(path: &Path, shape: Shape, _: Waiting) -> Result<Self> {
        Sender::create(path, APART + shape.bytes, shape).map(Self)
    }

    fn put(&mut self, number: u64) -> Result<()> {
        let Sender { bare, prepared, .. } = &mut self.0;
        prepared.send(number, |payload| bare.copy_in(APART, payload));
        let word = bare.half_word(0);
        word.store(word.load(Relaxed).wrapping_add(1), Release);
        futex::wake(word, futex::Flags::empty(), 1)?;
        Ok(())
    }
}

impl Inlet for FutexInlet {
    fn open(path: &Path, shape: Shape, _: Waiting) -> Result<Self> {
        Taker::open(path, shape).map(Self)
    }

    fn take(&mut self) -> Result<u64> {
        let Taker { bare, payload, count } = &mut self.0;
        let word = bare.half_word(0);
        while u64::from(word.load(Acquire)) == *count {
            let seen = word.load(Relaxed);
            // The call returns immediately if the word has changed since. Whatever the reason for
            // the return, the loop checks the word again.
            if u64::from(seen) == *count {
                let _ = futex::wait(word, futex::Flags::empty(), seen, None);
            }
        }
        *count = u64::from(word.load(Acquire));
        bare.copy_out(APART, &mut payload.0);
        payload.check()
    }
}

const HEAD: usize = APART;
const BELL: usize = HEAD + 8;
const SLOT_HEAD: usize = 24;
const SLOT_ALIGNMENT: usize = 64;

/// The layout of a ring. It is the same as in a region with slots of this size.
#[derive(Clone, Copy)]
struct Places {
    slots: usize,
    stride: usize,
    bytes: usize,
}

impl Places {
    fn new(shape: Shape) -> Result<Self> {
        let stride = (SLOT_HEAD + shape.bytes).next_multiple_of(SLOT_ALIGNMENT);
        Ok(Self { slots: usize::try_from(shape.slots)?, stride, bytes: shape.bytes })
    }

    #[inline(always)]
    fn slot(&self, number: u64) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "the index is taken of its low bits")]
        let index = number as usize & (self.slots - 1);
        PAGE + index * self.stride
    }

    fn end(&self) -> usize {
        PAGE + self.slots * self.stride
    }
}

/// The storing side of a ring like that of shm. It performs the same stores, uses `memcpy` for the
/// payload, and reads no clock.
pub struct Producer {
    end: Sender,
    places: Places,
}

/// The loading side. It performs the same loads.
pub struct Cursor {
    end: Taker,
    places: Places,
}

impl Cursor {
    pub fn attach(path: &Path, shape: Shape) -> Result<Self> {
        Ok(Self { end: Taker::open(path, shape)?, places: Places::new(shape)? })
    }

    /// Copies the newest value. Returns `None` if the value was overwritten meanwhile.
    #[inline(always)]
    pub fn newest(&mut self) -> Option<u64> {
        let Taker { bare, payload, .. } = &mut self.end;
        let head = bare.word(HEAD).load(Acquire);
        let slot = self.places.slot(head);
        if bare.word(slot).load(Acquire) != head * 2 {
            return None;
        }
        bare.copy_out(slot + SLOT_HEAD, &mut payload.0);
        fence(Acquire);
        (bare.word(slot).load(Relaxed) == head * 2).then(|| payload.first())
    }

    /// Returns the first value, for a ring in which nothing more is published.
    pub fn still(&mut self) -> Still<'_> {
        let Taker { bare, payload, .. } = &mut self.end;
        let slot = self.places.slot(1);
        Still { stamp: bare.word(slot), bytes: bare.span(slot + SLOT_HEAD, self.places.bytes), payload }
    }
}

/// A slot that does not change. Its address is computed once.
pub struct Still<'a> {
    stamp: &'a AtomicU64,
    bytes: Span<'a>,
    payload: &'a mut Payload,
}

impl Still<'_> {
    /// Copies the payload and checks the stamp before and after.
    #[inline(always)]
    pub fn look(&mut self) -> Option<u64> {
        let stamp = self.stamp.load(Acquire);
        self.bytes.copy_out(&mut self.payload.0);
        fence(Acquire);
        (self.stamp.load(Relaxed) == stamp).then(|| self.payload.first())
    }
}

/// A ring like that of shm, without a clock. Payloads are copied in and out. It can also be read as
/// a board, for its newest value.
pub struct Ring;

impl Link for Ring {
    const NAME: &'static str = "ring";
    type Outlet = Producer;
    type Inlet = Cursor;
    type Back = Self;
}

impl Board for Ring {
    const NAME: &'static str = <Self as Link>::NAME;
    type Outlet = Producer;
    type Looker = Cursor;
}

impl Looker for Cursor {
    fn open(path: &Path, shape: Shape) -> Result<Self> {
        Self::attach(path, shape)
    }

    /// Reads the newest value of the ring, repeatedly until it is whole.
    #[inline(always)]
    fn look(&mut self) -> Result<Option<u64>> {
        loop {
            if let Some(number) = self.newest() {
                return Ok(Some(number));
            }
        }
    }
}

impl Producer {
    fn make(path: &Path, shape: Shape) -> Result<Self> {
        let places = Places::new(shape)?;
        Ok(Self { end: Sender::create(path, places.end(), shape)?, places })
    }

    /// Stores the next value. `fill` receives the offset of the value's payload.
    #[inline(always)]
    fn store(&mut self, fill: impl FnOnce(&Bare, usize, &mut Prepared)) {
        let Sender { bare, prepared, count } = &mut self.end;
        *count += 1;
        let slot = self.places.slot(*count);
        bare.word(slot).store(*count * 2 - 1, Relaxed);
        fence(Release);
        bare.word(slot + 8).store(self.places.bytes as u64, Relaxed);
        bare.word(slot + 16).store(0, Relaxed);
        fill(bare, slot + SLOT_HEAD, prepared);
        bare.word(slot).store(*count * 2, Release);
        bare.word(HEAD).store(*count, Release);
        bare.half_word(BELL).store(bare.half_word(BELL).load(Relaxed).wrapping_add(1), Release);
    }
}

impl Cursor {
    /// Waits for the next value. `get` receives the offset of the value's payload.
    #[inline(always)]
    fn load(&mut self, get: impl FnOnce(&Bare, usize, &mut Payload) -> Result<u64>) -> Result<u64> {
        let Taker { bare, payload, count } = &mut self.end;
        *count += 1;
        let slot = self.places.slot(*count);
        let stamp = spin(|| Some(bare.word(slot).load(Relaxed)).filter(|stamp| *stamp >= *count * 2));
        fence(Acquire);
        let bytes = bare.word(slot + 8).load(Relaxed);
        hint::black_box(bare.word(slot + 16).load(Relaxed));
        let number = get(bare, slot + SLOT_HEAD, payload);
        fence(Acquire);
        let is_whole = bare.word(slot).load(Relaxed) == stamp && stamp == *count * 2;
        ensure!(is_whole && bytes == self.places.bytes as u64, "value {count} was overwritten");
        number
    }
}

impl Outlet for Producer {
    fn create(path: &Path, shape: Shape, _: Waiting) -> Result<Self> {
        Self::make(path, shape)
    }

    #[inline(always)]
    fn put(&mut self, number: u64) -> Result<()> {
        self.store(|bare, at, prepared| prepared.send(number, |payload| bare.copy_in(at, payload)));
        Ok(())
    }
}

impl Inlet for Cursor {
    fn open(path: &Path, shape: Shape, _: Waiting) -> Result<Self> {
        Self::attach(path, shape)
    }

    #[inline(always)]
    fn take(&mut self) -> Result<u64> {
        self.load(|bare, at, payload| {
            bare.copy_out(at, &mut payload.0);
            payload.check()
        })
    }
}

/// The same ring, with payloads written and read in place.
pub struct RingInPlace;
pub struct InPlaceProducer(Producer);
pub struct InPlaceCursor(Cursor);

impl Link for RingInPlace {
    const NAME: &'static str = "ring in place";
    type Outlet = InPlaceProducer;
    type Inlet = InPlaceCursor;
    type Back = Self;
}

impl Outlet for InPlaceProducer {
    fn create(path: &Path, shape: Shape, _: Waiting) -> Result<Self> {
        Producer::make(path, shape).map(Self)
    }

    #[inline(always)]
    fn put(&mut self, number: u64) -> Result<()> {
        let last = self.0.places.bytes - WORD;
        self.0.store(|bare, at, _| {
            bare.word(at).store(number, Relaxed);
            bare.word(at + last).store(number, Relaxed);
        });
        Ok(())
    }
}

impl Inlet for InPlaceCursor {
    fn open(path: &Path, shape: Shape, _: Waiting) -> Result<Self> {
        Cursor::attach(path, shape).map(Self)
    }

    #[inline(always)]
    fn take(&mut self) -> Result<u64> {
        let last = self.0.places.bytes - WORD;
        self.0.load(|bare, at, _| whole(bare.word(at).load(Relaxed), bare.word(at + last).load(Relaxed)))
    }
}
