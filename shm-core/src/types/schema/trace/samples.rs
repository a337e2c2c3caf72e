//! Derives the description of a type from values of the type: a serializer that records what it is given.

use super::unify;
use crate::types::schema::definition::{of_format, of_variant};
use crate::types::schema::format::{Container, Format, Named, Tree, Variant};
use serde::ser::{
    self, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use std::collections::BTreeMap;
use std::fmt;

/// Returns the description of a type that is derived from values of the type.
pub fn trace_samples<T: Serialize>(samples: &[T]) -> Result<Tree, String> {
    let mut types = BTreeMap::new();
    let mut root = Format::Unknown;
    for sample in samples {
        let seen = sample.serialize(Sampler { types: &mut types });
        seen.and_then(|seen| merge(&mut root, seen, "")).map_err(|error| error.to_string())?;
    }
    if let Some(place) = unknown_place(&root, &types) {
        return Err(match samples {
            [] => "there are no samples".to_owned(),
            _ => format!("the samples do not show what {place} contains: each option and sequence must have a value"),
        });
    }
    Ok(Tree::new(root, types))
}

type Types = BTreeMap<String, Container>;

/// Returns the first place whose format is unknown.
fn unknown_place(root: &Format, types: &Types) -> Option<String> {
    let member = |members: &[Named<Format>], place: &str| {
        let unknown = members.iter().find(|member| is_unknown(&member.value))?;
        Some(format!("{place}.{}", unknown.name))
    };
    let part = |parts: &[Format], place: &str| {
        let at = parts.iter().position(is_unknown)?;
        Some(format!("{place}.{at}"))
    };
    let within = |name: &String, container: &Container| match container {
        Container::UnitStruct => None,
        Container::NewTypeStruct(inner) => is_unknown(inner).then(|| name.clone()),
        Container::TupleStruct(parts) => part(parts, name),
        Container::Struct(fields) => member(fields, name),
        Container::Enum(variants) => variants.values().find_map(|variant| {
            let place = format!("{name}.{}", variant.name);
            match &variant.value {
                Variant::Unknown | Variant::Unit => None,
                Variant::NewType(inner) => is_unknown(inner).then_some(place),
                Variant::Tuple(parts) => part(parts, &place),
                Variant::Struct(fields) => member(fields, &place),
            }
        }),
    };
    let named = types.iter().find_map(|(name, container)| within(name, container));
    let whole = || is_unknown(root).then(|| format!("the type {}", of_format(root)));
    named.map(|place| format!("'{place}'")).or_else(whole)
}

fn is_unknown(format: &Format) -> bool {
    *format == Format::Unknown || format.parts().into_iter().any(is_unknown)
}

/// Adds the format of a place in one sample to the known one.
fn merge(known: &mut Format, seen: Format, place: &str) -> Result<(), SampleError> {
    let [one, other] = [&*known, &seen].map(of_format);
    unify(known, seen, &mut 0).map_err(|_| SampleError::Differs { place: place.to_owned(), one, other })
}

fn differs<T>(place: &str, one: &str, other: &str) -> Result<T, SampleError> {
    Err(SampleError::Differs { place: place.to_owned(), one: one.to_owned(), other: other.to_owned() })
}

/// Why a sample cannot be recorded.
#[derive(Debug)]
enum SampleError {
    /// The place, and its two forms. The place is empty for an element of a sequence until the place of the
    /// sequence is known.
    Differs { place: String, one: String, other: String },
    /// The type's own error.
    Custom(String),
}

impl SampleError {
    /// Adds the place of the error if it has none.
    fn at(mut self, name: impl FnOnce() -> String) -> Self {
        if let Self::Differs { place, .. } = &mut self
            && place.is_empty()
        {
            *place = name();
        }
        self
    }
}

impl fmt::Display for SampleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs { place, one, other } => {
                match &**place {
                    "" => f.write_str("a part of the samples")?,
                    place => write!(f, "'{place}'")?,
                }
                write!(
                    f,
                    " is {one} in one place and {other} in another (two types have the same name, or one type has two forms)"
                )
            }
            Self::Custom(message) => write!(f, "a sample cannot be serialized: {message}"),
        }
    }
}

impl std::error::Error for SampleError {}

impl ser::Error for SampleError {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self::Custom(message.to_string())
    }
}

/// Records the format of one value.
struct Sampler<'t> {
    types: &'t mut Types,
}

impl<'t> Sampler<'t> {
    fn format_of<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<Format, SampleError> {
        value.serialize(Sampler { types: self.types })
    }

    /// Adds a container to the known parts of its type.
    fn record(self, name: &str, seen: Container) -> Result<Format, SampleError> {
        match self.types.get_mut(name) {
            None => drop(self.types.insert(name.to_owned(), seen)),
            Some(known) => merge_container(name, known, seen)?,
        }
        Ok(Format::TypeName(name.to_owned()))
    }

    fn record_variant(self, name: &str, index: u32, variant: &str, value: Variant) -> Result<Format, SampleError> {
        self.record(name, Container::Enum(BTreeMap::from([(index, Named { name: variant.to_owned(), value })])))
    }

    fn parts(self, name: &'static str) -> Parts<'t> {
        Parts { sampler: self, name, variant: None, formats: vec![], fields: vec![] }
    }

    fn parts_of_variant(self, name: &'static str, index: u32, variant: &'static str) -> Parts<'t> {
        Parts { variant: Some((index, variant)), ..self.parts(name) }
    }
}

fn merge_container(name: &str, known: &mut Container, seen: Container) -> Result<(), SampleError> {
    use Container as C;
    match (known, seen) {
        (C::UnitStruct, C::UnitStruct) => Ok(()),
        (C::NewTypeStruct(known), C::NewTypeStruct(seen)) => merge(known, *seen, name),
        (C::TupleStruct(known), C::TupleStruct(seen)) => merge_parts(name, known, seen),
        (C::Struct(known), C::Struct(seen)) => merge_fields(name, known, seen),
        (C::Enum(known), C::Enum(seen)) => seen.into_iter().try_for_each(|(index, seen)| match known.get_mut(&index) {
            Some(known) => merge_variant(name, known, seen),
            None => {
                known.insert(index, seen);
                Ok(())
            }
        }),
        (known, seen) => differs(name, form(known), form(&seen)),
    }
}

fn merge_variant(name: &str, known: &mut Named<Variant>, seen: Named<Variant>) -> Result<(), SampleError> {
    let place = format!("{name}.{}", known.name);
    if known.name != seen.name {
        return differs(&place, "the name of a variant", &format!("'{name}.{}'", seen.name));
    }
    let words = [&*known, &seen].map(of_variant);
    match (&mut known.value, seen.value) {
        (Variant::Unit, Variant::Unit) => Ok(()),
        (Variant::NewType(known), Variant::NewType(seen)) => merge(known, *seen, &place),
        (Variant::Tuple(known), Variant::Tuple(seen)) => merge_parts(&place, known, seen),
        (Variant::Struct(known), Variant::Struct(seen)) => merge_fields(&place, known, seen),
        _ => differs(&place, &words[0], &words[1]),
    }
}

fn merge_parts(place: &str, known: &mut [Format], seen: Vec<Format>) -> Result<(), SampleError> {
    if known.len() != seen.len() {
        return differs(place, &count(known.len(), "part"), &count(seen.len(), "part"));
    }
    let mut pairs = known.iter_mut().zip(seen).enumerate();
    pairs.try_for_each(|(at, (known, seen))| merge(known, seen, &format!("{place}.{at}")))
}

fn merge_fields(place: &str, known: &mut [Named<Format>], seen: Vec<Named<Format>>) -> Result<(), SampleError> {
    if known.len() != seen.len() {
        return differs(place, &count(known.len(), "field"), &count(seen.len(), "field"));
    }
    known.iter_mut().zip(seen).try_for_each(|(known, seen)| {
        let place = format!("{place}.{}", known.name);
        if known.name != seen.name {
            return differs(&place, "the name of a field", &format!("'{}'", seen.name));
        }
        merge(&mut known.value, seen.value, &place)
    })
}

fn count(count: usize, what: &str) -> String {
    format!("a type of {count} {what}{}", if count == 1 { "" } else { "s" })
}

fn form(container: &Container) -> &'static str {
    match container {
        Container::UnitStruct => "a struct without fields",
        Container::NewTypeStruct(_) => "a struct with one part",
        Container::TupleStruct(_) => "a tuple struct",
        Container::Struct(_) => "a struct with named fields",
        Container::Enum(_) => "an enum",
    }
}

/// The parts of a value that have been seen so far.
struct Parts<'t> {
    sampler: Sampler<'t>,
    name: &'static str,
    variant: Option<(u32, &'static str)>,
    formats: Vec<Format>,
    fields: Vec<Named<Format>>,
}

impl Parts<'_> {
    fn add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SampleError> {
        let format = self.sampler.format_of(value);
        self.formats.push(format.map_err(|error| error.at(|| self.place(&self.formats.len().to_string())))?);
        Ok(())
    }

    fn add_field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), SampleError> {
        let value = self.sampler.format_of(value).map_err(|error| error.at(|| self.place(name)))?;
        self.fields.push(Named { name: name.to_owned(), value });
        Ok(())
    }

    /// Adds an element to a sequence, all of whose elements have the same format.
    fn add_element<T: Serialize + ?Sized>(&mut self, at: usize, value: &T) -> Result<(), SampleError> {
        let seen = self.sampler.format_of(value)?;
        merge(&mut self.formats[at], seen, "")
    }

    fn end_parts(self) -> Result<Format, SampleError> {
        match self.variant {
            None => self.sampler.record(self.name, Container::TupleStruct(self.formats)),
            Some((index, variant)) => {
                self.sampler.record_variant(self.name, index, variant, Variant::Tuple(self.formats))
            }
        }
    }

    fn end_fields(self) -> Result<Format, SampleError> {
        match self.variant {
            None => self.sampler.record(self.name, Container::Struct(self.fields)),
            Some((index, variant)) => {
                self.sampler.record_variant(self.name, index, variant, Variant::Struct(self.fields))
            }
        }
    }

    /// The name of a part of this value.
    fn place(&self, part: &str) -> String {
        match self.variant {
            None => format!("{}.{part}", self.name),
            Some((_, variant)) => format!("{}.{variant}.{part}", self.name),
        }
    }
}

/// The formats without parts.
macro_rules! plain {
    ($($method:ident $type:ty => $format:ident;)*) => {$(
        fn $method(self, _: $type) -> Result<Format, SampleError> {
            Ok(Format::$format)
        }
    )*};
}

impl<'t> Serializer for Sampler<'t> {
    type Ok = Format;
    type Error = SampleError;
    type SerializeSeq = Parts<'t>;
    type SerializeTuple = Parts<'t>;
    type SerializeTupleStruct = Parts<'t>;
    type SerializeTupleVariant = Parts<'t>;
    type SerializeMap = Parts<'t>;
    type SerializeStruct = Parts<'t>;
    type SerializeStructVariant = Parts<'t>;

    plain! {
        serialize_bool bool => Bool;
        serialize_i8 i8 => I8;
        serialize_i16 i16 => I16;
        serialize_i32 i32 => I32;
        serialize_i64 i64 => I64;
        serialize_i128 i128 => I128;
        serialize_u8 u8 => U8;
        serialize_u16 u16 => U16;
        serialize_u32 u32 => U32;
        serialize_u64 u64 => U64;
        serialize_u128 u128 => U128;
        serialize_f32 f32 => F32;
        serialize_f64 f64 => F64;
        serialize_char char => Char;
        serialize_str &str => Str;
        serialize_bytes &[u8] => Bytes;
    }

    fn serialize_none(self) -> Result<Format, SampleError> {
        Ok(Format::Option(Box::new(Format::Unknown)))
    }

    fn serialize_some<T: Serialize + ?Sized>(mut self, value: &T) -> Result<Format, SampleError> {
        Ok(Format::Option(Box::new(self.format_of(value)?)))
    }

    fn serialize_unit(self) -> Result<Format, SampleError> {
        Ok(Format::Unit)
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<Format, SampleError> {
        self.record(name, Container::UnitStruct)
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<Format, SampleError> {
        self.record_variant(name, index, variant, Variant::Unit)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        mut self,
        name: &'static str,
        value: &T,
    ) -> Result<Format, SampleError> {
        let inner = self.format_of(value).map_err(|error| error.at(|| name.to_owned()))?;
        self.record(name, Container::NewTypeStruct(Box::new(inner)))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Format, SampleError> {
        let inner = self.format_of(value).map_err(|error| error.at(|| format!("{name}.{variant}")))?;
        self.record_variant(name, index, variant, Variant::NewType(Box::new(inner)))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'t>, SampleError> {
        Ok(Parts { formats: vec![Format::Unknown], ..self.parts("") })
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'t>, SampleError> {
        Ok(self.parts(""))
    }

    fn serialize_tuple_struct(self, name: &'static str, _: usize) -> Result<Parts<'t>, SampleError> {
        Ok(self.parts(name))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'t>, SampleError> {
        Ok(self.parts_of_variant(name, index, variant))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts<'t>, SampleError> {
        Ok(Parts { formats: vec![Format::Unknown; 2], ..self.parts("") })
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Parts<'t>, SampleError> {
        Ok(self.parts(name))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'t>, SampleError> {
        Ok(self.parts_of_variant(name, index, variant))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

impl SerializeSeq for Parts<'_> {
    type Ok = Format;
    type Error = SampleError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SampleError> {
        self.add_element(0, value)
    }

    fn end(mut self) -> Result<Format, SampleError> {
        Ok(Format::Seq(Box::new(self.formats.remove(0))))
    }
}

impl SerializeMap for Parts<'_> {
    type Ok = Format;
    type Error = SampleError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), SampleError> {
        self.add_element(0, key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SampleError> {
        self.add_element(1, value)
    }

    fn end(mut self) -> Result<Format, SampleError> {
        let [key, value] = [0, 0].map(|at| Box::new(self.formats.remove(at)));
        Ok(Format::Map { key, value })
    }
}

impl SerializeTuple for Parts<'_> {
    type Ok = Format;
    type Error = SampleError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SampleError> {
        self.add(value)
    }

    fn end(self) -> Result<Format, SampleError> {
        Ok(Format::Tuple(self.formats))
    }
}

/// The structs and variants whose parts have no names, and those whose parts do.
macro_rules! containers {
    ($($trait:ident $method:ident($($name:ident)?) $add:ident $end:ident;)*) => {$(
        impl $trait for Parts<'_> {
            type Ok = Format;
            type Error = SampleError;

            fn $method<T: Serialize + ?Sized>(
                &mut self,
                $($name: &'static str,)?
                value: &T,
            ) -> Result<(), SampleError> {
                self.$add($($name,)? value)
            }

            fn end(self) -> Result<Format, SampleError> {
                self.$end()
            }
        }
    )*};
}

containers! {
    SerializeTupleStruct serialize_field() add end_parts;
    SerializeTupleVariant serialize_field() add end_parts;
    SerializeStruct serialize_field(name) add_field end_fields;
    SerializeStructVariant serialize_field(name) add_field end_fields;
}
