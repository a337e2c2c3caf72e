//! Publishes typed values into the region `climate`. Run `follow` in another terminal.

use serde::{Deserialize, Serialize};
use shm_core::Writer;

#[derive(Serialize, Deserialize)]
struct Reading {
    room: String,
    celsius: f64,
}

fn main() -> anyhow::Result<()> {
    let mut writer = Writer::open("climate")?;
    for celsius in [20.5, 21.0, 21.5] {
        let sequence = writer.publish(&Reading { room: "kitchen".into(), celsius })?;
        println!("published {sequence}: {celsius} °C");
    }
    Ok(())
}
