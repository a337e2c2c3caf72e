//! The encoder of Rust values. It writes what bincode's `legacy()` configuration writes, and compares what
//! `Serialize` says with the plan, which is what `Deserialize` reads.
//!
//! The comparison is strict, and cheap. A difference does not prove that a value is decoded as another
//! one: a field may be renamed, or text may be read as bytes. The caller finds out by decoding the value.
//! `Failed::is_final` is set if there is nothing to find out.

use super::plan::{Content, Field, Form, Plan};
use failed::{no_length, other_variant, unlike};
use parts::{Elements, Entries, Fields, is_same};
use serde::ser::{Serialize, Serializer};
use std::slice;

mod digest;
mod failed;
mod keys;
mod parts;
#[cfg(test)]
mod tests;

pub use digest::{digest, path_at};
pub use failed::Failed;

/// The depth from which on the caller must find out whether a reader takes the value.
const DOUBTFUL_DEPTH: u32 = super::bounded::MAX_DEPTH - 1;
/// The depth at which encoding ends. It only protects the stack.
const MAX_DEPTH: u32 = 512;
static ANY_FORM: Form = Form::Any;
static ANY_CONTENT: Content = Content::Any;
static NO_CONTENT: Content = Content::Nothing;

/// Appends the encoding of a value to `bytes`.
pub fn encode<T: Serialize>(value: &T, plan: &Plan, bytes: &mut Vec<u8>) -> Result<(), Failed> {
    let mut output = Output { bytes: std::mem::take(bytes), plan, empty_parts: 0, starts: Vec::new(), end: usize::MAX };
    let place = Place::<'_, '_, false> { output: &mut output, form: &plan.root, depth: 0 };
    let encoded = value.serialize(place);
    *bytes = output.bytes;
    encoded.map_err(|failed| failed.titled(plan))?;
    // A part with bytes of its own can be read in any case: readers allow eight parts per byte.
    if output.empty_parts > super::bounded::most_nodes(bytes.len()) - bytes.len() {
        return Err(Failed::doubtful("it has more parts without bytes than a reader takes".to_owned()));
    }
    Ok(())
}

/// The encoding so far.
struct Output<'p> {
    bytes: Vec<u8>,
    plan: &'p Plan,
    // How many parts have no bytes of their own, such as structs.
    empty_parts: usize,
    // Positions in the parts that are being written: in a digest, where the elements of sequences begin;
    // otherwise, where the keys of maps begin and end.
    starts: Vec<usize>,
    // Where a digest ends.
    end: usize,
}

impl Output<'_> {
    /// Adds the length of a tuple to a digest.
    #[inline(always)]
    fn note_length<const DIGEST: bool>(&mut self, length: usize) {
        if DIGEST {
            self.bytes.extend_from_slice(&(length as u64).to_le_bytes());
        }
    }
}

/// A place in a value. Serializes what `Serialize` writes there.
struct Place<'e, 'p, const DIGEST: bool> {
    output: &'e mut Output<'p>,
    form: &'p Form,
    depth: u32,
}

impl<'e, 'p, const DIGEST: bool> Place<'e, 'p, DIGEST> {
    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) -> Result<(), Failed> {
        self.output.bytes.extend_from_slice(bytes);
        if DIGEST && self.output.bytes.len() > self.output.end { Err(Failed::doubtful(String::new())) } else { Ok(()) }
    }

    #[inline(always)]
    fn put_length(&mut self, length: usize) -> Result<(), Failed> {
        self.put(&(length as u64).to_le_bytes())
    }

    /// Refuses a part that is not of the form that is read here, unless nothing is known of that.
    #[cold]
    #[inline(never)]
    fn differs(&self, written: &str) -> Result<(), Failed> {
        let read = match self.form {
            Form::Any => return Ok(()),
            Form::Named(index) => {
                let (name, content) = &self.output.plan.types[*index];
                format!("{name}, {content}")
            }
            form => form.to_string(),
        };
        Err(Failed::doubtful(format!("`Serialize` writes {written}, and `Deserialize` reads {read}")))
    }

    /// Goes into a part that contains others, and returns their depth.
    #[inline(always)]
    fn enter(&self) -> Result<u32, Failed> {
        if self.depth >= DOUBTFUL_DEPTH {
            self.check_depth()?;
        }
        Ok(self.depth + 1)
    }

    #[cold]
    fn check_depth(&self) -> Result<(), Failed> {
        let is_known = !matches!(self.output.plan.root, Form::Any);
        if is_known || self.depth >= MAX_DEPTH {
            let reason = format!("it nests deeper than {} levels", super::bounded::MAX_DEPTH);
            return Err(Failed::new(reason, !is_known));
        }
        Ok(())
    }

    /// The contents that are read here, if this is a named type.
    #[inline(always)]
    fn content(&self) -> &'p Content {
        match self.form {
            Form::Named(index) => &self.output.plan.types[*index].1,
            Form::Any => &ANY_CONTENT,
            _ => &NO_CONTENT,
        }
    }

    #[inline(always)]
    fn inner(self, form: &'p Form, depth: u32) -> Self {
        Place { output: self.output, form, depth }
    }

    /// Writes the number of a variant, and returns what is read of it.
    #[inline(always)]
    fn variant(&mut self, number: u32, name: &'static str) -> Result<&'p Content, Failed> {
        let content = match self.content() {
            Content::Enum(variants) => match variants.get(number as usize) {
                Some(variant) if variant.number == number && is_same(&variant.name, name) => &variant.content,
                _ => other_variant(variants, number, name)?,
            },
            Content::Any => &ANY_CONTENT,
            _ => {
                self.differs("an enum")?;
                &ANY_CONTENT
            }
        };
        self.put(&number.to_le_bytes())?;
        Ok(content)
    }

    #[inline(always)]
    fn elements(self, parts: &'p [Form], step: usize, length: usize, depth: u32) -> Elements<'e, 'p, DIGEST> {
        let first = self.output.starts.len();
        Elements {
            output: self.output,
            parts,
            at: 0,
            step,
            left: length,
            length,
            depth,
            sorts: false,
            first,
            counted: None,
            variant: None,
        }
    }

    /// A tuple of these parts.
    #[inline(always)]
    fn tuple(self, read: Option<&'p [Form]>, length: usize) -> Result<Elements<'e, 'p, DIGEST>, Failed> {
        let depth = self.enter()?;
        self.output.empty_parts += 1;
        self.output.note_length::<DIGEST>(length);
        match read {
            Some(parts) if parts.len() == length => Ok(self.elements(parts, 1, length, depth)),
            Some(parts) => {
                let (written, read) = (length, parts.len());
                let reason = format!("`Serialize` writes {written} fields, and `Deserialize` reads {read}");
                Err(Failed::doubtful(reason))
            }
            None => {
                self.differs(&format!("a tuple of {length}"))?;
                Ok(self.elements(slice::from_ref(&ANY_FORM), 0, length, depth))
            }
        }
    }

    #[inline(always)]
    fn fields(self, content: &'p Content) -> Result<Fields<'e, 'p, DIGEST>, Failed> {
        let depth = self.enter()?;
        self.output.empty_parts += 1;
        let (fields, is_any): (&[Field], _) = match content {
            Content::Struct(fields) => (fields, false),
            Content::Any => (&[], true),
            other => return Err(unlike("named fields", other)),
        };
        Ok(Fields { output: self.output, rest: fields.iter(), is_any, depth, variant: None })
    }
}

macro_rules! plain {
    ($($method:ident $form:ident $name:literal $type:ty;)*) => {$(
        #[inline(always)]
        fn $method(mut self, value: $type) -> Result<(), Failed> {
            if !matches!(self.form, Form::$form) {
                self.differs($name)?;
            }
            self.put(&value.to_le_bytes())
        }
    )*};
}

impl<'e, 'p, const DIGEST: bool> Serializer for Place<'e, 'p, DIGEST> {
    type Ok = ();
    type Error = Failed;
    type SerializeSeq = Elements<'e, 'p, DIGEST>;
    type SerializeTuple = Elements<'e, 'p, DIGEST>;
    type SerializeTupleStruct = Elements<'e, 'p, DIGEST>;
    type SerializeTupleVariant = Elements<'e, 'p, DIGEST>;
    type SerializeMap = Entries<'e, 'p, DIGEST>;
    type SerializeStruct = Fields<'e, 'p, DIGEST>;
    type SerializeStructVariant = Fields<'e, 'p, DIGEST>;

    plain! {
        serialize_i8 I8 "i8" i8; serialize_i16 I16 "i16" i16; serialize_i32 I32 "i32" i32;
        serialize_i64 I64 "i64" i64; serialize_i128 I128 "i128" i128;
        serialize_u8 U8 "u8" u8; serialize_u16 U16 "u16" u16; serialize_u32 U32 "u32" u32;
        serialize_u64 U64 "u64" u64; serialize_u128 U128 "u128" u128;
    }

    #[inline(always)]
    fn serialize_bool(mut self, value: bool) -> Result<(), Failed> {
        if !matches!(self.form, Form::Bool) {
            self.differs("bool")?;
        }
        self.put(&[value.into()])
    }

    #[inline(always)]
    fn serialize_f32(mut self, value: f32) -> Result<(), Failed> {
        if !matches!(self.form, Form::F32) {
            self.differs("f32")?;
        }
        let bits = value.to_bits();
        // A digest rounds the last eight bits.
        let bits = if DIGEST { bits.wrapping_add(0x80) & !0xff } else { bits };
        self.put(&bits.to_le_bytes())
    }

    #[inline(always)]
    fn serialize_f64(mut self, value: f64) -> Result<(), Failed> {
        if !matches!(self.form, Form::F64) {
            self.differs("f64")?;
        }
        let bits = value.to_bits();
        let bits = if DIGEST { bits.wrapping_add(0x8000) & !0xffff } else { bits };
        self.put(&bits.to_le_bytes())
    }

    #[inline(always)]
    fn serialize_char(mut self, value: char) -> Result<(), Failed> {
        if !matches!(self.form, Form::Char) {
            self.differs("char")?;
        }
        self.put(value.encode_utf8(&mut [0; 4]).as_bytes())
    }

    #[inline(always)]
    fn serialize_str(mut self, value: &str) -> Result<(), Failed> {
        if !matches!(self.form, Form::Str) {
            self.differs("text")?;
        }
        self.put_length(value.len())?;
        self.put(value.as_bytes())
    }

    #[inline(always)]
    fn serialize_bytes(mut self, value: &[u8]) -> Result<(), Failed> {
        if !matches!(self.form, Form::Bytes) {
            self.differs("bytes")?;
        }
        self.put_length(value.len())?;
        self.put(value)
    }

    #[inline(always)]
    fn serialize_none(mut self) -> Result<(), Failed> {
        if !matches!(self.form, Form::Option(_)) {
            self.differs("an option")?;
        }
        self.put(&[0])
    }

    #[inline(always)]
    fn serialize_some<T: ?Sized + Serialize>(mut self, value: &T) -> Result<(), Failed> {
        let depth = self.enter()?;
        let form = match self.form {
            Form::Option(inner) => &**inner,
            _ => {
                self.differs("an option")?;
                &ANY_FORM
            }
        };
        self.put(&[1])?;
        value.serialize(self.inner(form, depth))
    }

    #[inline(always)]
    fn serialize_unit(self) -> Result<(), Failed> {
        if !matches!(self.form, Form::Unit) {
            self.differs("()")?;
        }
        self.output.empty_parts += 1;
        Ok(())
    }

    #[inline(always)]
    fn serialize_unit_struct(self, name: &'static str) -> Result<(), Failed> {
        if !matches!(self.content(), Content::Unit) {
            self.differs(name)?;
        }
        self.output.empty_parts += 1;
        Ok(())
    }

    #[inline(always)]
    fn serialize_unit_variant(mut self, _: &'static str, number: u32, name: &'static str) -> Result<(), Failed> {
        match self.variant(number, name)? {
            Content::Unit | Content::Any => Ok(()),
            other => Err(unlike("a unit", other).within(name)),
        }
    }

    #[inline(always)]
    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, name: &'static str, value: &T) -> Result<(), Failed> {
        let depth = self.enter()?;
        let form = match self.content() {
            Content::NewType(inner) => inner,
            _ => {
                self.differs(name)?;
                &ANY_FORM
            }
        };
        self.output.empty_parts += 1;
        value.serialize(self.inner(form, depth))
    }

    #[inline(always)]
    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        mut self,
        _: &'static str,
        number: u32,
        name: &'static str,
        value: &T,
    ) -> Result<(), Failed> {
        let depth = self.enter()?;
        let form = match self.variant(number, name)? {
            Content::NewType(inner) => inner,
            Content::Any => &ANY_FORM,
            other => return Err(unlike("a newtype", other).within(name)),
        };
        value.serialize(self.inner(form, depth)).map_err(|failed| failed.within(name))
    }

    #[inline(always)]
    fn serialize_seq(mut self, length: Option<usize>) -> Result<Elements<'e, 'p, DIGEST>, Failed> {
        let depth = self.enter()?;
        let counted = length.is_none().then_some(self.output.bytes.len());
        let length = length.unwrap_or(usize::MAX);
        let form = match self.form {
            Form::Seq(inner) => &**inner,
            _ => {
                self.differs("a sequence")?;
                &ANY_FORM
            }
        };
        self.put_length(length)?;
        Ok(Elements { sorts: true, counted, ..self.elements(slice::from_ref(form), 0, length, depth) })
    }

    #[inline(always)]
    fn serialize_tuple(self, length: usize) -> Result<Elements<'e, 'p, DIGEST>, Failed> {
        match self.form {
            Form::Tuple(parts) => self.tuple(Some(parts), length),
            Form::Array(part, size) if *size == length as u64 => {
                let depth = self.enter()?;
                self.output.empty_parts += 1;
                self.output.note_length::<DIGEST>(length);
                Ok(self.elements(slice::from_ref(&**part), 0, length, depth))
            }
            _ => self.tuple(None, length),
        }
    }

    #[inline(always)]
    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Elements<'e, 'p, DIGEST>, Failed> {
        match self.content() {
            Content::Tuple(parts) => self.tuple(Some(parts), length),
            _ => self.tuple(None, length),
        }
    }

    #[inline(always)]
    fn serialize_tuple_variant(
        mut self,
        _: &'static str,
        number: u32,
        name: &'static str,
        length: usize,
    ) -> Result<Elements<'e, 'p, DIGEST>, Failed> {
        let depth = self.enter()?;
        let content = self.variant(number, name)?;
        self.output.note_length::<DIGEST>(length);
        match content {
            Content::Tuple(parts) if parts.len() == length => {
                Ok(Elements { variant: Some(name), ..self.elements(parts, 1, length, depth) })
            }
            Content::Any => {
                Ok(Elements { variant: Some(name), ..self.elements(slice::from_ref(&ANY_FORM), 0, length, depth) })
            }
            other => Err(unlike(&format!("a tuple of {length}"), other).within(name)),
        }
    }

    #[inline(always)]
    fn serialize_map(mut self, length: Option<usize>) -> Result<Entries<'e, 'p, DIGEST>, Failed> {
        let depth = self.enter()?;
        let counted = length.is_none().then_some(self.output.bytes.len());
        let length = length.unwrap_or(usize::MAX);
        let (key, value) = match self.form {
            // It may be a struct with a flattened field, which is not read as a map.
            Form::Map(_) if counted.is_some() => return Err(no_length()),
            Form::Map(forms) => (&forms.0, &forms.1),
            _ => {
                self.differs("a map")?;
                (&ANY_FORM, &ANY_FORM)
            }
        };
        self.put_length(length)?;
        let first = self.output.starts.len();
        Ok(Entries { output: self.output, key, value, left: length, length, counted, depth, first })
    }

    #[inline(always)]
    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Fields<'e, 'p, DIGEST>, Failed> {
        let content = match self.content() {
            Content::Nothing => {
                self.differs(name)?;
                &ANY_CONTENT
            }
            content => content,
        };
        self.fields(content)
    }

    #[inline(always)]
    fn serialize_struct_variant(
        mut self,
        _: &'static str,
        number: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Fields<'e, 'p, DIGEST>, Failed> {
        let content = self.variant(number, name)?;
        let fields = self.fields(content).map_err(|failed| failed.within(name))?;
        Ok(Fields { variant: Some(name), ..fields })
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}
