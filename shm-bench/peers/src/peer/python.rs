//! Python: two processes that map one named file, poll it, and sleep in between. They measure
//! themselves; see `article.py`.

use anyhow::{Context, ensure};
use shm_bench::{Measure, Run, Session};
use std::process::{Command, Stdio};

const SCRIPT: &str = include_str!("article.py");

/// Measures one kind of work that the script can do.
pub fn python(work: &'static str, bytes: usize) -> Measure {
    Box::new(move |session| {
        let (first, second) = session.processors()?;
        let mut mate = command(session, "mate", work, second, bytes).spawn().context("cannot start python3")?;
        let output = command(session, "drive", work, first, bytes).stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            mate.kill()?;
        }
        ensure!(mate.wait()?.success() && output.status.success(), "python3 failed");
        parsed(&String::from_utf8(output.stdout)?).context("python3 gave no figures")
    })
}

fn parsed(text: &str) -> Option<Run> {
    let mut words = text.split_whitespace();
    let mut next = || words.next()?.parse::<f64>().ok();
    let (figure, torn) = (next()?, next()?);
    Some(Run { torn, ..Run::of(figure) })
}

fn command(session: &Session, role: &str, work: &str, cpu: usize, bytes: usize) -> Command {
    let mut command = Command::new("python3");
    command.args(["-I", "-c", SCRIPT, role, work]).arg(session.workplace.path("article"));
    command.args([cpu as u128, bytes as u128, session.time.as_millis()].map(|number| number.to_string()));
    command
}
