//! What a region says of the type of its values, so that whoever does not know the type can read them all the same, and
//! whoever knows another one is refused. Nothing here knows of regions, or where bytes come from.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

mod check;
mod decode;
mod definition;
mod difference;
mod encode;
mod format;
#[cfg(test)]
mod tests;
mod trace;

use format::{Format, Tree};

/// How deep formats nest within a value, at most, when it is decoded or encoded by a schema.
const MAX_DEPTH: usize = 128;

/// How many formats are decoded, at most, for a payload of this length. Otherwise a few bytes could stand for millions of
/// elements that take no bytes.
fn most_nodes(payload_bytes: usize) -> usize {
    payload_bytes.saturating_mul(8).saturating_add(4096)
}

/// A description of the type of a region's values, which the region carries.
///
/// [`Writer`](crate::Writer) and [`Reader`](crate::Reader) derive it from the type's `Deserialize`. What
/// cannot be found out in this way is refused with a message that says why: types that need a self-describing format
/// (`#[serde(untagged)]`, `tag`, `flatten`), and types that check what they take (a validated e-mail address). For those
/// there are [`from_samples`](Self::from_samples) and [`named`](Self::named).
///
/// `Serialize` and `Deserialize` must mean the same. With `#[serde(skip_serializing_if)]`, or `#[serde(skip)]` on a variant
/// that is not the last, they do not: bincode cannot read such values, whether there is a schema or not. A writer checks its
/// first value, its second, fourth, eighth and so on, and refuses to publish one that is not of the type.
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

/// The two things that a schema of a type can be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Content {
    /// All parts are known.
    Tree(Tree),
    /// Only a name and a version are.
    Name(Name),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Name {
    name: String,
    version: u64,
}

/// Why a schema cannot be made or used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// A type cannot be found out by its `Deserialize`.
    #[error(
        "cannot derive a schema of the type '{type_name}': {reason}; create one with Schema::from_samples or Schema::named, and pass it to the options of the writer and the reader"
    )]
    Untraceable {
        /// The type's name in Rust.
        type_name: &'static str,
        /// What stands in the way.
        reason: String,
    },
    /// A document is not a schema.
    #[error("the JSON is not a schema: {0}")]
    Malformed(String),
    /// Bytes are not a value of the type.
    #[error("at byte {at} of the value: {reason}")]
    Bytes {
        /// Where in the payload.
        at: usize,
        /// What is wrong there.
        reason: String,
    },
    /// JSON is not a value of the type.
    #[error("{}{reason}", in_front(.path))]
    Json {
        /// Where in the value, as in `Reading.position.1`; empty for a whole value whose type has no name.
        path: String,
        /// What was expected, and what was there.
        reason: String,
    },
}

type Result<T> = std::result::Result<T, SchemaError>;

impl Schema {
    /// Finds out what a type looks like. The type is asked to deserialize made-up values until it has shown all its parts.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Untraceable`].
    pub fn of<T: DeserializeOwned>() -> Result<Self> {
        let traced = trace::trace::<T>().map_err(|reason| untraceable::<T>(reason))?;
        Self::new(Content::Tree(traced))
    }

    /// Finds out what a type looks like from values of it. Of what they leave open, nothing is known: they must have each
    /// variant of each enum that is going to be published, and options and sequences that are not empty.
    ///
    /// ```
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// #[serde(try_from = "String", into = "String")]
    /// #[derive(Clone)]
    /// struct Email(String);
    /// # impl TryFrom<String> for Email {
    /// #     type Error = String;
    /// #     fn try_from(text: String) -> Result<Self, String> {
    /// #         if text.contains('@') { Ok(Self(text)) } else { Err("no address".into()) }
    /// #     }
    /// # }
    /// # impl From<Email> for String {
    /// #     fn from(email: Email) -> String { email.0 }
    /// # }
    ///
    /// # fn main() -> shm_core::Result<()> {
    /// use shm_core::Schema;
    /// assert!(Schema::of::<Email>().is_err());
    /// assert_eq!(Schema::from_samples(&[Email("a@b".into())])?.to_string(), "type Value = String;\n");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SchemaError::Untraceable`] if there are no samples, they leave something open, or two types have the same name.
    pub fn from_samples<T: Serialize>(samples: &[T]) -> Result<Self> {
        let tree = trace::trace_samples(samples).map_err(|reason| untraceable::<T>(reason))?;
        Self::new(Content::Tree(tree))
    }

    /// A schema that only names the type, for programs that share its definition in another way. Who does not know the
    /// type sees bytes.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Malformed`] if the name is empty or longer than 256 bytes.
    pub fn named(name: &str, version: u64) -> Result<Self> {
        Self::new(Content::Name(Name { name: name.to_owned(), version }))
    }

    /// Reads a schema from its JSON.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Malformed`]. A document may come from anybody: it is checked as docs/FORMAT.md demands.
    pub fn parse(json: &str) -> Result<Self> {
        check::length(json)?;
        let named = || serde_json::from_str(json).map(Content::Name);
        let content = serde_json::from_str(json).map(Content::Tree).or_else(|error| named().map_err(|_| error));
        Self::new(content.map_err(|error| SchemaError::Malformed(error.to_string()))?)
    }

    /// Every schema is checked, also those that were made here: others will check them.
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
        // Others must be able to read it, and they limit how deep it nests.
        let readable = match &content {
            Content::Tree(_) => serde_json::from_str(&json).map(Content::Tree),
            Content::Name(_) => serde_json::from_str(&json).map(Content::Name),
        };
        readable.map_err(|error| SchemaError::Malformed(error.to_string()))?;
        Ok(Self { json: json.into(), content: Arc::new(content) })
    }

    /// The canonical JSON of the schema.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.json
    }

    /// The name of the type, if it is a struct or an enum, or was named.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &*self.content {
            Content::Tree(Tree { root: Format::TypeName(name), .. }) | Content::Name(Name { name, .. }) => Some(name),
            Content::Tree(_) => None,
        }
    }

    /// Whether the schema says how values are encoded, and not only what they are called.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(&*self.content, Content::Tree(_))
    }

    /// Decodes a payload as JSON, by the rules in docs/FORMAT.md.
    ///
    /// Members of objects are in the order of the fields.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Bytes`] if the payload is not a value of the type, or the schema only names it.
    pub fn decode(&self, payload: &[u8]) -> Result<Value> {
        decode::value(self.tree()?, payload)
    }

    /// The same as text on one line, appended to `json`. If there is an error, `json` may have grown.
    ///
    /// # Errors
    ///
    /// As for [`decode`](Self::decode).
    pub fn decode_json(&self, payload: &[u8], json: &mut Vec<u8>) -> Result<()> {
        decode::text(self.tree()?, payload, json)
    }

    /// Encodes JSON as a payload.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Json`] if it is not a value of the type; [`SchemaError::Bytes`] if the schema only names it.
    pub fn encode(&self, value: &Value) -> Result<Vec<u8>> {
        encode::encode(self.tree()?, value)
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

    /// Says whether a payload is a value of the type.
    pub(crate) fn check(&self, payload: &[u8]) -> Result<()> {
        decode::text(self.tree()?, payload, std::io::sink())
    }

    /// The first difference between a region's schema and that of a program, which are not the same, in words.
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
    /// The type's definition, much as in Rust: first the type itself, then those that it contains.
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

fn untraceable<T>(reason: String) -> SchemaError {
    SchemaError::Untraceable { type_name: std::any::type_name::<T>(), reason }
}
