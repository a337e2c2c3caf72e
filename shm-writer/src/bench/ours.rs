//! Our own way: a region, with the library as anybody uses it.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use shm_core::{Kind, Position, RawReader, RawWriter};

use super::ends::{Inlet, Link, Outlet, Payload, Prepared, Shape, Waiting};
use super::limits::spin;

/// A region's name, which is a path here.
pub fn name(path: &Path) -> Result<&str> {
    path.to_str().context("SHM_DIR is not UTF-8")
}

/// Makes a region of this shape.
pub fn create(path: &Path, shape: Shape) -> Result<RawWriter> {
    let mut options = RawWriter::options();
    options.slots(shape.slots).capacity(shape.bytes as u64).kind(Kind::Bytes);
    Ok(options.open_raw(name(path)?)?)
}

/// Attaches to a region from its oldest value on.
pub fn open(path: &Path) -> Result<RawReader> {
    Ok(RawReader::options().start(Position::Oldest).open_raw(name(path)?)?)
}

/// Payloads are copied in and out.
pub struct Copied;

pub struct CopiedOutlet {
    writer: RawWriter,
    prepared: Prepared,
}

pub struct CopiedInlet {
    reader: RawReader,
    payload: Payload,
    waiting: Waiting,
}

impl Link for Copied {
    type Outlet = CopiedOutlet;
    type Inlet = CopiedInlet;
}

impl Outlet for CopiedOutlet {
    fn create(path: &Path, shape: Shape) -> Result<Self> {
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
        Ok(Self { reader: open(path)?, payload: Payload::new(shape), waiting })
    }

    #[inline(always)]
    fn take(&mut self) -> Result<u64> {
        let Self { reader, payload, waiting } = self;
        let sample = match waiting {
            Waiting::Spinning => spin(|| reader.try_recv_into(&mut payload.0).transpose())?,
            Waiting::Sleeping => reader.recv_into(&mut payload.0)?.context(CLOSED)?,
        };
        ensure!(sample.lost == 0, "{} values were lost before number {}", sample.lost, sample.sequence);
        payload.check()
    }
}

const CLOSED: &str = "the region was closed in the middle of a measurement";
