//! Decodes a payload as a Rust type that differs from the one it was written with. The payload is read by its own
//! schema, so the parts find their places by name, as in JSON:
//!
//! - Fields are found in any order. Those that the type does not have are skipped. For those that the payload
//!   does not have, the type needs `#[serde(default)]` or an `Option`.
//! - Variants are found by name, wherever they are in the enum.
//! - A number is accepted if it is exactly the same number in the type asked for.
//! - A `T` is accepted as an `Option<T>` and as a struct around it, and bytes as a sequence of `u8`.
//!
//! Neither the schema nor the payload is trusted: `payload::bounded` limits depth, parts and memory.

use super::MAX_DEPTH;
use super::format::{Container, Format, Named, Tree, Variant};
use serde::de::value::{SeqDeserializer, StrDeserializer};
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};
use std::collections::BTreeMap;
use std::fmt;

mod input;

pub use input::Input;
use input::Number;

/// A part of a payload.
#[derive(Clone, Copy)]
pub struct Part<'a, 'de> {
    tree: &'a Tree,
    input: &'a Input<'de>,
    form: Form<'a>,
}

/// The form of a part in the payload.
#[derive(Clone, Copy)]
enum Form<'a> {
    Format(&'a Format),
    Unit,
    Tuple(&'a [Format]),
    Struct(&'a [Named<Format>]),
    Enum(&'a BTreeMap<u32, Named<Variant>>),
}

/// Why a payload is not a value of the type asked for.
#[derive(Debug)]
pub struct Misfit {
    // The names that lead to the problem, the innermost first.
    path: Vec<String>,
    reason: String,
}

impl Misfit {
    #[cold]
    fn within(mut self, name: impl fmt::Display) -> Self {
        self.path.push(name.to_string());
        self
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.path.iter().rev().enumerate() {
            write!(f, "{}{}", if index == 0 { "" } else { "." }, name.escape_debug())?;
        }
        write!(f, "{}{}", if self.path.is_empty() { "" } else { ": " }, self.reason)
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    #[cold]
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self { path: vec![], reason: message.to_string() }
    }
}

type Step<T> = Result<T, Misfit>;

#[cold]
fn fail<T>(reason: impl fmt::Display) -> Step<T> {
    Err(de::Error::custom(reason))
}

impl<'a, 'de> Part<'a, 'de> {
    /// The whole value.
    pub fn whole(tree: &'a Tree, input: &'a Input<'de>) -> Self {
        Self { tree, input, form: Form::Format(&tree.root) }
    }

    fn of(self, format: &'a Format) -> Self {
        Self { form: Form::Format(format), ..self }
    }

    /// Resolves the names of types: returns the form of a struct or an enum, or of the part in a struct around one part.
    fn resolved(self) -> Step<Self> {
        let mut part = self;
        for _ in 0..MAX_DEPTH {
            let Form::Format(Format::TypeName(name)) = part.form else { return Ok(part) };
            part.form = match &part.tree.types[name] {
                Container::UnitStruct => Form::Unit,
                Container::NewTypeStruct(inner) => Form::Format(inner),
                Container::TupleStruct(parts) => Form::Tuple(parts),
                Container::Struct(fields) => Form::Struct(fields),
                Container::Enum(variants) => Form::Enum(variants),
            };
        }
        fail(format_args!("it is nested more than {MAX_DEPTH} levels deep"))
    }

    fn list<V: Visitor<'de>>(self, formats: Formats<'a>, visitor: V) -> Step<V::Value> {
        let count = formats.count();
        let mut elements = Elements { part: self, formats, index: 0 };
        let value = visitor.visit_seq(&mut elements)?;
        match count - elements.index {
            0 => Ok(value),
            more => fail(format_args!("it has {count} elements, {more} more than the type asked for")),
        }
    }

    fn number<V: Visitor<'de>, N>(
        self,
        visitor: V,
        name: &str,
        convert: impl FnOnce(Number) -> Option<N>,
        visit: impl FnOnce(V, N) -> Step<V::Value>,
    ) -> Step<V::Value> {
        let part = self.resolved()?;
        let Form::Format(format) = part.form else { return part.deserialize_any(visitor) };
        match part.input.number(format)? {
            Some(number) => match convert(number) {
                Some(converted) => visit(visitor, converted),
                None if matches!(number, Number::Single(_) | Number::Double(_)) && !name.starts_with('f') => {
                    fail(format_args!("the region has the floating-point number {number}, and this type {name}"))
                }
                None => fail(format_args!("{number} cannot be represented exactly as {name}")),
            },
            None => part.deserialize_any(visitor),
        }
    }
}

/// The formats of the elements of a list.
#[derive(Clone, Copy)]
enum Formats<'a> {
    Each(&'a Format, u64),
    List(&'a [Format]),
}

impl<'a> Formats<'a> {
    fn count(&self) -> u64 {
        match self {
            Self::Each(_, count) => *count,
            Self::List(list) => list.len() as u64,
        }
    }

    fn at(&self, index: u64) -> Option<&'a Format> {
        match self {
            Self::Each(format, count) => (index < *count).then_some(format),
            Self::List(list) => list.get(usize::try_from(index).ok()?),
        }
    }
}

struct Elements<'a, 'de> {
    part: Part<'a, 'de>,
    formats: Formats<'a>,
    index: u64,
}

impl<'de> SeqAccess<'de> for &mut Elements<'_, 'de> {
    type Error = Misfit;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Step<Option<S::Value>> {
        let Some(format) = self.formats.at(self.index) else { return Ok(None) };
        let element = seed.deserialize(self.part.of(format)).map_err(|misfit| misfit.within(self.index))?;
        self.index += 1;
        Ok(Some(element))
    }

    fn size_hint(&self) -> Option<usize> {
        usize::try_from(self.formats.count() - self.index).ok()
    }
}

/// The entries of a map.
struct Entries<'a, 'de> {
    part: Part<'a, 'de>,
    key: &'a Format,
    value: &'a Format,
    left: u64,
}

impl<'de> MapAccess<'de> for &mut Entries<'_, 'de> {
    type Error = Misfit;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Step<Option<S::Value>> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(self.part.of(self.key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Step<S::Value> {
        seed.deserialize(self.part.of(self.value))
    }

    fn size_hint(&self) -> Option<usize> {
        usize::try_from(self.left).ok()
    }
}

/// The fields of a struct.
struct Fields<'a, 'de> {
    part: Part<'a, 'de>,
    left: &'a [Named<Format>],
    current: Option<&'a Named<Format>>,
}

impl<'de> MapAccess<'de> for &mut Fields<'_, 'de> {
    type Error = Misfit;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Step<Option<S::Value>> {
        let Some((field, left)) = self.left.split_first() else { return Ok(None) };
        (self.left, self.current) = (left, Some(field));
        seed.deserialize(StrDeserializer::new(&field.name)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Step<S::Value> {
        let field = self.current.expect("serde asks for the name first");
        seed.deserialize(self.part.of(&field.value)).map_err(|misfit| misfit.within(&field.name))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left.len())
    }
}

/// A variant that has been read: its name, and the form of its contents.
struct Chosen<'a, 'de> {
    name: &'a str,
    contents: Part<'a, 'de>,
}

impl<'a, 'de> Chosen<'a, 'de> {
    fn of(part: Part<'a, 'de>, variants: &'a BTreeMap<u32, Named<Variant>>) -> Step<Self> {
        let number = u32::from_le_bytes(part.input.array()?);
        let Some(variant) = variants.get(&number) else {
            return fail(format_args!("the enum in the region has no variant with number {number}"));
        };
        let form = match &variant.value {
            Variant::Unit | Variant::Unknown => Form::Unit,
            Variant::NewType(inner) => Form::Format(inner),
            Variant::Tuple(parts) => Form::Tuple(parts),
            Variant::Struct(fields) => Form::Struct(fields),
        };
        Ok(Self { name: &variant.name, contents: Part { form, ..part } })
    }
}

impl<'de> EnumAccess<'de> for Chosen<'_, 'de> {
    type Error = Misfit;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Step<(S::Value, Self)> {
        Ok((seed.deserialize(StrDeserializer::new(self.name))?, self))
    }
}

impl<'de> VariantAccess<'de> for Chosen<'_, 'de> {
    type Error = Misfit;

    fn unit_variant(self) -> Step<()> {
        match self.contents.form {
            Form::Unit => Ok(()),
            _ => fail(format_args!(
                "variant {} has contents in the region, and none in this type",
                self.name.escape_debug()
            )),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Step<S::Value> {
        match self.contents.form {
            Form::Unit => fail(format_args!("variant {} has no contents in the region", self.name.escape_debug())),
            _ => seed.deserialize(self.contents).map_err(|misfit| misfit.within(self.name)),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Step<V::Value> {
        self.contents.deserialize_tuple(length, visitor).map_err(|misfit| misfit.within(self.name))
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Step<V::Value> {
        self.contents.deserialize_struct("", fields, visitor).map_err(|misfit| misfit.within(self.name))
    }
}

/// The one entry of a map that stands for a variant with contents, where the type asked for is not known.
struct OneEntry<'a, 'de>(Option<Chosen<'a, 'de>>);

impl<'de> MapAccess<'de> for &mut OneEntry<'_, 'de> {
    type Error = Misfit;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Step<Option<S::Value>> {
        self.0.as_ref().map(|chosen| seed.deserialize(StrDeserializer::new(chosen.name))).transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Step<S::Value> {
        let chosen = self.0.take().expect("serde asks for the name first");
        seed.deserialize(chosen.contents).map_err(|misfit| misfit.within(chosen.name))
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $type:ident;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Step<V::Value> {
            self.number(visitor, stringify!($type), Number::integer::<$type>, V::$visit)
        }
    )*};
}

/// The methods for which it makes no difference which type is requested.
macro_rules! as_any {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Step<V::Value> {
            self.deserialize_any(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Part<'_, 'de> {
    type Error = Misfit;

    integers! {
        deserialize_i8 visit_i8 i8; deserialize_i16 visit_i16 i16; deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64; deserialize_i128 visit_i128 i128;
        deserialize_u8 visit_u8 u8; deserialize_u16 visit_u16 u16; deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64; deserialize_u128 visit_u128 u128;
    }
    as_any! {
        deserialize_bool deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf
        deserialize_unit deserialize_map deserialize_ignored_any
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Step<V::Value> {
        self.number(visitor, "f32", Number::single, V::visit_f32)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Step<V::Value> {
        self.number(visitor, "f64", Number::double, V::visit_f64)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Step<V::Value> {
        match self.form {
            Form::Format(Format::Option(_)) => self.deserialize_any(visitor),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Step<V::Value> {
        let part = self.resolved()?;
        if let Form::Format(Format::Bytes) = part.form {
            let bytes = part.input.take(part.input.length()?)?;
            let mut elements = SeqDeserializer::new(bytes.iter().copied());
            let value = visitor.visit_seq(&mut elements)?;
            return elements.end().map(|()| value);
        }
        part.deserialize_any(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Step<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &'static str, _: usize, visitor: V) -> Step<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Step<V::Value> {
        self.deserialize_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Step<V::Value> {
        let inner = match self.form {
            Form::Format(Format::TypeName(name)) => match &self.tree.types[name] {
                Container::NewTypeStruct(inner) => self.of(inner),
                _ => self,
            },
            _ => self,
        };
        visitor.visit_newtype_struct(inner)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Step<V::Value> {
        let part = self.resolved()?;
        match part.form {
            Form::Struct(_) | Form::Format(Format::Map { .. }) => part.deserialize_any(visitor),
            Form::Enum(_) | Form::Unit | Form::Tuple(_) | Form::Format(_) => {
                Err(de::Error::invalid_type(Unexpected::Other("a value without named fields"), &visitor))
            }
        }
    }

    /// The name of a field, as the key of a map.
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Step<V::Value> {
        let part = self.resolved()?;
        match part.form {
            Form::Format(Format::Str) | Form::Enum(_) => part.deserialize_any(visitor),
            _ => Err(de::Error::invalid_type(Unexpected::Other("a key that is not a name"), &visitor)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Step<V::Value> {
        let part = self.resolved()?;
        match part.form {
            Form::Enum(variants) => visitor.visit_enum(Chosen::of(part, variants)?),
            _ => Err(de::Error::invalid_type(Unexpected::Other("a value that is not an enum"), &visitor)),
        }
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Step<V::Value> {
        let part = self.resolved()?;
        let input = part.input;
        let format = match part.form {
            Form::Unit => return visitor.visit_unit(),
            Form::Tuple(parts) => return part.list(Formats::List(parts), visitor),
            Form::Struct(left) => {
                let mut fields = Fields { part, left, current: None };
                let value = visitor.visit_map(&mut fields)?;
                return if fields.left.is_empty() {
                    Ok(value)
                } else {
                    fail("it has more fields than the type asked for")
                };
            }
            Form::Enum(variants) => {
                let chosen = Chosen::of(part, variants)?;
                if let Form::Unit = chosen.contents.form {
                    return visitor.visit_str(chosen.name);
                }
                let mut entry = OneEntry(Some(chosen));
                let value = visitor.visit_map(&mut entry)?;
                return if entry.0.is_none() {
                    Ok(value)
                } else {
                    fail("the contents of its variant were not asked for")
                };
            }
            Form::Format(format) => format,
        };
        match format {
            Format::Unit => visitor.visit_unit(),
            Format::Bool => visitor.visit_bool(input.flag("a bool")?),
            Format::I8 => visitor.visit_i8(i8::from_le_bytes(input.array()?)),
            Format::I16 => visitor.visit_i16(i16::from_le_bytes(input.array()?)),
            Format::I32 => visitor.visit_i32(i32::from_le_bytes(input.array()?)),
            Format::I64 => visitor.visit_i64(i64::from_le_bytes(input.array()?)),
            Format::I128 => visitor.visit_i128(i128::from_le_bytes(input.array()?)),
            Format::U8 => visitor.visit_u8(u8::from_le_bytes(input.array()?)),
            Format::U16 => visitor.visit_u16(u16::from_le_bytes(input.array()?)),
            Format::U32 => visitor.visit_u32(u32::from_le_bytes(input.array()?)),
            Format::U64 => visitor.visit_u64(u64::from_le_bytes(input.array()?)),
            Format::U128 => visitor.visit_u128(u128::from_le_bytes(input.array()?)),
            Format::F32 => visitor.visit_f32(f32::from_le_bytes(input.array()?)),
            Format::F64 => visitor.visit_f64(f64::from_le_bytes(input.array()?)),
            Format::Char => visitor.visit_char(input.character()?),
            Format::Str => visitor.visit_borrowed_str(input.text(input.length()?)?),
            Format::Bytes => visitor.visit_borrowed_bytes(input.take(input.length()?)?),
            Format::Option(inner) => match input.flag("an option")? {
                true => visitor.visit_some(part.of(inner)),
                false => visitor.visit_none(),
            },
            Format::Seq(inner) => part.list(Formats::Each(inner, input.length()?), visitor),
            Format::Map { key, value } => {
                let mut entries = Entries { part, key, value, left: input.length()? };
                let map = visitor.visit_map(&mut entries)?;
                if entries.left > 0 { fail("it has more entries than the type asked for") } else { Ok(map) }
            }
            Format::Tuple(parts) => part.list(Formats::List(parts), visitor),
            Format::TupleArray { content, size } => part.list(Formats::Each(content, *size), visitor),
            Format::TypeName(_) | Format::Unknown => unreachable!("looked through, and not in a finished schema"),
        }
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}
