//! Models and tests of the protocol, over plain memory. Here is what they share.

#[cfg(not(loom))]
use super::producer::fill;
use super::*;
use crate::header::STATE_OPEN;
use crate::memory::Memory;
use crate::sync::Ordering::Release;

#[cfg(not(loom))]
mod dying;
#[cfg(not(loom))]
mod faults;
#[cfg(not(loom))]
mod in_place;
#[cfg(loom)]
mod models;
#[cfg(not(loom))]
mod naive;
#[cfg(not(loom))]
mod plain;
#[cfg(not(loom))]
mod threads;

/// How many stores it takes to publish two words: stamp, payload, length, time, stamp, head, bell.
const STORES: usize = 8;
/// After how many of them the value is visible.
const VISIBLE: usize = 6;
/// What the authors of values are called in notes.
const AUTHORS: [&str; 3] = ["", "b", "c"];
/// The time noted for value n is this plus n.
const TIME_NS: u64 = 1_000_000;

/// Memory of so many slots, with room for two words of payload in each.
fn memory_of(slots: u64) -> Memory {
    Memory::new(Shape { slots, stride_words: 5, payload_word: 3, capacity: 16, checksummed: false })
}

/// The same with checksums.
fn checksummed(slots: u64) -> Memory {
    Memory::new(Shape { slots, stride_words: 6, payload_word: 3, capacity: 16, checksummed: true })
}

/// Two words of payload, 16 or 9 bytes. Each byte differs from what other authors and the laps next to it put there.
fn payload_of(sequence: u64, author: usize) -> Vec<u8> {
    let length = if sequence & 2 == 0 { 16 } else { 9 };
    let seed = sequence.wrapping_mul(31).wrapping_add(author as u64);
    (0..length).map(|index| seed.wrapping_add(index * 7).to_le_bytes()[0]).collect()
}

/// The next value as handles take it: by one look, if that is enough.
#[cfg(not(loom))]
fn poll(cursor: &mut Cursor, ring: Ring<'_>, buffer: &mut Vec<u8>) -> Result<Polled, Fault> {
    match cursor.poll_at_once(ring, buffer) {
        Some(stamped) => Ok(Polled::Value(stamped)),
        None => cursor.poll(ring, buffer),
    }
}

/// The newest value, in the same way, for a reader that has seen value `known`.
#[cfg(not(loom))]
fn latest(ring: Ring<'_>, known: u64, buffer: &mut Vec<u8>) -> Result<Polled, Fault> {
    match ring.latest_at_once(known, buffer) {
        Some(stamped) => Ok(Polled::Value(stamped)),
        None => ring.latest(known, buffer),
    }
}

/// Does the first stores of `Producer::publish`, in its order, like a producer that dies then.
fn publish_in_part(ring: Ring<'_>, sequence: u64, payload: &[u8], bell: u32, stores: usize) {
    let slot = ring.slot(sequence);
    let mut steps: Vec<Box<dyn Fn() + '_>> = vec![Box::new(|| {
        slot.head[STAMP].store((2 * sequence - 1).to_le(), Relaxed);
        fence(Release);
    })];
    for (index, chunk) in payload.chunks(copy::WORD).enumerate() {
        steps.push(Box::new(move || copy::copy_in(&slot.payload[index..], chunk)));
    }
    steps.push(Box::new(|| slot.head[LENGTH].store((payload.len() as u64).to_le(), Relaxed)));
    steps.push(Box::new(|| slot.head[TIME].store(0, Relaxed)));
    steps.push(Box::new(|| slot.head[STAMP].store((2 * sequence).to_le(), Release)));
    steps.push(Box::new(|| ring.hot.head.store(sequence, Release)));
    steps.push(Box::new(|| ring.hot.bell.store(bell, Release)));
    steps.iter().take(stores).for_each(|step| step());
}

/// A cursor that checks and notes what it gets.
struct Follower {
    cursor: Cursor,
    buffer: Vec<u8>,
    /// The number behind the last value that it got.
    due: u64,
    notes: Vec<String>,
    // Whether the producer may be faster again and again, as a real thread may.
    may_be_busy: bool,
}

impl Follower {
    fn at(next: u64) -> Self {
        Self { cursor: Cursor::at(next), buffer: Vec::new(), due: next, notes: Vec::new(), may_be_busy: false }
    }

    /// Polls once and notes what came, or `-`. Whether anything came.
    fn poll(&mut self, ring: Ring<'_>) -> bool {
        match self.cursor.poll(ring, &mut self.buffer).expect("no fault") {
            Polled::Value(stamped) => {
                assert_eq!(self.due + stamped.lost, stamped.sequence, "exactly what lies between counts as lost");
                self.due = stamped.sequence + 1;
                self.notes.push(note_of(&stamped, &self.buffer));
                true
            }
            Polled::Empty => {
                self.notes.push("-".into());
                false
            }
            Polled::Busy => {
                assert!(self.may_be_busy, "so few laps leave no cursor behind");
                false
            }
        }
    }

    fn poll_times(&mut self, ring: Ring<'_>, polls: usize) {
        for _ in 0..polls {
            self.poll(ring);
        }
    }

    /// Polls until nothing comes.
    fn drain(&mut self, ring: Ring<'_>) {
        while self.poll(ring) {}
        self.notes.pop();
    }

    fn notes(&self) -> String {
        self.notes.join(" ")
    }
}

/// A value's number, its author if that is not the first, how many were lost before it and whether its time is
/// noted, as in `4b+2@`. Panics if the value is a mixture.
fn note_of(stamped: &Stamped, payload: &[u8]) -> String {
    let sequence = stamped.sequence;
    let author = (0..).zip(AUTHORS).find(|&(author, _)| payload == payload_of(sequence, author));
    let (_, author) = author.unwrap_or_else(|| panic!("value {sequence} is torn: {payload:?}"));
    assert!([0, TIME_NS + sequence].contains(&stamped.time_ns), "value {sequence} has another's time");
    assert!(!stamped.has_checksum() || stamped.checksum_holds(payload), "value {sequence} has another's checksum");
    let lost = if stamped.lost == 0 { String::new() } else { format!("+{}", stamped.lost) };
    let time = if stamped.time_ns == 0 { "" } else { "@" };
    format!("{sequence}{author}{lost}{time}")
}
