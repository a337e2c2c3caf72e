//! The verb `bench`: what the library does on this machine, each figure beside what the machine could do at best.
//!
//! Two processes, each on a processor of its own, measure each row of the [`plan`] several times: ours and its limit in turn,
//! so that both see the same machine. A figure is the median of the runs, and a ratio that of the ratios.
//!
//! ```text
//! plan ──▶ trips  streams  looks  publishing  attach      how a row is measured: the parts of both processes
//!            └───────┴──┬─────┴───────┴─────────┘
//!                     ends ──▶ ours │ limits ──▶ bare     by which way payloads go
//! session ──▶ peer  workplace                             the second process; where the files are
//! stats  output  machine                                  medians; tables and JSON; names and processors
//! ```

mod attach;
mod bare;
mod ends;
mod limits;
mod looks;
mod machine;
mod ours;
mod output;
mod peer;
mod plan;
mod publishing;
mod session;
mod stats;
mod streams;
mod trips;
mod workplace;

use std::io::Write;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use shm_cli::{Code, Failure, Talk};

use crate::args::Bench;
use machine::Machine;
use output::Output;
use plan::Row;
use session::Session;
use stats::Measured;

/// How many runs there are of each kind in a row, and how long each is.
const FULL: (usize, Duration) = (9, Duration::from_millis(100));
const QUICK: (usize, Duration) = (5, Duration::from_millis(20));

/// Measures the rows that the arguments name, or all.
pub fn bench(args: &Bench, talk: Talk, out: &mut dyn Write) -> Result<()> {
    if let Some(directory) = &args.second_process {
        return peer::serve(directory, args.cpu);
    }
    let rows = chosen(&args.rows)?;
    let (runs, time) = if args.quick { QUICK } else { FULL };
    let machine = Machine::look()?;
    let mut session = Session::start(&machine, time)?;
    let ender = session.peer.ender();
    let mut output = Output::new(out, args.json);
    output.head(&machine, runs, time.as_millis())?;
    let measured = measure(&rows, &mut session, runs, talk, &mut output);
    talk.end_progress();
    if ender.is_ending() {
        // A signal ends the program: what failed, failed because of that.
        loop {
            thread::park();
        }
    }
    measured?;
    Ok(output.end()?)
}

fn measure(rows: &[Row], session: &mut Session, runs: usize, talk: Talk, output: &mut Output<'_>) -> Result<()> {
    for (index, row) in rows.iter().enumerate() {
        let mut measured = Measured::default();
        for run in 1..=runs {
            talk.progress(format_args!("row {} of {}, {}: run {run} of {runs}", index + 1, rows.len(), row.name));
            measured.ours.push(once(session, |session| row.measure_ours(session))?);
            measured.limit.push(once(session, |session| row.measure_limit(session))?);
        }
        talk.end_progress();
        output.row(row, measured)?;
    }
    Ok(())
}

/// One run, in a directory as if nothing had been before.
fn once<T>(session: &mut Session, run: impl FnOnce(&mut Session) -> Result<T>) -> Result<T> {
    session.workplace.begin();
    let outcome = run(session)?;
    session.workplace.sweep()?;
    Ok(outcome)
}

/// The rows whose name contains one of the words; all rows if there is no word.
fn chosen(words: &[String]) -> Result<Vec<Row>> {
    let all = plan::rows();
    let names: Vec<&str> = all.iter().map(|row| row.name.as_str()).collect();
    if let Some(word) = words.iter().find(|word| !names.iter().any(|name| name.contains(word.as_str()))) {
        let remedy = format!("the rows are: {}", names.join(" "));
        return Err(Failure::new(Code::Usage, format!("no row has '{word}' in its name"), remedy).into());
    }
    let is_chosen = |row: &Row| words.is_empty() || words.iter().any(|word| row.name.contains(word.as_str()));
    Ok(all.into_iter().filter(is_chosen).collect())
}
