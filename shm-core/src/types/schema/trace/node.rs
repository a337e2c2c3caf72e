//! The deserializer that traces a type: offers a value for every request of the type, and records the
//! request.
//!
//! The value that a type builds is boxed on its way out, so that a large type takes no more of the stack than
//! decoding it does.

use super::aliases::read_fields;
use super::offers::{self, Kind};
use super::search::Step;
use super::{Stop, Trace, unify};
use crate::types::schema::MAX_DEPTH;
use crate::types::schema::format::{Container, Format, Named, Variant};
use serde::de::value::U32Deserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use std::any::type_name;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A place in a type, which requests a value.
pub struct Node<'t> {
    /// Everything that is known so far.
    pub trace: &'t mut Trace,
    /// The format of this place, as far as it is known.
    pub format: &'t mut Format,
    /// Whether the value is to be as small as possible.
    pub small: bool,
    /// The depth of this place in the value.
    pub depth: usize,
    /// The values that have this place.
    pub need: Need,
}

/// The values of a type that have a place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Every value.
    Always,
    /// The values in which a map that is always there has entries. Without entries, it may be a struct with a
    /// flattened field, which is always written as a map of unknown length.
    InMap,
    /// The values with a certain variant, or with something in an option, a sequence or a map.
    Sometimes,
}

impl Node<'_> {
    fn note(&mut self, seen: Format) -> Result<(), Stop> {
        if self.depth > MAX_DEPTH {
            return Err(Stop::Deep);
        }
        unify(self.format, seen, &mut self.trace.learned)
    }

    /// Returns whether to build the contents of an option or a sequence to find out more about them.
    fn goes_into(&self, part: &Format) -> bool {
        !self.small && (self.trace.is_doubtful() || self.trace.is_open(part))
    }

    /// Builds a value, and records the place if it is refused.
    fn build<R>(self, build: impl FnOnce(Node<'_>) -> Result<Box<R>, Stop>) -> Result<R, Stop> {
        let Self { trace, format, small, depth, need } = self;
        let mark = trace.mark();
        match build(Node { trace, format, small, depth, need }) {
            Ok(built) => {
                trace.accept(&mark);
                Ok(*built)
            }
            Err(stop) => Err(trace.refuse(&mark, type_name::<R>(), stop)),
        }
    }

    fn unsupported<R>(self, what: &'static str, always: bool) -> Result<R, Stop> {
        self.build(|_| Err::<Box<R>, _>(Stop::Unsupported { what, always }))
    }

    /// Builds a container with these parts, which `build` receives one after the other.
    fn container<V, R>(
        self,
        name: &'static str,
        fresh: Container,
        build: impl FnOnce(&mut Elements<'_>, usize) -> Result<Box<R>, Stop>,
    ) -> Result<R, Stop> {
        self.build(|mut node| {
            let index = node.trace.index_of::<V>(name);
            node.note(Format::TypeName(index.to_string()))?;
            node.trace.leave_out_aliases((index, None));
            let mut container = node.trace.types[index].container.clone().unwrap_or(fresh);
            let small = node.trace.enter(index, node.small, None)?;
            node.trace.path.push(Step::Type(index));
            let parts = Elements::each(node.trace, container.parts_mut(), small, node.depth, node.need);
            let built = parts.take_all(|parts| build(parts, index));
            node.trace.leave(index, container)?;
            built
        })
    }

    /// Builds a sequence or a map of these parts, each of which can appear several times.
    fn sequence<R>(
        &mut self,
        parts: Vec<&mut Format>,
        need: Need,
        build: impl FnOnce(&mut Elements<'_>) -> Result<Box<R>, Stop>,
    ) -> Result<Box<R>, Stop> {
        let goes_in = parts.iter().any(|part| self.goes_into(part));
        let count = self.trace.length(goes_in);
        let mark = self.trace.mark();
        let built = Elements::repeated(self.trace, parts, count, self.small, self.depth, need).take_all(build);
        if count > 0 {
            self.trace.took_elements(&mark, built.as_ref().err());
        }
        built
    }
}

/// Offers parts one after the other.
pub struct Elements<'t> {
    pub trace: &'t mut Trace,
    parts: Vec<&'t mut Format>,
    next: usize,
    // How many elements there are. If there are more elements than parts, the parts are repeated.
    len: usize,
    step: fn(usize) -> Step,
    small: bool,
    // The depth of the value that contains the parts, and the number of steps to it.
    depth: usize,
    need: Need,
    steps: usize,
}

impl<'t> Elements<'t> {
    /// Offers each part once.
    fn each(trace: &'t mut Trace, parts: Vec<&'t mut Format>, small: bool, depth: usize, need: Need) -> Self {
        let (len, steps) = (parts.len(), trace.path.len());
        Self { trace, parts, next: 0, len, step: Step::Part, small, depth, need, steps }
    }

    /// Offers all parts several times.
    fn repeated(
        trace: &'t mut Trace,
        parts: Vec<&'t mut Format>,
        count: usize,
        small: bool,
        depth: usize,
        need: Need,
    ) -> Self {
        let (len, steps) = (parts.len() * count, trace.path.len());
        Self { trace, parts, next: 0, len, step: Step::Element, small, depth, need, steps }
    }

    /// Builds something from the parts. It is an error if a part is left over.
    fn take_all<R>(mut self, build: impl FnOnce(&mut Self) -> Result<R, Stop>) -> Result<R, Stop> {
        let built = build(&mut self)?;
        match self.left() {
            0 => Ok(built),
            left => Err(Stop::Unread(left)),
        }
    }

    /// Continues with this part.
    pub fn skip_to(&mut self, part: usize) {
        self.next = part;
    }

    /// Returns how many parts are left.
    pub fn left(&self) -> usize {
        self.len - self.next
    }

    fn next(&mut self) -> Option<Node<'_>> {
        if self.next == self.len {
            return None;
        }
        self.trace.path.truncate(self.steps);
        self.trace.path.push((self.step)(self.next));
        let part = self.next % self.parts.len();
        self.next += 1;
        Some(Node {
            trace: self.trace,
            format: self.parts[part],
            small: self.small,
            depth: self.depth + 1,
            need: self.need,
        })
    }
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Stop;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Stop> {
        let Some(node) = self.next() else { return Ok(None) };
        let mark = node.trace.mark();
        match seed.deserialize(node) {
            Ok(built) => {
                self.trace.accept(&mark);
                Ok(Some(built))
            }
            Err(stop) => Err(self.trace.refuse(&mark, type_name::<S::Value>(), stop)),
        }
    }
}

impl<'de> MapAccess<'de> for Elements<'_> {
    type Error = Stop;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Stop> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Stop> {
        Ok(self.next_element_seed(seed)?.expect("a value for each key"))
    }
}

/// The chosen variant of an enum.
struct Choice<'t> {
    trace: &'t mut Trace,
    index: usize,
    number: u32,
    // The variant's contents, as far as they have been seen.
    seen: &'t mut Variant,
    small: bool,
    depth: usize,
}

impl<'de> EnumAccess<'de> for Choice<'_> {
    type Error = Stop;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Stop> {
        let number: U32Deserializer<Stop> = self.number.into_deserializer();
        match seed.deserialize(number) {
            Ok(variant) => Ok((variant, self)),
            Err(stop) => Err(self.trace.no_such_variant(self.index, self.number, stop)),
        }
    }
}

impl Choice<'_> {
    fn build<R>(
        self,
        fresh: Variant,
        build: impl FnOnce(&mut Elements<'_>) -> Result<Box<R>, Stop>,
    ) -> Result<R, Stop> {
        if *self.seen == Variant::Unknown {
            *self.seen = fresh;
        }
        let parts = Elements::each(self.trace, self.seen.parts_mut(), self.small, self.depth, Need::Sometimes);
        parts.take_all(build).map(|built| *built)
    }
}

impl<'de> VariantAccess<'de> for Choice<'_> {
    type Error = Stop;

    fn unit_variant(self) -> Result<(), Stop> {
        self.build(Variant::Unit, |_| Ok(Box::new(())))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Stop> {
        let fresh = Variant::NewType(Box::new(Format::Unknown));
        self.build(fresh, |parts| Ok(Box::new(parts.next_element_seed(seed)?.expect("one part"))))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        self.build(Variant::Tuple(vec![Format::Unknown; len]), |parts| visitor.visit_seq(parts).map(Box::new))
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Stop> {
        let place = (self.index, Some(self.number));
        self.build(Variant::Struct(unknown_fields(fields)), |parts| read_fields(parts, place, fields, visitor))
    }
}

fn unknown_fields(names: &[&str]) -> Vec<Named<Format>> {
    names.iter().map(|name| Named { name: (*name).to_owned(), value: Format::Unknown }).collect()
}

/// The formats without parts, each with the value that is offered.
macro_rules! plain {
    ($($method:ident $format:ident $visit:ident $offer:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
            self.build(|mut node| {
                node.note(Format::$format)?;
                let offer = $offer(&mut *node.trace);
                visitor.$visit(offer).map(Box::new)
            })
        }
    )*};
}

/// Returns a function that offers the integer of a type that is nearest to a candidate.
macro_rules! integer {
    ($type:ty) => {
        |trace: &mut Trace| {
            let number = trace.integer();
            <$type>::try_from(number).unwrap_or(if number < 0 { <$type>::MIN } else { <$type>::MAX })
        }
    };
}

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = Stop;

    plain! {
        deserialize_bool Bool visit_bool |trace: &mut Trace| offers::bool(trace.number(Kind::Bool));
        deserialize_i8 I8 visit_i8 integer!(i8);
        deserialize_i16 I16 visit_i16 integer!(i16);
        deserialize_i32 I32 visit_i32 integer!(i32);
        deserialize_i64 I64 visit_i64 integer!(i64);
        deserialize_i128 I128 visit_i128 Trace::integer;
        deserialize_u8 U8 visit_u8 integer!(u8);
        deserialize_u16 U16 visit_u16 integer!(u16);
        deserialize_u32 U32 visit_u32 integer!(u32);
        deserialize_u64 U64 visit_u64 integer!(u64);
        deserialize_u128 U128 visit_u128 integer!(u128);
        deserialize_f32 F32 visit_f32 Trace::float;
        deserialize_f64 F64 visit_f64 |trace: &mut Trace| f64::from(trace.float());
        deserialize_char Char visit_char |trace: &mut Trace| offers::char(trace.pick(Kind::Char));
        deserialize_string Str visit_string |trace: &mut Trace| trace.text().into_owned();
        deserialize_byte_buf Bytes visit_byte_buf |trace: &mut Trace| trace.bytes().to_vec();
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.build(|mut node| {
            node.note(Format::Str)?;
            match node.trace.text() {
                Cow::Borrowed(text) => visitor.visit_borrowed_str(text).map(Box::new),
                Cow::Owned(text) => visitor.visit_str(&text).map(Box::new),
            }
        })
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.build(|mut node| {
            node.note(Format::Bytes)?;
            visitor.visit_borrowed_bytes(node.trace.bytes()).map(Box::new)
        })
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.build(|mut node| {
            node.note(Format::Unit)?;
            visitor.visit_unit().map(Box::new)
        })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.build(|mut node| {
            node.note(Format::Option(Box::new(Format::Unknown)))?;
            let mut inner = node.format.parts()[0].clone();
            if !node.goes_into(&inner) && node.trace.pick(Kind::Option) == 0 {
                return visitor.visit_none().map(Box::new);
            }
            node.trace.path.push(Step::Some);
            let (small, depth) = (node.small, node.depth + 1);
            let built = visitor
                .visit_some(Node { trace: node.trace, format: &mut inner, small, depth, need: Need::Sometimes })
                .map(Box::new);
            node.note(Format::Option(Box::new(inner)))?;
            built
        })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.build(|mut node| {
            node.note(Format::Seq(Box::new(Format::Unknown)))?;
            let mut inner = node.format.parts()[0].clone();
            let built =
                node.sequence(vec![&mut inner], Need::Sometimes, |parts| visitor.visit_seq(parts).map(Box::new));
            node.note(Format::Seq(Box::new(inner)))?;
            built
        })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.build(|mut node| {
            node.note(Format::Map { key: Box::new(Format::Unknown), value: Box::new(Format::Unknown) })?;
            let [mut key, mut value] = [0, 1].map(|part| node.format.parts()[part].clone());
            let need = if node.need == Need::Always { Need::InMap } else { Need::Sometimes };
            let built = node.sequence(vec![&mut key, &mut value], need, |parts| visitor.visit_map(parts).map(Box::new));
            node.note(Format::Map { key: Box::new(key), value: Box::new(value) })?;
            built
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        self.build(|mut node| {
            node.note(Format::Tuple(vec![Format::Unknown; len]))?;
            let Format::Tuple(mut parts) = node.format.clone() else { return Err(Stop::Differs) };
            let elements = Elements::each(node.trace, parts.iter_mut().collect(), node.small, node.depth, node.need);
            let built = elements.take_all(|parts| visitor.visit_seq(parts).map(Box::new));
            node.note(Format::Tuple(parts))?;
            built
        })
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Stop> {
        self.container::<V::Value, _>(name, Container::UnitStruct, |_, _| visitor.visit_unit().map(Box::new))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Stop> {
        let fresh = Container::NewTypeStruct(Box::new(Format::Unknown));
        self.container::<V::Value, _>(name, fresh, |parts, _| {
            visitor.visit_newtype_struct(parts.next().expect("one part")).map(Box::new)
        })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let fresh = Container::TupleStruct(vec![Format::Unknown; len]);
        self.container::<V::Value, _>(name, fresh, |parts, _| visitor.visit_seq(parts).map(Box::new))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let fresh = Container::Struct(unknown_fields(fields));
        self.container::<V::Value, _>(name, fresh, |parts, index| read_fields(parts, (index, None), fields, visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.build(|mut node| {
            let index = node.trace.index_of::<V::Value>(name);
            node.note(Format::TypeName(index.to_string()))?;
            node.trace.types[index].variants = u32::try_from(variants.len()).unwrap_or(u32::MAX);
            let number = node.trace.choose(index, node.small);
            let Some(variant) = variants.get(number as usize) else {
                return Err(Stop::NoVariants(name.to_owned()));
            };
            let small = node.trace.enter(index, node.small, Some(number))?;
            node.trace.path.extend([Step::Type(index), Step::Variant(number)]);
            node.trace.leave_out_aliases((index, Some(number)));
            let mut seen = match &node.trace.types[index].container {
                Some(Container::Enum(known)) => {
                    known.get(&number).map_or(Variant::Unknown, |known| known.value.clone())
                }
                _ => Variant::Unknown,
            };
            let choice = Choice { trace: node.trace, index, number, seen: &mut seen, small, depth: node.depth };
            let built = visitor.visit_enum(choice).map(Box::new);
            let seen = Named { name: (*variant).to_owned(), value: seen };
            node.trace.leave(index, Container::Enum(BTreeMap::from([(number, seen)])))?;
            built
        })
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        let always = self.need == Need::Always;
        self.unsupported("#[serde(untagged)], #[serde(tag)] or the like", always)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        let always = self.need != Need::Sometimes;
        self.unsupported("#[serde(flatten)], #[serde(tag)] or the like", always)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        let always = self.need == Need::Always;
        self.unsupported("a field that is ignored (IgnoredAny)", always)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}
