//! The deserializer that traces a type: offers a value for every request of the type, and records the
//! request.
//!
//! The value that a type builds is boxed on its way out, so that a large type takes no more of the stack than
//! decoding it does.

use super::{Stop, Trace, differs, unify};
use crate::types::schema::MAX_DEPTH;
use crate::types::schema::format::{Container, Format, Named, Variant};
use serde::de::value::U32Deserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};
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
    /// Which values have this place.
    pub need: Need,
}

/// Which values of a type have a place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Every value.
    Always,
    /// The values in which a map that is always there has entries. Without entries, it may be a struct with a
    /// flattened field, which is always written as a map of unknown length.
    InMap,
    /// Those with a certain variant, or with something in an option, a sequence or a map.
    Sometimes,
}

impl Node<'_> {
    fn note(&mut self, seen: Format) -> Result<(), Stop> {
        if self.depth > MAX_DEPTH {
            return Err(Stop::Deep);
        }
        unify(self.format, seen, &mut self.trace.learned)
    }

    /// Returns whether to build the contents of an option or a sequence.
    fn goes_into(&self, part: &Format) -> bool {
        !self.small && self.trace.is_open(part)
    }

    /// Builds a container with these parts, which `build` receives one after the other.
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
        let built = take_all(self.trace, container.parts_mut(), small, self.depth, self.need, build);
        self.trace.leave(index, container)?;
        built
    }
}

/// Builds something from parts. It is an error if a part is left over.
fn take_all<R>(
    trace: &mut Trace,
    parts: Vec<&mut Format>,
    small: bool,
    depth: usize,
    need: Need,
    build: impl FnOnce(&mut Elements<'_>) -> Result<R, Stop>,
) -> Result<R, Stop> {
    let mut elements = Elements { trace, formats: parts.into_iter(), small, depth, need };
    let built = build(&mut elements)?;
    match elements.formats.len() {
        0 => Ok(built),
        _ => Err(Stop::Refused("its Deserialize does not read all fields (does one have an alias?)".to_owned())),
    }
}

/// Offers parts one after the other.
struct Elements<'t> {
    trace: &'t mut Trace,
    formats: std::vec::IntoIter<&'t mut Format>,
    small: bool,
    // The depth of the value that contains the parts.
    depth: usize,
    need: Need,
}

impl Elements<'_> {
    fn next(&mut self) -> Option<Node<'_>> {
        let format = self.formats.next()?;
        Some(Node { trace: self.trace, format, small: self.small, depth: self.depth + 1, need: self.need })
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

/// The chosen variant of an enum.
struct Choice<'t> {
    trace: &'t mut Trace,
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
        Ok((seed.deserialize(number)?, self))
    }
}

impl Choice<'_> {
    fn build<R>(self, fresh: Variant, build: impl FnOnce(&mut Elements<'_>) -> Result<R, Stop>) -> Result<R, Stop> {
        if *self.seen == Variant::Unknown {
            *self.seen = fresh;
        }
        take_all(self.trace, self.seen.parts_mut(), self.small, self.depth, Need::Sometimes, build)
    }
}

impl<'de> VariantAccess<'de> for Choice<'_> {
    type Error = Stop;

    fn unit_variant(self) -> Result<(), Stop> {
        self.build(Variant::Unit, |_| Ok(()))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Stop> {
        let fresh = Variant::NewType(Box::new(Format::Unknown));
        self.build(fresh, |parts| seed.deserialize(parts.next().expect("one part")).map(Box::new)).map(|built| *built)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        self.build(Variant::Tuple(vec![Format::Unknown; len]), |parts| visitor.visit_seq(parts).map(Box::new))
            .map(|built| *built)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Stop> {
        self.build(Variant::Struct(unknown_fields(fields)), |parts| visitor.visit_seq(parts).map(Box::new))
            .map(|built| *built)
    }
}

/// Adds a hint to an error. serde counts an alias as the name of a variant, but no variant has its
/// number.
fn with_alias(stop: Stop) -> Stop {
    match stop {
        Stop::Refused(reason) if reason.contains("expected variant index") => {
            Stop::Refused(format!("{reason} (does a variant have an alias?)"))
        }
        other => other,
    }
}

fn unknown_fields(names: &[&str]) -> Vec<Named<Format>> {
    names.iter().map(|name| Named { name: (*name).to_owned(), value: Format::Unknown }).collect()
}

/// The formats without parts, each with the value that is offered.
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
        let content =
            Node { trace: self.trace, format: &mut inner, small: false, depth: self.depth + 1, need: Need::Sometimes };
        let built = visitor.visit_some(content);
        self.note(Format::Option(Box::new(inner)))?;
        built
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Stop> {
        self.note(Format::Seq(Box::new(Format::Unknown)))?;
        let mut inner = self.format.parts()[0].clone();
        let part = self.goes_into(&inner).then_some(&mut inner);
        let parts = part.into_iter().collect();
        let built = take_all(self.trace, parts, false, self.depth, Need::Sometimes, |parts| {
            visitor.visit_seq(parts).map(Box::new)
        });
        self.note(Format::Seq(Box::new(inner)))?;
        built.map(|built| *built)
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Stop> {
        self.note(Format::Map { key: Box::new(Format::Unknown), value: Box::new(Format::Unknown) })?;
        let [mut key, mut value] = [0, 1].map(|part| self.format.parts()[part].clone());
        let goes_in = self.goes_into(&key) || self.goes_into(&value);
        let parts = if goes_in { vec![&mut key, &mut value] } else { vec![] };
        let need = if self.need == Need::Always { Need::InMap } else { Need::Sometimes };
        let built =
            take_all(self.trace, parts, false, self.depth, need, |parts| visitor.visit_map(parts).map(Box::new));
        self.note(Format::Map { key: Box::new(key), value: Box::new(value) })?;
        built.map(|built| *built)
    }

    fn deserialize_tuple<V: Visitor<'de>>(mut self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        self.note(Format::Tuple(vec![Format::Unknown; len]))?;
        let Format::Tuple(mut parts) = self.format.clone() else { return Err(differs()) };
        let built = take_all(self.trace, parts.iter_mut().collect(), self.small, self.depth, self.need, |parts| {
            visitor.visit_seq(parts).map(Box::new)
        });
        self.note(Format::Tuple(parts))?;
        built.map(|built| *built)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Stop> {
        self.container::<V::Value, _>(name, Container::UnitStruct, |_| visitor.visit_unit())
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Stop> {
        let fresh = Container::NewTypeStruct(Box::new(Format::Unknown));
        self.container::<V::Value, _>(name, fresh, |parts| {
            visitor.visit_newtype_struct(parts.next().expect("one part")).map(Box::new)
        })
        .map(|built| *built)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let fresh = Container::TupleStruct(vec![Format::Unknown; len]);
        self.container::<V::Value, _>(name, fresh, |parts| visitor.visit_seq(parts).map(Box::new)).map(|built| *built)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let fresh = Container::Struct(unknown_fields(fields));
        self.container::<V::Value, _>(name, fresh, |parts| visitor.visit_seq(parts).map(Box::new)).map(|built| *built)
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
            return Err(Stop::Refused(format!("the enum '{name}' has no variants")));
        };
        let small = self.trace.enter(index, self.small, Some(number))?;
        let mut seen = match &self.trace.types[index].container {
            Some(Container::Enum(known)) => known.get(&number).map_or(Variant::Unknown, |known| known.value.clone()),
            _ => Variant::Unknown,
        };
        let choice = Choice { trace: self.trace, number, seen: &mut seen, small, depth: self.depth };
        let built = visitor.visit_enum(choice).map_err(with_alias);
        let seen = Named { name: (*variant).to_owned(), value: seen };
        self.trace.leave(index, Container::Enum(BTreeMap::from([(number, seen)])))?;
        built
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        Err(Stop::Unsupported {
            what: "#[serde(untagged)], #[serde(tag)] or the like",
            always: self.need == Need::Always,
        })
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        Err(Stop::Unsupported {
            what: "#[serde(flatten)], #[serde(tag)] or the like",
            always: self.need != Need::Sometimes,
        })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        Err(Stop::Unsupported { what: "a field that is ignored (IgnoredAny)", always: self.need == Need::Always })
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}
