//! Runs a command under strace, with or without a fault, and reads the trace.

use std::collections::BTreeMap;
use std::fs;

use crate::harness::Sandbox;

/// Stops the process only at the calls that are traced.
const FILTER: &str = "--seccomp-bpf";

/// A fault that happens at a system call, or instead of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call fails once.
    Error(&'static str),
    /// This call and all later ones fail.
    Errors(&'static str),
    /// This call fails, and then every second one.
    EverySecond(&'static str),
    /// The process is killed when it enters the call.
    Kill,
    /// The process is stopped when it enters the call.
    Stop,
}

/// A fault at the `count`-th of these calls, counted per thread from the beginning of the process.
#[derive(Clone, Copy, Debug)]
pub struct Injection<'a> {
    /// One call, or several calls separated by commas.
    pub calls: &'a str,
    pub count: usize,
    pub fault: Fault,
    /// Only calls on these files count. If the list is empty, all calls count.
    pub paths: &'a [String],
}

impl<'a> Injection<'a> {
    /// Creates a fault at the `count`-th call, on any file.
    pub fn new(calls: &'a str, count: usize, fault: Fault) -> Self {
        Self { calls, count, fault, paths: &[] }
    }

    /// Returns the arguments of strace, which writes the trace to the file `trace`.
    pub fn arguments(&self) -> Vec<String> {
        let Self { calls, count, .. } = self;
        let (fault, repeat) = match self.fault {
            Fault::Error(errno) => (format!("error={errno}"), ""),
            Fault::Errors(errno) => (format!("error={errno}"), "+"),
            Fault::EverySecond(errno) => (format!("error={errno}"), "+2"),
            Fault::Kill => ("signal=KILL".to_owned(), ""),
            Fault::Stop => ("signal=STOP".to_owned(), ""),
        };
        let inject = format!("inject={calls}:{fault}:when={count}{repeat}");
        let rest = ["-e".to_owned(), format!("trace={calls}"), "-e".to_owned(), inject];
        // With its filter, strace sends no signals.
        let is_signal = matches!(self.fault, Fault::Kill | Fault::Stop);
        let always = tracing(self.paths).into_iter().filter(|argument| !is_signal || *argument != FILTER);
        always.chain(rest).collect()
    }

    /// Returns the command line with strace in front of it.
    pub fn command(&self, command: &str) -> String {
        format!("strace {} {command}", self.arguments().join(" "))
    }
}

/// Returns the arguments of strace that trace all calls on these files, or on any file if the list
/// is empty.
pub fn tracing(paths: &[String]) -> Vec<String> {
    let always = ["-f", FILTER, "-o", "trace"].map(str::to_owned);
    always.into_iter().chain(paths.iter().flat_map(|path| ["-P".to_owned(), path.clone()])).collect()
}

/// Returns the files that may exist for the region `demo`, and the directory.
pub fn files_of_region(s: &Sandbox) -> Vec<String> {
    let files = ["", "/demo", "/.demo.new", "/.demo.lock"];
    files.map(|file| format!("{}{file}", s.shm_dir().display())).to_vec()
}

/// Returns whether strace works here. If it does not, reports the test as skipped.
pub fn can_inject(test: &str) -> bool {
    let possible = Sandbox::new().run("strace -f --seccomp-bpf -e trace=read -o /dev/null true").code() == 0;
    if !possible {
        crate::harness::skipped(test, "strace is not there, or may not trace");
    }
    possible
}

/// Returns the trace that strace wrote.
pub fn trace(s: &Sandbox) -> String {
    fs::read_to_string(s.home("trace")).unwrap_or_default()
}

/// Returns whether the injected fault has happened.
pub fn was_hit(s: &Sandbox) -> bool {
    let trace = trace(s);
    trace.contains("(INJECTED)") || trace.contains("killed by SIGKILL")
}

/// How many times a system call is made before `main` and in total, by the thread that makes it
/// most often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub before_main: usize,
    pub all: usize,
}

/// Counts the calls of a command without faults, from a trace of all its calls.
///
/// `main` begins after the last call that Rust's runtime makes before it, which sets the runtime's
/// handler for SIGBUS.
pub fn count(trace: &str) -> BTreeMap<String, Count> {
    let mut by_thread = BTreeMap::<(&str, &str), usize>::new();
    let mut counts = BTreeMap::<String, Count>::new();
    let mut has_begun = false;
    for (thread, call, arguments) in trace.lines().filter_map(call) {
        let all = by_thread.entry((thread, call)).or_default();
        *all += 1;
        let count = counts.entry(call.to_owned()).or_default();
        count.all = count.all.max(*all);
        if !has_begun {
            count.before_main = count.all;
        }
        has_begun |= call == "rt_sigaction" && arguments.starts_with("SIGBUS, {");
    }
    assert!(has_begun, "no handler for SIGBUS in\n{trace}");
    counts
}

/// Returns the names of the calls in a trace.
pub fn names(trace: &str) -> Vec<&str> {
    let mut names: Vec<&str> = trace.lines().filter_map(call).map(|(_, name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Returns the thread, name and arguments of the call that begins in a line of a trace.
fn call(line: &str) -> Option<(&str, &str, &str)> {
    let (thread, rest) = line.split_once(' ')?;
    let (name, arguments) = rest.trim_start().split_once('(')?;
    let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    (is_name && !name.is_empty()).then_some((thread, name, arguments))
}

#[test]
fn calls_are_counted_by_thread_and_those_before_main_apart() {
    let trace = "7 brk(NULL) = 1\n7 brk(NULL) = 1\n7 rt_sigaction(SIGBUS, {sa_handler=1}) = 0\n8 brk(0 <unfinished ...>\n\
                 7 read(3, \"x\") = 1\n8 <... brk resumed>) = 2\n8 +++ exited with 0 +++\n7 brk(NULL) = 2 (INJECTED)\n";
    let counts = count(trace);
    assert_eq!(counts["brk"], Count { before_main: 2, all: 3 });
    assert_eq!(counts["read"], Count { before_main: 0, all: 1 });
    assert_eq!((counts.len(), names(trace)), (3, vec!["brk", "read", "rt_sigaction"]));
}
