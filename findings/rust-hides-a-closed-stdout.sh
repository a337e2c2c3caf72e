#!/usr/bin/env bash
# A Rust program that is started with its standard output closed (`>&-`) prints and flushes without an error and ends with 0, and its
# output is gone: before `main`, the standard library opens /dev/null in place of each closed stream. A program in C gets EBADF.
# Met by: services and cron jobs whose parent closes the standard streams instead of redirecting them.
# Seen on: Rust 1.95.0, coreutils 9.1, Linux 6.18.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > print.rs <<'RUST'
use std::io::{self, Write};

fn main() -> io::Result<()> {
    io::stdout().write_all(b"a value\n")?;
    io::stdout().flush()
}
RUST
rustc print.rs
ours=0 printfs=0
./print >&- 2> /dev/null || ours=$?
env printf 'a value\n' >&- 2> /dev/null || printfs=$?
seen="printf (C): $printfs, Rust: $ours"
surprise="printf (C): 1, Rust: 0"
echo "version:  $(rustc --version), $(env printf --version | head -n 1)"
echo "expected: printf (C): 1, Rust: an error, too"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
