#!/usr/bin/env bash
# In JSON, too, `half::f16` is written as the integer of its bits: 1.5 is 15872. bf16 is written the same way with other bits, so a program
# that reads f16 values as bf16, or as f32 or an integer, gets another number and no error. `fixed` does it as well, in a field `bits`.
# Met by: programs that publish sensor or model values as half floats to readers of JSON.
# Seen on: half 2.7.1, serde_json 1.0.154.
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
half = { version = "=2.7.1", features = ["serde"] }
serde_json = "=1.0.154"
TOML
cat > src/main.rs <<'RUST'
fn main() {
    let text = serde_json::to_string(&half::f16::from_f32(1.5)).unwrap();
    let same: half::f16 = serde_json::from_str(&text).unwrap();
    let brain: half::bf16 = serde_json::from_str(&text).unwrap();
    let single: f32 = serde_json::from_str(&text).unwrap();
    println!("1.5 is written as {text}, read as f16 {same}, as bf16 {brain}, as f32 {single}");
}
RUST
seen=$(cargo run -q)
surprise="1.5 is written as 15872, read as f16 1.5, as bf16 0.125, as f32 15872"
echo "version:  half 2.7.1, serde_json 1.0.154"
echo "expected: 1.5 is written as 1.5, read as f16 1.5, as bf16 1.5, as f32 1.5"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
