//! Tests where values come from: the argument, a file, or stdin and the way it is split, and which of them is read.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use serde_json::Value;

use crate::harness::{Sandbox, Started, eventually, start};

/// Returns `(kind, len)` of each retained value, oldest first.
fn held(s: &Sandbox) -> Vec<(String, u64)> {
    let lines = s.run("shm-reader demo --from oldest --json").succeeds().json();
    let describe = |line: &Value| (line["kind"].as_str()?.to_owned(), line["len"].as_u64()?).into();
    lines.iter().filter_map(describe).collect()
}

#[track_caller]
fn check(write: &str, kind: &str, lengths: &[u64], raw: &[u8]) {
    let s = Sandbox::new();
    s.run(write).prints("");
    let expected: Vec<_> = lengths.iter().map(|len| (kind.to_owned(), *len)).collect();
    assert_eq!(held(&s), expected, "{write}");
    s.run("shm-reader demo --from oldest --raw").prints(raw);
}

#[test]
fn stdin_is_cut_as_asked() {
    check("printf 'a\\nbc\\n' | shm-writer demo", "text", &[1, 2], b"abc");
    check("printf 'a\\nbc' | shm-writer demo", "text", &[1, 2], b"abc");
    check("printf 'a\\n\\n\\nb\\r\\n' | shm-writer demo", "text", &[1, 0, 0, 2], b"ab\r");
    check("printf 'a b\\0c\\nd\\0' | shm-writer demo -z", "text", &[3, 3], b"a bc\nd");
    check("printf 'a\\0\\0b' | shm-writer demo --null", "text", &[1, 0, 1], b"ab");
    check("printf 'abcdefghij' | shm-writer demo --chunk 4", "bytes", &[4, 4, 2], b"abcdefghij");
    check("printf 'abcdefgh' | shm-writer demo --chunk 4", "bytes", &[4, 4], b"abcdefgh");
    check("printf 'a\\nb\\n' | shm-writer demo --whole", "bytes", &[4], b"a\nb\n");
    check("printf 'a\\nb\\n' | shm-writer demo --whole --as text", "text", &[4], b"a\nb\n");
    check("printf '\\377\\n\\0\\n' | shm-writer demo --as bytes", "bytes", &[1, 1], b"\xff\0");
    check("printf '{\"a\":1}\\n[2]\\n' | shm-writer demo --as json", "json", &[7, 3], b"{\"a\":1}[2]");
}

#[test]
fn a_chunk_arrives_whole_from_a_pipe_that_gives_a_little_at_a_time() {
    let s = Sandbox::new();
    let mut reader = s.spawn("shm-reader demo -f").idle();
    let mut writer = s.spawn("shm-writer demo --chunk 6 --as text");
    for piece in ["ab", "cd", "ef", "gh"] {
        writer.write(piece);
    }
    reader.expect(&["abcdef"]);
    writer.finish().prints("");
    reader.expect(&["gh"]);
}

#[test]
fn a_file_is_one_value() {
    check("printf 'a\\n\\0b' > f; shm-writer demo --file f", "bytes", &[4], b"a\n\0b");
    check("printf 'a\\nb' > f; shm-writer demo -F f --as text", "text", &[3], b"a\nb");
    check(": > f; shm-writer demo -F f", "bytes", &[0], b"");
}

#[test]
fn stdin_is_not_touched_when_a_value_or_a_file_is_given() {
    let s = Sandbox::new();
    s.run("printf 'a\\nb\\n' | { shm-writer demo hello; cat; }").prints("a\nb\n");
    s.run("echo file > f; printf 'a\\nb\\n' | { shm-writer demo --file f; cat; }").prints("a\nb\n");
    let waiting = s.spawn("shm-writer demo given");
    waiting.wait().prints("");
    s.run("shm-reader demo").prints("given\n");
}

#[test]
fn stdin_is_published_wherever_stdout_goes() {
    for redirection in ["> /dev/null", "> out", "| cat", ">&-", "2> /dev/null", "> /dev/full"] {
        let s = Sandbox::new();
        s.run(&format!("echo piped | shm-writer demo {redirection}")).prints("");
        s.run("shm-reader demo").prints("piped\n");
        s.run(&format!("shm-writer demo given < /dev/null {redirection}")).prints("");
        s.run("shm-reader demo").prints("given\n");
    }
}

#[test]
fn an_empty_stdin_publishes_nothing() {
    let s = Sandbox::new();
    s.run("shm-writer demo < /dev/null").prints("");
    s.run("shm-reader demo").exits(3);
    s.run("shm-writer demo hello").prints("");
    s.run("shm-writer demo < /dev/null").prints("");
    s.run("shm-reader demo").prints("hello\n");
}

#[test]
fn a_value_is_repeated_with_its_number_and_time_filled_in() {
    let s = Sandbox::new();
    s.run("shm-writer demo -e 5ms -n 3 'tick {seq} {seq}'").prints("");
    s.run("shm-reader demo --from oldest").prints("tick 1 1\ntick 2 2\ntick 3 3\n");
    s.run("shm-writer demo --every 5ms --count 2 'at {time}'").prints("");
    let line = s.ok("shm-reader demo");
    assert!(line.starts_with("at 2") && line.len() > 5 && !line.contains('{'), "{line}");
}

#[test]
fn a_value_repeated_without_a_count_goes_on_until_told() {
    let s = Sandbox::new();
    let mut reader = s.spawn("shm-reader demo -f").idle();
    let writer = s.spawn("shm-writer demo --every 5ms 'tick {seq}'");
    reader.expect(&["tick 1", "tick 2", "tick 3", "tick 4"]);
    writer.signal(nix::sys::signal::Signal::SIGINT);
    writer.wait().exits(130);
}

#[test]
fn a_line_that_is_not_utf_8_is_an_error_with_its_number_and_a_way_out() {
    let s = Sandbox::new();
    s.run("printf 'fine\\nbad \\377\\nnever\\n' | shm-writer demo").exits(1).complains(&[
        "line 2",
        "--as bytes",
        "demo",
    ]);
    s.run("shm-reader demo").prints("fine\n");
}

#[test]
fn a_line_that_is_not_json_is_refused_by_a_json_region() {
    let s = Sandbox::new();
    s.run("shm-writer demo --as json '{\"a\":'").exits(1).complains(&["demo"]);
    s.run("printf '1\\n{]\\n' | shm-writer demo --as json").exits(1).complains(&["demo", "line 2"]);
    s.run("shm-reader demo").prints("1\n");
}

#[test]
fn the_kind_not_given_is_as_found() {
    let s = Sandbox::new();
    s.ok("shm-writer demo --as json 1");
    s.ok("shm-writer demo '[2]'");
    assert_eq!(held(&s), [("json".to_owned(), 1), ("json".to_owned(), 3)]);
    s.run("shm-writer demo 'not json'").exits(1);
}

#[test]
fn slots_sizes_and_modes_are_as_asked() {
    let s = Sandbox::new();
    s.ok("shm-writer a x && shm-writer b --slots 8 --capacity 100 --mode 640 x && shm-writer create c --slots 2 --capacity 1");
    let check = |region: &str, slots: u64, least: u64| {
        let info = s.inspect(region);
        assert_eq!(info["slots"], slots, "{region}");
        assert!(info["capacity"].as_u64() >= Some(least), "{region}: {info}");
    };
    check("a", 64, 4096);
    check("b", 8, 100);
    check("c", 2, 1);
    assert_eq!(s.ok("stat -c %a $SHM_DIR/b"), "640\n");
}

#[test]
fn the_umask_does_not_change_a_mode_that_was_asked_for() {
    for umask in ["0", "077", "022"] {
        let s = Sandbox::new();
        s.ok(&format!("umask {umask}; shm-writer demo --mode 644 x; shm-writer other --mode 600 x"));
        assert_eq!(s.ok("stat -c %a $SHM_DIR/demo $SHM_DIR/other $SHM_DIR/.demo.lock"), "644\n600\n600\n", "{umask}");
    }
}

#[test]
fn sizes_may_have_units() {
    let s = Sandbox::new();
    s.ok("shm-writer create demo --slots 4 --capacity 64KiB");
    assert!(s.inspect("demo")["capacity"].as_u64() >= Some(65_536));
}

#[test]
fn a_writer_told_to_remove_its_region_does_so_at_the_end() {
    let s = Sandbox::new();
    let mut reader = s.spawn("shm-reader demo -f").idle();
    let mut writer = s.spawn("shm-writer demo --rm");
    writer.write("one\n");
    reader.expect(&["one"]);
    writer.finish().prints("");
    assert_eq!(s.files(), [""; 0]);
}

#[test]
fn checksums_do_not_change_what_is_read() {
    let s = Sandbox::new();
    s.ok("seq 1 100 | shm-writer demo --checksum --slots 128");
    s.run("shm-reader demo --from oldest").prints(s.ok("seq 1 100"));
    s.run("shm-reader verify demo").exits(0);
}

#[test]
fn a_first_line_that_is_refused_leaves_no_region_behind() {
    let s = Sandbox::new();
    s.run("printf '\\377\\n' | shm-writer new").exits(1).complains(&["line 1 is not UTF-8", "--as bytes"]);
    s.run("echo x | shm-writer new --as json").exits(1).complains(&["line 1 is not JSON"]);
    assert_eq!(s.files(), [""; 0]);
    s.ok("printf '\\377\\n' | shm-writer new --as bytes");
    s.run("printf 'a\\nb\\n\\377\\n' | shm-writer text")
        .exits(1)
        .complains(&["line 3", "published 2 values before the error"]);
    s.run("shm-reader text --from oldest").prints("a\nb\n");
}

#[test]
fn repeating_is_refused_where_there_are_many_values() {
    let s = Sandbox::new();
    for command in [
        "echo x | shm-writer demo -z -n 3",
        "echo x | shm-writer demo --chunk 1 -n 3",
        "shm-writer demo --records -n 3",
    ] {
        s.run(command).exits(2).complains(&["repeat"]);
    }
    assert_eq!(s.files(), [""; 0]);
}

// Reported 11.
#[test]
fn sizes_at_each_start_cost_no_value() {
    let s = Sandbox::new();
    let sizes = |region: &str| {
        let info = s.inspect(region);
        (info["slots"].as_u64(), info["capacity"].as_u64(), info["retained"].as_u64())
    };
    let start = "shm-writer demo --slots 16 --capacity 1KiB --checksum --mode 640";
    s.ok(&format!("seq 15 | {start}; head -c 5000 /dev/zero | tr '\\0' x | {start}"));
    let grown = sizes("demo");
    assert_eq!((grown.0, grown.2), (Some(16), Some(16)));
    s.ok(&format!("{start} last && shm-writer demo --slots 2 last && shm-writer demo --capacity 8 last"));
    assert_eq!(sizes("demo"), grown);
    let remark = "region 'demo' keeps its 16 slots of";
    s.run("shm-writer create demo --capacity 1KiB").exits(0).complains(&[remark, "only make a region larger"]);
    s.run("shm-writer create demo --slots 2").exits(0).complains(&[remark]);
    s.run("shm-writer create demo --slots 16 --capacity 5000").prints("");
    assert_eq!(sizes("demo"), grown);
    s.ok("shm-writer create demo --slots 32 --capacity 20000");
    assert_eq!(sizes("demo"), (Some(32), Some(20_000), grown.2));
}

// Reported 16.
#[test]
fn those_who_wait_for_a_region_receive_a_value_that_is_removed_at_once() {
    let s = Sandbox::new();
    for command in ["shm-writer demo --rm hello", "printf hello > f; shm-writer demo --rm --as text -F f"] {
        let followers: Vec<_> = (0..5).map(|_| s.spawn("shm-reader demo -f -n 1").idle()).collect();
        s.ok(command);
        assert!(!s.shm("demo").exists());
        for follower in followers {
            follower.wait().prints("hello\n");
        }
    }
}

// Reported 6, 7 and 24.
#[test]
fn json_that_programs_would_read_differently_is_refused_before_a_region_is_made() {
    let s = Sandbox::new();
    let deep = format!("{}{}", "[".repeat(128), "]".repeat(128));
    for (json, words) in [
        (r#"{"a":1,"a":2}"#, "the name 'a' is there twice in one object"),
        (
            r#"{"id":123456789012345678901234567890}"#,
            "the integer 123456789012345678901234567890 has more than 64 bits",
        ),
        (r#"[1e400]"#, "larger than any f64"),
        (deep.as_str(), "nests deeper than 127 levels"),
    ] {
        s.run(&format!("shm-writer new --as json '{json}'")).exits(1).complains(&["'new'", words, "--as text"]);
        s.run(&format!("echo '{json}' | shm-writer new --as json")).exits(1).complains(&["line 1", words]);
        assert!(!s.shm("new").exists(), "{json}");
    }
    let limit = format!("{}{}", "[".repeat(127), "]".repeat(127));
    s.ok(&format!("shm-writer new --as json '{limit}'"));
    s.run("shm-reader new").prints(format!("{limit}\n"));
}

// Reported 24 and 7.
#[test]
fn a_tree_that_is_printed_is_published_again_and_a_name_twice_is_not() {
    let s = Sandbox::new();
    let schema = r#"{"type":{"TYPENAME":"T"},"types":{"T":{"ENUM":{"0":{"Leaf":{"NEWTYPE":"U8"}},"1":{"Node":{"STRUCT":[{"in":{"TYPENAME":"T"}}]}}}}}}"#;
    std::fs::write(s.home("t.json"), schema).expect("a file in the sandbox");
    s.ok("shm-writer create tree --schema t.json");
    let tree = (0..120).fold("{\"Leaf\":7}".to_owned(), |inner, _| format!("{{\"Node\":{{\"in\":{inner}}}}}"));
    s.ok(&format!("shm-writer tree '{tree}'"));
    s.run("shm-reader tree").prints(format!("{tree}\n"));
    s.ok("shm-reader --json tree > record; shm-writer --records copy < record");
    s.run("shm-reader copy").prints(format!("{tree}\n"));
    let twice = r#"{"Node":{"in":{"Leaf":7},"in":{"Leaf":8}}}"#;
    s.run(&format!("shm-writer tree '{twice}'")).exits(1).complains(&["the name 'in' is there twice"]);
}

#[test]
fn a_named_pipe_is_opened_once() {
    let s = Sandbox::new();
    s.ok("mkfifo pipe");
    for number in 1..=50 {
        let line = format!("printf {number} > pipe & shm-writer demo --file pipe; wait; shm-reader demo");
        s.run(&line).prints(format!("{number}\n"));
    }
}

#[test]
fn a_line_that_is_longer_than_memory_is_an_error() {
    let s = Sandbox::new();
    s.run("ulimit -v 400000; tr '\\0' x < /dev/zero | shm-writer demo").exits(1).complains(&["stdin: out of memory"]);
}

#[test]
fn a_byte_order_mark_before_json_is_named() {
    let s = Sandbox::new();
    s.ok("echo '{\"type\":\"U32\",\"types\":{}}' > type; shm-writer create typed --schema type");
    for (writer, values) in [
        ("shm-writer object --as json", "{}"),
        ("shm-writer object --as json --whole", "{}"),
        ("shm-writer typed", "7"),
        ("shm-writer copy --records", "{}"),
    ] {
        let outcome = s.run(&format!("printf '\\357\\273\\277{values}\\n' | {writer}"));
        outcome.exits(1).complains(&["it begins with a byte order mark (U+FEFF)"]);
    }
    assert_eq!(s.files(), [".typed.lock", "typed"]);
}

#[test]
fn a_dash_is_no_name_of_stdin_and_the_error_has_the_name() {
    let s = Sandbox::new();
    s.run("echo x | shm-writer demo --file -")
        .exits(1)
        .complains(&["read file '-'", "the name of stdin is /dev/stdin"]);
    s.run("echo x | shm-writer create demo --schema -").exits(1).complains(&["the name of stdin is /dev/stdin"]);
    s.run("printf x | shm-writer demo --file /dev/stdin; shm-reader demo").prints("x\n");
    s.run("printf y > -; shm-writer demo --file -; shm-reader demo").prints("y\n");
}

/// Returns both ends of a pipe. This end is non-blocking: any process that shares a pipe can change that.
fn non_blocking_pipe(is_input: bool) -> (File, File) {
    let (output, input) = std::io::pipe().expect("a pipe");
    let (output, input) = (File::from(OwnedFd::from(output)), File::from(OwnedFd::from(input)));
    fcntl(if is_input { &output } else { &input }, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).expect("a flag");
    (output, input)
}

/// Waits until the program sleeps.
fn settle(program: &Started) {
    let stat = format!("/proc/{}/stat", program.id());
    eventually("the program waits", || fs::read_to_string(&stat).ok()?.contains("(shm-").then_some(()));
    eventually("the program waits", || fs::read_to_string(&stat).ok()?.contains(") S ").then_some(()));
}

#[test]
fn programs_wait_for_streams_that_are_non_blocking() {
    let s = Sandbox::new();
    let (output, mut input) = non_blocking_pipe(true);
    let mut writer =
        start(s.prepare("shm-writer").args(["-q", "--slots", "65536", "demo"]).stdin(output)).expect("a start");
    settle(&writer);
    let lines: String = (1..=60_000).map(|number| format!("{number}\n")).collect();
    input.write_all(lines.as_bytes()).expect("a pipe that is read");
    drop(input);
    assert!(writer.wait().expect("its end").success());

    let (mut output, input) = non_blocking_pipe(false);
    let mut reader = start(s.prepare("shm-reader").args(["--from", "oldest", "demo"]).stdout(input)).expect("a start");
    settle(&reader);
    let mut printed = String::new();
    output.read_to_string(&mut printed).expect("text");
    assert!(reader.wait().expect("its end").success() && printed == lines, "{} bytes", printed.len());
}
