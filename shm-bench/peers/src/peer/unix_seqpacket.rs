//! A pair of connected Unix sockets that keep packets apart. A message that is too long for one packet is cut in several.

use crate::job::{Job, Waiting, Work};
use crate::link::Link;
use crate::mate::Mate;
use crate::peer::stream::looking;
use crate::peer::unix_stream::BUFFER;
use anyhow::{Result, ensure};
use rustix::net::sockopt::set_socket_send_buffer_size;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use std::fs::File;
use std::io::{Read, Write, stdin};
use std::os::fd::{AsFd, OwnedFd};

/// The longest packet. It must fit the buffer that a system allows by default.
const PACKET: usize = 1 << 17;

pub struct Socket {
    file: File,
    message_bytes: usize,
}

impl Socket {
    fn new(job: &Job, socket: OwnedFd) -> Result<Self> {
        if job.waiting == Waiting::Spin {
            rustix::io::ioctl_fionbio(&socket, true)?;
        }
        if job.work == Work::OneWay {
            set_socket_send_buffer_size(&socket, BUFFER)?;
        }
        Ok(Self { file: socket.into(), message_bytes: job.message_bytes })
    }
}

impl Link for Socket {
    fn make(job: &Job, mate: &mut Mate) -> Result<Self> {
        let (ours, its) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        mate.input(its).start("")?;
        Self::new(job, ours)
    }

    fn join(job: &Job, _: &str) -> Result<Self> {
        Self::new(job, stdin().as_fd().try_clone_to_owned()?)
    }

    fn send(&mut self, message: &[u8]) -> Result<()> {
        for packet in message.chunks(PACKET) {
            let count = looking(|| self.file.write(packet))?;
            ensure!(count == packet.len(), "a packet was cut");
        }
        Ok(())
    }

    fn receive(&mut self, message: &mut Vec<u8>) -> Result<()> {
        let mut filled = 0;
        while filled < self.message_bytes {
            let count = looking(|| self.file.read(&mut message[filled..]))?;
            ensure!(count > 0, "the other side closed the connection");
            filled += count;
        }
        Ok(())
    }
}
