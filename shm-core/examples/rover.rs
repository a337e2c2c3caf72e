//! Publishes values of a type with structs, enums, maps and bytes into the region `rover`. Print them
//! with `shm-reader rover` and `shm-reader inspect rover`, which do not know the type.

use serde::{Deserialize, Serialize};
use shm_core::Writer;
use std::collections::BTreeMap;

#[derive(Serialize, Deserialize)]
struct Rover {
    name: String,
    position: Position,
    wheels: [f32; 4],
    power: Power,
    route: Vec<Position>,
    limits: BTreeMap<String, f64>,
    hits_by_sector: BTreeMap<u8, u32>,
    operator: Option<String>,
    // Without serde_bytes, each byte is a separate value. Encoding and decoding then take much longer, and
    // programs that do not know the type see a list of numbers.
    #[serde(with = "serde_bytes")]
    thumbnail: Vec<u8>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Position(f64, f64);

#[derive(Serialize, Deserialize)]
enum Power {
    Off,
    Battery { percent: u8, celsius: f32 },
    Cable(String),
}

fn main() -> anyhow::Result<()> {
    let mut writer = Writer::open("rover")?;
    let start = Position(48.137, 11.575);
    for (number, power) in [Power::Off, Power::Battery { percent: 80, celsius: 31.5 }, Power::Cable("dock 2".into())]
        .into_iter()
        .enumerate()
    {
        writer.publish(&Rover {
            name: "Ada".into(),
            position: start,
            wheels: [0.1, 0.2, 0.3, 0.4],
            power,
            route: vec![start; number],
            limits: BTreeMap::from([("speed".into(), 1.5), ("slope".into(), 0.25)]),
            hits_by_sector: BTreeMap::from([(2, 7), (10, 1)]),
            operator: (number > 0).then(|| "Grace".into()),
            thumbnail: vec![0xff, 0xd8, 0xff],
        })?;
    }
    Ok(())
}
