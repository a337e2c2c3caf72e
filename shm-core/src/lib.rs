//! Named, typed shared memory for programs on one machine. One program publishes values into a named
//! region, and any number of programs read them, at memory speed and without a server.
//!
//! This page shows Rust programmers how to use the crate. Most sections cover one task and have an
//! example that you can run.
//!
//! A region has one writer at a time. A reader that is too slow misses the oldest values and learns
//! exactly how many. In exchange, readers cannot do harm. They map the region read-only, so a reader
//! cannot corrupt, block or slow down the writer or another reader. You can kill a reader at any time;
//! it leaves nothing to clean up.
//!
//! ```text
//! Writer ──publish──▶ region: a file in $SHM_DIR (default /dev/shm) ──map, read-only──▶ Reader, Reader, …
//!                     ┌────────┬────────────┬────────┬────────┬─────┬──────────┐
//!                     │ header │ descriptor │ slot 0 │ slot 1 │  …  │ slot k-1 │   the last k values
//!                     └────────┴────────────┴────────┴────────┴─────┴──────────┘
//! ```
//!
//! The crate needs Linux and Rust 1.95 or newer. Clone the repository into a directory `shm` next to
//! your `Cargo.toml`, and add these lines to that file:
//!
//! ```toml
//! [dependencies]
//! shm-core = { path = "shm/shm-core" }
//! serde = { version = "1", features = ["derive"] }
//! ```
//!
//! # Publish and read
//!
//! A value can have almost any type that derives `Serialize` and `Deserialize`; the page of `Schema`
//! lists the exceptions. A value stays in the region until newer values overwrite it or the region is
//! removed, even after the writer has ended.
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
//! [`recv`](Reader::recv) waits for the next value in order. It returns `None` when the writer has
//! closed the region and every value has been read. You can also iterate over a reader; the iterator
//! ends at the same point. If the region does not exist yet,
//! [`open_timeout`](ReaderOptions::open_timeout) makes opening wait for it.
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
//! # Distinguish a timeout from the end
//!
//! [`try_recv`](Reader::try_recv) and [`recv_timeout`](Reader::recv_timeout) return a [`Received`]. It
//! tells whether a value arrived, no value arrived in time, or the writer closed the region.
//! [`follow`](Reader::follow) does not end when the writer closes the region. It continues with the
//! next writer, even if the region is removed and created again.
//!
//! A writer that dies does not close its region, so `recv` and iterators wait for the next writer. To
//! detect a dead writer, call [`writer`](Reader::writer) *before* each timed call. If it returned
//! [`Gone`](WriterStatus::Gone) and the timed call then received nothing, the writer is dead and you
//! have received every value. For another user's region the status is
//! [`Unknown`](WriterStatus::Unknown).
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
//! # Count lost values
//!
//! A writer never waits for readers. Each [`Sample`] contains the number of values that were lost
//! directly before it.
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
//! // All values before this one were lost.
//! assert_eq!(sample.lost + 1, sample.sequence);
//! # Ok(())
//! # }
//! ```
//!
//! # Close at Ctrl-C
//!
//! Dropping a writer closes its region. A signal, however, ends a program without dropping anything,
//! and readers then wait for another writer. A program should therefore catch the signals, leave its
//! loop and close the writer. With the crate `signal-hook`:
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicBool, Ordering};
//!
//! let should_stop = Arc::new(AtomicBool::new(false));
//! for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
//!     signal_hook::flag::register(signal, Arc::clone(&should_stop))?;
//! }
//! let mut writer = shm_core::Writer::<u64>::open("ticks")?;
//! while !should_stop.load(Ordering::Relaxed) {
//!     writer.publish(&1)?;
//! }
//! writer.close()?;
//! # Ok(())
//! # }
//! ```
//!
//! A program that also receives should call [`recv_timeout`](Reader::recv_timeout) in such a loop,
//! because `recv` continues to wait after a signal.
//!
//! # Types
//!
//! A region stores a description of its values' type, a `Schema`. Opening the region with another type
//! fails with an error that names the first difference, and the values stay in the region. To discard
//! them and change the type, set [`WriterOptions::replace`].
//!
//! **Add `#[serde(with = "serde_bytes")]` to each `Vec<u8>` field.** The attribute needs the crate
//! `serde_bytes`. Without it, each byte is encoded as a separate value: publishing 1 MiB takes 15 times
//! as long, and reading it takes 76 times as long. The attribute is part of the type, so use it in the
//! writer and in the readers.
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
//! assert!(refused.to_string().contains("f64 in the region, and f32 in this program"));
//! let writer = WriterOptions::new().replace(true).open::<(f64, f32)>(name)?;
//! assert_eq!(writer.discarded(), 1);
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! # Arrays, JSON, bytes
//!
//! [`ArrayWriter`] and [`ArrayReader`] handle video frames and other arrays of numbers. [`RawWriter`]
//! and [`RawReader`] handle bytes of any kind. `JsonWriter` and `JsonReader` handle typed values as
//! JSON, for programs that do not know the Rust type.
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
//! # Write and read in place
//!
//! Publishing copies a value once into the region, and reading copies it once out of the region. For
//! large values, [`RawWriter::loan`] and [`RawReader::view`] avoid both copies. The writer does not
//! wait for a view. When you are done with it, call [`is_whole`](View::is_whole) to check that the
//! writer has not overwritten the value meanwhile.
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
//! A waiting reader polls the region for 20 µs and then goes to sleep. Waking it up adds about 20 µs to
//! the latency of the value. With [`WaitStrategy::Spin`] a reader never sleeps. The program `shm-bench`
//! measures the difference on your machine.
//!
//! # Names
//!
//! A name such as `climate` refers to a file in the directory `$SHM_DIR`, by default `/dev/shm`. A name
//! that contains a `/` is a path. The file's name must have 1 to 200 bytes, which can be letters,
//! digits, `.`, `_` and `-`. It must not begin with `.` or `-`.
//!
//! # Threads
//!
//! All handles are `Send` and `Sync`. Methods that read or publish need `&mut self`, so open a separate
//! reader in each thread.
//!
//! # Errors
//!
//! Each group of operations has its own error type: [`OpenError`] for whole regions, [`PublishError`],
//! [`ReceiveError`] and [`BlockError`]. [`Error`] combines them, for functions that use several of them
//! with `?`. An error message names the region, the problem, and what to do about it.
//!
//! A writer can replace a region with one of another type while a reader is attached. The reader's
//! methods then return [`ReceiveError::Reopen`].
//!
//! The errors are enums, so a program can handle some of them differently:
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
//! [`Block`] is the lowest level: plain bytes that processes share, as with Python's `mmap`. A block
//! has no header and no protection.
//!
//! # Features
//!
//! The feature `schema` is on by default. It stores a description of each type in the region, and
//! provides `Schema`, `JsonReader` and `JsonWriter`. Without it, typed handles refuse a region that
//! describes its type, because the program cannot compare the types.

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
    region::{location::path_of, tenure::WriterStatus},
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

/// The sequence number of a value. The first value has number 1.
pub type Sequence = u64;
