//! Two pipes, one for each direction.

use crate::job::{Job, Work};
use crate::mate::Mate;
use crate::peer::stream::{Files, Stream};
use anyhow::Result;
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use std::io::{stdin, stdout};
use std::os::fd::{AsFd, OwnedFd};

/// What a user without privileges may ask for.
const BUFFER: usize = 1 << 20;

pub type Pipes = Stream<PipeFiles>;

pub struct PipeFiles;

impl Files for PipeFiles {
    fn make(job: &Job, mate: &mut Mate) -> Result<[OwnedFd; 2]> {
        let (its_input, output) = pipe_with(PipeFlags::CLOEXEC)?;
        let (input, its_output) = pipe_with(PipeFlags::CLOEXEC)?;
        if job.work == Work::OneWay {
            fcntl_setpipe_size(&input, BUFFER)?;
        }
        mate.input(its_input).output(its_output).start("")?;
        Ok([input, output])
    }

    fn join(_: &Job, _: &str) -> Result<[OwnedFd; 2]> {
        Ok([stdin().as_fd().try_clone_to_owned()?, stdout().as_fd().try_clone_to_owned()?])
    }
}
