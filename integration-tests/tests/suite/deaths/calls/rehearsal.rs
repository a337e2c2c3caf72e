//! Runs a scenario without faults, records the state before and after it, and runs it again with a
//! fault.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::path::{Path, PathBuf};

use shm_core::{Position, RawReader};

use super::injection::{Count, count, trace, tracing};
use super::scenarios::Scenario;
use super::{Injection, errnos};
use crate::harness::{Child, DEADLINE, Outcome, Sandbox};

/// A scenario, and the results of a run without faults.
pub struct Rehearsal {
    pub scenario: Scenario,
    start: Files,
    pub before: State,
    pub after: State,
    pub outcome: Outcome,
    /// The calls that can fail, and how many times each is made before `main` and in total.
    pub calls: Vec<(String, Count)>,
}

/// A run of a scenario with a fault.
pub struct Run {
    pub sandbox: Sandbox,
    pub outcome: Outcome,
    _writer: Option<Child>,
}

/// The files of `SHM_DIR`, including hidden ones, and the contents of those that are not hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub files: Vec<String>,
    pub contents: BTreeMap<String, String>,
}

impl Rehearsal {
    pub fn of(scenario: &Scenario) -> Self {
        let made = Sandbox::new();
        made.run(scenario.before).exits(0);
        let start = Files::of(&made);
        let (s, _writer) = prepare(&start, scenario);
        let before = State::of(&s);
        let outcome = act(&s, scenario, &format!("strace {} {}", tracing(&[]).join(" "), scenario.command));
        let after = State::of(&s);
        let counts = count(&trace(&s));
        let unknown: Vec<&String> = counts
            .keys()
            .filter(|call| counts[*call].before_main < counts[*call].all && !errnos::is_known(call))
            .collect();
        assert!(unknown.is_empty(), "say in calls/errnos.rs how these may fail: {unknown:?}");
        let calls = counts.into_iter().filter(|(_, count)| count.all > count.before_main).collect();
        Self { scenario: *scenario, start, before, after, outcome, calls }
    }

    /// Runs the scenario with a fault.
    pub fn run(&self, injection: &Injection<'_>) -> Run {
        let (sandbox, writer) = prepare(&self.start, &self.scenario);
        let outcome = act(&sandbox, &self.scenario, &injection.command(self.scenario.command));
        Run { sandbox, outcome, _writer: writer }
    }

    /// Runs the command without a fault, on the files that a run has left.
    pub fn again(&self, run: &Run) -> Outcome {
        act(&run.sandbox, &self.scenario, self.scenario.command)
    }
}

impl State {
    pub fn of(s: &Sandbox) -> Self {
        let files = s.files();
        let shown = files.iter().filter(|name| !name.starts_with('.'));
        let contents = shown.map(|name| (name.clone(), content(s, name))).collect();
        Self { files, contents }
    }
}

/// Runs the scenario's command, with or without strace.
fn act(s: &Sandbox, scenario: &Scenario, line: &str) -> Outcome {
    let Some(meanwhile) = scenario.meanwhile else { return s.run(line) };
    let child = s.spawn(line);
    let has_begun = |bytes: &[u8], ended| (ended || bytes.contains(&b'\n')).then_some(());
    child.stdout().wait_for(DEADLINE, has_begun).expect("a first line, or the end");
    s.run(meanwhile).exits(0);
    child.finish()
}

/// Creates a sandbox with the initial state of the scenario. If the scenario has a writer, it runs
/// until it is dropped.
fn prepare(start: &Files, scenario: &Scenario) -> (Sandbox, Option<Child>) {
    let s = start.laid_out();
    if !scenario.has_writer {
        return (s, None);
    }
    let mut writer = s.spawn("shm-writer demo");
    writer.write("held\n");
    s.holds("demo", "held");
    (s, Some(writer))
}

/// The files of a sandbox, which can be copied to another one.
struct Files {
    shm: Vec<(PathBuf, Vec<u8>, Permissions)>,
    home: Vec<(PathBuf, Vec<u8>, Permissions)>,
}

impl Files {
    fn of(s: &Sandbox) -> Self {
        let read = |path: PathBuf| {
            let permissions = fs::metadata(&path).expect("a file").permissions();
            let name = PathBuf::from(path.file_name().expect("it has a name"));
            (name, fs::read(&path).expect("a file of ours"), permissions)
        };
        Self {
            shm: s.files().iter().map(|name| read(s.shm(name))).collect(),
            home: s.home_files().iter().map(|name| read(s.home(name))).collect(),
        }
    }

    /// Creates a sandbox with these files.
    fn laid_out(&self) -> Sandbox {
        let s = Sandbox::new();
        let lay_out = |directory: &Path, files: &[(PathBuf, Vec<u8>, Permissions)]| {
            for (name, bytes, permissions) in files {
                let path = directory.join(name);
                fs::write(&path, bytes).expect("a file in the sandbox");
                fs::set_permissions(&path, permissions.clone()).expect("our own file");
            }
        };
        lay_out(&s.shm_dir(), &self.shm);
        lay_out(&s.home(""), &self.home);
        s
    }
}

/// Returns a region's kind and values, or the bytes of any other file.
fn content(s: &Sandbox, name: &str) -> String {
    let opened = RawReader::options().start(Position::Oldest).open_raw(s.name(name));
    let mut reader = match opened {
        Ok(reader) => reader,
        Err(shm_core::OpenError::NotARegion { .. }) => {
            let bytes = fs::read(s.shm(name)).expect("a block");
            return format!("plain: {}", String::from_utf8_lossy(&bytes).trim_end_matches('\0'));
        }
        Err(error) => return format!("broken: {error}"),
    };
    let mut values = Vec::new();
    while let Some(sample) = reader.try_recv().expect("a sound region").value() {
        values.push(String::from_utf8_lossy(&sample.value).into_owned());
    }
    let findings = shm_core::verify(s.name(name)).expect("a region that can be checked");
    assert!(findings.is_empty(), "{name}: {findings:?}");
    format!("{}: {}", reader.kind(), values.join(", "))
}
