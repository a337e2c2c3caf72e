//! The rows: what is measured, beside which limit, and what ratio is the goal. How a row is measured is elsewhere.

use anyhow::Result;

use super::ends::{Shape, Way};
use super::looks::{self, Beside};
use super::publishing::{self, Readers};
use super::session::Session;
use super::stats::Run;
use super::trips::{self, Manner};
use super::{attach, streams};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
/// What is done with a payload in place: nothing else of it is stored or looked at.
const TOUCHED: &str = "only first and last word touched";

/// What a row's figures count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds.
    Time,
    /// Values a second.
    Rate,
    /// Bytes a second; runs measure values a second of so many bytes.
    Bandwidth,
    /// A number.
    Count,
}

/// What the ratio is to be.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
    /// It is only reported.
    Nothing,
}

/// How a row is measured.
#[derive(Clone, Copy, Debug)]
pub enum Work {
    Trip { limit: Way, ours: Way, manner: Manner },
    Stream { limit: Way, ours: Way },
    Follow,
    Look { beside: Beside },
    Publish { readers: Readers },
    Wakes { readers: Readers },
    Attach,
}

/// One line of the output.
#[derive(Clone, Debug)]
pub struct Row {
    pub group: &'static str,
    pub name: String,
    pub what: String,
    pub limit: &'static str,
    pub unit: Unit,
    pub goal: Goal,
    pub shape: Shape,
    pub work: Work,
}

impl Row {
    /// Measures one run of ours.
    pub fn measure_ours(&self, session: &mut Session) -> Result<Run> {
        let shape = self.shape;
        match self.work {
            Work::Trip { ours, manner, .. } => trips::measure(session, ours, shape, manner),
            Work::Stream { ours, .. } => streams::measure(session, ours, shape).map(|run| self.in_bytes(run)),
            Work::Follow => streams::follow(session, shape),
            Work::Look { beside } => looks::measure(session, shape, beside),
            Work::Publish { readers } => publishing::measure(session, shape, readers),
            Work::Wakes { readers } => publishing::count_wakes(session, shape, readers),
            Work::Attach => attach::measure(session, shape),
        }
    }

    /// Measures one run of the limit.
    pub fn measure_limit(&self, session: &mut Session) -> Result<Run> {
        let shape = self.shape;
        match self.work {
            Work::Trip { limit, manner, .. } => trips::measure(session, limit, shape, manner),
            Work::Stream { limit, .. } => streams::measure(session, limit, shape).map(|run| self.in_bytes(run)),
            Work::Follow => streams::copy_along(session, shape),
            Work::Look { beside: Beside::AnotherReader } => looks::measure_apart(session, shape),
            Work::Look { beside } => looks::measure_limit(session, shape, beside),
            Work::Publish { readers: Readers::Nobody } => publishing::measure_limit(session, shape),
            Work::Publish { .. } => publishing::measure(session, shape, Readers::Nobody),
            Work::Wakes { .. } => Ok(Run::of(1.0)),
            Work::Attach => attach::measure_limit(session, shape),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a payload's length")]
    fn in_bytes(&self, run: Run) -> Run {
        match self.unit {
            Unit::Bandwidth => Run { figure: run.figure * self.shape.bytes as f64, ..run },
            _ => run,
        }
    }
}

/// All rows, in the order in which they are printed.
pub fn rows() -> Vec<Row> {
    [trip_rows(), stream_rows(), look_rows(), publish_rows()].concat()
}

fn trip_rows() -> Vec<Row> {
    let row = |bytes, manner, limit: (Way, &'static str), goal| {
        let (group, name, how) = match manner {
            Manner::Spinning => ("Round trip, spinning", "spin", "there and back"),
            Manner::Busy => ("Round trip, waiting as by default", "wait", "there and back, both sides busy"),
            Manner::Idle => ("Round trip, waiting as by default", "idle", "there to an idle reader, and back"),
        };
        Row {
            group,
            name: format!("trip-{}-{name}", short(bytes)),
            what: format!("{}, {how}", long(bytes)),
            limit: limit.1,
            unit: Unit::Time,
            goal,
            shape: Shape { bytes, slots: slots_of(bytes).min(64) },
            work: Work::Trip { limit: limit.0, ours: Way::Ours, manner },
        }
    };
    let (line, flag, futex) = (
        (Way::Line, "one line, stamp and payload"),
        (Way::Flag, "a flag line, memcpy in and out"),
        (Way::Futex, "a bare futex"),
    );
    let word = (Way::Word, "a bare cache line, no payload");
    vec![
        Row { name: "trip-8-spin-line".to_owned(), ..row(8, Manner::Spinning, word, Goal::Nothing) },
        row(8, Manner::Spinning, line, Goal::AtMost(1.05)),
        row(40, Manner::Spinning, line, Goal::AtMost(1.05)),
        row(64, Manner::Spinning, flag, Goal::AtMost(0.85)),
        row(KIB, Manner::Spinning, flag, Goal::AtMost(1.05)),
        row(64 * KIB, Manner::Spinning, flag, Goal::Nothing),
        row(MIB, Manner::Spinning, flag, Goal::Nothing),
        Row {
            name: "trip-1m-in-place".to_owned(),
            what: format!("1 MiB in place, {TOUCHED}"),
            work: Work::Trip { limit: Way::Word, ours: Way::OursInPlace, manner: Manner::Spinning },
            ..row(MIB, Manner::Spinning, word, Goal::Nothing)
        },
        row(64, Manner::Busy, flag, Goal::AtMost(1.6)),
        row(KIB, Manner::Busy, flag, Goal::Nothing),
        row(64 * KIB, Manner::Busy, flag, Goal::Nothing),
        row(64, Manner::Idle, futex, Goal::AtMost(1.1)),
    ]
}

fn stream_rows() -> Vec<Row> {
    let row = |bytes, goal| Row {
        group: "One way, received without loss",
        name: format!("stream-{}", short(bytes)),
        what: format!("{}, copied in and out, {} slots", long(bytes), slots_of(bytes)),
        limit: "a bare memcpy ring, no clock",
        unit: if bytes < KIB { Unit::Rate } else { Unit::Bandwidth },
        goal,
        shape: Shape { bytes, slots: slots_of(bytes) },
        work: Work::Stream { limit: Way::Ring, ours: Way::Ours },
    };
    let in_place = |bytes| Row {
        group: "One way in place, received without loss",
        name: format!("stream-{}-in-place", short(bytes)),
        what: format!("{}, {TOUCHED}, {} slots", long(bytes), slots_of(bytes)),
        limit: "a bare ring, no clock",
        unit: Unit::Rate,
        work: Work::Stream { limit: Way::RingInPlace, ours: Way::OursInPlace },
        ..row(bytes, Goal::Nothing)
    };
    let follow = Row {
        name: "follow-64".to_owned(),
        what: "64 B, 4096 slots, a burst that overruns its follower".to_owned(),
        limit: "blind copies of its slots, and the same work",
        goal: Goal::AtLeast(0.8),
        work: Work::Follow,
        ..row(64, Goal::Nothing)
    };
    let mut rows = vec![
        row(64, Goal::AtLeast(0.55)),
        row(KIB, Goal::Nothing),
        row(64 * KIB, Goal::Nothing),
        row(MIB, Goal::AtLeast(0.95)),
        row(16 * MIB, Goal::AtLeast(0.95)),
    ];
    rows.extend([64, KIB, 64 * KIB, MIB, 16 * MIB].map(in_place));
    rows.push(Row { group: "One way, overrun", ..follow });
    rows
}

fn look_rows() -> Vec<Row> {
    let row = |bytes, beside, limit, goal| {
        let (name, how) = match beside {
            Beside::Nobody => ("still", "nothing new"),
            Beside::AnotherReader => ("second", "nothing new, a second reader looks too"),
            Beside::Writer => ("flood", "writer flat out"),
        };
        Row {
            group: "The newest value: latest",
            name: format!("latest-{}-{name}", short(bytes)),
            what: format!("{}, {how}", long(bytes)),
            limit,
            unit: Unit::Time,
            goal,
            shape: Shape { bytes, slots: 64 },
            work: Work::Look { beside },
        }
    };
    let ring = "a bare ring of 64 slots";
    vec![
        row(64, Beside::Nobody, "a copy between two looks at a stamp", Goal::AtMost(2.0)),
        row(64, Beside::AnotherReader, "the same, the second in another region", Goal::AtMost(1.1)),
        row(64, Beside::Writer, ring, Goal::Nothing),
        row(64 * KIB, Beside::Writer, ring, Goal::AtMost(1.2)),
    ]
}

fn publish_rows() -> Vec<Row> {
    let shape = Shape { bytes: 64, slots: 4096 };
    let row = |name: &str, what: &str, limit, goal, readers| Row {
        group: "Publishing 64 B in a burst, 4096 slots: the writer's CPU time for each",
        name: format!("publish-{name}"),
        what: what.to_owned(),
        limit,
        unit: Unit::Time,
        goal,
        shape,
        work: Work::Publish { readers },
    };
    let alone = "the same without readers";
    let attach = Row {
        group: "Attaching",
        name: "attach".to_owned(),
        what: "open to first value, 64 slots of 4 KiB".to_owned(),
        limit: "bare open, mmap, touch",
        unit: Unit::Time,
        goal: Goal::AtMost(3.0),
        shape: Shape { bytes: 4 * KIB, slots: 64 },
        work: Work::Attach,
    };
    let asleep = Readers::Asleep(64);
    vec![
        row("alone", "no reader", "bare stores, no clock", Goal::Nothing, Readers::Nobody),
        row("1", "1 active reader", alone, Goal::Nothing, Readers::Active(1)),
        row("2", "2 active readers", alone, Goal::Nothing, Readers::Active(2)),
        row("8", "8 active readers", alone, Goal::Nothing, Readers::Active(8)),
        row("asleep", "64 readers, asleep when it begins", alone, Goal::AtMost(1.1), asleep),
        Row {
            unit: Unit::Count,
            work: Work::Wakes { readers: asleep },
            ..row("wakes", "wakes in 10,000, 64 readers asleep when it begins", "one", Goal::AtMost(1.0), asleep)
        },
        attach,
    ]
}

/// How many values the rings hold that payloads of this length go through: more would not fit the processor's caches.
fn slots_of(bytes: usize) -> u64 {
    const MORE_THAN_KIB: usize = KIB + 1;
    match bytes {
        ..MORE_THAN_KIB => 4096,
        MORE_THAN_KIB..MIB => 64,
        _ => 4,
    }
}

fn short(bytes: usize) -> String {
    match bytes {
        0..KIB => bytes.to_string(),
        KIB..MIB => format!("{}k", bytes / KIB),
        _ => format!("{}m", bytes / MIB),
    }
}

fn long(bytes: usize) -> String {
    match bytes {
        0..KIB => format!("{bytes} B"),
        KIB..MIB => format!("{} KiB", bytes / KIB),
        _ => format!("{} MiB", bytes / MIB),
    }
}
