//! The default job: prints the values of a region, and reports missed values.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Error, Result};
use shm_cli::{Code, Failure, Talk, remedy};
use shm_core::{OpenError, Position, RawReader, ReaderOptions, ReceiveError, Received, Sample, WriterStatus};

use crate::args::Read;
use crate::print::Printer;

/// The interval at which a waiting reader checks whether its output is still read and, with `--until-gone`,
/// whether the writer is alive.
const POLL: Duration = Duration::from_millis(100);

/// After this many damaged values in a row, the whole region counts as damaged.
const DAMAGED_MAX: u64 = 100;

/// Prints the values that the arguments select.
pub fn read(args: &Read, talk: Talk, out: &mut dyn Write) -> Result<()> {
    refuse_leftovers(args)?;
    let started = Instant::now();
    let mut reader = open(args, talk)?;
    talk.detail(format_args!("opened region '{}': {}, newest value {}", args.region, reader.kind(), reader.head()));
    if args.until_gone && reader.writer() == WriterStatus::Unknown {
        return Err(writer_unknown(args).into());
    }
    let mut session = Session::new(args, talk, out);
    // The timeout for the first value includes the wait for the region.
    let patience = args.timeout.map(|timeout| timeout.saturating_sub(started.elapsed()));
    let ended = match args.follows() {
        true => session.follow(&mut reader, patience),
        false => session.print_retained(&mut reader, patience),
    };
    session.refuse_damaged(ended)
}

fn refuse_leftovers(args: &Read) -> Result<(), Failure> {
    let Some(extra) = args.rest.first() else { return Ok(()) };
    let what = format!("unexpected argument '{}': at most one REGION is allowed", extra.display());
    Err(Failure::new(Code::Usage, what, remedy::see_help("shm-reader")))
}

fn open(args: &Read, talk: Talk) -> Result<RawReader> {
    let mut options = RawReader::options();
    args.from.map(|position| options.start(position));
    match options.open_raw(&args.region) {
        Err(OpenError::NotFound { .. }) if args.follows() || args.timeout.is_some() => {
            await_region(options, args, talk)
        }
        opened => Ok(opened?),
    }
}

/// Waits for a region that does not exist. Values that are published before it is opened count as new.
fn await_region(mut options: ReaderOptions, args: &Read, talk: Talk) -> Result<RawReader> {
    let name = &args.region;
    let near = shm_cli::nearest_region(name).map(|near| format!(" (did you mean '{near}'?)")).unwrap_or_default();
    talk.hint(format_args!("waiting for region '{name}'{near}"));
    if let None | Some(Position::Latest | Position::New) = args.from {
        options.start(Position::At(1));
    }
    let opened = wait(args.timeout, |time| match options.open_timeout(time).open_raw(name) {
        Err(OpenError::NotFound { .. }) => Ok(None),
        opened => Ok(Some(opened?)),
    });
    opened?.ok_or_else(|| too_late(format!("no region named '{name}'{near} appeared"), args).into())
}

/// Repeats an attempt that waits for the given time, until it has a result, its total time is up, or nobody
/// reads the output any more.
fn wait<T>(patience: Option<Duration>, mut attempt: impl FnMut(Duration) -> Result<Option<T>>) -> Result<Option<T>> {
    let (started, patience) = (Instant::now(), patience.unwrap_or(Duration::MAX));
    loop {
        let left = patience.saturating_sub(started.elapsed());
        let result = attempt(left.min(POLL))?;
        if result.is_some() || left <= POLL {
            return Ok(result);
        }
        shm_cli::refuse_closed_stdout()?;
    }
}

fn too_late(what: String, args: &Read) -> Failure {
    let time = humantime::format_duration(args.timeout.unwrap_or_default());
    Failure::new(Code::TimedOut, format!("{what} within {time}"), remedy::wait_longer())
}

fn writer_died(args: &Read) -> Failure {
    let what = format!("the writer of region '{}' ended without closing it", args.region);
    Failure::new(Code::WriterDied, what, remedy::await_next_writer())
}

fn writer_unknown(args: &Read) -> Failure {
    let what = format!(
        "cannot find out whether region '{}' has a living writer: its lock file belongs to another user",
        args.region
    );
    Failure::new(Code::Other, what, remedy::do_not_ask_for_writer())
}

/// One pass through the values of a region. The region may be removed and created again meanwhile.
struct Session<'a> {
    args: &'a Read,
    talk: Talk,
    out: &'a mut dyn Write,
    printer: Printer<'a>,
    value: Vec<u8>,
    printed: u64,
    missed: u64,
    /// Values that were received or printed with an error.
    damaged: u64,
    /// Those of them that follow one another.
    in_a_row: u64,
}

impl<'a> Session<'a> {
    fn new(args: &'a Read, talk: Talk, out: &'a mut dyn Write) -> Self {
        Self {
            args,
            talk,
            out,
            printer: Printer::new(args),
            value: Vec::new(),
            printed: 0,
            missed: 0,
            damaged: 0,
            in_a_row: 0,
        }
    }

    /// Prints values as they arrive. Flushes the output after each one. With `--strict`, ends at the first
    /// loss.
    fn follow(&mut self, reader: &mut RawReader, mut patience: Option<Duration>) -> Result<()> {
        while !self.has_enough() {
            let sample = match wait(patience, |time| self.receive(reader, time)) {
                Ok(Some(Received::Value(sample))) => sample,
                Ok(Some(Received::Ended)) => return Ok(()),
                Err(error) => {
                    self.pass_over(error)?;
                    continue;
                }
                Ok(Some(Received::Nothing) | None) => {
                    return Err(
                        too_late(format!("no new value arrived in region '{}'", self.args.region), self.args).into()
                    );
                }
            };
            self.print(reader, &sample).or_else(|error| self.pass_over(error).map(drop))?;
            self.out.flush()?;
            self.refuse_missed()?;
            patience = self.args.timeout;
        }
        Ok(())
    }

    /// Waits for the next value. Without an option that ends the wait, it continues with the next writer
    /// and the next region.
    fn receive(&mut self, reader: &mut RawReader, time: Duration) -> Result<Option<Received<()>>> {
        let received = if self.args.until_gone {
            self.receive_until_gone(reader, time)?
        } else if self.args.until_closed {
            reader.recv_timeout_into(&mut self.value, time)?
        } else {
            reader.follow_into(&mut self.value, time)?.map_or(Received::Nothing, Received::Value)
        };
        Ok(Some(received).filter(|received| *received != Received::Nothing))
    }

    /// Waits for the next value if the region has a living writer.
    fn receive_until_gone(&mut self, reader: &mut RawReader, time: Duration) -> Result<Received<()>> {
        // Checked before the attempt to receive, so values published before the writer died are still
        // received.
        let writer = reader.writer();
        let received = match writer {
            WriterStatus::Alive => reader.recv_timeout_into(&mut self.value, time)?,
            _ => reader.try_recv_into(&mut self.value)?,
        };
        match (received, writer) {
            (Received::Nothing, WriterStatus::Gone) => Err(writer_died(self.args).into()),
            (Received::Nothing, WriterStatus::Unknown) => Err(writer_unknown(self.args).into()),
            (received, _) => Ok(received),
        }
    }

    /// Prints the selected values that the region holds now. If it holds no such value, waits for the first
    /// one if allowed.
    fn print_retained(&mut self, reader: &mut RawReader, patience: Option<Duration>) -> Result<()> {
        match self.args.from {
            None => self.print_latest(reader)?,
            Some(_) => self.print_up_to(reader, reader.head())?,
        }
        if self.printed + self.damaged == 0 {
            self.print_first(reader, patience)?;
        }
        Ok(self.refuse_missed()?)
    }

    fn print_latest(&mut self, reader: &mut RawReader) -> Result<()> {
        match reader.latest_into(&mut self.value)? {
            Some(sample) => self.print(reader, &sample),
            None => Ok(()),
        }
    }

    fn print_up_to(&mut self, reader: &mut RawReader, newest: u64) -> Result<()> {
        while !self.has_enough() {
            let sequence = match reader.try_recv_into(&mut self.value) {
                Ok(Received::Value(sample)) => {
                    self.print(reader, &sample).or_else(|error| self.pass_over(error).map(drop))?;
                    sample.sequence
                }
                Ok(Received::Nothing | Received::Ended) => break,
                Err(error) => self.pass_over(error.into())?,
            };
            if sequence >= newest {
                break;
            }
        }
        Ok(())
    }

    fn print_first(&mut self, reader: &mut RawReader, patience: Option<Duration>) -> Result<()> {
        let name = &self.args.region;
        if patience.is_none() {
            let what = match reader.head() {
                0 => format!("region '{name}' has no value yet"),
                head => format!("region '{name}' does not have that value yet: its newest value is number {head}"),
            };
            return Err(Failure::new(Code::Absent, what, remedy::wait_for_value()).into());
        }
        match wait(patience, |time| Ok(reader.follow_into(&mut self.value, time)?))? {
            Some(sample) => self.print(reader, &sample),
            None => Err(too_late(format!("no value arrived in region '{name}'"), self.args).into()),
        }
    }

    fn has_enough(&self) -> bool {
        self.args.count.is_some_and(|count| self.printed >= count)
    }

    /// Prints a value, after reporting a restart and missed values directly before it.
    fn print(&mut self, reader: &RawReader, sample: &Sample<()>) -> Result<()> {
        self.missed += sample.lost;
        match self.args.json {
            true => self.printer.events(self.out, sample)?,
            false => self.note_events(sample),
        }
        self.printer.value(self.out, reader, sample, &self.value)?;
        self.printed += 1;
        self.in_a_row = 0;
        Ok(())
    }

    /// Reports an error of one value, and returns the value's number. Any other error is returned.
    fn pass_over(&mut self, error: Error) -> Result<u64> {
        let Some(sequence) = error.downcast_ref().and_then(ReceiveError::value) else { return Err(error) };
        // The values before this one are printed before the report.
        self.out.flush()?;
        if self.in_a_row < DAMAGED_MAX {
            shm_cli::report(&error);
        }
        self.damaged += 1;
        self.in_a_row += 1;
        if self.in_a_row > DAMAGED_MAX { Err(error) } else { Ok(sequence) }
    }

    /// Ends with an error if a value was damaged, even if another of our own errors ended the program.
    fn refuse_damaged(&self, ended: Result<()>) -> Result<()> {
        match &ended {
            _ if self.damaged == 0 => return ended,
            Err(error) if !error.is::<Failure>() => return ended,
            Err(error) => drop(shm_cli::report(error)),
            Ok(()) => {}
        }
        let name = &self.args.region;
        let what = format!("cannot print {} of region '{name}'", shm_cli::counted(self.damaged, "value"));
        Err(Failure::new(Code::Damaged, what, remedy::check_region(name)).into())
    }

    fn note_events(&self, sample: &Sample<()>) {
        if sample.restarted {
            self.talk.note(format_args!("region '{}' was created again", self.args.region));
        }
        if sample.lost > 0 {
            self.talk.note(format_args!(
                "missed {} before value {}",
                shm_cli::counted(sample.lost, "value"),
                sample.sequence
            ));
        }
    }

    fn refuse_missed(&self) -> Result<(), Failure> {
        if !self.args.strict || self.missed == 0 {
            return Ok(());
        }
        let what = format!("missed {} of region '{}'", shm_cli::counted(self.missed, "value"), self.args.region);
        Err(Failure::new(Code::Missed, what, remedy::more_slots(&self.args.region)))
    }
}
