//! The source of the values: the command line, a file, or stdin cut into pieces.

use std::fs;
use std::io::{self, BufRead, IsTerminal, Read};
use std::mem;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use shm_cli::{Code, Failure, Talk, remedy};
use shm_core::Sequence;

use crate::args::Publish;

/// A schedule that is later than this starts again from now, instead of catching up. The machine slept,
/// or the program was stopped.
const CATCH_UP: Duration = Duration::from_secs(1);

/// How much of a line is read at a time.
const PART_BYTES: usize = 64 << 10;

/// The values to publish, one after another.
pub enum Source {
    Repeated(Repeated),
    Stdin(Stdin),
}

/// One complete value that is published once or repeatedly.
pub struct Repeated {
    value: Vec<u8>,
    place: String,
    is_template: bool,
    left: u64,
    every: Duration,
    due: Option<Instant>,
}

/// Standard input, which is read only as far as values are needed.
pub struct Stdin {
    input: Box<dyn BufRead>,
    cut: Cut,
    number: u64,
    peeked: Option<Vec<u8>>,
}

#[derive(Clone, Copy)]
enum Cut {
    After(u8),
    Every { bytes: u64 },
}

/// How stdin is cut into arrays.
#[derive(Clone, Copy)]
pub enum Frames {
    /// Every array has this length in bytes.
    Every(u64),
    /// The length is not fixed, so all of stdin is one array.
    Whole,
}

impl Source {
    /// Opens the source that the arguments name. Reads a file, or a stdin that is one value, to its end.
    ///
    /// `frames` says how to cut stdin if the arguments do not.
    pub fn open(args: &Publish, frames: Option<Frames>, talk: Talk) -> Result<Self> {
        if let Some(value) = &args.value {
            return Ok(Self::repeated(value.as_bytes().to_vec(), "VALUE".to_owned(), args));
        }
        if let Some(file) = &args.file {
            let value = fs::read(file).map_err(|error| unreadable(file, &error))?;
            return Ok(Self::repeated(value, format!("file '{}'", file.display()), args));
        }
        let frames = frames.filter(|_| !args.null && !args.whole && args.chunk.is_none());
        let is_whole = args.whole || matches!(frames, Some(Frames::Whole));
        let stdin = Stdin::open(args, frames, is_whole, talk);
        if is_whole { stdin.whole(args) } else { Ok(Self::Stdin(stdin)) }
    }

    fn repeated(value: Vec<u8>, place: String, args: &Publish) -> Self {
        let is_repeated = args.every.is_some() || args.count.is_some();
        Self::Repeated(Repeated {
            value,
            place,
            is_template: is_repeated,
            left: args.count.unwrap_or(if is_repeated { u64::MAX } else { 1 }),
            every: args.every.unwrap_or_default(),
            due: None,
        })
    }

    /// Reports whether the first value is available without waiting.
    pub fn is_at_hand(&self) -> bool {
        matches!(self, Self::Repeated(_))
    }

    /// Returns the length of the first value, if it is available without waiting.
    pub fn first_bytes(&self) -> Option<u64> {
        match self {
            Self::Repeated(repeated) => Some(repeated.value.len() as u64),
            Self::Stdin(_) => None,
        }
    }

    /// Returns the first value, without consuming it. A repeated value may later get another number and
    /// time.
    pub fn peek(&mut self) -> Result<Option<Vec<u8>>> {
        let mut value = Vec::new();
        match self {
            Self::Repeated(repeated) => repeated.fill(1, &mut value),
            Self::Stdin(stdin) => {
                stdin.peeked = stdin.next(&mut value)?.then(|| value.clone());
                return Ok(stdin.peeked.clone());
            }
        }
        Ok(Some(value))
    }

    /// Waits until the next value is due, and puts it into the buffer. Returns false if there are no more
    /// values.
    pub fn next(&mut self, sequence: Sequence, value: &mut Vec<u8>) -> Result<bool> {
        match self {
            Self::Repeated(repeated) => Ok(repeated.next(sequence, value)),
            Self::Stdin(stdin) => stdin.next(value),
        }
    }

    /// Returns the place of the last value, for messages.
    pub fn place(&self) -> String {
        match self {
            Self::Repeated(repeated) => repeated.place.clone(),
            Self::Stdin(Stdin { cut: Cut::After(b'\n'), number, .. }) => format!("line {number}"),
            Self::Stdin(Stdin { number, .. }) => format!("value {number}"),
        }
    }
}

/// The error for a file that cannot be read.
pub fn unreadable(file: &Path, error: &io::Error) -> Failure {
    let what = format!("cannot read file '{}': {error}", file.display());
    Failure::new(Code::Other, what, remedy::name_of_stdin(file))
}

impl Repeated {
    fn next(&mut self, sequence: Sequence, value: &mut Vec<u8>) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        self.wait();
        match self.left == 0 && !self.is_template {
            true => *value = mem::take(&mut self.value), // no copy: the value may be a large file
            false => self.fill(sequence, value),
        }
        true
    }

    /// Sleeps until the value is due. The schedule does not drift: a value that is a little late does not
    /// delay the next one.
    fn wait(&mut self) {
        let due = *self.due.get_or_insert_with(Instant::now);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let is_hopeless = due.elapsed() > CATCH_UP;
        let start = if is_hopeless { Instant::now() } else { due };
        self.due = Some(start + self.every);
    }

    fn fill(&self, sequence: Sequence, value: &mut Vec<u8>) {
        value.clear();
        match self.is_template {
            true => fill(&self.value, sequence, SystemTime::now(), value),
            false => value.extend(&self.value),
        }
    }
}

impl Stdin {
    fn open(args: &Publish, frames: Option<Frames>, is_whole: bool, talk: Talk) -> Self {
        let frame_bytes = frames.and_then(|frames| match frames {
            Frames::Every(bytes) => Some(bytes),
            Frames::Whole => None,
        });
        if io::stdin().is_terminal() {
            let what = match (is_whole, args.chunk.or(frame_bytes)) {
                (true, _) => "everything you type is one value".to_owned(),
                (_, Some(bytes)) => format!("every {} are one value", shm_cli::counted(bytes, "byte")),
                _ if args.records => "each line is a record".to_owned(),
                _ if args.null => "each NUL character ends a value".to_owned(),
                _ => "Enter publishes the line".to_owned(),
            };
            talk.note(format_args!(
                "reading values for region '{}' from the terminal: {what}; press Ctrl-D to end",
                args.region
            ));
        }
        let after_mark = Cut::After(if args.null { 0 } else { b'\n' });
        let cut = args.chunk.or(frame_bytes).map_or(after_mark, |bytes| Cut::Every { bytes });
        Self { input: Box::new(shm_cli::stdin()), cut, number: 0, peeked: None }
    }

    fn whole(mut self, args: &Publish) -> Result<Source> {
        let mut value = Vec::new();
        self.input.read_to_end(&mut value).context("cannot read stdin")?;
        Ok(Source::repeated(value, "stdin".to_owned(), args))
    }

    fn next(&mut self, value: &mut Vec<u8>) -> Result<bool> {
        if let Some(peeked) = self.peeked.take() {
            *value = peeked;
            return Ok(true);
        }
        self.number += 1;
        value.clear();
        self.cut_off(value).context("cannot read stdin")
    }

    /// Reads up to the next cut. A last value without an end mark is also a value.
    fn cut_off(&mut self, value: &mut Vec<u8>) -> io::Result<bool> {
        let bytes = match self.cut {
            Cut::After(mark) => self.read_until(mark, value)?,
            Cut::Every { bytes } => self.input.by_ref().take(bytes).read_to_end(value)?,
        };
        if let Cut::After(mark) = self.cut {
            value.pop_if(|last| *last == mark);
        }
        Ok(bytes > 0)
    }

    /// Reads up to the mark. Input without a mark may not fit into memory, and the method of `BufRead` would
    /// then end the program.
    fn read_until(&mut self, mark: u8, value: &mut Vec<u8>) -> io::Result<usize> {
        loop {
            value.try_reserve(PART_BYTES)?;
            let bytes = self.input.by_ref().take(PART_BYTES as u64).read_until(mark, value)?;
            if bytes < PART_BYTES || value.last() == Some(&mark) {
                return Ok(value.len());
            }
        }
    }
}

/// Appends the template with each `{seq}` and `{time}` filled in.
fn fill(template: &[u8], sequence: Sequence, time: SystemTime, value: &mut Vec<u8>) {
    let mut rest = template;
    while let Some(at) = rest.iter().position(|byte| *byte == b'{') {
        value.extend(&rest[..at]);
        rest = &rest[at..];
        let (filled, after) = if let Some(after) = rest.strip_prefix(b"{seq}") {
            (sequence.to_string(), after)
        } else if let Some(after) = rest.strip_prefix(b"{time}") {
            (humantime::format_rfc3339_nanos(time).to_string(), after)
        } else {
            ("{".to_owned(), &rest[1..])
        };
        value.extend(filled.as_bytes());
        rest = after;
    }
    value.extend(rest);
}

#[test]
fn only_whole_names_in_braces_are_filled_in() {
    let mut value = Vec::new();
    fill(b"{\"n\": {seq}} {se {time}", 7, SystemTime::UNIX_EPOCH, &mut value);
    assert_eq!(value, b"{\"n\": 7} {se 1970-01-01T00:00:00.000000000Z");
}
