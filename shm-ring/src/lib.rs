//! The protocol of shm: a ring of slots in memory that one process writes and any number of
//! processes read.
//!
//! This crate handles memory and numbers only. It does not use files, the operating system or a
//! clock, and it does not interpret the payload bytes. [`shm-core`](../shm_core/index.html) adds
//! all of that and is the crate that programs depend on. Because of this separation, loom, Miri and
//! the mutations of `ci/mutate` can run this crate itself, with two differences: loom and Miri use
//! the portable copy instead of the assembly, and loom uses its own atomics.
//!
//! ```text
//! header page ─ Header { Tenure, Hot }     the position and the valid contents of each field
//! descriptor  ─ records                    the bytes after the header page
//! slots       ─ Ring ◀─ Producer           the writing side: stamps, head, bell
//!                    ◀─ Announcer          a writing side that can only change the state
//!                    ◀─ Cursor             a reader's position
//!               copy                       payload bytes into and out of shared words
//! waiting     ─ SleepRule, WakeRule        when a reader may sleep, and when a writer must wake it
//! ```
//!
//! # Example
//!
//! ```
//! use shm_ring::{Cursor, Memory, Polled, Producer, Shape};
//!
//! let memory = Memory::new(Shape { slots: 4, stride_words: 8, payload_word: 3, capacity: 16, checksummed: false });
//! let mut producer = Producer::fresh(memory.ring(), 1);
//! producer.publish(memory.ring(), b"hello");
//!
//! let (mut cursor, mut payload) = (Cursor::at(1), Vec::new());
//! let Ok(Polled::Value(stamped)) = cursor.poll(memory.ring(), &mut payload) else { panic!("it was just published") };
//! assert_eq!((stamped.sequence, &payload[..]), (1, &b"hello"[..]));
//! ```

#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod copy;
pub mod descriptor;
pub mod header;
pub mod waiting;

mod memory;
mod ring;
mod sync;

pub use self::{
    memory::Memory,
    ring::{
        Announcer, Cursor, FLAG_CHECKSUM, Fault, Lookup, NO_MEMORY, Polled, Producer, Ring, Shape, SlotView, Stamped,
        checksum,
    },
};
