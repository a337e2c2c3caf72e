//! Compares shm with what one would use instead: the same work, side by side, in one run.

mod chart;
mod job;
mod link;
mod machine;
mod markdown;
mod mate;
mod measure;
mod options;
mod peer;
mod scratch;
mod statistics;
mod tables;

use crate::job::{Job, Peer};
use crate::markdown::Results;
use crate::measure::Measured;
use crate::options::Options;
use crate::peer::{Role, play};
use crate::tables::{Entry, TABLES, Table};
use anyhow::{Context, Result};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs, thread};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let outcome = match arguments.first().map(String::as_str) {
        // The two roles are for the processes that this one starts.
        Some("drive") => drive(&arguments[1..]),
        Some("mate") => answer(&arguments[1..]),
        _ => compare(&arguments),
    };
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    eprintln!("peers: {error:#}");
    ExitCode::FAILURE
}

/// Measures the tables, prints each, and draws it if that is wanted.
fn compare(arguments: &[String]) -> Result<()> {
    let Some(options) = Options::from_arguments(arguments)? else {
        print!("{}", options::HELP);
        return Ok(());
    };
    anyhow::ensure!(thread::available_parallelism()?.get() >= 2, "two processors are needed");
    println!("{}\n", machine::describe()?);
    println!("Medians of {} rounds of {} ms, taken in turns.\n", options.rounds, options.duration.as_millis());
    for table in TABLES.iter().filter(|table| options.wants_table(table.name)) {
        if !table.entries.iter().any(|entry| options.wants_peer(entry.peer)) {
            continue;
        }
        let results = measure(table, &options);
        println!("{}", results.to_markdown());
        if let Some(directory) = &options.charts {
            fs::create_dir_all(directory)?;
            fs::write(directory.join(table.name).with_extension("svg"), results.to_svg())?;
        }
    }
    Ok(())
}

fn measure<'t>(table: &'t Table, options: &Options) -> Results<'t> {
    let entries: Vec<&Entry> = table.entries.iter().filter(|entry| options.wants_peer(entry.peer)).collect();
    // All columns take turns too: the machine's speed changes in the course of a table.
    let in_column = |column| entries.iter().map(move |entry| table.job(column, entry, options.duration));
    let jobs: Vec<Job> = table.columns.iter().flat_map(in_column).collect();
    let measured = statistics::in_turns(&jobs, options.rounds);
    let kept: Vec<Option<Measured>> = measured.into_iter().map(|result| result.map_err(report).ok()).collect();
    let columns = kept.chunks(entries.len()).map(<[_]>::to_vec).collect();
    Results {
        table,
        labels: entries.iter().map(|entry| entry.label).collect(),
        shm: entries.iter().position(|entry| entry.peer == Peer::Shm),
        columns,
    }
}

/// A peer that fails is left out, and the others are compared.
fn report(error: anyhow::Error) {
    eprintln!("{error:#}");
}

/// The process that measures.
fn drive(arguments: &[String]) -> Result<()> {
    let job = Job::from_arguments(arguments)?;
    begin(&job, mate::CPUS[0])?;
    let measured = play(&Role::Drive, &job)?.context("no result")?;
    println!("{}", measured.to_text());
    Ok(())
}

/// The other one.
fn answer(arguments: &[String]) -> Result<()> {
    let (word, arguments) = arguments.split_last().context("a word is missing")?;
    let job = Job::from_arguments(arguments)?;
    begin(&job, mate::CPUS[1])?;
    play(&Role::Mate(word), &job)?;
    Ok(())
}

fn begin(job: &Job, cpu: usize) -> Result<()> {
    // A process that hangs must not stop the others.
    mate::end_after(5 * job.duration + Duration::from_secs(10));
    mate::pin(cpu)
}
