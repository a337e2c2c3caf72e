//! What every measurement needs: the second process, the directory, and for how long to measure.

use std::time::Duration;

use anyhow::Result;

use super::machine::{self, Machine};
use super::peer::Peer;
use super::workplace::Workplace;
use crate::signals;

/// A benchmark in progress. Dropped, it leaves nothing behind.
pub struct Session {
    pub peer: Peer,
    pub workplace: Workplace,
    /// How long a run measures, after a tenth of that to warm up.
    pub time: Duration,
}

impl Session {
    /// Starts the second process, and sees to it that nothing is left behind when a signal ends the program.
    pub fn start(machine: &Machine, time: Duration) -> Result<Self> {
        let directory = Workplace::directory_of_this_process();
        let peer = Peer::start(&directory, machine.pair().map(|(_, second)| second))?;
        let ender = peer.ender();
        signals::before_end(move || ender.end())?;
        let workplace = Workplace::create(directory)?;
        if let Some((first, _)) = machine.pair() {
            machine::pin(first)?;
        }
        Ok(Self { peer, workplace, time })
    }
}
