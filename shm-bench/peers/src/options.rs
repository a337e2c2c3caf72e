//! The command line.

use crate::job::Peer;
use crate::tables::TABLES;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::time::Duration;

pub const HELP: &str = "\
Usage: peers [--quick] [--charts DIRECTORY] [--table NAME...] [--only PEER...]

  --quick             a short run, for a first look
  --charts DIRECTORY  write one SVG for each table
  --table NAME...     only these tables: round-trip, round-trip-blocking,
                      one-way-small, one-way-large, in-place, latest
  --only PEER...      only these peers: shm, iceoryx2, shmem-ipc, ipc-channel,
                      pipe, unix-stream, unix-seqpacket, tcp, python
";

/// What to measure, and how long.
pub struct Options {
    pub rounds: usize,
    pub duration: Duration,
    pub charts: Option<PathBuf>,
    tables: Vec<String>,
    peers: Vec<Peer>,
}

impl Options {
    /// `None`: help is wanted.
    pub fn from_arguments(arguments: &[String]) -> Result<Option<Self>> {
        let mut options = Self {
            rounds: 5,
            duration: Duration::from_millis(150),
            charts: None,
            tables: Vec::new(),
            peers: Vec::new(),
        };
        let mut rest = arguments.iter().peekable();
        while let Some(option) = rest.next() {
            let mut values = Vec::new();
            while let Some(value) = rest.next_if(|next| !next.starts_with("--") && option != "--quick") {
                values.push(value.as_str());
            }
            match (option.as_str(), &values[..]) {
                ("--help", _) => return Ok(None),
                ("--quick", []) => (options.rounds, options.duration) = (2, Duration::from_millis(30)),
                ("--charts", [directory]) => options.charts = Some(PathBuf::from(directory)),
                ("--table", [_, ..]) => options.tables = values.into_iter().map(known_table).collect::<Result<_>>()?,
                ("--only", [_, ..]) => {
                    options.peers = values.into_iter().map(Peer::from_name).collect::<Result<_>>()?
                }
                _ => bail!("'{option}' is not understood here; see --help"),
            }
        }
        Ok(Some(options))
    }

    pub fn wants_table(&self, name: &str) -> bool {
        self.tables.is_empty() || self.tables.iter().any(|wanted| wanted == name)
    }

    pub fn wants_peer(&self, peer: Peer) -> bool {
        self.peers.is_empty() || self.peers.contains(&peer)
    }
}

fn known_table(name: &str) -> Result<String> {
    let table = TABLES.iter().find(|table| table.name == name);
    Ok(table.with_context(|| format!("there is no table '{name}'; see --help"))?.name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::Options;
    use crate::job::Peer;

    fn parsed(line: &str) -> Option<Options> {
        Options::from_arguments(&Vec::from_iter(line.split_whitespace().map(str::to_owned))).ok().flatten()
    }

    #[test]
    fn lists_end_at_the_next_option() {
        let options = parsed("--only shm tcp --table latest --quick").unwrap();
        assert_eq!([Peer::Shm, Peer::Tcp, Peer::Pipe].map(|peer| options.wants_peer(peer)), [true, true, false]);
        assert_eq!(["latest", "in-place"].map(|table| options.wants_table(table)), [true, false]);
        assert_eq!(options.rounds, 2);
    }

    #[test]
    fn mistakes_are_refused() {
        for line in ["--only", "--only nobody", "--table nothing", "--charts", "--charts a b", "--quick x", "quick"] {
            assert!(parsed(line).is_none(), "{line}");
        }
    }
}
