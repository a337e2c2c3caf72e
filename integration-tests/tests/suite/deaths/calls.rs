//! Every error that a system call may give, and a kill, at every system call of every command, by `strace -e inject`.
//! A selection of them; `SHM_CALLS` says how many, and with `SHM_CALLS=1000000` it is all of them (ci/fail-calls).
//!
//! Whatever fails: the command ends with an exit code that is documented and a message, or does its work; what there
//! was before is there, or what the command makes of it, and nothing between; nothing is left over but what the next
//! start reclaims; and the same command, tried again, works.
//!
//! Only calls behind the beginning of `main` are hit: what the loader and the runtimes do before it, and at the
//! beginning of a thread, is not the programs' own.

mod errnos;
mod scenarios;
mod trace;

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use shm_core::{Position, RawReader};

use crate::harness::{Child, DEADLINE, Outcome, Sandbox, skipped, was_hit};
use scenarios::{SCENARIOS, Scenario};
use trace::{Fault, Injection};

/// How many faults are tried if nothing is said.
const SELECTION: usize = 150;
/// The documented exit codes of commands that are neither interrupted nor used wrongly.
const CODES: [i32; 8] = [0, 1, 3, 4, 5, 6, 7, 141];
/// More often than this no command makes a call.
const MOST: usize = 400;

/// The files of `SHM_DIR`, hidden ones too, and what is in those that are not hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    files: Vec<String>,
    contents: BTreeMap<String, String>,
}

/// A scenario, and what a run of it comes to that nothing happens to.
struct Rehearsal {
    scenario: Scenario,
    /// What the scenario begins with, to be copied.
    start: Sandbox,
    before: State,
    after: State,
    outcome: Outcome,
    /// The calls that can fail, with how often they are made before `main` and in all.
    calls: Vec<(String, trace::Count)>,
}

/// Faults to be tried one after the other.
struct Task<'a> {
    rehearsal: &'a Rehearsal,
    call: &'a str,
    count: usize,
    fault: Fault,
    /// Whether the next calls are hit as well, until one is not made any more.
    goes_on: bool,
}

/// What a sweep comes to.
#[derive(Default)]
struct Tally {
    runs: AtomicUsize,
    hits: AtomicUsize,
    refusals: AtomicUsize,
    findings: Mutex<Vec<String>>,
}

// Faults 3, 24, 25, 26, 27.
#[test]
fn whatever_system_call_fails_or_is_the_last_a_command_ends_well_and_can_be_tried_again() {
    if Sandbox::new().run("strace -f --seccomp-bpf -e trace=read -o /dev/null true").code() != 0 {
        return skipped("whatever_system_call_fails", "strace is not there, or may not trace");
    }
    let wanted = std::env::var("SHM_CALLS").map_or(SELECTION, |number| number.parse().expect("SHM_CALLS is a number"));
    let start = Instant::now();
    let rehearsals = in_parallel(&SCENARIOS, Rehearsal::of);
    let tasks: Vec<Task<'_>> = rehearsals.iter().flat_map(Rehearsal::tasks).collect();
    let picked: Vec<&Task<'_>> = tasks.iter().step_by(tasks.len().div_ceil(wanted)).collect();
    let tally = Tally::default();
    in_parallel(&picked, |task| task.run(&tally));
    let figures = [&tally.runs, &tally.hits, &tally.refusals].map(|count| count.load(Ordering::Relaxed));
    let [runs, hits, refusals] = figures;
    println!(
        "{} of {} faults: {runs} runs of {} commands, {hits} hit, {refusals} ended in an error, {:?}",
        picked.len(),
        tasks.len(),
        rehearsals.len(),
        start.elapsed()
    );
    let findings = tally.findings.into_inner().expect("no panic under this lock");
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n\n"));
    let are_many = picked.len() > 100;
    assert!(!are_many || hits > picked.len() / 2 && refusals > picked.len() / 10, "{hits} hit, {refusals} errors");
}

/// Does something with each item, on as many threads as there are processors.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = work(item);
                    results.lock().expect("no panic under this lock").push(result);
                }
            });
        }
    });
    results.into_inner().expect("no panic under this lock")
}

impl Rehearsal {
    fn of(scenario: &Scenario) -> Self {
        let start = Sandbox::new();
        start.run(scenario.before).exits(0);
        let (s, _writer) = prepare(&start, scenario);
        let before = state(&s);
        let outcome = act(&s, scenario, &format!("strace -f -o trace {}", scenario.command));
        let after = state(&s);
        let counts = trace::count(&fs::read_to_string(s.home("trace")).expect("a trace"));
        let unknown: Vec<&String> = counts
            .keys()
            .filter(|call| counts[*call].before_main < counts[*call].all && !errnos::is_known(call))
            .collect();
        assert!(unknown.is_empty(), "say in calls/errnos.rs how these may fail: {unknown:?}");
        let calls = counts.into_iter().filter(|(_, count)| count.all > count.before_main).collect();
        Self { scenario: *scenario, start, before, after, outcome, calls }
    }

    fn tasks(&self) -> Vec<Task<'_>> {
        let mut tasks = Vec::new();
        for (call, count) in &self.calls {
            let mut faults: Vec<Fault> = errnos::of(call).into_iter().map(Fault::Error).collect();
            // To try again and again what is interrupted each time is right.
            let lasting = errnos::of(call).into_iter().find(|errno| *errno != "EINTR" && *errno != "EAGAIN");
            faults.extend(lasting.map(Fault::Errors));
            faults.push(Fault::Kill);
            for fault in faults {
                let tasks_of_it = (count.before_main + 1..=count.all).map(|k| Task {
                    rehearsal: self,
                    call,
                    count: k,
                    fault,
                    goes_on: k == count.all,
                });
                tasks.extend(tasks_of_it);
            }
        }
        tasks
    }
}

impl Task<'_> {
    fn run(&self, tally: &Tally) {
        for count in self.count..MOST {
            let injection = Injection { call: self.call, count, fault: self.fault };
            let is_hit = AssertUnwindSafe(|| self.rehearsal.run(&injection, tally));
            let is_hit = catch_unwind(is_hit).unwrap_or_else(|panic| {
                let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                let Scenario { before, command, .. } = self.rehearsal.scenario;
                let finding = format!("{before}; {command}\n{injection:?}\n{text}");
                tally.findings.lock().expect("no panic under this lock").push(finding);
                true
            });
            tally.runs.fetch_add(1, Ordering::Relaxed);
            if !is_hit || !self.goes_on {
                return;
            }
        }
        panic!("{} is called for ever", self.call);
    }
}

impl Rehearsal {
    /// Runs the scenario with the fault, checks everything, and says whether the fault happened.
    fn run(&self, injection: &Injection<'_>, tally: &Tally) -> bool {
        let (s, _writer) = prepare(&self.start, &self.scenario);
        let outcome = act(&s, &self.scenario, &injection.command(self.scenario.command));
        if !was_hit(&s) {
            assert_eq!(outcome.code(), self.outcome.code(), "nothing happened: {outcome:?}");
            return false;
        }
        tally.hits.fetch_add(1, Ordering::Relaxed);
        if outcome.code() != 0 {
            tally.refusals.fetch_add(1, Ordering::Relaxed);
        }
        self.check_outcome(injection, &outcome);
        self.check_state(injection, &outcome, &state(&s));
        self.try_again(&s, &outcome);
        true
    }

    /// It ended with a code that is documented and a message, or rightly.
    fn check_outcome(&self, injection: &Injection<'_>, outcome: &Outcome) {
        if injection.fault == Fault::Kill {
            assert_eq!(outcome.code(), 137, "{outcome:?}");
            return;
        }
        let (code, rehearsed) = (outcome.code(), self.outcome.code());
        assert!(CODES.contains(&code), "an exit code that is not documented: {outcome:?}");
        let is_mute = code == 141 || injection.call == "write";
        let says_why = outcome.stderr.contains("error: ") && outcome.stderr.trim_end().len() > 20;
        assert!(code == 0 || is_mute || says_why, "no message: {outcome:?}");
        if self.scenario.prints_the_same && code == 0 && rehearsed == 0 {
            assert_eq!(outcome.text(), self.outcome.text(), "other output: {outcome:?}");
        }
        if self.scenario.prints_the_same {
            assert!(self.outcome.stdout.starts_with(&outcome.stdout), "wrong output: {outcome:?}");
        }
    }

    /// What was there is there, or what the command makes of it; no unfinished file is left, except by a kill.
    fn check_state(&self, injection: &Injection<'_>, outcome: &Outcome, now: &State) {
        let names = self.before.contents.keys().chain(self.after.contents.keys()).chain(now.contents.keys());
        for name in names {
            let seen = now.contents.get(name).map(String::as_str);
            let between = self.scenario.between.iter().map(|content| Some(*content));
            let ends = [&self.before, &self.after].map(|state| state.contents.get(name).map(String::as_str));
            assert!(ends.into_iter().chain(between).any(|right| right == seen), "{name} is {seen:?}: {outcome:?}");
        }
        if outcome.code() == 0 && self.outcome.code() == 0 {
            assert_eq!(now.contents, self.after.contents, "said to be done: {outcome:?}");
        }
        let may_leave = injection.fault == Fault::Kill || injection.call == "unlinkat";
        for file in now.files.iter().filter(|file| file.starts_with('.')) {
            let is_known = self.before.files.contains(file) || self.after.files.contains(file);
            let has_region = file.strip_suffix(".lock").is_some_and(|name| now.files.contains(&name[1..].to_owned()));
            let is_left = may_leave && [".new", ".lock"].iter().any(|end| file.ends_with(end));
            assert!(is_known || has_region || is_left, "{file} is left: {outcome:?}");
        }
    }

    /// The same command works now, and leaves what it would have left at once.
    fn try_again(&self, s: &Sandbox, outcome: &Outcome) {
        let again = act(s, &self.scenario, self.scenario.command);
        let codes = [Some(self.outcome.code()), self.scenario.again];
        assert!(codes.contains(&Some(again.code())), "{outcome:?}\nthen, tried again: {again:?}");
        let mut now = state(s);
        if now.files != self.after.files {
            s.run("shm-writer clean").exits(0);
            now = state(s);
        }
        assert_eq!(now.files, self.after.files, "{outcome:?}\nthen, tried again: {again:?}");
        for (name, content) in &self.after.contents {
            let newest = |content: &str| content.rsplit([',', ':']).next().map(str::to_owned);
            let seen = &now.contents[name];
            assert_eq!(newest(seen), newest(content), "{name}: {outcome:?}\nthen, tried again: {again:?}");
        }
    }
}

/// Runs the scenario's command, as it is or under strace.
fn act(s: &Sandbox, scenario: &Scenario, line: &str) -> Outcome {
    let Some(meanwhile) = scenario.meanwhile else { return s.run(line) };
    let child = s.spawn(line);
    let has_begun = |bytes: &[u8], ended| (ended || bytes.contains(&b'\n')).then_some(());
    child.stdout().wait_for(DEADLINE, has_begun).expect("a first line, or the end");
    s.run(meanwhile).exits(0);
    child.finish()
}

/// A sandbox with what the scenario begins with, and the writer that there is, until it is dropped.
fn prepare(start: &Sandbox, scenario: &Scenario) -> (Sandbox, Option<Child>) {
    let s = copy(start);
    if !scenario.has_writer {
        return (s, None);
    }
    let mut writer = s.spawn("shm-writer demo");
    writer.write("held\n");
    s.holds("demo", "held");
    (s, Some(writer))
}

/// A sandbox with the same files.
fn copy(from: &Sandbox) -> Sandbox {
    let to = Sandbox::new();
    for name in from.files() {
        fs::copy(from.shm(&name), to.shm(&name)).expect("a copy");
    }
    for name in from.home_files() {
        fs::copy(from.home(&name), to.home(&name)).expect("a copy");
    }
    to
}

fn state(s: &Sandbox) -> State {
    let files = s.files();
    let shown = files.iter().filter(|name| !name.starts_with('.'));
    let contents = shown.map(|name| (name.clone(), content(s, name))).collect();
    State { files, contents }
}

/// A region's kind and values, or the bytes of something else.
fn content(s: &Sandbox, name: &str) -> String {
    let opened = RawReader::options().start(Position::Oldest).open_raw(&s.name(name));
    let mut reader = match opened {
        Ok(reader) => reader,
        Err(shm_core::Error::NotARegion { .. }) => {
            let bytes = fs::read(s.shm(name)).expect("a block");
            return format!("plain: {}", String::from_utf8_lossy(&bytes).trim_end_matches('\0'));
        }
        Err(error) => return format!("broken: {error}"),
    };
    let mut values = Vec::new();
    while let Some(sample) = reader.try_recv().expect("a sound region") {
        values.push(String::from_utf8_lossy(&sample.value).into_owned());
    }
    let findings = shm_core::verify(&s.name(name)).expect("a region that can be checked");
    assert!(findings.is_empty(), "{name}: {findings:?}");
    format!("{}: {}", reader.kind(), values.join(", "))
}
