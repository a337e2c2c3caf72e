//! ipc-channel: one channel of bytes for each direction.

use crate::job::{Job, Waiting};
use crate::link::Link;
use crate::mate::Mate;
use anyhow::Result;
use ipc_channel::TryRecvError;
use ipc_channel::ipc::{IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcSender, bytes_channel};
use std::hint::spin_loop;

pub struct Channels {
    sender: IpcBytesSender,
    receiver: IpcBytesReceiver,
    waiting: Waiting,
}

impl Channels {
    fn take(&mut self) -> Result<Vec<u8>> {
        if self.waiting == Waiting::Block {
            return Ok(self.receiver.recv()?);
        }
        loop {
            match self.receiver.try_recv() {
                Err(TryRecvError::Empty) => spin_loop(),
                done => return Ok(done?),
            }
        }
    }
}

impl Link for Channels {
    fn make(job: &Job, mate: &mut Mate) -> Result<Self> {
        let (server, name) = IpcOneShotServer::<(IpcBytesSender, IpcBytesReceiver)>::new()?;
        mate.start(&name)?;
        let (_, (sender, receiver)) = server.accept()?;
        Ok(Self { sender, receiver, waiting: job.waiting })
    }

    fn join(job: &Job, name: &str) -> Result<Self> {
        let (sender, its_receiver) = bytes_channel()?;
        let (its_sender, receiver) = bytes_channel()?;
        IpcSender::connect(name.to_owned())?.send((its_sender, its_receiver))?;
        Ok(Self { sender, receiver, waiting: job.waiting })
    }

    fn send(&mut self, message: &[u8]) -> Result<()> {
        Ok(self.sender.send(message)?)
    }

    fn receive(&mut self, message: &mut Vec<u8>) -> Result<()> {
        *message = self.take()?;
        Ok(())
    }
}
