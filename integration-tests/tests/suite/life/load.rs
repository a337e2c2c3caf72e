//! Tests with a large load: a writer that publishes as fast as it can to 64 readers, and a
//! directory of 10,000 regions.

use std::fs;
use std::os::unix::process::CommandExt;
use std::time::{Duration, Instant};

use shm_core::{Kind, Position, RawReader, RawWriter};
use testkit::at_effort;

use crate::harness::{Child, Sandbox, again, role, said, say};

const TEST: &str = concat!(module_path!(), "::sixty_four_readers_account_for_every_value_of_a_writer_flat_out");
const READERS: usize = 64;
const REGIONS: usize = 10_000;
/// The longest value, in words.
const MOST_WORDS: u64 = 64;
/// How much the resident memory of a process may grow after the first quarter of the time, in KiB.
const GROWTH_KIB: u64 = 1024;

fn duration() -> Duration {
    Duration::from_secs(at_effort([1, 2, 60, 600]))
}

/// Makes a value whose length depends on its number. Each word contains the number and the word's
/// index.
fn make(sequence: u64, value: &mut Vec<u8>) {
    value.clear();
    let words = 1 + sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15) % MOST_WORDS;
    (0..words).for_each(|word| value.extend_from_slice(&(sequence << 8 | word).to_le_bytes()));
}

/// The resident memory of this process after a quarter of the time, and now.
struct Memory {
    start: Instant,
    first_kib: Option<u64>,
}

impl Memory {
    fn new() -> Self {
        Self { start: Instant::now(), first_kib: None }
    }

    fn look(&mut self) {
        if self.first_kib.is_none() && self.start.elapsed() >= duration() / 4 {
            self.first_kib = Some(resident_kib());
        }
    }

    fn figures(&self) -> String {
        let now_kib = resident_kib();
        format!("{} {now_kib}", self.first_kib.unwrap_or(now_kib))
    }
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("this process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its resident memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

fn write(region: &str) {
    let mut writer = RawWriter::options().kind(Kind::Bytes).slots(64).capacity(512).open_raw(region).expect("a writer");
    say("ready");
    std::io::stdin().read_line(&mut String::new()).expect("the test says when");
    let (mut memory, mut value) = (Memory::new(), Vec::new());
    while memory.start.elapsed() < duration() {
        for _ in 0..1000 {
            make(writer.head() + 1, &mut value);
            writer.publish(&value).expect("published");
        }
        memory.look();
    }
    say(&format!("{} 0 {}", writer.head(), memory.figures()));
}

fn read(region: &str) {
    let mut reader = RawReader::options().start(Position::Oldest).open_raw(region).expect("a reader");
    say("ready");
    let (mut due, mut received, mut missed) = (1, 0_u64, 0);
    let (mut memory, mut value, mut expected) = (Memory::new(), Vec::new(), Vec::new());
    while let Some(sample) = reader.recv_into(&mut value).expect("a value or the end") {
        assert_eq!(due + sample.lost, sample.sequence, "exactly the values in between count as lost");
        make(sample.sequence, &mut expected);
        assert!(value == expected, "value {} is torn: {value:?}", sample.sequence);
        due = sample.sequence + 1;
        received += 1;
        missed += sample.lost;
        if received.is_multiple_of(64) {
            memory.look();
        }
    }
    say(&format!("{received} {missed} {}", memory.figures()));
}

fn start(s: &Sandbox, part: &str) -> Child {
    let mut command = again(TEST, &format!("{part} {}", s.name("room")));
    let mut child = Child::start(part, command.process_group(0));
    assert_eq!(said(&mut child), "ready");
    child
}

/// Returns the four numbers that a process prints at its end: values received or published, values
/// missed, and its memory early and late.
fn figures(mut child: Child) -> [u64; 4] {
    let line = said(&mut child);
    let numbers: Vec<u64> = line.split(' ').map(|number| number.parse().expect("a number")).collect();
    child.wait().exits(0);
    numbers.try_into().expect("four of them")
}

// Fault 37.
#[test]
fn sixty_four_readers_account_for_every_value_of_a_writer_flat_out() {
    if let Some(role) = role() {
        return match role.split_once(' ').expect("a part and a region") {
            ("write", region) => write(region),
            (_, region) => read(region),
        };
    }
    let s = Sandbox::new();
    let mut writer = start(&s, "write");
    let readers: Vec<Child> = (0..READERS).map(|_| start(&s, "read")).collect();
    writer.write("go\n");
    writer.stdout().wait_for(duration() + crate::harness::DEADLINE, |_, ended| ended.then_some(()));
    let [published, _, early, late] = figures(writer);
    assert!(late <= early + GROWTH_KIB, "the writer grew from {early} to {late} KiB");
    let (mut least, mut most) = (u64::MAX, 0);
    for reader in readers {
        let [received, missed, early, late] = figures(reader);
        assert_eq!(received + missed, published, "{received} received, {missed} missed");
        assert!(late <= early + GROWTH_KIB, "a reader grew from {early} to {late} KiB");
        (least, most) = (least.min(received), most.max(received));
    }
    println!(
        "{published} values in {:?}, of which {READERS} readers received {least} to {most} each; writer {early} to {late} KiB",
        duration()
    );
}

#[test]
fn ten_thousand_regions_are_listed() {
    let s = Sandbox::new();
    s.ok("shm-writer region-00000 --slots 2 --capacity 8 x");
    for number in 1..REGIONS {
        fs::hard_link(s.shm("region-00000"), s.shm(&format!("region-{number:05}"))).expect("room for it");
    }
    for line in ["shm-reader list", "shm-reader list --json"] {
        let start = Instant::now();
        let lines = s.run(line).succeeds().lines();
        let elapsed = start.elapsed();
        println!("{line}: {REGIONS} regions in {elapsed:?}");
        // This takes a second on a machine that is otherwise idle.
        assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
        let rows = lines.iter().filter(|line| line.contains("region-") && line.contains("text"));
        assert_eq!(rows.count(), REGIONS);
    }
}
