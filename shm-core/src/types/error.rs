//! What is wrong with a type or a value. Nothing here knows of regions.

use super::array::ArrayType;
use super::kind::Kind;
#[cfg(feature = "schema")]
pub use super::schema::SchemaError;

/// Why there is no such type of arrays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArrayTypeError {
    /// There is no such type of elements.
    #[error("an array cannot have elements of type '{}'; use one of {}", .dtype.escape_debug(), ArrayType::dtypes())]
    Dtype {
        /// The type as it was given.
        dtype: String,
    },
    /// The shape has too many dimensions.
    #[error("an array can have at most {limit} dimensions, not {dimensions}; use fewer")]
    Dimensions {
        /// How many were given.
        dimensions: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A length other than the first one is 0.
    #[error("only the first length of an array's shape may be 0; use at least 1 for the others")]
    Empty,
    /// An array of this shape would be longer than a value may be.
    #[error("an array of {elements} elements of {} each is longer than {limit} bytes; use a smaller shape", bytes_in_words(*.element_bytes))]
    TooLarge {
        /// How many elements it has, or the largest number there is.
        elements: u64,
        /// Bytes of one element.
        element_bytes: u64,
        /// Bytes that an array may have.
        limit: u64,
    },
    /// A document in a region is not the description of an array.
    #[error("the JSON is not the schema of an array: {reason}")]
    Malformed {
        /// What is wrong with the JSON.
        reason: String,
    },
}

/// Why a value is not what its kind or type promises, or cannot be encoded or decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// It is not text.
    #[error("the value is not UTF-8: byte {valid_up_to} is invalid")]
    Text {
        /// How many bytes before that are text.
        valid_up_to: usize,
    },
    /// It is not JSON.
    #[error("the value is not JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// It is not an array of the type.
    #[error("the value has {}, and an array of type {array} has {}{}", bytes_in_words(*.bytes as u64), multiple(.array), bytes_in_words(.array.bytes()))]
    Length {
        /// Bytes of the value.
        bytes: usize,
        /// The type of the arrays.
        array: Box<ArrayType>,
    },
    /// It is not a value of the type that the schema describes.
    #[cfg(feature = "schema")]
    #[error(transparent)]
    Schema(Box<SchemaError>),
    /// It cannot be encoded, or its bytes are not a value of the type.
    #[error("{reason}")]
    Encoding {
        /// What stands in the way.
        reason: String,
    },
    /// The bytes go on after the value.
    #[error("the value ends after {} of its {}", .bytes.saturating_sub(*.left_over), bytes_in_words(*.bytes as u64))]
    LeftOver {
        /// How many bytes the value does not use.
        left_over: usize,
        /// How many bytes there are.
        bytes: usize,
    },
    /// Its encoding is too long.
    #[error("the encoded value has {bytes} bytes, and the limit is {limit}")]
    TooLarge {
        /// Bytes of the encoding.
        bytes: usize,
        /// Bytes that it may have.
        limit: usize,
    },
    /// It is of another kind than this method decodes.
    #[error("its kind is {found}, not {expected}")]
    Kind {
        /// The kind of the value.
        found: Kind,
        /// The kind that was expected.
        expected: Kind,
    },
    /// The region now holds values of which it does not say how they are encoded.
    #[error("its kind is {kind}, and the region has no schema that describes it")]
    Undescribed {
        /// The kind of the value.
        kind: Kind,
    },
}

#[cfg(feature = "schema")]
impl From<SchemaError> for ValueError {
    fn from(error: SchemaError) -> Self {
        Self::Schema(Box::new(error))
    }
}

/// `1 byte`, `2 bytes`.
pub fn bytes_in_words(count: u64) -> String {
    format!("{count} byte{}", if count == 1 { "" } else { "s" })
}

/// An array whose first length is 0 may have any number of rows.
fn multiple(array: &ArrayType) -> &'static str {
    if array.shape().first() == Some(&0) { "a multiple of " } else { "" }
}

/// What is wrong with what a region says of its type: such a region is damaged.
#[derive(Debug, thiserror::Error)]
pub enum DescriptionError {
    /// The records do not fit each other.
    #[error("{0}")]
    Records(&'static str),
    /// There must be a schema, and there is none.
    #[error("its kind is array, and it has no schema")]
    Missing,
    /// The schema is not the one that the fingerprint was made of.
    #[error("its schema does not match its fingerprint")]
    Fingerprint,
    /// The schema is not the description of an array.
    #[error("its schema is wrong: {0}")]
    Array(#[source] ArrayTypeError),
    /// The schema is not a text.
    #[cfg(feature = "schema")]
    #[error("its schema is not UTF-8: byte {} is invalid", .0.valid_up_to())]
    Text(#[source] std::str::Utf8Error),
    /// The schema is not the description of a type.
    #[cfg(feature = "schema")]
    #[error("its schema is wrong: {0}")]
    Schema(#[source] SchemaError),
}
