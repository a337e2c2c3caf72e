//! Publishes ten numbers per second into the region `ticks` until Ctrl-C or SIGTERM. It then closes the
//! region, which informs the readers that no more values will come.

use shm_core::Writer;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

fn main() -> anyhow::Result<()> {
    let should_stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register(signal, Arc::clone(&should_stop))?;
    }
    let mut ticks = Writer::<u64>::open("ticks")?;
    while !should_stop.load(Ordering::Relaxed) {
        let next = ticks.head() + 1;
        ticks.publish(&next)?;
        thread::sleep(Duration::from_millis(100));
    }
    Ok(ticks.close()?)
}
