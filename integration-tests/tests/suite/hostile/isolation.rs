//! Readers cannot harm a writer: they have no write access to the region and do not block the writer. Waiting
//! for values uses next to no processor time.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::harness::{Child, Sandbox, observe};

/// Starts a follower and waits until it has mapped the region and printed the newest value.
fn follower(s: &Sandbox) -> Child {
    let mut reader = s.spawn("shm-reader demo -f");
    reader.line();
    reader.idle()
}

// Fault 57.
#[test]
fn a_reader_maps_the_region_read_only() {
    let s = Sandbox::new();
    s.ok("shm-writer demo hello");
    let reader = follower(&s);
    let maps = fs::read_to_string(format!("/proc/{}/maps", reader.pid())).expect("its mappings");
    let path = s.name("demo");
    let ours: Vec<&str> = maps.lines().filter(|line| line.ends_with(&path)).collect();
    assert!(!ours.is_empty(), "{path} is mapped:\n{maps}");
    for line in ours {
        let rights = line.split_whitespace().nth(1);
        assert_eq!(rights, Some("r--s"), "{line}");
    }
}

// Fault 57.
#[test]
fn a_reader_has_no_file_open_for_writing() {
    let s = Sandbox::new();
    s.ok("shm-writer demo hello");
    let reader = follower(&s);
    let base = format!("/proc/{}", reader.pid());
    for entry in fs::read_dir(format!("{base}/fd")).expect("its descriptors") {
        let entry = entry.expect("a descriptor");
        let number = entry.file_name().into_string().expect("a number");
        let target = fs::read_link(entry.path()).expect("its target");
        let info = fs::read_to_string(format!("{base}/fdinfo/{number}")).expect("its flags");
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).expect("flags").trim();
        let access = u32::from_str_radix(flags, 8).expect("octal") & 3;
        let writable = access != 0 && target.starts_with(s.shm_dir());
        assert!(!writable, "{number} -> {}: {info}", target.display());
    }
}

// Fault 51.
#[test]
fn a_stopped_reader_does_not_hinder_writers() {
    let s = Sandbox::new();
    s.ok("shm-writer demo one");
    let mut reader = follower(&s);
    reader.signal(Signal::SIGSTOP);
    s.run("shm-writer demo two").prints("");
    s.run("seq 1 30 | shm-writer demo").prints("");
    s.run("head -c 100000 /dev/zero | shm-writer demo --whole").prints("");
    s.run("shm-writer rm demo").prints("");
    s.run("shm-writer demo fresh").prints("");
    reader.signal(Signal::SIGCONT);
    while reader.line() != "fresh" {}
}

#[test]
fn a_killed_reader_leaves_nothing_to_clean_up() {
    let s = Sandbox::new();
    s.ok("shm-writer demo one");
    let before = s.files();
    for _ in 0..5 {
        follower(&s).kill();
    }
    assert_eq!(s.files(), before);
    s.run("shm-writer demo two").prints("");
}

// Fault 51.
#[test]
fn a_region_that_others_hold_open_or_lock_is_written_all_the_same() {
    let s = Sandbox::new();
    s.ok("shm-writer demo one");
    let script = "sh -c 'exec 9< $SHM_DIR/demo; flock -s 9; echo locked; exec cat'";
    let mut holder = s.spawn(script);
    if holder.line() != "locked" {
        return crate::harness::skipped("a_region_that_others_hold_open_or_lock", "no flock here");
    }
    s.run("shm-writer demo two").prints("");
    s.run("shm-writer demo --slots 128 three").prints("");
    s.run("shm-writer rm demo").prints("");
}

#[test]
fn an_idle_follower_uses_no_measurable_cpu() {
    let s = Sandbox::new();
    s.ok("shm-writer demo hello");
    let quiet = [follower(&s), s.spawn("shm-reader absent -f").idle()];
    let mut writer = s.spawn("shm-writer other");
    writer.write("x\n");
    s.holds("other", "x");
    let live = s.spawn("shm-reader other -f").idle();
    let watched = [quiet[0].pid(), quiet[1].pid(), live.pid(), writer.pid()];
    // The time of a wake depends on the load of the machine, so a busy machine gets several tries.
    let mut tries = (0..5).map(|_| {
        let before = watched.map(cpu_time);
        observe(Duration::from_secs(2));
        let after = watched.map(cpu_time);
        before.into_iter().zip(after).map(|(before, after)| after - before).max().unwrap_or_default()
    });
    let most = Duration::from_millis(10);
    assert!(tries.any(|used| used <= most), "more than {most:?} in two seconds, above 0.5 %");
}

#[test]
fn a_sleeping_follower_is_woken_and_does_not_wait_for_its_next_look() {
    let s = Sandbox::new();
    let mut reader = s.spawn("shm-reader demo -f").idle();
    let mut writer = s.spawn("shm-writer demo");
    // A follower that polled every 50 ms and was not woken would need 25 ms on average.
    let quick = (0..5).any(|_| median_delay(&mut writer, &mut reader) < Duration::from_millis(10));
    assert!(quick, "values arrive as if nobody woke the reader");
}

/// The median time from the writer's stdin to the reader's stdout.
fn median_delay(writer: &mut Child, reader: &mut Child) -> Duration {
    let mut delays = [Duration::ZERO; 15];
    for delay in &mut delays {
        reader.settle();
        let start = Instant::now();
        writer.write("x\n");
        reader.line();
        *delay = start.elapsed();
    }
    delays.sort();
    delays[delays.len() / 2]
}

/// The processor time that a process has used so far, as counted by the scheduler. Clock ticks are too coarse.
fn cpu_time(pid: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("the process lives");
    let times = threads.map(|thread| {
        let stat = fs::read_to_string(thread.expect("a thread").path().join("schedstat")).expect("its times");
        let nanoseconds = stat.split_whitespace().next().expect("three numbers");
        Duration::from_nanos(nanoseconds.parse().expect("a number"))
    });
    times.sum()
}
