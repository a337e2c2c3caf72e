//! Tests on memory that no producer creates: reading it returns a fault or a bounded answer and
//! never panics.

use super::*;

const ELSEWHERE: &str = "its slot has the stamp of another slot";
const NOT_THERE: &str = "the head names it as the newest, but its slot does not hold it";
const NO_NUMBER: &str = "no value can have this number";
const BEYOND: &str = "the head is less than the first number";
const AHEAD: &str = "its slot holds a value after the newest one";

/// Creates four slots with these stamps and this head and first number. The first slot is that of
/// value 0, 4, 8, and so on.
fn hostile(stamps: [u64; 4], head: u64, first: u64) -> Memory {
    let memory = memory_of(4);
    for (slot, stamp) in (0..).zip(stamps) {
        memory.ring().slot(slot).head[STAMP].store(stamp.to_le(), Relaxed);
    }
    memory.hot.head.store(head, Relaxed);
    memory.hot.first.store(first, Relaxed);
    memory
}

fn poll(memory: &Memory, next: u64) -> Result<Polled, Fault> {
    super::poll(&mut Cursor::at(next), memory.ring(), &mut Vec::new())
}

fn latest(memory: &Memory) -> Result<Polled, Fault> {
    super::latest(memory.ring(), 0, &mut Vec::new())
}

fn fault<T>(sequence: u64, problem: &'static str) -> Result<T, Fault> {
    Err(Fault { sequence, problem })
}

// Fault 12.
#[test]
fn a_stamp_of_another_slot_is_a_fault() {
    for stamp in [1, 2, 3, 6, 8, 11, 12, 2 * MAX_SEQUENCE, u64::MAX, u64::MAX - 1] {
        let memory = hostile([8, stamp, 4, 6], 5, 1);
        let is_possible = [1, 2].contains(&stamp);
        assert_eq!(memory.ring().is_possible(5, stamp), is_possible, "{stamp}");
        assert_eq!(poll(&memory, 5), if is_possible { fault(5, NOT_THERE) } else { fault(5, ELSEWHERE) }, "{stamp}");
        assert_eq!(latest(&memory), poll(&memory, 5), "{stamp}");
    }
}

#[test]
fn a_stamp_beyond_the_last_number_is_a_fault() {
    for number in [MAX_SEQUENCE + 1, MAX_SEQUENCE + 5] {
        for stamp in [2 * number - 1, 2 * number] {
            let memory = hostile([8, stamp, 4, 6], 4, 1);
            assert_eq!(poll(&memory, 1), fault(1, ELSEWHERE));
            assert_eq!(Producer::take_over(memory.ring()).unwrap_err(), fault::<()>(5, ELSEWHERE).unwrap_err());
        }
    }
    let memory = hostile([2 * MAX_SEQUENCE, 2, 4, 6], 3, 1);
    assert!(memory.ring().is_possible(0, 2 * MAX_SEQUENCE));
}

#[test]
fn an_empty_slot_under_the_head_is_a_fault() {
    let memory = hostile([0, 2, 4, 6], 4, 1);
    assert_eq!(poll(&memory, 4), fault(4, NOT_THERE));
    assert_eq!(latest(&memory), fault(4, NOT_THERE));
    assert_eq!(Producer::take_over(memory.ring()).unwrap_err().problem, NOT_THERE);
}

#[test]
fn an_unfinished_value_under_the_head_is_a_fault() {
    let memory = hostile([7, 2, 4, 6], 4, 1);
    assert_eq!(latest(&memory), fault(4, NOT_THERE));
    assert_eq!(Producer::take_over(memory.ring()).unwrap_err().problem, NOT_THERE);
}

#[test]
fn a_first_number_beyond_the_head_is_not_an_empty_ring() {
    for first in [6, 1 << 40, u64::MAX] {
        assert_eq!(latest(&hostile([8, 2, 4, 6], 4, first)), fault(4, BEYOND));
    }
    assert_eq!(latest(&hostile([8, 2, 4, 6], 4, 5)), Ok(Polled::Empty));
}

#[test]
fn no_value_has_the_number_0() {
    let memory = hostile([0, 0, 0, 0], 0, 0);
    assert_eq!(poll(&memory, 0), fault(0, NO_NUMBER));
    assert_eq!(latest(&memory), fault(0, NO_NUMBER));
    assert_eq!(Producer::take_over(memory.ring()).unwrap_err().problem, BEYOND);
}

// Fault 36.
#[test]
fn no_value_has_a_number_beyond_the_last() {
    for head in [MAX_SEQUENCE + 1, u64::MAX - 1, u64::MAX] {
        let memory = hostile([8, 2, 4, 6], head, 1);
        assert_eq!(latest(&memory), fault(head, NO_NUMBER));
        assert_eq!(poll(&memory, head), fault(head, NO_NUMBER));
        assert_eq!(poll(&memory, 5).unwrap_err().problem, NO_NUMBER);
        assert_eq!(Producer::take_over(memory.ring()).unwrap_err().problem, NO_NUMBER);
    }
    assert_eq!(Producer::take_over(hostile([0; 4], MAX_SEQUENCE, 1).ring()).unwrap_err().problem, NO_NUMBER);
    // A value beyond the last number is a fault even if its slot has the matching stamp.
    let head = MAX_SEQUENCE + 1;
    let memory = hostile([0, 2 * head, 0, 0], head, 1);
    assert_eq!((latest(&memory), poll(&memory, head)), (fault(head, NO_NUMBER), fault(head, NO_NUMBER)));
}

// Fault 36.
#[test]
fn a_cursor_stays_where_it_is_under_a_head_beyond_the_last_number() {
    let memory = hostile([8, 10, 4, 6], u64::MAX, 1);
    for next in [1, 6] {
        let mut cursor = Cursor::at(next);
        assert_eq!(cursor.poll(memory.ring(), &mut Vec::new()), fault(u64::MAX, NO_NUMBER));
        assert_eq!(cursor.next(), next);
    }
}

#[test]
fn the_newest_number_is_looked_for_at_once_from_any_head() {
    let head = MAX_SEQUENCE - 1;
    assert_eq!(poll(&hostile([0; 4], head, 1), 1).unwrap_err().sequence, head);
}

#[test]
fn number_0_is_not_the_oldest() {
    assert_eq!(hostile([0; 4], 2, 0).ring().oldest(2), 1);
}

#[test]
fn a_slot_ahead_of_the_head_is_a_fault() {
    let memory = hostile([0, 10, 0, 0], 0, 1);
    assert_eq!(poll(&memory, 1), fault(1, AHEAD));
    assert_eq!(latest(&memory), Ok(Polled::Empty));
}

#[test]
fn a_cursor_gives_way_to_a_producer_that_is_faster_each_time() {
    let shape = Shape { slots: 256, stride_words: 3, payload_word: 3, capacity: 0, checksummed: false };
    let memory = Memory::new(shape);
    for slot in 0..256 {
        memory.ring().slot(slot).head[STAMP].store((2 * (slot + 1024)).to_le(), Relaxed);
    }
    memory.hot.head.store(256, Relaxed);
    let mut cursor = Cursor::at(1);
    assert_eq!(cursor.poll(memory.ring(), &mut Vec::new()), Ok(Polled::Busy));
    assert_eq!(cursor.next(), 128 + 63);
    assert_eq!(latest(&memory), Ok(Polled::Busy));
}

// Faults 30, 31.
#[test]
fn a_length_above_the_capacity_is_a_fault_and_not_an_allocation() {
    let problem = "its length is more than the capacity of its slot";
    for length in [17, 24, 1 << 40, (1 << 48) - 1] {
        let memory = hostile([0, 2, 0, 0], 1, 1);
        memory.ring().slot(1).head[LENGTH].store(u64::to_le(length), Relaxed);
        assert_eq!(poll(&memory, 1), fault(1, problem));
        assert_eq!(latest(&memory), fault(1, problem));
    }
    let memory = hostile([0, 2, 0, 0], 1, 1);
    memory.ring().slot(1).head[LENGTH].store(u64::to_le(0xffff << 48 | 16), Relaxed);
    let Ok(Polled::Value(stamped)) = poll(&memory, 1) else { panic!("the flags are not part of the length") };
    assert_eq!(stamped.flags, 0xffff);
}

#[test]
fn a_ring_that_cannot_be_taken_over_is_refused() {
    let cases = [
        ([0, 0, 0, 0], 0, 1, None),
        ([0, 0, 0, 0], 4, 5, None),
        ([0, 0, 0, 0], 0, 0, Some((0, BEYOND))),
        ([0, 0, 0, 0], 0, 2, Some((0, BEYOND))),
        ([0, 0, 0, 0], 4, 6, Some((4, BEYOND))),
        ([8, 2, 4, 6], 4, 1, None),
        ([8, 9, 4, 6], 4, 1, None),
        ([8, 17, 4, 6], 4, 1, Some((5, ELSEWHERE))),
        ([8, 18, 4, 6], 4, 1, Some((5, ELSEWHERE))),
        ([8, 4, 4, 6], 4, 1, Some((5, ELSEWHERE))),
        ([8, 2, 4, 7], 3, 1, Some((3, NOT_THERE))),
    ];
    for (stamps, head, first, expected) in cases {
        let memory = hostile(stamps, head, first);
        let expected = expected.map(|(sequence, problem)| Fault { sequence, problem });
        assert_eq!(Producer::take_over(memory.ring()).err(), expected, "{stamps:?}, head {head}, first {first}");
    }
}

// Fault 29.
#[test]
fn any_words_lead_to_an_answer() {
    let words = [0, MAX_SEQUENCE, 2 * MAX_SEQUENCE, u64::MAX, 1, 2, 3, 4, 9, 10, 2 * MAX_SEQUENCE + 2, u64::MAX - 1];
    let words = if cfg!(miri) { &words[..4] } else { &words };
    for &stamp in words {
        for &head in words {
            for &first in words {
                let memory = hostile([stamp; 4], head, first);
                let _ = latest(&memory);
                for next in [1, 4, MAX_SEQUENCE, u64::MAX] {
                    let _ = poll(&memory, next);
                }
                memory.ring().oldest(head);
                let _ = Producer::take_over(memory.ring());
                assert!(memory.ring().highest_shown() <= MAX_SEQUENCE);
            }
        }
    }
}

#[cfg(debug_assertions)]
fn refuses_shape(shape: Shape) {
    let (hot, words) = (Hot::detached(0, 1), [const { AtomicU64::new(0) }; 20]);
    let answer =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| Ring::new(&hot, &words, shape).shape().slots));
    assert!(answer.is_err(), "{shape:?}");
}

// Builds without debug assertions do not check the shape.
#[cfg(debug_assertions)]
#[test]
fn a_shape_that_does_not_fit_is_refused() {
    let fits = Shape { slots: 4, stride_words: 5, payload_word: 3, capacity: 16, checksummed: false };
    let (hot, words) = (Hot::detached(0, 1), [const { AtomicU64::new(0) }; 20]);
    Ring::new(&hot, &words, fits);
    for slots in [0, 1, 3, 8] {
        refuses_shape(Shape { slots, ..fits });
    }
    refuses_shape(Shape { stride_words: 6, ..fits });
    refuses_shape(Shape { payload_word: 4, ..fits });
    refuses_shape(Shape { payload_word: 2, ..fits });
    refuses_shape(Shape { capacity: 24, ..fits });
    refuses_shape(Shape { checksummed: true, ..fits });
}

#[test]
#[should_panic(expected = "payload above the capacity")]
fn a_payload_above_the_capacity_is_the_callers_error() {
    let memory = memory_of(2);
    Producer::fresh(memory.ring(), 1).publish(memory.ring(), &[0; 17]);
}
