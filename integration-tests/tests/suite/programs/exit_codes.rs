//! Tests every exit code and its message, which names the region, the cause and the remedy.

use std::time::{Duration, Instant};

use crate::harness::Sandbox;

/// Runs `setup` in a sandbox, then `command`, which must exit with this code and print all of these words to stderr.
#[track_caller]
fn check(setup: &str, command: &str, code: i32, words: &[&str]) {
    let s = Sandbox::new();
    s.ok(setup);
    let outcome = s.run(command).exits(code).complains(words);
    if code != 0 {
        assert!(outcome.stderr.starts_with("error: "), "an error says that it is one: {outcome:?}");
        assert!(outcome.stdout.is_empty(), "data only on stdout: {outcome:?}");
    }
}

const ONE: &str = "shm-writer demo one";

#[test]
fn success_is_0() {
    check(":", "shm-writer demo one", 0, &[]);
    check(ONE, "shm-reader demo", 0, &[]);
    check(ONE, "shm-reader list", 0, &[]);
    check(":", "shm-reader list", 0, &[]);
    check(ONE, "shm-reader inspect demo", 0, &[]);
    check(ONE, "shm-reader verify demo", 0, &[]);
    check(ONE, "shm-writer rm demo", 0, &[]);
    check(":", "shm-writer create demo", 0, &[]);
    check(":", "shm-writer clean", 0, &[]);
}

#[test]
fn other_errors_are_1() {
    check(":", "shm-writer demo --file missing", 1, &["missing"]);
    check(":", "shm-writer sub/demo one", 1, &["sub"]);
    check(":", "SHM_DIR=$PWD/missing shm-writer demo one", 1, &["missing", "SHM_DIR"]);
    check("shm-writer demo --as json 1", "shm-writer demo 'not json'", 1, &["demo", "JSON"]);
    check(":", "ulimit -f 16; shm-writer demo --capacity 1MiB one", 1, &["demo"]);
}

#[test]
fn wrong_usage_is_2() {
    let check = |command: &str, words: &[&str]| check(":", command, 2, words);
    check("shm-writer demo one two", &["two"]);
    check("shm-reader demo two", &["two"]);
    check("shm-writer demo --no-such-option", &["--no-such-option"]);
    check("shm-reader demo --no-such-option", &["--no-such-option"]);
    check("shm-writer demo one --file f", &["--file"]);
    check("shm-writer demo --whole --chunk 4", &["--chunk"]);
    check("shm-writer demo -z --whole", &["--whole"]);
    check("shm-writer demo one --slots 3", &["slots", "power of two"]);
    check("shm-writer demo one --slots 1", &["slots"]);
    check("shm-writer demo one --slots 0", &["slots"]);
    check("shm-writer demo one --slots many", &["many"]);
    check("shm-writer demo one --capacity=-1", &["size"]);
    check("shm-writer demo one --mode 999", &["999"]);
    check("shm-writer demo one --mode 666", &["mode"]);
    check("shm-writer demo one --mode 400", &["mode"]);
    check("shm-writer demo --as yaml one", &["yaml"]);
    check("shm-writer demo --chunk 0", &["chunk"]);
    check("shm-writer demo --every soon one", &["soon"]);
    check("shm-reader demo -t soon", &["soon"]);
    check("shm-reader demo -n many", &["many"]);
    check("shm-reader demo --json --raw", &["--raw"]);
    check("shm-reader demo --json --hex", &["--hex"]);
    check("shm-reader demo -z --raw", &["--raw"]);
    check("shm-writer rm", &["REGION"]);
    check("shm-reader inspect", &["REGION"]);
    check("shm-writer completions cobol", &["cobol"]);
}

#[test]
fn a_program_without_arguments_shows_its_short_help() {
    let s = Sandbox::new();
    for program in ["shm-writer", "shm-reader"] {
        let outcome = s.run(program).exits(2);
        assert_eq!((outcome.text(), &outcome.stderr), (String::new(), &s.ok(&format!("{program} -h"))));
    }
}

#[test]
fn refused_usage_leaves_nothing_behind() {
    for command in [
        "shm-writer demo one --slots 3",
        "shm-writer demo one --slots 1",
        "shm-writer demo one --mode 666",
        "shm-writer demo one two",
        "shm-writer demo one --file f",
        "shm-writer demo --chunk 0 < /dev/null",
        "shm-writer create demo --slots 3",
    ] {
        let s = Sandbox::new();
        s.run(command).exits(2);
        assert_eq!(s.files(), [""; 0], "{command}");
    }
}

#[test]
fn no_region_and_no_value_are_3() {
    check(":", "shm-reader demo", 3, &["no region named 'demo'"]);
    check(":", "shm-reader inspect demo", 3, &["no region named 'demo'"]);
    check(":", "shm-reader verify demo", 3, &["no region named 'demo'"]);
    check(":", "shm-writer rm demo", 3, &["no region named 'demo'"]);
    check("shm-writer create demo", "shm-reader demo", 3, &["demo", "no value"]);
    check("shm-writer demo < /dev/null", "shm-reader demo", 3, &["demo", "no value"]);
}

#[test]
fn a_misspelt_region_gets_a_suggestion() {
    check(ONE, "shm-reader dmeo", 3, &["no region named 'dmeo'", "did you mean 'demo'?", "shm-reader list"]);
    check(ONE, "shm-reader inspect dem", 3, &["did you mean 'demo'?"]);
    check(ONE, "shm-reader verify demmo", 3, &["did you mean 'demo'?"]);
    check(ONE, "shm-writer rm deno", 3, &["did you mean 'demo'?"]);
    let s = Sandbox::new();
    s.ok(ONE);
    let outcome = s.run("shm-reader something-else").exits(3);
    assert!(!outcome.stderr.contains("did you mean"), "{outcome:?}");
}

#[test]
fn silence_is_4() {
    check(":", "shm-reader demo -t 50ms", 4, &["demo"]);
    check(":", "shm-reader demo -f -t 50ms", 4, &["demo"]);
    check("shm-writer create demo", "shm-reader demo -t 50ms", 4, &["demo"]);
    check("shm-writer create demo", "shm-reader demo -f -t 50ms", 4, &["demo"]);
    check(ONE, "shm-reader demo -f --from new -t 50ms", 4, &["demo"]);
    check(ONE, "shm-reader demo -t 50ms", 0, &[]);
}

#[test]
fn a_timeout_is_the_longest_silence_and_values_begin_it_anew() {
    let s = Sandbox::new();
    let start = Instant::now();
    let mut writer = s.spawn("shm-writer demo --every 100ms -n 8 '{seq}'");
    writer.close_stdin();
    let outcome = s.run("shm-reader demo -f -t 1500ms").exits(4);
    assert_eq!(outcome.text(), "1\n2\n3\n4\n5\n6\n7\n8\n");
    assert!(start.elapsed() >= Duration::from_millis(2200), "{:?}", start.elapsed());
    writer.wait().prints("");
}

#[test]
fn damage_is_5() {
    let damage = "shm-writer demo one && printf x | dd of=$SHM_DIR/demo bs=1 seek=64 conv=notrunc status=none";
    check(damage, "shm-reader demo", 5, &["demo"]);
    check(damage, "shm-reader demo -f", 5, &["demo"]);
    check(damage, "shm-reader inspect demo", 5, &["demo"]);
    check(damage, "shm-writer demo two", 5, &["demo"]);
    check("echo mine > $SHM_DIR/demo", "shm-reader demo", 5, &["'demo': the file is not a region"]);
    check("echo mine > $SHM_DIR/demo", "shm-writer demo one", 5, &["'demo': the file is not a region"]);
}

#[test]
fn a_second_writer_is_7() {
    let s = Sandbox::new();
    let mut reader = s.spawn("shm-reader demo -f").idle();
    let mut writer = s.spawn("shm-writer demo");
    writer.write("one\n");
    reader.expect(&["one"]);
    let pid = writer.pid().to_string();
    for command in [
        "shm-writer demo two",
        "echo two | shm-writer demo",
        "shm-writer demo --slots 4 two",
        "shm-writer demo --as json 2",
        "shm-writer create demo",
        "shm-writer rm demo",
    ] {
        s.run(command).exits(7).complains(&["demo", &pid]);
    }
    writer.write("three\n");
    reader.expect(&["three"]);
    writer.finish().prints("");
    s.run("shm-writer demo four").prints("");
}
