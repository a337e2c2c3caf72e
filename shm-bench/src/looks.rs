//! Measures how long one read of the newest value takes: alone, next to another reader, and while
//! the writer publishes without pause.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::limits::{Cursor, Ring};
use crate::link::{Board, Looker, Outlet, Shape, Waiting};
use crate::ours::{Copied, Newest};
use crate::second::{self, Order};
use crate::session::{Measure, Session};
use crate::stats::{self, Run};
use crate::workplace::{THERE, Workplace};

/// The number of reads that are timed together if the payload is small. Large payloads have fewer.
const BATCH: u64 = 256;
const BATCH_BYTES: u64 = 256 << 10;
/// A second region, which is not part of the measurement.
const ELSEWHERE: &str = "elsewhere";

/// Measures reads of a value that does not change: nanoseconds per read.
pub fn still<B: Board>(shape: Shape) -> Measure {
    Box::new(move |session| {
        let path = session.workplace.path(THERE);
        let _outlet = with_one_value::<B>(&path, shape)?;
        let mut looker = B::Looker::open(&path, shape)?;
        look_for(session.time, shape, || looker.look())
    })
}

/// Measures reads of a value that is constantly overwritten: nanoseconds per read.
pub fn flooded<B: Board>(shape: Shape) -> Measure {
    Box::new(move |session| {
        session.second.order(&Order::Flood { name: B::NAME.to_owned(), shape })?;
        let mut looker = B::Looker::open(&session.workplace.path(THERE), shape)?;
        let run = look_for(session.time, shape, || looker.look())?;
        finish(session)?;
        Ok(run)
    })
}

/// Measures reads of a value that does not change while the second process also reads a region: the
/// same one, or a different one. With a different region the machine is equally busy, but the two
/// processes share nothing.
pub(crate) fn beside_a_reader(session: &mut Session, shape: Shape, is_same: bool) -> Result<Run> {
    let (path, elsewhere) = (session.workplace.path(THERE), session.workplace.path(ELSEWHERE));
    let _outlets = (with_one_value::<Copied>(&path, shape)?, with_one_value::<Copied>(&elsewhere, shape)?);
    session.second.order(&Order::Look { region: if is_same { THERE } else { ELSEWHERE }.to_owned() })?;
    let mut looker = Newest::open(&path, shape)?;
    let run = look_for(session.time, shape, || looker.look())?;
    finish(session)?;
    Ok(run)
}

/// Measures the limit for a value that does not change: a copy between two checks of a stamp whose
/// address is known.
pub(crate) fn still_limit(session: &mut Session, shape: Shape) -> Result<Run> {
    let path = session.workplace.path(THERE);
    let _outlet = with_one_value::<Ring>(&path, shape)?;
    let mut cursor = Cursor::attach(&path, shape)?;
    let mut still = cursor.still();
    look_for(session.time, shape, || Ok(still.look()))
}

/// Creates a board with one value, number 1.
fn with_one_value<B: Board>(path: &Path, shape: Shape) -> Result<B::Outlet> {
    let mut outlet = B::Outlet::create(path, shape, Waiting::Spinning)?;
    outlet.put(1)?;
    Ok(outlet)
}

fn finish(session: &mut Session) -> Result<()> {
    session.workplace.stop();
    ensure!(session.second.done()? > 0, "the second process did nothing");
    Ok(())
}

#[inline(always)]
fn look_for(time: Duration, shape: Shape, mut look: impl FnMut() -> Result<Option<u64>>) -> Result<Run> {
    let batch = (BATCH_BYTES / shape.bytes as u64).clamp(1, BATCH);
    let (mut batches, mut busy, mut newest) = (Vec::new(), 0, 0);
    let warm = Instant::now() + time / 10;
    let end = warm + time;
    loop {
        let start = Instant::now();
        for _ in 0..batch {
            match look()? {
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
            batches.push(stats::nanoseconds(now - start) / batch as f64);
        }
        if now >= end {
            return Ok(Run { busy, ..Run::of(stats::median(&batches)) });
        }
    }
}

/// Runs in the second process as another reader: reads until the run is over.
pub(crate) fn look_along(workplace: &Workplace, region: &str) -> Result<u64> {
    let mut looker = Newest::open(&workplace.path(region), Shape { bytes: 0, slots: 0 })?;
    second::ready()?;
    let mut count = 0;
    while !workplace.is_over() {
        looker.look()?;
        count += 1;
    }
    Ok(count)
}
