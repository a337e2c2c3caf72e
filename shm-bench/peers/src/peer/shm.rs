//! shm itself: one region for each direction.

use crate::job::{Job, Waiting, Work};
use crate::link::{Board, Link, blank, ends, number, numbers, stamp};
use crate::mate::Mate;
use anyhow::{Context, Result, bail, ensure};
use shm_core::{Kind, Position, RawReader, RawWriter, Wait};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);

/// The names of the regions, by who writes.
const DRIVER: &str = "driver";
const MATE: &str = "mate";

const CLOSED: &str = "the region was closed";

/// How many values a region holds: as many as the others hold on their way; of 1 MiB twice as many, because a reader that
/// was too slow goes on in the middle.
fn slots(job: &Job) -> u64 {
    match job.message_bytes {
        0..=4096 if job.work == Work::OneWay => 4096,
        0..=4096 => 64,
        4097..=1_048_576 => 8,
        _ => 4,
    }
}

fn open_writer(job: &Job, name: &str) -> Result<RawWriter> {
    let mut options = RawWriter::options();
    options.kind(Kind::Bytes).slots(slots(job)).capacity(job.message_bytes as u64);
    Ok(options.open_raw(&place(job, name))?)
}

fn open_reader(job: &Job, name: &str) -> Result<RawReader> {
    let waiting = match job.waiting {
        Waiting::Spin => Wait::Spin,
        Waiting::Block => Wait::Block,
    };
    let mut options = RawReader::options();
    options.wait(PATIENCE).start(Position::Oldest).waiting(waiting);
    Ok(options.open_raw(&place(job, name))?)
}

fn place(job: &Job, name: &str) -> String {
    job.directory.join(name).display().to_string()
}

/// Both directions.
struct Regions {
    writer: RawWriter,
    reader: RawReader,
}

impl Regions {
    fn make(job: &Job, mate: &mut Mate) -> Result<Self> {
        let writer = open_writer(job, DRIVER)?;
        mate.start("")?;
        Ok(Self { writer, reader: open_reader(job, MATE)? })
    }

    fn join(job: &Job) -> Result<Self> {
        Ok(Self { writer: open_writer(job, MATE)?, reader: open_reader(job, DRIVER)? })
    }
}

/// Payloads copied in and out.
pub struct Copies(Regions);

impl Link for Copies {
    const LOSES: bool = true;

    fn make(job: &Job, mate: &mut Mate) -> Result<Self> {
        Regions::make(job, mate).map(Self)
    }

    fn join(job: &Job, _: &str) -> Result<Self> {
        Regions::join(job).map(Self)
    }

    fn send(&mut self, message: &[u8]) -> Result<()> {
        self.0.writer.publish(message)?;
        Ok(())
    }

    fn receive(&mut self, message: &mut Vec<u8>) -> Result<()> {
        self.0.reader.recv_into(message)?.context(CLOSED)?;
        Ok(())
    }
}

/// Payloads that stay where they are: only the first and the last word are written, and read.
pub struct InPlace(Regions);

impl Link for InPlace {
    const LOSES: bool = true;

    fn make(job: &Job, mate: &mut Mate) -> Result<Self> {
        Regions::make(job, mate).map(Self)
    }

    fn join(job: &Job, _: &str) -> Result<Self> {
        Regions::join(job).map(Self)
    }

    fn send(&mut self, message: &[u8]) -> Result<()> {
        let (first, last) = numbers(message);
        let mut loan = self.0.writer.loan(message.len())?;
        loan.write_at(0, &first);
        loan.write_at(message.len() - last.len(), &last);
        loan.commit()?;
        Ok(())
    }

    fn receive(&mut self, message: &mut Vec<u8>) -> Result<()> {
        loop {
            let view = self.0.reader.recv_view()?.context(CLOSED)?;
            ensure!(view.len() == message.len(), "a message of another length");
            let [first, last] = ends(message)?;
            view.copy_to(0, first);
            view.copy_to(view.len() - last.len(), last);
            if view.is_whole() {
                return Ok(());
            }
        }
    }
}

/// The newest value of a region, and room for a copy of it.
pub struct Newest(End, Vec<u8>);

enum End {
    Reader(RawReader),
    Writer(RawWriter),
}

impl Board for Newest {
    fn make(job: &Job, mate: &mut Mate) -> Result<Self> {
        mate.start("")?;
        Ok(Self(End::Reader(open_reader(job, MATE)?), blank(job)))
    }

    fn join(job: &Job) -> Result<Self> {
        Ok(Self(End::Writer(open_writer(job, MATE)?), blank(job)))
    }

    fn write(&mut self, sequence: u64) -> Result<()> {
        let End::Writer(writer) = &mut self.0 else { bail!("this is the reader") };
        stamp(&mut self.1, sequence);
        writer.publish(&self.1)?;
        Ok(())
    }

    fn read(&mut self) -> Result<Option<u64>> {
        let End::Reader(reader) = &mut self.0 else { bail!("this is the writer") };
        if reader.latest_into(&mut self.1)?.is_none() {
            return Ok(None);
        }
        number(&self.1).context("a torn value").map(Some)
    }
}
