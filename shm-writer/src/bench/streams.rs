//! One way: one process sends all the time, the other receives.

use std::hint::black_box;
use std::sync::atomic::Ordering::Release;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::bare::Bare;
use super::ends::{Ends, Inlet, Job, Outlet, Shape, Waiting, Way};
use super::ours;
use super::peer::{self, Order};
use super::session::Session;
use super::stats::Run;
use super::workplace::Workplace;

/// How often the receiver says how far it is, and looks at the clock: in bytes, and at least once each lap of an eighth.
const STEP_BYTES: u64 = 16 << 10;
/// The flooding side looks so often whether it is to end.
const FLOOD_STEP: u64 = 64;
/// So many multiplications, each of the result of the one before, are what a follower does with a value.
const COMPUTATION: usize = 48;
/// Where the slots of a region begin: docs/FORMAT.md, section 2.
const PAGE: usize = 4096;
const SLOTS_ALIGNMENT: usize = 128;

/// Sends everything, and waits where the receiver has not taken what would be overwritten.
pub struct Send<'a> {
    pub workplace: &'a Workplace,
    pub shape: Shape,
}

impl Job for Send<'_> {
    type Outcome = u64;

    fn run<E: Ends>(self) -> Result<u64> {
        let Self { workplace, shape } = self;
        let mut outlet = E::There::create(&workplace.path("there"), shape)?;
        peer::ready()?;
        let (mut number, mut room) = (0, shape.slots);
        loop {
            if number == room {
                match workplace.await_taken(number + 1 - shape.slots) {
                    Some(taken) => room = taken + shape.slots,
                    None => return Ok(number),
                }
            }
            number += 1;
            outlet.put(number)?;
        }
    }
}

/// Receives what `Send` sends.
struct Receive<'a> {
    session: &'a mut Session,
    way: Way,
    shape: Shape,
}

/// Measures one run without loss: payloads a second.
pub fn measure(session: &mut Session, way: Way, shape: Shape) -> Result<Run> {
    way.apply(Receive { session, way, shape })
}

impl Job for Receive<'_> {
    type Outcome = Run;

    fn run<E: Ends>(self) -> Result<Run> {
        let Self { session, way, shape } = self;
        session.peer.order(&Order::Send { way, shape })?;
        let mut inlet = E::Arrival::open(&session.workplace.path("there"), shape, Waiting::Sleeping)?;
        let step = (STEP_BYTES / shape.bytes as u64).clamp(1, (shape.slots / 8).max(1));
        let mut number = 0;
        let mut steps = |end: Instant, least: u64| -> Result<u64> {
            let start = number;
            while Instant::now() < end || number - start < least {
                for _ in 0..step {
                    number += 1;
                    let taken = inlet.take()?;
                    ensure!(taken == number, "number {taken} came in the place of {number}");
                }
                session.workplace.taken().store(number, Release);
            }
            Ok(number - start)
        };
        // Twice around, so that every page was touched.
        steps(Instant::now() + session.time / 10, 2 * shape.slots)?;
        let start = Instant::now();
        let count = steps(start + session.time, 2 * shape.slots)?;
        let rate = a_second(count, start.elapsed());
        session.workplace.stop();
        session.peer.done()?;
        Ok(Run::of(rate))
    }
}

/// Sends as fast as possible and waits for nobody.
pub struct Flood<'a> {
    pub workplace: &'a Workplace,
    pub shape: Shape,
}

impl Job for Flood<'_> {
    type Outcome = u64;

    fn run<E: Ends>(self) -> Result<u64> {
        let Self { workplace, shape } = self;
        let mut outlet = E::There::create(&workplace.path("there"), shape)?;
        let mut number = 0;
        // Once around, so that every page was touched.
        while number < shape.slots {
            number += 1;
            outlet.put(number)?;
        }
        peer::ready()?;
        while !workplace.is_over() {
            for _ in 0..FLOOD_STEP.min(shape.slots) {
                number += 1;
                outlet.put(number)?;
            }
        }
        Ok(number)
    }
}

/// Follows a writer that overruns the ring: values received a second.
pub fn follow(session: &mut Session, shape: Shape) -> Result<Run> {
    session.peer.order(&Order::Flood { way: Way::Ours, shape })?;
    let mut reader = ours::open(&session.workplace.path("there"))?;
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
    let rate = a_second(count, start.elapsed());
    session.workplace.stop();
    session.peer.done()?;
    Ok(Run { lost, ..Run::of(rate) })
}

/// Copies one slot after the other out of the same region, under the same writer, whatever is in them: copies a second.
pub fn copy_along(session: &mut Session, shape: Shape) -> Result<Run> {
    session.peer.order(&Order::Flood { way: Way::Ours, shape })?;
    let path = session.workplace.path("there");
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
    let rate = a_second(count, start.elapsed());
    session.workplace.stop();
    session.peer.done()?;
    Ok(Run::of(rate))
}

/// What a follower does with a value: enough to be slower than the writer.
fn compute(payload: &[u8]) {
    let mut result = u64::from(black_box(payload)[0]) | 1;
    for _ in 0..COMPUTATION {
        result = result.wrapping_mul(result | 3);
    }
    black_box(result);
}

#[expect(clippy::cast_precision_loss, reason = "counts of a few seconds")]
pub fn a_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}
