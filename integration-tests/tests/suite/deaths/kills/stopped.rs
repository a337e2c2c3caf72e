//! Tests of a writer that is stopped after any instruction of a publication. Readers get the values
//! from before or continue to wait, and no other writer can replace it.

use std::time::{Duration, Instant};

use shm_core::{Kind, OpenError, Position, RawReader, RawWriter};

use super::payload::payload;
use super::scene::Scene;
use super::{can_trace, chosen_kills, is_full};

// Fault 38.
#[test]
fn a_writer_stopped_after_any_instruction_of_a_publication_only_makes_readers_wait() {
    if !can_trace() {
        return;
    }
    for bytes in [0, 1, 7, 8, 9, 64] {
        let mut scene = Scene::new(64, false);
        let words = format!("value=8 open publish value={bytes} stop publish stop");
        let survey = scene.survey(&words);
        let moments = survey.choose(if is_full() { usize::MAX } else { chosen_kills() / 2 });
        scene.reset();
        let mut victim = scene.victim(&words);
        let before = scene.newest().expect("it has values");
        let mut waiting = RawReader::options().start(Position::New).open_raw(&scene.name).expect("it is there");
        let after = (before.0 + 1, payload(scene.author, bytes));
        let (mut received, mut stops, mut is_running) = (None, 0, true);
        for moment in survey.moments {
            if moments.contains(&moment) || !is_running {
                let newest = scene.newest().expect("the old one at least");
                assert!(newest == before || newest == after, "{moment:?}: {newest:02x?}");
                let started = Instant::now();
                let sample = waiting.recv_timeout(Duration::from_millis(1)).expect("nothing is damaged").value();
                assert!(started.elapsed() < Duration::from_secs(1), "{moment:?}");
                received = received.or(sample.map(|sample| (sample.sequence, sample.value)));
                assert!(received.is_none() || received.as_ref() == Some(&after), "{moment:?}: {received:02x?}");
                // A refusal takes 60 ms, because the new writer keeps trying for that time.
                if is_full() || stops % 32 == 0 {
                    let refused = RawWriter::open(&scene.name, Kind::Bytes);
                    assert!(matches!(refused, Err(OpenError::WriterAlive { .. })), "{moment:?}: {refused:?}");
                }
                stops += 1;
            }
            is_running = is_running && victim.step();
        }
        while is_running {
            is_running = victim.step();
        }
        assert_eq!(scene.newest(), Some(after.clone()), "it goes on as if nothing had happened");
        let value =
            received.or_else(|| waiting.recv().expect("it is there").map(|sample| (sample.sequence, sample.value)));
        assert_eq!(value, Some(after));
        victim.kill();
        scene.restart(&words);
        println!("{words}: stopped {stops} times");
    }
}
