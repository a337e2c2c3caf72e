//! shmem-ipc: one ring of bytes for each direction. Both ends know the length of a payload.

use crate::peer::stream::Arrived;
use anyhow::{Context, Result};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use shm_bench::{Inlet, Link, Outlet, Prepared, Shape, Waiting};
use shmem_ipc::sharedring::{Receiver, Sender};
use std::fs::File;
use std::hint::spin_loop;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

pub struct Ring;

impl Link for Ring {
    const NAME: &'static str = "shmem-ipc";
    type Outlet = Input;
    type Inlet = Output;
    type Back = Self;
}

/// Returns the capacity of a ring in bytes: a whole number of payloads.
fn capacity(shape: Shape) -> usize {
    shape.slots as usize * shape.bytes
}

/// The sending end of a ring, and the socket at which the receiver asks for the ring's files.
pub struct Input {
    sender: Sender<u8>,
    door: Option<UnixListener>,
    waiting: Waiting,
    prepared: Prepared,
}

impl Outlet for Input {
    fn create(path: &Path, shape: Shape, waiting: Waiting) -> Result<Self> {
        let (sender, door) = (Sender::new(capacity(shape))?, Some(UnixListener::bind(path)?));
        Ok(Self { sender, door, waiting, prepared: Prepared::new(shape) })
    }

    fn put(&mut self, number: u64) -> Result<()> {
        let Self { sender, door, waiting, prepared } = self;
        if let Some(door) = door.take() {
            let files = [sender.memfd().as_file(), sender.empty_signal(), sender.full_signal()];
            hand_over(&door.accept()?.0, &files.map(AsFd::as_fd))?;
        }
        prepared.send(number, |payload| send(sender, payload, *waiting))
    }
}

fn send(sender: &mut Sender<u8>, mut rest: &[u8], waiting: Waiting) -> Result<()> {
    while !rest.is_empty() {
        let mut count = 0;
        let copy = |to: *mut u8, room: usize| {
            count = room.min(rest.len());
            // SAFETY: the ring provides `room` bytes at `to`, which the receiver does not read
            // before they are announced. `rest` is private memory.
            unsafe { to.copy_from_nonoverlapping(rest.as_ptr(), count) };
            count
        };
        match waiting {
            Waiting::Sleeping => {
                sender.block_until_writable()?;
                sender.send_raw(copy)?;
            }
            Waiting::Spinning => {
                // The low-level interface writes to no eventfd. No process would read it here.
                let status = sender.sender_mut().send(copy)?;
                while status.remaining == 0 && sender.sender_mut().write_count()? == 0 {
                    spin_loop();
                }
            }
        }
        rest = &rest[count..];
    }
    Ok(())
}

/// The receiving end of a ring, which is complete after the sender has handed over the files.
pub struct Output {
    socket: UnixStream,
    receiver: Option<Receiver<u8>>,
    shape: Shape,
    waiting: Waiting,
    arrived: Arrived,
}

impl Inlet for Output {
    fn open(path: &Path, shape: Shape, waiting: Waiting) -> Result<Self> {
        let socket = UnixStream::connect(path)?;
        Ok(Self { socket, receiver: None, shape, waiting, arrived: Arrived::new(shape) })
    }

    fn take(&mut self) -> Result<u64> {
        let Self { socket, receiver, shape, waiting, arrived } = self;
        let receiver = match receiver {
            Some(receiver) => receiver,
            none => {
                let [data, empty, full] = take_over(socket.as_fd())?;
                none.insert(Receiver::open(capacity(*shape), data, empty, full)?)
            }
        };
        arrived.next(|buffer| receive(receiver, buffer, *waiting))
    }
}

/// Waits for bytes and copies them into the buffer.
fn receive(receiver: &mut Receiver<u8>, buffer: &mut [u8], waiting: Waiting) -> Result<usize> {
    let mut count = 0;
    let copy = |from: *const u8, held: usize| {
        count = held.min(buffer.len());
        // SAFETY: the ring provides `held` bytes at `from`, which the sender does not write before
        // they are returned. The buffer is private memory.
        unsafe { from.copy_to_nonoverlapping(buffer.as_mut_ptr(), count) };
        count
    };
    match waiting {
        Waiting::Sleeping => {
            receiver.block_until_readable()?;
            receiver.receive_raw(copy)?;
        }
        Waiting::Spinning => {
            while receiver.receiver_mut().read_count()? == 0 {
                spin_loop();
            }
            receiver.receiver_mut().recv(copy)?;
        }
    }
    Ok(count)
}

/// Sends open files through a socket.
fn hand_over(socket: &UnixStream, files: &[BorrowedFd]) -> Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(files));
    sendmsg(socket, &[IoSlice::new(b"3")], &mut control, SendFlags::empty())?;
    Ok(())
}

/// Receives the files that the other side has sent.
fn take_over(socket: BorrowedFd) -> Result<[File; 3]> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    recvmsg(socket, &mut [IoSliceMut::new(&mut [0])], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut files = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            files.extend(rights.map(File::from));
        }
    }
    files.try_into().ok().context("expected three files")
}
