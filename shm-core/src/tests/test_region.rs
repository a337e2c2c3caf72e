//! A directory with one region in it, for tests: a writer, readers, and functions that change the file
//! directly.

use crate::{Kind, Position, RawReader, RawWriter, Sequence};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use tempfile::TempDir;

pub const STATE_AT: u64 = 384;
pub const HEAD_AT: u64 = 392;
pub const BOOT_ID_AT: u64 = 128;
pub const KIND_AT: u64 = 96;
pub const SLOTS_AT: u64 = 4096;

/// A directory that contains one region, `room`.
pub struct TestRegion {
    pub directory: TempDir,
    pub name: String,
}

impl TestRegion {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let name = format!("{}/room", directory.path().display());
        Self { directory, name }
    }

    pub fn writer(&self, kind: Kind) -> RawWriter {
        RawWriter::open(&self.name, kind).unwrap()
    }

    pub fn reader(&self, start: Position) -> RawReader {
        RawReader::options().start(start).open_raw(&self.name).unwrap()
    }

    pub fn file(&self) -> File {
        OpenOptions::new().read(true).write(true).open(&self.name).unwrap()
    }

    pub fn poke(&self, at: u64, bytes: &[u8]) {
        self.file().write_all_at(bytes, at).unwrap();
    }

    /// Changes the static header and updates its CRC.
    pub fn poke_header(&self, at: u64, bytes: &[u8]) {
        self.poke(at, bytes);
        let mut static_header = [0; 252];
        self.file().read_exact_at(&mut static_header, 0).unwrap();
        self.poke(252, &crc32fast::hash(&static_header).to_le_bytes());
    }

    pub fn files(&self) -> Vec<String> {
        let entries = self.directory.path().read_dir().unwrap();
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        files
    }
}

/// Lets the writer die without a clean close, as a panic does.
pub fn kill(writer: RawWriter) {
    let died = std::thread::spawn(move || {
        let _writer = writer;
        std::panic::resume_unwind(Box::new("killed"));
    });
    assert!(died.join().is_err());
}

/// Everything that the reader receives without waiting: sequence number, losses, text.
pub fn drain(reader: &mut RawReader) -> Vec<(Sequence, u64, String)> {
    std::iter::from_fn(|| reader.try_recv().unwrap().value())
        .map(|sample| (sample.sequence, sample.lost, String::from_utf8(sample.value).unwrap()))
        .collect()
}

pub fn row(sequence: Sequence, text: &str) -> (Sequence, u64, String) {
    (sequence, 0, text.to_owned())
}
