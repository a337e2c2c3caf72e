//! Measures attaching: opening a region and reading its first value.

use std::hint::black_box;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::bare::Bare;
use crate::link::{Payload, Prepared, Shape};
use crate::ours;
use crate::session::Session;
use crate::stats::{self, Run};
use crate::workplace::THERE;

/// Measures one run of shm. Detaching is not timed.
pub(crate) fn measure(session: &mut Session, shape: Shape) -> Result<Run> {
    let path = session.workplace.path(THERE);
    let mut writer = ours::create(&path, shape)?;
    Prepared::new(shape).send(1, |payload| writer.publish(payload))?;
    let (name, mut payload) = (ours::name(&path)?, Payload::new(shape));
    again_and_again(session.time, || {
        let mut reader = shm_core::RawReader::open(name)?;
        let found = reader.latest_into(&mut payload.0)?;
        ensure!(found.is_some() && payload.check()? == 1, "the first value is a different one");
        Ok(reader)
    })
}

/// Measures one run of the limit: opening, mapping and touching a file of the same length.
pub(crate) fn measure_limit(session: &mut Session, shape: Shape) -> Result<Run> {
    let path = session.workplace.path(THERE);
    let _writer = ours::create(&path, shape)?;
    again_and_again(session.time, || {
        let bare = Bare::open_read_only(&path)?;
        black_box(bare.word(0).load(Relaxed));
        Ok(bare)
    })
}

fn again_and_again<T>(time: Duration, mut attach: impl FnMut() -> Result<T>) -> Result<Run> {
    let mut singles = stats::times()?;
    let warm = Instant::now() + time / 10;
    loop {
        let start = Instant::now();
        let attached = attach()?;
        let now = Instant::now();
        drop(attached);
        if start >= warm {
            stats::record(&mut singles, now - start);
        }
        if now >= warm + time {
            return Ok(Run::of_singles(singles));
        }
    }
}
