//! Finds values that a type accepts at the places where it refuses the usual ones.
//!
//! A *place* is the path from the outermost type to a request. At some places there is a choice: of a
//! number, a text, the length of a sequence, or a variant. When a place refuses, the choices made within
//! it are varied, first each alone and then several together, until the place accepts them. The choices
//! that a type accepted are used at the same place from then on, and are the first ones to be tried at
//! other places of the same type and field.

use super::offers::{Hints, Kind};
use std::collections::BTreeMap;

/// The most combinations that are tried at one place.
const MOST_COMBINATIONS: usize = 3000;
/// The most combinations that are tried for each combination that adds more choices to a place.
const MOST_NESTED_COMBINATIONS: usize = 150;
/// The most passes of a whole trace in which something other than the usual values is tried.
const MOST_TRIES: usize = 20_000;
/// The most choices of one place that are varied alone, in pairs and in threes.
const MOST_VARIED: [usize; 3] = [32, 8, 5];
/// The most choices that are varied at once, all in the same way.
const MOST_AT_ONCE: usize = 1000;
/// The last candidate of each choice that is tried in a pair, and in a group of three.
const LAST_IN_PAIR: usize = 12;
const LAST_IN_THREE: usize = 4;
/// The most places within each other that are searched at once.
const MOST_NESTED: usize = 4;

/// One step from a type to a place within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Into a struct or an enum, given by its index in the trace.
    Type(usize),
    Variant(u32),
    /// A field, or a part of a tuple.
    Part(usize),
    /// An element of a sequence. Elements of a map are its keys and values in turn.
    Element(usize),
    Some,
}

/// The steps to a place.
pub type Path = Vec<Step>;

/// A choice that was made in the current pass.
#[derive(Clone)]
pub struct Choice {
    path: Path,
    kind: Kind,
    candidates: usize,
    picked: usize,
}

/// A place that refused the values that it was offered.
pub struct Refusal {
    pub path: Path,
    /// The Rust type at the place.
    pub type_name: &'static str,
    /// The choices made within the place.
    pub choices: Vec<Choice>,
    /// The cause. If `lacks_subject` is set, a sentence about the place without its subject.
    pub reason: String,
    pub lacks_subject: bool,
}

impl Refusal {
    /// Returns the parts that are needed to describe the refusal.
    pub fn without_choices(&self) -> Self {
        let Self { path, type_name, reason, lacks_subject, .. } = self;
        Self { path: path.clone(), type_name, choices: vec![], reason: reason.clone(), lacks_subject: *lacks_subject }
    }
}

/// The choices that have been found, and those that are being tried.
#[derive(Default)]
pub struct Search {
    pub hints: Hints,
    picks: BTreeMap<Path, usize>,
    // The choices that a type accepted, by their paths from the innermost type.
    accepted: BTreeMap<Path, usize>,
    // The candidates that a type accepted anywhere. They are tried first.
    recent: Vec<(Kind, usize)>,
    choices: Vec<Choice>,
    // Each one is within the one before.
    trials: Vec<Trial>,
    tries: usize,
}

/// The search at one place.
struct Trial {
    first: Refusal,
    // The combinations that are left. Each is a list of choices and candidates.
    left: std::vec::IntoIter<Vec<(usize, usize)>>,
    now: Vec<(usize, usize)>,
}

impl Search {
    /// Begins a pass.
    pub fn begin(&mut self) {
        self.choices.clear();
    }

    /// Returns how many choices have been made in this pass.
    pub fn made(&self) -> usize {
        self.choices.len()
    }

    /// Returns the choices that were made after the first `count` ones.
    pub fn made_since(&self, count: usize) -> Vec<Choice> {
        self.choices[count..].to_vec()
    }

    /// Chooses one of several candidates at a place.
    pub fn pick(&mut self, path: &[Step], kind: Kind) -> usize {
        let candidates = self.hints.candidates(kind);
        let wanted = self.picks.get(path).or_else(|| self.accepted.get(&within_type(path)));
        let picked = wanted.copied().filter(|pick| *pick < candidates).unwrap_or(0);
        self.choices.push(Choice { path: path.to_vec(), kind, candidates, picked });
        picked
    }

    /// Returns whether something is being tried at this place, or at one that contains it.
    pub fn is_trying(&self, path: &[Step]) -> bool {
        self.trials.iter().any(|trial| path.starts_with(&trial.first.path))
    }

    /// Chooses what to try in the next pass after a refusal. Returns the first refusal of a place if nothing
    /// is left to try there.
    pub fn refused(&mut self, refusal: Refusal) -> Result<(), Refusal> {
        if self.leave_places_that_accept(&refusal.path) {
            return Ok(());
        }
        let is_varied = |trial: &Trial| {
            let mut varied = trial.now.iter().map(|(choice, _)| &trial.first.choices[*choice].path);
            varied.any(|path| path.starts_with(&refusal.path))
        };
        let nested = self.trials.len();
        let same = self.trials.iter().filter(|trial| trial.first.path == refusal.path).count();
        let continues = nested == MOST_NESTED
            || match self.trials.last() {
                // Longer sequences have more choices in them.
                Some(trial) if same == 1 => trial.first.choices.len() >= refusal.choices.len(),
                Some(trial) => same > 1 || is_varied(trial),
                None => false,
            };
        if !continues {
            // The choices of the next pass include what the error asks for.
            if self.hints.learn(&refusal.reason) {
                return Ok(());
            }
            let mut left = combinations(&refusal.choices, &self.recent);
            left.truncate(if same == 1 { MOST_NESTED_COMBINATIONS } else { MOST_COMBINATIONS });
            self.trials.push(Trial { first: refusal, left: left.into_iter(), now: vec![] });
        }
        self.advance()
    }

    /// Ends the search at the places that do not contain a place that refused later: they have accepted what
    /// was tried. Returns whether a choice has become the first one of its type and field.
    fn leave_places_that_accept(&mut self, refused: &[Step]) -> bool {
        let mut is_news = false;
        while let Some(trial) = self.trials.pop_if(|trial| !refused.starts_with(&trial.first.path)) {
            is_news |= self.accept(trial);
        }
        is_news
    }

    /// Returns whether something is being tried anywhere.
    pub fn is_searching(&self) -> bool {
        !self.trials.is_empty()
    }

    /// Ends the search at all places: they have accepted what was tried.
    pub fn accept_all(&mut self) {
        while let Some(trial) = self.trials.pop() {
            self.accept(trial);
        }
    }

    /// Keeps what was tried at a place. Returns whether a choice has become the first one of its type and field.
    fn accept(&mut self, trial: Trial) -> bool {
        let mut is_news = false;
        for (choice, pick) in trial.now {
            let choice = &trial.first.choices[choice];
            is_news |= self.accepted.insert(within_type(&choice.path), pick) != Some(pick);
            self.recent.retain(|recent| *recent != (choice.kind, pick));
            self.recent.insert(0, (choice.kind, pick));
        }
        is_news
    }

    /// Applies the next combination of the innermost place, or of the one around it.
    fn advance(&mut self) -> Result<(), Refusal> {
        while let Some(trial) = self.trials.last_mut() {
            for (choice, _) in &trial.now {
                let choice = &trial.first.choices[*choice];
                self.picks.insert(choice.path.clone(), choice.picked);
            }
            self.tries += 1;
            match trial.left.next().filter(|_| self.tries < MOST_TRIES) {
                Some(combination) => {
                    for (choice, pick) in &combination {
                        self.picks.insert(trial.first.choices[*choice].path.clone(), *pick);
                    }
                    trial.now = combination;
                    return Ok(());
                }
                None if self.trials.len() > 1 => drop(self.trials.pop()),
                None => break,
            }
        }
        Err(self.trials.pop().expect("the place that refused").first)
    }
}

/// Returns the path to a place from the innermost type around it. All elements of a sequence are one
/// place of the type.
pub fn within_type(path: &[Step]) -> Path {
    let start = path.iter().rposition(|step| matches!(step, Step::Type(_))).unwrap_or(0);
    let element = |step: &Step| if let Step::Element(number) = step { Step::Element(number % 2) } else { *step };
    path[start..].iter().map(element).collect()
}

/// Returns the combinations to try: first one choice alone, then all in the same way, then two and three
/// together. Candidates near the start of their lists come first.
fn combinations(choices: &[Choice], recent: &[(Kind, usize)]) -> Vec<Vec<(usize, usize)>> {
    let other = |choice: usize, rank: usize| {
        let candidates = choices[choice].candidates;
        (rank < candidates).then(|| (choice, (choices[choice].picked + rank) % candidates))
    };
    let most = choices.iter().map(|choice| choice.candidates).max().unwrap_or(0);
    let [alone, in_pair, in_three] = MOST_VARIED.map(|most| most.min(choices.len()));
    let mut found: Vec<Vec<_>> = vec![];
    for (kind, pick) in recent {
        found.extend((0..alone).filter(|choice| choices[*choice].kind == *kind).map(|choice| vec![(choice, *pick)]));
    }
    for rank in 1..most {
        found.extend((0..alone).filter_map(|choice| other(choice, rank)).map(|one| vec![one]));
    }
    if choices.len() > 1 {
        let all = choices.len().min(MOST_AT_ONCE);
        found.extend((1..=LAST_IN_PAIR).map(|rank| (0..all).filter_map(|choice| other(choice, rank)).collect()));
    }
    found.truncate(MOST_COMBINATIONS / 2);
    for sum in 2..=2 * LAST_IN_PAIR {
        for first in sum.saturating_sub(LAST_IN_PAIR).max(1)..sum.min(LAST_IN_PAIR + 1) {
            let pairs = (0..in_pair).flat_map(|one| (one + 1..in_pair).map(move |two| (one, two)));
            found.extend(pairs.filter_map(|(one, two)| Some(vec![other(one, first)?, other(two, sum - first)?])));
        }
    }
    found.truncate(MOST_COMBINATIONS * 5 / 6);
    let ranks = || 1..=LAST_IN_THREE;
    for (first, second, third) in ranks().flat_map(|a| ranks().flat_map(move |b| ranks().map(move |c| (a, b, c)))) {
        for (one, two) in (0..in_three).flat_map(|one| (one + 1..in_three).map(move |two| (one, two))) {
            let threes = (two + 1..in_three)
                .filter_map(|three| Some(vec![other(one, first)?, other(two, second)?, other(three, third)?]));
            found.extend(threes);
        }
    }
    found.truncate(MOST_COMBINATIONS);
    found
}
