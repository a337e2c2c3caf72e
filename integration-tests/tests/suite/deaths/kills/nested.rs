//! Tests of writers that are killed while they recover from the death of another, repeatedly.

use super::payload::payload;
use super::scene::Scene;
use super::stepper::{Moment, Survey};
use super::{can_trace, chosen_kills, is_full};
use testkit::Random;

/// The operations of the first victim: a publication, growth, and a change of size.
const FIRST: [(&str, &[usize]); 3] = [
    ("value=8 open publish value=9 stop publish stop", &[9]),
    ("value=8 open publish value=200 stop publish stop", &[200]),
    ("slots=16 stop open stop", &[]),
];

/// The second victim takes over and publishes.
const SECOND: &str = "value=8 stop open publish stop";

/// Returns the deaths to recover from: directly before and after each change, or one of them.
fn deaths(survey: &Survey) -> Vec<Moment> {
    let mut points = survey.turning_points();
    points.dedup();
    let most = if is_full() { usize::MAX } else { 1 };
    let stride = points.len().div_ceil(most);
    points.into_iter().step_by(stride).collect()
}

/// Returns the deaths during the recovery.
fn second_deaths(survey: &Survey) -> Vec<Moment> {
    survey.choose(if is_full() { 500 } else { chosen_kills() / 4 })
}

/// Kills a victim that publishes values of these lengths, and checks the state that it left.
fn kill(scene: &mut Scene, words: &str, published: &[usize], moment: Moment, place: &dyn std::fmt::Debug) {
    let mut victim = scene.victim(words);
    let before = scene.ends();
    victim.run_to(moment);
    let outcomes = scene.outcomes(before, published);
    scene.kill(victim, &outcomes, place);
}

// Fault 2.
#[test]
fn a_writer_killed_after_any_instruction_of_recovering_from_a_kill_is_followed_by_one_that_works() {
    if !can_trace() {
        return;
    }
    let mut scene = Scene::new(64, false);
    for first in FIRST {
        let survey = scene.survey(first.0);
        scene.reset();
        for point in deaths(&survey) {
            kill(&mut scene, first.0, first.1, point, &(first, point));
            let survey = scene.survey(SECOND);
            scene.reset();
            let moments = second_deaths(&survey);
            println!("{} at {point:?}, then {SECOND}: {} of {}", first.0, moments.len(), survey.moments.len());
            for moment in moments {
                let place = (first.0, point, SECOND, moment);
                kill(&mut scene, first.0, first.1, point, &(first, point));
                kill(&mut scene, SECOND, &[8], moment, &place);
                scene.restart(&place);
                scene.reset();
            }
        }
    }
    scene.report("kills of recoveries");
}

/// Creates a region, or removes a region, which is then created again.
const MAKING: &str = "slots=8 capacity=64 stop open stop";
const REMOVING: &str = "open value=9 publish stop remove stop";

// Faults 2 and 3.
#[test]
fn a_writer_killed_while_it_makes_a_region_after_one_that_was_killed_leaves_all_of_it_or_none() {
    if !can_trace() {
        return;
    }
    let mut scene = Scene::empty(64, false);
    for (first, published) in [(MAKING, None), (REMOVING, Some(9))] {
        let survey = scene.survey(first);
        scene.clear();
        for point in deaths(&survey) {
            let half_done = |scene: &mut Scene| {
                let mut victim = scene.victim(first);
                victim.run_to(point);
                let value = published.map(|bytes| (1, payload(scene.author, bytes)));
                scene.kill(victim, &[value, None], &(first, point))
            };
            half_done(&mut scene);
            let survey = scene.survey(MAKING);
            scene.clear();
            let moments = second_deaths(&survey);
            println!("{first} at {point:?}, then {MAKING}: {} of {}", moments.len(), survey.moments.len());
            for moment in moments {
                let place = (first, point, MAKING, moment);
                let left = half_done(&mut scene);
                let mut victim = scene.victim(MAKING);
                victim.run_to(moment);
                scene.kill(victim, &[left], &place);
                scene.restart(&place);
                scene.clear();
            }
        }
    }
    scene.report("kills of recoveries from half a region");
}

/// The life of a writer: it takes over with a different number of slots than the previous writer,
/// and publishes twice.
fn life(turn: u64) -> String {
    format!("slots={} value=9 stop open publish publish stop", 8 << (turn % 2))
}

// Fault 2.
#[test]
fn a_hundred_writers_killed_one_after_the_other_lose_nothing_and_repeat_no_number() {
    if !can_trace() {
        return;
    }
    let mut scene = Scene::new(64, false);
    let rounds = if is_full() { 100 } else { 1 };
    let mut random = Random::new(1);
    for round in 0..rounds {
        let survey = scene.survey(&life(1));
        scene.reset();
        for turn in 0..100 {
            let moment = match turn % 2 {
                0 => *random.one_of(&survey.moments),
                _ => *random.one_of(&survey.turning_points()),
            };
            let place = (round, turn, moment);
            kill(&mut scene, &life(turn), &[9, 9], moment, &place);
            scene.let_follower_keep_up();
        }
        scene.restart(&round);
    }
    scene.report("100 kills in a row");
}
