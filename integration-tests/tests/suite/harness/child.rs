//! A running command: its input and output by lines, and signals, all with deadlines. When it is dropped, its whole
//! process group is killed.

use std::fs;
use std::io::Write;
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use serde_json::Value;

use super::forks::Started;
use super::stream::Stream;
use super::{DEADLINE, Outcome, eventually, forks};

/// How long a test may watch a child run.
const LONGEST_RUN: Duration = Duration::from_secs(1800);

pub struct Child {
    command: String,
    process: Started,
    started: Instant,
    stdin: Option<ChildStdin>,
    stdout: Stream,
    stderr: Stream,
    /// The number of bytes of stdout that the test has already consumed.
    taken: usize,
    status: Option<ExitStatus>,
}

impl Child {
    /// Starts a prepared command. Failure messages call it `name`.
    pub fn start(name: &str, command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = forks::start(command).unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        Self {
            command: name.to_owned(),
            stdin: process.stdin.take(),
            stdout: Stream::of(process.stdout.take().expect("stdout is piped")),
            stderr: Stream::of(process.stderr.take().expect("stderr is piped")),
            process,
            started: Instant::now(),
            taken: 0,
            status: None,
        }
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    pub fn stdout(&self) -> &Stream {
        &self.stdout
    }

    /// Writes to the child's stdin. Returns false if the child has closed it.
    pub fn offer(&mut self, text: &str) -> bool {
        let stdin = self.stdin.as_mut().expect("stdin is still open");
        stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush()).is_ok()
    }

    #[track_caller]
    pub fn write(&mut self, text: &str) {
        assert!(self.offer(text), "{} no longer reads its stdin\n{}", self.command, self.stderr.text());
    }

    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Returns the next line of stdout.
    #[track_caller]
    pub fn line(&mut self) -> String {
        let from = self.taken;
        let line =
            self.stdout.wait_for(DEADLINE, |bytes, ended| match bytes[from..].iter().position(|b| *b == b'\n') {
                Some(end) => Some(Some(bytes[from..from + end].to_owned())),
                None => ended.then_some(None),
            });
        let Some(Some(line)) = line else {
            let why = if line.is_some() { "ended" } else { "printed nothing more" };
            panic!("{} {why}; stderr:\n{}", self.command, self.stderr.text());
        };
        self.taken += line.len() + 1;
        String::from_utf8_lossy(&line).into_owned()
    }

    /// Returns the next line of stdout, parsed as JSON.
    #[track_caller]
    pub fn json(&mut self) -> Value {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{}: {error}: {line}", self.command))
    }

    /// Asserts that these are the next lines of stdout.
    #[track_caller]
    pub fn expect(&mut self, lines: &[&str]) {
        for wanted in lines {
            let line = self.line();
            assert!(line == *wanted, "{}: wanted line {wanted:.200}, got {line:.200}", self.command);
        }
    }

    pub fn is_running(&mut self) -> bool {
        let is_running = self.process.try_wait().expect("the child can be waited for").is_none();
        assert!(!is_running || self.started.elapsed() < LONGEST_RUN, "{} runs after {LONGEST_RUN:?}", self.command);
        is_running
    }

    /// Waits until the program sleeps: it has processed everything so far and waits for more.
    #[track_caller]
    pub fn idle(self) -> Self {
        self.settle();
        self
    }

    /// Like [`idle`](Self::idle), for a borrowed child.
    #[track_caller]
    pub fn settle(&self) {
        let what = format!("{} waits", self.command);
        // Programs for another processor run in an emulator.
        let runs = || ["shm-", "qemu-"].iter().any(|program| self.name().starts_with(program));
        eventually(&what, || (runs() && self.state() == 'S').then_some(()));
    }

    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        signal::kill(self.id(), signal).unwrap_or_else(|error| panic!("{signal} to {}: {error}", self.command));
        if signal == Signal::SIGSTOP {
            eventually("the child stops", || ['T', 'Z'].contains(&self.state()).then_some(()));
        }
    }

    /// Closes stdin and waits for the end. The outcome contains the part of stdout that the test has not consumed.
    #[track_caller]
    pub fn finish(mut self) -> Outcome {
        self.close_stdin();
        self.wait()
    }

    /// Waits for the end without closing stdin.
    #[track_caller]
    pub fn wait(mut self) -> Outcome {
        let status = self.end();
        self.status = Some(status);
        if !self.stdout.ends(Duration::from_secs(2)) || !self.stderr.ends(Duration::from_secs(2)) {
            self.kill_group();
        }
        self.check_sanity();
        Outcome {
            command: self.command.clone(),
            status,
            stdout: self.stdout.bytes().split_off(self.taken),
            stderr: self.stderr.text(),
        }
    }

    /// Waits for the end of the process, which usually coincides with the end of its output.
    #[track_caller]
    fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.process.try_wait().expect("the child can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "{} does not end within {DEADLINE:?}", self.command);
            if self.stdout.ends(Duration::from_millis(1)) {
                thread::park_timeout(Duration::from_micros(100));
            }
        }
    }

    /// Sends SIGKILL, and waits until the kernel has removed the process.
    pub fn kill(mut self) {
        self.kill_group();
        self.status = self.process.wait().ok();
    }

    fn id(&self) -> Pid {
        Pid::from_raw(self.pid().try_into().expect("a pid is positive"))
    }

    fn name(&self) -> String {
        fs::read_to_string(format!("/proc/{}/comm", self.pid())).unwrap_or_default()
    }

    fn state(&self) -> char {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap_or('?')
    }

    fn kill_group(&self) {
        let _ = signal::killpg(self.id(), Signal::SIGKILL);
        if self.status.is_none() {
            let _ = signal::kill(self.id(), Signal::SIGKILL);
        }
    }

    /// Asserts that the program did not panic or crash, which no input may cause.
    #[track_caller]
    fn check_sanity(&self) {
        let stderr = self.stderr.text();
        let code = self.status.and_then(|status| status.code());
        let crashed = [101, 132, 133, 134, 135, 136, 139].into_iter().find(|c| code == Some(*c));
        assert!(!stderr.contains("panicked") && crashed.is_none(), "{} crashed ({code:?}):\n{stderr}", self.command);
        let signal = self.status.and_then(|s| std::os::unix::process::ExitStatusExt::signal(&s));
        let violent = [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGABRT, Signal::SIGILL, Signal::SIGXFSZ];
        let died = violent.into_iter().find(|v| signal == Some(*v as i32));
        assert!(died.is_none(), "{} died of {died:?}:\n{stderr}", self.command);
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.status.is_none() {
            self.kill_group();
            let _ = self.process.wait();
        }
        if !thread::panicking() {
            assert!(!self.stderr.text().contains("panicked"), "{}:\n{}", self.command, self.stderr.text());
        }
    }
}
