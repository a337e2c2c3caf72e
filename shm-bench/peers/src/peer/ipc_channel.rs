//! ipc-channel: one channel of bytes for each direction.

use anyhow::Result;
use ipc_channel::TryRecvError;
use ipc_channel::ipc::{IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcSender, bytes_channel};
use shm_bench::{Inlet, Link, Outlet, Prepared, Shape, Waiting, check};
use std::fs;
use std::hint::spin_loop;
use std::path::Path;

pub struct Channel;

impl Link for Channel {
    const NAME: &'static str = "ipc-channel";
    type Outlet = Sender;
    type Inlet = Receiver;
    type Back = Self;
}

/// The sending end, which is complete after the receiver has sent the channel, and the server
/// through which the receiver sends it.
pub struct Sender {
    server: Option<IpcOneShotServer<IpcBytesSender>>,
    sender: Option<IpcBytesSender>,
    prepared: Prepared,
}

impl Outlet for Sender {
    fn create(path: &Path, shape: Shape, _: Waiting) -> Result<Self> {
        let (server, name) = IpcOneShotServer::new()?;
        fs::write(path, name)?;
        Ok(Self { server: Some(server), sender: None, prepared: Prepared::new(shape) })
    }

    fn put(&mut self, number: u64) -> Result<()> {
        if let Some(server) = self.server.take() {
            self.sender = Some(server.accept()?.1);
        }
        let Self { sender: Some(sender), prepared, .. } = self else { anyhow::bail!("no receiver has attached") };
        Ok(prepared.send(number, |payload| sender.send(payload))?)
    }
}

pub struct Receiver {
    receiver: IpcBytesReceiver,
    waiting: Waiting,
}

impl Inlet for Receiver {
    fn open(path: &Path, _: Shape, waiting: Waiting) -> Result<Self> {
        let (sender, receiver) = bytes_channel()?;
        IpcSender::connect(fs::read_to_string(path)?)?.send(sender)?;
        Ok(Self { receiver, waiting })
    }

    fn take(&mut self) -> Result<u64> {
        if self.waiting == Waiting::Sleeping {
            return check(&self.receiver.recv()?);
        }
        loop {
            match self.receiver.try_recv() {
                Err(TryRecvError::Empty) => spin_loop(),
                done => return check(&done?),
            }
        }
    }
}
