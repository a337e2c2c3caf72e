//! The results, as a table for people or as a JSON object a line for programs.

use std::io::{self, Write};

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::machine::Machine;
use super::plan::{Goal, Row, Unit};
use super::stats::{self, Measured, figures, median};

/// The percentiles that are shown of round trips.
const PERCENTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];

/// How the results are shown.
pub struct Output<'a> {
    out: &'a mut dyn Write,
    is_json: bool,
    group: &'static str,
    trips: Vec<(Row, Measured)>,
}

impl<'a> Output<'a> {
    pub fn new(out: &'a mut dyn Write, is_json: bool) -> Self {
        Self { out, is_json, group: "", trips: Vec::new() }
    }

    /// The first line: what was measured on, and how.
    pub fn head(&mut self, machine: &Machine, runs: usize, run_ms: u128) -> io::Result<()> {
        if self.is_json {
            let machine = json!({"machine": machine.json(), "runs": runs, "run_ms": run_ms});
            writeln!(self.out, "{machine}")?;
        } else {
            let words = machine.words();
            writeln!(self.out, "{words}; medians of {runs} runs of {run_ms} ms, ours and the limit in turn")?;
        }
        self.out.flush()
    }

    /// A row, as soon as it was measured.
    pub fn row(&mut self, row: &Row, measured: Measured) -> io::Result<()> {
        if self.is_json {
            writeln!(self.out, "{}", object(row, &measured))?;
        } else {
            if self.group != row.group {
                self.heading(row.group)?;
            }
            self.group = row.group;
            self.line(row, &measured)?;
            if measured.ours.iter().any(|run| run.trips.is_some()) {
                self.trips.push((row.clone(), measured));
            }
        }
        self.out.flush()
    }

    fn heading(&mut self, group: &str) -> io::Result<()> {
        let columns = format!("{:<54}{:>10}{:>10}{:>7}  {:<16}", "", "ours", "limit", "ratio", "goal");
        writeln!(self.out, "\n{}\n{columns}limit is", shm_cli::bold(group))
    }

    fn line(&mut self, row: &Row, measured: &Measured) -> io::Result<()> {
        let ours = shown(row.unit, median(&figures(&measured.ours)));
        let limit = shown(row.unit, median(&figures(&measured.limit)));
        let ratio = median(&measured.ratios());
        let goal = match (row.goal, is_met(row, measured)) {
            (Goal::AtMost(goal), met) => format!("<= {goal:<4} {}", mark(met)),
            (Goal::AtLeast(goal), met) => format!(">= {goal:<4} {}", mark(met)),
            (Goal::Nothing, _) => String::new(),
        };
        let notes = [(measured.busy(), "times Busy"), (measured.lost(), "values lost")];
        let notes = notes.iter().filter(|(count, _)| *count > 0);
        let notes: String = notes.map(|(count, what)| format!("; {count} {what}")).collect();
        let (what, name) = (&row.what, row.limit);
        writeln!(self.out, "  {what:<52}{ours:>10}{limit:>10}{ratio:>7.3}  {goal:<16}{name}{notes}")
    }

    /// What can only be said at the end: the round trips' percentiles.
    pub fn end(&mut self) -> io::Result<()> {
        if self.trips.is_empty() {
            return Ok(());
        }
        write!(
            self.out,
            "\n{}\n{:<54}",
            shm_cli::bold("Single round trips, a clock reading in each: ours (and the limit's)"),
            ""
        )?;
        for (name, _) in PERCENTILES {
            write!(self.out, "{name:>22}")?;
        }
        writeln!(self.out)?;
        for (row, measured) in &self.trips {
            write!(self.out, "  {:<52}", row.what)?;
            let all = (stats::merged(&measured.ours), stats::merged(&measured.limit));
            for (_, quantile) in PERCENTILES {
                let time = |trips: &Option<Histogram<u64>>| {
                    let ns = trips.as_ref().map_or(0, |trips| trips.value_at_quantile(quantile));
                    shown(Unit::Time, to_float(ns))
                };
                write!(self.out, "{:>22}", format!("{} ({})", time(&all.0), time(&all.1)))?;
            }
            writeln!(self.out)?;
        }
        self.out.flush()
    }
}

fn mark(is_met: bool) -> &'static str {
    if is_met { "met" } else { "MISSED" }
}

fn is_met(row: &Row, measured: &Measured) -> bool {
    let ratio = median(&measured.ratios());
    let is_in = match row.goal {
        Goal::AtMost(goal) => ratio <= goal,
        Goal::AtLeast(goal) => ratio >= goal,
        Goal::Nothing => true,
    };
    is_in && measured.busy() == 0
}

/// All of a row: times in nanoseconds, rates in values a second, bandwidths in bytes a second.
fn object(row: &Row, measured: &Measured) -> Value {
    let (ours, limit, ratios) = (figures(&measured.ours), figures(&measured.limit), measured.ratios());
    let unit = match row.unit {
        Unit::Time => "ns",
        Unit::Rate => "values/s",
        Unit::Bandwidth => "bytes/s",
        Unit::Count => "count",
    };
    let (goal, goal_is) = match row.goal {
        Goal::AtMost(goal) => (Some(goal), Some("at most")),
        Goal::AtLeast(goal) => (Some(goal), Some("at least")),
        Goal::Nothing => (None, None),
    };
    json!({
        "row": row.name, "group": row.group, "work": row.what, "payload_bytes": row.shape.bytes, "slots": row.shape.slots,
        "unit": unit, "ours": median(&ours), "limit": median(&limit), "limit_is": row.limit, "ratio": median(&ratios),
        "goal": goal, "goal_is": goal_is, "met": goal.map(|_| is_met(row, measured)),
        "ours_runs": ours, "limit_runs": limit, "ratio_runs": ratios,
        "ours_trips_ns": stats::merged(&measured.ours).map(|trips| percentiles(&trips)),
        "limit_trips_ns": stats::merged(&measured.limit).map(|trips| percentiles(&trips)),
        "busy": measured.busy(), "lost": measured.lost(),
    })
}

fn percentiles(trips: &Histogram<u64>) -> Value {
    let mut object: serde_json::Map<String, Value> =
        PERCENTILES.iter().map(|(name, at)| ((*name).to_owned(), trips.value_at_quantile(*at).into())).collect();
    object.insert("max".to_owned(), trips.max().into());
    object.insert("count".to_owned(), trips.len().into());
    object.into()
}

/// A figure with three digits and a unit.
fn shown(unit: Unit, figure: f64) -> String {
    let (scales, last): (&[(f64, &str)], _) = match unit {
        Unit::Time => (&[(1e3, "ns"), (1e6, "us"), (1e9, "ms")], "s"),
        Unit::Rate => (&[(1e3, "/s"), (1e6, "k/s"), (1e9, "M/s")], "G/s"),
        Unit::Bandwidth => (&[(1e3, "B/s"), (1e6, "kB/s"), (1e9, "MB/s")], "GB/s"),
        Unit::Count => return format!("{figure:.3}"),
    };
    // Rounding must not make 1000 of 999.7.
    let scale = scales.iter().find(|(end, _)| figure < end * 0.9995);
    let (scaled, name) = match scale {
        Some((end, name)) => (figure * 1e3 / end, *name),
        None => (figure / scales[scales.len() - 1].0, last),
    };
    let digits = match scaled {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{scaled:.digits$} {name}")
}

#[expect(clippy::cast_precision_loss, reason = "nanoseconds below a minute")]
fn to_float(ns: u64) -> f64 {
    ns as f64
}

#[test]
fn figures_have_three_digits() {
    assert_eq!(shown(Unit::Time, 1.234), "1.23 ns");
    assert_eq!(shown(Unit::Time, 999.7), "1.00 us");
    assert_eq!(shown(Unit::Time, 39_000.0), "39.0 us");
    assert_eq!(shown(Unit::Rate, 147e6), "147 M/s");
    assert_eq!(shown(Unit::Bandwidth, 15.82e9), "15.8 GB/s");
}
