//! Tests of a region whose writer is stopped, dumps core or dies while readers wait, and of two
//! handles in one process.

use std::fs;
use std::os::unix::process::CommandExt;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use shm_core::{Kind, OpenError, Position, RawReader, RawWriter, WriterStatus, inspect};
use testkit::at_effort;

use crate::harness::{Child, DEADLINE, Sandbox, again, eventually, role, said, say};

// Fault 44.
#[test]
fn a_writer_keeps_its_lock_whatever_else_its_process_opens_and_closes() {
    let s = Sandbox::new();
    let name = s.name("demo");
    let mut writer = RawWriter::open(&name, Kind::Text).expect("a writer");
    writer.publish(b"one").expect("published");
    for _ in 0..3 {
        assert!(matches!(RawWriter::open(&name, Kind::Text), Err(OpenError::WriterAlive { .. })));
        let mut reader = RawReader::open(&name).expect("a reader");
        assert_eq!(reader.latest().expect("a value").map(|sample| sample.value), Some(b"one".to_vec()));
        drop(reader);
        assert_eq!(inspect(&name).expect("a region").writer, WriterStatus::Alive);
        assert!(matches!(shm_core::remove(&name, false), Err(OpenError::WriterAlive { .. })));
        // If the lock were of the older kind, which belongs to the process, then closing any
        // descriptor of the lock file would free it.
        drop(fs::File::open(s.shm(".demo.lock")).expect("the lock's file"));
        s.run("shm-writer demo two").exits(7);
        s.run("shm-reader inspect demo").exits(0);
    }
    drop(writer);
    s.run("shm-writer demo two").exits(0);
}

/// Checks the newest value with a reader that is independent of the writer. Also checks that
/// nothing newer arrives, except a value that was already whole: a follower reads the slot, which
/// is written before the head.
#[track_caller]
fn check_stopped(s: &Sandbox, reader: &mut RawReader) {
    let newest = reader.latest().expect("no fault").expect("a value");
    assert!(is_uniform(&newest.value), "torn: {:?}", newest.value);
    let timeout = Duration::from_millis(20);
    let mut start = Instant::now();
    let mut waited = reader.recv_timeout(timeout).expect("no fault").value();
    if let Some(unannounced) = &waited {
        assert!(is_uniform(&unannounced.value), "torn: {:?}", unannounced.value);
        assert_eq!(unannounced.sequence, newest.sequence + 1);
        start = Instant::now();
        waited = reader.recv_timeout(timeout).expect("no fault").value();
    }
    assert!(waited.is_none(), "{waited:?} of a writer that is stopped");
    assert!(start.elapsed() >= timeout);
    s.run("shm-writer demo other").exits(7).complains(&["demo"]);
    assert_eq!(s.inspect("demo")["writer"], "alive");
}

fn is_uniform(value: &[u8]) -> bool {
    value.iter().all(|byte| *byte == value[0])
}

// Fault 38.
#[test]
fn a_writer_that_is_stopped_at_any_moment_keeps_its_region_and_its_readers_their_values() {
    const TEST: &str = concat!(
        module_path!(),
        "::a_writer_that_is_stopped_at_any_moment_keeps_its_region_and_its_readers_their_values"
    );
    if let Some(region) = role() {
        let mut writer = RawWriter::options().kind(Kind::Bytes).capacity(1 << 16).open_raw(&region).expect("a writer");
        writer.publish(&[0; 8]).expect("published");
        say("ready");
        for number in 1_u64.. {
            writer.publish(&vec![number.to_le_bytes()[0]; 1 << 16]).expect("published");
        }
    }
    let s = Sandbox::new();
    let mut writer = Child::start("a writer flat out", again(TEST, &s.name("demo")).process_group(0));
    assert_eq!(said(&mut writer), "ready");
    let mut reader = RawReader::open(s.name("demo")).expect("a reader");
    let (wanted, most) = (at_effort([5, 15, 30, 300]), 1000);
    let (mut stops, mut unfinished) = (0, 0);
    while stops < wanted || unfinished == 0 && stops < most {
        stops += 1;
        writer.signal(Signal::SIGSTOP);
        let head = inspect(s.name("demo")).expect("a region").head;
        unfinished += usize::from(is_begun(&s, head + 1));
        check_stopped(&s, &mut reader);
        writer.signal(Signal::SIGCONT);
        eventually("it goes on", || (inspect(s.name("demo")).expect("a region").head > head + 1).then_some(()));
    }
    println!("{unfinished} of {stops} stops came while a value was being written");
    assert!(unfinished > 0, "no stop came in the midst of a value");
}

/// Returns whether this value is being written, which means that its slot has an odd stamp.
fn is_begun(s: &Sandbox, sequence: u64) -> bool {
    let info = inspect(s.name("demo")).expect("a region");
    let at = info.region_bytes - info.slots * info.stride + sequence % info.slots * info.stride;
    let mut stamp = [0; 8];
    let file = fs::File::open(s.shm("demo")).expect("a region");
    std::os::unix::fs::FileExt::read_exact_at(&file, &mut stamp, at).expect("a slot");
    u64::from_le_bytes(stamp) == 2 * sequence - 1
}

// Fault 41.
#[test]
fn a_writer_that_dumps_core_leaves_its_region_out_of_it_and_is_followed_at_once() {
    let s = Sandbox::new();
    let mut writer = s.spawn("sh -c 'ulimit -c unlimited; exec shm-writer demo --slots 16 --capacity 4MiB'");
    writer.write("one\n");
    s.holds("demo", "one");
    let smaps = fs::read_to_string(format!("/proc/{}/smaps", writer.pid())).expect("its mappings");
    let path = s.name("demo");
    let mut flags = smaps.lines().skip_while(|line| !line.ends_with(&path)).filter(|line| line.starts_with("VmFlags:"));
    let flags = flags.next().expect("the region is mapped");
    assert!(flags.split(' ').any(|flag| flag == "dd"), "{flags}");
    writer.signal(Signal::SIGABRT);
    let start = Instant::now();
    eventually("the next writer starts", || (s.run("shm-writer demo two").code() == 0).then_some(()));
    println!("followed after {:?}", start.elapsed());
    s.run("shm-reader demo").prints("two\n");
    writer.kill();
    for file in s.home_files().iter().filter(|file| file.starts_with("core")) {
        let bytes = fs::metadata(s.home(file)).expect("a core dump").len();
        assert!(bytes < 64 << 20, "{file} has {bytes} bytes: the region is in it");
    }
}

// Fault 49.
#[test]
fn readers_that_wait_are_told_of_their_writers_death_by_whoever_they_ask_and_get_the_next_ones_values() {
    let s = Sandbox::new();
    let deaths = at_effort([5, 20, 200, 1000]);
    let name = s.name("demo");
    s.ok("shm-writer demo start");
    let mut reader = RawReader::options().start(Position::New).open_raw(&name).expect("a reader");
    let (mut known, mut due, mut value) = (Vec::new(), 2, Vec::new());
    for death in 1..=deaths {
        let mut writer = s.spawn("shm-writer demo");
        writer.write("value\n");
        // The region was closed after the previous value. Only a follower continues after that.
        let sample = reader.follow_into(&mut value, DEADLINE).expect("no fault").expect("the next writer's value");
        assert_eq!((sample.sequence, sample.lost, sample.restarted), (due, 0, false), "after {death} deaths");
        due += 1;
        // The reader is waiting when its writer dies, and continues to wait.
        let waited = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| reader.recv_timeout(Duration::from_millis(2)).expect("no fault").value());
            writer.signal(Signal::SIGKILL);
            let start = Instant::now();
            eventually("it is known", || {
                (inspect(&name).expect("a region").writer == WriterStatus::Gone).then_some(())
            });
            known.push(start.elapsed());
            waiting.join().expect("no panic")
        });
        assert!(waited.is_none() && !reader.is_ended(), "a death is no close");
        writer.kill();
    }
    known.sort();
    let at = |percent: usize| known[(deaths - 1) * percent / 100];
    assert!(at(100) < Duration::from_secs(10), "a death was not known for {:?}", at(100));
    println!("{deaths} deaths, known after {:?} (median), {:?} (p99), {:?} at most", at(50), at(99), at(100));
}

// Fault 48.
#[test]
fn a_reader_with_another_clock_gets_its_values_and_its_timeout() {
    let s = Sandbox::new();
    let elsewhen = "unshare --time --monotonic=100000000 --boottime=100000000 --fork";
    if s.run(&format!("{elsewhen} true")).code() != 0 {
        return crate::harness::skipped("a_reader_with_another_clock", "no time namespace without privileges");
    }
    let mut writer = s.spawn("shm-writer demo");
    writer.write("one\n");
    s.holds("demo", "one");
    let mut reader = s.spawn(&format!("{elsewhen} shm-reader demo -f"));
    reader.expect(&["one"]);
    for line in ["two", "three"] {
        writer.write(&format!("{line}\n"));
        reader.expect(&[line]);
    }
    let start = Instant::now();
    s.run(&format!("{elsewhen} shm-reader -t 300ms absent")).exits(4);
    assert!(start.elapsed() >= Duration::from_millis(300));
    let mut other = s.spawn(&format!("{elsewhen} shm-writer demo2"));
    other.write("from elsewhen\n");
    s.holds("demo2", "from elsewhen");
}
