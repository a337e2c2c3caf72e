#!/usr/bin/env bash
# An EnumSet is written as the smallest integer that holds all variants of its enum. A ninth variant makes that integer two bytes wide,
# so values written before shift all later fields when they are read. Unknown bits are ignored by default: nothing fails.
# Met by: programs that add a variant to a set of flags and read older bincode values, or are one version ahead of their peer.
# Seen on: enumset 1.1.15, serde 1.0.229, bincode 2.0.1.
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
enumset = { version = "=1.1.15", features = ["serde"] }
bincode = { version = "=2.0.1", features = ["serde"] }
TOML
cat > src/main.rs <<'RUST'
use enumset::{EnumSet, EnumSetType};
use serde::{de::DeserializeOwned, Deserialize, Serialize};

#[derive(EnumSetType)]
enum Eight { A, B, C, D, E, F, G, H }

#[derive(EnumSetType)]
enum Nine { A, B, C, D, E, F, G, H, I }

#[derive(Serialize, Deserialize)]
struct Old { flags: EnumSet<Eight>, levels: [u8; 3] }

#[derive(Serialize, Deserialize)]
struct New { flags: EnumSet<Nine>, levels: [u8; 3] }

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> T {
    bincode::serde::decode_from_slice(bytes, bincode::config::legacy()).unwrap().0
}

fn main() {
    let record = |level| Old { flags: Eight::A | Eight::H, levels: [level, 20, 30] };
    let bytes = bincode::serde::encode_to_vec([record(10), record(11)], bincode::config::legacy()).unwrap();
    let old: Old = decode(&bytes);
    let new: New = decode(&bytes);
    println!("eight variants read {} flags and {:?}, nine variants read {} flags and {:?}",
        old.flags.len(), old.levels, new.flags.len(), new.levels);
}
RUST
seen=$(cargo run -q 2>/dev/null)
surprise="eight variants read 2 flags and [10, 20, 30], nine variants read 2 flags and [20, 30, 129]"
echo "version:  enumset 1.1.15, serde 1.0.229, bincode 2.0.1"
echo "expected: both read 2 flags and [10, 20, 30], or the second is an error"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
