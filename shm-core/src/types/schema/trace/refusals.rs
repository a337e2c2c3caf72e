//! The steps after a type refuses a value: the trace remembers the place, chooses other values, and
//! describes the refusal if the place accepts none.

use super::offers::Kind;
use super::search::{Refusal, Step, within_type};
use super::{Cause, Failure, Mark, Mode, Stop, Trace};
use crate::types::schema::format::{Container, Variant};
use std::any::type_name;
use std::borrow::Cow;

/// The maximum number of requests of a type that refuses the usual values.
const MOST_REQUESTS: usize = 3_000_000;

impl Trace {
    pub fn mark(&self) -> Mark {
        Mark { steps: self.path.len(), choices: self.search.made() }
    }

    /// Records that the value which began here was accepted.
    pub fn accept(&mut self, mark: &Mark) {
        let place = &self.path[..mark.steps];
        self.refusal.take_if(|refusal| refusal.path.starts_with(place));
    }

    /// Records that the value which began here was refused, if none within it was.
    pub fn refuse(&mut self, mark: &Mark, type_name: &'static str, stop: Stop) -> Stop {
        let path = &self.path[..mark.steps];
        let is_known = self.refusal.as_ref().is_some_and(|refusal| refusal.path.starts_with(path));
        // The name of a field, in a type with #[serde(flatten)], is no place of its own.
        let is_name = matches!(stop, Stop::Unsupported { .. }) && type_name.contains("::__Field");
        if !is_known && !is_name && !matches!(stop, Stop::Again) {
            // The type is not one of serde's own.
            let type_name = if type_name.contains("::__") { "" } else { type_name };
            let choices = self.search.made_since(mark.choices);
            self.refusal = Some(Refusal {
                path: path.to_vec(),
                type_name,
                choices,
                reason: stop.to_string(),
                lacks_subject: stop.lacks_subject(),
            });
        }
        stop
    }

    /// Returns whether other values can be tried after a pass that ended in this way.
    pub fn survives(&self, stop: &Stop) -> bool {
        let is_trying = || self.refusal.as_ref().is_some_and(|refusal| self.search.is_trying(&refusal.path));
        self.mode == Mode::Search && self.requests < MOST_REQUESTS && (stop.cause() == Cause::Refusal || is_trying())
    }

    /// Chooses other values for the next pass after one that was refused and showed nothing new. If none are
    /// left, gives up the innermost variant around the place that refused.
    pub fn try_another<T>(&mut self, stop: Stop) -> Result<(), Failure> {
        let Some(refusal) = self.refusal.take() else { return Err(self.failure::<T>(&stop)) };
        let is_hopeless = matches!(stop, Stop::Unread(_) | Stop::NoVariants(_));
        let tried = if is_hopeless { Err(refusal) } else { self.search.refused(refusal) };
        let Err(refusal) = tried else { return Ok(()) };
        if self.stays_empty(&refusal) {
            return Ok(());
        }
        let reason = self.in_words::<T>(&refusal);
        self.given_up.get_or_insert(reason);
        let variants = refusal.path.windows(2).rev();
        for steps in variants {
            if let [Step::Type(index), Step::Variant(number)] = steps {
                let known = &mut self.types[*index];
                known.refused.insert(*number);
                if (0..known.variants).any(|variant| !known.refused.contains(&variant)) {
                    self.learned += 1;
                    return Ok(());
                }
            }
        }
        Err(Failure { reason: self.given_up.take().expect("set above"), cause: Cause::Refusal })
    }

    /// Records that a sequence refuses its elements although each of them was accepted, if it is one. Then
    /// it stays empty, and the format of its elements is the one that it asked for.
    fn stays_empty(&mut self, refusal: &Refusal) -> bool {
        let place = within_type(&refusal.path);
        let is_empty = !self.mixed.contains(&place) && self.doubts.remove(&place).is_some();
        if is_empty {
            self.empty.insert(place);
            self.learned += 1;
        }
        is_empty
    }

    /// Records that an enum does not know a variant by its number, and returns how to go on.
    pub fn no_such_variant(&mut self, index: usize, number: u32, stop: Stop) -> Stop {
        let known = &mut self.types[index];
        if self.mode != Mode::Search || known.refused.len() + 1 >= known.variants as usize {
            return stop;
        }
        let reason = format!(
            "the enum '{}' has {} names for fewer variants (does one have an alias?): its Deserialize {stop}",
            known.name, known.variants
        );
        known.refused.insert(number);
        self.given_up.get_or_insert(reason);
        self.learned += 1;
        Stop::Again
    }

    pub fn failure<T>(&self, stop: &Stop) -> Failure {
        let cause = stop.cause();
        let reason = self.refusal.as_ref().map_or_else(|| stop.to_string(), |refusal| self.in_words::<T>(refusal));
        let given_up = self.given_up.clone().filter(|_| cause == Cause::Refusal);
        Failure { reason: given_up.unwrap_or(reason), cause }
    }

    /// Describes a refusal: the field, its type, and the cause.
    pub fn in_words<T>(&self, refusal: &Refusal) -> String {
        if !refusal.lacks_subject {
            return refusal.reason.clone();
        }
        let place = self.path_in_words(&refusal.path);
        if place.is_empty() || refusal.type_name == type_name::<T>() {
            return format!("its Deserialize {}", refusal.reason);
        }
        if refusal.type_name.is_empty() {
            return format!("the Deserialize of '{place}' {}", refusal.reason);
        }
        let variant = refusal.path.windows(2).rev().find_map(|steps| match steps {
            [Step::Type(index), Step::Variant(_)] => Some(self.types[*index].name),
            _ => None,
        });
        let within = variant.map(|name| format!(", in a variant of the enum '{name}',")).unwrap_or_default();
        format!("the Deserialize of '{place}' ({}){within} {}", refusal.type_name, refusal.reason)
    }

    /// Returns the fields and variants that lead to a place, such as `Reading.position.0`.
    pub fn path_in_words(&self, path: &[Step]) -> String {
        let mut words: Vec<String> = vec![];
        let mut is_named = false;
        let mut container = None;
        let mut variant = None;
        for step in path {
            match step {
                Step::Type(index) => {
                    // Where a type has a name, the place begins with it.
                    if !std::mem::replace(&mut is_named, true) {
                        words = vec![self.types[*index].name.to_owned()];
                    }
                    (container, variant) = (self.types[*index].container.as_ref(), None);
                }
                Step::Variant(number) => {
                    variant = match container {
                        Some(Container::Enum(variants)) => variants.get(number),
                        _ => None,
                    };
                    words.push(variant.map_or_else(|| number.to_string(), |variant| variant.name.clone()));
                }
                Step::Part(part) => {
                    let fields = match (container.take(), variant.take().map(|variant| &variant.value)) {
                        (_, Some(Variant::Struct(fields))) | (Some(Container::Struct(fields)), _) => fields.get(*part),
                        (_, Some(Variant::NewType(_))) | (Some(Container::NewTypeStruct(_)), _) => continue,
                        _ => None,
                    };
                    words.push(fields.map_or_else(|| part.to_string(), |field| field.name.clone()));
                }
                Step::Element(element) => words.push(element.to_string()),
                Step::Some => {}
            }
        }
        words.join(".")
    }

    /// Returns the number of the candidate to offer at this place.
    pub fn pick(&mut self, kind: Kind) -> usize {
        if self.mode != Mode::Search {
            return 0;
        }
        self.requests += 1;
        self.search.pick(&self.path, kind)
    }

    /// As `pick`, for a number.
    pub fn number(&mut self, kind: Kind) -> usize {
        if self.mode == Mode::Ones { 1 } else { self.pick(kind) }
    }

    pub fn integer(&mut self) -> i128 {
        let pick = self.number(Kind::Integer);
        self.search.hints.integer(pick)
    }

    pub fn float(&mut self) -> f32 {
        let pick = self.number(Kind::Float);
        self.search.hints.float(pick)
    }

    pub fn text(&mut self) -> Cow<'static, str> {
        let pick = self.pick(Kind::Text);
        self.search.hints.text(pick)
    }

    pub fn bytes(&mut self) -> &'static [u8] {
        let pick = self.pick(Kind::Bytes);
        self.search.hints.bytes(pick)
    }

    /// Returns how many elements a sequence gets. It usually has one if it is to show its elements.
    pub fn length(&mut self, goes_in: bool) -> usize {
        let pick = self.pick(Kind::Length);
        self.search.hints.length(pick, usize::from(goes_in))
    }

    /// Returns whether a sequence at this place or within it is doubtful.
    pub fn is_doubtful(&self) -> bool {
        !self.doubts.is_empty() && self.is_doubtful_within(&within_type(&self.path))
    }

    pub fn is_doubtful_within(&self, place: &[Step]) -> bool {
        self.doubts.keys().any(|doubt| doubt.starts_with(place))
    }

    /// Records whether a sequence or map accepted its elements.
    pub fn took_elements(&mut self, mark: &Mark, stop: Option<&Stop>) {
        if self.mode == Mode::Search {
            let place = within_type(&self.path[..mark.steps]);
            match stop {
                None => self.learned += u64::from(self.doubts.remove(&place).is_some()),
                Some(Stop::Again) => {}
                Some(_) if self.empty.contains(&place) => {}
                Some(stop) => {
                    if matches!(stop, Stop::Differs) {
                        self.mixed.insert(place.clone());
                    }
                    let own = || Refusal {
                        path: self.path[..mark.steps].to_vec(),
                        type_name: "",
                        choices: vec![],
                        reason: stop.to_string(),
                        lacks_subject: stop.lacks_subject(),
                    };
                    let reason = self.refusal.as_ref().map_or_else(own, Refusal::without_choices);
                    self.doubts.entry(place).or_insert(reason);
                }
            }
        }
    }
}
