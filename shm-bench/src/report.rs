//! Prints the results of this program: as a table for people, or as one JSON object per line for
//! programs. It also formats figures with their units.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::plan::{Goal, Measured, Row};
use crate::session::Session;
use crate::stats::{figures, median_of, merged, quantile, ratio, ratios};

/// The percentiles of single times in JSON. Tables show only the last one.
const PERCENTILES: [(&str, f64); 3] = [("p50", 0.5), ("p99", 0.99), ("p99.9", P999)];
/// The percentile that is shown next to a median.
pub const P999: f64 = 0.999;

/// The quantity that a row's figures measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds: less is better.
    Time,
    /// Values per second: more is better.
    Rate,
    /// Values of this length per second, shown as bytes per second.
    Bandwidth(usize),
    /// A number: less is better.
    Count,
}

impl Unit {
    /// Returns whether a higher figure is better.
    pub fn more_is_better(self) -> bool {
        matches!(self, Unit::Rate | Unit::Bandwidth(_))
    }

    /// Converts a figure to the unit that is shown.
    #[expect(clippy::cast_precision_loss, reason = "a payload's length")]
    pub fn scaled(self, figure: f64) -> f64 {
        match self {
            Unit::Bandwidth(bytes) => figure * bytes as f64,
            _ => figure,
        }
    }

    /// Formats a figure with three digits and a unit.
    pub fn shown(self, figure: f64) -> String {
        let scales = match self {
            Unit::Time => ["ns", "µs", "ms", "s"],
            Unit::Rate => ["/s", "k/s", "M/s", "G/s"],
            Unit::Bandwidth(_) => ["B/s", "kB/s", "MB/s", "GB/s"],
            Unit::Count => return format!("{figure:.3}"),
        };
        let (mut scaled, mut at) = (self.scaled(figure), 0);
        // Rounding must not turn 999.7 into 1000.
        while scaled >= 999.5 && at + 1 < scales.len() {
            (scaled, at) = (scaled / 1000.0, at + 1);
        }
        format!("{} {}", three_digits(scaled), scales[at])
    }
}

/// Formats a number with three significant digits, or two if it is less than 1.
pub fn three_digits(value: f64) -> String {
    let decimals = match value {
        ..0.00995 => 4,
        ..0.0995 => 3,
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

/// Writes the results to their destination, in the requested form.
pub struct Report<'a> {
    out: &'a mut dyn Write,
    is_json: bool,
    has_goals: bool,
    group: &'static str,
}

impl<'a> Report<'a> {
    /// Creates a report. `has_goals` adds the project's goals to the table; JSON always includes
    /// them.
    pub fn new(out: &'a mut dyn Write, is_json: bool, has_goals: bool) -> Self {
        Self { out, is_json, has_goals, group: "" }
    }

    /// Prints the first line: the machine, and how it is measured.
    pub fn head(&mut self, session: &Session) -> io::Result<()> {
        let (machine, runs, run_ms) = (&session.machine, session.runs, session.time.as_millis());
        if self.is_json {
            writeln!(self.out, "{}", json!({"machine": machine.json(), "runs": runs, "run_ms": run_ms}))?;
        } else {
            let words = machine.words();
            writeln!(self.out, "{words}; medians of {runs} runs of {run_ms} ms, ours and the limit in turn")?;
        }
        self.out.flush()
    }

    /// Prints a row. Call this as soon as the row has been measured.
    pub fn row(&mut self, row: &Row, measured: &Measured) -> io::Result<()> {
        if self.is_json {
            writeln!(self.out, "{}", object(row, measured))?;
        } else {
            if self.group != row.group {
                self.heading(row.group)?;
            }
            self.group = row.group;
            self.line(row, measured)?;
        }
        self.out.flush()
    }

    fn heading(&mut self, group: &str) -> io::Result<()> {
        writeln!(self.out, "\n{}", shm_cli::bold(group))?;
        write!(self.out, "{:<54}", "")?;
        ["ours", "p99.9", "limit", "p99.9"].iter().try_for_each(|column| write!(self.out, "{column:>10}"))?;
        let goal = if self.has_goals { format!("{:<16}", "goal") } else { String::new() };
        writeln!(self.out, "{:>7}  {goal}limit is", "ratio")
    }

    fn line(&mut self, row: &Row, measured: &Measured) -> io::Result<()> {
        write!(self.out, "  {:<52}", row.what)?;
        for runs in [&measured.ours, &measured.limit] {
            let p999 = quantile(runs, P999).map(|ns| row.unit.shown(ns)).unwrap_or_default();
            write!(self.out, "{:>10}{p999:>10}", row.unit.shown(median_of(runs)))?;
        }
        let goal = if self.has_goals { format!("{:<16}", goal(row, measured)) } else { String::new() };
        let notes = [(measured.busy(), "times Busy"), (measured.lost(), "values lost")];
        let notes = notes.iter().filter(|(count, _)| *count > 0);
        let notes: String = notes.map(|(count, what)| format!("; {count} {what}")).collect();
        writeln!(self.out, "{:>7.3}  {goal}{}{notes}", ratio(&measured.ours, &measured.limit), row.limit_is)
    }
}

impl Measured {
    fn lost(&self) -> u64 {
        self.ours.iter().map(|run| run.lost).sum()
    }

    fn busy(&self) -> u64 {
        self.ours.iter().map(|run| run.busy).sum()
    }
}

fn goal(row: &Row, measured: &Measured) -> String {
    let mark = if is_met(row, measured) { "met" } else { "MISSED" };
    match row.goal {
        Goal::AtMost(goal) => format!("<= {goal:<4} {mark}"),
        Goal::AtLeast(goal) => format!(">= {goal:<4} {mark}"),
        Goal::Nothing => String::new(),
    }
}

fn is_met(row: &Row, measured: &Measured) -> bool {
    let ratio = ratio(&measured.ours, &measured.limit);
    let is_in = match row.goal {
        Goal::AtMost(goal) => ratio <= goal,
        Goal::AtLeast(goal) => ratio >= goal,
        Goal::Nothing => true,
    };
    is_in && measured.busy() == 0
}

/// Returns everything about a row: times in nanoseconds, rates in values per second, bandwidths in
/// bytes per second.
fn object(row: &Row, measured: &Measured) -> Value {
    let Measured { ours, limit } = measured;
    let scaled = |runs| -> Vec<f64> { figures(runs).into_iter().map(|figure| row.unit.scaled(figure)).collect() };
    let unit = match row.unit {
        Unit::Time => "ns",
        Unit::Rate => "values/s",
        Unit::Bandwidth(_) => "bytes/s",
        Unit::Count => "count",
    };
    let (goal, goal_is) = match row.goal {
        Goal::AtMost(goal) => (Some(goal), Some("at most")),
        Goal::AtLeast(goal) => (Some(goal), Some("at least")),
        Goal::Nothing => (None, None),
    };
    json!({
        "name": row.name, "group": row.group, "work": row.what, "payload_bytes": row.shape.bytes, "slots": row.shape.slots,
        "unit": unit, "ours": row.unit.scaled(median_of(ours)), "limit": row.unit.scaled(median_of(limit)),
        "limit_is": row.limit_is, "ratio": ratio(ours, limit),
        "goal": goal, "goal_is": goal_is, "met": goal.map(|_| is_met(row, measured)),
        "ours_runs": scaled(ours), "limit_runs": scaled(limit), "ratio_runs": ratios(ours, limit),
        "ours_single_ns": percentiles(ours), "limit_single_ns": percentiles(limit),
        "busy": measured.busy(), "lost": measured.lost(),
    })
}

/// Returns the percentiles of single times, if single times were measured.
fn percentiles(runs: &[crate::Run]) -> Option<Value> {
    let singles = merged(runs)?;
    let mut object: serde_json::Map<String, Value> =
        PERCENTILES.iter().map(|(name, at)| ((*name).to_owned(), singles.value_at_quantile(*at).into())).collect();
    object.insert("max".to_owned(), singles.max().into());
    object.insert("count".to_owned(), singles.len().into());
    Some(object.into())
}

#[test]
fn figures_have_three_digits() {
    assert_eq!(Unit::Time.shown(1.234), "1.23 ns");
    assert_eq!(Unit::Time.shown(999.7), "1.00 µs");
    assert_eq!(Unit::Time.shown(39_000.0), "39.0 µs");
    assert_eq!(Unit::Rate.shown(147e6), "147 M/s");
    assert_eq!(Unit::Bandwidth(1 << 20).shown(15_000.0), "15.7 GB/s");
    assert_eq!([0.0213, 0.5, 144.4].map(three_digits), ["0.021", "0.50", "144"]);
}
