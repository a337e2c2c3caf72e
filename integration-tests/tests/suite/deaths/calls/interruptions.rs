//! Tests of many interruptions: every second system call is interrupted, sleeps end immediately,
//! and programs are stopped a thousand times per second. No value is lost.

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use testkit::Background;

use super::injection::{can_inject, files_of_region, trace, was_hit};
use super::scenarios::SCENARIOS;
use super::{Fault, Injection};
use crate::harness::{DEADLINE, Sandbox};

// Fault 27.
#[test]
fn system_calls_of_which_every_second_is_interrupted_do_their_work() {
    if !can_inject("system_calls_of_which_every_second_is_interrupted") {
        return;
    }
    let mut hits = 0;
    for scenario in SCENARIOS.iter().filter(|scenario| scenario.is_central) {
        let [calm, s] = [0, 1].map(|_| Sandbox::new());
        [&calm, &s].into_iter().for_each(|sandbox| drop(sandbox.ok(scenario.before)));
        calm.run(scenario.command).prints("");
        let calls = "openat,fallocate,pread64,pwrite64,fchmod,renameat2,fcntl,fstatfs,clock_nanosleep";
        let paths = files_of_region(&s);
        let injection = Injection { paths: &paths, ..Injection::new(calls, 1, Fault::EverySecond("EINTR")) };
        s.run(&injection.command(scenario.command)).prints("");
        hits += trace(&s).matches("INJECTED").count();
        let [wanted, seen] = [&calm, &s].map(|sandbox| sandbox.run("shm-reader demo --from oldest").exits(0).lines());
        assert_eq!(seen, wanted, "{}", scenario.command);
    }
    assert!(hits > 20, "only {hits} interruptions");
}

// Fault 27.
#[test]
fn sleeps_that_are_interrupted_at_once_end_when_a_value_comes_or_the_time_is_up() {
    if !can_inject("sleeps_that_are_interrupted_at_once") {
        return;
    }
    let s = Sandbox::new();
    s.ok("shm-writer demo old");
    let always = Injection::new("futex", 1, Fault::Errors("EINTR"));
    s.run(&always.command("shm-reader demo -f --from new -t 100ms")).exits(4);
    assert!(was_hit(&s));
    let every_second = Injection::new("clock_nanosleep", 1, Fault::EverySecond("EINTR"));
    s.run(&every_second.command("shm-reader absent -t 100ms")).exits(4);
    assert!(was_hit(&s));
    let mut follower = s.spawn(&always.command("shm-reader demo -f -n 2"));
    follower.expect(&["old"]);
    s.ok("shm-writer demo new");
    follower.expect(&["new"]);
    follower.wait().exits(0);
}

/// Stops and continues processes about a thousand times per second until the returned thread is
/// ended. Ending it returns how many times it did so.
fn storm_over(pids: &[u32]) -> Background<u64> {
    let pids: Vec<Pid> = pids.iter().map(|pid| Pid::from_raw((*pid).try_into().expect("a pid"))).collect();
    Background::repeat(move || {
        for (pid, signal) in pids.iter().flat_map(|pid| [(*pid, Signal::SIGSTOP), (*pid, Signal::SIGCONT)]) {
            let _ = signal::kill(pid, signal);
        }
        thread::park_timeout(Duration::from_millis(1));
    })
}

// Faults 27, 38.
#[test]
fn programs_that_are_stopped_a_thousand_times_a_second_lose_nothing() {
    let s = Sandbox::new();
    let mut reader = s.spawn("shm-reader demo -f --from oldest");
    let mut writer = s.spawn("shm-writer demo --slots 4096 --capacity 64");
    let storm = storm_over(&[reader.pid(), writer.pid()]);
    for number in 1..=2000 {
        writer.write(&format!("{number}\n"));
        reader.expect(&[&number.to_string()]);
    }
    assert!(storm.end() > 10);
    writer.finish().prints("");
    let start = Instant::now();
    // One creation may be over after a few milliseconds.
    let creations = 8;
    let stops = (0..creations).map(|_| {
        let maker = s.spawn("shm-writer create large --slots 16 --capacity 4MiB");
        let storm = storm_over(&[maker.pid()]);
        maker.wait().prints("");
        s.ok("shm-writer rm large");
        storm.end()
    });
    assert!(stops.sum::<u64>() > 2 * creations && start.elapsed() < DEADLINE / 2, "{:?}", start.elapsed());
}
