//! Every bit of the header is flipped once. Each time, the region is refused, or all values that are read are
//! correct. Most tests use the library in this process, because starting 32,768 programs would take too long.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use shm_core::{Kind, Position, PublishError, RawReader, RawWriter, ReceiveError, Received};
use testkit::effort;

use super::is_refusal;
use crate::format::Format;
use crate::harness::{Sandbox, without_forks};

const HEADER_BITS: usize = 4096 * 8;
/// All fields of the header are in these first bytes.
const USED_BYTES: usize = 512;
const VALUES: [&[u8]; 3] = [b"first", b"second", b"third"];
/// The longest that a single operation on a damaged region may take.
const LIMIT: Duration = Duration::from_secs(10);

/// A small region that contains the three values, and the bytes of its file.
fn region() -> (Sandbox, Vec<u8>) {
    let s = Sandbox::new();
    s.ok("printf 'first\\nsecond\\nthird\\n' | shm-writer demo --slots 4 --capacity 64");
    let bytes = fs::read(s.shm("demo")).expect("the region");
    (s, bytes)
}

/// The bits to flip: all bits of fields, and one bit of each reserved byte (all of them with `SHM_EFFORT` 2 or more).
fn bits() -> impl Iterator<Item = usize> {
    let is_wanted = |bit: &usize| bit / 8 < USED_BYTES || effort() > 1 || bit % 8 == bit / 8 % 8;
    (0..HEADER_BITS).filter(is_wanted)
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

fn is_no_value(error: &ReceiveError) -> bool {
    match error {
        ReceiveError::Reopen(error) => is_refusal(error),
        ReceiveError::Damaged { .. }
        | ReceiveError::DamagedValue { .. }
        | ReceiveError::Gone { .. }
        | ReceiveError::Busy { .. }
        | ReceiveError::TooLarge { .. } => true,
        _ => false,
    }
}

/// Checks that a value that was read is one of the three, and that an error is a refusal. Returns whether there
/// was a value.
#[track_caller]
fn check<T>(
    bit: usize,
    action: &str,
    result: Result<Option<shm_core::Sample<T>>, ReceiveError>,
    buffer: &[u8],
) -> bool {
    match result {
        Ok(None) => false,
        Ok(Some(_)) => {
            assert!(VALUES.contains(&buffer), "bit {bit}, {action}: read {}", buffer.escape_ascii());
            true
        }
        Err(error) => {
            assert!(is_no_value(&error), "bit {bit}, {action}: {error}");
            false
        }
    }
}

#[track_caller]
fn timed<T>(bit: usize, action: &str, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = run();
    assert!(start.elapsed() < LIMIT, "bit {bit}: {action} took {:?}", start.elapsed());
    result
}

/// Reads a region in every way. Returns whether it was refused or all values were received.
fn read_everything(bit: usize, name: &str) -> bool {
    let mut reader = match timed(bit, "open", || RawReader::open(name)) {
        Ok(reader) => reader,
        Err(error) => {
            assert!(is_refusal(&error), "bit {bit}, open: {error}");
            return true;
        }
    };
    let mut buffer = Vec::new();
    let latest = timed(bit, "latest", || reader.latest_into(&mut buffer));
    let mut is_refused = latest.is_err();
    check(bit, "latest", latest, &buffer);
    reader.seek(Position::Oldest);
    let mut received = Vec::new();
    for _ in 0..VALUES.len() + 1 {
        let next = timed(bit, "try_recv", || reader.try_recv_into(&mut buffer).map(Received::value));
        is_refused |= next.is_err();
        if !check(bit, "try_recv", next, &buffer) {
            break;
        }
        received.push(buffer.clone());
    }
    assert!(buffer.capacity() < 1 << 20, "bit {bit}: no large allocation");
    is_refused || received == VALUES
}

// Fault 28.
#[test]
fn a_reader_survives_every_flip_of_a_header_bit() {
    let (s, bytes) = region();
    let file = File::options().write(true).open(s.shm("demo")).expect("the region");
    let name = s.name("demo");
    // Only these two fields determine which values the region contains.
    let format = Format::read();
    let says_which =
        ["head", "first"].map(|field| format.header.field(field)).map(|field| field.offset..field.offset + 8);
    for bit in bits() {
        let at = bit / 8;
        file.write_all_at(&flipped(&bytes, bit)[at..=at], at as u64).expect("a byte of the region");
        let all_or_refused = read_everything(bit, &name);
        assert!(
            all_or_refused || says_which.iter().any(|bytes| bytes.contains(&at)),
            "bit {bit} of byte {at} hides values"
        );
        file.write_all_at(&bytes[at..=at], at as u64).expect("a byte of the region");
    }
}

// Fault 28.
#[test]
fn inspect_and_verify_survive_every_flip_of_a_header_bit() {
    let (s, bytes) = region();
    let file = File::options().write(true).open(s.shm("demo")).expect("the region");
    let name = s.name("demo");
    for bit in bits() {
        let at = bit / 8;
        file.write_all_at(&flipped(&bytes, bit)[at..=at], at as u64).expect("a byte of the region");
        let seen = timed(bit, "inspect", || shm_core::inspect(&name)).map(drop);
        let found = timed(bit, "verify", || shm_core::verify(&name)).map(drop);
        for error in [seen, found].into_iter().filter_map(Result::err) {
            assert!(is_refusal(&error), "bit {bit}: {error}");
        }
        file.write_all_at(&bytes[at..=at], at as u64).expect("a byte of the region");
    }
}

// Fault 28.
#[test]
fn a_waiting_reader_survives_flips_of_the_fields_that_change() {
    let (s, bytes) = region();
    let file = File::options().write(true).open(s.shm("demo")).expect("the region");
    let name = s.name("demo");
    let fields = crate::format::Format::read().header;
    for field in ["state", "head", "first", "bell"] {
        let field = fields.field(field);
        for bit in field.offset * 8..(field.offset + field.size) * 8 {
            let at = bit / 8;
            file.write_all_at(&flipped(&bytes, bit)[at..=at], at as u64).expect("a byte of the region");
            if let Ok(mut reader) = RawReader::open(&name) {
                let mut buffer = Vec::new();
                let wait = Duration::from_millis(2);
                let next =
                    timed(bit, "recv_timeout", || reader.recv_timeout_into(&mut buffer, wait).map(Received::value));
                check(bit, "recv_timeout", next, &buffer);
                let next = timed(bit, "follow", || reader.follow_into(&mut buffer, wait));
                check(bit, "follow", next, &buffer);
            }
            file.write_all_at(&bytes[at..=at], at as u64).expect("a byte of the region");
        }
    }
}

#[test]
fn a_writer_refuses_or_goes_on_after_any_flip_of_a_field() {
    let (s, bytes) = region();
    let name = s.name("demo");
    let used = (0..HEADER_BITS).filter(|bit| bit / 8 < USED_BYTES || bit % 509 == 0);
    for bit in used {
        fs::write(s.shm("demo"), flipped(&bytes, bit)).expect("the region");
        let opened = timed(bit, "open for writing", || without_forks(|| RawWriter::open(&name, Kind::Text)));
        let mut writer = match opened {
            Ok(writer) => writer,
            Err(error) => {
                assert!(is_refusal(&error), "bit {bit}, open for writing: {error}");
                let _ = fs::remove_file(s.shm("demo"));
                continue;
            }
        };
        match timed(bit, "publish", || writer.publish(b"third")) {
            Ok(_) => {
                let mut buffer = Vec::new();
                let latest = RawReader::open(&name).expect("it is written").latest_into(&mut buffer);
                assert!(check(bit, "latest", latest, &buffer), "bit {bit}: what was published can be read");
            }
            Err(PublishError::Damaged { .. }) => {}
            Err(error) => panic!("bit {bit}, publish: {error}"),
        }
        let _ = fs::remove_file(s.shm("demo"));
    }
}

// Fault 28.
#[test]
fn the_programs_agree_with_the_library_on_flips_of_each_field() {
    let (s, bytes) = region();
    for field in crate::format::Format::read().header.fields {
        for bit in [field.offset * 8, (field.offset + field.size) * 8 - 1] {
            fs::write(s.shm("demo"), flipped(&bytes, bit)).expect("the region");
            let outcome = s.run("shm-reader demo -t 100ms");
            let value = outcome.stdout.strip_suffix(b"\n");
            let harmless = outcome.code() == 0 && value.is_some_and(|value| VALUES.contains(&value));
            let refused = [3, 4, 5].contains(&outcome.code()) && outcome.stderr.contains("demo");
            assert!(harmless || refused, "{} bit {bit}: {outcome:?}", field.name);
        }
    }
}
