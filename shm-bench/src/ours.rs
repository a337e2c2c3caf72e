//! The links of this project: regions, used through the library as in any program.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use shm_core::{Kind, Position, RawReader, RawWriter, ReceiveError, Sample, WaitStrategy};

use crate::link::{Board, Inlet, Link, Looker, Outlet, Payload, Prepared, Shape, WORD, Waiting, whole};

/// Returns a region's name, which is a path in this program.
pub(crate) fn name(path: &Path) -> Result<&str> {
    path.to_str().context("SHM_DIR is not UTF-8")
}

/// Creates a region of this shape.
pub(crate) fn create(path: &Path, shape: Shape) -> Result<RawWriter> {
    let mut options = RawWriter::options();
    options.slots(shape.slots).capacity(shape.bytes as u64).kind(Kind::Bytes);
    Ok(options.open_raw(name(path)?)?)
}

/// Attaches to a region, starting with its oldest value.
pub(crate) fn open(path: &Path) -> Result<RawReader> {
    open_to_wait(path, Waiting::Sleeping)
}

fn open_to_wait(path: &Path, waiting: Waiting) -> Result<RawReader> {
    let wait = match waiting {
        Waiting::Spinning => WaitStrategy::Spin,
        Waiting::Sleeping => WaitStrategy::Block,
    };
    Ok(RawReader::options().start(Position::Oldest).wait_strategy(wait).open_raw(name(path)?)?)
}

/// A region whose payloads are copied in and out. It can also be read as a board, for its newest
/// value.
#[derive(Debug)]
pub struct Copied;

/// The writing end of [`Copied`].
#[derive(Debug)]
pub struct CopiedOutlet {
    writer: RawWriter,
    prepared: Prepared,
}

/// A reader that receives every value.
#[derive(Debug)]
pub struct CopiedInlet {
    reader: RawReader,
    payload: Payload,
}

/// A reader that reads the newest value.
#[derive(Debug)]
pub struct Newest {
    reader: RawReader,
    payload: Payload,
}

impl Link for Copied {
    const NAME: &'static str = "shm";
    type Outlet = CopiedOutlet;
    type Inlet = CopiedInlet;
    type Back = Self;
}

impl Board for Copied {
    const NAME: &'static str = <Self as Link>::NAME;
    type Outlet = CopiedOutlet;
    type Looker = Newest;
}

impl Outlet for CopiedOutlet {
    fn create(path: &Path, shape: Shape, _: Waiting) -> Result<Self> {
        Ok(Self { writer: create(path, shape)?, prepared: Prepared::new(shape) })
    }

    #[inline(always)]
    fn put(&mut self, number: u64) -> Result<()> {
        let Self { writer, prepared } = self;
        prepared.send(number, |payload| writer.publish(payload))?;
        Ok(())
    }
}

impl Inlet for CopiedInlet {
    fn open(path: &Path, shape: Shape, waiting: Waiting) -> Result<Self> {
        Ok(Self { reader: open_to_wait(path, waiting)?, payload: Payload::new(shape) })
    }

    #[inline(always)]
    fn take(&mut self) -> Result<u64> {
        let sample = self.reader.recv_into(&mut self.payload.0)?.context(CLOSED)?;
        check_loss(&sample)?;
        self.payload.check()
    }
}

impl Looker for Newest {
    fn open(path: &Path, _: Shape) -> Result<Self> {
        Ok(Self { reader: open(path)?, payload: Payload(Vec::new()) })
    }

    #[inline(always)]
    fn look(&mut self) -> Result<Option<u64>> {
        match self.reader.latest_into(&mut self.payload.0) {
            Ok(Some(_)) => self.payload.check().map(Some),
            Ok(None) => bail!("the region has no value"),
            Err(ReceiveError::Busy { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

const CLOSED: &str = "the region was closed during a measurement";

#[inline(always)]
fn check_loss(sample: &Sample<()>) -> Result<()> {
    ensure!(sample.lost == 0, "{} values were lost before number {}", sample.lost, sample.sequence);
    Ok(())
}

/// A region whose payloads stay in place. Only the first and the last word are written and read.
#[derive(Debug)]
pub struct InPlace;

/// The writing end of [`InPlace`].
#[derive(Debug)]
pub struct InPlaceOutlet {
    writer: RawWriter,
    bytes: usize,
}

/// The reading end of [`InPlace`].
#[derive(Debug)]
pub struct InPlaceInlet {
    reader: RawReader,
}

impl Link for InPlace {
    const NAME: &'static str = "shm in place";
    type Outlet = InPlaceOutlet;
    type Inlet = InPlaceInlet;
    type Back = Self;
}

impl Outlet for InPlaceOutlet {
    fn create(path: &Path, shape: Shape, _: Waiting) -> Result<Self> {
        Ok(Self { writer: create(path, shape)?, bytes: shape.bytes })
    }

    #[inline(always)]
    fn put(&mut self, number: u64) -> Result<()> {
        let mut loan = self.writer.loan(self.bytes)?;
        loan.write_at(0, &number.to_ne_bytes());
        loan.write_at(self.bytes - WORD, &number.to_ne_bytes());
        loan.commit()?;
        Ok(())
    }
}

impl Inlet for InPlaceInlet {
    fn open(path: &Path, _: Shape, waiting: Waiting) -> Result<Self> {
        Ok(Self { reader: open_to_wait(path, waiting)? })
    }

    #[inline(always)]
    fn take(&mut self) -> Result<u64> {
        let view = self.reader.recv_view()?.context(CLOSED)?;
        check_loss(view.sample())?;
        let (mut first, mut last) = ([0; WORD], [0; WORD]);
        view.copy_to(0, &mut first);
        view.copy_to(view.len() - WORD, &mut last);
        ensure!(view.is_whole(), "value {} was overwritten", view.sample().sequence);
        whole(u64::from_ne_bytes(first), u64::from_ne_bytes(last))
    }
}
