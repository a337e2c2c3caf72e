//! A Python process that performs the same operations. Requests and replies are lines of JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const SCRIPT: &str = include_str!("../mmap_peer.py");
/// The oldest version whose results `Block` reproduces. Later versions have the same results.
const OLDEST: (u32, u32) = (3, 11);

pub struct Peer {
    path: PathBuf,
    process: Process,
}

struct Process {
    child: Child,
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts Python, whose file is at `path`, or returns the reason why Python cannot be used for the
    /// comparison.
    pub fn start(path: PathBuf) -> Result<Self, String> {
        let mut process = Process::start(&path).map_err(|error| format!("python3 cannot be started: {error}"))?;
        let (name, major, minor): (String, u32, u32) = process.read().map_err(|error| error.to_string())?;
        if name != "CPython" || (major, minor) < OLDEST {
            return Err(format!("python3 is {name} {major}.{minor}, not CPython {}.{} or later", OLDEST.0, OLDEST.1));
        }
        Ok(Self { path, process })
    }

    /// Sends a line and waits for the reply. If this kills Python, the next line is sent to a new process.
    pub fn ask<R: DeserializeOwned>(&mut self, request: &impl Serialize) -> io::Result<R> {
        let reply = self.process.write(request).and_then(|()| self.process.read());
        reply.map_err(|error| {
            let how_it_ended = self.process.end();
            *self = Self::start(self.path.clone()).expect("it was started before");
            io::Error::other(format!("{how_it_ended}: {error}"))
        })
    }
}

impl Process {
    fn start(path: &PathBuf) -> io::Result<Self> {
        let mut command = Command::new("python3");
        command.args(["-I", "-c", SCRIPT]).arg(path).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let requests = child.stdin.take().expect("a pipe");
        let replies = BufReader::new(child.stdout.take().expect("a pipe"));
        Ok(Self { child, requests, replies })
    }

    fn write(&mut self, request: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        self.requests.write_all(&line)
    }

    fn read<R: DeserializeOwned>(&mut self) -> io::Result<R> {
        let mut line = String::new();
        self.replies.read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }

    fn end(&mut self) -> String {
        let _ = self.child.kill();
        self.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
