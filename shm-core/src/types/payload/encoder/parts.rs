//! The parts of a value that contain others: sequences and tuples, maps, structs.

use super::keys::may_repeat;
use super::{ANY_FORM, Failed, Output, Place};
use crate::types::payload::plan::{Field, Form};
use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};
use std::slice;

/// The elements of a sequence, a tuple or a tuple struct.
pub struct Elements<'e, 'p, const DIGEST: bool> {
    pub(super) output: &'e mut Output<'p>,
    // The next element is read as `parts[at]`. The step is 0 if all elements are alike.
    pub(super) parts: &'p [Form],
    pub(super) at: usize,
    pub(super) step: usize,
    pub(super) left: usize,
    pub(super) length: usize,
    pub(super) depth: u32,
    // Only of a digest: whether the order is left out, and which start is the first one.
    pub(super) sorts: bool,
    pub(super) first: usize,
    // If the length was not announced: where it is to be stored.
    pub(super) counted: Option<usize>,
    // The name of the variant that they belong to.
    pub(super) variant: Option<&'static str>,
}

#[cold]
fn in_variant(failed: Failed, variant: Option<&'static str>) -> Failed {
    match variant {
        Some(name) => failed.within(name),
        None => failed,
    }
}

#[cold]
fn wrong_length(length: usize, written: &str) -> Failed {
    Failed::new(format!("`Serialize` announces {length} elements and writes {written}"), true)
}

/// Stores the length of a sequence or map that did not announce it.
#[cold]
fn store_length(output: &mut Output<'_>, at: usize, length: usize) {
    output.bytes[at..at + 8].copy_from_slice(&(length as u64).to_le_bytes());
}

impl<const DIGEST: bool> Elements<'_, '_, DIGEST> {
    #[inline(always)]
    fn put<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Failed> {
        if self.left == 0 {
            return Err(in_variant(wrong_length(self.length, "more"), self.variant));
        }
        self.left -= 1;
        if DIGEST && self.sorts {
            self.output.starts.push(self.output.bytes.len());
        }
        let form = &self.parts[self.at];
        self.at += self.step;
        let place = Place::<'_, '_, DIGEST> { output: self.output, form, depth: self.depth };
        value.serialize(place).map_err(|failed| in_variant(failed.within(self.length - self.left - 1), self.variant))
    }

    #[inline(always)]
    fn finish(self) -> Result<(), Failed> {
        if self.left > 0 {
            let written = self.length - self.left;
            let Some(at) = self.counted else {
                return Err(in_variant(wrong_length(self.length, &written.to_string()), self.variant));
            };
            store_length(self.output, at, written);
        }
        if DIGEST && self.sorts {
            self.output.sort(self.first);
        }
        Ok(())
    }
}

macro_rules! elements {
    ($($trait:ident $method:ident;)*) => {$(
        impl<const DIGEST: bool> $trait for Elements<'_, '_, DIGEST> {
            type Ok = ();
            type Error = Failed;

            #[inline(always)]
            fn $method<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Failed> {
                self.put(value)
            }

            #[inline(always)]
            fn end(self) -> Result<(), Failed> {
                self.finish()
            }
        }
    )*};
}

elements! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

/// The entries of a map.
pub struct Entries<'e, 'p, const DIGEST: bool> {
    pub(super) output: &'e mut Output<'p>,
    pub(super) key: &'p Form,
    pub(super) value: &'p Form,
    pub(super) left: usize,
    pub(super) length: usize,
    // If the length was not announced: where it is to be stored.
    pub(super) counted: Option<usize>,
    pub(super) depth: u32,
    pub(super) first: usize,
}

impl<const DIGEST: bool> Entries<'_, '_, DIGEST> {
    /// Notes a key that begins at `start`, unless nothing is known of its form.
    #[inline(always)]
    fn note_key(&mut self, start: usize) {
        if matches!(self.key, Form::Any) {
            return;
        }
        let Output { bytes, starts, .. } = &mut *self.output;
        // The first key reserves memory for all, or for many if the announced length is wrong.
        if starts.len() == self.first {
            starts.reserve(2 * self.length.min(1000));
        }
        starts.extend([start, bytes.len()]);
    }
}

impl<const DIGEST: bool> SerializeMap for Entries<'_, '_, DIGEST> {
    type Ok = ();
    type Error = Failed;

    #[inline(always)]
    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), Failed> {
        if self.left == 0 {
            return Err(wrong_length(self.length, "more"));
        }
        self.left -= 1;
        if DIGEST {
            self.output.starts.push(self.output.bytes.len());
        }
        let start = self.output.bytes.len();
        let place = Place::<'_, '_, DIGEST> { output: self.output, form: self.key, depth: self.depth };
        key.serialize(place).map_err(|failed| failed.within(self.length - self.left - 1))?;
        if !DIGEST {
            self.note_key(start);
        }
        Ok(())
    }

    #[inline(always)]
    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Failed> {
        let place = Place::<'_, '_, DIGEST> { output: self.output, form: self.value, depth: self.depth };
        value.serialize(place).map_err(|failed| failed.within(self.length - self.left - 1))
    }

    #[inline(always)]
    fn end(self) -> Result<(), Failed> {
        if self.left > 0 {
            let written = self.length - self.left;
            let Some(at) = self.counted else { return Err(wrong_length(self.length, &written.to_string())) };
            store_length(self.output, at, written);
        }
        if DIGEST {
            self.output.sort(self.first);
            return Ok(());
        }
        let is_doubtful = may_repeat(&self.output.bytes, &self.output.starts[self.first..], self.key);
        self.output.starts.truncate(self.first);
        if is_doubtful { Err(Failed::doubtful("a map in it contains a key twice".to_owned())) } else { Ok(()) }
    }
}

/// Compares a name with one whose length the compiler knows, so that it needs no call.
#[inline(always)]
pub fn is_same(read: &str, written: &'static str) -> bool {
    read.len() == written.len() && read.as_bytes()[..written.len()] == *written.as_bytes()
}

/// The fields of a struct or of a variant.
pub struct Fields<'e, 'p, const DIGEST: bool> {
    pub(super) output: &'e mut Output<'p>,
    pub(super) rest: slice::Iter<'p, Field>,
    // Whether nothing is known of the fields.
    pub(super) is_any: bool,
    pub(super) depth: u32,
    // The name of the variant that they belong to.
    pub(super) variant: Option<&'static str>,
}

impl<'p, const DIGEST: bool> Fields<'_, 'p, DIGEST> {
    #[inline(always)]
    fn put<T: ?Sized + Serialize>(&mut self, name: &'static str, value: &T) -> Result<(), Failed> {
        let form = match self.rest.next() {
            Some(field) if is_same(&field.name, name) => &field.form,
            other => self.other(name, other)?,
        };
        if DIGEST {
            self.output.bytes.extend_from_slice(name.as_bytes());
        }
        let place = Place::<'_, '_, DIGEST> { output: self.output, form, depth: self.depth };
        value.serialize(place).map_err(|failed| in_variant(failed.within(name), self.variant))
    }

    #[cold]
    fn other(&self, name: &str, read: Option<&Field>) -> Result<&'p Form, Failed> {
        let read = match read {
            _ if self.is_any => return Ok(&ANY_FORM),
            Some(field) => format!("reads '{}' in its place", field.name),
            None => "does not read it".to_owned(),
        };
        let failed = Failed::doubtful(format!("`Serialize` writes this field, and `Deserialize` {read}"));
        Err(in_variant(failed.within(name), self.variant))
    }

    /// Refuses a field that is left out, if it is read.
    #[cold]
    fn skip(&self, name: &str) -> Result<(), Failed> {
        if self.is_any || self.rest.clone().any(|field| &*field.name == name) {
            let reason = "`Serialize` leaves this field out, and `Deserialize` reads it; remove `skip_serializing_if`";
            return Err(in_variant(Failed::new(reason.to_owned(), true).within(name), self.variant));
        }
        Ok(())
    }

    #[inline(always)]
    fn finish(mut self) -> Result<(), Failed> {
        match self.rest.next() {
            None => Ok(()),
            Some(field) => Err(in_variant(missing(field), self.variant)),
        }
    }
}

#[cold]
fn missing(field: &Field) -> Failed {
    let reason = "`Serialize` does not write this field, and `Deserialize` reads it";
    Failed::doubtful(reason.to_owned()).within(&field.name)
}

macro_rules! fields {
    ($($trait:ident;)*) => {$(
        impl<const DIGEST: bool> $trait for Fields<'_, '_, DIGEST> {
            type Ok = ();
            type Error = Failed;

            #[inline(always)]
            fn serialize_field<T: ?Sized + Serialize>(&mut self, name: &'static str, value: &T) -> Result<(), Failed> {
                self.put(name, value)
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), Failed> {
                self.skip(name)
            }

            #[inline(always)]
            fn end(self) -> Result<(), Failed> {
                self.finish()
            }
        }
    )*};
}

fields! {
    SerializeStruct;
    SerializeStructVariant;
}
