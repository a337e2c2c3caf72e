//! The measured results, and the Markdown tables of them. The best figure in each row is bold.

use crate::tables::{Row, SHM, Table};
use shm_bench::{P999, Run, Unit, median_of, quantile, ratio, three_digits};

/// The results of a row.
pub struct Measured<'t> {
    pub row: &'t Row,
    /// The runs of each peer that took part.
    pub runs: Vec<(&'static str, Vec<Run>)>,
}

/// The results of a table.
pub struct Results<'t> {
    pub table: &'t Table,
    pub rows: Vec<Measured<'t>>,
}

impl Measured<'_> {
    pub fn of(&self, peer: &str) -> Option<&[Run]> {
        self.runs.iter().find(|(name, _)| *name == peer).map(|(_, runs)| runs.as_slice())
    }

    /// Returns the peer with the best figure, among the peers whose values were all whole.
    pub fn winner(&self) -> Option<&'static str> {
        let sign = if self.row.unit.more_is_better() { -1.0 } else { 1.0 };
        let whole = self.runs.iter().filter(|(_, runs)| torn_percent(runs) == 0.0);
        let best = whole.min_by(|(_, a), (_, b)| (sign * median_of(a)).total_cmp(&(sign * median_of(b))));
        best.map(|(peer, _)| *peer)
    }

    /// Returns the peer's figure, in bold if it is the best, or an empty string if the peer has
    /// none.
    fn figure(&self, peer: &str) -> String {
        let shown = self.of(peer).map(|runs| self.row.unit.shown(median_of(runs))).unwrap_or_default();
        if self.winner() == Some(peer) { format!("**{shown}**") } else { shown }
    }

    fn has_singles(&self) -> bool {
        self.runs.iter().any(|(_, runs)| quantile(runs, P999).is_some())
    }

    /// Returns the figure, its percentile if the row has any, and the ratio to shm.
    fn cells(&self, peer: &str) -> Vec<String> {
        let mut cells = vec![self.figure(peer)];
        if self.has_singles() {
            let p999 = self.of(peer).and_then(|runs| quantile(runs, P999));
            cells.push(p999.map(|ns| Unit::Time.shown(ns)).unwrap_or_default());
        }
        let ratio = self.of(peer).zip(self.of(SHM)).map(|(runs, shm)| ratio(runs, shm));
        cells.push(ratio.map(three_digits).unwrap_or_default());
        cells
    }

    fn headings(&self) -> Vec<&'static str> {
        if self.has_singles() { vec![self.row.title, "p99.9", "÷ shm"] } else { vec![self.row.title, "÷ shm"] }
    }
}

impl Results<'_> {
    pub fn to_markdown(&self) -> String {
        let headings: Vec<&str> = self.rows.iter().flat_map(Measured::headings).collect();
        let mut text = format!("### {}\n\n{}", self.table.title, head(&headings));
        for (peer, _) in self.rows.first().map(|row| row.runs.as_slice()).unwrap_or_default() {
            let cells: Vec<String> = self.rows.iter().flat_map(|row| row.cells(peer)).collect();
            text += &line(peer, &cells);
        }
        text += "\n";
        for note in self.table.notes {
            text += &format!("- {note}\n");
        }
        for row in &self.rows {
            for (peer, runs) in row.runs.iter().filter(|(_, runs)| torn_percent(runs) > 0.0) {
                text += &format!("- {peer}, {}: {:.1} % of the values were torn.\n", row.row.title, torn_percent(runs));
            }
        }
        text
    }
}

/// Returns the rows that need no note, in one table, with the most interesting peers and each peer
/// that wins a row.
pub fn summary(results: &[Results]) -> String {
    const ALWAYS: [&str; 5] = [SHM, "iceoryx2", "shmem-ipc", "pipe", "Unix stream"];
    let rows = || results.iter().flat_map(|results| &results.rows).filter(|row| row.row.summary.is_some());
    let mut peers: Vec<&str> = ALWAYS.into_iter().filter(|peer| rows().any(|row| row.of(peer).is_some())).collect();
    for winner in rows().filter_map(Measured::winner) {
        if !peers.contains(&winner) {
            peers.push(winner);
        }
    }
    let mut text = head(&peers);
    for row in rows() {
        let cells: Vec<String> = peers.iter().map(|peer| row.figure(peer)).collect();
        text += &line(row.row.summary.unwrap_or_default(), &cells);
    }
    text
}

fn head(columns: &[&str]) -> String {
    format!("| | {} |\n|---{}|\n", columns.join(" | "), "|---:".repeat(columns.len()))
}

fn line(title: &str, cells: &[String]) -> String {
    format!("| {title} | {} |\n", cells.join(" | "))
}

fn torn_percent(runs: &[Run]) -> f64 {
    100.0 * runs.iter().map(|run| run.torn).sum::<f64>() / runs.len() as f64
}
