//! A pair of connected Unix stream sockets.

use crate::job::{Job, Work};
use crate::mate::Mate;
use crate::peer::stream::{Files, Stream};
use anyhow::Result;
use rustix::net::sockopt::set_socket_send_buffer_size;
use std::io::stdin;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

pub type Socket = Stream<UnixFiles>;

pub struct UnixFiles;

/// How many bytes a socket holds that are on their way. The system may allow less.
pub const BUFFER: usize = 4 << 20;

impl Files for UnixFiles {
    fn make(_: &Job, mate: &mut Mate) -> Result<[OwnedFd; 2]> {
        let (ours, its) = UnixStream::pair()?;
        mate.input(its).start("")?;
        Ok([ours.try_clone()?.into(), ours.into()])
    }

    fn join(job: &Job, _: &str) -> Result<[OwnedFd; 2]> {
        let socket = stdin().as_fd().try_clone_to_owned()?;
        if job.work == Work::OneWay {
            set_socket_send_buffer_size(&socket, BUFFER)?;
        }
        Ok([socket.try_clone()?, socket])
    }
}
