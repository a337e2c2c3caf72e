//! A large file as one value: its bytes go from the file into the region part by part.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};

use anyhow::{Context, Result};
use bytesize::ByteSize;
use shm_cli::{Code, Failure, Talk, remedy};
use shm_core::RawWriter;

use crate::args::Publish;
use crate::source::unreadable;
use crate::target::Target;

/// The size from which a file is not read into memory first.
const LARGE_BYTES: u64 = 1 << 20;
/// The size of a part: it stays in the processor's cache between reading and writing.
const PART_BYTES: usize = 1 << 20;
/// After this many bytes, the progress is reported again.
const REPORT_BYTES: usize = 64 << 20;

/// An open regular file.
pub struct LargeFile {
    file: File,
    name: String,
    region: String,
    bytes: usize,
}

impl LargeFile {
    /// Opens the file that the arguments name, if it is large and its bytes need no check.
    pub fn of(args: &Publish, target: &Target) -> Result<Option<Self>> {
        let Some(path) = args.file.as_ref().filter(|_| target.takes_bytes()) else { return Ok(None) };
        let (name, region) = (path.display().to_string(), args.region.clone());
        // The file is not opened for this check: opening and closing a named pipe loses its data.
        let is_large = |metadata: &Metadata| metadata.is_file() && metadata.len() >= LARGE_BYTES;
        if !fs::metadata(path).is_ok_and(|metadata| is_large(&metadata)) {
            return Ok(None);
        }
        let opened = File::open(path).and_then(|file| file.metadata().map(|metadata| (file, metadata)));
        let (file, metadata) = opened.map_err(|error| unreadable(path, &error))?;
        let bytes = usize::try_from(metadata.len()).ok().filter(|_| is_large(&metadata));
        Ok(bytes.map(|bytes| Self { file, name, region, bytes }))
    }

    /// The file's length when it was opened.
    pub fn bytes(&self) -> u64 {
        self.bytes as u64
    }

    /// Publishes all of the file, or nothing.
    pub fn publish(mut self, writer: &mut RawWriter, talk: Talk) -> Result<()> {
        let mut loan = writer.loan(self.bytes)?;
        let mut part = vec![0; PART_BYTES];
        let (mut done, mut reported) = (0, 0);
        while done < self.bytes {
            let rest = PART_BYTES.min(self.bytes - done);
            let count = self.read(&mut part[..rest])?;
            if count == 0 {
                return Err(self.changed().into());
            }
            loan.write_all(&part[..count])?;
            done += count;
            if done - reported >= REPORT_BYTES {
                reported = done;
                let (done, all) = (ByteSize(done as u64), ByteSize(self.bytes()));
                talk.progress(format_args!("publishing to region '{}': {done} of {all}", self.region));
            }
        }
        if reported > 0 {
            talk.end_progress();
        }
        if self.read(&mut part)? > 0 {
            return Err(self.changed().into());
        }
        loan.commit()?;
        Ok(())
    }

    fn read(&mut self, part: &mut [u8]) -> Result<usize> {
        loop {
            match self.file.read(part) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read.with_context(|| format!("cannot read file '{}'", self.name)),
            }
        }
    }

    fn changed(&self) -> Failure {
        let what = format!(
            "cannot publish to region '{}': the length of file '{}' changed while it was read",
            self.region, self.name
        );
        Failure::new(Code::Other, what, remedy::publish_again())
    }
}
