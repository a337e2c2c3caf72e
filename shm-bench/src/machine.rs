//! Describes the machine and selects the processors that the two processes run on.

use std::fs;

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde_json::{Value, json};

/// Whether the program was built with optimization. Only debug assertions reveal this to the
/// program.
const OPTIMIZED: bool = !cfg!(debug_assertions);

/// The machine that the benchmark runs on.
#[derive(Debug)]
pub struct Machine {
    model: String,
    kernel: String,
    allowed: Vec<usize>,
}

impl Machine {
    pub(crate) fn look() -> Result<Self> {
        let set = sched_getaffinity(None).context("cannot see which processors are allowed")?;
        let allowed = (0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Ok(Self { model: model(), kernel: kernel.trim().to_owned(), allowed })
    }

    /// Returns a processor for each process. They are not two threads of one core, if that can be
    /// avoided. Returns `None` if there is only one processor.
    pub fn pair(&self) -> Option<(usize, usize)> {
        let (first, others) = self.allowed.split_first()?;
        let core = core_of(*first);
        let apart = others.iter().find(|cpu| core_of(**cpu) != core);
        apart.or_else(|| others.first()).map(|second| (*first, *second))
    }

    /// Returns a description for people, in one line.
    pub fn words(&self) -> String {
        let pinned = match self.pair() {
            Some((first, second)) => format!("two processes pinned to CPUs {first} and {second}"),
            None => "not pinned, because there is only one CPU: figures of spinning mean little here".to_owned(),
        };
        let cpus = shm_cli::counted(self.allowed.len() as u64, "CPU");
        let build = if OPTIMIZED { "" } else { "; not optimized, so the figures mean little: build with --release" };
        format!("{}, {cpus}, Linux {}; {pinned}{build}", self.model, self.kernel)
    }

    /// Returns a description for programs.
    pub(crate) fn json(&self) -> Value {
        let pinned = self.pair().map(|(first, second)| [first, second]);
        json!({"cpu": self.model, "cpus": self.allowed.len(), "kernel": self.kernel, "pinned": pinned, "optimized": OPTIMIZED})
    }
}

/// Keeps this thread, and the threads that it starts, on one processor.
pub(crate) fn pin(cpu: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set).with_context(|| format!("cannot stay on CPU {cpu}"))
}

fn model() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split_once(':')).map(|(_, name)| name.trim());
    name.unwrap_or(std::env::consts::ARCH).to_owned()
}

/// Returns the threads that share a core with this processor, as the kernel formats them.
fn core_of(cpu: usize) -> Option<String> {
    fs::read_to_string(format!("/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")).ok()
}
