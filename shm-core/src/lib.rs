//! Named, typed shared memory for programs on one machine: one program writes values into a named region,
//! any number of programs read them, at memory speed and without a server.
//!
//! A slow reader loses the oldest values, and is told exactly how many; a region has one writer at a time.
//! In exchange every process writes only memory that it owns: a reader maps the region read-only, so it cannot
//! corrupt, block or slow the writer or another reader, and leaves nothing behind when it is killed.
//!
//! ```text
//! Writer ──publish──▶ region: a file in $SHM_DIR (default /dev/shm) ──map, read-only──▶ Reader, Reader, …
//!                     ┌────────┬────────────┬────────┬────────┬─────┬────────┐
//!                     │ header │ descriptor │ slot 0 │ slot 1 │  …  │ slot k │   the last k values
//!                     └────────┴────────────┴────────┴────────┴─────┴────────┘
//! ```
//!
//! # Example
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use shm_core::{Reader, Writer};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Reading {
//!     room: String,
//!     celsius: f64,
//! }
//!
//! # fn main() -> shm_core::Result<()> {
//! # let directory = tempfile::tempdir().unwrap();
//! # let name = format!("{}/climate", directory.path().display());
//! # let name = name.as_str();
//! // In one process, with a name such as "climate":
//! let mut writer = Writer::<Reading>::open(name)?;
//! writer.publish(&Reading { room: "kitchen".into(), celsius: 21.5 })?;
//!
//! // In any number of others:
//! let mut reader = Reader::<Reading>::open(name)?;
//! let newest = reader.latest()?.expect("a value");
//! assert_eq!(newest.value.celsius, 21.5);
//! # Ok(())
//! # }
//! ```
//!
//! # Types
//!
//! A region carries the description of its values' type, a [`Schema`]. A reader of another type is refused with the first
//! difference; a reader that knows no type ([`JsonReader`], `shm-reader`, Python) shows the values all the same. Types
//! need `#[derive(Serialize, Deserialize)]`. **For a `Vec<u8>` field, add `#[serde(with = "serde_bytes")]`** (of the crate
//! `serde_bytes`): else each byte is encoded as a value of its own: measured for a
//! mebibyte, publishing then takes 15 times as long, and reading 76 times. Frames and
//! other arrays of numbers have handles of their own, [`ArrayWriter`] and [`ArrayReader`].
//!
//! # Speed
//!
//! A value is copied once into the region and once out. For large ones, [`RawWriter::loan`] and [`RawReader::view`] save both
//! copies. A reader that waits looks for 20 µs and then sleeps, which costs some 20 µs more in each direction;
//! [`WaitStrategy::Spin`] keeps it looking. The program `shm-bench` measures what that means on a machine.
//!
//! # Plain bytes
//!
//! Below all of this lies [`Block`]: plain bytes that processes share, as Python's `mmap` has them, with no header and no
//! protection.

#[cfg(not(any(target_os = "linux", miri)))]
compile_error!("shm needs Linux: futex, open file value_type locks and renameat2");

mod admin;
mod block;
mod error;
mod reader;
mod region;
mod sys;
#[cfg(all(test, not(miri)))]
mod tests;
mod types;
mod writer;

pub use self::{
    admin::{Finding, Info, RegionState, clean, inspect, regions, remove, verify},
    block::{Access, Advice, Block, BlockOptions},
    error::{BlockError, Denied, Error, NotOursReason, OpenError, PublishError, ReceiveError, Result},
    reader::{ArrayReader, Position, RawReader, Reader, ReaderOptions, Received, Sample, Values, View, WaitStrategy},
    region::tenure::WriterStatus,
    types::array::{ArrayType, Element},
    types::error::{ArrayTypeError, ValueError},
    types::kind::Kind,
    writer::{ArrayWriter, Loan, RawWriter, Writer, WriterOptions},
};
#[cfg(feature = "schema")]
pub use self::{
    reader::JsonReader,
    types::schema::{Schema, SchemaError},
    writer::JsonWriter,
};

/// The number of a value. The first is 1.
pub type Sequence = u64;
