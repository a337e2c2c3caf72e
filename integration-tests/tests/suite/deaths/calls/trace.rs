//! Runs a command under strace, with a fault or without, and reads what strace wrote.

use std::collections::BTreeMap;

/// What happens at a system call in place of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails, once.
    Error(&'static str),
    /// It fails from then on.
    Errors(&'static str),
    /// The process is killed on entering it.
    Kill,
}

/// A fault at the `count`-th `call`, counted by thread from the beginning of the process.
#[derive(Clone, Copy, Debug)]
pub struct Injection<'a> {
    pub call: &'a str,
    pub count: usize,
    pub fault: Fault,
}

impl Injection<'_> {
    /// The command line with strace before it.
    pub fn command(&self, command: &str) -> String {
        let Self { call, count, .. } = self;
        let (fault, repeat) = match self.fault {
            Fault::Error(errno) => (format!("error={errno}"), ""),
            Fault::Errors(errno) => (format!("error={errno}"), "+"),
            Fault::Kill => ("signal=KILL".to_owned(), ""),
        };
        format!(
            "strace -f --seccomp-bpf -o trace -e trace={call} -e inject={call}:{fault}:when={count}{repeat} {command}"
        )
    }
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
    assert_eq!(counts.len(), 3);
}
