//! The ring against a naive one, which remembers every value and how far the producer got.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Publish(usize),
    NoteTime,
    /// Dies after so many stores of a value of that length.
    Die(usize, usize),
    TakeOver,
    Poll,
    Latest,
    /// To so many numbers behind the oldest one.
    Jump(u64),
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

/// The payload of this length, each of a different content.
fn payload(stamp: usize, length: usize) -> Vec<u8> {
    (0..length).map(|index| stamp.wrapping_mul(37).wrapping_add(index).to_le_bytes()[0]).collect()
}

struct Naive {
    slots: u64,
    first: u64,
    /// All values, from `first` on, with their times.
    values: Vec<(Vec<u8>, u64)>,
    /// The last number whose slot was touched, and the last one that was announced.
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

    /// The number of the next value to become visible.
    fn end(&self) -> u64 {
        self.first + self.values.len() as u64
    }

    /// Does so many stores of a publication.
    fn publish(&mut self, payload: Vec<u8>, stores: usize) {
        let visible = 4 + payload.len().div_ceil(8);
        let sequence = self.end();
        if stores >= 1 {
            self.touched = sequence;
        }
        if stores >= visible {
            self.values.push((payload, 0));
        }
        if stores > visible {
            self.announced = sequence;
        }
    }

    fn value(&self, sequence: u64) -> (u64, Vec<u8>, u64) {
        let (payload, time_ns) = self.values[usize::try_from(sequence - self.first).unwrap()].clone();
        (sequence, payload, time_ns)
    }

    /// The next value and what was lost before it.
    fn poll(&mut self) -> Option<((u64, Vec<u8>, u64), u64)> {
        while self.next < self.end() {
            if self.next + self.slots > self.touched {
                let found = self.value(self.next);
                self.next += 1;
                return Some((found, std::mem::take(&mut self.lost)));
            }
            let start = self.announced.saturating_sub(self.slots / 2).max(self.next + 1);
            self.lost += start - self.next;
            self.next = start;
        }
        None
    }
}

/// The ring and its producer, while one lives.
struct Real {
    memory: Memory,
    producer: Option<Producer>,
    cursor: Cursor,
    buffer: Vec<u8>,
}

impl Real {
    fn new(slots: u64, first: u64) -> Self {
        let memory = Memory::new(slots);
        let producer = Some(Producer::fresh(memory.ring(), first));
        Self { memory, producer, cursor: Cursor::at(first), buffer: Vec::new() }
    }

    fn producer(&mut self) -> &mut Producer {
        let ring = self.memory.ring();
        self.producer.get_or_insert_with(|| Producer::take_over(ring).expect("a death damages nothing"))
    }

    /// What came, in the naive ring's terms.
    fn take(&self, polled: Polled) -> Option<((u64, Vec<u8>, u64), u64)> {
        match polled {
            Polled::Value(stamped) => Some(((stamped.sequence, self.buffer.clone(), stamped.time_ns), stamped.lost)),
            Polled::Empty => None,
            Polled::Busy => panic!("nobody is at work"),
        }
    }
}

fn run(slots: u64, first: u64, steps: &[Step]) {
    let (mut naive, mut real) = (Naive::new(slots, first), Real::new(slots, first));
    for (index, step) in steps.iter().enumerate() {
        let needs_producer = matches!(step, Step::Publish(_) | Step::NoteTime | Step::Die(..) | Step::TakeOver);
        if needs_producer {
            real.producer();
            naive.announced = naive.end() - 1;
        }
        match *step {
            Step::Publish(length) => {
                let payload = payload(index, length);
                let memory = &real.memory;
                let sequence = real.producer.as_mut().unwrap().publish(memory.ring(), &payload);
                assert_eq!(sequence, naive.end());
                naive.publish(payload, usize::MAX);
            }
            Step::NoteTime => {
                if let Some((_, time_ns)) = naive.values.last_mut() {
                    *time_ns = TIME_NS + index as u64;
                    real.producer.as_ref().unwrap().note_time(real.memory.ring(), *time_ns);
                }
            }
            Step::Die(stores, length) => {
                let payload = payload(index, length);
                let bell = real.memory.ring().bell().wrapping_add(1);
                publish_in_part(real.memory.ring(), naive.end(), &payload, bell, stores);
                real.producer = None;
                naive.publish(payload, stores);
            }
            Step::TakeOver => {}
            Step::Poll => {
                let polled = real.cursor.poll(real.memory.ring(), &mut real.buffer).expect("no fault");
                assert_eq!(real.take(polled), naive.poll());
                assert_eq!(real.cursor.next(), naive.next);
            }
            Step::Latest => {
                let polled = real.memory.ring().latest(&mut real.buffer).expect("no fault");
                let newest = (naive.announced >= first).then(|| (naive.value(naive.announced), 0));
                assert_eq!(real.take(polled), newest);
            }
            Step::Jump(distance) => {
                let next = real.memory.ring().oldest(naive.announced) + distance;
                real.cursor.jump(next);
                (naive.next, naive.lost) = (next, 0);
            }
        }
        assert_eq!(real.memory.ring().head(), naive.announced, "after step {index}");
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
        run(slots, first, &steps);
    }
}
