#!/usr/bin/env bash
# serde_with's `DefaultOnError`, which should replace only values that cannot be read, replaces every valid value in bincode and postcard
# and leaves its bytes where they are, so the next field is read from them. It decodes by way of a form that these formats lack, and
# it takes their refusal for a bad value. Nothing fails; JSON, CBOR and MessagePack work.
# Met by: types made tolerant for JSON that are later sent through a binary format.
# Seen on: serde_with 3.25.0, serde 1.0.229, bincode 2.0.1, postcard 1.2.0, serde_json 1.0.154.
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
serde_with = "=3.25.0"
bincode = { version = "=2.0.1", features = ["serde"] }
postcard = { version = "=1.2.0", features = ["use-std"] }
serde_json = "=1.0.154"
TOML
cat > src/main.rs <<'RUST'
use serde::{Deserialize, Serialize};
use serde_with::{serde_as, DefaultOnError};

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
struct Sample {
    #[serde_as(as = "DefaultOnError")]
    channel: u8,
    level: u8,
}

fn main() {
    let sample = Sample { channel: 7, level: 9 };
    let layout = bincode::config::legacy();
    let bytes = bincode::serde::encode_to_vec(&sample, layout).unwrap();
    let bincode: Sample = bincode::serde::decode_from_slice(&bytes, layout).unwrap().0;
    let postcard: Sample = postcard::from_bytes(&postcard::to_stdvec(&sample).unwrap()).unwrap();
    let json: Sample = serde_json::from_str(&serde_json::to_string(&sample).unwrap()).unwrap();
    let answers = [bincode, postcard, json].map(|s| format!("({}, {})", s.channel, s.level));
    println!("(7, 9) comes back as {} (bincode), {} (postcard), {} (JSON)", answers[0], answers[1], answers[2]);
}
RUST
seen=$(cargo run -q)
surprise="(7, 9) comes back as (0, 7) (bincode), (0, 7) (postcard), (7, 9) (JSON)"
echo "version:  serde_with 3.25.0, bincode 2.0.1, postcard 1.2.0, serde_json 1.0.154"
echo "expected: (7, 9) comes back as (7, 9) from each, or an error"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
