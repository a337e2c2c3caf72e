//! Runs a command under strace, with a fault or without, and reads what strace wrote.

use std::collections::BTreeMap;
use std::fs;

use crate::harness::Sandbox;

/// Lets only those calls stop the process that are traced.
const FILTER: &str = "--seccomp-bpf";

/// What happens at a system call in place of it, or to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails, once.
    Error(&'static str),
    /// It fails from then on.
    Errors(&'static str),
    /// It fails, and from then on every second one does.
    EverySecond(&'static str),
    /// The process is killed on entering it.
    Kill,
    /// The process is stopped on entering it.
    Stop,
}

/// A fault at the `count`-th of these calls, counted by thread from the beginning of the process.
#[derive(Clone, Copy, Debug)]
pub struct Injection<'a> {
    /// One call, or several with commas between them.
    pub calls: &'a str,
    pub count: usize,
    pub fault: Fault,
    /// Only calls on these files count; all do if there are none.
    pub paths: &'a [String],
}

impl<'a> Injection<'a> {
    /// A fault at the `count`-th call on whatever file.
    pub fn new(calls: &'a str, count: usize, fault: Fault) -> Self {
        Self { calls, count, fault, paths: &[] }
    }

    /// The arguments of strace, which writes the file `trace`.
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

    /// The command line with strace before it.
    pub fn command(&self, command: &str) -> String {
        format!("strace {} {command}", self.arguments().join(" "))
    }
}

/// The arguments of strace that traces all calls on these files, or on whatever file.
pub fn tracing(paths: &[String]) -> Vec<String> {
    let always = ["-f", FILTER, "-o", "trace"].map(str::to_owned);
    always.into_iter().chain(paths.iter().flat_map(|path| ["-P".to_owned(), path.clone()])).collect()
}

/// The files of the region `demo`: what may be there of it, and the directory.
pub fn files_of_region(s: &Sandbox) -> Vec<String> {
    let files = ["", "/demo", "/.demo.new", "/.demo.lock"];
    files.map(|file| format!("{}{file}", s.shm_dir().display())).to_vec()
}

/// Whether strace can be had; says so if not.
pub fn can_inject(test: &str) -> bool {
    let possible = Sandbox::new().run("strace -f --seccomp-bpf -e trace=read -o /dev/null true").code() == 0;
    if !possible {
        crate::harness::skipped(test, "strace is not there, or may not trace");
    }
    possible
}

/// What strace wrote.
pub fn trace(s: &Sandbox) -> String {
    fs::read_to_string(s.home("trace")).unwrap_or_default()
}

/// Whether what was to be injected has happened.
pub fn was_hit(s: &Sandbox) -> bool {
    let trace = trace(s);
    trace.contains("(INJECTED)") || trace.contains("killed by SIGKILL")
}

/// How often a system call is made before `main` and in all, by the thread that makes it most often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub before_main: usize,
    pub all: usize,
}

/// Counts the calls of a command that nothing happens to, from a trace of all of them.
///
/// `main` begins behind the last thing that Rust's runtime does before it: to set its handler for SIGBUS.
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

/// The names of the calls in a trace.
pub fn names(trace: &str) -> Vec<&str> {
    let mut names: Vec<&str> = trace.lines().filter_map(call).map(|(_, name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Thread, name and arguments of the call that a line of a trace begins with.
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
