//! Tests of lost values. A lapped reader learns exactly which values it missed, and a ring that is
//! large enough loses nothing.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::harness::{Outcome, Sandbox};

/// Checks the sequence numbers of values and losses, starting with `next`. Each value must either
/// be received or be counted as lost in its position.
#[track_caller]
fn account(lines: &[Value], mut next: u64) -> (u64, u64, u64) {
    let (mut received, mut missed) = (0, 0);
    for line in lines {
        if let Some(count) = line["missed"].as_u64() {
            assert!(count > 0, "{line}");
            next += count;
            missed += count;
            assert_eq!(line["before"], next, "a loss names the number that follows it");
        } else {
            assert_eq!((&line["seq"], &line["value"]), (&json!(next), &json!(next.to_string())));
            next += 1;
            received += 1;
        }
    }
    (received, missed, next - 1)
}

// Fault 37.
#[test]
fn a_follower_accounts_for_every_value_of_a_fast_writer() {
    let s = Sandbox::new();
    let reader = s.spawn("shm-reader few --until-closed --json").idle();
    s.ok("seq 1 200000 | shm-writer few");
    let outcome: Outcome = reader.wait().exits(0);
    let (received, missed, last) = account(&outcome.json(), 1);
    assert_eq!((received + missed, last), (200_000, 200_000));
}

#[test]
fn a_follower_that_waited_counts_what_a_region_lost_before_it_was_found() {
    let s = Sandbox::new();
    let reader = s.spawn("shm-reader demo --until-closed --json").idle();
    s.ok("{ seq 1 1000; head -c 10000 /dev/zero | tr '\\0' 7; } | shm-writer demo");
    let mut lines = reader.wait().exits(0).json();
    let last = lines.pop().expect("the value that made the region grow");
    assert_eq!((&last["seq"], &last["len"]), (&json!(1001), &json!(10_000)));
    let (received, missed, last) = account(&lines, 1);
    assert_eq!((received + missed, last), (1000, 1000));
}

// Fault 37.
#[test]
fn a_lapped_reader_goes_on_half_a_ring_behind_and_says_what_it_skipped() {
    let s = Sandbox::new();
    let mut reader = s.spawn("shm-reader demo --until-closed --json").idle();
    let mut writer = s.spawn("shm-writer demo --slots 64");
    writer.write("1\n");
    assert_eq!(reader.json()["value"], "1");
    reader.signal(Signal::SIGSTOP);
    writer.write(&s.ok("seq 2 1000"));
    writer.finish().prints("");
    reader.signal(Signal::SIGCONT);
    let outcome = reader.wait().exits(0);
    let (received, missed, last) = account(&outcome.json(), 2);
    assert_eq!((received + missed, last), (999, 1000));
    assert!((32..=33).contains(&received), "half of 64 slots, not {received}");
    assert_eq!(outcome.json().len() as u64, received + 1, "one loss is one line");
}

#[test]
fn a_large_ring_gives_back_exactly_the_input() {
    let s = Sandbox::new();
    s.run("seq 1 1000000 | shm-writer nums --slots 1048576 --capacity 16").prints("");
    s.run("seq 1 1000000 > input && shm-reader nums --from oldest | cmp - input").prints("");
}

#[test]
fn a_follower_that_keeps_pace_misses_nothing() {
    let s = Sandbox::new();
    let reader = s.spawn("shm-reader demo --until-closed --strict").idle();
    s.ok("seq 1 60 | shm-writer demo");
    reader.wait().prints(s.ok("seq 1 60"));
}

#[test]
fn a_missed_value_is_an_error_when_strict() {
    let s = Sandbox::new();
    let mut reader = s.spawn("shm-reader demo -f --strict").idle();
    s.ok("shm-writer demo 1");
    reader.expect(&["1"]);
    reader.signal(Signal::SIGSTOP);
    s.ok("seq 2 1000 | shm-writer demo");
    reader.signal(Signal::SIGCONT);
    reader.wait().exits(6).complains(&["demo", "missed"]);
}

#[test]
fn asking_for_a_number_that_is_gone_tells_what_was_missed() {
    let s = Sandbox::new();
    s.ok("seq 1 1000 | shm-writer demo --slots 16");
    let outcome = s.run("shm-reader demo --from 1 --json").exits(0);
    let (received, missed, last) = account(&outcome.json(), 1);
    assert_eq!((received + missed, last), (1000, 1000));
    assert!((1..=16).contains(&received), "{received}");
    s.run("shm-reader demo --from 1 --strict").exits(6);
    s.run("shm-reader demo --from oldest --strict").exits(0);
}

#[test]
fn one_slow_reader_costs_the_others_nothing() {
    let s = Sandbox::new();
    let mut slow = s.spawn("shm-reader demo -f").idle();
    let mut quick = s.spawn("shm-reader demo -f").idle();
    let mut writer = s.spawn("shm-writer demo --slots 16");
    writer.write("start\n");
    slow.expect(&["start"]);
    quick.expect(&["start"]);
    slow.signal(Signal::SIGSTOP);
    for number in 1..=100 {
        writer.write(&format!("{number}\n"));
        quick.expect(&[&number.to_string()]);
    }
    writer.finish().prints("");
}
