//! The parts of a type's description, and their JSON. docs/FORMAT.md has the same tables. The rules for
//! a description that comes from a region are checked in `check`.

use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

/// A type: the format of its values, and the containers that the format refers to by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    #[serde(rename = "type")]
    pub root: Format,
    #[serde(deserialize_with = "each_once")]
    pub types: BTreeMap<String, Container>,
    /// The types whose values can be names of members. Empty before `normalize`.
    #[serde(skip)]
    simple_keys: BTreeSet<String>,
}

/// How a value is encoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE", deny_unknown_fields)]
pub enum Format {
    /// Not known yet. Only used while a type is traced.
    #[serde(skip)]
    Unknown,
    Unit,
    Bool,
    I8,
    I16,
    I32,
    I64,
    I128,
    U8,
    U16,
    U32,
    U64,
    U128,
    F32,
    F64,
    Char,
    Str,
    Bytes,
    TypeName(String),
    Option(Box<Format>),
    Seq(Box<Format>),
    #[serde(rename_all = "UPPERCASE")]
    Map {
        key: Box<Format>,
        value: Box<Format>,
    },
    Tuple(Vec<Format>),
    #[serde(rename_all = "UPPERCASE")]
    TupleArray {
        content: Box<Format>,
        size: u64,
    },
}

/// The definition of a named type: a struct or an enum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Container {
    UnitStruct,
    NewTypeStruct(Box<Format>),
    TupleStruct(Vec<Format>),
    Struct(Vec<Named<Format>>),
    Enum(#[serde(deserialize_with = "each_once")] BTreeMap<u32, Named<Variant>>),
}

/// The contents of an enum's variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Variant {
    /// Not known yet. Only used while a type is traced.
    #[serde(skip)]
    Unknown,
    Unit,
    NewType(Box<Format>),
    Tuple(Vec<Format>),
    Struct(Vec<Named<Format>>),
}

/// A field or variant with its name. In JSON, an object with one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named<T> {
    pub name: String,
    pub value: T,
}

impl Tree {
    /// Creates a type that is not in its canonical form yet.
    pub fn new(root: Format, types: BTreeMap<String, Container>) -> Self {
        Self { root, types, simple_keys: BTreeSet::new() }
    }

    /// Converts the type to its canonical form: a tuple of equal parts becomes an array, and types that are
    /// not used are removed.
    pub fn normalize(&mut self) {
        self.root.normalize(&mut |_| ());
        for container in self.types.values_mut() {
            container.parts_mut().into_iter().for_each(|part| part.normalize(&mut |_| ()));
        }
        let mut reached = BTreeSet::new();
        let mut left = vec![];
        self.root.names(&mut left);
        while let Some(name) = left.pop() {
            if let Some(container) = self.types.get(&name)
                && reached.insert(name)
            {
                container.parts().iter().for_each(|part| part.names(&mut left));
            }
        }
        self.types.retain(|name, _| reached.contains(name));
        self.simple_keys = simple_keys(&self.types);
    }

    /// Returns whether every value of a format can be the name of an object's member.
    pub fn is_simple_key(&self, format: &Format) -> bool {
        match format {
            Format::TypeName(name) => self.simple_keys.contains(name),
            plain => plain.is_plain_key(),
        }
    }
}

/// Returns the types that are simple keys. This is calculated only once: if a key is a long chain of types,
/// calculating it again for every map of a payload would take too long.
fn simple_keys(types: &BTreeMap<String, Container>) -> BTreeSet<String> {
    let mut known: BTreeMap<&str, bool> = BTreeMap::new();
    for mut name in types.keys().map(String::as_str) {
        // A type does not contain itself directly, so this ends.
        let mut through = vec![];
        let is_simple = loop {
            if let Some(is_simple) = known.get(name) {
                break *is_simple;
            }
            through.push(name);
            match &types[name] {
                Container::NewTypeStruct(inner) => match &**inner {
                    Format::TypeName(next) => name = next,
                    plain => break plain.is_plain_key(),
                },
                Container::Enum(variants) => break variants.values().all(|variant| variant.value == Variant::Unit),
                _ => break false,
            }
        };
        known.extend(through.into_iter().map(|name| (name, is_simple)));
    }
    known.into_iter().filter(|(_, is_simple)| *is_simple).map(|(name, _)| name.to_owned()).collect()
}

impl Format {
    /// Returns the formats directly within this one.
    pub fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Option(part) | Self::Seq(part) | Self::TupleArray { content: part, .. } => vec![part],
            Self::Map { key, value } => vec![key, value],
            Self::Tuple(parts) => parts.iter().collect(),
            _ => vec![],
        }
    }

    /// Returns whether the values of this format, which is not a named type, can be names of members.
    fn is_plain_key(&self) -> bool {
        let is_integer = matches!(self, Self::I8 | Self::I16 | Self::I32 | Self::I64 | Self::I128);
        let is_unsigned = matches!(self, Self::U8 | Self::U16 | Self::U32 | Self::U64 | Self::U128);
        matches!(self, Self::Bool | Self::Char | Self::Str) || is_integer || is_unsigned
    }

    /// Adds the type names that the format contains.
    fn names(&self, found: &mut Vec<String>) {
        if let Self::TypeName(name) = self {
            found.push(name.clone());
        }
        self.parts().iter().for_each(|part| part.names(found));
    }

    fn parts_mut(&mut self) -> Vec<&mut Self> {
        match self {
            Self::Option(part) | Self::Seq(part) | Self::TupleArray { content: part, .. } => vec![part],
            Self::Map { key, value } => vec![key, value],
            Self::Tuple(parts) => parts.iter_mut().collect(),
            _ => vec![],
        }
    }

    /// Converts the format to its canonical form, and calls `change` for each format within it and then for
    /// the format itself.
    pub fn normalize(&mut self, change: &mut impl FnMut(&mut Self)) {
        for part in self.parts_mut() {
            part.normalize(change);
        }
        if let Self::Tuple(parts) = self
            && let [first, rest @ ..] = parts.as_slice()
            && !rest.is_empty()
            && rest.iter().all(|part| part == first)
        {
            *self = Self::TupleArray { content: Box::new(first.clone()), size: parts.len() as u64 };
        }
        if let Self::TupleArray { content, size: size @ (0 | 1) } = self {
            let part = std::mem::replace(&mut **content, Self::Unit);
            *self = Self::Tuple(if *size == 0 { vec![] } else { vec![part] });
        }
        change(self);
    }
}

impl Container {
    /// Returns the formats directly within this container, in their order.
    pub fn parts(&self) -> Vec<&Format> {
        match self {
            Self::UnitStruct => vec![],
            Self::NewTypeStruct(part) => vec![part],
            Self::TupleStruct(parts) => parts.iter().collect(),
            Self::Struct(fields) => fields.iter().map(|field| &field.value).collect(),
            Self::Enum(variants) => variants.values().flat_map(|variant| variant.value.parts()).collect(),
        }
    }

    /// Returns the formats directly within this container as mutable references.
    pub fn parts_mut(&mut self) -> Vec<&mut Format> {
        match self {
            Self::UnitStruct => vec![],
            Self::NewTypeStruct(part) => vec![part],
            Self::TupleStruct(parts) => parts.iter_mut().collect(),
            Self::Struct(fields) => fields.iter_mut().map(|field| &mut field.value).collect(),
            Self::Enum(variants) => variants.values_mut().flat_map(|variant| variant.value.parts_mut()).collect(),
        }
    }
}

impl Variant {
    /// Returns the formats directly within this variant, in their order.
    pub fn parts(&self) -> Vec<&Format> {
        match self {
            Self::Unknown | Self::Unit => vec![],
            Self::NewType(part) => vec![part],
            Self::Tuple(parts) => parts.iter().collect(),
            Self::Struct(fields) => fields.iter().map(|field| &field.value).collect(),
        }
    }

    /// Returns the formats directly within this variant as mutable references.
    pub fn parts_mut(&mut self) -> Vec<&mut Format> {
        match self {
            Self::Unknown | Self::Unit => vec![],
            Self::NewType(part) => vec![part],
            Self::Tuple(parts) => parts.iter_mut().collect(),
            Self::Struct(fields) => fields.iter_mut().map(|field| &mut field.value).collect(),
        }
    }
}

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(&self.name, &self.value)?;
        map.end()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneMember<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OneMember<T> {
            type Value = Named<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with one member")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named<T>, A::Error> {
                let member = map.next_entry()?;
                let (name, value) = member.ok_or_else(|| de::Error::invalid_length(0, &self))?;
                match map.next_key::<de::IgnoredAny>()? {
                    None => Ok(Named { name, value }),
                    Some(_) => Err(de::Error::invalid_length(2, &self)),
                }
            }
        }

        deserializer.deserialize_map(OneMember(PhantomData))
    }
}

/// Reads the members of an object. A name that occurs twice is an error, because some readers would use
/// the first member and others the last.
fn each_once<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord + fmt::Display,
    V: Deserialize<'de>,
{
    struct EachOnce<K, V>(PhantomData<(K, V)>);

    impl<'de, K: Deserialize<'de> + Ord + fmt::Display, V: Deserialize<'de>> Visitor<'de> for EachOnce<K, V> {
        type Value = BTreeMap<K, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<BTreeMap<K, V>, A::Error> {
            let mut members = BTreeMap::new();
            while let Some((name, value)) = map.next_entry()? {
                match members.entry(name) {
                    Entry::Vacant(place) => drop(place.insert(value)),
                    Entry::Occupied(place) => {
                        return Err(de::Error::custom(format_args!("the member '{}' appears twice", place.key())));
                    }
                }
            }
            Ok(members)
        }
    }

    deserializer.deserialize_map(EachOnce(PhantomData))
}
