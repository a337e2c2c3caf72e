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
    let s = Sandbox::new().with("TERM", "xterm");
    File::create(s.home("large")).and_then(|file| file.set_len(150 << 20)).expect("a file");
    s.run("shm-writer demo --file large").prints("");
    let screen = Terminal::run(&s, "shm-writer -v demo --file large").shows("published 1 value");
    assert!(screen.contains("128.0 MiB of 150.0 MiB") && screen.contains("\x1b[2K"), "{screen:?}");
    let s = s.with("TERM", "dumb");
    let screen = Terminal::run(&s, "shm-writer -v demo --file large").shows("published 1 value");
    assert!(screen.contains("128.0 MiB of 150.0 MiB\r\n") && !screen.contains('\x1b'), "{screen:?}");
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
    s.ok("{ cat f; printf end; } | shm-writer map block --size 100003; n=$(cat f); printf '{\"%s\":1,\"%s\":1}' $n $n > twice");
    let fields = (0..400).map(|number| format!(r#"{{"{}{number}":"U8"}}"#, "y".repeat(100)));
    let fields = fields.collect::<Vec<_>>().join(",");
    let schema = format!(r#"{{"type":{{"TYPENAME":"A"}},"types":{{"A":{{"STRUCT":[{fields}]}}}}}}"#);
    fs::write(s.home("type"), schema).expect("a file in the sandbox");
    s.ok("shm-writer create typed --schema type; seq 1000 | shm-writer many --slots 1024");
    s.ok("head -c 200000 /dev/zero | tr '\\0' z | dd of=$SHM_DIR/many bs=4096 seek=2 conv=notrunc status=none");
    for (command, end) in [
        ("shm-reader map block", "--len or a pipe"),
        ("shm-reader map block --hex --at 1", "--len or a pipe"),
        ("shm-reader bytes --hex", "--raw, --json or a pipe"),
        ("shm-reader inspect typed", "--schema or a pipe"),
        ("shm-reader verify many", "--json or a pipe"),
        ("shm-writer other --as json --file twice", "a pipe"),
    ] {
        let screen = Terminal::run(&s, command).shows(end);
        assert!(screen.len() < 30_000 && screen.contains(" more (all of it: "), "{command}: {}", screen.len());
        let piped = s.run(&format!("{command} 2>&1 | cat")).text();
        assert!(piped.len() > 20_000 && !piped.contains(" more (all of it: "), "{command}: {}", piped.len());
    }
    let screen = Terminal::run(&s, "shm-reader map block --len 100003").shows("end");
    assert!(screen.len() >= 100_000, "all of it was asked for");
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
