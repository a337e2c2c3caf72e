//! Measures the cost of publishing for the writer: processor time per value of a burst, and calls
//! that wake readers.

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use rustix::time::{ClockId, clock_gettime};
use shm_core::{Position, RawWriter};

use crate::limits::Ring;
use crate::link::{Link, Outlet, Prepared, Shape, Waiting};
use crate::ours;
use crate::second::{self, Order};
use crate::session::Session;
use crate::stats::{Run, nanoseconds};
use crate::workplace::{THERE, Workplace};

/// The number of values in a burst between two readings of the clock.
const STEP: u64 = 256;
/// How long the second process's main thread sleeps between checks while its reader threads run.
const REST: Duration = Duration::from_millis(1);

/// The readers that run during a burst, in threads of the second process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    None,
    /// This number of readers that receive all the time.
    Active(usize),
    /// This number of readers that sleep when the burst begins. Each receives the value that woke
    /// it and then stops.
    Asleep(usize),
}

/// A burst: how many values were published, in how much processor time.
struct Burst {
    count: u64,
    cpu: Duration,
}

impl Burst {
    fn publish(time: Duration, mut put: impl FnMut(u64) -> Result<()>) -> Result<Self> {
        let (mut count, start, end) = (0, cpu_time()?, Instant::now() + time);
        while Instant::now() < end {
            for _ in 0..STEP {
                count += 1;
                put(count)?;
            }
        }
        Ok(Self { count, cpu: cpu_time()?.saturating_sub(start) })
    }

    #[expect(clippy::cast_precision_loss, reason = "a count of a few seconds")]
    fn each_ns(&self) -> f64 {
        nanoseconds(self.cpu) / self.count as f64
    }
}

/// Returns the processor time of this thread.
fn cpu_time() -> Result<Duration> {
    Ok(Duration::try_from(clock_gettime(ClockId::ThreadCPUTime))?)
}

/// Measures one run: the writer's processor time per value, in nanoseconds.
pub(crate) fn measure(session: &mut Session, shape: Shape, readers: Readers) -> Result<Run> {
    Ok(Run::of(burst(session, shape, readers)?.0.each_ns()))
}

/// Measures one run: calls that wake readers, per 10,000 values.
#[expect(clippy::cast_precision_loss, reason = "counts of a few seconds")]
pub(crate) fn count_wakes(session: &mut Session, shape: Shape, readers: Readers) -> Result<Run> {
    let (burst, wakes) = burst(session, shape, readers)?;
    Ok(Run::of(wakes as f64 * 10_000.0 / burst.count as f64))
}

fn burst(session: &mut Session, shape: Shape, readers: Readers) -> Result<(Burst, u64)> {
    let mut writer = ours::create(&session.workplace.path(THERE), shape)?;
    let mut prepared = Prepared::new(shape);
    let mut put = |writer: &mut RawWriter, number| -> Result<()> {
        prepared.send(number, |payload| writer.publish(payload))?;
        Ok(())
    };
    // Publish once around the ring, which touches every page.
    for number in 1..=shape.slots {
        put(&mut writer, number)?;
    }
    match readers {
        Readers::None => {}
        Readers::Active(readers) => session.second.order(&Order::Follow { readers })?,
        Readers::Asleep(readers) => session.second.order(&Order::Doze { readers })?,
    }
    let before = writer.wakes();
    let burst = Burst::publish(session.time, |number| put(&mut writer, number))?;
    let wakes = writer.wakes() - before;
    session.workplace.stop();
    match readers {
        Readers::None => {}
        Readers::Active(_) => ensure!(session.second.done()? > 0, "no reader received anything"),
        Readers::Asleep(readers) => {
            let woken = session.second.done()?;
            ensure!(woken == readers as u64, "{woken} of {readers} sleeping readers were woken");
        }
    }
    Ok((burst, wakes))
}

/// Measures one run of the limit: the same stores in bare memory, without a clock.
pub(crate) fn measure_limit(session: &mut Session, shape: Shape) -> Result<Run> {
    let mut outlet = <Ring as Link>::Outlet::create(&session.workplace.path(THERE), shape, Waiting::Spinning)?;
    for number in 1..=shape.slots {
        outlet.put(number)?;
    }
    let burst = Burst::publish(session.time, |number| outlet.put(number))?;
    Ok(Run::of(burst.each_ns()))
}

/// Runs in the second process: threads that receive all the time. Returns the number of values
/// received.
pub(crate) fn follow(workplace: &Workplace, readers: usize) -> Result<u64> {
    let path = workplace.path(THERE);
    let receive = || -> Result<u64> {
        let (mut reader, mut payload, mut count) = (ours::open(&path)?, Vec::new(), 0);
        while !workplace.is_over() {
            count += u64::from(reader.try_recv_into(&mut payload)?.value().is_some());
        }
        Ok(count)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..readers).map(|_| scope.spawn(receive)).collect();
        second::ready()?;
        threads.into_iter().map(join).sum()
    })
}

/// Runs in the second process: threads that sleep until a value arrives and then stop. Returns how
/// many threads were woken.
pub(crate) fn doze(workplace: &Workplace, readers: usize) -> Result<u64> {
    let path = workplace.path(THERE);
    let (attached, gate) = (AtomicUsize::new(0), Mutex::new(()));
    let sleep = || -> Result<u64> {
        let (mut reader, mut payload) = (ours::open(&path)?, Vec::new());
        reader.seek(Position::New);
        attached.fetch_add(1, Relaxed);
        let woken = u64::from(reader.recv_into(&mut payload)?.is_some());
        drop(gate.lock());
        Ok(woken)
    };
    thread::scope(|scope| {
        let closed = gate.lock();
        let threads: Vec<_> = (0..readers).map(|_| scope.spawn(sleep)).collect();
        while attached.load(Relaxed) < readers || !others_sleep()? {
            thread::sleep(REST);
        }
        second::ready()?;
        while !workplace.is_over() {
            thread::sleep(REST);
        }
        drop(closed);
        threads.into_iter().map(join).sum()
    })
}

fn join(thread: ScopedJoinHandle<Result<u64>>) -> Result<u64> {
    thread.join().map_err(|_| anyhow!("a reader panicked"))?
}

/// Returns whether all other threads of this process are asleep.
fn others_sleep() -> Result<bool> {
    let own = rustix::thread::gettid().as_raw_nonzero().to_string();
    for task in fs::read_dir("/proc/self/task").context("cannot see the threads")? {
        let task = task?;
        let stat = fs::read_to_string(task.path().join("stat"))?;
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        if task.file_name().to_str() != Some(&own) && state != Some('S') {
            return Ok(false);
        }
    }
    Ok(true)
}
