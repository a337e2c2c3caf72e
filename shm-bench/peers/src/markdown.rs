//! The tables as Markdown.

use crate::measure::Measured;
use crate::tables::{Table, Unit};

/// What was measured: for each column, one result for each of the entries. `None`: that failed.
pub struct Results<'t> {
    pub table: &'t Table,
    /// The labels of those who took part.
    pub labels: Vec<&'static str>,
    /// Which of them is shm.
    pub shm: Option<usize>,
    pub columns: Vec<Vec<Option<Measured>>>,
}

impl Results<'_> {
    pub fn to_markdown(&self) -> String {
        let mut text = format!("### {}\n\n|", self.table.title);
        for column in self.table.columns {
            text += &format!(" | {} | ÷ shm", column.title);
        }
        text += " |\n|---";
        text += &"|---:|---:".repeat(self.columns.len());
        text += "|\n";
        for (row, label) in self.labels.iter().enumerate() {
            let label = if self.shm == Some(row) { format!("**{label}**") } else { (*label).to_owned() };
            text += &format!("| {label}");
            for (column, results) in self.table.columns.iter().zip(&self.columns) {
                let (value, ratio) = self.cells(column.unit, results, row, column.message_bytes);
                text += &format!(" | {value} | {ratio}");
            }
            text += " |\n";
        }
        text + &self.notes()
    }

    fn cells(&self, unit: Unit, results: &[Option<Measured>], row: usize, bytes: usize) -> (String, String) {
        let Some(measured) = results[row] else { return ("failed".to_owned(), String::new()) };
        let ratio = self.shm.and_then(|shm| results[shm]).map(|shm| measured.value / shm.value);
        (with_unit(measured.value, unit, bytes), ratio.map(significant).unwrap_or_default())
    }

    fn notes(&self) -> String {
        let mut text = String::from("\n");
        for note in self.table.notes {
            text += &format!("- {note}\n");
        }
        for (column, results) in self.table.columns.iter().zip(&self.columns) {
            for (label, measured) in self.labels.iter().zip(results) {
                let spoiled = measured.map_or(0.0, |measured| 100.0 * measured.spoiled);
                let what = if column.unit == Unit::Nanoseconds { "of what was read was torn" } else { "was lost" };
                if spoiled >= 0.05 {
                    text += &format!("- {label}, {}: {spoiled:.1} % {what}.\n", column.title);
                }
            }
        }
        text
    }
}

/// A value as a person reads it.
pub fn with_unit(value: f64, unit: Unit, message_bytes: usize) -> String {
    match unit {
        Unit::Nanoseconds => scaled(value, &[(1e6, "ms"), (1e3, "µs"), (1.0, "ns")]),
        Unit::Messages => scaled(value, &[(1e6, "M/s"), (1e3, "k/s"), (1.0, "/s")]),
        Unit::Bytes => scaled(value * message_bytes as f64, &[(1e9, "GB/s"), (1e6, "MB/s"), (1.0, "B/s")]),
    }
}

fn scaled(value: f64, units: &[(f64, &str)]) -> String {
    let (size, unit) = units.iter().find(|(size, _)| value >= *size).unwrap_or(&units[units.len() - 1]);
    format!("{} {unit}", significant(value / size))
}

/// Three digits that count.
fn significant(value: f64) -> String {
    let decimals = match value {
        ..0.01 => 4,
        ..0.1 => 3,
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::{significant, with_unit};
    use crate::tables::Unit;

    #[test]
    fn values_have_three_digits_and_a_unit() {
        assert_eq!(with_unit(1.3, Unit::Nanoseconds, 8), "1.30 ns");
        assert_eq!(with_unit(39_120.0, Unit::Nanoseconds, 8), "39.1 µs");
        assert_eq!(with_unit(83_400_000.0, Unit::Messages, 64), "83.4 M/s");
        assert_eq!(with_unit(15_000.0, Unit::Bytes, 1 << 20), "15.7 GB/s");
        assert_eq!([0.0213, 0.5, 144.4].map(significant), ["0.021", "0.50", "144"]);
    }
}
