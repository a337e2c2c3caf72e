//! Numbers out of runs: medians, ratios, percentiles.

use anyhow::Result;
use hdrhistogram::Histogram;

/// The longest time that a histogram tells apart.
const LONGEST_NS: u64 = 60_000_000_000;
const DIGITS: u8 = 3;

/// What one run measured.
pub struct Run {
    /// The figure, in the row's unit.
    pub figure: f64,
    /// Each single round trip, in nanoseconds; where there are some.
    pub trips: Option<Histogram<u64>>,
    /// How often a reader was told that the writer is too fast.
    pub busy: u64,
    /// How many values a reader was told that it missed.
    pub lost: u64,
}

impl Run {
    pub fn of(figure: f64) -> Self {
        Self { figure, trips: None, busy: 0, lost: 0 }
    }
}

/// An empty histogram of times.
pub fn times() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_max(LONGEST_NS, DIGITS)?)
}

/// All runs of a row; each of ours was followed by one of the limit.
#[derive(Default)]
pub struct Measured {
    pub ours: Vec<Run>,
    pub limit: Vec<Run>,
}

impl Measured {
    /// Ours divided by the limit, in each pair of runs.
    pub fn ratios(&self) -> Vec<f64> {
        self.ours.iter().zip(&self.limit).map(|(ours, limit)| ours.figure / limit.figure).collect()
    }

    pub fn lost(&self) -> u64 {
        self.ours.iter().map(|run| run.lost).sum()
    }

    pub fn busy(&self) -> u64 {
        self.ours.iter().map(|run| run.busy).sum()
    }
}

pub fn figures(runs: &[Run]) -> Vec<f64> {
    runs.iter().map(|run| run.figure).collect()
}

/// All round trips of all runs.
pub fn merged(runs: &[Run]) -> Option<Histogram<u64>> {
    let mut all = runs.iter().filter_map(|run| run.trips.as_ref());
    let mut merged = all.next()?.clone();
    for trips in all {
        merged.add(trips).ok()?;
    }
    Some(merged)
}

/// The middle one, or the mean of the two in the middle; not a number if there is none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        even if even.is_multiple_of(2) => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

#[test]
fn a_median_is_in_the_middle() {
    assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
    assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
    assert!(median(&[]).is_nan());
}
