//! What is compared: the tables, their columns, and who takes part. Nothing is measured here.

use crate::job::{Job, Peer, Waiting, Work};
use std::path::PathBuf;
use std::time::Duration;

/// A comparison.
pub struct Table {
    /// As it is called on the command line, and its chart's file.
    pub name: &'static str,
    pub title: &'static str,
    pub columns: &'static [Column],
    pub entries: &'static [Entry],
    /// What a reader must know, also about who is absent.
    pub notes: &'static [&'static str],
}

/// One thing that is measured.
pub struct Column {
    pub title: &'static str,
    pub work: Work,
    pub message_bytes: usize,
    pub unit: Unit,
}

/// What the numbers of a column are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Less is better.
    Nanoseconds,
    /// More is better.
    Messages,
    /// More is better.
    Bytes,
}

/// Somebody who takes part.
pub struct Entry {
    pub peer: Peer,
    pub label: &'static str,
    pub waiting: Waiting,
}

impl Table {
    /// The job of one entry in one column.
    pub fn job(&self, column: &Column, entry: &Entry, duration: Duration) -> Job {
        Job {
            peer: entry.peer,
            work: column.work,
            message_bytes: column.message_bytes,
            waiting: entry.waiting,
            duration,
            directory: PathBuf::new(),
        }
    }
}

const fn spins(peer: Peer, label: &'static str) -> Entry {
    Entry { peer, label, waiting: Waiting::Spin }
}

const fn blocks(peer: Peer, label: &'static str) -> Entry {
    Entry { peer, label, waiting: Waiting::Block }
}

const fn column(title: &'static str, work: Work, message_bytes: usize, unit: Unit) -> Column {
    Column { title, work, message_bytes, unit }
}

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

const LOSES: &str = "shm loses the oldest values when the reader is slow, and counts them; only what was received \
    counts here. The others make the sender wait.";
const NO_QUEUE: &str = "Not here: Python over a mapped file, which holds one message; every message would wait for a nap, \
    as in the blocking round trip.";

pub const TABLES: [Table; 6] = [
    Table {
        name: "round-trip",
        title: "Round trip, both sides spinning",
        columns: &[
            column("8 B", Work::RoundTrip, 8, Unit::Nanoseconds),
            column("64 B", Work::RoundTrip, 64, Unit::Nanoseconds),
            column("1 KiB", Work::RoundTrip, KIB, Unit::Nanoseconds),
        ],
        entries: &[
            spins(Peer::Shm, "shm"),
            spins(Peer::Iceoryx2, "iceoryx2, polling"),
            spins(Peer::ShmemIpc, "shmem-ipc, polling"),
            spins(Peer::Pipe, "pipe, non-blocking"),
            spins(Peer::UnixStream, "Unix stream, non-blocking"),
            spins(Peer::UnixSeqpacket, "Unix seqpacket, non-blocking"),
            spins(Peer::IpcChannel, "ipc-channel, try_recv"),
            spins(Peer::Tcp, "TCP loopback, non-blocking"),
        ],
        notes: &[
            "A message is copied in, goes to the other process, is copied out and checked, and comes back in the same way.",
            "Not here: Python over a mapped file, which sleeps between looks.",
        ],
    },
    Table {
        name: "round-trip-blocking",
        title: "Round trip, waiting as each does by default",
        columns: &[
            column("64 B, busy", Work::RoundTrip, 64, Unit::Nanoseconds),
            column("1 KiB, busy", Work::RoundTrip, KIB, Unit::Nanoseconds),
            column("64 B, 1 ms apart", Work::IdleRoundTrip, 64, Unit::Nanoseconds),
        ],
        entries: &[
            blocks(Peer::Shm, "shm"),
            blocks(Peer::Iceoryx2, "iceoryx2, with events"),
            blocks(Peer::ShmemIpc, "shmem-ipc, eventfd"),
            blocks(Peer::Pipe, "pipe"),
            blocks(Peer::UnixStream, "Unix stream"),
            blocks(Peer::UnixSeqpacket, "Unix seqpacket"),
            blocks(Peer::IpcChannel, "ipc-channel"),
            blocks(Peer::Tcp, "TCP loopback"),
            blocks(Peer::Python, "Python, mapped file"),
        ],
        notes: &[
            "shm looks for 20 µs before it sleeps, so while both sides are busy it does not sleep; the others sleep at once.",
            "Python looks at a flag in the mapped file, and sleeps a millisecond between looks.",
        ],
    },
    Table {
        name: "one-way-small",
        title: "One way, messages of 64 B",
        columns: &[column("received per second", Work::OneWay, 64, Unit::Messages)],
        entries: &[
            spins(Peer::Shm, "shm"),
            spins(Peer::Iceoryx2, "iceoryx2, polling"),
            spins(Peer::ShmemIpc, "shmem-ipc, polling"),
            blocks(Peer::Pipe, "pipe"),
            blocks(Peer::UnixStream, "Unix stream"),
            blocks(Peer::UnixSeqpacket, "Unix seqpacket"),
            blocks(Peer::IpcChannel, "ipc-channel"),
            blocks(Peer::Tcp, "TCP loopback"),
        ],
        notes: &[
            "Each message is sent by itself, in a buffer for 4096 of them or the largest that the system allows. Receivers \
             of a stream of bytes take all that has come at once.",
            LOSES,
            NO_QUEUE,
        ],
    },
    Table {
        name: "one-way-large",
        title: "One way, large messages, copied in and out",
        columns: &[
            column("1 MiB", Work::OneWay, MIB, Unit::Bytes),
            column("16 MiB", Work::OneWay, 16 * MIB, Unit::Bytes),
        ],
        entries: &[
            spins(Peer::Shm, "shm"),
            spins(Peer::Iceoryx2, "iceoryx2, polling"),
            spins(Peer::ShmemIpc, "shmem-ipc, polling"),
            blocks(Peer::Pipe, "pipe"),
            blocks(Peer::UnixStream, "Unix stream"),
            blocks(Peer::UnixSeqpacket, "Unix seqpacket"),
            blocks(Peer::IpcChannel, "ipc-channel"),
            blocks(Peer::Tcp, "TCP loopback"),
        ],
        notes: &["Through seqpacket sockets messages go in packets of 128 KiB.", LOSES, NO_QUEUE],
    },
    Table {
        name: "in-place",
        title: "Round trip of 1 MiB in place, both sides spinning",
        columns: &[column("1 MiB", Work::InPlace, MIB, Unit::Nanoseconds)],
        entries: &[spins(Peer::Shm, "shm, loan and view"), spins(Peer::Iceoryx2, "iceoryx2, loan")],
        notes: &[
            "Only the first and the last word are written and read, where they are.",
            "Not here: peers that copy. shmem-ipc also works in place, but its messages wrap around the end of the ring.",
        ],
    },
    Table {
        name: "latest",
        title: "Reading the newest value",
        columns: &[
            column("64 B, unchanged", Work::LatestSame, 64, Unit::Nanoseconds),
            column("64 KiB, writer flat out", Work::LatestChanging, 64 * KIB, Unit::Nanoseconds),
        ],
        entries: &[
            blocks(Peer::Shm, "shm"),
            blocks(Peer::Iceoryx2, "iceoryx2, blackboard"),
            blocks(Peer::Python, "Python, mapped file"),
        ],
        notes: &[
            "The value is copied out and checked each time.",
            "Python copies whatever is there; nothing keeps the writer from overwriting it meanwhile.",
            "Not here: queues, which have no newest value.",
        ],
    },
];
