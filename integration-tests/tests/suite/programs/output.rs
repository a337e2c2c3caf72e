//! Tests which values are printed, and in which form: `--json`, `--raw`, `--hex`, `-z`, `--from`, `-n`.

use std::collections::BTreeSet;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::harness::Sandbox;

/// Returns a sandbox with a region that contains the values 1 to 10.
fn ten() -> Sandbox {
    let s = Sandbox::new();
    s.ok("seq 1 10 | shm-writer demo");
    s
}

#[test]
fn json_is_one_object_a_line_with_these_fields() {
    let s = Sandbox::new();
    s.ok("shm-writer demo 'he said \"hi\"'");
    let outcome = s.run("shm-reader demo --json").succeeds();
    assert_eq!(outcome.lines().len(), 1);
    let sample = &outcome.json()[0];
    let fields: BTreeSet<&str> = sample.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(fields, BTreeSet::from(["kind", "len", "region", "seq", "time", "value"]));
    assert_eq!((&sample["region"], &sample["seq"], &sample["len"]), (&json!("demo"), &json!(1), &json!(12)));
    assert_eq!((&sample["kind"], &sample["value"]), (&json!("text"), &json!("he said \"hi\"")));
    let time = sample["time"].as_str().expect("a time");
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000000000Z", "{time}");
}

#[test]
fn json_embeds_each_kind_in_its_own_way() {
    let s = Sandbox::new();
    let check = |write: &str, value: Value| {
        s.ok(write);
        assert_eq!(s.run("shm-reader demo --json").succeeds().json()[0]["value"], value, "{write}");
    };
    check("shm-writer demo 'a\tb'", json!("a\tb"));
    check("shm-writer demo -q --replace --as json '{\"b\": 1.5, \"a\": [true]}'", json!({"a": [true], "b": 1.5}));
    check("printf '\\377\\0x' | shm-writer demo -q --replace --whole --as bytes", json!("/wB4"));
}

#[test]
fn time_in_json_is_the_time_of_publication() {
    let s = Sandbox::new();
    let before = s.ok("date -u +%FT%T.%N");
    s.ok("seq 1 3 | shm-writer demo");
    let after = s.ok("date -u +%FT%T.%N");
    let lines = s.run("shm-reader demo --json --from oldest").succeeds().json();
    let times: Vec<&str> = lines.iter().filter_map(|line| line["time"].as_str()).collect();
    assert!(times.is_sorted() && times.len() == 3, "{times:?}");
    assert!(before.as_str() <= times[0] && times[2] <= after.as_str(), "{before} {times:?} {after}");
}

#[test]
fn hex_shows_every_byte() {
    let s = Sandbox::new();
    s.ok("printf 'az\\377\\0' | shm-writer demo --whole");
    for option in ["-x", "--hex"] {
        let text = s.ok(&format!("shm-reader demo {option}"));
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        assert!(digits.to_lowercase().contains("617aff00"), "{text}");
    }
}

#[test]
fn nul_replaces_the_newline() {
    let s = ten();
    s.run("shm-reader demo -z --from 9").prints("9\0".to_owned() + "10\0");
    s.run("shm-reader demo -z --raw").exits(2);
}

#[test]
fn raw_is_the_bytes_and_nothing_else() {
    let s = ten();
    s.run("shm-reader demo -r --from oldest").prints("12345678910");
}

#[test]
fn from_chooses_where_to_begin() {
    let s = ten();
    let check = |from: &str, printed: &str| s.run(&format!("shm-reader demo --from {from}")).prints(printed);
    check("latest", "10\n");
    check("oldest", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n");
    check("8", "8\n9\n10\n");
    check("10", "10\n");
    check("-2", "9\n10\n");
    check("-1", "10\n");
    check("-100", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n");
}

#[test]
fn from_a_place_without_values_prints_nothing() {
    let s = ten();
    for from in ["new", "11", "1000", "4611686018427387905", "18446744073709551615"] {
        let outcome = s.run(&format!("shm-reader demo --from {from}"));
        assert!(outcome.stdout.is_empty() && [0, 3].contains(&outcome.code()), "{outcome:?}");
    }
}

#[test]
fn from_nonsense_is_a_usage_error() {
    let s = ten();
    for from in ["", "newest", "1.5", "-", "99999999999999999999999", "-x"] {
        s.run(&format!("shm-reader demo --from='{from}'")).exits(2);
    }
}

#[test]
fn a_follower_begins_where_asked() {
    let s = ten();
    let mut old = s.spawn("shm-reader demo -f --from oldest");
    let mut two = s.spawn("shm-reader demo -f --from -2");
    let mut seven = s.spawn("shm-reader demo -f --from 7");
    let mut new = s.spawn("shm-reader demo -f --from new").idle();
    let mut future = s.spawn("shm-reader demo -f --from 12").idle();
    old.expect(&["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
    two.expect(&["9", "10"]);
    seven.expect(&["7", "8", "9", "10"]);
    s.ok("seq 11 12 | shm-writer demo");
    for reader in [&mut old, &mut two, &mut seven, &mut new] {
        reader.expect(&["11", "12"]);
    }
    future.expect(&["12"]);
}

#[test]
fn a_count_ends_the_reader() {
    let s = ten();
    s.run("shm-reader demo -n 3 --from oldest").prints("1\n2\n3\n");
    s.run("shm-reader demo -n 1").prints("10\n");
    s.run("shm-reader demo -n 1 -f").prints("10\n");
    let reader = s.spawn("shm-reader demo -f -n 3");
    let mut reader = reader;
    reader.expect(&["10"]);
    s.ok("seq 11 20 | shm-writer demo");
    reader.wait().prints("11\n12\n");
}

#[test]
fn a_follower_flushes_after_every_value() {
    let s = Sandbox::new();
    let mut reader = s.spawn("shm-reader demo -f --raw").idle();
    let mut writer = s.spawn("shm-writer demo");
    let mut printed = String::new();
    for value in ["a", "bc", "def"] {
        writer.write(&format!("{value}\n"));
        printed.push_str(value);
        let seen =
            reader.stdout().wait_for(crate::harness::DEADLINE, |bytes, _| (bytes == printed.as_bytes()).then_some(()));
        assert!(seen.is_some(), "{printed}");
    }
    reader.signal(Signal::SIGINT);
    reader.close_stdin();
    reader.wait().dies_of(Signal::SIGINT);
}

#[test]
fn a_new_lineage_and_losses_are_lines_of_their_own() {
    let s = Sandbox::new();
    s.ok("seq 1 100 | shm-writer demo --slots 16");
    let outcome = s.run("shm-reader demo --from 1 --json").exits(0);
    let first = &outcome.json()[0];
    let fields: BTreeSet<&str> = first.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(fields, BTreeSet::from(["before", "missed"]));
}

#[test]
fn control_characters_go_through_a_pipe_unchanged() {
    let s = Sandbox::new();
    s.ok("printf '\\033[31mred\\007\\n' | shm-writer demo");
    s.run("shm-reader demo").prints("\x1b[31mred\x07\n");
}
