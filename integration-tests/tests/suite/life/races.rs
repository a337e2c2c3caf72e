//! Tests of many programs that use one name at the same time, and of programs killed at any moment.
//! There is only one writer at a time, no region is ever half created, and nothing must be repaired
//! by hand.

use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;
use shm_core::{Kind, OpenError, RawWriter};
use testkit::at_effort;

use crate::harness::{Child, Sandbox, eventually, start, without_forks};

// Fault 7.
#[test]
fn of_writers_that_race_for_a_region_exactly_one_wins() {
    let s = Sandbox::new();
    for round in 0..6 {
        let mut writers: Vec<Child> = (0..8).map(|_| s.spawn("shm-writer demo")).collect();
        for writer in &mut writers {
            writer.offer("x\n");
        }
        s.holds("demo", "x");
        let index = eventually("all but one give up", || alone(&mut writers));
        let winner = writers.swap_remove(index);
        for loser in writers {
            loser.finish().exits(7).complains(&["demo"]);
        }
        winner.finish().prints("");
        assert_eq!(s.inspect("demo")["head"], if round % 2 == 0 { 1 } else { 2 }, "only the winner publishes");
        if round % 2 == 1 {
            s.ok("shm-writer rm demo");
        }
    }
}

/// Returns the index of the only writer that is still running.
fn alone(writers: &mut [Child]) -> Option<usize> {
    let alive: Vec<usize> = (0..writers.len()).filter(|index| writers[*index].is_running()).collect();
    assert!(!alive.is_empty(), "one of them has to win");
    (alive.len() == 1).then(|| alive[0])
}

// Fault 7.
#[test]
fn nobody_ever_sees_a_half_made_region() {
    let s = Sandbox::new();
    let changes = at_effort([20, 75, 150, 1000]);
    let script =
        format!("for i in $(seq 1 {changes}); do shm-writer demo \"value $i\" && shm-writer rm demo || exit 1; done");
    let mut changes = s.spawn(&format!("sh -c '{script}'"));
    while changes.is_running() {
        let outcome = s.run("shm-reader demo");
        let found = outcome.code() == 0 && outcome.text().starts_with("value ");
        assert!(found || outcome.code() == 3, "{outcome:?}");
        let outcome = s.run("shm-reader inspect demo");
        assert!([0, 3].contains(&outcome.code()), "{outcome:?}");
    }
    changes.wait().prints("");
}

#[test]
fn readers_that_race_with_growth_see_whole_values_only() {
    let s = Sandbox::new();
    let script = "for size in 10 5000 10 20000 10 90000 10 400000; do head -c $size /dev/zero | tr \"\\0\" x; echo; \
                  seq 1 50; done";
    let mut writer = s.spawn(&format!("sh -c '{{ {script}; }} | shm-writer demo'"));
    eventually("the region is there", || s.shm("demo").exists().then_some(()));
    while writer.is_running() {
        let outcome = s.run("shm-reader demo --from oldest --json");
        assert!([0, 3].contains(&outcome.code()), "{outcome:?}");
        let numbers: Vec<u64> = outcome.json().iter().filter_map(|line| line["seq"].as_u64()).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        for line in outcome.json().iter().filter(|line| line.get("value").is_some()) {
            let value = line["value"].as_str().expect("text");
            let filled = value.len() >= 10 && value.bytes().all(|byte| byte == b'x');
            assert!(filled || value.parse::<u8>().is_ok(), "{value:.40}");
        }
    }
    writer.wait().prints("");
}

#[test]
fn a_writer_killed_at_any_moment_of_its_life_leaves_a_region_that_works() {
    let s = Sandbox::new();
    let mut last = 0;
    for round in 0..at_effort([10, 40, 60, 600_u64]) {
        let command = ["shm-writer demo --every 1ms '{seq}'", "shm-writer demo --slots 8 --every 1ms '{seq}'"];
        let size = ["", " --capacity 4KiB", " --capacity 64KiB"][(round % 3) as usize];
        let writer = s.spawn(&format!("{}{size}", command[(round % 2) as usize]));
        for _ in 0..round * 15_000 {
            std::hint::spin_loop();
        }
        writer.kill();
        let held: Vec<Value> = s.run("shm-reader demo --from oldest --json").json();
        for line in held.iter().filter(|line| line.get("seq").is_some()) {
            assert_eq!(line["seq"].to_string(), line["value"].as_str().unwrap_or_default(), "whole, and in its place");
        }
        let newest = held.last().and_then(|line| line["seq"].as_u64()).unwrap_or(0);
        assert!(newest >= last, "round {round}: value {last} was there and {newest} is the newest now");
        last = newest;
    }
    s.ok("shm-writer demo --every 1ms -n 1 '{seq}'");
    let newest: u64 = s.ok("shm-reader demo").trim().parse().expect("a number");
    assert!(newest > last, "{newest} follows {last}");
    s.run("shm-reader verify demo").exits(0);
    let left = s.files();
    assert!(left.iter().all(|file| ["demo", ".demo.lock"].contains(&file.as_str())), "{left:?}");
}

#[test]
fn a_region_can_be_written_again_at_once_while_other_threads_start_programs() {
    let s = Sandbox::new();
    let name = s.name("demo");
    let starts = || {
        for _ in 0..300 {
            let started = start(&mut Command::new("true")).and_then(|mut child| child.wait());
            assert!(started.is_ok_and(|status| status.success()));
        }
    };
    let open = || RawWriter::open(&name, Kind::Text);
    std::thread::scope(|scope| {
        let starting = [scope.spawn(starts), scope.spawn(starts)];
        while !starting.iter().all(|thread| thread.is_finished()) {
            let began = Instant::now();
            let writer = open().or_else(|refused| {
                // A child has copies of all descriptors until it executes its program. It is in the
                // way only if the machine delays it for longer than a writer keeps trying.
                let has_tried = began.elapsed() >= Duration::from_millis(60);
                assert!(has_tried && matches!(refused, OpenError::WriterAlive { .. }), "{refused}");
                without_forks(open)
            });
            writer.expect("the writer before was dropped").publish(b"x").expect("a value");
        }
    });
}

// Fault 6.
#[test]
fn everything_killed_at_once_starts_again_at_once() {
    let s = Sandbox::new();
    for round in 1..=10 {
        let mut readers: Vec<Child> = (0..3).map(|_| s.spawn("shm-reader demo -f")).collect();
        let mut writer = s.spawn("shm-writer demo");
        writer.write(&format!("{round}\n"));
        let wanted = round.to_string();
        for reader in &mut readers {
            while reader.line() != wanted {}
        }
        writer.kill();
        readers.into_iter().for_each(Child::kill);
    }
    assert_eq!(s.inspect("demo")["head"], 10);
}

// Fault 38.
#[test]
fn a_writer_that_is_stopped_keeps_its_region_and_readers_only_wait() {
    let s = Sandbox::new();
    let mut writer = s.spawn("shm-writer demo");
    writer.write("one\n");
    s.holds("demo", "one");
    writer.signal(Signal::SIGSTOP);
    s.run("shm-writer demo two").exits(7);
    s.run("shm-reader demo").prints("one\n");
    s.run("shm-reader demo -f --from new -t 100ms").exits(4);
    s.run("shm-writer rm demo").exits(7);
    writer.signal(Signal::SIGCONT);
    writer.write("two\n");
    s.holds("demo", "two");
}
