//! shm itself: one region for each direction.

use crate::job::{Job, Waiting, Work};
use crate::link::{Board, Link, blank, number, stamp};
use crate::mate::Mate;
use anyhow::{Context, Result, bail};
use shm_core::{Kind, Position, RawReader, RawWriter};
use std::hint::spin_loop;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);

/// The names of the regions, by who writes.
const DRIVER: &str = "driver";
const MATE: &str = "mate";

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
    let mut options = RawReader::options();
    options.wait(PATIENCE).start(Position::Oldest);
    Ok(options.open_raw(&place(job, name))?)
}

fn place(job: &Job, name: &str) -> String {
    job.directory.join(name).display().to_string()
}

/// Payloads copied in and out.
pub struct Copies {
    writer: RawWriter,
    reader: RawReader,
    waiting: Waiting,
}

impl Link for Copies {
    const LOSES: bool = true;

    fn make(job: &Job, mate: &mut Mate) -> Result<Self> {
        let writer = open_writer(job, DRIVER)?;
        mate.start("")?;
        Ok(Self { writer, reader: open_reader(job, MATE)?, waiting: job.waiting })
    }

    fn join(job: &Job, _: &str) -> Result<Self> {
        Ok(Self { writer: open_writer(job, MATE)?, reader: open_reader(job, DRIVER)?, waiting: job.waiting })
    }

    fn send(&mut self, message: &[u8]) -> Result<()> {
        self.writer.publish(message)?;
        Ok(())
    }

    fn receive(&mut self, message: &mut Vec<u8>) -> Result<()> {
        if self.waiting == Waiting::Block {
            self.reader.recv_into(message)?.context("the region was closed")?;
            return Ok(());
        }
        while self.reader.try_recv_into(message)?.is_none() {
            spin_loop();
        }
        Ok(())
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
