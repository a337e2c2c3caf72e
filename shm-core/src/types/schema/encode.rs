//! Encodes JSON as bytes according to the description of a type. An error names the place in the value,
//! what was expected there, and what was found.

use super::format::{Container, Format, Named, Tree, Variant};
use super::{MAX_DEPTH, Result, SchemaError, definition, most_nodes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt::Display;

/// Encodes a JSON value as a payload.
pub fn encode(tree: &Tree, value: &Value) -> Result<Vec<u8>> {
    let mut output = Output { tree, bytes: Vec::new(), path: vec![], nodes: 0 };
    output.put(&tree.root, value, 0)?;
    if output.nodes > most_nodes(output.bytes.len()) {
        return output.fail("the value has too many elements that take no bytes");
    }
    Ok(output.bytes)
}

struct Output<'a> {
    tree: &'a Tree,
    bytes: Vec<u8>,
    // The fields, variants and indices that lead to the current part.
    path: Vec<String>,
    nodes: usize,
}

impl<'a> Output<'a> {
    fn fail<T>(&self, reason: impl Display) -> Result<T> {
        let root = match &self.tree.root {
            Format::TypeName(name) => definition::escaped(name),
            _ if self.path.is_empty() => String::new(),
            _ => "value".to_owned(),
        };
        let path = [vec![root], self.path.clone()].concat().join(".");
        Err(SchemaError::Json { path, reason: reason.to_string() })
    }

    fn expected<T>(&self, what: impl Display, got: &Value) -> Result<T> {
        self.fail(format!("expected {what}, got {}", shown(got)))
    }

    /// Describes the JSON form of a type, with its name unless the path already ends with it.
    fn shape(&self, title: &str, form: impl Display) -> String {
        if self.path.is_empty() { form.to_string() } else { format!("{} ({form})", definition::escaped(title)) }
    }

    /// Continues with a part, and adds its name or index to the path.
    fn within(&mut self, place: impl Display, format: &'a Format, value: &Value, depth: usize) -> Result<()> {
        self.path.push(place.to_string());
        self.put(format, value, depth + 1)?;
        self.path.pop();
        Ok(())
    }

    fn put(&mut self, format: &'a Format, value: &Value, depth: usize) -> Result<()> {
        self.check_depth(depth)?;
        self.nodes += 1;
        match (format, value) {
            (Format::Unit, Value::Null) => {}
            (Format::Bool, Value::Bool(flag)) => self.bytes.push((*flag).into()),
            (Format::F32 | Format::F64, value) => return self.float(format, value),
            (Format::Char, Value::String(text)) if text.chars().count() == 1 => self.bytes.extend(text.as_bytes()),
            (Format::Str, Value::String(text)) => self.counted(text.as_bytes()),
            (Format::Bytes, value) => return self.blob(value),
            (Format::TypeName(name), value) => return self.container(name, value, depth),
            (Format::Option(_), Value::Null) => self.bytes.push(0),
            (Format::Option(inner), value) => {
                self.bytes.push(1);
                return self.put(inner, value, depth + 1);
            }
            (Format::Seq(inner), Value::Array(items)) => {
                self.length(items.len());
                return self.items(std::iter::repeat(&**inner), items, depth);
            }
            (Format::Map { key, value: inner }, value) => return self.map(key, inner, value, depth),
            (Format::Tuple(parts), Value::Array(items)) if items.len() == parts.len() => {
                return self.items(parts.iter(), items, depth);
            }
            (Format::TupleArray { content, size }, Value::Array(items)) if items.len() as u64 == *size => {
                return self.items(std::iter::repeat(&**content), items, depth);
            }
            (format, value) => return self.integer(format, value),
        }
        Ok(())
    }

    fn check_depth(&self, depth: usize) -> Result<()> {
        if depth < MAX_DEPTH {
            Ok(())
        } else {
            self.fail(format!("the value is nested more than {MAX_DEPTH} levels deep"))
        }
    }

    fn length(&mut self, length: usize) {
        self.bytes.extend((length as u64).to_le_bytes());
    }

    fn counted(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.bytes.extend(bytes);
    }

    fn float(&mut self, format: &Format, value: &Value) -> Result<()> {
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => match text.as_str() {
                "NaN" => Some(f64::NAN),
                "Infinity" => Some(f64::INFINITY),
                "-Infinity" => Some(f64::NEG_INFINITY),
                _ => None,
            },
            _ => None,
        };
        let Some(number) = number else { return self.expected(definition::of_format(format), value) };
        #[expect(clippy::cast_possible_truncation, reason = "the format document requires rounding")]
        match format {
            Format::F32 if number.is_finite() && (number as f32).is_infinite() => {
                return self.expected("a number in the range of f32", value);
            }
            Format::F32 => self.bytes.extend((number as f32).to_le_bytes()),
            _ => self.bytes.extend(number.to_le_bytes()),
        }
        Ok(())
    }

    /// Encodes an integer, given as a number or as a string of digits. Any other value does not match its
    /// format.
    fn integer(&mut self, format: &Format, value: &Value) -> Result<()> {
        let digits = match value {
            Value::Number(number) => number.to_string(),
            Value::String(digits) if is_shortest(digits) => digits.clone(),
            _ => String::new(),
        };
        macro_rules! number {
            ($type:ty) => {
                digits.parse::<$type>().ok().map(|number| self.bytes.extend(number.to_le_bytes()))
            };
        }
        let put = match format {
            Format::I8 => number!(i8),
            Format::I16 => number!(i16),
            Format::I32 => number!(i32),
            Format::I64 => number!(i64),
            Format::I128 => number!(i128),
            Format::U8 => number!(u8),
            Format::U16 => number!(u16),
            Format::U32 => number!(u32),
            Format::U64 => number!(u64),
            Format::U128 => number!(u128),
            _ => None,
        };
        put.map_or_else(|| self.expected(definition::of_format(format), value), Ok)
    }

    /// Encodes bytes, given as base64 or as a list of numbers.
    fn blob(&mut self, value: &Value) -> Result<()> {
        let bytes = match value {
            Value::String(text) => STANDARD.decode(text).ok(),
            Value::Array(items) => {
                items.iter().map(|item| item.as_u64().and_then(|byte| u8::try_from(byte).ok())).collect()
            }
            _ => None,
        };
        match bytes {
            Some(bytes) => {
                self.counted(&bytes);
                Ok(())
            }
            None => self.expected("bytes, as base64 or a list of numbers from 0 to 255", value),
        }
    }

    fn items(&mut self, formats: impl Iterator<Item = &'a Format>, items: &[Value], depth: usize) -> Result<()> {
        formats.zip(items).enumerate().try_for_each(|(index, (format, item))| self.within(index, format, item, depth))
    }

    fn map(&mut self, key: &'a Format, inner: &'a Format, value: &Value, depth: usize) -> Result<()> {
        match value {
            Value::Object(members) if self.tree.is_simple_key(key) => {
                self.length(members.len());
                members.iter().try_for_each(|(name, member)| {
                    self.key(key, name, depth + 1)?;
                    self.within(name, inner, member, depth)
                })
            }
            Value::Array(pairs) if !self.tree.is_simple_key(key) => {
                self.length(pairs.len());
                pairs.iter().enumerate().try_for_each(|(index, pair)| match pair.as_array().map(Vec::as_slice) {
                    Some([first, second]) => {
                        self.within(index, key, first, depth)?;
                        self.within(index, inner, second, depth)
                    }
                    _ => self.expected(format!("a pair of key and value at index {index}"), pair),
                })
            }
            _ if self.tree.is_simple_key(key) => self.expected("an object", value),
            _ => self.expected("a list of pairs of key and value", value),
        }
    }

    /// Encodes the name of an object's member as the key that it represents.
    fn key(&mut self, format: &'a Format, name: &str, depth: usize) -> Result<()> {
        match format {
            Format::Bool if !matches!(name, "true" | "false") => self.expected("the key true or false", &name.into()),
            Format::Bool => self.put(format, &(name == "true").into(), depth),
            Format::Str | Format::Char => self.put(format, &name.into(), depth),
            Format::TypeName(title) => {
                self.check_depth(depth)?;
                self.nodes += 1;
                match &self.tree.types[title] {
                    Container::NewTypeStruct(inner) => self.key(inner, name, depth + 1),
                    _ => self.container(title, &name.into(), depth),
                }
            }
            // Two different names must not represent the same key.
            number if !is_shortest(name) => {
                let number = definition::of_format(number);
                self.expected(format!("a key that is {number}, written with its fewest digits"), &name.into())
            }
            number => self.put(number, &name.into(), depth),
        }
    }

    fn container(&mut self, title: &'a str, value: &Value, depth: usize) -> Result<()> {
        match (&self.tree.types[title], value) {
            (Container::UnitStruct, Value::Null) => Ok(()),
            (Container::NewTypeStruct(inner), value) => self.put(inner, value, depth + 1),
            (Container::TupleStruct(parts), Value::Array(items)) if items.len() == parts.len() => {
                self.items(parts.iter(), items, depth)
            }
            (Container::Struct(fields), Value::Object(members)) => self.fields(fields, members, depth),
            (Container::Enum(variants), value) => {
                let (name, content) = match value {
                    Value::String(name) => (name.as_str(), None),
                    Value::Object(members) if members.len() == 1 => {
                        members.iter().next().map(|(name, content)| (name.as_str(), Some(content))).expect("one")
                    }
                    _ => {
                        return self.expected(
                            self.shape(title, "the name of a variant, or an object with one variant"),
                            value,
                        );
                    }
                };
                match variants.iter().find(|(_, variant)| variant.name == name) {
                    Some((number, variant)) => {
                        self.bytes.extend(number.to_le_bytes());
                        self.path.push(name.to_owned());
                        self.variant(&variant.value, content, depth)?;
                        self.path.pop();
                        Ok(())
                    }
                    None => self.expected(self.shape(title, format!("one of {}", names(variants.values()))), value),
                }
            }
            (Container::UnitStruct, value) => self.expected(self.shape(title, "null"), value),
            (Container::TupleStruct(parts), value) => self.expected(self.shape(title, list_of(parts.len())), value),
            (Container::Struct(fields), value) => {
                self.expected(self.shape(title, format!("an object with {}", fields_in_words(fields))), value)
            }
        }
    }

    fn variant(&mut self, variant: &'a Variant, content: Option<&Value>, depth: usize) -> Result<()> {
        match (variant, content) {
            (Variant::Unit, None) => Ok(()),
            (Variant::NewType(inner), Some(content)) => self.put(inner, content, depth + 1),
            (Variant::Tuple(parts), Some(Value::Array(items))) if items.len() == parts.len() => {
                self.items(parts.iter(), items, depth)
            }
            (Variant::Struct(fields), Some(Value::Object(members))) => self.fields(fields, members, depth),
            (Variant::Unit, Some(_)) => self.fail("expected only the variant's name, without content"),
            (Variant::Struct(_), _) => self.fail("expected an object with the variant's fields"),
            (Variant::Tuple(parts), _) => self.fail(format!("expected {}", list_of(parts.len()))),
            _ => self.fail("expected an object with the variant's content"),
        }
    }

    fn fields(&mut self, fields: &'a [Named<Format>], members: &Map<String, Value>, depth: usize) -> Result<()> {
        if members.len() > fields.len() || fields.iter().any(|field| !members.contains_key(&field.name)) {
            let known: BTreeSet<&str> = fields.iter().map(|field| field.name.as_str()).collect();
            if let Some(name) = members.keys().find(|name| !known.contains(name.as_str())) {
                return self.fail(format!("unknown field '{name}'; the type has {}", fields_in_words(fields)));
            }
        }
        fields.iter().try_for_each(|field| match members.get(&field.name) {
            Some(member) => self.within(&field.name, &field.value, member, depth),
            None => self.fail(format!("the field '{}' is missing", field.name)),
        })
    }
}

/// Returns whether an integer with these digits is printed with exactly these digits.
fn is_shortest(digits: &str) -> bool {
    let magnitude = digits.strip_prefix('-').unwrap_or(digits);
    digits == "0" || magnitude.starts_with(|first: char| ('1'..='9').contains(&first))
}

fn fields_in_words(fields: &[Named<Format>]) -> String {
    match fields {
        [] => "no fields".to_owned(),
        [field] => format!("the field {}", field.name),
        fields => format!("the fields {}", names(fields)),
    }
}

fn list_of(count: usize) -> String {
    format!("a list of {count} element{}", if count == 1 { "" } else { "s" })
}

fn names<'a, T: 'a>(items: impl IntoIterator<Item = &'a Named<T>>) -> String {
    items.into_iter().map(|item| item.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Returns a value for an error message, completely if it is short.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match value {
        _ if text.chars().count() <= 60 => text,
        Value::Array(items) => list_of(items.len()),
        Value::Object(members) => format!("an object with {} members", members.len()),
        _ => text.chars().take(57).chain("...".chars()).collect(),
    }
}
