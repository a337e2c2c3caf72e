//! Derives the description of a type from its `Deserialize`. The type is asked to deserialize values
//! repeatedly, and its requests are recorded, until every variant of every enum has been seen. No value
//! of the caller is needed.
//!
//! A type is normally built to *explore* it. If it is within a value of the same type, or is already
//! known, it is built as *small* as possible: options are `None`, sequences are empty, and an enum gets
//! the first variant that is not known to contain the enum again. The idea of tracing through
//! `Deserialize` comes from the crate serde-reflection; the choice of variants does not.

//!
//! Some types refuse the usual values: 0, an empty text, an empty sequence. If a pass ends because of that and
//! has shown nothing new, the next one offers other values at the place that refused (`search`).

use super::format::{Container, Format, Named, Tree, Variant};
use serde::de::{self, DeserializeOwned};
use std::any::{TypeId, type_name};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

mod aliases;
mod node;
mod offers;
mod refusals;
mod samples;
mod search;
mod unify;

use aliases::{Aliases, Place};
use node::{Need, Node};
use offers::Kind;
pub use samples::trace_samples;
use search::{Path, Refusal, Search, Step};
use unify::{unify, unify_container};

/// The maximum number of passes. One pass for each variant and a few more are needed.
const MOST_PASSES: usize = 100_000;

/// Returns the description of a type, or the reason why it cannot be derived.
pub fn trace<T: DeserializeOwned>() -> Result<Tree, Failure> {
    match trace_with::<T>(Mode::Zeros) {
        Err(failure) if failure.cause == Cause::Refusal => {
            trace_with::<T>(Mode::Ones).or_else(|_| trace_with::<T>(Mode::Search))
        }
        traced => traced,
    }
}

/// Why a trace ended without a description.
pub struct Failure {
    pub reason: String,
    pub cause: Cause,
}

/// The kinds of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A place refused all values. Others could have helped.
    Refusal,
    /// The type needs a self-describing format, for every value or only for some.
    SelfDescribing { always: bool },
    /// The type contains itself without end.
    Endless,
}

fn trace_with<T: DeserializeOwned>(mode: Mode) -> Result<Tree, Failure> {
    let mut trace = Trace::new(mode);
    let mut root = Format::Unknown;
    for _ in 0..MOST_PASSES {
        let before = trace.learned;
        trace.begin();
        let stop = pass::<T>(&mut trace, &mut root).err().filter(|stop| !matches!(stop, Stop::Again));
        trace.stack.clear();
        if let Some(stop) = &stop
            && !trace.survives(stop)
        {
            return Err(trace.failure::<T>(stop));
        }
        if !trace.is_open(&root) && trace.doubts.is_empty() && !matches!(stop, Some(Stop::Differs)) {
            return Ok(trace.finish(root));
        }
        if trace.learned == before {
            match stop {
                Some(stop) => trace.try_another::<T>(stop)?,
                // The places that refused something have accepted what was tried.
                None if trace.search.is_searching() => trace.search.accept_all(),
                None => break,
            }
        }
    }
    let doubt = || trace.doubts.values().next().map(|refusal| trace.in_words::<T>(refusal));
    let reason = trace.given_up.clone().or_else(doubt).unwrap_or_else(|| trace.open_part());
    Err(Failure { reason, cause: Cause::Refusal })
}

/// Builds one value, and drops it. Out of line, so that a value of many bytes is not a part of the callers'
/// stack.
#[inline(never)]
fn pass<T: DeserializeOwned>(trace: &mut Trace, root: &mut Format) -> Result<(), Stop> {
    let mark = trace.mark();
    match T::deserialize(Node { trace: &mut *trace, format: root, small: false, depth: 0, need: Need::Always })
        .map(drop)
    {
        Err(stop) => Err(trace.refuse(&mark, type_name::<T>(), stop)),
        built => built,
    }
}

/// Which values are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The usual ones. Numbers are 0.
    Zeros,
    /// The usual ones, but numbers are 1.
    Ones,
    /// Others at the places that refuse the usual ones.
    Search,
}

/// The reason why a pass ended early.
#[derive(Debug)]
pub enum Stop {
    /// Something was learned that only the next pass can use, such as a variant that leads back to its own
    /// enum.
    Again,
    /// A type contains itself without end.
    Endless(String),
    /// A type contains itself without end, but not through a type with a name.
    Deep,
    /// The type needs a self-describing format, for every value or only for some.
    Unsupported { what: &'static str, always: bool },
    /// The type's own `Deserialize` refused the value that it was offered.
    Refused(String),
    /// A field of this name appeared twice.
    Twice(&'static str),
    /// The type asked for something different from before.
    Differs,
    /// This number of fields or elements was not read.
    Unread(usize),
    /// The enum of this name has no variants.
    NoVariants(String),
}

impl Stop {
    fn cause(&self) -> Cause {
        match self {
            Self::Endless(_) | Self::Deep => Cause::Endless,
            Self::Unsupported { always, .. } => Cause::SelfDescribing { always: *always },
            _ => Cause::Refusal,
        }
    }

    /// Returns whether the text is a sentence about the place without its subject.
    fn lacks_subject(&self) -> bool {
        matches!(self, Self::Unsupported { .. } | Self::Refused(_) | Self::Twice(_) | Self::Differs | Self::Unread(_))
    }
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
                write!(f, "uses {what}, which needs a self-describing format such as JSON")
            }
            Self::Refused(reason) => write!(f, "rejects the values that were tried: {reason}"),
            Self::Twice(name) => write!(f, "rejects the values that were tried: duplicate field '{name}'"),
            Self::Differs => f.write_str("asks for different parts each time"),
            Self::Unread(_) => f.write_str("does not read all fields (does one have an alias?)"),
            Self::NoVariants(name) => write!(f, "the enum '{name}' has no variants"),
        }
    }
}

impl std::error::Error for Stop {}

impl de::Error for Stop {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self::Refused(message.to_string())
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::Twice(field)
    }
}

/// Everything that has been learned about a type so far.
pub struct Trace {
    types: Vec<Known>,
    index: BTreeMap<(TypeId, &'static str), usize>,
    // The containers that are being built.
    stack: Vec<Frame>,
    // The path to the place that is being built.
    path: Path,
    mode: Mode,
    search: Search,
    // The innermost place that refused in this pass.
    refusal: Option<Refusal>,
    // The sequences and maps that have refused elements and have not accepted any yet. Their elements could
    // have different formats.
    doubts: BTreeMap<Path, Refusal>,
    // The sequences and maps that accept no elements, and those whose elements have different formats.
    empty: BTreeSet<Path>,
    mixed: BTreeSet<Path>,
    aliases: BTreeMap<Place, Aliases>,
    // Why the first place that accepts nothing was given up.
    given_up: Option<String>,
    requests: usize,
    // Increases with everything new that was learned.
    learned: u64,
}

/// Where a value begins: how many steps lead to it, and how many choices were made before.
pub struct Mark {
    steps: usize,
    choices: usize,
}

/// A container. In its formats, the name of a type is the type's index in `Trace::types`.
struct Known {
    name: &'static str,
    container: Option<Container>,
    variants: u32,
    tried: BTreeSet<u32>,
    // Variants that led back to the type although it was to be small.
    bad: BTreeSet<u32>,
    // Variants that accept nothing that was tried.
    refused: BTreeSet<u32>,
}

impl Known {
    fn is_usable(&self, variant: u32) -> bool {
        !self.bad.contains(&variant) && !self.refused.contains(&variant)
    }

    /// Returns whether a variant was refused before it showed what it contains.
    fn hides_variant(&self) -> bool {
        let Some(Container::Enum(variants)) = &self.container else { return false };
        self.refused.iter().filter_map(|number| variants.get(number)).any(|found| found.value == Variant::Unknown)
    }
}

#[derive(Clone, Copy)]
struct Frame {
    index: usize,
    small: bool,
    variant: Option<u32>,
}

impl Trace {
    fn new(mode: Mode) -> Self {
        Self {
            types: vec![],
            index: BTreeMap::new(),
            stack: vec![],
            path: vec![],
            mode,
            search: Search::default(),
            refusal: None,
            doubts: BTreeMap::new(),
            empty: BTreeSet::new(),
            mixed: BTreeSet::new(),
            aliases: BTreeMap::new(),
            given_up: None,
            requests: 0,
            learned: 0,
        }
    }

    /// Begins a pass.
    fn begin(&mut self) {
        self.stack.clear();
        self.path.clear();
        self.search.begin();
        self.refusal = None;
    }

    /// Removes the aliases from the fields of a struct or a variant, if they are known.
    fn leave_out_aliases(&mut self, place: Place) {
        let Some(names) = self.aliases.get(&place).and_then(Aliases::fields) else { return };
        let fields = match (&mut self.types[place.0].container, place.1) {
            (Some(Container::Struct(fields)), None) => fields,
            (Some(Container::Enum(variants)), Some(number)) => match variants.get_mut(&number) {
                Some(Named { value: Variant::Struct(fields), .. }) => fields,
                _ => return,
            },
            _ => return,
        };
        fields.truncate(names.len());
        fields.iter_mut().zip(names).for_each(|(field, name)| (*name).clone_into(&mut field.name));
    }

    fn index_of<V>(&mut self, name: &'static str) -> usize {
        let next = self.types.len();
        let index = *self.index.entry((typeid::of::<V>(), name)).or_insert(next);
        if index == next {
            self.types.push(Known {
                name,
                container: None,
                variants: 0,
                tried: BTreeSet::new(),
                bad: BTreeSet::new(),
                refused: BTreeSet::new(),
            });
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
                        || known.hides_variant()
                        || self.is_doubtful_within(&[Step::Type(index)])
                        || known.container.as_ref().is_none_or(|container| {
                            container.parts().iter().any(|part| self.is_open_beyond(part, seen))
                        })
                }
            }
            other => other.parts().iter().any(|part| self.is_open_beyond(part, seen)),
        }
    }

    /// Names a part that is still unknown.
    fn open_part(&self) -> String {
        let is_open = |part: &Format| self.is_open_beyond(part, &mut (0..self.types.len()).collect());
        let open = self.types.iter().find_map(|known| {
            let container = known.container.as_ref()?;
            let names: Vec<&str> = match container {
                Container::Struct(fields) => {
                    fields.iter().filter(|field| is_open(&field.value)).map(|field| field.name.as_str()).collect()
                }
                Container::Enum(variants) => variants
                    .values()
                    .filter(|variant| variant.value.parts().into_iter().any(is_open))
                    .map(|variant| variant.name.as_str())
                    .collect(),
                _ => container.parts().into_iter().any(is_open).then_some("0").into_iter().collect(),
            };
            names.first().map(|name| format!("'{}.{name}'", known.name))
        });
        format!("its Deserialize does not show all parts of {}", open.as_deref().unwrap_or("the type"))
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
                && (0..known.variants).any(|other| other != variant && known.is_usable(other))
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
        let pick = self.pick(Kind::Variant(self.types[index].variants));
        let known = &self.types[index];
        let small = small || self.stack.iter().any(|frame| frame.index == index);
        let untried = (0..known.variants).find(|variant| !known.tried.contains(variant));
        let open = || match &known.container {
            Some(Container::Enum(variants)) => variants.iter().find_map(|(number, variant)| {
                if known.refused.contains(number) {
                    return None;
                }
                let mut seen: BTreeSet<_> = self.stack.iter().map(|frame| frame.index).chain([index]).collect();
                let is_open = self.is_doubtful_within(&[Step::Type(index), Step::Variant(*number)])
                    || variant.value.parts().iter().any(|part| self.is_open_beyond(part, &mut seen));
                is_open.then_some(*number)
            }),
            _ => None,
        };
        let wanted = if small { None } else { untried.or_else(open) };
        let usual = || (0..known.variants).find(|variant| known.is_usable(*variant));
        let picked =
            u32::try_from(pick).ok().and_then(|pick| pick.checked_sub(1)).filter(|pick| known.is_usable(*pick));
        let chosen = wanted.or(picked).or_else(usual).unwrap_or(0);
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
