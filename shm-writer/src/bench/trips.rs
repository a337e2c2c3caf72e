//! Round trips: one process sends a number, the other sends it back.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::ends::{END, Ends, Inlet, Job, Outlet, Shape, Waiting, Way};
use super::limits::spin;
use super::peer::{self, Order};
use super::session::Session;
use super::stats::{self, Run};
use super::workplace::Workplace;

/// So many trips are measured together, then as many one by one; fewer where they are slow.
const BLOCK: u64 = 32;
/// How long the second process is left alone before it is woken: it looks for 20 us, then sleeps.
const IDLE: Duration = Duration::from_micros(300);
/// Every run measures at least so many trips to a sleeper, however short it is.
const WAKES_MIN: u64 = 10;

/// How both sides wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Both spin.
    Spinning,
    /// Both wait as readers do by default, and never for long.
    Busy,
    /// The second process sleeps each time; the first spins.
    Idle,
}

/// The first process' part.
struct Ping<'a> {
    session: &'a mut Session,
    way: Way,
    shape: Shape,
    manner: Manner,
}

/// Measures one run.
pub fn measure(session: &mut Session, way: Way, shape: Shape, manner: Manner) -> Result<Run> {
    way.apply(Ping { session, way, shape, manner })
}

impl Job for Ping<'_> {
    type Outcome = Run;

    fn run<E: Ends>(self) -> Result<Run> {
        let Self { session, way, shape, manner } = self;
        let mut outlet = E::There::create(&session.workplace.path("there"), shape)?;
        let (there, back) = match manner {
            Manner::Spinning => (Waiting::Spinning, Waiting::Spinning),
            Manner::Busy => (Waiting::Sleeping, Waiting::Sleeping),
            Manner::Idle => (Waiting::Sleeping, Waiting::Spinning),
        };
        session.peer.order(&Order::Echo { way, shape, waiting: there })?;
        let inlet = E::Return::open(&session.workplace.path("back"), shape, back)?;
        let mut trips = Trips { outlet, inlet, number: 0 };
        let run = match manner {
            Manner::Idle => trips.wake(session.time),
            _ => trips.bounce(session.time),
        };
        outlet = trips.outlet;
        outlet.put(END)?;
        session.peer.done()?;
        run
    }
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
        ensure!(back == self.number, "number {} came back as {back}", self.number);
        Ok(())
    }

    /// Trips without a pause. The figure has no clock in it; the single trips have a reading of it in each.
    fn bounce(&mut self, time: Duration) -> Result<Run> {
        let (mut blocks, mut trips) = (Vec::new(), stats::times()?);
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
            blocks.push(nanoseconds(last - start) / block as f64);
            for _ in 0..block {
                self.go()?;
                let now = Instant::now();
                trips.saturating_record(u64::try_from((now - last).as_nanos())?);
                last = now;
            }
            if last >= end {
                return Ok(Run { trips: Some(trips), ..Run::of(stats::median(&blocks)) });
            }
        }
    }

    /// Trips to somebody who has fallen asleep meanwhile.
    fn wake(&mut self, time: Duration) -> Result<Run> {
        let mut trips = stats::times()?;
        let end = Instant::now() + time;
        while trips.len() < WAKES_MIN || Instant::now() < end {
            let awake = Instant::now() + IDLE;
            spin(|| (Instant::now() >= awake).then_some(()));
            let start = Instant::now();
            self.go()?;
            trips.saturating_record(u64::try_from(start.elapsed().as_nanos())?);
        }
        #[expect(clippy::cast_precision_loss, reason = "nanoseconds below a minute")]
        let figure = trips.value_at_quantile(0.5) as f64;
        Ok(Run { trips: Some(trips), ..Run::of(figure) })
    }
}

fn nanoseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

/// The second process' part: it sends back whatever comes.
pub struct Echo<'a> {
    pub workplace: &'a Workplace,
    pub shape: Shape,
    pub waiting: Waiting,
}

impl Job for Echo<'_> {
    type Outcome = u64;

    fn run<E: Ends>(self) -> Result<u64> {
        let mut inlet = E::Arrival::open(&self.workplace.path("there"), self.shape, self.waiting)?;
        let mut outlet = E::Back::create(&self.workplace.path("back"), self.shape)?;
        peer::ready()?;
        let mut count = 0;
        loop {
            match inlet.take()? {
                END => return Ok(count),
                number => outlet.put(number)?,
            }
            count += 1;
        }
    }
}
