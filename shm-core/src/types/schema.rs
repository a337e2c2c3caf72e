//! Schemas: a description of the type of a region's values. With it, a program that does not know the
//! type can read the values, and a program with another type is refused. Does not depend on regions or
//! on the source of the bytes.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

mod by_name;
mod check;
mod decode;
mod definition;
mod difference;
mod encode;
mod format;
mod integer;
mod parse;
mod plan;
#[cfg(test)]
mod tests;
mod trace;

use super::error::ValueError;
use super::payload;
use super::payload::plan::Plan;
use format::{Format, Tree};
use trace::{Cause, Failure};

/// The maximum depth of formats within a value that is decoded or encoded by a schema.
const MAX_DEPTH: usize = 128;

/// Returns how many formats may be decoded from a payload of this length. Without this limit, a few
/// bytes could claim millions of elements that use no bytes.
fn most_nodes(payload_bytes: usize) -> usize {
    payload_bytes.saturating_mul(8).saturating_add(4096)
}

/// A description of the type of a region's values, which is stored in the region.
///
/// [`Writer`](crate::Writer) and [`Reader`](crate::Reader) derive the schema from the type's
/// `Deserialize`. This does not work for all types; the error names the field and the reason:
///
/// - *Types that validate their input in a way that [`of`](Self::of) does not know, and enums with
///   `#[serde(alias)]` on a variant.* Create the schema with [`from_samples`](Self::from_samples) or
///   [`named`](Self::named), and set it in the options of the writer and the readers.
/// - *Types that need a self-describing format (`#[serde(untagged)]`, `tag`, `flatten`).* Even with a
///   schema, no [`Reader`](crate::Reader) could decode their values, so opening refuses them. Publish them as
///   JSON instead, with the option [`json`](crate::WriterOptions::json).
///
/// `Serialize` and `Deserialize` of the type must match. With `#[serde(skip_serializing_if)]`, or with
/// `#[serde(skip)]` on a variant that is not the last one, they do not match, and readers would decode
/// another value. A [`Writer`](crate::Writer) compares each value with the schema while it encodes it, and
/// refuses to publish one that does not match.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use shm_core::Schema;
///
/// #[derive(Serialize, Deserialize)]
/// struct Reading {
///     room: String,
///     position: (f64, f64),
/// }
///
/// # fn main() -> shm_core::Result<()> {
/// let schema = Schema::of::<Reading>()?;
/// assert_eq!(schema.to_string(), "struct Reading {\n    room: String,\n    position: [f64; 2],\n}\n");
/// let bytes = schema.encode(&serde_json::json!({"room": "kitchen", "position": [1.0, 2.0]}))?;
/// assert_eq!(schema.decode(&bytes)?["room"], "kitchen");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Schema {
    json: Arc<str>,
    content: Arc<Content>,
}

/// The contents of a schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Content {
    /// A complete description of the type.
    Tree(Tree),
    /// Only a name and a version.
    Name(Name),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Name {
    name: String,
    version: u64,
}

/// Why a schema cannot be created or used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The schema cannot be derived from the type's `Deserialize`, or from the samples.
    #[error(
        "cannot derive a schema of the type '{type_name}': {reason}; create one with Schema::from_samples or Schema::named, and pass it to the options of the writer and the reader"
    )]
    Untraceable {
        /// The type's name in Rust.
        type_name: &'static str,
        /// The reason.
        reason: String,
    },
    /// The type, or a part of it, has no encoding, because its `Deserialize` needs a self-describing format.
    #[error(
        "the type '{type_name}' cannot be encoded: {reason}; set the option `json` of the writer and the readers, or choose another type"
    )]
    SelfDescribing {
        /// The type's name in Rust.
        type_name: &'static str,
        /// The attribute or type that needs such a format.
        reason: String,
    },
    /// The document is not a valid schema.
    #[error("the JSON is not a schema: {0}")]
    Malformed(String),
    /// The bytes are not a value of the type.
    #[error("at byte {at} of the value: {reason}")]
    Bytes {
        /// The offset of the problem in the payload.
        at: usize,
        /// The problem.
        reason: String,
    },
    /// The JSON is not a value of the type.
    #[error("{}{reason}", in_front(.path))]
    Json {
        /// The place of the problem in the value, such as `Reading.position.1`. Empty for a whole value
        /// whose type has no name.
        path: String,
        /// The expected and the actual value.
        reason: String,
    },
}

type Result<T> = std::result::Result<T, SchemaError>;

impl Schema {
    /// Derives the schema of a type. This deserializes made-up values of the type until the type has shown
    /// all of its parts.
    ///
    /// If a part refuses a value, it is offered others: numbers, times, identifiers, addresses, bytes of many
    /// lengths, and what its error asks for. Sequences get more elements, and several values are varied
    /// together. So most types that validate their input can be used, too. A part that accepts none of these
    /// values is an error only if it hides other parts: a struct cannot show the fields after it.
    ///
    /// ```
    /// use serde::Deserialize;
    /// use shm_core::Schema;
    ///
    /// #[derive(Deserialize)]
    /// #[serde(try_from = "String")]
    /// struct Email(String);
    /// # impl TryFrom<String> for Email {
    /// #     type Error = String;
    /// #     fn try_from(text: String) -> Result<Self, String> {
    /// #         if text.contains('@') { Ok(Self(text)) } else { Err("no address".into()) }
    /// #     }
    /// # }
    ///
    /// #[derive(Deserialize)]
    /// struct Contact {
    ///     email: Email,
    ///     since: u16,
    /// }
    ///
    /// # fn main() -> shm_core::Result<()> {
    /// assert_eq!(Schema::of::<Contact>()?.to_string(), "struct Contact {\n    email: String,\n    since: u16,\n}\n");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SchemaError::Untraceable`] or [`SchemaError::SelfDescribing`].
    pub fn of<T: DeserializeOwned>() -> Result<Self> {
        Self::new(Content::Tree(trace::trace::<T>().map_err(untraced::<T>)?))
    }

    /// Refuses a type if none of its values can be decoded.
    pub(crate) fn require_encoding<T: DeserializeOwned>() -> Result<()> {
        match trace::trace::<T>() {
            Err(failure) if failure.cause == Cause::SelfDescribing { always: true } => Err(untraced::<T>(failure)),
            _ => Ok(()),
        }
    }

    /// Derives the schema of a type from values of the type.
    ///
    /// The samples must show every part of the type: each enum variant that will be published, each
    /// `Option` as `Some`, and each sequence with at least one element.
    ///
    /// ```
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Clone, Serialize, Deserialize)]
    /// #[serde(try_from = "String", into = "String")]
    /// struct Part(String);
    /// # impl TryFrom<String> for Part {
    /// #     type Error = String;
    /// #     fn try_from(text: String) -> Result<Self, String> {
    /// #         if text.starts_with("part ") { Ok(Self(text)) } else { Err("no part".into()) }
    /// #     }
    /// # }
    /// # impl From<Part> for String {
    /// #     fn from(part: Part) -> String { part.0 }
    /// # }
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Order {
    ///     part: Part,
    ///     count: u8,
    /// }
    ///
    /// # fn main() -> shm_core::Result<()> {
    /// use shm_core::Schema;
    /// assert!(Schema::of::<Order>().is_err());
    /// let schema = Schema::from_samples(&[Order { part: Part("part 7".into()), count: 2 }])?;
    /// assert_eq!(schema.to_string(), "struct Order {\n    part: String,\n    count: u8,\n}\n");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SchemaError::Untraceable`] if there are no samples, if they do not show a part of the type, or if
    /// two types have the same name.
    pub fn from_samples<T: Serialize>(samples: &[T]) -> Result<Self> {
        let tree = trace::trace_samples(samples).map_err(|reason| untraceable::<T>(reason))?;
        Self::new(Content::Tree(tree))
    }

    /// Creates a schema that only names the type, for programs that share the type's definition in another
    /// way. A program that does not know the type can only read the values as bytes.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Malformed`] if the name is empty or longer than 256 bytes.
    pub fn named(name: &str, version: u64) -> Result<Self> {
        Self::new(Content::Name(Name { name: name.to_owned(), version }))
    }

    /// Parses the JSON of a schema. The JSON may come from an untrusted source.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Malformed`] if the document breaks the rules in docs/FORMAT.md.
    pub fn parse(json: &str) -> Result<Self> {
        check::length(json)?;
        let named = || serde_json::from_str(json).map(Content::Name);
        let content = serde_json::from_str(json).map(Content::Tree).or_else(|error| named().map_err(|_| error));
        let content = content.map_err(|error| SchemaError::Malformed(error.to_string()))?;
        check::form(json, &content)?;
        Self::new(content)
    }

    /// Checks every schema, including those that were derived here, because other programs will check it,
    /// too.
    fn new(content: Content) -> Result<Self> {
        let mut content = content;
        match &mut content {
            Content::Tree(tree) => {
                check::tree(tree)?;
                tree.normalize();
            }
            Content::Name(Name { name, .. }) => check::name(name)?,
        }
        let json = serde_json::to_string(&content).map_err(|error| SchemaError::Malformed(error.to_string()))?;
        check::length(&json)?;
        // Other programs must be able to parse the schema, and they limit how deeply it nests.
        let readable = match &content {
            Content::Tree(_) => serde_json::from_str(&json).map(Content::Tree),
            Content::Name(_) => serde_json::from_str(&json).map(Content::Name),
        };
        readable.map_err(|error| SchemaError::Malformed(error.to_string()))?;
        Ok(Self { json: json.into(), content: Arc::new(content) })
    }

    /// Returns the canonical JSON of the schema.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.json
    }

    /// Returns the name of the type, if the type is a struct or an enum, or if the schema only names it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &*self.content {
            Content::Tree(Tree { root: Format::TypeName(name), .. }) | Content::Name(Name { name, .. }) => Some(name),
            Content::Tree(_) => None,
        }
    }

    /// Returns whether the schema describes how values are encoded. A schema from [`named`](Self::named)
    /// does not.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(&*self.content, Content::Tree(_))
    }

    /// Decodes a payload to JSON, by the rules in docs/FORMAT.md. The members of an object are in the order
    /// of the fields.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Bytes`] if the payload is not a value of the type, or if the schema only names the
    /// type.
    pub fn decode(&self, payload: &[u8]) -> Result<Value> {
        decode::value(self.tree()?, payload)
    }

    /// Decodes a payload to JSON text on one line, which is appended to `json`. After an error, `json` may
    /// contain a part of the text.
    ///
    /// # Errors
    ///
    /// The same as [`decode`](Self::decode).
    pub fn decode_json(&self, payload: &[u8], json: &mut Vec<u8>) -> Result<()> {
        decode::text(self.tree()?, payload, json)
    }

    /// Encodes JSON as a payload.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Json`] if the JSON is not a value of the type; [`SchemaError::Bytes`] if the schema
    /// only names the type.
    pub fn encode(&self, value: &Value) -> Result<Vec<u8>> {
        encode::encode(self.tree()?, value)
    }

    /// Encodes JSON text as a payload. Unlike [`encode`](Self::encode) after `serde_json`, this refuses an
    /// object in which a name appears twice, and accepts every value that [`decode_json`](Self::decode_json)
    /// writes, however deeply it nests.
    ///
    /// # Errors
    ///
    /// As for [`encode`](Self::encode). [`SchemaError::Json`] also if the text is not JSON.
    pub fn encode_json(&self, json: &str) -> Result<Vec<u8>> {
        let tree = self.tree()?;
        let value = parse::value(json).map_err(|error| SchemaError::Json {
            path: definition::of_format(&tree.root),
            reason: error.to_string(),
        })?;
        encode::encode(tree, &value)
    }

    fn tree(&self) -> Result<&Tree> {
        match &*self.content {
            Content::Tree(tree) => Ok(tree),
            Content::Name(Name { name, version }) => {
                let reason = format!(
                    "the schema contains only the type's name '{name}' and its version {version}, not its fields"
                );
                Err(SchemaError::Bytes { at: 0, reason })
            }
        }
    }

    /// Decodes a payload as a Rust type that may differ from the one it was written with: the parts are found by
    /// their names.
    pub(crate) fn decode_by_name<'b, T: Deserialize<'b>>(
        &self,
        payload: &'b [u8],
        place: &mut Option<T>,
    ) -> std::result::Result<(), ValueError> {
        let tree = self.tree()?;
        let input = by_name::Input::new(payload);
        let decoded = payload::decode_with(by_name::Part::whole(tree, &input), payload.len(), place);
        match (decoded, input.left()) {
            (Ok(()), 0) => Ok(()),
            (Ok(()), left_over) => Err(ValueError::LeftOver { left_over, bytes: payload.len() }),
            (Err(misfit), _) => Err(ValueError::Encoding { reason: misfit.to_string() }),
        }
    }

    /// Returns whether two schemas are the same object, which is quick to check. Equal schemas may be two objects.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.content, &other.content)
    }

    /// Checks that a payload is a value of the type.
    pub(crate) fn check(&self, payload: &[u8]) -> Result<()> {
        decode::text(self.tree()?, payload, std::io::sink())
    }

    /// Returns the path to a part of a payload, given its number in the order of decoding.
    pub(crate) fn path_to(&self, payload: &[u8], part: usize) -> Option<String> {
        decode::path_to(self.tree().ok()?, payload, part)
    }

    /// Returns what `Deserialize` of the type reads, or `None` if the schema only names the type.
    pub(crate) fn plan(&self) -> Option<Plan> {
        self.tree().ok().map(plan::of_tree)
    }

    /// Describes the first difference between the schema of a region and that of a program, which are not
    /// equal.
    pub(crate) fn difference(region: &Self, here: &Self) -> String {
        let first = match (&*region.content, &*here.content) {
            (Content::Tree(region), Content::Tree(here)) => difference::first(region, here),
            _ => Some(format!("the values are {} in the region, and {} in this program", region.title(), here.title())),
        };
        first.unwrap_or_else(|| "its schemas name the types differently".to_owned())
    }

    fn title(&self) -> String {
        match &*self.content {
            Content::Tree(tree) => definition::of_format(&tree.root),
            Content::Name(Name { name, version }) => format!("'{name}' version {version} (known only by name)"),
        }
    }
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

impl Eq for Schema {}

impl fmt::Display for Schema {
    /// Prints the type's definition in a notation similar to Rust: first the type itself, then the types
    /// that it contains.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.content {
            Content::Tree(tree) => f.write_str(&definition::of_tree(tree)),
            Content::Name(Name { name, version }) => {
                writeln!(f, "type {name}; // version {version}, known only by name")
            }
        }
    }
}

/// The place of an error, unless that is the whole value.
fn in_front(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}

fn untraced<T>(Failure { reason, cause }: Failure) -> SchemaError {
    match cause {
        Cause::SelfDescribing { .. } => SchemaError::SelfDescribing { type_name: std::any::type_name::<T>(), reason },
        _ => untraceable::<T>(reason),
    }
}

fn untraceable<T>(reason: String) -> SchemaError {
    SchemaError::Untraceable { type_name: std::any::type_name::<T>(), reason }
}
