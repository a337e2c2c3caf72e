//! Finding out what a type looks like by its `Deserialize`: it is asked to take one value after the other, and what it asks
//! for is noted, until every variant of every enum was seen. No value of the caller's is needed or looked at.
//!
//! A type is built either to *explore* it, or, where it stands within itself or is known already, as *small* as it can be:
//! options are none, sequences empty, and of an enum the first variant that is not known to lead back into itself. The idea
//! of tracing by `Deserialize` is that of the crate serde-reflection; the choice of variants is not.

use super::format::{Container, Format, Named, Tree, Variant};
use serde::Serialize;
use serde::de::value::U32Deserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde_reflection::{FormatHolder, Samples, Tracer, TracerConfig};
use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// How often a type is asked for a value, at most: once for each variant and a few times more.
const MOST_PASSES: usize = 100_000;

/// The description of a type, or why it cannot be found.
pub fn trace<T: DeserializeOwned>() -> Result<Tree, String> {
    // Types that do not take 0 take 1.
    trace_with::<T>(false)
        .or_else(|first| match first {
            Stop::Refused(_) => trace_with::<T>(true).map_err(|_| first),
            _ => Err(first),
        })
        .map_err(|stop| stop.to_string())
}

/// The description of a type by values of it.
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
    // It has the same JSON.
    let converted = serde_json::to_value((root, registry)).and_then(serde_json::from_value);
    let (root, types) = converted.map_err(|error| error.to_string())?;
    Ok(Tree { root, types })
}

fn in_words(error: serde_reflection::Error) -> String {
    use serde_reflection::Error as E;
    match error {
        E::UnknownFormat => "the samples leave something open; options and sequences must not be empty".to_owned(),
        E::UnknownFormatInContainer(name) => format!("the samples leave a part of '{name}' open"),
        E::Incompatible(one, other) => format!("two types of one name, or a type with two forms: {one} and {other}"),
        other => other.to_string(),
    }
}

fn trace_with<T: DeserializeOwned>(one: bool) -> Result<Tree, Stop> {
    let mut trace = Trace { types: vec![], index: BTreeMap::new(), stack: vec![], one, learned: 0 };
    let mut root = Format::Unknown;
    for _ in 0..MOST_PASSES {
        let before = trace.learned;
        match T::deserialize(Node { trace: &mut trace, format: &mut root, small: false }) {
            Ok(_) | Err(Stop::Again) => {}
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
    Err(Stop::Refused("it does not show all of its parts".to_owned()))
}

/// Why a pass ended early.
#[derive(Debug)]
enum Stop {
    /// A choice led back into itself and was noted as bad.
    Again,
    /// A type contains itself without end.
    Endless(String),
    /// The type needs a format that says itself what comes next.
    Unsupported(&'static str),
    /// The type's own `Deserialize` refused the value that it was offered.
    Refused(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Again => f.write_str("no choice of its variants ends"),
            Self::Endless(name) => write!(f, "{name} contains itself without end"),
            Self::Unsupported(what) => write!(f, "it uses {what}, which needs a format such as JSON"),
            Self::Refused(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Stop {}

impl de::Error for Stop {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self::Refused(format!("it refuses the values that it is tried with: {message}"))
    }
}

/// What was learned so far.
struct Trace {
    types: Vec<Known>,
    index: BTreeMap<(TypeId, &'static str), usize>,
    // The containers that are being built.
    stack: Vec<Frame>,
    // The value of every number: 0, or 1.
    one: bool,
    // Grows with everything that was new.
    learned: u64,
}

/// A container. In its formats, a type's name is its place in `Trace::types`.
struct Known {
    name: &'static str,
    container: Option<Container>,
    variants: u32,
    tried: BTreeSet<u32>,
    // Variants that led back into the type when it was to be small.
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

    /// Whether something in a format is still unknown, other than in the containers that are being built: within
    /// themselves they are small, and show nothing new.
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

    /// Begins a container; it is to be small if it already stands within itself.
    fn enter(&mut self, index: usize, small: bool, variant: Option<u32>) -> Result<bool, Stop> {
        let small = small || self.stack.iter().any(|frame| frame.index == index);
        let frame = Frame { index, small, variant };
        // A small value is always built in the same way: a second time within itself, it would never end.
        if small && self.stack.iter().any(|outer| outer.index == index && outer.small) {
            return Err(self.blame(frame));
        }
        self.stack.push(frame);
        Ok(small)
    }

    /// Notes the innermost choice for which there is another one as bad.
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

    /// Ends a container, and notes what was seen of it.
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

    /// The variant to take: one that was not tried, else one with something unknown in it, else one that ends.
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

    /// The names of the types in the order in which one meets them; the second one of a name becomes `NAME#2`.
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
        Tree { root, types }
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

/// Adds what was seen to what is known of the same place.
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
    Stop::Refused("it asks for other parts each time".to_owned())
}

/// One place in a type, which asks for a value.
struct Node<'t> {
    trace: &'t mut Trace,
    format: &'t mut Format,
    small: bool,
}

impl Node<'_> {
    fn note(&mut self, seen: Format) -> Result<(), Stop> {
        unify(self.format, seen, &mut self.trace.learned)
    }

    /// Whether to go into an option or a sequence.
    fn goes_into(&self, part: &Format) -> bool {
        !self.small && self.trace.is_open(part)
    }

    /// Builds a container with these parts; `build` gets them one after the other.
    fn container<V, R>(
        mut self,
        name: &'static str,
        fresh: Container,
        build: impl FnOnce(&mut Elements<'_>) -> Result<R, Stop>,
    ) -> Result<R, Stop> {
        let index = self.trace.index_of::<V>(name);
        self.note(Format::TypeName(index.to_string()))?;
        let mut container = self.trace.types[index].container.clone().unwrap_or(fresh);
        let small = self.trace.enter(index, self.small, None)?;
        let built = take_all(self.trace, container.parts_mut(), small, build);
        self.trace.leave(index, container)?;
        built
    }
}

/// Builds something of parts, of which none may be left over.
fn take_all<R>(
    trace: &mut Trace,
    parts: Vec<&mut Format>,
    small: bool,
    build: impl FnOnce(&mut Elements<'_>) -> Result<R, Stop>,
) -> Result<R, Stop> {
    let mut elements = Elements { trace, formats: parts.into_iter(), small };
    let built = build(&mut elements)?;
    match elements.formats.len() {
        0 => Ok(built),
        _ => Err(Stop::Refused("it does not take all of its fields; has one an alias?".to_owned())),
    }
}

/// Parts, one after the other.
struct Elements<'t> {
    trace: &'t mut Trace,
    formats: std::vec::IntoIter<&'t mut Format>,
    small: bool,
}

impl Elements<'_> {
    fn next(&mut self) -> Option<Node<'_>> {
        let format = self.formats.next()?;
        Some(Node { trace: self.trace, format, small: self.small })
    }
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Stop;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Stop> {
        self.next().map(|node| seed.deserialize(node)).transpose()
    }
}

impl<'de> MapAccess<'de> for Elements<'_> {
    type Error = Stop;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Stop> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Stop> {
        seed.deserialize(self.next().expect("a value for each key"))
    }
}

/// A variant that was chosen.
struct Choice<'t> {
    trace: &'t mut Trace,
    number: u32,
    // What was seen of it.
    seen: &'t mut Variant,
    small: bool,
}

impl<'de> EnumAccess<'de> for Choice<'_> {
    type Error = Stop;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Stop> {
        let number: U32Deserializer<Stop> = self.number.into_deserializer();
        Ok((seed.deserialize(number)?, self))
    }
}

impl Choice<'_> {
    fn build<R>(self, fresh: Variant, build: impl FnOnce(&mut Elements<'_>) -> Result<R, Stop>) -> Result<R, Stop> {
        if *self.seen == Variant::Unknown {
            *self.seen = fresh;
        }
        take_all(self.trace, self.seen.parts_mut(), self.small, build)
    }
}

impl<'de> VariantAccess<'de> for Choice<'_> {
    type Error = Stop;

    fn unit_variant(self) -> Result<(), Stop> {
        self.build(Variant::Unit, |_| Ok(()))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Stop> {
        let fresh = Variant::NewType(Box::new(Format::Unknown));
        self.build(fresh, |parts| seed.deserialize(parts.next().expect("one part")))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        self.build(Variant::Tuple(vec![Format::Unknown; len]), |parts| visitor.visit_seq(parts))
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Stop> {
        self.build(Variant::Struct(unknown_fields(fields)), |parts| visitor.visit_seq(parts))
    }
}

fn unknown_fields(names: &[&str]) -> Vec<Named<Format>> {
    names.iter().map(|name| Named { name: (*name).to_owned(), value: Format::Unknown }).collect()
}

/// The formats that have no parts, each with the value that is offered.
macro_rules! plain {
    ($($method:ident $format:ident $visit:ident $value:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Stop> {
            self.note(Format::$format)?;
            visitor.$visit($value(self.trace.one))
        }
    )*};
}

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = Stop;

    plain! {
        deserialize_bool Bool visit_bool bool::from;
        deserialize_i8 I8 visit_i8 i8::from;
        deserialize_i16 I16 visit_i16 i16::from;
        deserialize_i32 I32 visit_i32 i32::from;
        deserialize_i64 I64 visit_i64 i64::from;
        deserialize_i128 I128 visit_i128 i128::from;
        deserialize_u8 U8 visit_u8 u8::from;
        deserialize_u16 U16 visit_u16 u16::from;
        deserialize_u32 U32 visit_u32 u32::from;
        deserialize_u64 U64 visit_u64 u64::from;
        deserialize_u128 U128 visit_u128 u128::from;
        deserialize_f32 F32 visit_f32 f32::from;
        deserialize_f64 F64 visit_f64 f64::from;
        deserialize_char Char visit_char |_| 'a';
        deserialize_str Str visit_str |_| "";
        deserialize_string Str visit_string |_| String::new();
        deserialize_bytes Bytes visit_bytes |_| &[];
        deserialize_byte_buf Bytes visit_byte_buf |_| vec![];
    }

    fn deserialize_unit<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Stop> {
        self.note(Format::Unit)?;
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Stop> {
        self.note(Format::Option(Box::new(Format::Unknown)))?;
        let mut inner = self.format.parts()[0].clone();
        if !self.goes_into(&inner) {
            return visitor.visit_none();
        }
        let built = visitor.visit_some(Node { trace: self.trace, format: &mut inner, small: false });
        self.note(Format::Option(Box::new(inner)))?;
        built
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Stop> {
        self.note(Format::Seq(Box::new(Format::Unknown)))?;
        let mut inner = self.format.parts()[0].clone();
        let part = self.goes_into(&inner).then_some(&mut inner);
        let built = take_all(self.trace, part.into_iter().collect(), false, |parts| visitor.visit_seq(parts));
        self.note(Format::Seq(Box::new(inner)))?;
        built
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Stop> {
        self.note(Format::Map { key: Box::new(Format::Unknown), value: Box::new(Format::Unknown) })?;
        let [mut key, mut value] = [0, 1].map(|part| self.format.parts()[part].clone());
        let goes_in = self.goes_into(&key) || self.goes_into(&value);
        let parts = if goes_in { vec![&mut key, &mut value] } else { vec![] };
        let built = take_all(self.trace, parts, false, |parts| visitor.visit_map(parts));
        self.note(Format::Map { key: Box::new(key), value: Box::new(value) })?;
        built
    }

    fn deserialize_tuple<V: Visitor<'de>>(mut self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        self.note(Format::Tuple(vec![Format::Unknown; len]))?;
        let Format::Tuple(mut parts) = self.format.clone() else { return Err(differs()) };
        let built = take_all(self.trace, parts.iter_mut().collect(), self.small, |parts| visitor.visit_seq(parts));
        self.note(Format::Tuple(parts))?;
        built
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Stop> {
        self.container::<V::Value, _>(name, Container::UnitStruct, |_| visitor.visit_unit())
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Stop> {
        let fresh = Container::NewTypeStruct(Box::new(Format::Unknown));
        self.container::<V::Value, _>(name, fresh, |parts| {
            visitor.visit_newtype_struct(parts.next().expect("one part"))
        })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let fresh = Container::TupleStruct(vec![Format::Unknown; len]);
        self.container::<V::Value, _>(name, fresh, |parts| visitor.visit_seq(parts))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let fresh = Container::Struct(unknown_fields(fields));
        self.container::<V::Value, _>(name, fresh, |parts| visitor.visit_seq(parts))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let index = self.trace.index_of::<V::Value>(name);
        self.note(Format::TypeName(index.to_string()))?;
        self.trace.types[index].variants = u32::try_from(variants.len()).unwrap_or(u32::MAX);
        let number = self.trace.choose(index, self.small);
        let Some(variant) = variants.get(number as usize) else {
            return Err(Stop::Refused(format!("enum {name} has no variants")));
        };
        let small = self.trace.enter(index, self.small, Some(number))?;
        let mut seen = match &self.trace.types[index].container {
            Some(Container::Enum(known)) => known.get(&number).map_or(Variant::Unknown, |known| known.value.clone()),
            _ => Variant::Unknown,
        };
        let built = visitor.visit_enum(Choice { trace: self.trace, number, seen: &mut seen, small });
        let seen = Named { name: (*variant).to_owned(), value: seen };
        self.trace.leave(index, Container::Enum(BTreeMap::from([(number, seen)])))?;
        built
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        Err(Stop::Unsupported("#[serde(untagged)], #[serde(tag)] or the like"))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        Err(Stop::Unsupported("#[serde(flatten)] or the like"))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        Err(Stop::Unsupported("a value that is to be ignored"))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}
