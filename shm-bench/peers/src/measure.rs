//! The work itself, both sides, for any peer; and the clock around it.

use crate::job::{Job, Waiting, Work};
use crate::link::{Board, END, Link, blank, check, number, stamp};
use crate::mate::{Mate, end_of_input};
use crate::statistics::median;
use anyhow::{Context, Result, bail, ensure};
use std::hint::black_box;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

/// How much longer than it is measured a sender sends, because the receiver starts later.
const MARGIN: Duration = Duration::from_millis(50);
/// How many messages at the beginning do not count, however long they take: the memory is touched for the first time.
const UNTIMED: u64 = 16;
/// Between messages of the idle round trip.
const IDLE: Duration = Duration::from_millis(1);

/// What came of a job.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Nanoseconds, or messages per second.
    pub value: f64,
    /// The share of the messages that were lost on the way or came torn.
    pub spoiled: f64,
}

impl Measured {
    /// As one process tells it to another.
    pub fn to_text(self) -> String {
        format!("{} {}", self.value, self.spoiled)
    }

    pub fn from_text(text: &str) -> Result<Self> {
        let (value, spoiled) = text.trim().split_once(' ').context("no result came")?;
        Ok(Self { value: value.parse()?, spoiled: spoiled.parse()? })
    }
}

/// The measuring side of a link.
pub fn drive_link<L: Link>(job: &Job) -> Result<Measured> {
    let mut mate = Mate::new(job)?;
    let mut link = L::make(job, &mut mate)?;
    let mut message = blank(job);
    link.receive(&mut message)?;
    check(job, &message, 0)?;
    let measured = match job.work {
        Work::OneWay => count(job, &mut link, &mut message)?,
        _ => time_round_trips(job, &mut link, &mut message)?,
    };
    mate.finish()?;
    Ok(measured)
}

/// The other side of a link.
pub fn answer_link<L: Link>(job: &Job, word: &str) -> Result<()> {
    let mut link = L::join(job, word)?;
    let message = blank(job);
    link.send(&message)?;
    match job.work {
        Work::OneWay => flood(job, &mut link, message),
        _ => echo(job, &mut link, message),
    }
}

fn time_round_trips(job: &Job, link: &mut impl Link, message: &mut Vec<u8>) -> Result<Measured> {
    let batch = match (job.work, job.waiting) {
        (Work::IdleRoundTrip, _) => 1,
        (_, Waiting::Spin) => 32,
        (_, Waiting::Block) => 4,
    };
    let start = Instant::now();
    let mut sent = 0;
    let mut times = Vec::with_capacity(1 << 16);
    loop {
        if job.work == Work::IdleRoundTrip {
            thread::sleep(IDLE);
        }
        let begin = Instant::now();
        for _ in 0..batch {
            sent += 1;
            stamp(message, sent);
            link.send(message)?;
            link.receive(message)?;
            check(job, black_box(message), sent)?;
        }
        let end = Instant::now();
        if end - start > job.warm_up() {
            times.push((end - begin).as_nanos() as f64 / f64::from(batch));
        }
        if end - start > job.warm_up() + job.duration {
            break;
        }
    }
    stamp(message, END);
    link.send(message)?;
    Ok(Measured { value: median(&mut times), spoiled: 0.0 })
}

fn echo(job: &Job, link: &mut impl Link, mut message: Vec<u8>) -> Result<()> {
    for expected in 1.. {
        link.receive(&mut message)?;
        if number(&message) == Some(END) {
            return Ok(());
        }
        check(job, &message, expected)?;
        link.send(&message)?;
    }
    bail!("numbers ran out");
}

/// How many messages are sent or received between two looks at the clock.
fn per_look(job: &Job) -> u64 {
    if job.message_bytes > 4096 { 1 } else { 256 }
}

fn flood(job: &Job, link: &mut impl Link, mut message: Vec<u8>) -> Result<()> {
    // The receiver says when it is ready.
    link.receive(&mut message)?;
    let mut sent = 0;
    let mut start = Instant::now();
    while start.elapsed() < job.warm_up() + job.duration + MARGIN {
        for _ in 0..per_look(job) {
            sent += 1;
            stamp(&mut message, sent);
            link.send(&message)?;
        }
        if sent <= UNTIMED {
            start = Instant::now();
        }
    }
    stamp(&mut message, END);
    link.send(&message)
}

/// What a receiver has seen: the newest number, and how many messages came.
#[derive(Clone, Copy, Default)]
struct Seen {
    newest: u64,
    count: u64,
}

impl Seen {
    fn note<L: Link>(&mut self, job: &Job, message: &[u8]) -> Result<()> {
        // The copy is made even though only two words of it are looked at.
        let message = black_box(message);
        if L::LOSES {
            let found = number(message);
            ensure!(message.len() == job.message_bytes && found > Some(self.newest), "{found:?} after {}", self.newest);
            self.newest = found.unwrap_or_default();
        } else if number(message) == Some(END) {
            self.newest = END;
        } else {
            check(job, message, self.newest + 1)?;
            self.newest += 1;
        }
        self.count += 1;
        Ok(())
    }
}

fn count<L: Link>(job: &Job, link: &mut L, message: &mut Vec<u8>) -> Result<Measured> {
    link.send(message)?;
    let mut begin = Instant::now();
    let (mut seen, mut next_look) = (Seen::default(), 1);
    // When counting began and ended, and what had been seen by then.
    let (mut from, mut to) = (None, None);
    while seen.newest != END {
        link.receive_all(message, &mut |message| seen.note::<L>(job, message))?;
        if seen.count < next_look || seen.newest == END {
            continue;
        }
        next_look = seen.count + per_look(job);
        let now = Instant::now();
        if seen.newest <= UNTIMED {
            begin = now;
        }
        match from {
            None if now - begin > job.warm_up() => from = Some((now, seen)),
            Some((start, _)) if now - start < job.duration => to = Some((now, seen)),
            _ => {}
        }
    }
    let (Some((start, first)), Some((end, last))) = (from, to) else { bail!("too few messages came") };
    let (received, sent) = ((last.count - first.count) as f64, (last.newest - first.newest) as f64);
    Ok(Measured { value: received / (end - start).as_secs_f64(), spoiled: 1.0 - received / sent })
}

/// The reading side of a board.
pub fn drive_board<B: Board>(job: &Job) -> Result<Measured> {
    let mut mate = Mate::new(job)?;
    let mut board = B::make(job, &mut mate)?;
    while board.read()?.is_none() {}
    let batch = if job.work == Work::LatestSame { 1000 } else { 1 };
    let start = Instant::now();
    let mut times = Vec::with_capacity(1 << 16);
    loop {
        let begin = Instant::now();
        for _ in 0..batch {
            black_box(board.read()?);
        }
        let end = Instant::now();
        if end - start > job.warm_up() {
            times.push((end - begin).as_nanos() as f64 / f64::from(batch));
        }
        if end - start > job.warm_up() + job.duration {
            break;
        }
    }
    mate.finish()?;
    Ok(Measured { value: median(&mut times), spoiled: 0.0 })
}

/// The writing side of a board.
pub fn answer_board<B: Board>(job: &Job) -> Result<()> {
    let ended = end_of_input();
    let mut board = B::join(job)?;
    board.write(1)?;
    for number in 2.. {
        if ended.load(Ordering::Relaxed) {
            break;
        }
        match job.work {
            Work::LatestChanging => board.write(number)?,
            _ => thread::sleep(IDLE),
        }
    }
    Ok(())
}
