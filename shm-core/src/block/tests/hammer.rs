//! Two processes in one map: one writes and moves as fast as it can, the other searches and reads. What comes out is a
//! mixture of old and new; here is what must hold nevertheless.
//!
//! `ci/hammer-map` does it at length under AddressSanitizer and valgrind.

use super::{Access, Block};
use std::fs;
use std::io::{BufRead, Read, SeekFrom, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use testkit::{Random, at_effort};

const TEST: &str = "block::tests::hammer::one_process_reads_while_another_writes";
/// Set for the process that reads: the file.
const FILE: &str = "SHM_HAMMER_FILE";
/// How much longer than it should the reader may take, to start under valgrind for example.
const GRACE: Duration = Duration::from_secs(120);

/// All that is ever in the map.
const LETTERS: &[u8] = b"abcd\n";
const NEVER_THERE: &[u8] = b"az";
/// Of a page before the map, and of some bytes behind it: nobody touches those.
const OUTSIDE: u8 = b'.';
const BEFORE: usize = 4096;
const BEHIND: usize = 100;
/// More than is searched or moved at a time, and no multiple of a word.
const LEN: usize = 40_003;
const CROWDED: usize = 64;

/// What the processes do is chosen by these.
struct Choices(Random);

impl Choices {
    fn below(&mut self, bound: usize) -> usize {
        self.0.index(bound)
    }

    fn letter(&mut self) -> u8 {
        LETTERS[self.below(LETTERS.len())]
    }

    /// A place in the map and a length that fits there: mostly a few bytes, sometimes very many, often at the start,
    /// where the other process often is, too, or up to the end.
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

    /// A place as a range, and a few letters that may be there.
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

/// Changes something, somewhere.
fn write_something(map: &mut Block, random: &mut Choices) {
    let (start, count) = random.place();
    let letter = random.letter();
    // Few kinds of letters, so that the moves do not mix everything.
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

/// Reads something, and checks what must hold whatever the other process does.
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

/// A line has its newline at its end and nowhere else, or ends with the map; the position is behind it.
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

/// The process that reads: says how much it did, and how often it saw that something had changed.
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

/// Of a reader that has ended well: its rounds, and how many changes it saw.
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
    fs::write(&file, [vec![OUTSIDE; BEFORE], content, vec![OUTSIDE; BEHIND]].concat()).unwrap();

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
    let (mapped, behind) = bytes[BEFORE..].split_at(LEN);
    check_letters(mapped, LEN);
    assert!(map.get(..).unwrap() == mapped, "the file holds what the map does");
    assert!(bytes[..BEFORE].iter().chain(behind).all(|byte| *byte == OUTSIDE), "what is outside of the map stays");
    assert_eq!(behind.len(), BEHIND);
}
