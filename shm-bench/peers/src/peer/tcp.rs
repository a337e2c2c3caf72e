//! A TCP connection over the loopback device, without Nagle's delay.

use crate::job::Job;
use crate::mate::Mate;
use crate::peer::stream::{Files, Stream};
use anyhow::Result;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

pub type Socket = Stream<TcpFiles>;

pub struct TcpFiles;

impl Files for TcpFiles {
    fn make(_: &Job, mate: &mut Mate) -> Result<[OwnedFd; 2]> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        mate.start(&listener.local_addr()?.port().to_string())?;
        both(listener.accept()?.0)
    }

    fn join(_: &Job, port: &str) -> Result<[OwnedFd; 2]> {
        both(TcpStream::connect((Ipv4Addr::LOCALHOST, port.parse()?))?)
    }
}

fn both(socket: TcpStream) -> Result<[OwnedFd; 2]> {
    socket.set_nodelay(true)?;
    Ok([socket.try_clone()?.into(), socket.into()])
}
