//! Medians, and the rounds in which peers take turns.

use crate::job::Job;
use crate::measure::Measured;
use crate::scratch::Scratch;
use anyhow::{Result, ensure};
use std::env;
use std::process::{Command, Stdio};

/// The value in the middle; the mean of two where there is none.
///
/// # Panics
///
/// If there are no values.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

/// Measures the jobs in turns, A B C A B C, and gives each one's medians over the rounds.
pub fn in_turns(jobs: &[Job], rounds: usize) -> Vec<Result<Measured>> {
    let mut results: Vec<Result<Vec<Measured>>> = jobs.iter().map(|_| Ok(Vec::new())).collect();
    for _ in 0..rounds {
        for (job, result) in jobs.iter().zip(&mut results) {
            // Whoever failed once is not asked again.
            let Ok(measured) = result else { continue };
            match in_processes(job) {
                Ok(round) => measured.push(round),
                Err(error) => *result = Err(error),
            }
        }
    }
    let over_rounds = |rounds: Vec<Measured>| Measured {
        value: median(&mut Vec::from_iter(rounds.iter().map(|round| round.value))),
        spoiled: median(&mut Vec::from_iter(rounds.iter().map(|round| round.spoiled))),
    };
    results.into_iter().map(|result| result.map(over_rounds)).collect()
}

/// Measures one job in two new processes.
fn in_processes(job: &Job) -> Result<Measured> {
    let scratch = Scratch::new()?;
    let job = Job { directory: scratch.path().to_owned(), ..job.clone() };
    let output = Command::new(env::current_exe()?)
        .arg("drive")
        .args(job.to_arguments())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "{} failed at {:?} of {} bytes", job.peer.name(), job.work, job.message_bytes);
    Measured::from_text(&String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_stands_in_the_middle() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
