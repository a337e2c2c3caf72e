//! Draws the tables as bar charts in SVG. The colours are of medium brightness, readable on both
//! white and black backgrounds.

use crate::results::Results;
use crate::tables::SHM;
use shm_bench::median_of;
use std::fmt::Write;

const WIDTH: f64 = 760.0;
/// The positions where bars begin and where the longest bar ends. There are labels on both sides.
const LEFT: f64 = 210.0;
const RIGHT: f64 = 660.0;
const ROW: f64 = 22.0;
const HEADING: f64 = 30.0;
const TEXT: &str = "#768390";
const OURS: &str = "#d9622b";
const THEIRS: &str = "#6b87a8";
/// If the largest value is more than this many times the smallest one, the scale is logarithmic.
const LINEAR_UP_TO: f64 = 100.0;

/// The scale that determines the length of a bar.
enum Scale {
    Linear {
        most: f64,
    },
    /// A scale that starts at a power of ten.
    Logarithmic {
        least: f64,
        most: f64,
    },
}

impl Scale {
    fn of(values: &[f64]) -> Self {
        let most = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        if most / least <= LINEAR_UP_TO {
            return Self::Linear { most };
        }
        // Even the shortest bar must be visible.
        Self::Logarithmic { least: 10_f64.powf((least * 0.8).log10().floor()), most }
    }

    /// Returns the length of a bar as a share of the longest one.
    fn share(&self, value: f64) -> f64 {
        match self {
            Self::Linear { most } => value / most,
            Self::Logarithmic { least, most } => (value / least).log10() / (most / least).log10(),
        }
    }
}

impl Results<'_> {
    pub fn to_svg(&self) -> String {
        // Rows of different message sizes are drawn on one scale.
        let bars = self.rows.iter().map(|row| {
            let unit = row.row.unit;
            let bar = |(peer, runs): &(&'static str, Vec<_>)| {
                (*peer, unit.scaled(median_of(runs)), unit.shown(median_of(runs)))
            };
            (row.row.title, row.runs.iter().map(bar).collect::<Vec<_>>())
        });
        let bars: Vec<_> = bars.collect();
        let values = bars.iter().flat_map(|(_, bars)| bars.iter().map(|(_, value, _)| *value));
        let scale = Scale::of(&values.collect::<Vec<f64>>());
        let mut body = String::new();
        let mut y = HEADING;
        text(&mut body, 0.0, y - 8.0, "start", "bold", &self.title(&scale));
        for (title, bars) in &bars {
            y += HEADING;
            text(&mut body, 0.0, y - 8.0, "start", "bold", title);
            for (peer, value, shown) in bars {
                bar(&mut body, y, peer, scale.share(*value), shown);
                y += ROW;
            }
        }
        let height = y + 8.0;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
             font-family=\"-apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif\" font-size=\"13\" role=\"img\">\n\
             <title>{}</title>\n{body}</svg>\n",
            escaped(self.table.title)
        )
    }

    fn title(&self, scale: &Scale) -> String {
        let more_is_better = self.rows.iter().any(|row| row.row.unit.more_is_better());
        let better = if more_is_better { "more is better" } else { "less is better" };
        let how = if matches!(scale, Scale::Logarithmic { .. }) { ", logarithmic" } else { "" };
        format!("{} ({better}{how})", self.table.title)
    }
}

fn bar(body: &mut String, y: f64, peer: &str, share: f64, shown: &str) {
    let (color, weight) = if peer == SHM { (OURS, "bold") } else { (THEIRS, "normal") };
    let width = (share * (RIGHT - LEFT)).max(1.0);
    let height = ROW - 6.0;
    text(body, LEFT - 8.0, y + 12.5, "end", weight, peer);
    writeln!(body, "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"{height}\" rx=\"2\" fill=\"{color}\"/>")
        .expect("a string takes everything");
    text(body, LEFT + width + 6.0, y + 12.5, "start", weight, shown);
}

fn text(body: &mut String, x: f64, y: f64, anchor: &str, weight: &str, content: &str) {
    let content = escaped(content);
    writeln!(
        body,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-weight=\"{weight}\" fill=\"{TEXT}\">{content}</text>"
    )
    .expect("a string takes everything");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::Scale;

    #[test]
    fn close_values_are_drawn_in_proportion_and_distant_ones_by_powers_of_ten() {
        assert_eq!(Scale::of(&[25.0, 100.0]).share(25.0), 0.25);
        let distant = Scale::of(&[200.0, 10_000_000.0]);
        assert!((distant.share(10_000.0) - 0.4).abs() < 1e-9, "{}", distant.share(10_000.0));
        assert_eq!(distant.share(10_000_000.0), 1.0);
    }
}
