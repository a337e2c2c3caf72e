//! peers: compares shm with the alternatives to it. Each does the same work, side by side in the
//! framework of shm-bench.

mod chart;
mod peer;
mod results;
mod tables;
mod versions;

use crate::results::{Measured, Results, summary};
use crate::tables::{PARTS, Row, SHM, Table, tables};
use anyhow::{Result, ensure};
use clap::Parser;
use shm_bench::{Measure, Measuring, Session};
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

const SHORT_HELP: &str = "\
Compare shm with other ways between two processes, in Markdown tables.

Usage: peers [OPTIONS] [ROW]...

  ROW                      only rows whose name contains this word
      --quick              shorter runs, less precise
      --only PEER,...      only shm and these peers
      --charts DIRECTORY   write one SVG for each table
  -q, --quiet  -v, --verbose  -V, --version     --help prints everything

Examples:
  peers --quick trip-8 --only iceoryx2,pipe
  peers --charts docs/charts
";

/// Compare shm with other ways between two processes, in Markdown tables
///
/// The last table is a summary of the others. The best figure of each row is bold.
#[derive(Debug, Parser)]
#[command(name = "peers", version, max_term_width = 100)]
struct Args {
    #[command(flatten)]
    measuring: Measuring,
    /// Measure only shm and these peers; part of a name is enough, such as unix
    #[arg(long, value_name = "PEER", value_delimiter = ',')]
    only: Vec<String>,
    /// Write one SVG for each table
    #[arg(long, value_name = "DIRECTORY")]
    charts: Option<PathBuf>,
}

fn main() -> ExitCode {
    let mut out = shm_cli::stdout();
    let result = shm_cli::parse(SHORT_HELP).and_then(|args| run(&args, &mut out));
    shm_cli::finish(result, &mut out)
}

fn run(args: &Args, out: &mut dyn Write) -> Result<()> {
    shm_cli::catch_bus_errors(shm_cli::Mapped::Several)?;
    if let Some(served) = args.measuring.serve(PARTS) {
        return served;
    }
    let tables = tables();
    args.measuring.check(tables.iter().flat_map(|table| &table.rows).map(|row| row.name))?;
    args.check(&tables)?;
    let mut session = Session::start(&args.measuring)?;
    writeln!(out, "{}\n", versions::describe(&session))?;
    let mut results = Vec::new();
    for table in &tables {
        let measured = Results { table, rows: measure_table(args, table, &mut session)? };
        if !measured.rows.is_empty() {
            writeln!(out, "{}", measured.to_markdown())?;
            out.flush()?;
            results.push(measured);
        }
    }
    write!(out, "### Summary\n\n{}", summary(&results))?;
    args.charts.as_ref().map_or(Ok(()), |directory| draw(&results, directory))
}

fn measure_table<'t>(args: &Args, table: &'t Table, session: &mut Session) -> Result<Vec<Measured<'t>>> {
    let rows = table.rows.iter().filter(|row| args.measuring.wants(row.name));
    rows.map(|row| measure(args, row, session)).collect()
}

fn measure<'t>(args: &Args, row: &'t Row, session: &mut Session) -> Result<Measured<'t>> {
    let entries: Vec<_> = row.entries.iter().filter(|entry| args.wants(entry.peer)).collect();
    let measures: Vec<&Measure> = entries.iter().map(|entry| &entry.measure).collect();
    let runs = session.in_turns(row.name, &measures)?;
    Ok(Measured { row, runs: entries.iter().map(|entry| entry.peer).zip(runs).collect() })
}

impl Args {
    /// Refuses names that match no peer.
    fn check(&self, tables: &[Table]) -> Result<()> {
        let entries = || tables.iter().flat_map(|table| &table.rows).flat_map(|row| &row.entries);
        let is_known = |word: &String| entries().any(|entry| entry.peer.to_lowercase().contains(&word.to_lowercase()));
        ensure!(self.only.iter().all(is_known), "no peer's name contains: {}", self.only.join(", "));
        Ok(())
    }

    fn wants(&self, peer: &str) -> bool {
        let name = peer.to_lowercase();
        self.only.is_empty() || peer == SHM || self.only.iter().any(|word| name.contains(&word.to_lowercase()))
    }
}

fn draw(results: &[Results], directory: &PathBuf) -> Result<()> {
    fs::create_dir_all(directory)?;
    for results in results {
        fs::write(directory.join(results.table.name).with_extension("svg"), results.to_svg())?;
    }
    Ok(())
}
