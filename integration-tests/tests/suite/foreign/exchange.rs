//! Tests that programs of different processors wait for each other, follow growth, and take over from each other.

use nix::sys::signal::Signal;
use serde_json::json;

use super::both_ways;
use crate::harness::{Child, Sandbox, eventually, skipped};

/// Publishes a line and waits until the reader has printed it as value `seq`.
#[track_caller]
fn relay(writer: &mut Child, reader: &mut Child, seq: u64, line: &str) {
    writer.write(&format!("{line}\n"));
    let sample = reader.json();
    assert_eq!((&sample["seq"], &sample["value"]), (&json!(seq), &json!(line)));
}

#[test]
fn a_reader_waits_for_the_region_and_gets_each_line_when_it_is_written() {
    both_ways(|s| {
        let mut reader = s.spawn("$READER -f --json demo").idle();
        let mut writer = s.spawn("$WRITER demo");
        for seq in 1..=50 {
            relay(&mut writer, &mut reader, seq, &format!("value {seq}"));
        }
        writer.finish().prints("");
    });
}

#[test]
fn a_writer_wakes_a_reader_that_sleeps() {
    if Sandbox::new().run("strace -o /dev/null true").code() != 0 {
        return skipped("a_writer_wakes_a_reader_that_sleeps", "strace is not there, or may not trace");
    }
    both_ways(|s| {
        let mut reader = s.spawn("$READER -f --from 1 --json demo");
        let mut writer = s.spawn("strace -f -e trace=futex -o trace $WRITER demo");
        let mut seq = 0;
        eventually("the writer wakes one sleeper", || {
            seq += 1;
            relay(&mut writer, &mut reader, seq, "x");
            reader.settle();
            let trace = std::fs::read_to_string(s.home("trace")).unwrap_or_default();
            // Sleepers within one process are woken with FUTEX_WAKE_PRIVATE.
            trace.lines().any(|line| line.contains("FUTEX_WAKE, 2147483647) = 1")).then_some(())
        });
        writer.finish().prints("");
    });
}

#[test]
fn a_follower_keeps_up_with_growth() {
    both_ways(|s| {
        let mut reader = s.spawn("$READER -f --from 1 --json demo");
        let mut writer = s.spawn("$WRITER demo");
        for (seq, length) in (1..).zip([10, 5_000, 100, 20_000, 200_000, 1, 3_000_000, 7]) {
            relay(&mut writer, &mut reader, seq, &"x".repeat(length));
        }
        writer.finish().prints("");
        assert!(s.inspect("demo")["file_number"].as_u64() > Some(1), "the region was replaced by larger ones");
    });
}

#[test]
fn a_region_of_a_killed_writer_is_taken_over_by_the_other_processor() {
    both_ways(|s| {
        let mut reader = s.spawn("$READER -f --from 1 --json demo");
        let mut seq = 0;
        for program in ["$WRITER", "$OTHER_WRITER"].repeat(4) {
            let mut writer = s.spawn(&format!("{program} --checksum demo"));
            for line in ["before", "the end"] {
                seq += 1;
                relay(&mut writer, &mut reader, seq, line);
            }
            writer.kill();
        }
        s.run("$READER verify demo").prints("ok\n");
    });
}

#[test]
fn a_region_of_a_writer_killed_at_full_speed_is_taken_over_by_the_other_processor() {
    both_ways(|s| {
        s.ok("$WRITER create demo --slots 256 --checksum");
        let mut reader = s.spawn("$READER -f --json --from 1 demo");
        let mut writer = s.spawn("sh -c 'yes value | exec $WRITER demo'");
        writer.close_stdin();
        eventually("the writer publishes", || (s.inspect("demo")["head"].as_u64() > Some(1000)).then_some(()));
        writer.kill();
        eventually("the writer dies", || (s.inspect("demo")["writer"] == "gone").then_some(()));
        s.ok("$OTHER_WRITER demo next");
        let wanted = s.inspect("demo")["head"].clone();
        let (mut received, mut lost) = (0, 0);
        let last = loop {
            let line = reader.json();
            if let Some(count) = line.get("missed") {
                lost += count.as_u64().expect("a number");
                continue;
            }
            received += 1;
            if line["value"] == "next" {
                break line["seq"].clone();
            }
            assert_eq!(line["value"], "value");
        };
        assert_eq!((&last, json!(received + lost)), (&wanted, wanted.clone()), "{received} received, {lost} lost");
        s.run("$READER verify demo").prints("ok\n");
    });
}

#[test]
fn a_second_writer_of_the_other_processor_is_refused() {
    both_ways(|s| {
        let mut writer = s.spawn("$WRITER demo");
        writer.write("mine\n");
        s.holds("demo", "mine");
        let pid = writer.pid().to_string();
        s.run("$OTHER_WRITER demo 'me too'").exits(7).complains(&["demo", &pid]);
        s.run("$OTHER_WRITER rm demo").exits(7).complains(&["demo", &pid]);
        s.run("$READER demo").prints("mine\n");
        // A stopped writer keeps its lock.
        writer.signal(Signal::SIGSTOP);
        s.run("$OTHER_WRITER demo 'me too'").exits(7);
        writer.signal(Signal::SIGCONT);
        writer.finish().prints("");
        s.run("$OTHER_WRITER demo 'now me'").prints("");
        s.run("$READER --from oldest demo").prints("mine\nnow me\n");
    });
}

#[test]
fn a_reader_learns_how_the_writer_of_the_other_processor_ended() {
    both_ways(|s| {
        for (kills, code) in [(false, 0), (true, 8)] {
            let mut writer = s.spawn("$WRITER demo");
            writer.write("one\n");
            s.holds("demo", "one");
            let mut reader = s.spawn("$READER -f --until-gone demo");
            reader.expect(&["one"]);
            if kills {
                writer.kill();
            } else {
                writer.finish().prints("");
            }
            reader.wait().exits(code);
            s.ok("$OTHER_WRITER rm demo");
        }
    });
}
