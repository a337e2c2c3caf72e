//! `latest`: how long it takes to look at the newest value, with nobody, another reader, or a writer in a hurry beside.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use shm_core::{Error, RawReader};

use super::ends::{Ends, Job, Outlet, Payload, Prepared, Shape, Way};
use super::limits::{Cursor, Still};
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

impl Ours {
    fn open(path: &Path) -> Result<Self> {
        Ok(Self { reader: ours::open(path)?, payload: Payload(Vec::new()) })
    }
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
impl Looker for Still<'_> {
    #[inline(always)]
    fn look(&mut self) -> Result<Option<u64>> {
        Ok(Still::look(self))
    }
}

/// Measures one run of ours: nanoseconds for one look.
pub fn measure(session: &mut Session, shape: Shape, beside: Beside) -> Result<Run> {
    let path = session.workplace.path("there");
    match beside {
        Beside::Nobody => with_one_value(&path, shape)?,
        Beside::AnotherReader => {
            with_one_value(&path, shape)?;
            session.peer.order(&Order::Look { region: "there".to_owned() })?;
        }
        Beside::Writer => session.peer.order(&Order::Flood { way: Way::Ours, shape })?,
    }
    let run = look_for(session.time, shape, &mut Ours::open(&path)?)?;
    if beside != Beside::Nobody {
        finish(session)?;
    }
    Ok(run)
}

/// Measures one run of ours with another reader that looks into another region: as busy a machine, and nothing shared.
pub fn measure_apart(session: &mut Session, shape: Shape) -> Result<Run> {
    let path = session.workplace.path("there");
    with_one_value(&path, shape)?;
    with_one_value(&session.workplace.path("elsewhere"), shape)?;
    session.peer.order(&Order::Look { region: "elsewhere".to_owned() })?;
    let run = look_for(session.time, shape, &mut Ours::open(&path)?)?;
    finish(session)?;
    Ok(run)
}

/// Makes a region with one value, number 1, whose writer has gone.
fn with_one_value(path: &Path, shape: Shape) -> Result<()> {
    let mut writer = ours::create(path, shape)?;
    Prepared::new(shape).send(1, |payload| writer.publish(payload))?;
    Ok(())
}

fn finish(session: &mut Session) -> Result<()> {
    session.workplace.stop();
    ensure!(session.peer.done()? > 0, "the second process did nothing");
    Ok(())
}

/// Measures one run of the limit: a guarded copy where nothing changes, else the newest value of a bare ring.
pub fn measure_limit(session: &mut Session, shape: Shape, beside: Beside) -> Result<Run> {
    let path = session.workplace.path("there");
    if beside == Beside::Writer {
        session.peer.order(&Order::Flood { way: Way::Ring, shape })?;
        let run = look_for(session.time, shape, &mut Newest(Cursor::attach(&path, shape)?))?;
        finish(session)?;
        return Ok(run);
    }
    Way::Ring.apply(OneValue { path: &path, shape, time: session.time })
}

/// A bare ring with one value, to which nothing more comes.
struct OneValue<'a> {
    path: &'a Path,
    shape: Shape,
    time: Duration,
}

impl Job for OneValue<'_> {
    type Outcome = Run;

    fn run<E: Ends>(self) -> Result<Run> {
        E::There::create(self.path, self.shape)?.put(1)?;
        look_for(self.time, self.shape, &mut Cursor::attach(self.path, self.shape)?.still())
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
                    newest = number;
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
pub fn look_along(workplace: &Workplace, region: &str) -> Result<u64> {
    let mut looker = Ours::open(&workplace.path(region))?;
    peer::ready()?;
    let mut count = 0;
    while !workplace.is_over() {
        looker.look()?;
        count += 1;
    }
    Ok(count)
}
