//! Measures one-way rates: one process sends all the time, the other receives.

use std::hint::black_box;
use std::sync::atomic::Ordering::Release;
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::bare::Bare;
use crate::link::{END, Inlet, Link, Outlet, Shape, Waiting};
use crate::ours::{self, Copied};
use crate::second::{self, Order};
use crate::session::{Measure, Session};
use crate::stats::{Run, per_second};
use crate::workplace::{THERE, Workplace};

/// How many bytes the receiver receives before it reports its progress and reads the clock. It does
/// so at least eight times per lap.
const STEP_BYTES: u64 = 16 << 10;
/// How many payloads the flooding side sends before it checks whether the run is over.
const FLOOD_STEP: u64 = 64;
/// The number of multiplications that a follower performs for each value. Each one uses the result
/// of the one before.
const COMPUTATION: usize = 48;
/// Offset of the slots in a region: docs/FORMAT.md, section 2.
const PAGE: usize = 4096;
const SLOTS_ALIGNMENT: usize = 128;

/// Measures payloads that are received without loss: payloads per second.
///
/// The sender waits while the receiver has not yet taken the payload that would be overwritten.
/// Links that make the sender wait themselves are measured in the same way.
pub fn stream<L: Link>(shape: Shape, waiting: Waiting) -> Measure {
    Box::new(move |session| measure::<L>(session, shape, waiting))
}

fn measure<L: Link>(session: &mut Session, shape: Shape, waiting: Waiting) -> Result<Run> {
    session.second.order(&Order::Send { link: L::NAME.to_owned(), shape, waiting })?;
    let mut inlet = L::Inlet::open(&session.workplace.path(THERE), shape, waiting)?;
    let step = (STEP_BYTES / shape.bytes as u64).clamp(1, (shape.slots / 8).max(1));
    let mut number = 0;
    let mut steps = |end: Instant, least: u64| -> Result<u64> {
        let start = number;
        while Instant::now() < end || number - start < least {
            for _ in 0..step {
                number += 1;
                let taken = inlet.take()?;
                ensure!(taken == number, "received number {taken} instead of {number}");
            }
            session.workplace.taken().store(number, Release);
        }
        Ok(number - start)
    };
    // Receive twice around the ring, which touches every page.
    steps(Instant::now() + session.time / 10, 2 * shape.slots)?;
    let start = Instant::now();
    let count = steps(start + session.time, 2 * shape.slots)?;
    let rate = per_second(count, start.elapsed());
    // The sender may be waiting for space. The payloads that it has sent meanwhile do not count.
    session.workplace.stop();
    while inlet.take()? != END {
        number += 1;
        session.workplace.taken().store(number, Release);
    }
    session.second.done()?;
    Ok(Run::of(rate))
}

/// Runs in the second process: sends everything, and waits for a receiver that does not keep up.
pub(crate) fn send<O: Outlet>(workplace: &Workplace, shape: Shape, waiting: Waiting) -> Result<u64> {
    let mut outlet = O::create(&workplace.path(THERE), shape, waiting)?;
    second::ready()?;
    let (mut number, mut room) = (0, shape.slots);
    loop {
        if number == room {
            room = workplace.await_taken(number + 1 - shape.slots) + shape.slots;
            if workplace.is_over() {
                outlet.put(END)?;
                return Ok(number);
            }
        }
        number += 1;
        outlet.put(number)?;
    }
}

/// Runs in the second process: sends as fast as possible, without waiting for a receiver.
pub(crate) fn flood<O: Outlet>(workplace: &Workplace, shape: Shape) -> Result<u64> {
    let mut outlet = O::create(&workplace.path(THERE), shape, Waiting::Spinning)?;
    let mut number = 0;
    // Send once around the ring, which touches every page.
    while number < shape.slots {
        number += 1;
        outlet.put(number)?;
    }
    second::ready()?;
    while !workplace.is_over() {
        for _ in 0..FLOOD_STEP.min(shape.slots) {
            number += 1;
            outlet.put(number)?;
        }
    }
    Ok(number)
}

/// Follows a writer that overruns the ring: values received per second.
pub(crate) fn follow(session: &mut Session, shape: Shape) -> Result<Run> {
    session.second.order(&flood_of_ours(shape))?;
    let mut reader = ours::open(&session.workplace.path(THERE))?;
    let (mut payload, mut lost) = (Vec::new(), 0);
    let mut receive = |end: Instant| -> Result<u64> {
        let mut count = 0;
        while Instant::now() < end {
            for _ in 0..FLOOD_STEP {
                if let Some(sample) = reader.recv_into(&mut payload)? {
                    lost += sample.lost;
                    count += 1;
                    compute(&payload);
                }
            }
        }
        Ok(count)
    };
    receive(Instant::now() + session.time / 10)?;
    let start = Instant::now();
    let count = receive(start + session.time)?;
    let rate = per_second(count, start.elapsed());
    session.workplace.stop();
    session.second.done()?;
    Ok(Run { lost, ..Run::of(rate) })
}

/// Copies one slot after another from the same region, under the same writer, whatever their
/// contents: copies per second.
pub(crate) fn copy_along(session: &mut Session, shape: Shape) -> Result<Run> {
    session.second.order(&flood_of_ours(shape))?;
    let path = session.workplace.path(THERE);
    let info = shm_core::inspect(ours::name(&path)?)?;
    let stride = usize::try_from(info.stride)?;
    let slots = usize::try_from(info.slots)?;
    let payload_offset = usize::try_from(info.payload_offset)?;
    let first = (PAGE + usize::try_from(info.descriptor_bytes)?).next_multiple_of(SLOTS_ALIGNMENT);
    let bare = Bare::open_read_only(&path)?;
    let mut payload = vec![0; shape.bytes];
    let mut slot = 0;
    let mut copy = |end: Instant| {
        let mut count = 0;
        while Instant::now() < end {
            for _ in 0..FLOOD_STEP {
                bare.copy_out(first + slot * stride + payload_offset, &mut payload);
                compute(&payload);
                slot = (slot + 1) % slots;
                count += 1;
            }
        }
        count
    };
    copy(Instant::now() + session.time / 10);
    let start = Instant::now();
    let count = copy(start + session.time);
    let rate = per_second(count, start.elapsed());
    session.workplace.stop();
    session.second.done()?;
    Ok(Run::of(rate))
}

fn flood_of_ours(shape: Shape) -> Order {
    Order::Flood { name: <Copied as Link>::NAME.to_owned(), shape }
}

/// Does the work that a follower does for a value. It is enough to make it slower than the writer.
fn compute(payload: &[u8]) {
    let mut result = u64::from(black_box(payload)[0]) | 1;
    for _ in 0..COMPUTATION {
        result = result.wrapping_mul(result | 3);
    }
    black_box(result);
}
