//! Decodes bytes to JSON according to the description of their type. Both may come from an untrusted
//! source: every length is compared with the remaining bytes before it is used, and the depth and the
//! number of parts are limited.

use super::format::{Container, Format, Named, Tree, Variant};
use super::integer::{Integer, IntegerWidth};
use super::{MAX_DEPTH, Result, SchemaError, definition, most_nodes};
use crate::types::error::bytes_in_words;
use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;

/// Decodes a payload as a JSON value.
pub fn value(tree: &Tree, payload: &[u8]) -> Result<Value> {
    let input = Input::new(tree, payload);
    input.finish(serde_json::to_value(input.part(&tree.root, 0)))
}

/// Decodes a payload as JSON on one line.
pub fn text(tree: &Tree, payload: &[u8], json: impl io::Write) -> Result<()> {
    let input = Input::new(tree, payload);
    input.finish(serde_json::to_writer(json, &input.part(&tree.root, 0)))
}

/// Returns the path to a part of a payload, given its number in the order of decoding. If the payload is
/// wrong before that, this is the path to the error.
pub fn path_to(tree: &Tree, payload: &[u8], part: usize) -> Option<String> {
    let input = Input::new(tree, payload);
    input.nodes_left.set(part);
    let outcome = serde_json::to_writer(io::sink(), &input.part(&tree.root, 0));
    outcome.is_err().then(|| [vec![definition::of_format(&tree.root)], input.path()].concat().join("."))
}

/// A payload and the position in it. Serializing a part of the payload advances the position.
struct Input<'a> {
    tree: &'a Tree,
    payload: &'a [u8],
    at: Cell<usize>,
    nodes_left: Cell<usize>,
    // Stored here because the error type of a serializer only has space for text.
    error: RefCell<Option<SchemaError>>,
    // The fields and variants that lead to the error, the innermost first.
    path: RefCell<Vec<String>>,
}

/// The next part of the payload.
struct Part<'a> {
    input: &'a Input<'a>,
    format: &'a Format,
    depth: usize,
}

/// An error that has already been stored in `Input::error`.
struct Noted;

type Step<T> = std::result::Result<T, Noted>;

impl<'a> Input<'a> {
    fn new(tree: &'a Tree, payload: &'a [u8]) -> Self {
        let nodes_left = Cell::new(most_nodes(payload.len()));
        Self { tree, payload, at: Cell::new(0), nodes_left, error: RefCell::new(None), path: RefCell::new(vec![]) }
    }

    fn part(&'a self, format: &'a Format, depth: usize) -> Part<'a> {
        Part { input: self, format, depth }
    }

    /// Returns the outcome, or an error if bytes are left over.
    fn finish<T>(&self, outcome: serde_json::Result<T>) -> Result<T> {
        match outcome {
            Ok(value) if self.at.get() == self.payload.len() => Ok(value),
            Ok(_) => Err(self.wrong(format!("the value ends here, and {} left over", left_over(self.left())))),
            Err(error) => Err(self.with_path(self.error.take().unwrap_or_else(|| self.wrong(error.to_string())))),
        }
    }

    fn path(&self) -> Vec<String> {
        self.path.borrow().iter().rev().cloned().collect()
    }

    #[cold]
    fn with_path(&self, error: SchemaError) -> SchemaError {
        match (error, self.path()) {
            (SchemaError::Bytes { at, reason }, path) if !path.is_empty() => {
                let path = [vec![definition::of_format(&self.tree.root)], path].concat().join(".");
                SchemaError::Bytes { at, reason: format!("{path}: {reason}") }
            }
            (error, _) => error,
        }
    }

    /// Adds a name to the path of an error.
    fn within<E>(&self, name: impl fmt::Display) -> impl FnOnce(E) -> E {
        move |error| {
            self.path.borrow_mut().push(name.to_string());
            error
        }
    }

    fn left(&self) -> usize {
        self.payload.len() - self.at.get()
    }

    fn wrong(&self, reason: String) -> SchemaError {
        SchemaError::Bytes { at: self.at.get(), reason }
    }

    fn fail<T>(&self, reason: String) -> Step<T> {
        self.error.replace(Some(self.wrong(reason)));
        Err(Noted)
    }

    /// Counts a part before it is decoded.
    fn count(&self, depth: usize) -> Step<()> {
        if depth >= MAX_DEPTH {
            return self.fail(format!("the value is nested more than {MAX_DEPTH} levels deep"));
        }
        match self.nodes_left.get().checked_sub(1) {
            Some(left) => {
                self.nodes_left.set(left);
                Ok(())
            }
            None => self.fail("too many elements for a value of this length".to_owned()),
        }
    }

    fn take(&self, count: u64) -> Step<&'a [u8]> {
        let rest = &self.payload[self.at.get()..];
        match usize::try_from(count).ok().and_then(|count| rest.get(..count)) {
            Some(bytes) => {
                self.at.set(self.at.get() + bytes.len());
                Ok(bytes)
            }
            None => self.fail(format!(
                "the type needs {} more, and only {} left",
                bytes_in_words(count),
                left_over(rest.len())
            )),
        }
    }

    fn array<const N: usize>(&self) -> Step<[u8; N]> {
        Ok(self.take(N as u64)?.try_into().expect("the slice has N bytes"))
    }

    /// Reads a length or count. A count may be larger than the number of remaining bytes, because elements
    /// may use no bytes.
    fn length(&self) -> Step<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// Reads a byte that must be 0 or 1.
    fn flag(&self, of: &str) -> Step<bool> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => self.fail(format!("{of} is {other}, not 0 or 1")),
        }
    }

    fn text(&self, bytes: u64) -> Step<&'a str> {
        str::from_utf8(self.take(bytes)?)
            .or_else(|error| self.fail(format!("a string is not UTF-8: its byte {} is invalid", error.valid_up_to())))
    }

    fn character(&self) -> Step<&'a str> {
        let first = self.payload.get(self.at.get()).copied().unwrap_or(0);
        let length = match first {
            ..0xc0 => 1,
            0xc0..0xe0 => 2,
            0xe0..0xf0 => 3,
            0xf0.. => 4,
        };
        self.text(length)
    }

    fn variant(&self, variants: &'a BTreeMap<u32, Named<Variant>>) -> Step<&'a Named<Variant>> {
        let number = u32::from_le_bytes(self.array()?);
        variants.get(&number).map_or_else(|| self.fail(format!("the enum has no variant with number {number}")), Ok)
    }

    /// Reads a part as the name of an object's member.
    fn key(&'a self, format: &'a Format, depth: usize) -> Step<String> {
        self.count(depth)?;
        Ok(match format {
            Format::Bool => self.flag("a boolean")?.to_string(),
            Format::Char => self.character()?.to_owned(),
            Format::Str => self.text(self.length()?)?.to_owned(),
            Format::TypeName(name) => match &self.tree.types[name] {
                Container::NewTypeStruct(inner) => self.key(inner, depth + 1)?,
                Container::Enum(variants) => self.variant(variants)?.name.clone(),
                _ => unreachable!("not a simple key"),
            },
            number => self.integer(number)?.expect("a simple key is nothing else").to_string(),
        })
    }

    /// Reads an integer, if the format is an integer.
    fn integer(&self, format: &Format) -> Step<Option<Integer>> {
        let Some(width) = IntegerWidth::of(format) else { return Ok(None) };
        Ok(Some(width.read(self.take(width.bytes as u64)?)))
    }
}

/// `1 byte is`, `2 bytes are`.
fn left_over(bytes: usize) -> String {
    format!("{} {}", bytes_in_words(bytes as u64), if bytes == 1 { "is" } else { "are" })
}

impl Integer {
    /// Serializes an integer as a number if it fits into 64 bits, otherwise as a string of its digits,
    /// because not all JSON readers can read larger numbers.
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let (signed, unsigned) = match *self {
            Self::Signed(number) => (i64::try_from(number).ok(), u64::try_from(number).ok()),
            Self::Unsigned(number) => (None, u64::try_from(number).ok()),
        };
        match (signed, unsigned) {
            (Some(number), _) => serializer.serialize_i64(number),
            (_, Some(number)) => serializer.serialize_u64(number),
            _ => serializer.collect_str(self),
        }
    }
}

impl Part<'_> {
    fn inner<'b>(&'b self, format: &'b Format) -> Part<'b> {
        self.input.part(format, self.depth + 1)
    }

    fn map<S: Serializer>(&self, serializer: S, key: &Format, value: &Format) -> std::result::Result<S::Ok, S::Error> {
        let input = self.input;
        let pairs = input.length().or_else(noted)?;
        if !input.tree.is_simple_key(key) {
            let mut list = serializer.serialize_seq(None)?;
            for index in 0..pairs {
                list.serialize_element(&Pair(self.inner(key), self.inner(value))).map_err(input.within(index))?;
            }
            return list.end();
        }
        let mut object = serializer.serialize_map(None)?;
        let mut keys = BTreeSet::new();
        for _ in 0..pairs {
            let key = input.key(key, self.depth + 1).or_else(noted)?;
            object.serialize_entry(&key, &self.inner(value)).map_err(input.within(&key))?;
            if let Some(twice) = keys.replace(key) {
                return input.fail(format!("the map contains the key '{twice}' twice")).or_else(noted);
            }
        }
        object.end()
    }

    fn list<'b, S: Serializer>(
        &'b self,
        serializer: S,
        formats: impl Iterator<Item = &'b Format>,
    ) -> std::result::Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for (index, format) in formats.enumerate() {
            list.serialize_element(&self.inner(format)).map_err(self.input.within(index))?;
        }
        list.end()
    }

    fn fields<S: Serializer>(&self, serializer: S, fields: &[Named<Format>]) -> std::result::Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(fields.len()))?;
        for field in fields {
            let written = object.serialize_entry(&field.name, &self.inner(&field.value));
            written.map_err(self.input.within(&field.name))?;
        }
        object.end()
    }

    fn container<S: Serializer>(&self, serializer: S, name: &str) -> std::result::Result<S::Ok, S::Error> {
        match &self.input.tree.types[name] {
            Container::UnitStruct => serializer.serialize_unit(),
            Container::NewTypeStruct(inner) => self.inner(inner).serialize(serializer),
            Container::TupleStruct(parts) => self.list(serializer, parts.iter()),
            Container::Struct(fields) => self.fields(serializer, fields),
            Container::Enum(variants) => {
                let variant = self.input.variant(variants).or_else(noted)?;
                if variant.value == Variant::Unit {
                    return serializer.serialize_str(&variant.name);
                }
                let mut object = serializer.serialize_map(Some(1))?;
                let written = object.serialize_entry(&variant.name, &OfVariant(self, &variant.value));
                written.map_err(self.input.within(&variant.name))?;
                object.end()
            }
        }
    }
}

/// A key that is not simple, with its value.
struct Pair<'a>(Part<'a>, Part<'a>);

impl Serialize for Pair<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        (&self.0, &self.1).serialize(serializer)
    }
}

/// The contents of a variant, which follow its name.
struct OfVariant<'a>(&'a Part<'a>, &'a Variant);

impl Serialize for OfVariant<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self.1 {
            Variant::NewType(inner) => self.0.inner(inner).serialize(serializer),
            Variant::Tuple(parts) => self.0.list(serializer, parts.iter()),
            Variant::Struct(fields) => self.0.fields(serializer, fields),
            Variant::Unit | Variant::Unknown => serializer.serialize_unit(),
        }
    }
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let input = self.input;
        input.count(self.depth).or_else(noted)?;
        match self.format {
            Format::Unit => serializer.serialize_unit(),
            Format::Bool => serializer.serialize_bool(input.flag("a boolean").or_else(noted)?),
            Format::F32 => float32(f32::from_le_bytes(input.array().or_else(noted)?), serializer),
            Format::F64 => float64(f64::from_le_bytes(input.array().or_else(noted)?), serializer),
            Format::Char => serializer.serialize_str(input.character().or_else(noted)?),
            Format::Str => {
                serializer.serialize_str(input.length().and_then(|length| input.text(length)).or_else(noted)?)
            }
            Format::Bytes => {
                let bytes = input.length().and_then(|length| input.take(length)).or_else(noted)?;
                serializer.collect_str(&Base64Display::new(bytes, &STANDARD))
            }
            Format::TypeName(name) => self.container(serializer, name),
            Format::Option(inner) => match input.flag("an option").or_else(noted)? {
                true => self.inner(inner).serialize(serializer),
                false => serializer.serialize_unit(),
            },
            Format::Seq(inner) => {
                let count = input.length().or_else(noted)?;
                self.list(serializer, repeat(inner, count))
            }
            Format::Map { key, value } => self.map(serializer, key, value),
            Format::Tuple(parts) => self.list(serializer, parts.iter()),
            Format::TupleArray { content, size } => self.list(serializer, repeat(content, *size)),
            Format::Unknown => noted(Noted),
            number => input.integer(number).or_else(noted)?.expect("the last format there is").serialize(serializer),
        }
    }
}

/// The elements of a list. More than a `usize` counts never fit into a value.
fn repeat(format: &Format, count: u64) -> impl Iterator<Item = &Format> {
    std::iter::repeat_n(format, usize::try_from(count).unwrap_or(usize::MAX))
}

/// Serializes the shortest number that is read as the same `f32`. JSON numbers are read as `f64`. If
/// several numbers are equally short and equally close, this is the one that serde_json chooses.
fn float32<S: Serializer>(number: f32, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    let digits = serde_json::to_string(&number).ok();
    let shortest = digits.and_then(|digits| digits.parse::<f64>().ok()).unwrap_or(number.into());
    #[expect(clippy::cast_possible_truncation, reason = "this tests whether the number is exact")]
    let is_exact = shortest as f32 == number;
    float64(if is_exact { shortest } else { number.into() }, serializer)
}

fn float64<S: Serializer>(number: f64, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    match number {
        number if number.is_nan() => serializer.serialize_str("NaN"),
        f64::INFINITY => serializer.serialize_str("Infinity"),
        f64::NEG_INFINITY => serializer.serialize_str("-Infinity"),
        number => serializer.serialize_f64(number),
    }
}

fn noted<T, E: serde::ser::Error>(_: Noted) -> std::result::Result<T, E> {
    Err(E::custom("see Input::error"))
}
