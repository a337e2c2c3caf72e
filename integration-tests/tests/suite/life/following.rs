//! Tests of a follower while writers start, end, crash, grow the region or replace it.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use testkit::at_effort;

use crate::harness::{Child, Sandbox};

/// Publishes a line and waits until the reader has printed it as value `seq`.
fn relay(writer: &mut Child, reader: &mut Child, seq: u64, line: &str) {
    writer.write(&format!("{line}\n"));
    let sample = reader.json();
    assert_eq!((&sample["seq"], &sample["value"]), (&json!(seq), &json!(line)));
}

#[test]
fn a_follower_goes_on_with_a_restarted_writer() {
    let s = Sandbox::new();
    let mut reader = s.spawn("shm-reader demo -f --json").idle();
    for seq in 1..=5 {
        let mut writer = s.spawn("shm-writer demo");
        relay(&mut writer, &mut reader, seq, &format!("value {seq}"));
        writer.finish().prints("");
    }
}

// Fault 8.
#[test]
fn a_follower_goes_on_when_its_writer_was_killed() {
    let s = Sandbox::new();
    let mut reader = s.spawn("shm-reader demo -f --json").idle();
    for round in 0..5 {
        let mut writer = s.spawn("shm-writer demo");
        relay(&mut writer, &mut reader, 2 * round + 1, "before");
        relay(&mut writer, &mut reader, 2 * round + 2, "the end");
        writer.kill();
    }
    s.ok("shm-writer demo last");
    assert_eq!(reader.json()["seq"], 11);
    reader.signal(Signal::SIGTERM);
    let outcome = reader.wait().dies_of(Signal::SIGTERM);
    assert_eq!(outcome.stderr, "", "the reader says nothing wrong");
}

// Fault 8.
#[test]
fn a_writer_killed_at_full_speed_leaves_a_region_that_the_next_one_continues() {
    let s = Sandbox::new();
    s.ok("shm-writer create demo --slots 256");
    let mut expected = 0;
    for _ in 0..10 {
        let mut stream = s.spawn("sh -c 'yes \"a value of some length\" | exec shm-writer demo'");
        stream.close_stdin();
        let before = expected;
        crate::harness::eventually("the writer publishes", || (head(&s, "demo") > before + 100).then_some(()));
        stream.kill();
        // The shell is dead. The writer that it started is about to die.
        crate::harness::eventually("the writer dies", || (s.inspect("demo")["writer"] == "gone").then_some(()));
        expected = head(&s, "demo");
        s.ok("shm-writer demo next");
        let held: Vec<Value> = s.run("shm-reader demo --json --from oldest").succeeds().json();
        let held: Vec<&Value> = held.iter().filter(|line| line.get("seq").is_some()).collect();
        let (newest, older) = held.split_last().expect("values");
        assert_eq!(newest["value"], "next");
        assert!(newest["seq"].as_u64() > Some(before), "numbers continue");
        assert!(older.iter().all(|line| matches!(line["value"].as_str(), Some("a value of some length" | "next"))));
        expected = expected.max(newest["seq"].as_u64().unwrap_or(0));
    }
}

fn head(s: &Sandbox, region: &str) -> u64 {
    s.inspect(region)["head"].as_u64().expect("inspect names the head")
}

#[test]
fn growing_several_times_in_a_row_loses_and_repeats_nothing() {
    let s = Sandbox::new();
    let mut readers: Vec<Child> = (0..3).map(|_| s.spawn("shm-reader demo -f --json").idle()).collect();
    let mut writer = s.spawn("shm-writer demo");
    for (seq, size) in (1..).zip([
        10,
        5_000,
        100,
        20_000,
        200_000,
        1,
        3_000_000,
        7,
        4_000_000,
        at_effort([10, 10, 9_000_000, 9_000_000]),
    ]) {
        let value = format!("{seq}").repeat(size);
        writer.write(&format!("{value}\n"));
        for reader in &mut readers {
            let sample = reader.json();
            assert_eq!((&sample["seq"], &sample["len"]), (&json!(seq), &json!(value.len())));
            assert!(sample["value"] == value, "value {seq} arrives whole");
        }
    }
    writer.finish().prints("");
}

#[test]
fn a_reader_that_slept_through_several_growths_gets_every_value_that_is_held() {
    let s = Sandbox::new();
    let mut reader = s.spawn("shm-reader demo -f --json").idle();
    s.ok("shm-writer demo first");
    assert_eq!(reader.json()["value"], "first");
    reader.signal(Signal::SIGSTOP);
    for size in [5_000, 10_000, 20_000] {
        s.ok(&format!("head -c {size} /dev/zero | tr '\\0' x | shm-writer demo"));
    }
    reader.signal(Signal::SIGCONT);
    for (seq, size) in [(2, 5_000), (3, 10_000), (4, 20_000)] {
        let sample = reader.json();
        assert_eq!((&sample["seq"], &sample["len"]), (&json!(seq), &json!(size)));
    }
}

#[test]
fn growth_at_full_speed_accounts_for_every_value() {
    let s = Sandbox::new();
    let mut reader = s.spawn("shm-reader demo --until-closed --json").idle();
    let mut writer = s.spawn("shm-writer demo");
    writer.write("1:x\n");
    assert_eq!(reader.json()["seq"], 1);
    let script = r#"BEGIN { v = "x"; for (i = 2; i <= 3000; i++) { if (i % 250 == 0) v = v v v; print i ":" v } }"#;
    writer.write(&s.ok(&format!("awk '{script}'")));
    writer.finish().prints("");
    let outcome = reader.wait().succeeds();
    let (mut next, mut received) = (2, 1);
    for line in outcome.json() {
        match line["missed"].as_u64() {
            Some(missed) => next += missed,
            None => {
                assert_eq!(line["seq"], next);
                let value = line["value"].as_str().expect("text");
                assert!(value.starts_with(&format!("{next}:x")), "{value:.40}");
                (next, received) = (next + 1, received + 1);
            }
        }
    }
    assert_eq!(next, 3001, "received {received}");
}

#[test]
fn a_follower_goes_on_when_the_region_is_replaced_by_another_kind() {
    let s = Sandbox::new();
    let mut reader = s.spawn("shm-reader demo -f --json").idle();
    let steps = [
        ("shm-writer demo hello", "text", json!("hello")),
        ("shm-writer demo -q --replace --as json '{\"a\": [1, null]}'", "json", json!({"a": [1, null]})),
        ("printf xyz | shm-writer demo -q --replace --as bytes --whole", "bytes", json!("eHl6")),
        ("shm-writer demo -q --replace --as text again", "text", json!("again")),
    ];
    for (seq, (command, kind, value)) in (1..).zip(steps) {
        s.ok(command);
        let sample = reader.json();
        assert_eq!((&sample["seq"], &sample["kind"], &sample["value"]), (&json!(seq), &json!(kind), &value));
    }
}

#[test]
fn other_slots_and_sizes_replace_the_region_and_keep_the_numbers() {
    let s = Sandbox::new();
    let mut reader = s.spawn("shm-reader demo -f --json").idle();
    for (seq, options) in (1..).zip(["", "--slots 4", "--slots 128 --capacity 64", "", "--checksum"]) {
        s.ok(&format!("shm-writer demo {options} v{seq}"));
        let sample = reader.json();
        assert_eq!((&sample["seq"], &sample["value"]), (&json!(seq), &json!(format!("v{seq}"))));
    }
    assert_eq!(s.inspect("demo")["slots"], 128, "not given: as found");
}

// Fault 10.
#[test]
fn a_follower_reports_a_region_made_anew_as_a_restart() {
    let s = Sandbox::new();
    s.ok("seq 1 5 | shm-writer demo");
    let mut reader = s.spawn("shm-reader demo -f --json");
    assert_eq!(reader.json()["seq"], 5);
    s.ok("shm-writer rm demo");
    assert_eq!(s.files(), [""; 0]);
    s.ok("shm-writer demo one");
    assert_eq!(reader.json(), json!({"restarted": true}));
    assert_eq!(reader.json()["seq"], 1);
    s.ok("shm-writer rm demo && shm-writer demo two");
    assert_eq!(reader.json(), json!({"restarted": true}));
    assert_eq!(reader.json()["value"], "two");
}

#[test]
fn a_plain_follower_prints_values_across_removals_and_nothing_else() {
    let s = Sandbox::new();
    let mut reader = s.spawn("shm-reader demo -f").idle();
    for value in ["one", "two", "three"] {
        s.ok(&format!("shm-writer demo {value}"));
        reader.expect(&[value]);
        s.ok("shm-writer rm demo");
    }
    reader.signal(Signal::SIGTERM);
    assert_eq!(reader.wait().dies_of(Signal::SIGTERM).text(), "");
}

// Faults 9, 10.
#[test]
fn a_region_unlinked_by_hand_and_made_anew_is_found_by_its_follower() {
    let s = Sandbox::new();
    s.ok("shm-writer demo one");
    let mut reader = s.spawn("shm-reader demo -f");
    reader.expect(&["one"]);
    std::fs::remove_file(s.shm("demo")).expect("the region's file");
    s.ok("shm-writer demo two");
    reader.expect(&["two"]);
}

#[test]
fn until_closed_ends_with_a_clean_close_and_not_with_a_crash() {
    let s = Sandbox::new();
    let mut reader = s.spawn("shm-reader demo --until-closed").idle();
    let mut writer = s.spawn("shm-writer demo");
    writer.write("one\n");
    reader.expect(&["one"]);
    writer.kill();
    crate::harness::observe(Duration::from_millis(150));
    let mut writer = s.spawn("shm-writer demo");
    writer.write("two\n");
    reader.expect(&["two"]);
    writer.finish().prints("");
    reader.wait().prints("");
}

#[test]
fn until_closed_on_a_closed_region_prints_its_value_and_ends() {
    let s = Sandbox::new();
    s.ok("seq 1 3 | shm-writer demo");
    s.run("shm-reader demo --until-closed").prints("3\n");
    s.run("shm-reader demo --until-closed --from oldest").prints("1\n2\n3\n");
}
