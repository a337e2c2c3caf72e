//! A benchmark in progress: the second process, the directory, and the runs, which take turns.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow};
use shm_cli::{Code, Failure, Talk};

use crate::machine::{self, Machine};
use crate::second::{self, Part, Second};
use crate::stats::Run;
use crate::workplace::Workplace;

/// How many runs there are, and how long each is.
const FULL: (usize, Duration) = (9, Duration::from_millis(100));
const QUICK: (usize, Duration) = (5, Duration::from_millis(20));

/// The arguments of every program that measures.
#[derive(Debug, clap::Args)]
pub struct Measuring {
    /// Measure only rows whose names contain one of these words
    #[arg(value_name = "ROW")]
    rows: Vec<String>,
    /// Measure shorter runs: a fifth of the time, and less exact
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    talk: Talk,
    // How the program starts itself as the second process: the directory, and the processor to stay on.
    #[arg(long, hide = true, value_name = "DIRECTORY")]
    second_process: Option<PathBuf>,
    #[arg(long, hide = true, requires = "second_process")]
    cpu: Option<usize>,
}

impl Measuring {
    /// Carries out orders, if this is the second process; `parts` are all that it can be ordered. `None`: it is the first.
    pub fn serve(&self, parts: &[Part]) -> Option<Result<()>> {
        let directory = self.second_process.as_ref()?;
        Some(second::serve(directory, self.cpu, parts))
    }

    /// Whether a row is wanted.
    pub fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|word| row.contains(word))
    }

    /// Refuses words that are in no row's name.
    pub fn check<'a>(&self, rows: impl IntoIterator<Item = &'a str>) -> Result<()> {
        let rows: Vec<&str> = rows.into_iter().collect();
        let unknown = self.rows.iter().find(|word| !rows.iter().any(|row| row.contains(word.as_str())));
        unknown.map_or(Ok(()), |word| {
            let remedy = format!("the rows are: {}", rows.join(" "));
            Err(Failure::new(Code::Usage, format!("no row has '{word}' in its name"), remedy).into())
        })
    }
}

/// Measures one run.
pub type Measure = Box<dyn Fn(&mut Session) -> Result<Run>>;

/// A benchmark in progress. Dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct Session {
    pub(crate) second: Second,
    /// The directory of a run's files, which is empty when the run begins and is emptied when it ends.
    pub workplace: Workplace,
    /// How long a run measures, after a tenth of that to warm up.
    pub time: Duration,
    /// How many runs there are of each kind in a row.
    pub runs: usize,
    /// The machine that is measured.
    pub machine: Machine,
    talk: Talk,
}

impl Session {
    /// Starts the second process, and sees to it that nothing is left behind when a signal ends the program.
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

    /// Measures some things in turn, A B C A B C, so that all see the same machine, and gives the runs of each. `row` is
    /// what the progress says.
    pub fn in_turns(&mut self, row: &str, measures: &[&Measure]) -> Result<Vec<Vec<Run>>> {
        let measured = self.try_in_turns(row, measures);
        self.talk.end_progress();
        if self.second.ender().is_ending() {
            // A signal is ending the program, and is the reason for any failure.
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

    /// Measures one run, in a directory as if nothing had been before.
    fn once(&mut self, measure: &Measure) -> Result<Run> {
        self.workplace.begin();
        let run = measure(self)?;
        self.workplace.sweep()?;
        Ok(run)
    }

    /// The processors of the two processes.
    pub fn processors(&self) -> Result<(usize, usize)> {
        self.machine.pair().ok_or_else(|| anyhow!("two processors are needed"))
    }
}
