//! Compares `Block` with CPython's `mmap`: both perform the same operations, and must give the same
//! answers, positions and bytes.
//!
//! For a longer run:
//! `SHM_EFFORT=3 cargo test --release -p shm-core --lib block::tests::python -- --nocapture`

use super::{Access, Advice, Block, page_bytes, skipped};
use calls::{Call, Method, Operation, operation};
use cases::{Layout, layout};
use peer::Peer;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestCaseError, TestError, TestRunner};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::fmt::{self, Write as _};
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::thread;
use testkit::{at_effort, effort};

mod calls;
mod cases;
mod peer;

const LONGEST_CASE: usize = 60;
/// The maximum size of a block. `Block` reserves its pages, while Python only sets a length.
const LARGEST_BYTES: i64 = 1 << 20;

/// A request to Python.
#[derive(Serialize)]
struct Case<'a> {
    #[serde(flatten)]
    layout: &'a Layout,
    calls: &'a [Call],
}

/// The outcome of a call, on either side.
#[derive(Debug, Default, Deserialize)]
struct Outcome {
    answer: Value,
    error: Option<String>,
    // `None` for a closed block.
    position: Option<usize>,
    len: Option<usize>,
}

/// Python's reply.
#[derive(Deserialize)]
struct Reply {
    outcomes: Vec<Outcome>,
    // `None` for a closed block.
    map: Option<String>,
    // `None` for anonymous memory.
    file: Option<String>,
}

/// Returns whether to skip a call because `Block` intentionally differs from Python. The documentation
/// of `Block` gives the reasons.
fn is_left_out(layout: &Layout, map: &Block, call: &Call) -> bool {
    let [a, b, _] = call.numbers.map(Option::unwrap_or_default);
    match call.method {
        Method::Resize if map.is_closed() || a < 0 => false,
        // Python cuts a private file that was mapped with flags.
        Method::Resize if layout.access == Access::Copy => layout.by_flags,
        Method::Resize if layout.access == Access::Read => false,
        // Python cuts the file to 0, then fails, and the next access kills it.
        Method::Resize if a == 0 => true,
        // Where Python's anonymous memory has grown, it has no pages, and an access kills the process.
        Method::Resize if layout.is_anonymous => a > layout.pages_bytes(),
        // Python cuts the file, even where the block does not map it.
        Method::Resize if map.size().is_ok_and(|size| size > layout.end_of(map)) => true,
        Method::Resize => a > LARGEST_BYTES,
        // `Block` cuts any length. So does Python, but only if the sum of start and length does not overflow.
        // After advice for a part of the block, the kernel may refuse to resize it. Python has then resized the
        // file already.
        Method::Madvise => {
            a.checked_add(b).is_none()
                || layout.access == Access::Write && (a > 0 || b < i64::try_from(map.len()).unwrap_or(i64::MAX))
        }
        _ => false,
    }
}

/// Returns the answer that is expected of `Block`, where it intentionally differs from Python's answer.
fn as_intended(call: &Call, mut python: Outcome) -> Outcome {
    let page_bytes = i64::try_from(page_bytes()).expect("a small number");
    let raised = |error: &str| python.error.as_ref().is_some_and(|raised| raised.starts_with(error));
    match call.method {
        // The length of a closed block is 0.
        Method::Len if raised("ValueError") => Outcome { answer: 0.into(), ..Outcome::default() },
        // `Block` can flush from any offset. Python passes on the kernel's error for an offset that is not the
        // start of a page.
        Method::Flush if raised("OSError(22") && call.numbers[0].is_some_and(|offset| offset % page_bytes != 0) => {
            python.error = None;
            python
        }
        _ => python,
    }
}

impl Outcome {
    fn of(map: &mut Block, call: &Call) -> Self {
        let (answer, error) = match call.perform(map) {
            Ok(answer) => (answer, None),
            Err(error) => (Value::Null, Some(error.to_string())),
        };
        Self { answer, error, position: map.tell().ok(), len: (!map.is_closed()).then(|| map.len()) }
    }

    fn agrees(&self, other: &Self) -> bool {
        let comparable = |outcome: &Self| (outcome.error.is_some(), outcome.position, outcome.len);
        comparable(self) == comparable(other) && self.answer == other.answer
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error {
            Some(error) => write!(f, "error: {error}")?,
            None => write!(f, "{}", short(&self.answer.to_string()))?,
        }
        match (self.position, self.len) {
            (Some(position), Some(len)) => write!(f, ", at {position} of {len}"),
            _ => write!(f, ", closed"),
        }
    }
}

/// Converts bytes to a string of the characters 0 to 255, as requests and replies contain them.
fn text(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) if bytes.is_ascii() => text.to_owned(),
        _ => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// Returns the start of a text that may be very long.
fn short(text: &str) -> String {
    match text.char_indices().nth(120) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}... ({} bytes)", &text[..end], text.len()),
    }
}

/// Describes where two contents differ, with the bytes at that place.
fn difference(here: &str, python: &str) -> String {
    let same = here.chars().zip(python.chars()).take_while(|(here, python)| here == python).count();
    let around = |text: &str| text.chars().skip(same).take(30).collect::<String>();
    format!("from {same} on {:?}, and for Python {:?}", around(here), around(python))
}

/// The two sides that are compared.
struct Sides {
    peer: Peer,
    path: PathBuf,
}

impl Sides {
    /// Performs everything on both sides. Returns the number of calls, or a report of the first difference.
    fn compare(&mut self, layout: &Layout, operations: &[Operation]) -> Result<usize, String> {
        let mut map = layout.make(&self.path);
        let (mut calls, mut here) = (Vec::new(), Vec::new());
        for operation in operations {
            let call = operation.resolve(&map);
            if is_left_out(layout, &map, &call) {
                continue;
            }
            let outcome = catch_unwind(AssertUnwindSafe(|| Outcome::of(&mut map, &call)));
            here.push(outcome.map_err(|_| report(layout, &calls, &here, &format!("{call} -> panic")))?);
            calls.push(call);
        }
        let reply: io::Result<Reply> = self.peer.ask(&Case { layout, calls: &calls });
        let reply = reply.map_err(|error| report(layout, &calls, &here, &format!("Python: {error}")))?;
        assert_eq!(reply.outcomes.len(), calls.len());
        for (at, (call, python)) in calls.iter().zip(reply.outcomes).enumerate() {
            let intended = as_intended(call, python);
            if !here[at].agrees(&intended) {
                return Err(report(layout, &calls[..=at], &here, &format!("Python: {intended}")));
            }
        }
        let content = map.get(..).ok().map(|bytes| text(&bytes));
        let file = (!layout.is_anonymous).then(|| text(&fs::read(&self.path).expect("the file")));
        for (part, here_now, python) in [("map", content, reply.map), ("file", file, reply.file)] {
            if here_now != python {
                let (here_now, python) = (here_now.unwrap_or_default(), python.unwrap_or_default());
                let last = format!("at the end the {part} holds {}", difference(&here_now, &python));
                return Err(report(layout, &calls, &here, &last));
            }
        }
        Ok(calls.len())
    }
}

/// Returns a readable report of all calls up to the first difference.
fn report(layout: &Layout, calls: &[Call], here: &[Outcome], last: &str) -> String {
    let mut lines = format!("Block and Python differ at the end of this:\n{layout}\n");
    for (call, outcome) in calls.iter().zip(here) {
        let _ = writeln!(lines, "{call} -> {outcome}");
    }
    lines + last
}

/// Compares random cases until this many operations were compared, with a separate Python process.
/// Returns how many there were, or the reason why Python cannot be used.
fn compare(operations: u64) -> Result<u64, String> {
    let directory = tempfile::tempdir().unwrap();
    let peer = Peer::start(directory.path().join("python"))?;
    let sides = RefCell::new(Sides { peer, path: directory.path().join("here") });
    let compared = Cell::new(0);
    let case = (layout(), prop::collection::vec(operation(), 1..LONGEST_CASE));
    // In a debug build, the default algorithm would take most of the time.
    let rng_algorithm = RngAlgorithm::XorShift;
    let config = ProptestConfig { cases: 100, failure_persistence: None, rng_algorithm, ..ProptestConfig::default() };
    while compared.get() < operations {
        let tried = TestRunner::new(config.clone()).run(&case, |(layout, operations)| {
            let calls = sides.borrow_mut().compare(&layout, &operations).map_err(TestCaseError::fail)?;
            compared.set(compared.get() + calls as u64);
            Ok(())
        });
        match tried {
            Err(TestError::Fail(report, _)) => panic!("{report}"),
            tried => tried.expect("no case is rejected"),
        }
    }
    Ok(compared.get())
}

#[test]
fn it_answers_as_the_mmap_of_python_does() {
    const LANES: u64 = 2;
    let operations = at_effort([5_000, 50_000, 1_000_000, 2_000_000]);
    let compared: Result<u64, String> = thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES).map(|_| scope.spawn(|| compare(operations / LANES))).collect();
        lanes.into_iter().map(|lane| lane.join().expect("both gave the same")).sum()
    });
    match compared {
        Ok(compared) => println!("{compared} operations on a map and on Python's gave the same"),
        Err(reason) => {
            assert!(effort() < 2, "more than the usual effort is asked for, but {reason}");
            skipped("it_answers_as_the_mmap_of_python_does", &reason);
        }
    }
}
