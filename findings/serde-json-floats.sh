#!/usr/bin/env bash
# serde_json reads one in ten random numbers between 0 and 1 as the neighbour of the one that it wrote: its parser is exact only with the
# feature `float_roundtrip`. And 0.1f32 is written as 0.1, but as 0.10000000149011612 if the value goes through `to_value` first.
# Met by: programs that compare, hash or check sums of numbers that went through JSON.
# Seen on: serde_json 1.0.154.
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
serde_json = "=1.0.154"
TOML
cat > src/main.rs <<'RUST'
fn main() {
    let (mut state, mut changed) = (1u64, 0);
    for _ in 0..10_000 {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let number = (state >> 11) as f64 / (1u64 << 53) as f64;
        let read: f64 = serde_json::from_str(&serde_json::to_string(&number).unwrap()).unwrap();
        changed += u32::from(read != number);
    }
    let direct = serde_json::to_string(&0.1f32).unwrap();
    let detour = serde_json::to_string(&serde_json::to_value(0.1f32).unwrap()).unwrap();
    println!("about {} of 100 numbers changed; 0.1f32 is written as {direct}, by way of to_value as {detour}",
        (changed + 50) / 100);
}
RUST
seen=$(cargo run -q)
surprise="about 10 of 100 numbers changed; 0.1f32 is written as 0.1, by way of to_value as 0.10000000149011612"
echo "version:  serde_json 1.0.154"
echo "expected: about 0 of 100 numbers changed; 0.1f32 is written as 0.1 both times"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
