//! Derives the description of a type from its `Deserialize`. The type is asked to deserialize values
//! repeatedly, and its requests are recorded, until every variant of every enum has been seen. No value
//! of the caller is needed.
//!
//! A type is normally built to *explore* it. If it is within a value of the same type, or is already
//! known, it is built as *small* as possible: options are `None`, sequences are empty, and an enum gets
//! the first variant that is not known to contain the enum again. The idea of tracing through
//! `Deserialize` comes from the crate serde-reflection; the choice of variants does not.

use super::format::{Container, Format, Named, Tree, Variant};
use serde::Serialize;
use serde::de::{self, DeserializeOwned};
use serde_reflection::{FormatHolder, Samples, Tracer, TracerConfig};
use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

mod node;

use node::{Need, Node};

/// The maximum number of passes. One pass for each variant and a few more are needed.
const MOST_PASSES: usize = 100_000;

/// Returns the description of a type, or the reason why it cannot be derived.
pub fn trace<T: DeserializeOwned>() -> Result<Tree, Stop> {
    // Some types do not accept 0 as a number. For these, try 1.
    trace_with::<T>(false).or_else(|first| match first {
        Stop::Refused(_) => trace_with::<T>(true).map_err(|_| first),
        _ => Err(first),
    })
}

/// Returns the description of a type that is derived from values of the type.
pub fn trace_samples<T: Serialize>(samples: &[T]) -> Result<Tree, String> {
    let mut tracer = Tracer::new(TracerConfig::default());
    let mut recorded = Samples::new();
    let mut root = serde_reflection::Format::unknown();
    for sample in samples {
        let traced = tracer.trace_value(&mut recorded, sample).map_err(in_words);
        root.unify(traced?.0).map_err(in_words)?;
    }
    root.normalize().map_err(in_words)?;
    let registry = tracer.registry().map_err(in_words)?;
    // The JSON of both representations is the same.
    let converted = serde_json::to_value((root, registry)).and_then(serde_json::from_value);
    let (root, types) = converted.map_err(|error| error.to_string())?;
    Ok(Tree::new(root, types))
}

fn in_words(error: serde_reflection::Error) -> String {
    use serde_reflection::Error as E;
    match error {
        E::UnknownFormat => {
            "the samples do not show every part of the type (each option and sequence must have a value)".to_owned()
        }
        E::UnknownFormatInContainer(name) => format!("the samples do not show every part of '{name}'"),
        E::Incompatible(one, other) => {
            format!("two types have the same name, or one type has two forms: {one} and {other}")
        }
        other => other.to_string(),
    }
}

fn trace_with<T: DeserializeOwned>(one: bool) -> Result<Tree, Stop> {
    let mut trace = Trace { types: vec![], index: BTreeMap::new(), stack: vec![], one, learned: 0 };
    let mut root = Format::Unknown;
    for _ in 0..MOST_PASSES {
        let before = trace.learned;
        match pass::<T>(&mut trace, &mut root) {
            Ok(()) | Err(Stop::Again) => {}
            Err(stop) => return Err(stop),
        }
        trace.stack.clear();
        if !trace.is_open(&root) {
            return Ok(trace.finish(root));
        }
        if trace.learned == before {
            break;
        }
    }
    Err(Stop::Refused("its Deserialize does not show all parts of the type".to_owned()))
}

/// Builds one value, and drops it. Out of line, so that a value of many bytes is not a part of the callers'
/// stack.
#[inline(never)]
fn pass<T: DeserializeOwned>(trace: &mut Trace, root: &mut Format) -> Result<(), Stop> {
    T::deserialize(Node { trace, format: root, small: false, depth: 0, need: Need::Always }).map(drop)
}

/// The reason why a pass ended early.
#[derive(Debug)]
pub enum Stop {
    /// A variant led back to its own enum, and was recorded as bad.
    Again,
    /// A type contains itself without end.
    Endless(String),
    /// A type contains itself without end, but not through a type with a name.
    Deep,
    /// The type needs a self-describing format, for every value or only for some.
    Unsupported { what: &'static str, always: bool },
    /// The type's own `Deserialize` refused the value that it was offered.
    Refused(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Again => f.write_str("every variant of an enum contains the enum again"),
            Self::Endless(name) => write!(f, "every value of '{name}' would contain itself"),
            Self::Deep => {
                f.write_str("it contains itself without a type name in between (is it #[serde(transparent)]?)")
            }
            Self::Unsupported { what, .. } => {
                write!(f, "it uses {what}, which needs a self-describing format such as JSON")
            }
            Self::Refused(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Stop {}

impl de::Error for Stop {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self::Refused(format!("its Deserialize rejects the values that were tried: {message}"))
    }
}

/// Everything that has been learned about a type so far.
pub struct Trace {
    types: Vec<Known>,
    index: BTreeMap<(TypeId, &'static str), usize>,
    // The containers that are being built.
    stack: Vec<Frame>,
    // The value that is used for every number: 0, or 1 if this is set.
    one: bool,
    // Increases with everything new that was learned.
    learned: u64,
}

/// A container. In its formats, the name of a type is the type's index in `Trace::types`.
struct Known {
    name: &'static str,
    container: Option<Container>,
    variants: u32,
    tried: BTreeSet<u32>,
    // Variants that led back to the type although it was to be small.
    bad: BTreeSet<u32>,
}

#[derive(Clone, Copy)]
struct Frame {
    index: usize,
    small: bool,
    variant: Option<u32>,
}

impl Trace {
    fn index_of<V>(&mut self, name: &'static str) -> usize {
        let next = self.types.len();
        let index = *self.index.entry((typeid::of::<V>(), name)).or_insert(next);
        if index == next {
            self.types.push(Known { name, container: None, variants: 0, tried: BTreeSet::new(), bad: BTreeSet::new() });
        }
        index
    }

    /// Returns whether a part of the format is still unknown. Containers that are being built do not count:
    /// within themselves they are small, and show nothing new.
    fn is_open(&self, format: &Format) -> bool {
        self.is_open_beyond(format, &mut self.stack.iter().map(|frame| frame.index).collect())
    }

    fn is_open_beyond(&self, format: &Format, seen: &mut BTreeSet<usize>) -> bool {
        match format {
            Format::Unknown => true,
            Format::TypeName(name) => {
                let index = place(name);
                seen.insert(index) && {
                    let known = &self.types[index];
                    known.tried.len() < known.variants as usize
                        || known.container.as_ref().is_none_or(|container| {
                            container.parts().iter().any(|part| self.is_open_beyond(part, seen))
                        })
                }
            }
            other => other.parts().iter().any(|part| self.is_open_beyond(part, seen)),
        }
    }

    /// Begins a container. Returns whether it is small, which it is if it is within itself.
    fn enter(&mut self, index: usize, small: bool, variant: Option<u32>) -> Result<bool, Stop> {
        let small = small || self.stack.iter().any(|frame| frame.index == index);
        let frame = Frame { index, small, variant };
        // A small value is always built in the same way. If it is within itself as a small value again, it
        // would never end.
        if small && self.stack.iter().any(|outer| outer.index == index && outer.small) {
            return Err(self.blame(frame));
        }
        self.stack.push(frame);
        Ok(small)
    }

    /// Records the innermost choice that has an alternative as bad.
    fn blame(&mut self, last: Frame) -> Stop {
        for frame in self.stack.iter().chain([&last]).rev().filter(|frame| frame.small) {
            let known = &mut self.types[frame.index];
            if let Some(variant) = frame.variant
                && (0..known.variants).any(|other| other != variant && !known.bad.contains(&other))
                && known.bad.insert(variant)
            {
                self.learned += 1;
                return Stop::Again;
            }
        }
        Stop::Endless(self.types[last.index].name.to_owned())
    }

    /// Ends a container, and records what was seen of it.
    fn leave(&mut self, index: usize, seen: Container) -> Result<(), Stop> {
        self.stack.pop();
        match &mut self.types[index].container {
            Some(known) => unify_container(known, seen, &mut self.learned),
            unknown => {
                self.learned += 1;
                *unknown = Some(seen);
                Ok(())
            }
        }
    }

    /// Chooses a variant: one that has not been tried, or one with an unknown part, or one that ends.
    fn choose(&mut self, index: usize, small: bool) -> u32 {
        let known = &self.types[index];
        let small = small || self.stack.iter().any(|frame| frame.index == index);
        let untried = (0..known.variants).find(|variant| !known.tried.contains(variant));
        let open = || match &known.container {
            Some(Container::Enum(variants)) => variants.iter().find_map(|(number, variant)| {
                let mut seen: BTreeSet<_> = self.stack.iter().map(|frame| frame.index).chain([index]).collect();
                variant.value.parts().iter().any(|part| self.is_open_beyond(part, &mut seen)).then_some(*number)
            }),
            _ => None,
        };
        let wanted = if small { None } else { untried.or_else(open) };
        let chosen = wanted.or_else(|| (0..known.variants).find(|variant| !known.bad.contains(variant))).unwrap_or(0);
        if self.types[index].tried.insert(chosen) {
            self.learned += 1;
        }
        chosen
    }

    /// Names the types in the order of their first use. The second type of the same name becomes `NAME#2`.
    fn finish(mut self, mut root: Format) -> Tree {
        let mut order = vec![];
        self.meet(&root, &mut order);
        let mut counts = BTreeMap::new();
        let mut names = BTreeMap::new();
        for index in &order {
            let name = self.types[*index].name;
            let count = counts.entry(name).and_modify(|count| *count += 1).or_insert(1);
            names.insert(*index, if *count == 1 { name.to_owned() } else { format!("{name}#{count}") });
        }
        let mut rename = |format: &mut Format| {
            if let Format::TypeName(name) = format {
                *name = names[&place(name)].clone();
            }
        };
        root.normalize(&mut rename);
        let mut types = BTreeMap::new();
        for index in order {
            let mut container = self.types[index].container.take().expect("nothing is unknown");
            container.parts_mut().into_iter().for_each(|part| part.normalize(&mut rename));
            types.insert(names[&index].clone(), container);
        }
        Tree::new(root, types)
    }

    fn meet(&self, format: &Format, order: &mut Vec<usize>) {
        if let Format::TypeName(name) = format {
            let index = place(name);
            if !order.contains(&index) {
                order.push(index);
                let container = self.types[index].container.as_ref().expect("nothing is unknown");
                container.parts().iter().for_each(|part| self.meet(part, order));
            }
        }
        format.parts().iter().for_each(|part| self.meet(part, order));
    }
}

fn place(name: &str) -> usize {
    name.parse().expect("a place, until the trace is finished")
}

/// Adds newly seen parts of a place to the known ones.
fn unify(known: &mut Format, seen: Format, learned: &mut u64) -> Result<(), Stop> {
    match (known, seen) {
        (_, Format::Unknown) => Ok(()),
        (known @ Format::Unknown, seen) => {
            *learned += 1;
            *known = seen;
            Ok(())
        }
        (Format::Option(known), Format::Option(seen)) | (Format::Seq(known), Format::Seq(seen)) => {
            unify(known, *seen, learned)
        }
        (Format::Map { key, value }, Format::Map { key: seen_key, value: seen_value }) => {
            unify(key, *seen_key, learned)?;
            unify(value, *seen_value, learned)
        }
        (Format::Tuple(known), Format::Tuple(seen)) => unify_all(known.iter_mut().collect(), seen, learned),
        (known, seen) if *known == seen => Ok(()),
        _ => Err(differs()),
    }
}

fn unify_all(known: Vec<&mut Format>, seen: Vec<Format>, learned: &mut u64) -> Result<(), Stop> {
    if known.len() != seen.len() {
        return Err(differs());
    }
    known.into_iter().zip(seen).try_for_each(|(known, seen)| unify(known, seen, learned))
}

fn unify_container(known: &mut Container, seen: Container, learned: &mut u64) -> Result<(), Stop> {
    if let (Container::Enum(known), Container::Enum(seen)) = (&mut *known, &seen) {
        for (number, variant) in seen {
            match known.get_mut(number) {
                Some(Named { value: Variant::Unknown, .. }) | None => {
                    *learned += 1;
                    known.insert(*number, variant.clone());
                }
                Some(known) => {
                    let parts = variant.value.parts().into_iter().cloned().collect();
                    unify_all(known.value.parts_mut(), parts, learned)?;
                }
            }
        }
        return Ok(());
    }
    let parts = seen.parts().into_iter().cloned().collect();
    unify_all(known.parts_mut(), parts, learned)
}

fn differs() -> Stop {
    Stop::Refused("its Deserialize asks for different parts each time".to_owned())
}
