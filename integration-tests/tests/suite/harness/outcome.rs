//! The outcome of a command: its exit code and its complete output, with checks that tests can chain.

use std::fmt::{Debug, Display};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use serde_json::Value;

pub struct Outcome {
    pub command: String,
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Outcome {
    /// Returns the exit code as a shell reports it: 128 + the signal if a signal ended the command.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| 128 + self.status.signal().unwrap_or(0))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub fn lines(&self) -> Vec<String> {
        self.text().lines().map(str::to_owned).collect()
    }

    /// Parses stdout as a series of JSON values.
    #[track_caller]
    pub fn json(&self) -> Vec<Value> {
        let values: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(&self.stdout).into_iter().collect();
        values.unwrap_or_else(|error| self.fail("stdout is not JSON", &error))
    }

    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        if self.code() != code {
            self.fail("wanted exit code", &code);
        }
        self
    }

    /// Asserts that the command exited with 0 and wrote nothing to stderr.
    #[track_caller]
    pub fn succeeds(self) -> Self {
        if !self.stderr.is_empty() {
            self.fail("wanted nothing on stderr", &"");
        }
        self.exits(0)
    }

    /// Asserts that the command succeeded and wrote exactly this to stdout.
    #[track_caller]
    pub fn prints(self, stdout: impl AsRef<[u8]>) -> Self {
        if self.stdout != stdout.as_ref() {
            self.fail("wanted on stdout", &Shown(stdout.as_ref()));
        }
        self.succeeds()
    }

    /// Asserts that stderr contains each of these texts.
    #[track_caller]
    pub fn complains(self, words: &[&str]) -> Self {
        if let Some(word) = words.iter().find(|word| !self.stderr.contains(**word)) {
            self.fail("wanted on stderr", word);
        }
        self
    }

    /// Asserts that this signal ended the command. An exit code of 128 + its number is not enough.
    #[track_caller]
    pub fn dies_of(self, signal: nix::sys::signal::Signal) -> Self {
        if self.status.signal() != Some(signal as i32) {
            self.fail("wanted death by", &signal);
        }
        self
    }

    #[track_caller]
    pub fn fail(&self, wanted: &str, what: &dyn Display) -> ! {
        panic!("{self:?}\n{wanted}: {what}")
    }
}

impl Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { command, stderr, .. } = self;
        write!(f, "$ {command}\n[exit code {}]\n-- stdout\n{}\n-- stderr\n{stderr}", self.code(), Shown(&self.stdout))
    }
}

/// Bytes in readable form, truncated if there are more than 2000.
struct Shown<'a>(&'a [u8]);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let head = &self.0[..self.0.len().min(2000)];
        let cut = if head.len() < self.0.len() { format!(" ... {} bytes in all", self.0.len()) } else { String::new() };
        write!(f, "{}{cut}", String::from_utf8_lossy(head).escape_debug().to_string().replace("\\n", "\n"))
    }
}
