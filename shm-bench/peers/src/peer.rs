//! The peers, and which of their ends does which work.

#[expect(unsafe_code, reason = "its interface demands it")]
pub mod iceoryx2;
pub mod ipc_channel;
pub mod pipe;
pub mod python;
pub mod shm;
#[expect(unsafe_code, reason = "its interface demands it")]
pub mod shmem_ipc;
pub mod stream;
pub mod tcp;
pub mod unix_seqpacket;
pub mod unix_stream;

use crate::job::{Job, Peer, Work};
use crate::link::{Board, Link};
use crate::measure::{Measured, answer_board, answer_link, drive_board, drive_link};
use anyhow::{Result, bail};

/// What a process of a measurement is there for.
pub enum Role<'w> {
    /// It measures, and starts the other one.
    Drive,
    /// It is the other one, and was given a word.
    Mate(&'w str),
}

/// Does one side of a job. Who measures has a result.
pub fn play(role: &Role, job: &Job) -> Result<Option<Measured>> {
    match job.work {
        Work::RoundTrip | Work::IdleRoundTrip | Work::OneWay => play_messages(role, job),
        Work::InPlace => match job.peer {
            Peer::Shm => play_link::<shm::InPlace>(role, job),
            Peer::Iceoryx2 => play_link::<iceoryx2::InPlace>(role, job),
            peer => bail!("{} passes nothing in place", peer.name()),
        },
        Work::LatestSame | Work::LatestChanging => match (job.peer, job.message_bytes) {
            (Peer::Shm, _) => play_board::<shm::Newest>(role, job),
            (Peer::Iceoryx2, 64) => play_board::<iceoryx2::Blackboard<8>>(role, job),
            (Peer::Iceoryx2, 65536) => play_board::<iceoryx2::Blackboard<8192>>(role, job),
            (Peer::Python, _) => python::play(role, job),
            (peer, bytes) => bail!("{} has no newest value of {bytes} bytes", peer.name()),
        },
    }
}

fn play_messages(role: &Role, job: &Job) -> Result<Option<Measured>> {
    match job.peer {
        Peer::Shm => play_link::<shm::Copies>(role, job),
        Peer::Iceoryx2 => play_link::<iceoryx2::Copies>(role, job),
        Peer::ShmemIpc => play_link::<shmem_ipc::Rings>(role, job),
        Peer::IpcChannel => play_link::<ipc_channel::Channels>(role, job),
        Peer::Pipe => play_link::<pipe::Pipes>(role, job),
        Peer::UnixStream => play_link::<unix_stream::Socket>(role, job),
        Peer::UnixSeqpacket => play_link::<unix_seqpacket::Socket>(role, job),
        Peer::Tcp => play_link::<tcp::Socket>(role, job),
        Peer::Python => python::play(role, job),
    }
}

fn play_link<L: Link>(role: &Role, job: &Job) -> Result<Option<Measured>> {
    match role {
        Role::Drive => drive_link::<L>(job).map(Some),
        Role::Mate(word) => answer_link::<L>(job, word).map(|()| None),
    }
}

fn play_board<B: Board>(role: &Role, job: &Job) -> Result<Option<Measured>> {
    match role {
        Role::Drive => drive_board::<B>(job).map(Some),
        Role::Mate(_) => answer_board::<B>(job).map(|()| None),
    }
}
