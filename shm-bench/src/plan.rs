//! The rows of this program: the measured work, its limit, and the ratio that is the goal.

use anyhow::Result;

use crate::limits::{Flag, Futex, Line, Ring, RingInPlace, Word};
use crate::link::{Link, Shape, Waiting};
use crate::looks::{self, flooded, still};
use crate::ours::{Copied, InPlace};
use crate::publishing::{self, Readers};
use crate::report::Unit;
use crate::second::Part;
use crate::session::{Measure, Session};
use crate::stats::Run;
use crate::streams::{self, stream};
use crate::trips::{Manner, trip};
use crate::{KIB, MIB, attach};

/// How much of a payload is used in place.
const TOUCHED: &str = "only first and last word touched";

/// Everything that this program's second process can be ordered to do.
pub const PARTS: &[Part] = &[
    Part::link::<Copied>(),
    Part::link::<InPlace>(),
    Part::link::<Word>(),
    Part::link::<Line>(),
    Part::link::<Flag>(),
    Part::link::<Futex>(),
    Part::link::<Ring>(),
    Part::link::<RingInPlace>(),
];

/// The ratio that a row should reach.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
    /// There is no goal; the ratio is only reported.
    Nothing,
}

/// Work that is measured in turn with its limit.
pub struct Row {
    pub(crate) group: &'static str,
    pub(crate) name: String,
    pub(crate) what: String,
    pub(crate) limit_is: &'static str,
    pub(crate) unit: Unit,
    pub(crate) goal: Goal,
    pub(crate) shape: Shape,
    ours: Measure,
    limit: Measure,
}

/// All runs of a row. Each run of shm was followed by one of the limit.
#[derive(Debug)]
pub struct Measured {
    pub(crate) ours: Vec<Run>,
    pub(crate) limit: Vec<Run>,
}

impl Row {
    /// Returns the name that selects the row on the command line.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Measures shm and the limit in turn.
    pub fn measure(&self, session: &mut Session) -> Result<Measured> {
        let mut measured = session.in_turns(&self.name, &[&self.ours, &self.limit])?.into_iter();
        let (ours, limit) = (measured.next().unwrap_or_default(), measured.next().unwrap_or_default());
        Ok(Measured { ours, limit })
    }
}

/// Returns all rows, in the order in which they are printed.
pub fn rows() -> Vec<Row> {
    [trip_rows(), stream_rows(), look_rows(), publish_rows()].into_iter().flatten().collect()
}

fn trip_row<Limit: Link>(bytes: usize, manner: Manner, limit_is: &'static str, goal: Goal) -> Row {
    let (group, name, how) = match manner {
        Manner::Spinning => ("Round trip, spinning", "spin", "there and back"),
        Manner::Busy => ("Round trip, default wait strategy", "wait", "there and back, both sides busy"),
        Manner::Idle => ("Round trip, default wait strategy", "idle", "to an idle reader and back"),
    };
    let shape = Shape { bytes, slots: slots_of(bytes).min(64) };
    Row {
        group,
        name: format!("trip-{}-{name}", short(bytes)),
        what: format!("{}, {how}", long(bytes)),
        limit_is,
        unit: Unit::Time,
        goal,
        shape,
        ours: trip::<Copied>(shape, manner),
        limit: trip::<Limit>(shape, manner),
    }
}

fn trip_rows() -> Vec<Row> {
    let (word, line) = ("a bare cache line, no payload", "one line, stamp and payload");
    let flag = "a flag line, memcpy in and out";
    let in_place = trip_row::<Word>(MIB, Manner::Spinning, word, Goal::Nothing);
    vec![
        Row { name: "trip-8-spin-line".to_owned(), ..trip_row::<Word>(8, Manner::Spinning, word, Goal::Nothing) },
        trip_row::<Line>(8, Manner::Spinning, line, Goal::AtMost(1.05)),
        trip_row::<Line>(40, Manner::Spinning, line, Goal::AtMost(1.05)),
        trip_row::<Flag>(64, Manner::Spinning, flag, Goal::AtMost(0.85)),
        trip_row::<Flag>(KIB, Manner::Spinning, flag, Goal::AtMost(1.05)),
        trip_row::<Flag>(64 * KIB, Manner::Spinning, flag, Goal::Nothing),
        trip_row::<Flag>(MIB, Manner::Spinning, flag, Goal::Nothing),
        Row {
            name: "trip-1m-in-place".to_owned(),
            what: format!("1 MiB in place, {TOUCHED}"),
            ours: trip::<InPlace>(in_place.shape, Manner::Spinning),
            ..in_place
        },
        trip_row::<Flag>(64, Manner::Busy, flag, Goal::AtMost(1.6)),
        trip_row::<Flag>(KIB, Manner::Busy, flag, Goal::Nothing),
        trip_row::<Flag>(64 * KIB, Manner::Busy, flag, Goal::Nothing),
        trip_row::<Futex>(64, Manner::Idle, "a bare futex", Goal::AtMost(1.1)),
    ]
}

fn stream_row(bytes: usize, goal: Goal) -> Row {
    let shape = Shape { bytes, slots: slots_of(bytes) };
    Row {
        group: "One way, received without loss",
        name: format!("stream-{}", short(bytes)),
        what: format!("{}, copied in and out, {} slots", long(bytes), shape.slots),
        limit_is: "a bare memcpy ring, no clock",
        unit: if bytes < KIB { Unit::Rate } else { Unit::Bandwidth(bytes) },
        goal,
        shape,
        ours: stream::<Copied>(shape, Waiting::Sleeping),
        limit: stream::<Ring>(shape, Waiting::Sleeping),
    }
}

fn stream_rows() -> Vec<Row> {
    let in_place = |bytes| {
        let row = stream_row(bytes, Goal::Nothing);
        Row {
            group: "One way in place, received without loss",
            name: format!("{}-in-place", row.name),
            what: format!("{}, {TOUCHED}, {} slots", long(bytes), row.shape.slots),
            limit_is: "a bare ring, no clock",
            unit: Unit::Rate,
            ours: stream::<InPlace>(row.shape, Waiting::Sleeping),
            limit: stream::<RingInPlace>(row.shape, Waiting::Sleeping),
            ..row
        }
    };
    let row = stream_row(64, Goal::AtLeast(0.8));
    let shape = row.shape;
    let follow = Row {
        group: "One way, overrun",
        name: "follow-64".to_owned(),
        what: "64 B, 4096 slots, a burst that overruns its follower".to_owned(),
        limit_is: "unchecked copies of its slots, and the same work",
        ours: Box::new(move |session| streams::follow(session, shape)),
        limit: Box::new(move |session| streams::copy_along(session, shape)),
        ..row
    };
    let mut rows = vec![
        stream_row(64, Goal::AtLeast(0.55)),
        stream_row(KIB, Goal::Nothing),
        stream_row(64 * KIB, Goal::Nothing),
        stream_row(MIB, Goal::AtLeast(0.95)),
        stream_row(16 * MIB, Goal::AtLeast(0.95)),
    ];
    rows.extend([64, KIB, 64 * KIB, MIB, 16 * MIB].map(in_place));
    rows.push(follow);
    rows
}

fn look_rows() -> Vec<Row> {
    let row = |bytes, name, how, limit_is, goal, (ours, limit): (Measure, Measure)| Row {
        group: "The newest value: latest",
        name: format!("latest-{}-{name}", short(bytes)),
        what: format!("{}, {how}", long(bytes)),
        limit_is,
        unit: Unit::Time,
        goal,
        shape: shape_of_board(bytes),
        ours,
        limit,
    };
    let beside =
        |is_same| -> Measure { Box::new(move |session| looks::beside_a_reader(session, shape_of_board(64), is_same)) };
    let flood = |bytes, goal| {
        let shape = shape_of_board(bytes);
        let measures = (flooded::<Copied>(shape), flooded::<Ring>(shape));
        row(bytes, "flood", "writer flat out", "a bare ring of 64 slots", goal, measures)
    };
    let still_limit: Measure = Box::new(|session| looks::still_limit(session, shape_of_board(64)));
    let alone = (still::<Copied>(shape_of_board(64)), still_limit);
    let (stamp, apart) = ("a copy between two checks of a stamp", "the same, the second in another region");
    let beside = (beside(true), beside(false));
    vec![
        row(64, "still", "nothing new", stamp, Goal::AtMost(2.0), alone),
        row(64, "second", "nothing new, a second reader reads too", apart, Goal::AtMost(1.1), beside),
        flood(64, Goal::Nothing),
        flood(64 * KIB, Goal::AtMost(1.2)),
    ]
}

fn shape_of_board(bytes: usize) -> Shape {
    Shape { bytes, slots: 64 }
}

fn publish_rows() -> Vec<Row> {
    let shape = Shape { bytes: 64, slots: 4096 };
    let publish = |readers| -> Measure { Box::new(move |session| publishing::measure(session, shape, readers)) };
    let row = |name: &str, what: &str, goal, readers| Row {
        group: "Publishing 64 B in a burst, 4096 slots: the writer's CPU time for each",
        name: format!("publish-{name}"),
        what: what.to_owned(),
        limit_is: "the same without readers",
        unit: Unit::Time,
        goal,
        shape,
        ours: publish(readers),
        limit: publish(Readers::None),
    };
    let asleep = Readers::Asleep(64);
    let one_page = Shape { bytes: 4 * KIB, slots: 64 };
    vec![
        Row {
            limit_is: "bare stores, no clock",
            limit: Box::new(move |session| publishing::measure_limit(session, shape)),
            ..row("alone", "no reader", Goal::Nothing, Readers::None)
        },
        row("1", "1 active reader", Goal::Nothing, Readers::Active(1)),
        row("2", "2 active readers", Goal::Nothing, Readers::Active(2)),
        row("8", "8 active readers", Goal::Nothing, Readers::Active(8)),
        row("asleep", "64 readers, asleep at the start", Goal::AtMost(1.1), asleep),
        Row {
            unit: Unit::Count,
            limit_is: "one",
            ours: Box::new(move |session| publishing::count_wakes(session, shape, asleep)),
            limit: Box::new(|_| Ok(Run::of(1.0))),
            ..row("wakes", "wakes per 10,000, 64 readers asleep at the start", Goal::AtMost(1.0), asleep)
        },
        Row {
            group: "Attaching",
            name: "attach".to_owned(),
            what: "open to first value, 64 slots of 4 KiB".to_owned(),
            limit_is: "bare open, mmap, touch",
            unit: Unit::Time,
            goal: Goal::AtMost(3.0),
            shape: one_page,
            ours: Box::new(move |session| attach::measure(session, one_page)),
            limit: Box::new(move |session| attach::measure_limit(session, one_page)),
        },
    ]
}

/// Returns how many values the rings for payloads of this length have. More would not fit in the
/// processor's caches.
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
