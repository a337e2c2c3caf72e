//! The way of the article: two Python processes, which map one named file, look at it again and again, and sleep in between.
//! The work is in `article.py`.

use crate::job::{Job, Work};
use crate::mate::{CPUS, Mate};
use crate::measure::Measured;
use crate::peer::Role;
use anyhow::{Context, Result, ensure};
use std::process::{Command, Stdio};

const SCRIPT: &str = include_str!("article.py");

/// Starts Python, which does one side of the job.
pub fn play(role: &Role, job: &Job) -> Result<Option<Measured>> {
    match role {
        Role::Mate(_) => {
            let status = command("mate", CPUS[1], job).status().context("cannot start python3")?;
            ensure!(status.success(), "python3 failed");
            Ok(None)
        }
        Role::Drive => {
            let mut mate = Mate::new(job)?;
            mate.start("")?;
            let output =
                command("drive", CPUS[0], job).stderr(Stdio::inherit()).output().context("cannot start python3")?;
            ensure!(output.status.success(), "python3 failed");
            mate.finish()?;
            Measured::from_text(&String::from_utf8(output.stdout)?).map(Some)
        }
    }
}

fn command(role: &str, cpu: usize, job: &Job) -> Command {
    let work = match job.work {
        Work::RoundTrip => "round-trip",
        Work::IdleRoundTrip => "idle-round-trip",
        Work::LatestSame => "latest-same",
        _ => "latest-changing",
    };
    let mut command = Command::new("python3");
    command.args(["-I", "-c", SCRIPT, role, work]).arg(job.directory.join("article"));
    command.args([cpu as u128, job.message_bytes as u128, job.duration.as_millis()].map(|number| number.to_string()));
    command
}
