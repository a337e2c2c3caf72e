//! The other process of a measurement: how it is started, told to end, and pinned. Not what it does.

use crate::job::Job;
use anyhow::{Context, Result, ensure};
use rustix::thread::{CpuSet, sched_setaffinity};
use std::env;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// The processor of the process that measures, and that of the other one.
pub const CPUS: [usize; 2] = [0, 1];

/// The other process. It is killed if it is still there when this is dropped.
pub struct Mate {
    command: Command,
    child: Option<Child>,
}

impl Mate {
    pub fn new(job: &Job) -> Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("mate").args(job.to_arguments());
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        Ok(Self { command, child: None })
    }

    /// Gives it a file as its standard input.
    pub fn input(&mut self, file: impl Into<OwnedFd>) -> &mut Self {
        self.command.stdin(file.into());
        self
    }

    /// Gives it a file as its standard output.
    pub fn output(&mut self, file: impl Into<OwnedFd>) -> &mut Self {
        self.command.stdout(file.into());
        self
    }

    /// Starts it with a word that tells it what to join.
    pub fn start(&mut self, word: &str) -> Result<()> {
        self.child = Some(self.command.arg(word).spawn().context("cannot start the other process")?);
        // The files that were given to it are closed here.
        self.command = Command::new("true");
        Ok(())
    }

    /// Waits for its end, after closing its standard input if that was not given.
    pub fn finish(mut self) -> Result<()> {
        let mut child = self.child.take().context("the other process was not started")?;
        let status = child.wait()?;
        ensure!(status.success(), "the other process failed");
        Ok(())
    }
}

impl Drop for Mate {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself; then there is nothing to do.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Becomes true when the process that started this one has closed our standard input.
pub fn end_of_input() -> &'static AtomicBool {
    static ENDED: AtomicBool = AtomicBool::new(false);
    thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        ENDED.store(true, Ordering::Relaxed);
    });
    &ENDED
}

/// Stays on one processor.
pub fn pin(cpu: usize) -> Result<()> {
    let mut cpus = CpuSet::new();
    cpus.set(cpu);
    sched_setaffinity(None, &cpus).with_context(|| format!("cannot run on processor {cpu}"))
}

/// Ends this process if it hangs: a peer that does not answer must not stop the others.
pub fn end_after(limit: Duration) {
    thread::spawn(move || {
        thread::sleep(limit);
        eprintln!("no answer for {limit:?}");
        std::process::exit(1);
    });
}
