//! Programs that know nothing but docs/FORMAT.md: a reader in C, and the Python package, together with ours.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::harness::{Sandbox, workspace};

/// The C example, compiled without a warning.
fn c_reader() -> &'static str {
    static PROGRAM: OnceLock<String> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("c-reader").display().to_string();
        let source = workspace().join("docs/examples/reader.c").display().to_string();
        Sandbox::new().ok(&format!("cc -std=c11 -Wall -Wextra -Werror -O2 -o {program} {source}"));
        program
    })
}

#[test]
fn a_program_in_c_prints_the_newest_value_of_every_kind() {
    let s = Sandbox::new();
    let reader = c_reader();
    s.ok("shm-writer demo hello; shm-writer --as json object '{\"a\": 1}'; shm-writer --checksum safe sound");
    s.run(&format!("{reader} demo; {reader} object; {reader} safe")).prints("hello\n{\"a\": 1}\nsound\n");
    s.ok("rover; shm-writer create cam --array u1:2,3; printf abcdef | shm-writer cam");
    s.run(&format!("{reader} cam")).prints("abcdef\n");
    s.ok(&format!("shm-reader --raw rover > expected; echo >> expected; {reader} rover | cmp - expected"));
    s.ok("head -c 100000 /dev/urandom > large; shm-writer --file large demo");
    s.ok(&format!("{reader} demo | head -c 100000 | cmp - large"));
}

#[test]
fn a_program_in_c_follows_through_growth_and_counts_what_it_missed() {
    let s = Sandbox::new();
    let reader = c_reader();
    let mut writer = s.spawn("shm-writer demo");
    writer.write("start\n");
    s.holds("demo", "start");
    let mut follower = s.spawn(&format!("{reader} -f demo"));
    follower.expect(&["start"]);
    writer.write("one\n");
    follower.expect(&["one"]);
    let long = "x".repeat(10_000);
    writer.write(&format!("{long}\ntwo\n"));
    follower.expect(&[long.as_str(), "two"]);
    writer.close_stdin();
    writer.wait().exits(0);
    follower.wait().exits(0);

    let mut writer = s.spawn("sh -c '{ echo 1; read go; seq 2 100000; } | shm-writer --slots 4 few'");
    s.holds("few", "1");
    let mut follower = s.spawn(&format!("{reader} -f few"));
    follower.expect(&["1"]);
    writer.write("go\n");
    let outcome = follower.finish().exits(0);
    let missed = outcome
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("missed ")?.split(' ').next()?.parse::<usize>().ok());
    let missed: usize = missed.sum();
    let received = outcome.lines();
    assert_eq!(received.len() + missed, 99_999, "all behind the first: {}", outcome.stderr);
    assert_eq!(received.last().map(String::as_str), Some("100000"));
}

#[test]
fn a_program_in_c_refuses_what_it_must() {
    let s = Sandbox::new();
    let reader = c_reader();
    s.ok("shm-writer demo hello; printf plain > $SHM_DIR/plain; : > $SHM_DIR/empty; mkfifo $SHM_DIR/pipe");
    for (name, code) in [("missing", 3), ("plain", 5), ("empty", 5), ("pipe", 5), (".hidden", 2)] {
        s.run(&format!("{reader} {name}")).exits(code).complains(&[name]);
    }
    s.ok("printf X | dd of=$SHM_DIR/demo bs=1 seek=64 conv=notrunc status=none");
    s.run(&format!("{reader} demo")).exits(5).complains(&["demo", "CRC of the header"]);
    s.ok("shm-writer create --slots 2 short; truncate -s 4096 $SHM_DIR/short");
    s.run(&format!("{reader} short")).exits(5).complains(&["short", "damaged"]);
}
