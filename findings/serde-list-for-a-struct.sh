#!/usr/bin/env bash
# A derived Deserialize reads a struct also from a JSON list of its fields, and a unit variant also from an object with null, with
# `deny_unknown_fields`, too. So one value has several documents, and a document that no schema allows is accepted.
# Met by: programs that check or compare a document by parsing it, while a reader in another language refuses it (serde-rs/serde#2438).
# Seen on: serde 1.0.229, serde_json 1.0.154.
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
serde_json = "=1.0.154"
TOML
cat > src/main.rs <<'RUST'
use serde::Deserialize;

#[derive(Debug, Deserialize)]
enum Format {
    U8,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Column {
    name: String,
    format: Format,
}

fn main() {
    let documents = [r#"["a","U8"]"#, r#"{"name":"a","format":{"U8":null}}"#];
    let read = documents.map(|document| serde_json::from_str::<Column>(document).is_ok());
    println!("accepted: {} {}, {} {}", documents[0], read[0], documents[1], read[1]);
}
RUST
seen=$(cargo run -q)
surprise='accepted: ["a","U8"] true, {"name":"a","format":{"U8":null}} true'
echo "version:  serde 1.0.229, serde_json 1.0.154"
echo 'expected: accepted: ["a","U8"] false, {"name":"a","format":{"U8":null}} false'
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
