//! A rig for benchmarks between two processes, and the links and rows of this project.
//!
//! Two processes, each on a processor of its own, measure each row several times: ours and its limit in turn, so that both
//! see the same machine. A figure is the median of the runs, and a ratio that of the ratios of neighbours. The second
//! process is the same program, started once more.
//!
//! ```text
//! plan ──▶ trips  streams  looks  publishing  attach      how a row is measured: the parts of both processes
//!            └───────┴──┬─────┴───────┴─────────┘
//!                     link ──▶ ours │ limits ──▶ bare     how payloads go
//! session ──▶ second  workplace                           turns; the second process; files
//! stats  report  machine                                  medians; tables and JSON; names and processors
//! ```
//!
//! To measure something else on it: implement [`Link`] (or [`Board`]), list it among the [`Part`]s that
//! [`Measuring::serve`] is given, and let [`Session::in_turns`] measure [`trip`], [`stream`], [`still`] or [`flooded`] with it.

mod attach;
mod bare;
mod limits;
mod link;
mod looks;
mod machine;
mod ours;
mod plan;
mod publishing;
mod report;
mod second;
mod session;
mod stats;
mod streams;
mod trips;
mod workplace;

pub use link::{Board, Inlet, Link, Looker, Outlet, Payload, Prepared, Shape, WORD, Waiting, check, whole};
pub use looks::{flooded, still};
pub use machine::Machine;
pub use ours::{Copied, InPlace};
pub use plan::{Measured, PARTS, Row, rows};
pub use report::{P999, Report, Unit, three_digits};
pub use second::Part;
pub use session::{Measure, Measuring, Session};
pub use stats::{Run, median_of, quantile, ratio};
pub use streams::stream;
pub use trips::{Manner, trip};
pub use workplace::Workplace;

/// 1 KiB, in bytes.
pub const KIB: usize = 1 << 10;
/// 1 MiB, in bytes.
pub const MIB: usize = 1 << 20;
