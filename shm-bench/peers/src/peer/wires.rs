//! The kinds of file that carry streams: named pipes, Unix sockets, TCP.

use anyhow::Result;
use rustix::fs::{CWD, Mode, mkfifoat};
use rustix::net::sockopt::{set_socket_send_buffer_size, set_tcp_quickack};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, accept, bind, connect, listen, socket};
use rustix::pipe::fcntl_setpipe_size;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// The largest pipe that a user without privileges may request.
const PIPE_BYTES: usize = 1 << 20;
/// How many bytes in transit a socket may buffer. The system may allow less.
const SOCKET_BYTES: usize = 4 << 20;
/// The longest packet. It must fit in the buffer that a system allows by default.
const PACKET_BYTES: usize = 1 << 17;

/// A kind of file through which two processes are connected, for one direction.
pub trait Wire {
    const NAME: &'static str;
    /// The maximum number of bytes in one packet.
    const PACKET: usize = usize::MAX;
    /// The place where the receiver attaches.
    type Door;
    fn door(path: &Path) -> Result<Self::Door>;
    /// Waits for the receiver.
    fn accept(door: &Self::Door) -> Result<OwnedFd>;
    /// Returns the receiver's file. Does not wait for the sender to accept the connection.
    fn connect(path: &Path) -> Result<OwnedFd>;
}

pub struct Pipe;

impl Wire for Pipe {
    const NAME: &'static str = "pipe";
    type Door = PathBuf;

    fn door(path: &Path) -> Result<PathBuf> {
        mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR)?;
        Ok(path.to_owned())
    }

    fn accept(path: &PathBuf) -> Result<OwnedFd> {
        let file = File::options().write(true).open(path)?;
        fcntl_setpipe_size(&file, PIPE_BYTES)?;
        Ok(file.into())
    }

    fn connect(path: &Path) -> Result<OwnedFd> {
        // If it were opened only for reading, the call would wait for the sender.
        Ok(File::options().read(true).write(true).open(path)?.into())
    }
}

pub struct Unix;

impl Wire for Unix {
    const NAME: &'static str = "Unix stream";
    type Door = UnixListener;

    fn door(path: &Path) -> Result<UnixListener> {
        Ok(UnixListener::bind(path)?)
    }

    fn accept(door: &UnixListener) -> Result<OwnedFd> {
        let (socket, _) = door.accept()?;
        set_socket_send_buffer_size(&socket, SOCKET_BYTES)?;
        Ok(socket.into())
    }

    fn connect(path: &Path) -> Result<OwnedFd> {
        Ok(UnixStream::connect(path)?.into())
    }
}

/// Unix sockets that preserve packet boundaries. A payload that is too long for one packet is sent
/// in several.
pub struct Seqpacket;

impl Wire for Seqpacket {
    const NAME: &'static str = "Unix seqpacket";
    const PACKET: usize = PACKET_BYTES;
    type Door = OwnedFd;

    fn door(path: &Path) -> Result<OwnedFd> {
        let door = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None)?;
        bind(&door, &SocketAddrUnix::new(path)?)?;
        listen(&door, 1)?;
        Ok(door)
    }

    fn accept(door: &OwnedFd) -> Result<OwnedFd> {
        let socket = accept(door)?;
        set_socket_send_buffer_size(&socket, SOCKET_BYTES)?;
        Ok(socket)
    }

    fn connect(path: &Path) -> Result<OwnedFd> {
        let end = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None)?;
        connect(&end, &SocketAddrUnix::new(path)?)?;
        Ok(end)
    }
}

/// TCP over the loopback device, without Nagle's delay. A file contains the port.
pub struct Tcp;

impl Wire for Tcp {
    const NAME: &'static str = "TCP";
    type Door = TcpListener;

    fn door(path: &Path) -> Result<TcpListener> {
        let door = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        fs::write(path, door.local_addr()?.port().to_string())?;
        Ok(door)
    }

    fn accept(door: &TcpListener) -> Result<OwnedFd> {
        let (socket, _) = door.accept()?;
        socket.set_nodelay(true)?;
        Ok(socket.into())
    }

    fn connect(path: &Path) -> Result<OwnedFd> {
        let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, fs::read_to_string(path)?.parse()?))?;
        // In a connection for both directions, the answer would also acknowledge the message. This
        // link has one connection per direction, so immediate acknowledgements, which would be
        // extra packets, are disabled.
        set_tcp_quickack(&socket, false)?;
        Ok(socket.into())
    }
}
