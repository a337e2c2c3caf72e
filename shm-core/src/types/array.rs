//! Arrays of numbers: element types and shapes in NumPy's notation, and their conversion to and from
//! Rust slices. Does not depend on regions.

use super::error::{ArrayTypeError, ValueError};
use serde::{Deserialize, Serialize};
use shm_ring::copy::{Content, Destination};
use std::fmt;

/// All element types, each with its size in bytes.
const DTYPES: [(&str, u64); 14] = [
    ("|b1", 1),
    ("|i1", 1),
    ("<i2", 2),
    ("<i4", 4),
    ("<i8", 8),
    ("|u1", 1),
    ("<u2", 2),
    ("<u4", 4),
    ("<u8", 8),
    ("<f2", 2),
    ("<f4", 4),
    ("<f8", 8),
    ("<c8", 8),
    ("<c16", 16),
];
/// The maximum number of dimensions.
const MAX_DIMENSIONS: usize = 32;
/// The length of the longest payload in bytes: the length field of a slot has 48 bits.
const MAX_BYTES: u64 = (1 << 48) - 1;

/// The type of the arrays in a region: their element type and their shape.
///
/// ```
/// # fn main() -> shm_core::Result<()> {
/// let frame = shm_core::ArrayType::new("u1", &[480, 640, 3])?;
/// assert_eq!((frame.dtype(), frame.shape()), ("|u1", &[480, 640, 3][..]));
/// assert_eq!(frame.to_string(), "u1:480,640,3");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArrayType {
    dtype: &'static str,
    shape: Vec<u64>,
}

/// An array type as a region describes it, before it is checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claimed {
    dtype: String,
    shape: Vec<u64>,
}

impl ArrayType {
    /// Creates an array type from an element type and a shape.
    ///
    /// `dtype` is NumPy's `typestr`, such as `|u1` or `<f8`. Its first character, the byte order, can be
    /// left out: `u1`, `f8`. Only the first length in `shape` may be 0. It then follows from the length of
    /// each value.
    ///
    /// # Errors
    ///
    /// [`ArrayTypeError::Dtype`] if the element type does not exist; [`ArrayTypeError::Dimensions`],
    /// [`ArrayTypeError::Empty`] and [`ArrayTypeError::TooLarge`] if the shape is not possible.
    pub fn new(dtype: &str, shape: &[u64]) -> Result<Self, ArrayTypeError> {
        let known = DTYPES.iter().find(|(name, _)| *name == dtype || name[1..] == *dtype);
        let Some((dtype, element_bytes)) = known else {
            return Err(ArrayTypeError::Dtype { dtype: dtype.to_owned() });
        };
        if shape.len() > MAX_DIMENSIONS {
            return Err(ArrayTypeError::Dimensions { dimensions: shape.len(), limit: MAX_DIMENSIONS });
        }
        if shape.iter().skip(1).any(|length| *length == 0) {
            return Err(ArrayTypeError::Empty);
        }
        let array = Self { dtype, shape: shape.to_vec() };
        match array.checked_bytes() {
            Some(bytes) if bytes <= MAX_BYTES => Ok(array),
            _ => {
                let elements = array.lengths().fold(1, u64::saturating_mul);
                Err(ArrayTypeError::TooLarge { elements, element_bytes: *element_bytes, limit: MAX_BYTES })
            }
        }
    }

    /// Lists all element types, for messages.
    pub(super) fn dtypes() -> String {
        DTYPES.map(|(name, _)| &name[1..]).join(", ")
    }

    /// Parses the schema of a region, as [`to_json`](Self::to_json) writes it.
    ///
    /// # Errors
    ///
    /// [`ArrayTypeError::Malformed`]; otherwise the same as [`new`](Self::new).
    pub fn from_json(json: &[u8]) -> Result<Self, ArrayTypeError> {
        let claimed = serde_json::from_slice(json);
        let malformed = |reason| ArrayTypeError::Malformed { reason };
        let Claimed { dtype, shape } = claimed.map_err(|error| malformed(error.to_string()))?;
        // serde also parses a list as a struct.
        if json.trim_ascii_start().first() != Some(&b'{') {
            return Err(malformed("it is not an object".to_owned()));
        }
        // In a region, the first character is required.
        if DTYPES.iter().any(|(name, _)| *name == dtype) {
            Self::new(&dtype, &shape)
        } else {
            Err(ArrayTypeError::Dtype { dtype })
        }
    }

    /// Returns the schema for a region, as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("text and numbers")
    }

    /// Returns the element type as NumPy's `typestr`.
    #[must_use]
    pub fn dtype(&self) -> &'static str {
        self.dtype
    }

    /// Returns the length of each dimension. Arrays are in C order: the last index changes fastest.
    #[must_use]
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// Returns the size of one element in bytes.
    #[must_use]
    pub fn element_bytes(&self) -> u64 {
        DTYPES.iter().find(|(name, _)| *name == self.dtype).expect("checked by new").1
    }

    /// Returns the length of a value in bytes or, if the first length is 0, the length of one row.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.checked_bytes().expect("checked by new")
    }

    fn checked_bytes(&self) -> Option<u64> {
        self.lengths().try_fold(self.element_bytes(), u64::checked_mul)
    }

    /// Returns the lengths that are known.
    fn lengths(&self) -> impl Iterator<Item = u64> {
        self.shape.iter().copied().filter(|length| *length > 0)
    }

    /// Returns the shape of a value of `bytes` bytes.
    ///
    /// # Errors
    ///
    /// [`ValueError::Length`] if no value of this type has this length.
    pub fn shape_of(&self, bytes: usize) -> Result<Vec<u64>, ValueError> {
        self.check_bytes(bytes)?;
        let mut shape = self.shape.clone();
        if let Some(first @ 0) = shape.first_mut() {
            *first = bytes as u64 / self.bytes();
        }
        Ok(shape)
    }

    /// Checks that bytes are a value of this type.
    pub(crate) fn check(&self, payload: &[u8]) -> Result<(), ValueError> {
        self.check_bytes(payload.len())?;
        // Combining all bytes is faster than looking for one.
        if self.dtype == "|b1" && payload.iter().fold(0, |all, byte| all | byte) > 1 {
            let wrong = payload.iter().position(|byte| *byte > 1).expect("a byte above 1");
            let reason = format!("element {wrong} of the array is {}, and a bool is 0 or 1", payload[wrong]);
            return Err(ValueError::Encoding { reason });
        }
        Ok(())
    }

    /// Checks the length of a value in bytes.
    pub(crate) fn check_bytes(&self, bytes: usize) -> Result<(), ValueError> {
        let fits = match self.shape.first() {
            Some(0) => (bytes as u64).is_multiple_of(self.bytes()),
            _ => bytes as u64 == self.bytes(),
        };
        if fits { Ok(()) } else { Err(self.wrong_length(bytes)) }
    }

    #[cold]
    fn wrong_length(&self, bytes: usize) -> ValueError {
        ValueError::Length { bytes, array: Box::new(self.clone()) }
    }
}

impl fmt::Display for ArrayType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape: Vec<_> = self.shape.iter().map(u64::to_string).collect();
        match shape.as_slice() {
            [] => f.write_str(&self.dtype[1..]),
            shape => write!(f, "{}:{}", &self.dtype[1..], shape.join(",")),
        }
    }
}

/// A number type that can be the element of an array: `i8` to `i64`, `u8` to `u64`, `f32` and `f64`.
pub trait Element: bytemuck::Pod + sealed::Sealed {
    /// NumPy's name of the type.
    const DTYPE: &'static str;
    #[doc(hidden)]
    fn turned(self) -> Self;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! elements {
    ($($type:ident $dtype:literal $from_le:expr;)*) => {$(
        impl sealed::Sealed for $type {}
        impl Element for $type {
            const DTYPE: &'static str = $dtype;
            fn turned(self) -> Self {
                $from_le(self)
            }
        }
    )*};
}

elements! {
    i8 "|i1" i8::from_le;
    i16 "<i2" i16::from_le;
    i32 "<i4" i32::from_le;
    i64 "<i8" i64::from_le;
    u8 "|u1" u8::from_le;
    u16 "<u2" u16::from_le;
    u32 "<u4" u32::from_le;
    u64 "<u8" u64::from_le;
    f32 "<f4" |number: f32| f32::from_bits(u32::from_le(number.to_bits()));
    f64 "<f8" |number: f64| f64::from_bits(u64::from_le(number.to_bits()));
}

/// Calls `publish` with the elements as little-endian bytes. On a little-endian machine this needs no
/// copy.
pub fn with_bytes<T: Element, R>(elements: &[T], publish: impl FnOnce(&[u8]) -> R) -> R {
    if cfg!(target_endian = "little") {
        return publish(bytemuck::cast_slice(elements));
    }
    // Reversing the order of bytes is the same operation in both directions.
    let turned: Vec<T> = elements.iter().map(|element| element.turned()).collect();
    publish(bytemuck::cast_slice(&turned))
}

/// Calls `copy` to fill the elements with little-endian bytes.
pub fn from_bytes<T: Element>(elements: &mut [T], copy: impl FnOnce(&mut [u8])) {
    copy(bytemuck::cast_slice_mut(elements));
    turn(elements);
}

/// Converts little-endian numbers to the byte order of this machine.
fn turn<T: Element>(elements: &mut [T]) {
    if cfg!(target_endian = "big") {
        elements.iter_mut().for_each(|element| *element = element.turned());
    }
}

/// Receives the bytes of a payload as the elements of a vector.
pub struct Elements<'a, T> {
    elements: &'a mut Vec<T>,
    bytes: usize,
}

impl<T: Element> Destination for Elements<'_, T> {
    fn room(&mut self, bytes: usize) -> Option<&mut [u8]> {
        let count = bytes.div_ceil(size_of::<T>());
        self.elements.try_reserve(count.saturating_sub(self.elements.len())).ok()?;
        self.elements.resize(count, T::zeroed());
        self.bytes = bytes;
        Some(&mut bytemuck::cast_slice_mut(self.elements)[..bytes])
    }

    fn content(&self) -> Content<'_> {
        Content::Copied(&bytemuck::cast_slice(self.elements)[..self.bytes])
    }
}

impl<'a, T: Element> Elements<'a, T> {
    /// Creates a destination that has not received any bytes yet.
    pub fn new(elements: &'a mut Vec<T>) -> Self {
        Self { elements, bytes: 0 }
    }

    /// Returns how many bytes were received.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Converts the received bytes to numbers in the byte order of this machine.
    pub fn turn(&mut self) {
        turn(self.elements);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_checked() {
        for (dtype, shape) in [("u1", &[][..]), ("|u1", &[0]), ("<f8", &[0, 3]), ("c16", &[2; 32]), ("f2", &[1])] {
            let array = ArrayType::new(dtype, shape).unwrap();
            assert_eq!(ArrayType::from_json(array.to_json().as_bytes()), Ok(array));
        }
        for (dtype, shape, word) in [
            ("u3", &[1][..], "u3"),
            (">u2", &[1], ">u2"),
            ("", &[1], "''"),
            ("u1", &[1, 0], "only the first"),
            ("u1", &[1; 33], "32"),
            ("u1", &[u64::MAX, 2], "longer"),
            ("f8", &[1 << 45], "longer"),
        ] {
            let error = ArrayType::new(dtype, shape).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
        for json in [
            "",
            "{}",
            r#"{"dtype":"u1","shape":[1]}"#,
            r#"{"dtype":"|u1","shape":[-1]}"#,
            r#"{"dtype":"|u1","shape":[1],"x":1}"#,
            r#"["|u1",[1]]"#,
            r#"{"dtype":"|u1","shape":[-0]}"#,
            r#"{"dtype":"|u1","shape":[1.0]}"#,
        ] {
            assert!(ArrayType::from_json(json.as_bytes()).is_err(), "{json}");
        }
    }

    #[test]
    fn a_length_makes_the_first_dimension_or_is_the_only_right_one() {
        let [fixed, open] = [[2, 3], [0, 3]].map(|shape| ArrayType::new("u2", &shape).unwrap());
        assert_eq!(fixed.shape_of(12).unwrap(), [2, 3]);
        assert_eq!(open.shape_of(18).unwrap(), [3, 3]);
        assert_eq!(open.shape_of(0).unwrap(), [0, 3]);
        let refused = |array: &ArrayType, bytes| array.shape_of(bytes).unwrap_err().to_string();
        assert_eq!(refused(&fixed, 18), "the value has 18 bytes, and an array of type u2:2,3 has 12 bytes");
        assert_eq!(refused(&open, 19), "the value has 19 bytes, and an array of type u2:0,3 has a multiple of 6 bytes");
        assert_eq!(ArrayType::new("f8", &[]).unwrap().shape_of(8).unwrap(), [0; 0]);
    }
}
