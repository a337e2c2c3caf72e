#!/usr/bin/env bash
# These types write themselves in bincode without an error and cannot read the result: a colour with transparency of palette, and a date
# and time of toml. They count on the names of fields when they are read, and bincode has none.
# Met by: programs that put such a value into a type of theirs; the test that only encodes, or that uses JSON, passes.
# Seen on: palette 0.7.7, toml 1.2.2, serde 1.0.229, bincode 2.0.1.
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
serde = "=1.0.229"
bincode = { version = "=2.0.1", features = ["serde"] }
palette = { version = "=0.7.7", default-features = false, features = ["std", "serializing"] }
toml = "=1.2.2"
serde_json = "=1.0.154"
TOML
cat > src/main.rs <<'RUST'
use serde::{de::DeserializeOwned, Serialize};

fn round_trips<T: Serialize + DeserializeOwned + PartialEq>(value: T) -> String {
    let layout = bincode::config::legacy();
    let json: T = serde_json::from_str(&serde_json::to_string(&value).unwrap()).unwrap();
    assert!(json == value);
    let bytes = bincode::serde::encode_to_vec(&value, layout).unwrap();
    match bincode::serde::decode_from_slice::<T, _>(&bytes, layout) {
        Ok((read, _)) => if read == value { "equal".into() } else { "different".into() },
        Err(bincode::error::DecodeError::OtherString(text)) => text,
        Err(error) => error.to_string(),
    }
}

fn main() {
    let opaque = palette::Srgb::new(0.1f32, 0.2, 0.3);
    println!("colour: {}; with transparency: {}; date: {}", round_trips(opaque),
        round_trips(palette::Srgba::new(0.1f32, 0.2, 0.3, 1.0)),
        round_trips("1979-05-27T07:32:00Z".parse::<toml::value::Datetime>().unwrap()));
}
RUST
seen=$(cargo run -q)
surprise="colour: equal; with transparency: missing field \`alpha\`; date: invalid type: sequence, expected a TOML datetime"
echo "version:  palette 0.7.7, toml 1.2.2, serde 1.0.229, bincode 2.0.1"
echo "expected: colour: equal; with transparency: equal; date: equal"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
