#!/usr/bin/env bash
# borsh, the format, cannot hold a NaN: serializing a structure with one fails at run time. Nor can it hold a list of `()`.
# Everything else that is an f32, infinities included, works, so the first missing measurement is the first error.
# Met by: programs that mark missing values with NaN.
# Seen on: borsh 1.8.1.
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
borsh = { version = "=1.8.1", features = ["derive"] }
TOML
cat > src/main.rs <<'RUST'
fn main() {
    let say = |result: std::io::Result<Vec<u8>>| if result.is_ok() { "works" } else { "error" };
    println!("numbers {}, infinity {}, NaN {}, list of units {}", say(borsh::to_vec(&[1.5f32, 2.5])),
        say(borsh::to_vec(&[f32::INFINITY])), say(borsh::to_vec(&[f32::NAN])), say(borsh::to_vec(&vec![(), ()])));
}
RUST
seen=$(cargo run -q)
surprise="numbers works, infinity works, NaN error, list of units error"
echo "version:  borsh 1.8.1"
echo "expected: numbers works, infinity works, NaN works, list of units works"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
