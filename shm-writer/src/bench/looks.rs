//! `latest`: how long it takes to look at the newest value, with nobody, another reader, or a writer in a hurry beside.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use shm_core::{Error, RawReader};

use super::ends::{Ends, Job, Outlet, Payload, Prepared, Shape, Way};
use super::limits::Cursor;
use super::ours;
use super::peer::{self, Order};
use super::session::Session;
use super::stats::{self, Run};
use super::workplace::Workplace;

/// So many looks are measured together, of small payloads; fewer of large ones.
const BATCH: u64 = 256;
const BATCH_BYTES: u64 = 256 << 10;

/// Who is there besides the reader that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    Nobody,
    AnotherReader,
    Writer,
}

/// Whoever looks at the newest value.
trait Looker {
    /// The value's number; `None`: the writer was too fast.
    fn look(&mut self) -> Result<Option<u64>>;
}

struct Ours {
    reader: RawReader,
    payload: Payload,
}

impl Looker for Ours {
    #[inline(always)]
    fn look(&mut self) -> Result<Option<u64>> {
        match self.reader.latest_into(&mut self.payload.0) {
            Ok(Some(_)) => self.payload.check().map(Some),
            Ok(None) => anyhow::bail!("there is no value"),
            Err(Error::Busy { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// The newest value of a bare ring, tried again until it is whole.
struct Newest(Cursor);

impl Looker for Newest {
    #[inline(always)]
    fn look(&mut self) -> Result<Option<u64>> {
        loop {
            if let Some(number) = self.0.newest() {
                return Ok(Some(number));
            }
        }
    }
}

/// A bare copy between two looks at a stamp.
struct Guarded(Cursor);

impl Looker for Guarded {
    #[inline(always)]
    fn look(&mut self) -> Result<Option<u64>> {
        Ok(self.0.first())
    }
}

/// Measures one run of ours: nanoseconds for one look.
pub fn measure(session: &mut Session, shape: Shape, beside: Beside) -> Result<Run> {
    let path = session.workplace.path("there");
    let writer = match beside {
        Beside::Writer => {
            session.peer.order(&Order::Flood { way: Way::Ours, shape })?;
            None
        }
        Beside::Nobody | Beside::AnotherReader => {
            let mut writer = ours::create(&path, shape)?;
            Prepared::new(shape).send(1, |payload| writer.publish(payload))?;
            Some(writer)
        }
    };
    if beside == Beside::AnotherReader {
        session.peer.order(&Order::Look)?;
    }
    let mut looker = Ours { reader: ours::open(&path)?, payload: Payload::new(shape) };
    let run = look_for(session.time, shape, &mut looker)?;
    session.workplace.stop();
    if beside != Beside::Nobody {
        ensure!(session.peer.done()? > 0, "the second process did nothing");
    }
    drop(writer);
    Ok(run)
}

/// Measures one run of the limit: a guarded copy where nothing changes, else the newest value of a bare ring.
pub fn measure_limit(session: &mut Session, shape: Shape, beside: Beside) -> Result<Run> {
    let path = session.workplace.path("there");
    if beside == Beside::Writer {
        session.peer.order(&Order::Flood { way: Way::Ring, shape })?;
        let run = look_for(session.time, shape, &mut Newest(Cursor::open(&path, shape)?))?;
        session.workplace.stop();
        session.peer.done()?;
        return Ok(run);
    }
    Way::Ring.apply(Still { path: &path, shape, time: session.time })
}

/// A bare ring with one value, to which nothing more comes.
struct Still<'a> {
    path: &'a std::path::Path,
    shape: Shape,
    time: Duration,
}

impl Job for Still<'_> {
    type Outcome = Run;

    fn run<E: Ends>(self) -> Result<Run> {
        E::There::create(self.path, self.shape)?.put(1)?;
        look_for(self.time, self.shape, &mut Guarded(Cursor::open(self.path, self.shape)?))
    }
}

fn look_for(time: Duration, shape: Shape, looker: &mut impl Looker) -> Result<Run> {
    let batch = (BATCH_BYTES / shape.bytes as u64).clamp(1, BATCH);
    let (mut batches, mut busy, mut newest) = (Vec::new(), 0, 0);
    let warm = Instant::now() + time / 10;
    let end = warm + time;
    loop {
        let start = Instant::now();
        for _ in 0..batch {
            match looker.look()? {
                None => busy += 1,
                Some(number) => {
                    ensure!(number >= newest, "value {number} came after value {newest}");
                    newest = black_box(number);
                }
            }
        }
        let now = Instant::now();
        if start >= warm {
            #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
            batches.push((now - start).as_secs_f64() * 1e9 / batch as f64);
        }
        if now >= end {
            return Ok(Run { busy, ..Run::of(stats::median(&batches)) });
        }
    }
}

/// The second process' part as another reader: it looks until it is told to stop.
pub fn look_along(workplace: &Workplace) -> Result<u64> {
    let mut looker = Ours { reader: ours::open(&workplace.path("there"))?, payload: Payload(Vec::new()) };
    peer::ready()?;
    let mut count = 0;
    while !workplace.is_over() {
        looker.look()?;
        count += 1;
    }
    Ok(count)
}
