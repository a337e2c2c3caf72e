//! What one measurement is: which peer does what, for how long. Not how.

use anyhow::{Context, Result};
use std::path::PathBuf;
use std::time::Duration;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Shm,
    Iceoryx2,
    ShmemIpc,
    IpcChannel,
    Pipe,
    UnixStream,
    UnixSeqpacket,
    Tcp,
    Python,
}

impl Peer {
    pub const ALL: [Self; 9] = [
        Self::Shm,
        Self::Iceoryx2,
        Self::ShmemIpc,
        Self::IpcChannel,
        Self::Pipe,
        Self::UnixStream,
        Self::UnixSeqpacket,
        Self::Tcp,
        Self::Python,
    ];

    /// As it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shm => "shm",
            Self::Iceoryx2 => "iceoryx2",
            Self::ShmemIpc => "shmem-ipc",
            Self::IpcChannel => "ipc-channel",
            Self::Pipe => "pipe",
            Self::UnixStream => "unix-stream",
            Self::UnixSeqpacket => "unix-seqpacket",
            Self::Tcp => "tcp",
            Self::Python => "python",
        }
    }

    pub fn from_name(name: &str) -> Result<Self> {
        let known = || Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|peer| peer.name() == name)
            .with_context(|| format!("there is no peer '{name}'; there are {}", known()))
    }
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// A message goes to the other process and back; the next follows at once.
    RoundTrip,
    /// The same, after a pause of a millisecond.
    IdleRoundTrip,
    /// A round trip in which only the first and the last word are touched, where they are.
    InPlace,
    /// One process sends as fast as it can, the other receives.
    OneWay,
    /// The newest value is read again and again, and does not change.
    LatestSame,
    /// The newest value is read while another process writes as fast as it can.
    LatestChanging,
}

impl Work {
    const ALL: [Self; 6] =
        [Self::RoundTrip, Self::IdleRoundTrip, Self::InPlace, Self::OneWay, Self::LatestSame, Self::LatestChanging];

    fn name(self) -> &'static str {
        match self {
            Self::RoundTrip => "round-trip",
            Self::IdleRoundTrip => "idle-round-trip",
            Self::InPlace => "in-place",
            Self::OneWay => "one-way",
            Self::LatestSame => "latest-same",
            Self::LatestChanging => "latest-changing",
        }
    }
}

/// What a process does while nothing has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// It looks again at once.
    Spin,
    /// It sleeps, as the peer does by default.
    Block,
}

/// One measurement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub peer: Peer,
    pub work: Work,
    pub message_bytes: usize,
    pub waiting: Waiting,
    pub duration: Duration,
    /// For files that a peer needs: empty, and removed afterwards.
    pub directory: PathBuf,
}

impl Job {
    /// How long it runs before what it does counts.
    pub fn warm_up(&self) -> Duration {
        self.duration / 3
    }

    /// As arguments of this program, for [`from_arguments`](Self::from_arguments).
    pub fn to_arguments(&self) -> [String; 6] {
        [
            self.peer.name().to_owned(),
            self.work.name().to_owned(),
            self.message_bytes.to_string(),
            if self.waiting == Waiting::Spin { "spin" } else { "block" }.to_owned(),
            self.duration.as_millis().to_string(),
            self.directory.display().to_string(),
        ]
    }

    pub fn from_arguments(arguments: &[String]) -> Result<Self> {
        let [peer, work, bytes, waiting, millis, directory] = arguments else {
            anyhow::bail!("a job has six arguments");
        };
        Ok(Self {
            peer: Peer::from_name(peer)?,
            work: Work::ALL.into_iter().find(|known| known.name() == work).context("unknown work")?,
            message_bytes: bytes.parse()?,
            waiting: if waiting == "spin" { Waiting::Spin } else { Waiting::Block },
            duration: Duration::from_millis(millis.parse()?),
            directory: PathBuf::from(directory),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Job, Peer, Waiting, Work};
    use std::time::Duration;

    #[test]
    fn every_job_survives_the_way_through_arguments() {
        for (peer, work) in Peer::ALL.into_iter().flat_map(|peer| Work::ALL.map(|work| (peer, work))) {
            let waiting = if work == Work::OneWay { Waiting::Spin } else { Waiting::Block };
            let duration = Duration::from_millis(150);
            let job = Job { peer, work, message_bytes: 64, waiting, duration, directory: "/dev/shm/x".into() };
            assert_eq!(Job::from_arguments(&job.to_arguments()).unwrap(), job);
        }
    }
}
