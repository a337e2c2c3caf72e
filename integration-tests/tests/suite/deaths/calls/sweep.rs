//! Tries every error that a system call can return, and a kill, at every system call of every
//! command. The effort determines how many of them are tried; with `SHM_EFFORT=3`, all of them are
//! (ci/fail-calls).
//!
//! Whatever fails, the following must hold. The command either does its work or ends with a
//! documented exit code and a message. The state is either the one before the command or the one
//! after it, with nothing in between. Nothing remains except files that the next start reclaims.
//! The same command works when it is tried again.
//!
//! Only calls after the beginning of `main` are affected. The loader and the runtimes make other
//! calls before it, and at the beginning of a thread; these do not belong to the programs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::Instant;

use testkit::at_effort;

use super::injection::{can_inject, was_hit};
use super::rehearsal::{Rehearsal, Run, State};
use super::scenarios::{SCENARIOS, Scenario};
use super::{Fault, Injection, errnos};
use crate::harness::Outcome;

/// The documented exit codes of commands that are neither interrupted nor used incorrectly.
const CODES: [i32; 8] = [0, 1, 3, 4, 5, 6, 7, 141];
/// No command makes a call more often than this.
const MOST: usize = 400;
/// Faults that are tried one after another.
struct Task<'a> {
    rehearsal: &'a Rehearsal,
    call: &'a str,
    count: usize,
    fault: Fault,
    /// Whether the following calls are hit as well, until the call is no longer made.
    goes_on: bool,
}

/// The results of a sweep.
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
    sweep("whatever_system_call_fails", at_effort([20, 150, 5000, usize::MAX]), |_| true);
}

// Faults 2, 3.
#[test]
fn a_writer_killed_at_any_system_call_is_followed_by_one_that_works() {
    sweep("a_writer_killed_at_any_system_call", closer(), |task| task.is_central() && task.fault == Fault::Kill);
}

// Faults 14, 24, 25, 26.
#[test]
fn an_error_of_any_system_call_is_reported_and_leaves_the_region_as_it_was() {
    sweep("an_error_of_any_system_call", closer(), |task| task.is_central() && task.is_likely());
}

// Fault 27.
#[test]
fn an_interrupted_system_call_is_tried_again() {
    sweep("an_interrupted_system_call", closer(), |task| task.is_central() && task.fault == Fault::Error("EINTR"));
}

/// Returns how many faults of each kind are tried in the scenarios that are tested more thoroughly.
fn closer() -> usize {
    at_effort([20, 120, usize::MAX, usize::MAX])
}

/// Tries the selected faults, or about `most` of them, evenly spread.
fn sweep(test: &str, most: usize, is_wanted: impl Fn(&Task<'_>) -> bool) {
    static REHEARSALS: OnceLock<Vec<Rehearsal>> = OnceLock::new();
    if !can_inject(test) {
        return;
    }
    let rehearsals = REHEARSALS.get_or_init(|| in_parallel(&SCENARIOS, Rehearsal::of));
    let start = Instant::now();
    let tasks: Vec<Task<'_>> = rehearsals.iter().flat_map(Rehearsal::tasks).filter(is_wanted).collect();
    let picked: Vec<&Task<'_>> = tasks.iter().step_by(tasks.len().div_ceil(most)).collect();
    let tally = Tally::default();
    in_parallel(&picked, |task| task.run(&tally));
    let [runs, hits, refusals] = [&tally.runs, &tally.hits, &tally.refusals].map(|count| count.load(Ordering::Relaxed));
    println!(
        "{test}: {} of {} faults: {runs} runs, {hits} hit, {refusals} ended in an error, {:?}",
        picked.len(),
        tasks.len(),
        start.elapsed()
    );
    let findings = tally.findings.into_inner().expect("no panic under this lock");
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n\n"));
    let is_interrupted = picked.iter().all(|task| task.fault == Fault::Error("EINTR"));
    let has_failed = is_interrupted || refusals > picked.len() / 10;
    assert!(hits > picked.len() * 9 / 10 && has_failed, "only {hits} hit and {refusals} errors of {}", picked.len());
}

/// Processes each item, on as many threads as there are processors.
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
    fn tasks(&self) -> Vec<Task<'_>> {
        let mut tasks = Vec::new();
        for (call, count) in &self.calls {
            let mut faults: Vec<Fault> = errnos::of(call).into_iter().map(Fault::Error).collect();
            // It is correct to retry forever if a call is interrupted each time.
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
    /// Returns whether the call is one that regions depend on, in a scenario that creates, takes
    /// over or replaces a region.
    fn is_central(&self) -> bool {
        self.rehearsal.scenario.is_central && errnos::OF_REGIONS.contains(&self.call)
    }

    fn is_likely(&self) -> bool {
        matches!(self.fault, Fault::Error(errno) if errnos::likely(self.call).contains(&errno))
    }

    fn run(&self, tally: &Tally) {
        for count in self.count..MOST {
            let injection = Injection::new(self.call, count, self.fault);
            let is_hit = AssertUnwindSafe(|| self.rehearsal.check(&injection, tally));
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
        panic!("{} is called forever", self.call);
    }
}

impl Rehearsal {
    /// Runs the scenario with the fault, checks everything, and returns whether the fault happened.
    fn check(&self, injection: &Injection<'_>, tally: &Tally) -> bool {
        let run = self.run(injection);
        let outcome = &run.outcome;
        if !was_hit(&run.sandbox) {
            assert_eq!(outcome.code(), self.outcome.code(), "nothing happened: {outcome:?}");
            return false;
        }
        tally.hits.fetch_add(1, Ordering::Relaxed);
        if outcome.code() != 0 {
            tally.refusals.fetch_add(1, Ordering::Relaxed);
        }
        self.check_outcome(injection, outcome);
        self.check_state(injection, outcome, &State::of(&run.sandbox));
        self.try_again(&run);
        true
    }

    /// Checks that the command succeeded, or ended with a documented exit code and a message.
    fn check_outcome(&self, injection: &Injection<'_>, outcome: &Outcome) {
        if injection.fault == Fault::Kill {
            assert_eq!(outcome.code(), 137, "{outcome:?}");
            return;
        }
        let (code, rehearsed) = (outcome.code(), self.outcome.code());
        assert!(CODES.contains(&code), "an exit code that is not documented: {outcome:?}");
        let is_mute = code == 141 || injection.calls == "write";
        let says_why = outcome.stderr.contains("error: ") && outcome.stderr.trim_end().len() > 20;
        assert!(code == 0 || is_mute || says_why, "no message: {outcome:?}");
        if self.scenario.is_central && errnos::OF_REGIONS.contains(&injection.calls) {
            let is_of_region = !outcome.stderr.contains("cannot wait for signals");
            assert!(
                code == 0 || outcome.stderr.contains("demo") || !is_of_region,
                "it does not name the region: {outcome:?}"
            );
            let is_interrupted = injection.fault == Fault::Error("EINTR");
            assert!(!is_interrupted || code == rehearsed, "it was not tried again: {outcome:?}");
        }
        if self.scenario.prints_the_same && code == 0 && rehearsed == 0 {
            assert_eq!(outcome.text(), self.outcome.text(), "other output: {outcome:?}");
        }
        if self.scenario.prints_the_same {
            assert!(self.outcome.stdout.starts_with(&outcome.stdout), "wrong output: {outcome:?}");
        }
    }

    /// Checks that the state is the one before or after the command. Only a kill may leave an
    /// unfinished file.
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
        let may_leave = injection.fault == Fault::Kill || injection.calls == "unlinkat";
        for file in now.files.iter().filter(|file| file.starts_with('.')) {
            let is_known = self.before.files.contains(file) || self.after.files.contains(file);
            let has_region = file.strip_suffix(".lock").is_some_and(|name| now.files.contains(&name[1..].to_owned()));
            let is_left = may_leave && [".new", ".lock"].iter().any(|end| file.ends_with(end));
            assert!(is_known || has_region || is_left, "{file} is left: {outcome:?}");
        }
    }

    /// Checks that the same command works now, and that the result is the same as after a run
    /// without a fault: the newest value, and the values that existed before.
    fn try_again(&self, run: &Run) {
        let (outcome, again) = (&run.outcome, self.again(run));
        let codes = [Some(self.outcome.code()), self.scenario.again];
        assert!(codes.contains(&Some(again.code())), "{outcome:?}\nthen, tried again: {again:?}");
        let mut now = State::of(&run.sandbox);
        if now.files != self.after.files {
            run.sandbox.run("shm-writer clean").exits(0);
            now = State::of(&run.sandbox);
        }
        assert_eq!(now.files, self.after.files, "{outcome:?}\nthen, tried again: {again:?}");
        for (name, content) in &self.after.contents {
            let newest = |content: &str| content.rsplit([',', ':']).next().map(str::to_owned);
            let seen = &now.contents[name];
            assert_eq!(newest(seen), newest(content), "{name}: {outcome:?}\nthen, tried again: {again:?}");
            let old = self.before.contents.get(name).filter(|old| content.starts_with(*old));
            assert!(old.is_none_or(|old| seen.starts_with(old)), "{name} lost {old:?}: {seen}\n{outcome:?}");
        }
    }
}
