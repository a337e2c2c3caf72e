//! shmem-ipc: one ring of bytes for each direction. Both sides know how long a message is.

use crate::job::{Job, Waiting, Work};
use crate::link::Link;
use crate::mate::Mate;
use anyhow::{Context, Result};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use shmem_ipc::sharedring::{Receiver, Sender};
use std::fs::File;
use std::hint::spin_loop;
use std::io::{IoSlice, IoSliceMut, stdin};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

pub struct Rings {
    sender: Sender<u8>,
    receiver: Receiver<u8>,
    waiting: Waiting,
}

/// How many bytes a ring holds: whole messages.
fn capacity(job: &Job) -> usize {
    let messages = match job.message_bytes {
        0..=4096 if job.work == Work::OneWay => 4096,
        0..=4096 => 64,
        _ => 4,
    };
    messages * job.message_bytes
}

impl Link for Rings {
    fn make(job: &Job, mate: &mut Mate) -> Result<Self> {
        let (sender, receiver) = (Sender::new(capacity(job))?, Receiver::new(capacity(job))?);
        let (ours, its) = UnixStream::pair()?;
        mate.input(its).start("")?;
        let outward = [sender.memfd().as_file(), sender.empty_signal(), sender.full_signal()];
        let inward = [receiver.memfd().as_file(), receiver.empty_signal(), receiver.full_signal()];
        let files: Vec<BorrowedFd> = outward.into_iter().chain(inward).map(AsFd::as_fd).collect();
        hand_over(&ours, &files)?;
        Ok(Self { sender, receiver, waiting: job.waiting })
    }

    fn join(job: &Job, _: &str) -> Result<Self> {
        let [data, empty, full, our_data, our_empty, our_full] = take_over(stdin().as_fd())?;
        let receiver = Receiver::open(capacity(job), data, empty, full)?;
        let sender = Sender::open(capacity(job), our_data, our_empty, our_full)?;
        Ok(Self { sender, receiver, waiting: job.waiting })
    }

    fn send(&mut self, mut rest: &[u8]) -> Result<()> {
        while !rest.is_empty() {
            let mut count = 0;
            let copy = |to: *mut u8, room: usize| {
                count = room.min(rest.len());
                // SAFETY: the ring gives out `room` bytes at `to`, which the receiver does not read before they are
                // announced; `rest` is private memory.
                unsafe { to.copy_from_nonoverlapping(rest.as_ptr(), count) };
                count
            };
            match self.waiting {
                Waiting::Block => {
                    self.sender.block_until_writable()?;
                    self.sender.send_raw(copy)?;
                }
                Waiting::Spin => {
                    // The low level writes to no eventfd, which nobody would read.
                    let status = self.sender.sender_mut().send(copy)?;
                    while status.remaining == 0 && self.sender.sender_mut().write_count()? == 0 {
                        spin_loop();
                    }
                }
            }
            rest = &rest[count..];
        }
        Ok(())
    }

    fn receive(&mut self, message: &mut Vec<u8>) -> Result<()> {
        let mut filled = 0;
        while filled < message.len() {
            let rest = &mut message[filled..];
            let mut count = 0;
            self.take(|from, held| {
                count = held.min(rest.len());
                // SAFETY: the ring gives out `held` bytes at `from`, which the sender does not write before they are
                // given back; `rest` is private memory.
                unsafe { from.copy_to_nonoverlapping(rest.as_mut_ptr(), count) };
                count
            })?;
            filled += count;
        }
        Ok(())
    }

    fn receive_all(&mut self, message: &mut Vec<u8>, each: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if message.len() > 4096 {
            self.receive(message)?;
            return each(message);
        }
        let mut outcome = Ok(());
        self.take(|from, held| {
            // Small messages are sent whole, and the ring's end is the end of one.
            let count = held / message.len();
            for at in 0..count {
                // SAFETY: `at` is within the bytes that the ring gives out.
                let place = unsafe { from.add(at * message.len()) };
                // SAFETY: these bytes are given out, and the sender does not write them before they are given back;
                // the message is private memory.
                unsafe { place.copy_to_nonoverlapping(message.as_mut_ptr(), message.len()) };
                if outcome.is_ok() {
                    outcome = each(message);
                }
            }
            count * message.len()
        })?;
        outcome
    }
}

impl Rings {
    /// Waits for bytes and takes as many as the closure says.
    fn take(&mut self, take: impl FnOnce(*const u8, usize) -> usize) -> Result<()> {
        if self.waiting == Waiting::Block {
            self.receiver.block_until_readable()?;
            self.receiver.receive_raw(take)?;
            return Ok(());
        }
        while self.receiver.receiver_mut().read_count()? == 0 {
            spin_loop();
        }
        self.receiver.receiver_mut().recv(take)?;
        Ok(())
    }
}

/// Sends open files through a socket.
fn hand_over(socket: &UnixStream, files: &[BorrowedFd]) -> Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(6))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(files));
    sendmsg(socket, &[IoSlice::new(b"6")], &mut control, SendFlags::empty())?;
    Ok(())
}

/// Takes the files that the other side has sent.
fn take_over(socket: BorrowedFd) -> Result<[File; 6]> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(6))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    recvmsg(socket, &mut [IoSliceMut::new(&mut [0])], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut files = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            files.extend(rights.map(File::from));
        }
    }
    files.try_into().ok().context("six files were to come")
}
