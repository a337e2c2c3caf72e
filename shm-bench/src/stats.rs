//! Computes medians, ratios and percentiles of runs.

use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;

/// The longest time that a histogram can record.
const LONGEST_NS: u64 = 60_000_000_000;
const DIGITS: u8 = 3;

/// The result of one run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The figure, in the row's unit.
    pub figure: f64,
    /// Every single time in nanoseconds, if single times are measured.
    pub singles: Option<Histogram<u64>>,
    /// How many times a reader gave up because the writer was too fast.
    pub busy: u64,
    /// How many values a reader missed, according to the library.
    pub lost: u64,
    /// The share of the values that arrived torn.
    pub torn: f64,
}

impl Run {
    /// Creates a run with this figure and nothing else.
    pub fn of(figure: f64) -> Self {
        Self { figure, singles: None, busy: 0, lost: 0, torn: 0.0 }
    }

    /// Creates a run whose figure is the median of its single times.
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds below a minute")]
    pub(crate) fn of_singles(singles: Histogram<u64>) -> Self {
        let figure = singles.value_at_quantile(0.5) as f64;
        Self { singles: Some(singles), ..Self::of(figure) }
    }
}

/// Creates an empty histogram of times.
pub(crate) fn times() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_max(LONGEST_NS, DIGITS)?)
}

#[inline(always)]
pub(crate) fn record(times: &mut Histogram<u64>, time: Duration) {
    times.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
}

pub(crate) fn nanoseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

#[expect(clippy::cast_precision_loss, reason = "counts of a few seconds")]
pub(crate) fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

pub(crate) fn figures(runs: &[Run]) -> Vec<f64> {
    runs.iter().map(|run| run.figure).collect()
}

/// Returns the median of the runs' figures.
pub fn median_of(runs: &[Run]) -> f64 {
    median(&figures(runs))
}

/// Divides the figures of `ours` by those of `theirs`, for each pair of neighbouring runs.
pub(crate) fn ratios(ours: &[Run], theirs: &[Run]) -> Vec<f64> {
    ours.iter().zip(theirs).map(|(ours, theirs)| ours.figure / theirs.figure).collect()
}

/// Returns the median of the ratios of neighbouring runs.
pub fn ratio(ours: &[Run], theirs: &[Run]) -> f64 {
    median(&ratios(ours, theirs))
}

/// Returns a percentile of the single times of all runs, in nanoseconds, or `None` if no single
/// times were measured.
#[expect(clippy::cast_precision_loss, reason = "nanoseconds below a minute")]
pub fn quantile(runs: &[Run], quantile: f64) -> Option<f64> {
    Some(merged(runs)?.value_at_quantile(quantile) as f64)
}

/// Returns the single times of all runs.
pub(crate) fn merged(runs: &[Run]) -> Option<Histogram<u64>> {
    let mut all = runs.iter().filter_map(|run| run.singles.as_ref());
    let mut merged = all.next()?.clone();
    for singles in all {
        merged.add(singles).ok()?;
    }
    Some(merged)
}

/// Returns the middle figure, or the mean of the two in the middle, or NaN if there are no figures.
/// A run on a busy machine may end without a figure; such a run does not count.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
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
    assert_eq!(median(&[4.0, f64::NAN, 3.0, f64::NAN, f64::NAN]), 3.5);
    assert!(median(&[]).is_nan() && median(&[f64::NAN]).is_nan());
}
