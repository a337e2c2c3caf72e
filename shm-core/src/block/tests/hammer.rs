//! Two processes map the same file: one writes and moves bytes as fast as it can, the other searches
//! and reads. The results are a mixture of old and new bytes; this test checks what must be true
//! nevertheless.
//!
//! `ci/hammer-map` runs it for a long time under AddressSanitizer and valgrind.

use super::{Access, Block};
use std::fs;
use std::io::{BufRead, Read, SeekFrom, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use testkit::{Random, at_effort};

const TEST: &str = "block::tests::hammer::one_process_reads_while_another_writes";
/// The environment variable that contains the file, set for the process that reads.
const FILE: &str = "SHM_HAMMER_FILE";
/// How much additional time the reader may take, for example to start under valgrind.
const GRACE: Duration = Duration::from_secs(120);

/// The only bytes that are ever in the block.
const LETTERS: &[u8] = b"abcd\n";
const NEVER_THERE: &[u8] = b"az";
/// The bytes of the page before the block, and of some bytes after it, which are never changed.
const OUTSIDE: u8 = b'.';
const BEFORE: usize = 4096;
const AFTER: usize = 100;
/// Longer than the parts that are searched or moved at a time, and not a multiple of a word.
const LEN: usize = 40_003;
const CROWDED: usize = 64;

/// Random choices that decide what the processes do.
struct Choices(Random);

impl Choices {
    fn below(&mut self, bound: usize) -> usize {
        self.0.index(bound)
    }

    fn letter(&mut self) -> u8 {
        LETTERS[self.below(LETTERS.len())]
    }

    /// Returns a place in the block and a length that fits there: usually a few bytes, sometimes very many.
    /// The place is often at the start, where the other process often is, too, and often extends to the
    /// end.
    fn place(&mut self) -> (usize, usize) {
        let most = if self.below(8) == 0 { LEN } else { 300 };
        let count = 1 + self.below(most);
        let last_start = LEN - count;
        let start = match self.below(4) {
            0 | 1 => self.below(CROWDED.min(last_start) + 1),
            2 => self.below(last_start + 1),
            _ => last_start,
        };
        (start, count)
    }

    /// Returns a place as a range, and a few letters to search for.
    fn search(&mut self) -> (isize, isize, Vec<u8>) {
        let (start, count) = self.place();
        let needle = (0..=self.below(6)).map(|_| self.letter()).collect();
        (signed(start), signed(start + count), needle)
    }
}

fn signed(at: usize) -> isize {
    isize::try_from(at).expect("within a map")
}

fn seconds() -> Duration {
    Duration::from_secs(at_effort([1, 1, 20, 60]))
}

fn open(file: &str, access: Access) -> Block {
    Block::options().offset(BEFORE as u64).len(LEN).access(access).open(file).unwrap()
}

/// Changes bytes at a random place.
fn write_something(map: &mut Block, random: &mut Choices) {
    let (start, count) = random.place();
    let letter = random.letter();
    // Use mostly one letter, so the moves do not mix everything.
    let bytes: Vec<u8> = (0..count).map(|at| if at % 7 == 0 { random.letter() } else { letter }).collect();
    match random.below(5) {
        0 => {
            map.seek(SeekFrom::Start(start as u64)).unwrap();
            assert_eq!(map.write(&bytes).unwrap(), count);
        }
        1 => {
            map.seek(SeekFrom::Start(start as u64)).unwrap();
            map.write_all(&bytes).unwrap();
        }
        2 => map.set(signed(start)..signed(start + count), &bytes).unwrap(),
        3 => map.set_byte(signed(start), letter).unwrap(),
        _ => map.move_within(random.below(LEN - count + 1), start, count).unwrap(),
    }
}

/// Reads or searches at a random place, and checks what must be true whatever the other process does.
fn read_something(map: &mut Block, random: &mut Choices) {
    let (start, count) = random.place();
    map.seek(SeekFrom::Start(start as u64)).unwrap();
    match random.below(8) {
        0 => {
            let line = map.readline().unwrap();
            check_line(map, start, line);
        }
        1 => {
            let mut line = Vec::new();
            map.read_until(b'\n', &mut line).unwrap();
            check_line(map, start, line);
        }
        2 => check_letters(&map.read(count).unwrap(), count),
        3 => {
            let mut bytes = vec![0; count];
            map.read_exact(&mut bytes).unwrap();
            check_letters(&bytes, count);
        }
        4 => check_letters(&map.get(signed(start)..signed(start + count)).unwrap(), count),
        5 => check_letters(&[map.byte_at(signed(start)).unwrap()], 1),
        6 => {
            let (start, end, needle) = random.search();
            check_found(map.find(&needle, start..end).unwrap(), start, end, &needle);
            assert_eq!(map.find(NEVER_THERE, start..end).unwrap(), None);
        }
        _ => {
            let (start, end, needle) = random.search();
            check_found(map.rfind(&needle, start..end).unwrap(), start, end, &needle);
            assert_eq!(map.rfind(NEVER_THERE, start..end).unwrap(), None);
        }
    }
}

fn check_letters(bytes: &[u8], count: usize) {
    assert_eq!(bytes.len(), count);
    let stranger = bytes.iter().position(|byte| !LETTERS.contains(byte));
    assert_eq!(stranger, None, "{}", bytes.escape_ascii());
}

/// Checks that a line has exactly one newline, at its end, or ends with the block, and that the
/// position is after the line.
fn check_line(map: &Block, start: usize, line: Vec<u8>) {
    check_letters(&line, line.len());
    let end = map.tell().unwrap();
    assert_eq!(end, start + line.len());
    match line.iter().position(|byte| *byte == b'\n') {
        Some(newline) => assert_eq!(newline + 1, line.len()),
        None => assert_eq!(end, LEN),
    }
}

fn check_found(at: Option<usize>, start: isize, end: isize, needle: &[u8]) {
    if let Some(at) = at {
        assert!(start <= signed(at) && signed(at + needle.len()) <= end, "{at} in {start}..{end}");
    }
}

/// The process that reads. Prints how many rounds it made, and how often it saw a change.
fn read_all_the_time(file: &str) {
    let mut map = open(file, Access::Read);
    let mut random = Choices(Random::new(u64::from(std::process::id())));
    let crowded = ..signed(CROWDED);
    let (mut rounds, mut changes, mut last) = (0_u64, 0_u64, map.get(crowded).unwrap());
    let end = Instant::now() + seconds();
    while Instant::now() < end {
        read_something(&mut map, &mut random);
        let now = map.get(crowded).unwrap();
        changes += u64::from(now != last);
        (rounds, last) = (rounds + 1, now);
    }
    println!("\nrounds {rounds} changes {changes}");
}

fn start_reader(file: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([TEST, "--exact", "--nocapture"]).env(FILE, file).stdout(Stdio::piped()).spawn().unwrap()
}

/// Waits for a reader, which must end successfully. Returns its rounds, and how many changes it saw.
fn result_of(mut reader: Child) -> [u64; 2] {
    let mut output = String::new();
    reader.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    let status = reader.wait().unwrap();
    assert!(status.success(), "the reader: {status}\n{output}");
    let line = output.lines().find(|line| line.starts_with("rounds ")).expect("the reader says what it did");
    let numbers: Vec<u64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    numbers.try_into().expect("two numbers")
}

#[test]
fn one_process_reads_while_another_writes() {
    if let Ok(file) = std::env::var(FILE) {
        return read_all_the_time(&file);
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("block").display().to_string();
    let mut random = Choices(Random::new(u64::from(std::process::id())));
    let content: Vec<u8> = (0..LEN).map(|_| random.letter()).collect();
    fs::write(&file, [vec![OUTSIDE; BEFORE], content, vec![OUTSIDE; AFTER]].concat()).unwrap();

    let mut map = open(&file, Access::Write);
    let mut reader = start_reader(&file);
    let mut writes = 0_u64;
    let deadline = Instant::now() + seconds() + GRACE;
    while reader.try_wait().unwrap().is_none() {
        write_something(&mut map, &mut random);
        writes += 1;
        assert!(Instant::now() < deadline || reader.kill().is_err(), "the reader does not end");
    }
    let [reads, changes] = result_of(reader);
    println!("the writer made {writes} rounds, the reader {reads}, which saw {changes} changes");
    assert!(writes > 100 && reads > 100 && changes > 10, "{writes} {reads} {changes}");

    let bytes = fs::read(&file).unwrap();
    let (mapped, after) = bytes[BEFORE..].split_at(LEN);
    check_letters(mapped, LEN);
    assert!(map.get(..).unwrap() == mapped, "the file holds what the map does");
    assert!(bytes[..BEFORE].iter().chain(after).all(|byte| *byte == OUTSIDE), "what is outside of the map stays");
    assert_eq!(after.len(), AFTER);
}
