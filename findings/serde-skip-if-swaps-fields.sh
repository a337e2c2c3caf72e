#!/usr/bin/env bash
# `skip_serializing_if = "Option::is_none"`, with `default` beside it, swaps fields in formats that write a structure without names:
# the value of the second field comes back in the first, and nothing fails. JSON and CBOR return the value that was given.
# Met by: types made for JSON that are later sent through bincode, or through rmp-serde, whose plain `to_vec` writes arrays.
# Seen on: serde 1.0.229, bincode 2.0.1, rmp-serde 1.3.1, ciborium 0.2.2.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"
[dependencies]
serde = { version = "=1.0.229", features = ["derive"] }
bincode = { version = "=2.0.1", features = ["serde"] }
rmp-serde = "=1.3.1"
ciborium = "=0.2.2"
TOML
cat > src/main.rs <<'RUST'
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Report {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    speed: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    heading: Option<u16>,
}

fn show(format: &str, report: Report) {
    println!("{format}: speed {:?}, heading {:?}", report.speed, report.heading);
}

fn main() {
    let north = Report { speed: None, heading: Some(0) };
    let layout = bincode::config::legacy();
    let bytes = bincode::serde::encode_to_vec(&north, layout).unwrap();
    show("bincode", bincode::serde::decode_from_slice(&bytes, layout).unwrap().0);
    show("rmp-serde", rmp_serde::from_slice(&rmp_serde::to_vec(&north).unwrap()).unwrap());
    let mut bytes = Vec::new();
    ciborium::into_writer(&north, &mut bytes).unwrap();
    show("ciborium", ciborium::from_reader(&bytes[..]).unwrap());
}
RUST
seen=$(cargo run -q | paste -sd ';')
surprise="bincode: speed Some(0), heading None;rmp-serde: speed Some(0), heading None;ciborium: speed None, heading Some(0)"
echo "version:  serde 1.0.229, bincode 2.0.1, rmp-serde 1.3.1, ciborium 0.2.2"
echo "expected: speed None, heading Some(0) from each, or an error"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
