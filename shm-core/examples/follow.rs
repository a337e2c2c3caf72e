//! Prints typed values from the region `climate` until its writer closes it. Run `publish` in another terminal.

use serde::{Deserialize, Serialize};
use shm_core::{Position, ReaderOptions};
use std::time::Duration;

#[derive(Serialize, Deserialize)]
struct Reading {
    room: String,
    celsius: f64,
}

fn main() -> anyhow::Result<()> {
    let mut reader =
        ReaderOptions::new().open_timeout(Duration::MAX).start(Position::Oldest).open::<Reading>("climate")?;
    while let Some(sample) = reader.recv()? {
        println!("{}: {} {} °C", sample.sequence, sample.value.room, sample.value.celsius);
    }
    Ok(())
}
