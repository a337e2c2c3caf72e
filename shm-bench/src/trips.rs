//! Measures round trips: one process sends a number, and the other sends it back.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::limits::spin;
use crate::link::{END, Inlet, Link, Outlet, Shape, Waiting};
use crate::second::{self, Order};
use crate::session::{Measure, Session};
use crate::stats::{self, Run};
use crate::workplace::{BACK, THERE, Workplace};

/// The number of trips that are timed together. Then the same number is timed one by one. If trips
/// are slow, the number is smaller.
const BLOCK: u64 = 32;
/// How long the second process is left alone before it is woken. A reader of shm polls for 20 us
/// and then sleeps.
const IDLE: Duration = Duration::from_micros(300);
/// The minimum number of trips to a sleeping process in a run, however short the run is.
const WAKES_MIN: u64 = 10;

/// How both sides wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Manner {
    /// Both sides spin.
    Spinning,
    /// Both sides wait as they do by default, and never for long.
    Busy,
    /// The second process sleeps before each trip; the first process spins.
    Idle,
}

impl Manner {
    /// How the second process waits.
    fn there(self) -> Waiting {
        match self {
            Manner::Spinning => Waiting::Spinning,
            Manner::Busy | Manner::Idle => Waiting::Sleeping,
        }
    }

    /// How the first process waits.
    fn back(self) -> Waiting {
        match self {
            Manner::Spinning | Manner::Idle => Waiting::Spinning,
            Manner::Busy => Waiting::Sleeping,
        }
    }
}

/// Measures round trips: nanoseconds per trip.
pub fn trip<L: Link>(shape: Shape, manner: Manner) -> Measure {
    Box::new(move |session| measure::<L>(session, shape, manner))
}

fn measure<L: Link>(session: &mut Session, shape: Shape, manner: Manner) -> Result<Run> {
    let outlet = L::Outlet::create(&session.workplace.path(THERE), shape, manner.there())?;
    session.second.order(&Order::Echo { link: L::NAME.to_owned(), shape, manner })?;
    let inlet = <L::Back as Link>::Inlet::open(&session.workplace.path(BACK), shape, manner.back())?;
    let mut trips = Trips { outlet, inlet, number: 0 };
    let run = match manner {
        Manner::Idle => trips.wake(session.time),
        Manner::Spinning | Manner::Busy => trips.bounce(session.time),
    };
    trips.outlet.put(END)?;
    session.second.done()?;
    run
}

struct Trips<O, I> {
    outlet: O,
    inlet: I,
    number: u64,
}

impl<O: Outlet, I: Inlet> Trips<O, I> {
    #[inline(always)]
    fn go(&mut self) -> Result<()> {
        self.number += 1;
        self.outlet.put(self.number)?;
        let back = self.inlet.take()?;
        ensure!(back == self.number, "sent number {} but received {back}", self.number);
        Ok(())
    }

    /// Makes trips without a pause. The figure contains no readings of the clock. Each single trip
    /// is timed with one reading.
    fn bounce(&mut self, time: Duration) -> Result<Run> {
        let (mut blocks, mut singles) = (Vec::new(), stats::times()?);
        let warm = Instant::now() + time / 10;
        while Instant::now() < warm {
            self.go()?;
        }
        let block = self.number.clamp(1, BLOCK);
        let end = Instant::now() + time;
        loop {
            let start = Instant::now();
            for _ in 0..block {
                self.go()?;
            }
            let mut last = Instant::now();
            blocks.push(stats::nanoseconds(last - start) / block as f64);
            for _ in 0..block {
                self.go()?;
                let now = Instant::now();
                stats::record(&mut singles, now - last);
                last = now;
            }
            if last >= end {
                return Ok(Run { singles: Some(singles), ..Run::of(stats::median(&blocks)) });
            }
        }
    }

    /// Makes trips to a receiver that has fallen asleep before each trip.
    fn wake(&mut self, time: Duration) -> Result<Run> {
        let mut singles = stats::times()?;
        let end = Instant::now() + time;
        while singles.len() < WAKES_MIN || Instant::now() < end {
            let awake = Instant::now() + IDLE;
            spin(|| (Instant::now() >= awake).then_some(()));
            let start = Instant::now();
            self.go()?;
            stats::record(&mut singles, start.elapsed());
        }
        Ok(Run::of_singles(singles))
    }
}

/// Runs in the second process: sends everything back.
pub(crate) fn echo<L: Link>(workplace: &Workplace, shape: Shape, manner: Manner) -> Result<u64> {
    let mut inlet = L::Inlet::open(&workplace.path(THERE), shape, manner.there())?;
    let mut outlet = <L::Back as Link>::Outlet::create(&workplace.path(BACK), shape, manner.back())?;
    second::ready()?;
    let mut count = 0;
    loop {
        match inlet.take()? {
            END => return Ok(count),
            number => outlet.put(number)?,
        }
        count += 1;
    }
}
