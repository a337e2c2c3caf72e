//! Tests of large values: how much memory they take, and what is seen of them.

use std::fs::{self, File};

use super::terminal::Terminal;
use crate::harness::Sandbox;

// Reported 44.
#[test]
fn a_large_file_takes_two_slots_of_its_own_size() {
    let s = Sandbox::new();
    const BYTES: u64 = 160 << 20;
    let file = File::create(s.home("large")).expect("a file");
    s.ok("head -c 3000001 /dev/urandom > large");
    file.set_len(BYTES + 5).expect("a file with a hole");
    s.ok("printf end >> large; shm-writer demo --file large; shm-reader demo --raw | cmp - large");
    let bytes = fs::metadata(s.shm("demo")).expect("a region").len();
    assert!(bytes * 100 <= BYTES * 201, "{bytes} bytes");
    assert_eq!(s.inspect("demo")["slots"], 2);
    // The same in a region that was made for small values, which keeps these.
    s.ok("printf hello > small; shm-writer other -F small; shm-writer other -F large; shm-reader other --raw | cmp - large");
    let bytes = fs::metadata(s.shm("other")).expect("a region").len();
    assert!(bytes * 100 <= BYTES * 201, "{bytes} bytes");
    assert_eq!(s.ok("shm-reader other --from 1 -n 1"), "hello\n");
    // A file that claims to be empty is read to its end.
    s.ok("shm-writer third --file /proc/version && shm-reader third --raw | cmp - /proc/version");
}

// Reported 44.
#[test]
fn a_large_file_shows_progress_on_a_terminal_and_only_there() {
    let s = Sandbox::new();
    File::create(s.home("large")).and_then(|file| file.set_len(150 << 20)).expect("a file");
    s.run("shm-writer demo --file large").prints("");
    let screen = Terminal::run(&s, "shm-writer -v demo --file large").shows("published 1 value");
    assert!(screen.contains("128.0 MiB of 150.0 MiB"), "{screen:?}");
}

// Reported 44.
#[test]
fn a_large_value_does_not_flood_a_terminal() {
    let s = Sandbox::new();
    s.ok("head -c 100000 /dev/zero | tr '\\0' x > f; shm-writer bytes -F f; shm-writer text --as text -F f");
    s.ok("{ printf '\"'; cat f; printf '\"'; } | shm-writer json --as json --whole");
    for region in ["bytes", "text", "json"] {
        let screen = Terminal::run(&s, &format!("shm-reader {region}")).shows("--raw");
        assert!(screen.len() < 10_000 && screen.contains(" more (all of it: "), "{region}: {}", screen.len());
        let whole = s.ok(&format!("shm-reader {region}"));
        assert!(whole.len() > 100_000, "not through a pipe");
    }
    s.ok("printf end >> f; shm-writer text -F f");
    let screen = Terminal::run(&s, "shm-reader text --raw").shows("end");
    assert!(screen.len() > 100_000, "all of it was asked for");
}

// Reported 47.
#[test]
fn many_small_values_take_little_memory_unless_they_grow() {
    let s = Sandbox::new();
    s.ok("seq 1000000 1065536 | shm-writer demo --slots 65536");
    let bytes = fs::metadata(s.shm("demo")).expect("a region").len();
    assert!(bytes < 10 << 20, "{bytes} bytes");
    s.ok("head -c 1000 /dev/zero | tr '\\0' x | shm-writer demo");
    let info = s.inspect("demo");
    assert_eq!((info["slots"].as_u64(), info["retained"].as_u64()), (Some(65_536), Some(65_536)));
    assert_eq!(s.ok("shm-reader demo --from -2 -n 1"), "1065536\n");
}
