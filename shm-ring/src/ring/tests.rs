//! Models and tests of the protocol over plain memory. This file contains the helpers that they
//! share.

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

/// The number of stores that publish two words of payload: stamp, payload, length, time, stamp,
/// head, bell.
const STORES: usize = 8;
/// The number of stores after which the value is visible.
const VISIBLE: usize = 6;
/// The labels that notes use for the authors of values.
const AUTHORS: [&str; 3] = ["", "b", "c"];
/// The time recorded for value n is this number plus n.
const TIME_NS: u64 = 1_000_000;

/// Creates memory for this many slots, each with space for two words of payload.
fn memory_of(slots: u64) -> Memory {
    Memory::new(Shape { slots, stride_words: 5, payload_word: 3, capacity: 16, checksummed: false })
}

/// Creates the same memory with space for checksums.
fn checksummed(slots: u64) -> Memory {
    Memory::new(Shape { slots, stride_words: 6, payload_word: 3, capacity: 16, checksummed: true })
}

/// Returns two words of payload, 16 or 9 bytes. Each byte differs from the bytes that other authors
/// and the adjacent laps store at the same position.
fn payload_of(sequence: u64, author: usize) -> Vec<u8> {
    let length = if sequence & 2 == 0 { 16 } else { 9 };
    let seed = sequence.wrapping_mul(31).wrapping_add(author as u64);
    (0..length).map(|index| seed.wrapping_add(index * 7).to_le_bytes()[0]).collect()
}

/// Receives the next value as the handles do: with one attempt, if that is enough.
#[cfg(not(loom))]
fn poll(cursor: &mut Cursor, ring: Ring<'_>, buffer: &mut Vec<u8>) -> Result<Polled, Fault> {
    match cursor.poll_at_once(ring, buffer) {
        Some(stamped) => Ok(Polled::Value(stamped)),
        None => cursor.poll(ring, buffer),
    }
}

/// Receives the newest value in the same way, for a reader that has seen value `known`.
#[cfg(not(loom))]
fn latest(ring: Ring<'_>, known: u64, buffer: &mut Vec<u8>) -> Result<Polled, Fault> {
    match ring.latest_at_once(known, buffer) {
        Some(stamped) => Ok(Polled::Value(stamped)),
        None => ring.latest(known, buffer),
    }
}

/// Performs the first stores of `Producer::publish`, in the same order, like a producer that dies
/// afterwards.
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

/// A cursor that checks the values it receives and writes notes about them.
struct Follower {
    cursor: Cursor,
    buffer: Vec<u8>,
    /// The number after the last value received.
    due: u64,
    notes: Vec<String>,
    // Whether the producer may keep overtaking the cursor, as a real thread may.
    may_be_busy: bool,
}

impl Follower {
    fn at(next: u64) -> Self {
        Self { cursor: Cursor::at(next), buffer: Vec::new(), due: next, notes: Vec::new(), may_be_busy: false }
    }

    /// Polls once and adds a note about the value, or `-`. Returns whether a value was received.
    fn poll(&mut self, ring: Ring<'_>) -> bool {
        match self.cursor.poll(ring, &mut self.buffer).expect("no fault") {
            Polled::Value(stamped) => {
                assert_eq!(self.due + stamped.lost, stamped.sequence, "exactly the values in between count as lost");
                self.due = stamped.sequence + 1;
                self.notes.push(note_of(&stamped, &self.buffer));
                true
            }
            Polled::Empty => {
                self.notes.push("-".into());
                false
            }
            Polled::Busy => {
                assert!(self.may_be_busy, "the producer makes too few laps to keep a cursor busy");
                false
            }
        }
    }

    fn poll_times(&mut self, ring: Ring<'_>, polls: usize) {
        for _ in 0..polls {
            self.poll(ring);
        }
    }

    /// Polls until no value is received.
    fn drain(&mut self, ring: Ring<'_>) {
        while self.poll(ring) {}
        self.notes.pop();
    }

    fn notes(&self) -> String {
        self.notes.join(" ")
    }
}

/// Describes a value: its number, its author unless that is the first one, how many values were
/// lost before it, and `@` if its time has been recorded, as in `4b+2@`. Panics if the value is a
/// mixture.
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
