//! Deserialization of untrusted bytes with limits on depth, number of nodes and memory. Wraps any serde
//! deserializer of bytes in memory.
//!
//! A length that the bytes claim does not cause an allocation: strings and bytes are borrowed from the
//! input before they are copied, and the size hint of a collection is never larger than the number of
//! nodes that are still allowed.
//!
//! Every node counts as one, even if it uses no bytes. Otherwise a few bytes could claim three billion
//! empty elements. A value that a writer encoded has at most one node per byte, and a few nodes without
//! bytes.

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor};
use std::cell::Cell;
use std::fmt;

/// The maximum depth of a value. serde_json has the same limit.
pub const MAX_DEPTH: u32 = 128;
/// How many nodes are allowed per byte, and how many in addition.
const NODES_PER_BYTE: usize = 8;
const NODES_FREE: usize = 4096;

/// Returns how many nodes a value may have that is encoded in this many bytes.
pub fn most_nodes(bytes: usize) -> usize {
    bytes.saturating_mul(NODES_PER_BYTE).saturating_add(NODES_FREE)
}

/// Receives a value that is decoded within the limits. The value is stored through a reference instead
/// of being returned: for a small value, passing it back through every layer takes longer than decoding
/// it.
pub struct Seed<'v, T> {
    nodes: &'v Cell<usize>,
    value: &'v mut Option<T>,
}

impl<'v, T> Seed<'v, T> {
    /// Decodes at most as many nodes as `nodes` says.
    pub fn new(nodes: &'v Cell<usize>, value: &'v mut Option<T>) -> Self {
        Self { nodes, value }
    }
}

impl<'de, T: serde::Deserialize<'de>> DeserializeSeed<'de> for Seed<'_, T> {
    type Value = ();

    #[inline(always)]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let limits = Limits { nodes: self.nodes, depth: 0 };
        T::deserialize(Bounded { inner: deserializer, limits }).map(|value| *self.value = Some(value))
    }
}

/// The nodes that are still allowed, and the current depth.
#[derive(Clone, Copy)]
struct Limits<'b> {
    nodes: &'b Cell<usize>,
    depth: u32,
}

impl Limits<'_> {
    /// Counts one node, and returns the limits for its children.
    #[inline(always)]
    fn enter<E: Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(too_deep());
        }
        let left = self.nodes.get().checked_sub(1).ok_or_else(too_many)?;
        self.nodes.set(left);
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

#[cold]
fn too_deep<E: Error>() -> E {
    E::custom(format_args!("the value is nested more than {MAX_DEPTH} levels deep"))
}

#[cold]
fn too_many<E: Error>() -> E {
    E::custom("the value has more elements than a value of its length can have")
}

/// Any of serde's deserializers, visitors, seeds and accesses, with the limits for its children.
struct Bounded<'b, I> {
    inner: I,
    limits: Limits<'b>,
}

impl<'b, I> Bounded<'b, I> {
    #[inline(always)]
    fn wrap<J>(&self, inner: J) -> Bounded<'b, J> {
        Bounded { inner, limits: self.limits }
    }
}

// A node without children needs no wrapper. Otherwise the visitor is wrapped, so the children are read
// within the limits.
macro_rules! deserialize {
    (single: $($method:ident => $inner:ident;)*) => {$(
        #[inline(always)]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.limits.enter()?;
            self.inner.$inner(visitor)
        }
    )*};
    (nested: $($method:ident($($arg:ident: $type:ty),*);)*) => {$(
        #[inline(always)]
        fn $method<V: Visitor<'de>>(self, $($arg: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            let limits = self.limits.enter()?;
            self.inner.$method($($arg,)* Bounded { inner: visitor, limits })
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Bounded<'_, D> {
    type Error = D::Error;

    // Request owned strings and bytes as borrowed ones, so nothing is allocated for bytes that do not
    // exist.
    deserialize! { single:
        deserialize_bool => deserialize_bool; deserialize_char => deserialize_char;
        deserialize_f32 => deserialize_f32; deserialize_f64 => deserialize_f64;
        deserialize_i8 => deserialize_i8; deserialize_i16 => deserialize_i16; deserialize_i32 => deserialize_i32;
        deserialize_i64 => deserialize_i64; deserialize_i128 => deserialize_i128;
        deserialize_u8 => deserialize_u8; deserialize_u16 => deserialize_u16; deserialize_u32 => deserialize_u32;
        deserialize_u64 => deserialize_u64; deserialize_u128 => deserialize_u128;
        deserialize_str => deserialize_str; deserialize_string => deserialize_str;
        deserialize_bytes => deserialize_bytes; deserialize_byte_buf => deserialize_bytes;
        deserialize_unit => deserialize_unit; deserialize_identifier => deserialize_identifier;
    }

    deserialize! { nested:
        deserialize_any(); deserialize_ignored_any();
        deserialize_option(); deserialize_seq(); deserialize_map();
        deserialize_unit_struct(name: &'static str);
        deserialize_newtype_struct(name: &'static str);
        deserialize_tuple(length: usize);
        deserialize_tuple_struct(name: &'static str, length: usize);
        deserialize_struct(name: &'static str, fields: &'static [&'static str]);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! visit {
    ($($method:ident($type:ty);)*) => {$(
        #[inline(always)]
        fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.inner.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Bounded<'_, V> {
    type Value = V::Value;

    #[inline(always)]
    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(formatter)
    }

    visit! {
        visit_bool(bool); visit_char(char); visit_f32(f32); visit_f64(f64);
        visit_i8(i8); visit_i16(i16); visit_i32(i32); visit_i64(i64); visit_i128(i128);
        visit_u8(u8); visit_u16(u16); visit_u32(u32); visit_u64(u64); visit_u128(u128);
        visit_str(&str); visit_borrowed_str(&'de str); visit_string(String);
        visit_bytes(&[u8]); visit_borrowed_bytes(&'de [u8]); visit_byte_buf(Vec<u8>);
    }

    #[inline(always)]
    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    #[inline(always)]
    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    #[inline(always)]
    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        let value = self.wrap(value);
        self.inner.visit_some(value)
    }

    #[inline(always)]
    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        let value = self.wrap(value);
        self.inner.visit_newtype_struct(value)
    }

    #[inline(always)]
    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<V::Value, A::Error> {
        let elements = self.wrap(elements);
        self.inner.visit_seq(elements)
    }

    #[inline(always)]
    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        let entries = self.wrap(entries);
        self.inner.visit_map(entries)
    }

    #[inline(always)]
    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        let variant = self.wrap(variant);
        self.inner.visit_enum(variant)
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Bounded<'_, S> {
    type Value = S::Value;

    #[inline(always)]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        let deserializer = self.wrap(deserializer);
        self.inner.deserialize(deserializer)
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Bounded<'_, A> {
    type Error = A::Error;

    #[inline(always)]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        let seed = self.wrap(seed);
        self.inner.next_element_seed(seed)
    }

    #[inline(always)]
    fn size_hint(&self) -> Option<usize> {
        // The caller may reserve this much memory, so limit it to the nodes that are still allowed.
        Some(self.inner.size_hint()?.min(self.limits.nodes.get()))
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Bounded<'_, A> {
    type Error = A::Error;

    #[inline(always)]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let seed = self.wrap(seed);
        self.inner.next_key_seed(seed)
    }

    #[inline(always)]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        let seed = self.wrap(seed);
        self.inner.next_value_seed(seed)
    }

    #[inline(always)]
    fn size_hint(&self) -> Option<usize> {
        // The caller may reserve this much memory, so limit it to the nodes that are still allowed.
        Some(self.inner.size_hint()?.min(self.limits.nodes.get()))
    }
}

impl<'de, 'b, A: EnumAccess<'de>> EnumAccess<'de> for Bounded<'b, A> {
    type Error = A::Error;
    type Variant = Bounded<'b, A::Variant>;

    #[inline(always)]
    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self::Variant), A::Error> {
        let limits = self.limits;
        // The number of the variant does not count as a node. It does not count for a schema, either.
        let (value, variant) = self.inner.variant_seed(seed)?;
        Ok((value, Bounded { inner: variant, limits }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Bounded<'_, A> {
    type Error = A::Error;

    #[inline(always)]
    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    #[inline(always)]
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        let seed = self.wrap(seed);
        self.inner.newtype_variant_seed(seed)
    }

    #[inline(always)]
    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, A::Error> {
        let visitor = self.wrap(visitor);
        self.inner.tuple_variant(length, visitor)
    }

    #[inline(always)]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = self.wrap(visitor);
        self.inner.struct_variant(fields, visitor)
    }
}
