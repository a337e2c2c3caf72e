//! A region whose fields all change while it is read, as a hostile or broken owner may do. Each read returns a
//! value or an error, in bounded time and memory. With checksums, each value is one that was published.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use shm_core::{Access, Block, Error, Kind, OpenError, Position, RawReader, RawWriter, ReceiveError, Received};
use testkit::{Ending, Random, at_effort};

use super::is_refusal;
use crate::format::Format;
use crate::harness::{DEADLINE, Sandbox};

const SLOTS: u64 = 8;
const CAPACITY: usize = 256;
/// The longest that a single read may take, also on a busy machine.
const LIMIT: Duration = Duration::from_secs(5);
const WAIT: Duration = Duration::from_millis(1);

/// How long each test runs.
fn duration() -> Duration {
    Duration::from_secs(at_effort([1, 1, 10, 60]))
}

/// The numbers of the values that are published.
const PUBLISHED: std::ops::RangeInclusive<u8> = 1..=20;

/// The value with this number: the number as a byte, repeated. The length also depends on the number.
fn value(number: u8) -> Vec<u8> {
    vec![number; usize::from(number) * 12 % CAPACITY + 1]
}

/// An undamaged region with values in it, and the bytes of its file.
fn region(checksum: bool) -> (Sandbox, Vec<u8>) {
    let s = Sandbox::new();
    let mut options = RawWriter::options();
    options.kind(Kind::Bytes).slots(SLOTS).capacity(CAPACITY as u64).checksum(checksum);
    let mut writer = options.open_raw(s.name("demo")).expect("a writer");
    for number in PUBLISHED {
        writer.publish(&value(number)).expect("a value");
    }
    writer.close().expect("our own region");
    let bytes = fs::read(s.shm("demo")).expect("the region");
    (s, bytes)
}

/// Offset and size of each field: in the header, in each slot, of each payload's first words, and of each checksum.
fn fields(bytes: &[u8]) -> Vec<(usize, usize)> {
    let format = Format::read();
    let mut fields: Vec<(usize, usize)> = format.header.fields.iter().map(|field| (field.offset, field.size)).collect();
    for slot in 0..SLOTS {
        let start = format.slot_offset(bytes, slot);
        fields.extend(format.slot.fields.iter().map(|field| (start + field.offset, field.size)));
        fields.extend((0..4).map(|word| (start + 24 + 8 * word, 8)));
        fields.push((start + 24 + CAPACITY, 8));
    }
    fields.retain(|(offset, size)| *size <= 16 && offset + size <= bytes.len());
    fields
}

/// Changes random fields of the file until `is_over` is set, and from time to time restores the whole file. Returns the
/// number of changes.
fn mutate(s: &Sandbox, bytes: &[u8], seed: u64, is_over: &AtomicBool) -> u64 {
    let file = File::options().write(true).open(s.shm("demo")).expect("the region");
    let (fields, mut random) = (fields(bytes), Random::new(seed));
    let mut changes = 0;
    while !is_over.load(Ordering::Relaxed) {
        // Long enough for a reader to open the region and read a value.
        thread::park_timeout(Duration::from_micros(random.below(200)));
        if random.below(8) == 0 {
            file.write_all_at(bytes, 0).expect("the region as it was");
            continue;
        }
        let (offset, size) = *random.one_of(&fields);
        let number = (u128::from(random.edge()) << 64 | u128::from(random.edge())).to_le_bytes();
        file.write_all_at(&number[..size], offset as u64).expect("a field");
        changes += 1;
    }
    changes
}

/// Counts of the results that readers got.
#[derive(Default, Debug)]
struct Seen {
    values: u64,
    errors: u64,
    opened: u64,
}

impl Seen {
    /// Counts and checks the result of a read.
    #[track_caller]
    fn answer<T>(&mut self, checksum: bool, buffer: &[u8], start: Instant, answer: Result<Option<T>, ReceiveError>) {
        assert!(start.elapsed() < LIMIT, "an answer took {:?}", start.elapsed());
        match answer {
            Ok(None) => {}
            Ok(Some(_)) => {
                self.values += 1;
                let published =
                    buffer.first().is_some_and(|number| PUBLISHED.contains(number) && *buffer == value(*number));
                assert!(!checksum || published, "never published: {}", buffer.escape_ascii());
                assert!(buffer.len() <= CAPACITY, "{} bytes", buffer.len());
            }
            Err(error) => self.error(error),
        }
    }

    #[track_caller]
    fn error(&mut self, error: impl Into<Error>) {
        self.errors += 1;
        let error = error.into();
        assert!(is_expected(&error), "{error}");
    }
}

fn is_expected(error: &Error) -> bool {
    match error {
        Error::Open(error) | Error::Receive(ReceiveError::Reopen(error)) => {
            is_refusal(error) || matches!(error, OpenError::UnknownKind { .. } | OpenError::Mounted { .. })
        }
        Error::Receive(error) => !matches!(error, ReceiveError::Decode { .. }),
        _ => false,
    }
}

/// Whether a test continues: until `end`, and on a busy machine until it has also seen enough.
fn goes_on(end: Instant, has_seen_enough: bool) -> bool {
    let now = Instant::now();
    now < end || !has_seen_enough && now < end + DEADLINE
}

/// Opens the region repeatedly and reads it in every way, until the time is over and there were enough values
/// and errors.
fn read(name: &str, checksum: bool, end: Instant) -> Seen {
    let mut seen = Seen::default();
    while goes_on(end, seen.values > 10 && seen.errors > 10) {
        if let Err(error) = shm_core::inspect(name).map(drop).and(shm_core::verify(name).map(drop)) {
            seen.error(error);
        }
        let mut reader = match RawReader::open(name) {
            Ok(reader) => reader,
            Err(error) => {
                seen.error(error);
                continue;
            }
        };
        seen.opened += 1;
        for round in 0..20 {
            read_once(&mut reader, checksum, round, &mut seen);
        }
    }
    seen
}

fn read_once(reader: &mut RawReader, checksum: bool, round: u64, seen: &mut Seen) {
    let mut buffer = Vec::new();
    let position = [Position::Oldest, Position::Latest, Position::New, Position::At(round), Position::Last(3)];
    reader.seek(position[usize::try_from(round % 5).expect("small")]);
    let start = Instant::now();
    let next = reader.try_recv_into(&mut buffer);
    seen.answer(checksum, &buffer, start, next.map(Received::value));
    let start = Instant::now();
    let waited = reader.recv_timeout_into(&mut buffer, WAIT);
    seen.answer(checksum, &buffer, start, waited.map(Received::value));
    let start = Instant::now();
    let latest = reader.latest_into(&mut buffer);
    seen.answer(checksum, &buffer, start, latest);
    assert!(buffer.capacity() <= 2 * CAPACITY, "{} bytes are allocated", buffer.capacity());
    let start = Instant::now();
    let mut copy = vec![];
    let view = reader.view().map(|view| {
        view.map(|view| {
            assert!(view.len() <= CAPACITY, "{} bytes", view.len());
            copy.resize(view.len(), 0);
            view.copy_to(0, &mut copy);
        })
    });
    // A payload that is read in place may change after its checksum was verified.
    seen.answer(false, &copy, start, view);
}

/// Runs two readers while a third thread changes the region.
fn run(checksum: bool, seed: u64) {
    let (s, bytes) = region(checksum);
    let (name, is_over, end) = (s.name("demo"), AtomicBool::new(false), Instant::now() + duration());
    let (changes, seen) = thread::scope(|scope| {
        let mutator = scope.spawn(|| mutate(&s, &bytes, seed, &is_over));
        let readers = [0, 1].map(|_| scope.spawn(|| read(&name, checksum, end)));
        let ending = Ending(&is_over);
        let seen = readers.map(|reader| reader.join().expect("a reader that does not panic"));
        drop(ending);
        (mutator.join().expect("the mutator does not panic"), seen)
    });
    eprintln!("{changes} changes; {seen:?}");
    let total = |count: fn(&Seen) -> u64| seen.iter().map(count).sum::<u64>();
    assert!(changes > 100 && total(|seen| seen.values) > 10 && total(|seen| seen.errors) > 10, "{changes}: {seen:?}");
}

// Faults 29, 30.
#[test]
fn a_region_that_changes_under_its_readers_is_a_value_or_an_error() {
    run(false, 0x5eed);
}

// Faults 29, 30.
#[test]
fn with_checksums_no_value_is_read_that_was_not_published() {
    run(true, 0xfeed);
}

// Fault 30. The length is read once, and the number that was checked is the one that is used.
#[test]
fn a_length_that_changes_between_check_and_use_does_no_harm() {
    // A length has 48 bits; the bits above them are flags.
    for other in [1_u64 << 47, u64::MAX, (1 << 48) - 1, CAPACITY as u64 + 1, CAPACITY as u64, 1 << 63] {
        let (s, bytes) = region(false);
        let format = Format::read();
        let name = s.name("demo");
        let at = format.slot_offset(&bytes, 20) + format.slot.field("length").offset;
        let at = isize::try_from(at).expect("within the map");
        let range = at..at + 8;
        let mut map = Block::options().access(Access::Write).force(true).open(&name).expect("our own region");
        let (is_over, end) = (AtomicBool::new(false), Instant::now() + duration() / 8);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    for length in [8, other] {
                        map.set(range.clone(), &length.to_le_bytes()).expect("within the map");
                    }
                }
            });
            let _ending = Ending(&is_over);
            let mut seen = Seen::default();
            let mut reader = RawReader::open(&name).expect("a sound header");
            let mut buffer = Vec::new();
            let fits = other % (1 << 48) <= CAPACITY as u64;
            let has_enough = |seen: &Seen| seen.values > 10 && (fits || seen.errors > 0);
            while goes_on(end, has_enough(&seen)) {
                buffer.clear();
                let start = Instant::now();
                let latest = reader.latest_into(&mut buffer);
                seen.answer(false, &buffer, start, latest);
                // The length before the first change, an empty buffer (also after an error), and the lengths that are
                // stored.
                assert!([value(20).len(), 0, 8, CAPACITY].contains(&buffer.len()), "{}", buffer.len());
                assert!(buffer.capacity() <= 2 * CAPACITY, "{} bytes are allocated", buffer.capacity());
            }
            assert!(seen.values > 10, "{seen:?}");
            assert!(fits == (seen.errors == 0), "{other:#x}: {seen:?}");
        });
    }
}

// Faults 29, 30. The kernel limits the memory: beyond the limit an allocation fails, and the program aborts.
#[test]
fn the_programs_stay_within_time_and_memory_while_the_region_changes() {
    let (s, bytes) = region(true);
    let is_over = AtomicBool::new(false);
    let commands = [
        "shm-reader demo --raw",
        "shm-reader demo --from oldest --json",
        "shm-reader demo -f --raw -t 20ms",
        "shm-reader inspect demo",
        "shm-reader verify demo",
        "shm-reader list",
        "shm-writer demo --as bytes 0123456789",
    ];
    thread::scope(|scope| {
        scope.spawn(|| mutate(&s, &bytes, 0xbad5eed, &is_over));
        let _ending = Ending(&is_over);
        let end = Instant::now() + duration();
        while Instant::now() < end {
            for command in commands {
                let start = Instant::now();
                let outcome = s.run(&format!("ulimit -v 200000; exec {command}"));
                let is_answer = [0, 1, 3, 4, 5].contains(&outcome.code());
                assert!(is_answer && start.elapsed() < LIMIT, "{:?}: {outcome:?}", start.elapsed());
            }
        }
    });
}
