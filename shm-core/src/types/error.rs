//! The errors of types and values. Does not depend on regions.

use super::array::ArrayType;
use super::kind::Kind;
#[cfg(feature = "schema")]
pub use super::schema::SchemaError;

/// Why an array type is not possible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArrayTypeError {
    /// The element type does not exist.
    #[error("an array cannot have elements of type '{}'; use one of {}", .dtype.escape_debug(), ArrayType::dtypes())]
    Dtype {
        /// The element type that was given.
        dtype: String,
    },
    /// The shape has too many dimensions.
    #[error("an array can have at most {limit} dimensions, not {dimensions}; use fewer")]
    Dimensions {
        /// How many dimensions were given.
        dimensions: usize,
        /// The maximum number of dimensions.
        limit: usize,
    },
    /// A length other than the first is 0.
    #[error("only the first length of an array's shape may be 0; use at least 1 for the others")]
    Empty,
    /// An array of this shape would be longer than a value can be.
    #[error("an array of {elements} elements of {} each is longer than {limit} bytes; use a smaller shape", bytes_in_words(*.element_bytes))]
    TooLarge {
        /// How many elements the array has. If the number does not fit, the largest `u64`.
        elements: u64,
        /// The size of one element in bytes.
        element_bytes: u64,
        /// The maximum length of an array in bytes.
        limit: u64,
    },
    /// A document in a region does not describe an array.
    #[error("the JSON is not the schema of an array: {reason}")]
    Malformed {
        /// The problem with the JSON.
        reason: String,
    },
}

/// Why a value does not match its kind or type, or cannot be encoded or decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The value is not UTF-8 text.
    #[error("the value is not UTF-8: byte {valid_up_to} is invalid")]
    Text {
        /// How many bytes from the start are valid text.
        valid_up_to: usize,
    },
    /// The value is not JSON.
    #[error("the value is not JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// The value is JSON that programs would read as different values.
    #[error("programs would read different values from its JSON: {reason}")]
    AmbiguousJson {
        /// The problem, and its place.
        reason: Box<str>,
    },
    /// The value's length does not match the array type.
    #[error("the value has {}, and an array of type {array} has {}{}", bytes_in_words(*.bytes as u64), multiple(.array), bytes_in_words(.array.bytes()))]
    Length {
        /// The length of the value in bytes.
        bytes: usize,
        /// The type of the arrays.
        array: Box<ArrayType>,
    },
    /// The value does not match the type that the schema describes.
    #[cfg(feature = "schema")]
    #[error(transparent)]
    Schema(Box<SchemaError>),
    /// The value cannot be encoded, or its bytes are not a value of the type.
    #[error("{reason}")]
    Encoding {
        /// The problem with the value.
        reason: String,
    },
    /// The value ends before its bytes do.
    #[error("the value ends after {} of its {}", .bytes.saturating_sub(*.left_over), bytes_in_words(*.bytes as u64))]
    LeftOver {
        /// How many bytes are left over.
        left_over: usize,
        /// How many bytes there are in total.
        bytes: usize,
    },
    /// The encoding of the value is too long.
    #[error("the encoded value has {bytes} bytes, and the limit is {limit}")]
    TooLarge {
        /// The length of the encoding in bytes.
        bytes: usize,
        /// The maximum length of an encoding in bytes.
        limit: usize,
    },
    /// The value has another kind than this method can decode.
    #[error("its kind is {found}, not {expected}")]
    Kind {
        /// The kind of the value.
        found: Kind,
        /// The kind that was expected.
        expected: Kind,
    },
    /// The region now contains values without a description of their encoding.
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

/// If the first length is 0, an array can have any number of rows.
fn multiple(array: &ArrayType) -> &'static str {
    if array.shape().first() == Some(&0) { "a multiple of " } else { "" }
}

/// Why a region's description of its type is invalid. Such a region is damaged.
#[derive(Debug, thiserror::Error)]
pub enum DescriptionError {
    /// The records of the descriptor contradict each other.
    #[error("{0}")]
    Records(&'static str),
    /// The region has no schema, although its kind requires one.
    #[error("its kind is array, and it has no schema")]
    Missing,
    /// The region has a schema, although its kind has none.
    #[error("it has a schema, and values of kind {0} have none")]
    Undue(Kind),
    /// The schema does not match the fingerprint.
    #[error("its schema does not match its fingerprint")]
    Fingerprint,
    /// The schema does not describe an array.
    #[error("its schema is wrong: {0}")]
    Array(#[source] ArrayTypeError),
    /// The schema is not UTF-8 text.
    #[cfg(feature = "schema")]
    #[error("its schema is not UTF-8: byte {} is invalid", .0.valid_up_to())]
    Text(#[source] std::str::Utf8Error),
    /// The schema does not describe a type.
    #[cfg(feature = "schema")]
    #[error("its schema is wrong: {0}")]
    Schema(#[source] SchemaError),
}
