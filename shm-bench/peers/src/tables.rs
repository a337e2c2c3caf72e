//! The comparisons: the tables, their rows, and the peers in each row.

use crate::peer::iceoryx2::{self, Blackboard};
use crate::peer::ipc_channel::Channel;
use crate::peer::python::python;
use crate::peer::shmem_ipc::Ring;
use crate::peer::stream::Stream;
use crate::peer::wires::{Pipe, Seqpacket, Tcp, Unix};
use shm_bench::{Copied, InPlace, KIB, MIB, Manner, Measure, Part, Shape, Unit, Waiting, flooded, still, stream, trip};

/// Everything that the second process can be ordered to do.
pub const PARTS: &[Part] = &[
    Part::link::<Copied>(),
    Part::link::<InPlace>(),
    Part::link::<iceoryx2::Copied<false>>(),
    Part::link::<iceoryx2::Copied<true>>(),
    Part::link::<iceoryx2::InPlace>(),
    Part::board::<Blackboard<8>>(),
    Part::board::<Blackboard<8192>>(),
    Part::link::<Ring>(),
    Part::link::<Stream<Pipe>>(),
    Part::link::<Stream<Unix>>(),
    Part::link::<Stream<Seqpacket>>(),
    Part::link::<Channel>(),
    Part::link::<Stream<Tcp>>(),
];

/// The peer that the others are compared with.
pub const SHM: &str = "shm";

/// A comparison.
pub struct Table {
    /// The name of its chart's file.
    pub name: &'static str,
    pub title: &'static str,
    pub rows: Vec<Row>,
    /// The notes that a person needs to understand the table, including why some peers are missing.
    pub notes: &'static [&'static str],
}

/// One kind of work, measured for all peers of the row.
pub struct Row {
    /// The name that selects the row on the command line.
    pub name: &'static str,
    pub title: &'static str,
    /// The row's title in the summary. Only rows that need no note are in the summary.
    pub summary: Option<&'static str>,
    pub unit: Unit,
    pub entries: Vec<Entry>,
}

/// A peer and the function that measures it.
pub struct Entry {
    pub peer: &'static str,
    pub measure: Measure,
}

fn entry(peer: &'static str, measure: Measure) -> Entry {
    Entry { peer, measure }
}

const NO_QUEUE: &str = "Not included: Python over a mapped file. The file has space for one message only, so \
    every message would wait for a sleep, as in the blocking round trip.";
const WAITED_FOR: &str = "Every message is received. The writer of shm never waits, so the benchmark reports to \
    it how far its reader is; the other peers make the sender wait themselves.";

pub fn tables() -> [Table; 6] {
    [round_trip(), round_trip_blocking(), one_way_small(), one_way_large(), in_place(), latest()]
}

fn round_trip() -> Table {
    let row = |name, title, bytes, summary| {
        let entries = trips(bytes, Manner::Spinning);
        Row { name, title, summary: Some(summary), unit: Unit::Time, entries }
    };
    Table {
        name: "round-trip",
        title: "Round trip, both sides polling",
        rows: vec![
            row("trip-8-spin", "8 B", 8, "8 bytes there and back, both sides polling"),
            row("trip-64-spin", "64 B", 64, "64 bytes there and back, both sides polling"),
            row("trip-1k-spin", "1 KiB", KIB, "1 KiB there and back, both sides polling"),
        ],
        notes: &[
            "A message is copied in, goes to the other process, is copied out and checked, and comes back in the same way.",
            "Files are non-blocking.",
            "Not included: Python over a mapped file, which sleeps between polls.",
        ],
    }
}

fn round_trip_blocking() -> Table {
    let row = |name, title, bytes, manner, (work, summary)| {
        let mut entries = trips(bytes, manner);
        entries.push(entry("Python", python(work, bytes)));
        Row { name, title, summary, unit: Unit::Time, entries }
    };
    let idle = Some("64 bytes to a sleeping reader, and back");
    Table {
        name: "round-trip-blocking",
        title: "Round trip, waiting as each does by default",
        rows: vec![
            row("trip-64-wait", "64 B, busy", 64, Manner::Busy, ("round-trip", None)),
            row("trip-1k-wait", "1 KiB, busy", KIB, Manner::Busy, ("round-trip", None)),
            row("trip-64-idle", "64 B, to a sleeping reader", 64, Manner::Idle, ("idle-round-trip", idle)),
        ],
        notes: &[
            "shm polls for 20 µs before it sleeps, so it does not sleep while both sides are busy. The others sleep \
             immediately.",
            "iceoryx2 uses events, shmem-ipc uses eventfds, and files are blocking.",
            "In the column with a sleeping reader, the side that waits for the answer polls; in Python it sleeps \
             between polls.",
            "Python polls a flag in the mapped file and sleeps for a millisecond between polls.",
        ],
    }
}

fn one_way_small() -> Table {
    let summary = Some("messages of 64 bytes, one way");
    let entries = streams(64, 4096);
    Table {
        name: "one-way-small",
        title: "One way, messages of 64 B",
        rows: vec![Row { name: "stream-64", title: "received per second", summary, unit: Unit::Rate, entries }],
        notes: &[
            "Each message is sent separately. At most 4096 are in transit, or fewer if the system allows fewer. Receivers of a \
             stream of bytes receive everything that has arrived with one call, up to 64 KiB.",
            WAITED_FOR,
            NO_QUEUE,
        ],
    }
}

fn one_way_large() -> Table {
    let row = |name, title, bytes, summary| Row {
        name,
        title,
        summary,
        unit: Unit::Bandwidth(bytes),
        entries: streams(bytes, 4),
    };
    Table {
        name: "one-way-large",
        title: "One way, large messages, copied in and out",
        rows: vec![
            row("stream-1m", "1 MiB", MIB, Some("1 MiB, copied in and out, one way")),
            row("stream-16m", "16 MiB", 16 * MIB, None),
        ],
        notes: &["Seqpacket sockets carry each message in packets of 128 KiB.", WAITED_FOR, NO_QUEUE],
    }
}

fn in_place() -> Table {
    let shape = Shape { bytes: MIB, slots: 4 };
    let row = Row {
        name: "trip-1m-in-place",
        title: "1 MiB",
        summary: Some("1 MiB in place, there and back, both sides polling"),
        unit: Unit::Time,
        entries: vec![
            entry(SHM, trip::<InPlace>(shape, Manner::Spinning)),
            entry("iceoryx2", trip::<iceoryx2::InPlace>(shape, Manner::Spinning)),
        ],
    };
    Table {
        name: "in-place",
        title: "Round trip of 1 MiB in place, both sides polling",
        rows: vec![row],
        notes: &[
            "Only the first and the last word are written and read, in place.",
            "Not included: peers that copy. shmem-ipc also works in place, but its messages wrap around the end of the ring.",
        ],
    }
}

fn latest() -> Table {
    let (small, large) = (Shape { bytes: 64, slots: 64 }, Shape { bytes: 64 * KIB, slots: 64 });
    let row = |name, title, summary, measures: [Measure; 3]| {
        let entries = [SHM, "iceoryx2", "Python"].into_iter().zip(measures);
        let entries = entries.map(|(peer, measure)| entry(peer, measure)).collect();
        Row { name, title, summary: Some(summary), unit: Unit::Time, entries }
    };
    let unchanged = [still::<Copied>(small), still::<Blackboard<8>>(small), python("latest-same", small.bytes)];
    let changing =
        [flooded::<Copied>(large), flooded::<Blackboard<8192>>(large), python("latest-changing", large.bytes)];
    Table {
        name: "latest",
        title: "Reading the newest value",
        rows: vec![
            row("latest-64-still", "64 B, unchanged", "newest value of 64 bytes, unchanged", unchanged),
            row("latest-64k-flood", "64 KiB, writer flat out", "newest value of 64 KiB, writer flat out", changing),
        ],
        notes: &[
            "The value is copied out and checked each time. iceoryx2 reads it from a blackboard.",
            "Python copies the bytes as they are; nothing prevents the writer from overwriting them meanwhile.",
            "Not included: queues, which have no newest value.",
        ],
    }
}

fn trips(bytes: usize, manner: Manner) -> Vec<Entry> {
    let shape = Shape { bytes, slots: 64 };
    vec![
        entry(SHM, trip::<Copied>(shape, manner)),
        entry("iceoryx2", trip::<iceoryx2::Copied<false>>(shape, manner)),
        entry("shmem-ipc", trip::<Ring>(shape, manner)),
        entry("pipe", trip::<Stream<Pipe>>(shape, manner)),
        entry("Unix stream", trip::<Stream<Unix>>(shape, manner)),
        entry("Unix seqpacket", trip::<Stream<Seqpacket>>(shape, manner)),
        entry("ipc-channel", trip::<Channel>(shape, manner)),
        entry("TCP", trip::<Stream<Tcp>>(shape, manner)),
    ]
}

/// Shared memory is polled, except if the peer itself polls before it sleeps. Files and channels
/// block.
fn streams(bytes: usize, slots: u64) -> Vec<Entry> {
    let shape = Shape { bytes, slots };
    vec![
        entry(SHM, stream::<Copied>(shape, Waiting::Sleeping)),
        entry("iceoryx2", stream::<iceoryx2::Copied<true>>(shape, Waiting::Spinning)),
        entry("shmem-ipc", stream::<Ring>(shape, Waiting::Spinning)),
        entry("pipe", stream::<Stream<Pipe>>(shape, Waiting::Sleeping)),
        entry("Unix stream", stream::<Stream<Unix>>(shape, Waiting::Sleeping)),
        entry("Unix seqpacket", stream::<Stream<Seqpacket>>(shape, Waiting::Sleeping)),
        entry("ipc-channel", stream::<Channel>(shape, Waiting::Sleeping)),
        entry("TCP", stream::<Stream<Tcp>>(shape, Waiting::Sleeping)),
    ]
}
