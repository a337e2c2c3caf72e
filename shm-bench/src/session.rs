//! A benchmark in progress: the second process, the directory, and the runs, which alternate.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow};
use shm_cli::{Code, Failure, Talk};

use crate::machine::{self, Machine};
use crate::second::{self, Part, Second};
use crate::stats::Run;
use crate::workplace::Workplace;

/// The number of runs, and the length of each.
const FULL: (usize, Duration) = (9, Duration::from_millis(100));
const QUICK: (usize, Duration) = (5, Duration::from_millis(20));

/// The arguments of every program that measures.
#[derive(Debug, clap::Args)]
pub struct Measuring {
    /// Measure only rows whose name contains one of these words
    #[arg(value_name = "ROW")]
    rows: Vec<String>,
    /// Make the runs shorter: a fifth of the time, less precise
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    talk: Talk,
    // How the program starts itself as the second process: the directory, and the processor to use.
    #[arg(long, hide = true, value_name = "DIRECTORY")]
    second_process: Option<PathBuf>,
    #[arg(long, hide = true, requires = "second_process")]
    cpu: Option<usize>,
}

impl Measuring {
    /// Carries out orders if this is the second process. `parts` is all the work that it can be
    /// ordered to do. Returns `None` in the first process.
    pub fn serve(&self, parts: &[Part]) -> Option<Result<()>> {
        let directory = self.second_process.as_ref()?;
        Some(second::serve(directory, self.cpu, parts))
    }

    /// Returns whether a row was selected.
    pub fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|word| row.contains(word))
    }

    /// Refuses words that are not part of any row's name.
    pub fn check<'a>(&self, rows: impl IntoIterator<Item = &'a str>) -> Result<()> {
        let rows: Vec<&str> = rows.into_iter().collect();
        let unknown = self.rows.iter().find(|word| !rows.iter().any(|row| row.contains(word.as_str())));
        unknown.map_or(Ok(()), |word| {
            let remedy = format!("the rows are: {}", rows.join(" "));
            Err(Failure::new(Code::Usage, format!("no row has '{word}' in its name"), remedy).into())
        })
    }
}

/// A function that measures one run.
pub type Measure = Box<dyn Fn(&mut Session) -> Result<Run>>;

/// A benchmark in progress. Dropping it removes all of its files.
#[derive(Debug)]
pub struct Session {
    pub(crate) second: Second,
    /// The directory for the files of a run. It is empty when the run begins and is emptied when it
    /// ends.
    pub workplace: Workplace,
    /// How long a run measures. Before that, it warms up for a tenth of this time.
    pub time: Duration,
    /// How many runs of each kind a row has.
    pub runs: usize,
    /// The machine that the benchmark runs on.
    pub machine: Machine,
    talk: Talk,
}

impl Session {
    /// Starts the second process, and makes sure that no files remain when a signal ends the
    /// program.
    pub fn start(measuring: &Measuring) -> Result<Self> {
        let (runs, time) = if measuring.quick { QUICK } else { FULL };
        let machine = Machine::look()?;
        let directory = Workplace::directory_of_this_process();
        let second = Second::start(&directory, machine.pair().map(|(_, second)| second))?;
        let ender = second.ender();
        shm_cli::before_end(move || ender.end())?;
        let workplace = Workplace::create(directory)?;
        if let Some((first, _)) = machine.pair() {
            machine::pin(first)?;
        }
        Ok(Self { second, workplace, time, runs, machine, talk: measuring.talk })
    }

    /// Measures several things in turn, A B C A B C, so that all of them see the same machine.
    /// Returns the runs of each. `row` is the name shown in the progress report.
    pub fn in_turns(&mut self, row: &str, measures: &[&Measure]) -> Result<Vec<Vec<Run>>> {
        let measured = self.try_in_turns(row, measures);
        self.talk.end_progress();
        if self.second.ender().is_ending() {
            // A signal is ending the program and has caused the failure.
            loop {
                thread::park();
            }
        }
        measured
    }

    fn try_in_turns(&mut self, row: &str, measures: &[&Measure]) -> Result<Vec<Vec<Run>>> {
        let mut measured = vec![Vec::new(); measures.len()];
        for run in 1..=self.runs {
            self.talk.progress(format_args!("{row}: run {run} of {}", self.runs));
            for (measure, runs) in measures.iter().zip(&mut measured) {
                runs.push(self.once(measure)?);
            }
        }
        Ok(measured)
    }

    /// Measures one run, starting with an empty directory.
    fn once(&mut self, measure: &Measure) -> Result<Run> {
        self.workplace.begin();
        let run = measure(self)?;
        self.workplace.sweep()?;
        Ok(run)
    }

    /// Returns the processors of the two processes.
    pub fn processors(&self) -> Result<(usize, usize)> {
        self.machine.pair().ok_or_else(|| anyhow!("two processors are needed"))
    }
}
