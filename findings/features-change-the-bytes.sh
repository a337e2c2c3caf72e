#!/usr/bin/env bash
# A cargo feature that any crate in a program turns on is on for all of it, and these change how values are written and read: with
# `arbitrary_precision` the number 7 of serde_json takes 9 bytes of bincode instead of 8, and an untagged enum can no longer read an f64;
# with `serde-float` the exact decimal "1.10" of rust_decimal becomes the JSON number 1.1. A new dependency is enough.
# Met by: two programs, or two versions of one, with the same source of their types and other dependencies.
# Seen on: serde_json 1.0.154, rust_decimal 1.43.0, bincode 2.0.1.
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
[features]
from_elsewhere = ["serde_json/arbitrary_precision", "rust_decimal/serde-float"]
[dependencies]
serde = { version = "=1.0.229", features = ["derive"] }
serde_json = "=1.0.154"
bincode = { version = "=2.0.1", features = ["serde"] }
rust_decimal = { version = "=1.43.0", features = ["serde"] }
TOML
cat > src/main.rs <<'RUST'
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(untagged)]
enum Setting {
    Level(f64),
}

fn main() {
    let number = serde_json::Number::from(7);
    let bytes = bincode::serde::encode_to_vec(&number, bincode::config::legacy()).unwrap();
    let price: rust_decimal::Decimal = "1.10".parse().unwrap();
    let value: serde_json::Value = serde_json::from_str("1.5").unwrap();
    let untagged = serde_json::from_str::<Setting>("1.5").map(|Setting::Level(level)| level);
    println!("{} bytes, {}, {value}, {}", bytes.len(), serde_json::to_string(&price).unwrap(),
        untagged.map_or("error".into(), |level| level.to_string()));
}
RUST
seen="alone: $(cargo run -q); with the features on: $(cargo run -q --features from_elsewhere)"
surprise='alone: 8 bytes, "1.10", 1.5, 1.5; with the features on: 9 bytes, 1.1, 1.5, error'
echo "version:  serde_json 1.0.154, rust_decimal 1.43.0, bincode 2.0.1"
echo "expected: the same bytes and texts both times"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
