//! A framework for benchmarks between two processes, with the links and rows of this project.
//!
//! A *row* is one kind of work, such as a round trip of 64 bytes. Its *limit* is the least work that
//! the machine must do to achieve the same result. Two processes, each on its own processor, measure
//! each row several times. The second process runs the same program as the first. Runs of shm and of
//! the limit alternate, so both are measured under the same conditions. A figure is the median of the
//! runs. A ratio is the median of the ratios of neighbouring runs.
//!
//! ```text
//! plan ──▶ trips  streams  looks  publishing  attach      how a row is measured: the parts of both processes
//!            └───────┴──┬─────┴───────┴─────────┘
//!                     link ──▶ ours │ limits ──▶ bare     how payloads are carried
//! session ──▶ second  workplace                           turns; the second process; files
//! stats  report  machine                                  medians; tables and JSON; names and processors
//! ```
//!
//! To measure something else with it, implement [`Link`] (or [`Board`]), add it to the [`Part`]s
//! that you pass to [`Measuring::serve`], and let [`Session::in_turns`] measure it with [`trip`],
//! [`stream`], [`still`] or [`flooded`].

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
