//! A program that tests kill, stop and step through. It obeys its arguments word by word; the test then checks the region.
//!
//! Usage: `victim NAME AUTHOR WORD...`. Each value that it publishes contains the number AUTHOR.

mod payload;

use std::os::unix::process::CommandExt;
use std::process::{Command, abort, exit};

use nix::sys::ptrace;
use nix::sys::signal::{Signal, raise};
use shm_core::{Kind, PublishError, RawWriter, WriterOptions};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, name, author, words @ ..] = &arguments[..] else { panic!("victim NAME AUTHOR WORD...") };
    let author = author.parse().expect("the author is a number");
    let mut victim =
        Victim { name, author, options: RawWriter::options(), writer: None, value: vec![], is_traced: false };
    victim.options.kind(Kind::Bytes);
    for word in words {
        victim.obey(word);
    }
}

struct Victim<'a> {
    name: &'a str,
    author: u64,
    options: WriterOptions,
    writer: Option<RawWriter>,
    value: Vec<u8>,
    is_traced: bool,
}

impl Victim<'_> {
    fn obey(&mut self, word: &str) {
        let (word, number) = word.split_once('=').unwrap_or((word, "0"));
        let number: u64 = number.parse().expect("a number follows");
        match word {
            "stop" => self.stop(),
            "slots" => drop(self.options.slots(number)),
            "capacity" => drop(self.options.capacity(number)),
            "checksum" => drop(self.options.checksum(number != 0)),
            "open" => self.writer = Some(self.options.open_raw(self.name).expect("the region can be opened")),
            "value" => {
                self.value = payload::payload(self.author, usize::try_from(number).expect("it fits into memory"))
            }
            "publish" => drop(self.publish().expect("a value can be published")),
            "loan" => drop(self.lend().expect("a value can be published in place")),
            "close" => self.take().close().expect("the region can be closed"),
            "remove" => self.take().remove().expect("the region can be removed"),
            "exit" => exit(3),
            "panic" => panic!("as requested"),
            "abort" => abort(),
            "exec" => panic!("{}", Command::new("sleep").arg("1000").exec()),
            _ => panic!("'{word}' is not a word for a victim"),
        }
    }

    /// Waits for the tracer, which is the parent.
    fn stop(&mut self) {
        if !self.is_traced {
            ptrace::traceme().expect("the parent may trace");
            self.is_traced = true;
        }
        raise(Signal::SIGSTOP).expect("a signal to oneself");
    }

    fn publish(&mut self) -> shm_core::Result<u64, PublishError> {
        self.writer.as_mut().expect("opened before").publish(&self.value)
    }

    fn lend(&mut self) -> shm_core::Result<u64, PublishError> {
        let mut loan = self.writer.as_mut().expect("opened before").loan(self.value.len())?;
        loan.write_at(0, &self.value);
        loan.commit()
    }

    fn take(&mut self) -> RawWriter {
        self.writer.take().expect("opened before")
    }
}
