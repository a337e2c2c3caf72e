//! Compares the ring with a naive one, which remembers every value and how far the producer got.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Publish(usize),
    NoteTime,
    /// Dies after the given number of stores of a value of the given length.
    Die(usize, usize),
    TakeOver,
    Poll,
    Latest,
    /// Jumps to the given number of values after the oldest one.
    Jump(u64),
}

impl Step {
    fn needs_producer(&self) -> bool {
        !matches!(self, Self::Poll | Self::Latest | Self::Jump(_))
    }
}

fn a_step() -> impl Strategy<Value = Step> {
    let length = 0..=16_usize;
    prop_oneof![
        4 => length.clone().prop_map(Step::Publish),
        1 => Just(Step::NoteTime),
        2 => (0..=8_usize, length).prop_map(|(stores, length)| Step::Die(stores, length)),
        1 => Just(Step::TakeOver),
        4 => Just(Step::Poll),
        1 => Just(Step::Latest),
        1 => (0..12_u64).prop_map(Step::Jump),
    ]
}

/// Returns a payload of this length that no other step publishes.
fn payload_of_step(index: usize, length: usize) -> Vec<u8> {
    (0..length).map(|at| (index * 37 + at).to_le_bytes()[0]).collect()
}

#[derive(Clone, Debug, PartialEq)]
struct Found {
    sequence: u64,
    lost: u64,
    time_ns: u64,
    payload: Vec<u8>,
}

struct Naive {
    slots: u64,
    first: u64,
    /// All values that were ever visible.
    values: Vec<Found>,
    /// The last number whose slot was touched, and the last number that was announced.
    touched: u64,
    announced: u64,
    next: u64,
    lost: u64,
}

impl Naive {
    fn new(slots: u64, first: u64) -> Self {
        let before = first - 1;
        Self { slots, first, values: Vec::new(), touched: before, announced: before, next: first, lost: 0 }
    }

    /// Returns the number of the value that becomes visible next.
    fn end(&self) -> u64 {
        self.first + self.values.len() as u64
    }

    /// Performs the given number of stores of a publication: stamp, payload, length, time, stamp,
    /// head.
    fn publish(&mut self, payload: Vec<u8>, stores: usize) {
        let (sequence, visible) = (self.end(), 4 + payload.len().div_ceil(copy::WORD));
        if stores > 0 {
            self.touched = sequence;
        }
        if stores >= visible {
            self.values.push(Found { sequence, lost: 0, time_ns: 0, payload });
        }
        if stores > visible {
            self.announced = sequence;
        }
    }

    /// Returns the number of the last value that the cursor received, or skipped while it was in
    /// the ring. Returns 0 if the cursor is beyond all values.
    fn seen(&self) -> u64 {
        if self.next <= self.end() { self.next - 1 } else { 0 }
    }

    fn value(&self, sequence: u64) -> Option<Found> {
        self.values.iter().find(|value| value.sequence == sequence).cloned()
    }

    fn poll(&mut self) -> Option<Found> {
        while self.next < self.end() && self.next + self.slots <= self.touched {
            let start = self.announced.saturating_sub(self.slots / 2).max(self.next + 1);
            self.lost += start - self.next;
            self.next = start;
        }
        let found = self.value(self.next)?;
        self.next += 1;
        Some(Found { lost: std::mem::take(&mut self.lost), ..found })
    }
}

/// Converts the result of a poll to the type that the naive ring returns.
fn found(polled: Result<Polled, Fault>, payload: &[u8]) -> Option<Found> {
    match polled.expect("no fault") {
        Polled::Value(Stamped { sequence, lost, time_ns, .. }) => {
            Some(Found { sequence, lost, time_ns, payload: payload.to_vec() })
        }
        Polled::Empty => None,
        Polled::Busy => panic!("no producer is running"),
    }
}

fn check(slots: u64, first: u64, steps: &[Step]) {
    let mut naive = Naive::new(slots, first);
    let memory = memory_of(slots);
    let ring = memory.ring();
    let (mut cursor, mut buffer) = (Cursor::at(first), Vec::new());
    let mut producer = Some(Producer::fresh(ring, first));
    for (index, step) in steps.iter().enumerate() {
        if producer.is_none() && step.needs_producer() {
            producer = Some(Producer::take_over(ring).expect("a death damages nothing"));
            naive.announced = naive.end() - 1;
        }
        match *step {
            Step::Publish(length) => {
                let payload = payload_of_step(index, length);
                assert_eq!(producer.as_mut().unwrap().publish(ring, &payload), naive.end());
                naive.publish(payload, usize::MAX);
            }
            Step::NoteTime => {
                if let (Some(newest), Some(producer)) = (naive.values.last_mut(), &producer) {
                    newest.time_ns = TIME_NS + index as u64;
                    producer.note_time(ring, newest.time_ns);
                }
            }
            Step::Die(stores, length) => {
                let payload = payload_of_step(index, length);
                publish_in_part(ring, naive.end(), &payload, 0, stores);
                producer = None;
                naive.publish(payload, stores);
            }
            Step::TakeOver => {}
            Step::Poll => assert_eq!(found(poll(&mut cursor, ring, &mut buffer), &buffer), naive.poll()),
            Step::Latest => {
                let newest = latest(ring, cursor.passed(), &mut buffer);
                assert_eq!(found(newest, &buffer), naive.value(naive.announced.max(naive.seen())));
            }
            Step::Jump(distance) => {
                naive.next = ring.oldest(naive.announced) + distance;
                naive.lost = 0;
                cursor.jump(naive.next);
            }
        }
        assert_eq!((ring.head(), cursor.next()), (naive.announced, naive.next), "after step {index}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 2 } else { 1000 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn it_answers_as_a_naive_ring_does(
        slots in prop_oneof![Just(2), Just(4), Just(8)],
        first in prop_oneof![Just(1), Just(6), Just(MAX_SEQUENCE - 100)],
        steps in prop::collection::vec(a_step(), 1..if cfg!(miri) { 12 } else { 80 }),
    ) {
        check(slots, first, &steps);
    }
}
