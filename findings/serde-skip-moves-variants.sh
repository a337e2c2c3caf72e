#!/usr/bin/env bash
# `#[serde(skip)]` on a variant in the middle of an enum makes the two derived halves disagree: Serialize numbers the variants with
# the skipped one, Deserialize without it. In a format that writes numbers, each later variant comes back as its neighbour.
# Met by: users of bincode and postcard, which write numbers. JSON, CBOR and MessagePack write names and show nothing in tests.
# Seen on: serde 1.0.229, bincode 2.0.1, postcard 1.2.0, serde_json 1.0.154.
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
postcard = { version = "=1.2.0", features = ["use-std"] }
serde_json = "=1.0.154"
TOML
cat > src/main.rs <<'RUST'
use serde::{Deserialize, Serialize};

#[allow(dead_code)]
#[derive(Debug, Serialize, Deserialize)]
enum Mode {
    Off,
    #[serde(skip)]
    Internal,
    Manual,
    Automatic,
}

fn main() {
    let layout = bincode::config::legacy();
    let bytes = bincode::serde::encode_to_vec(Mode::Manual, layout).unwrap();
    let (bincode, _): (Mode, usize) = bincode::serde::decode_from_slice(&bytes, layout).unwrap();
    let postcard: Mode = postcard::from_bytes(&postcard::to_stdvec(&Mode::Manual).unwrap()).unwrap();
    let json: Mode = serde_json::from_str(&serde_json::to_string(&Mode::Manual).unwrap()).unwrap();
    println!("Manual comes back as {bincode:?} (bincode), {postcard:?} (postcard), {json:?} (JSON)");
}
RUST
seen=$(cargo run -q)
surprise="Manual comes back as Automatic (bincode), Automatic (postcard), Manual (JSON)"
echo "version:  serde 1.0.229, bincode 2.0.1, postcard 1.2.0, serde_json 1.0.154"
echo "expected: Manual comes back as Manual (bincode), Manual (postcard), Manual (JSON)"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
