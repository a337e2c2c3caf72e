//! Distinguishes the names of fields from their aliases. serde lists both, one field after the other, but a field
//! is read only once.
//!
//! The type is given a map that contains two neighbouring names. If they belong to the same field, the
//! type's error contains the field's name.

use super::node::Elements;
use super::{Mode, Stop};
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};

/// A struct, or a variant of an enum.
pub type Place = (usize, Option<u32>);

/// The names of a struct's fields, while they are told apart.
pub struct Aliases {
    names: &'static [&'static str],
    // How many fields the type reads.
    read: usize,
    fields: Vec<&'static str>,
    // The first of the names that belong to the next field, and the field's name if it has been learned.
    first: usize,
    last: usize,
    named: Option<&'static str>,
}

impl Aliases {
    pub fn new(names: &'static [&'static str], read: usize) -> Self {
        Self { names, read, fields: vec![], first: 0, last: 0, named: None }
    }

    /// Returns the names of the fields if all have been told apart.
    pub fn fields(&self) -> Option<&[&'static str]> {
        (self.first == self.names.len() && self.fields.len() == self.read).then_some(&self.fields)
    }

    fn is_done(&self) -> bool {
        self.first == self.names.len()
    }

    /// Records whether the next two names belong to the same field.
    fn learn(&mut self, same: Option<&'static str>) {
        self.last += 1;
        if same.is_some() {
            self.named = same;
        } else {
            self.fields.push(self.named.take().unwrap_or(self.names[self.first]));
            self.first = self.last;
        }
    }
}

/// Builds a struct from its fields. If it is not known which names are aliases, asks about two of them
/// instead, which ends the pass.
pub fn read_fields<'de, V: Visitor<'de>>(
    parts: &mut Elements<'_>,
    place: Place,
    names: &'static [&'static str],
    visitor: V,
) -> Result<Box<V::Value>, Stop> {
    let known = parts.trace.aliases.get(&place);
    let Some(aliases) = known.filter(|aliases| !aliases.is_done()) else {
        let is_known = known.is_some();
        let built = visitor.visit_seq(&mut *parts).map(Box::new)?;
        if parts.left() > 0 && !is_known && parts.trace.mode == Mode::Search {
            parts.trace.learned += 1;
            let read = names.len().saturating_sub(parts.left());
            parts.trace.aliases.insert(place, Aliases::new(names, read));
            return Err(Stop::Again);
        }
        return Ok(built);
    };
    let (field, last) = (aliases.fields.len(), aliases.last);
    let mut same = None;
    if let Some(other) = aliases.names.get(last + 1) {
        let names = [aliases.names[last], other];
        parts.skip_to(field);
        let mut pair = Pair { parts, names, keys: 0 };
        let built = visitor.visit_map(&mut pair).map(drop);
        same = match built {
            Err(Stop::Twice(name)) => Some(name),
            // The first name or its value was refused.
            Err(stop) if pair.keys < 2 => return Err(stop),
            _ => None,
        };
    }
    let trace = &mut *parts.trace;
    trace.learned += 1;
    trace.aliases.get_mut(&place).expect("it was found before").learn(same);
    Err(Stop::Again)
}

/// A map with two names.
struct Pair<'a, 't> {
    parts: &'a mut Elements<'t>,
    names: [&'static str; 2],
    // How many names have been given out.
    keys: usize,
}

impl<'de> MapAccess<'de> for &mut Pair<'_, '_> {
    type Error = Stop;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Stop> {
        let Some(name) = self.names.get(self.keys) else { return Ok(None) };
        self.keys += 1;
        let name: StrDeserializer<'_, Stop> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Stop> {
        // The names belong to different fields: the type would have refused a second name of the same field.
        if self.keys == 2 {
            return Err(Stop::Again);
        }
        Ok(self.parts.next_element_seed(seed)?.expect("a value for the field"))
    }
}
