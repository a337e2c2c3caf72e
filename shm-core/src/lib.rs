//! Named, typed shared memory for programs on one machine: one program publishes values into a named region, and any number of
//! programs read them, at memory speed and without a server.
//!
//! A slow reader loses the oldest values and learns exactly how many; a region has one writer at a time. In exchange, every
//! process writes only memory that it owns: a reader maps the region read-only, so it cannot corrupt, block or slow the writer
//! or another reader, and leaves nothing behind when it is killed.
//!
//! ```text
//! Writer ──publish──▶ region: a file in $SHM_DIR (default /dev/shm) ──map, read-only──▶ Reader, Reader, …
//!                     ┌────────┬────────────┬────────┬────────┬─────┬────────┐
//!                     │ header │ descriptor │ slot 0 │ slot 1 │  …  │ slot k │   the last k values
//!                     └────────┴────────────┴────────┴────────┴─────┴────────┘
//! ```
//!
//! The crate needs Linux and Rust 1.95 or newer. In a `Cargo.toml` beside a clone of the repository:
//!
//! ```toml
//! [dependencies]
//! shm-core = { path = "shm/shm-core" }
//! serde = { version = "1", features = ["derive"] }
//! ```
//!
//! # Publish and read
//!
//! A value is of any type with `#[derive(Serialize, Deserialize)]`. It stays in the region until newer ones overwrite it or
//! the region is removed, even after the writer has ended.
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
//! # let name = directory.path().join("climate");
//! # let name = name.as_path();
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
//! # Receive every value
//!
//! [`recv`](Reader::recv) waits for the next value in order and gives `None` once the writer has closed the region. So does
//! iterating. Opening can wait for a region that does not exist yet.
//!
//! ```
//! # fn main() -> shm_core::Result<()> {
//! # let directory = tempfile::tempdir().unwrap();
//! # let name = directory.path().join("numbers");
//! # let name = name.as_path();
//! use shm_core::{Position, ReaderOptions, Writer};
//! use std::time::Duration;
//!
//! let mut writer = Writer::<u32>::open(name)?;
//! for number in 1..=3 {
//!     writer.publish(&number)?;
//! }
//! writer.close()?;
//!
//! let mut options = ReaderOptions::new();
//! let reader = options.open_timeout(Duration::from_secs(5)).start(Position::Oldest).open::<u32>(name)?;
//! let mut sum = 0;
//! for sample in reader {
//!     sum += sample?.value;
//! }
//! assert_eq!(sum, 6);
//! # Ok(())
//! # }
//! ```
//!
//! # Tell a timeout from an end
//!
//! [`try_recv`](Reader::try_recv) and [`recv_timeout`](Reader::recv_timeout) give a [`Received`].
//! [`follow`](Reader::follow) does not end: it goes on with the next writer, and with a region that is removed and created
//! again.
//!
//! A writer that dies leaves its region open, and `recv` and iterating wait for the next writer. To notice a death, ask
//! [`writer`](Reader::writer) *before* each timed call: if it said [`Gone`](WriterStatus::Gone) and nothing was received, the
//! writer is dead and everything was received. The answer for another user's region is [`Unknown`](WriterStatus::Unknown).
//!
//! ```
//! # fn main() -> shm_core::Result<()> {
//! # let directory = tempfile::tempdir().unwrap();
//! # let name = directory.path().join("numbers");
//! # let name = name.as_path();
//! use shm_core::{Reader, Received, Writer, WriterStatus};
//! use std::time::Duration;
//!
//! let writer = Writer::<u32>::open(name)?;
//! let mut reader = Reader::<u32>::open(name)?;
//! assert_eq!(reader.recv_timeout(Duration::from_millis(1))?, Received::Nothing);
//! assert_eq!(reader.writer(), WriterStatus::Alive);
//!
//! writer.close()?;
//! assert_eq!(reader.recv_timeout(Duration::from_millis(1))?, Received::Ended);
//! assert_eq!(reader.follow(Duration::from_millis(1))?, None);
//! # Ok(())
//! # }
//! ```
//!
//! # Learn what was lost
//!
//! A writer never waits for readers. A [`Sample`] says how many values were lost before it.
//!
//! ```
//! # fn main() -> shm_core::Result<()> {
//! # let directory = tempfile::tempdir().unwrap();
//! # let name = directory.path().join("numbers");
//! # let name = name.as_path();
//! use shm_core::{Reader, WriterOptions};
//!
//! let mut writer = WriterOptions::new().slots(4).open::<u32>(name)?;
//! let mut reader = Reader::<u32>::open(name)?;
//! for number in 1..=100 {
//!     writer.publish(&number)?;
//! }
//! let sample = reader.recv()?.expect("a value");
//! assert_eq!(sample.lost + 1, sample.sequence);
//! # Ok(())
//! # }
//! ```
//!
//! # Close at Ctrl-C
//!
//! A writer that is dropped closes its region, but a signal ends a program without dropping anything, and readers then go on
//! waiting. So a program catches the signals, ends its loop, and closes. With the crate `signal-hook`:
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicBool, Ordering};
//!
//! let is_told_to_end = Arc::new(AtomicBool::new(false));
//! for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
//!     signal_hook::flag::register(signal, Arc::clone(&is_told_to_end))?;
//! }
//! let mut writer = shm_core::Writer::<u64>::open("ticks")?;
//! while !is_told_to_end.load(Ordering::Relaxed) {
//!     writer.publish(&1)?;
//! }
//! writer.close()?;
//! # Ok(())
//! # }
//! ```
//!
//! A program that also receives uses [`recv_timeout`](Reader::recv_timeout) in such a loop: `recv` goes on waiting after a
//! signal.
//!
//! # Types
//!
//! A region carries the description of its values' type, a `Schema`. A reader or writer of another type is refused with the
//! first difference, and the values stay; [`WriterOptions::replace`] says that they may go. **For a `Vec<u8>` field, add
//! `#[serde(with = "serde_bytes")]`** (of the crate `serde_bytes`): otherwise each byte is encoded as a value of its own, and
//! publishing a mebibyte takes 15 times as long and reading it 76 times. The attribute is a part of the type: use it on both
//! sides.
//!
//! ```
//! # fn main() -> shm_core::Result<()> {
//! # let directory = tempfile::tempdir().unwrap();
//! # let name = directory.path().join("point");
//! # let name = name.as_path();
//! use shm_core::{Writer, WriterOptions};
//!
//! Writer::<(f64, f64)>::open(name)?.publish(&(1.0, 2.0))?;
//! # if cfg!(feature = "schema") {
//! let refused = Writer::<(f64, f32)>::open(name).unwrap_err();
//! assert!(refused.to_string().contains("f64 in the region, f32 here"));
//! let writer = WriterOptions::new().replace(true).open::<(f64, f32)>(name)?;
//! assert_eq!(writer.discarded(), 1);
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! # Arrays, JSON, bytes
//!
//! Frames and other arrays of numbers have [`ArrayWriter`] and [`ArrayReader`]; [`RawWriter`] and [`RawReader`] take bytes of
//! any kind. `JsonReader` and `JsonWriter` show and take values of a type that the program does not know.
//!
//! ```
//! # fn main() -> shm_core::Result<()> {
//! # let directory = tempfile::tempdir().unwrap();
//! # let name = directory.path().join("camera");
//! # let name = name.as_path();
//! use shm_core::{ArrayReader, ArrayWriter};
//!
//! let mut camera = ArrayWriter::<u8>::open(name, &[2, 4, 3])?;
//! camera.publish(&[7; 24])?;
//! let mut frames = ArrayReader::<u8>::open(name)?;
//! assert_eq!(frames.latest()?.unwrap().value, [7; 24]);
//! # Ok(())
//! # }
//! ```
//!
//! # In place
//!
//! A value is copied once into the region and once out. [`RawWriter::loan`] and [`RawReader::view`] save both copies of a
//! large value. A writer does not wait for a view: ask at the end whether it is still whole.
//!
//! ```
//! # fn main() -> shm_core::Result<()> {
//! # let directory = tempfile::tempdir().unwrap();
//! # let name = directory.path().join("frames");
//! # let name = name.as_path();
//! use shm_core::{Kind, RawReader, RawWriter};
//!
//! let mut writer = RawWriter::open(name, Kind::Bytes)?;
//! let mut frame = writer.loan(1 << 20)?;
//! frame.write_at(0, b"pixels");
//! frame.commit()?;
//!
//! let mut reader = RawReader::open(name)?;
//! let frame = reader.view()?.expect("a value");
//! let mut pixels = [0; 6];
//! frame.copy_to(0, &mut pixels);
//! assert!(frame.is_whole() && pixels == *b"pixels");
//! # Ok(())
//! # }
//! ```
//!
//! # Waiting
//!
//! A reader that waits spins for 20 µs and then sleeps, which costs some 20 µs more in each direction.
//! [`WaitStrategy::Spin`] never sleeps. The program `shm-bench` measures what that means on a machine.
//!
//! # Names
//!
//! A name such as `climate` is a file in `$SHM_DIR` (default `/dev/shm`); one with a `/` is a path. The file's name has 1 to 200
//! bytes of letters, digits, `.`, `_` and `-`, and does not begin with `.` or `-`.
//!
//! # Errors
//!
//! Each group of operations has an error of its own: [`OpenError`], [`PublishError`], [`ReceiveError`], [`BlockError`]. A region
//! may also be replaced by one of another type while a reader follows it, which is [`ReceiveError::Reopen`]. [`Error`] is the
//! union, for functions that use several with `?`.
//!
//! # Threads
//!
//! All handles are `Send` and `Sync`. Reading and publishing take `&mut self`: give each thread a reader of its own.
//!
//! # Errors
//!
//! Each group of operations has an error of its own: [`OpenError`] for whole regions, [`PublishError`], [`ReceiveError`] and
//! [`BlockError`]. [`Error`] is their union, for functions that use several with `?`. A message names the region, what is wrong
//! with it, and what to do.
//!
//! ```
//! use shm_core::{OpenError, Writer};
//! # let directory = tempfile::tempdir().unwrap();
//! # let name = directory.path().join("room");
//! # let name = name.as_path();
//! # let _first = Writer::<f64>::open(name).unwrap();
//! match Writer::<f64>::open(name) {
//!     Ok(_) => println!("this process writes"),
//!     Err(OpenError::WriterAlive { pid, .. }) => println!("process {pid:?} writes already"),
//!     Err(error) => println!("{error}"),
//! }
//! ```
//!
//! # Plain bytes
//!
//! Below all of this lies [`Block`]: plain bytes that processes share, as Python's `mmap` has them, with no header and no
//! protection.
//!
//! # Features
//!
//! `schema` (default) describes types, and brings `Schema`, `JsonReader` and `JsonWriter`. Without it, a region that describes
//! its type is refused by typed handles, because nobody could compare the types.

#[cfg(not(any(target_os = "linux", miri)))]
compile_error!("shm needs Linux: futex, open file description locks and renameat2");

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
    error::{BlockError, Denied, Error, Limit, NotOursReason, OpenError, PublishError, ReceiveError, Result},
    reader::{
        ArrayReader, ArrayView, Position, RawReader, Reader, ReaderOptions, Received, Sample, Values, View,
        WaitStrategy,
    },
    region::tenure::WriterStatus,
    types::array::{ArrayType, Element},
    types::error::{ArrayTypeError, ValueError},
    types::kind::Kind,
    writer::{ArrayLoan, ArrayWriter, Loan, RawWriter, Writer, WriterOptions},
};
#[cfg(feature = "schema")]
pub use self::{
    reader::JsonReader,
    types::schema::{Schema, SchemaError},
    writer::JsonWriter,
};

/// The number of a value. The first is 1.
pub type Sequence = u64;
