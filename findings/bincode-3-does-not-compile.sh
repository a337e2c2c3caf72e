#!/usr/bin/env bash
# Version 3.0.0 of bincode, the newest, contains nothing but an error: it cannot be compiled. `cargo add bincode` chooses it.
# The last version that works is 2.0.1; tools that offer updates by version number alone propose the step to 3.0.0.
# Met by: users of bincode, when they add or update it without a version.
# Seen on: bincode 3.0.0, Rust 1.95.
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
TOML
echo 'fn main() { println!("compiled"); }' > src/main.rs
cargo add -q bincode 2>/dev/null
chosen=$(sed -n 's/^bincode = .*"\([0-9.]*\)".*/\1/p' Cargo.toml)
cargo add -q bincode@=3.0.0 2>/dev/null
if cargo check -q 2>errors; then new=compiles; else grep -q "could not compile .bincode" errors; new="does not compile"; fi
cargo add -q bincode@=2.0.1 2>/dev/null
cargo check -q
old=compiles
seen="cargo add chooses $chosen; 3.0.0 $new, 2.0.1 $old"
surprise="cargo add chooses 3.0.0; 3.0.0 does not compile, 2.0.1 compiles"
echo "version:  bincode 3.0.0, $(cargo --version)"
echo "expected: cargo add chooses a version that compiles"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
