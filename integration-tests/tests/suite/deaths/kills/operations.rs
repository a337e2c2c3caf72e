//! Tests of each operation of a writer, killed after any of its instructions.

use testkit::effort;

use super::payload::payload;
use super::scene::{SLOTS, Scene};
use super::{can_trace, chosen_kills, stepper::Moment};

/// An operation in the words of a victim: the preparation, and the part to be killed.
struct Operation {
    words: String,
    /// The length of the value that the operation publishes, if it publishes one.
    publishes: Option<usize>,
    /// Whether the operation changes the number of slots.
    changes_layout: bool,
}

impl Operation {
    fn new(words: &str, publishes: Option<usize>) -> Self {
        Self { words: words.to_owned(), publishes, changes_layout: false }
    }
}

/// Surveys the operation and returns the moments at which it will be killed.
fn survey(scene: &mut Scene, operation: &Operation) -> Vec<Moment> {
    let survey = scene.survey(&operation.words);
    let chosen = survey.choose(chosen_kills());
    let (all, changes) = (survey.moments.len(), survey.changes.len());
    println!("{}: {all} instructions, {changes} of them change what is seen, {} kills", operation.words, chosen.len());
    chosen
}

/// Kills the operation at each moment, always in the same region.
fn kill_everywhere(scene: &mut Scene, operation: &Operation) {
    let moments = survey(scene, operation);
    scene.reset();
    if operation.publishes.is_none() {
        scene.fewest = SLOTS;
    }
    for moment in moments {
        let place = (&operation.words, moment);
        let mut victim = scene.victim(&operation.words);
        let before = scene.ends();
        victim.run_to(moment);
        let outcomes = scene.outcomes(before, operation.publishes.as_slice());
        scene.kill(victim, &outcomes, &place);
        scene.restart(&place);
        if operation.changes_layout {
            scene.reset();
        }
    }
    scene.report(&operation.words);
}

// Fault 1.
#[test]
fn a_writer_killed_after_any_instruction_of_a_publication_leaves_the_old_value_or_the_new_one() {
    if !can_trace() {
        return;
    }
    for checksum in [false, true] {
        // Each length is used at least once, with or without checksums.
        let lengths = [0, 1, 7, 8, 9, CAPACITY].into_iter().enumerate();
        let is_wanted = |index: usize| effort() > 1 || index.is_multiple_of(2) != checksum;
        for bytes in lengths.filter(|(index, _)| is_wanted(*index)).map(|(_, bytes)| bytes) {
            let mut scene = Scene::new(CAPACITY as u64, checksum);
            // The first publication of a process does more work, but none of it is visible from
            // outside.
            let words = format!("value=8 open publish value={bytes} stop publish stop");
            kill_everywhere(&mut scene, &Operation::new(&words, Some(bytes)));
        }
    }
}

/// A capacity at which the copy uses several methods: large moves up to almost the end, and smaller
/// ones for the last bytes.
const CAPACITY: usize = 520;

// Fault 1.
#[test]
fn a_writer_killed_while_it_fills_a_slot_in_place_leaves_the_old_value_or_the_new_one() {
    if !can_trace() {
        return;
    }
    for bytes in [9, CAPACITY] {
        let mut scene = Scene::new(CAPACITY as u64, false);
        let words = format!("value=8 open publish value={bytes} stop loan stop");
        kill_everywhere(&mut scene, &Operation::new(&words, Some(bytes)));
    }
}

// Faults 2, 49.
#[test]
fn a_writer_killed_after_any_instruction_of_taking_over_takes_nothing_away() {
    if !can_trace() {
        return;
    }
    let mut scene = Scene::new(64, false);
    kill_everywhere(&mut scene, &Operation::new("stop open stop", None));
}

// Fault 2.
#[test]
fn a_writer_killed_after_any_instruction_of_replacing_its_region_loses_nothing() {
    if !can_trace() {
        return;
    }
    let mut scene = Scene::new(64, false);
    let operation = Operation::new("slots=16 stop open stop", None);
    kill_everywhere(&mut scene, &Operation { changes_layout: true, ..operation });
}

// Fault 2.
#[test]
fn a_writer_killed_after_any_instruction_of_growing_loses_nothing() {
    if !can_trace() {
        return;
    }
    let mut scene = Scene::new(64, false);
    let operation = Operation::new("value=8 open publish value=200 stop publish stop", Some(200));
    kill_everywhere(&mut scene, &Operation { changes_layout: true, ..operation });
}

// Fault 2.
#[test]
fn a_writer_killed_after_any_instruction_of_closing_takes_nothing_away() {
    if !can_trace() {
        return;
    }
    let mut scene = Scene::new(64, false);
    kill_everywhere(&mut scene, &Operation::new("open stop close stop", None));
}

// Fault 3.
#[test]
fn a_writer_killed_after_any_instruction_of_making_a_region_leaves_all_of_it_or_none() {
    if !can_trace() {
        return;
    }
    let mut scene = Scene::empty(64, false);
    let operation = Operation::new("slots=8 capacity=64 stop open stop", None);
    let moments = survey(&mut scene, &operation);
    scene.remove();
    for moment in moments {
        let place = (&operation.words, moment);
        let mut victim = scene.victim(&operation.words);
        victim.run_to(moment);
        scene.kill(victim, &[None], &place);
        scene.restart(&place);
        assert_eq!(scene.newest().map(|(sequence, _)| sequence), Some(1), "{place:?}");
        scene.remove();
    }
    scene.report(&operation.words);
}

// Fault 3.
#[test]
fn a_writer_killed_after_any_instruction_of_removing_its_region_leaves_all_of_it_or_none() {
    if !can_trace() {
        return;
    }
    let mut scene = Scene::empty(64, false);
    let operation = Operation::new("open value=9 publish stop remove stop", None);
    let moments = survey(&mut scene, &operation);
    for moment in moments {
        let place = (&operation.words, moment);
        scene.ledger = super::ledger::Ledger::default();
        let mut victim = scene.victim(&operation.words);
        victim.run_to(moment);
        let value = Some((1, payload(scene.author, 9)));
        scene.kill(victim, &[value, None], &place);
        scene.restart(&place);
        scene.remove();
    }
    scene.report(&operation.words);
}
