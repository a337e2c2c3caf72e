//! Arrays of numbers: their element types and shapes, in NumPy's words, and which Rust slices they are. Nothing here knows
//! of regions.

use serde::{Deserialize, Serialize};
use shm_ring::copy::{Content, Destination};
use std::fmt;

/// Every type of element, with its size in bytes.
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
/// The most dimensions.
const MAX_DIMENSIONS: usize = 32;
/// The longest payload: a slot's length field has 48 bits.
const MAX_BYTES: u64 = (1 << 48) - 1;

/// The type of a region's arrays: what their elements are, and their shape.
///
/// ```
/// # fn main() -> Result<(), String> {
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

/// The same as it stands in a region, not yet checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claimed {
    dtype: String,
    shape: Vec<u64>,
}

impl ArrayType {
    /// An array of elements such as `u1`, `i4` or `f8` (NumPy's `typestr`, with or without its first character), of this
    /// shape. Only the first length may be 0: it then follows from the length of each value.
    ///
    /// # Errors
    ///
    /// Says which rule is broken.
    pub fn new(dtype: &str, shape: &[u64]) -> Result<Self, String> {
        let known = DTYPES.iter().find(|(name, _)| *name == dtype || name[1..] == *dtype);
        let Some((name, _)) = known else {
            let names: Vec<_> = DTYPES.iter().map(|(name, _)| &name[1..]).collect();
            return Err(format!("there is no element type '{}', only {}", dtype.escape_debug(), names.join(", ")));
        };
        if shape.len() > MAX_DIMENSIONS {
            return Err(format!("a shape has at most {MAX_DIMENSIONS} dimensions, not {}", shape.len()));
        }
        if shape.iter().skip(1).any(|length| *length == 0) {
            return Err("only the first length of a shape may be 0".to_owned());
        }
        let array = Self { dtype: name, shape: shape.to_vec() };
        match array.checked_bytes() {
            Some(bytes) if bytes <= MAX_BYTES => Ok(array),
            _ => Err(format!("an array '{array}' would be longer than {MAX_BYTES} bytes")),
        }
    }

    /// Reads it from a region's schema, as [`to_json`](Self::to_json) writes it.
    ///
    /// # Errors
    ///
    /// Says which rule is broken.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        let claimed: Claimed = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        match DTYPES.iter().any(|(name, _)| *name == claimed.dtype) {
            true => Self::new(&claimed.dtype, &claimed.shape),
            false => Err(format!("unknown dtype '{}'", claimed.dtype.escape_debug())),
        }
    }

    /// The schema, as it stands in a region: JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("text and numbers")
    }

    /// What an element is: NumPy's `typestr`.
    #[must_use]
    pub fn dtype(&self) -> &'static str {
        self.dtype
    }

    /// The length in each dimension; in C order, so the last index runs fastest.
    #[must_use]
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// Bytes of one element.
    #[must_use]
    pub fn element_bytes(&self) -> u64 {
        DTYPES.iter().find(|(name, _)| *name == self.dtype).expect("checked by new").1
    }

    /// Bytes of a value; if the first length is 0, bytes of one row of it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.checked_bytes().expect("checked by new")
    }

    fn checked_bytes(&self) -> Option<u64> {
        let lengths = self.shape.iter().enumerate().filter(|(at, length)| *at > 0 || **length > 0);
        lengths.map(|(_, length)| *length).try_fold(self.element_bytes(), u64::checked_mul)
    }

    /// The shape of a value of so many bytes, or what is wrong with that length.
    ///
    /// # Errors
    ///
    /// Says which length is wanted.
    pub fn shape_of(&self, bytes: usize) -> Result<Vec<u64>, String> {
        self.check_bytes(bytes)?;
        let mut shape = self.shape.clone();
        if let Some(first @ 0) = shape.first_mut() {
            *first = bytes as u64 / self.bytes();
        }
        Ok(shape)
    }

    /// Says what is wrong with the length of a value.
    pub(crate) fn check_bytes(&self, bytes: usize) -> Result<(), String> {
        let (unit, bytes) = (self.bytes(), bytes as u64);
        match self.shape.first() {
            Some(0) if bytes.is_multiple_of(unit) => Ok(()),
            Some(0) => Err(format!("{bytes} bytes are no array {self}: that is a multiple of {unit}")),
            _ if bytes == unit => Ok(()),
            _ => Err(format!("{bytes} bytes are no array {self}: that is {unit}")),
        }
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

/// A number that arrays can be made of: `i8` to `i64`, `u8` to `u64`, `f32` and `f64`.
pub trait Element: bytemuck::Pod + sealed::Sealed {
    /// NumPy's name for it.
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

/// Gives the elements' bytes, little-endian, to `publish`. On most machines that is what they are.
pub fn with_bytes<T: Element, R>(elements: &[T], publish: impl FnOnce(&[u8]) -> R) -> R {
    if cfg!(target_endian = "little") {
        return publish(bytemuck::cast_slice(elements));
    }
    // Turning bytes around is the same in both directions.
    let turned: Vec<T> = elements.iter().map(|element| element.turned()).collect();
    publish(bytemuck::cast_slice(&turned))
}

/// Has `copy` fill the elements' bytes, which are little-endian.
pub fn from_bytes<T: Element>(elements: &mut [T], copy: impl FnOnce(&mut [u8])) {
    copy(bytemuck::cast_slice_mut(elements));
    turn(elements);
}

/// Makes numbers of this machine out of little-endian ones.
fn turn<T: Element>(elements: &mut [T]) {
    if cfg!(target_endian = "big") {
        elements.iter_mut().for_each(|element| *element = element.turned());
    }
}

/// A vector that takes a payload's bytes as its elements.
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
    /// Nothing yet.
    pub fn new(elements: &'a mut Vec<T>) -> Self {
        Self { elements, bytes: 0 }
    }

    /// How many bytes it was given.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Makes numbers of this machine out of the bytes.
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
            let error = ArrayType::new(dtype, shape).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
        for json in [
            "",
            "{}",
            r#"{"dtype":"u1","shape":[1]}"#,
            r#"{"dtype":"|u1","shape":[-1]}"#,
            r#"{"dtype":"|u1","shape":[1],"x":1}"#,
        ] {
            assert!(ArrayType::from_json(json.as_bytes()).is_err(), "{json}");
        }
    }

    #[test]
    fn a_length_makes_the_first_dimension_or_is_the_only_right_one() {
        let [fixed, open] = [[2, 3], [0, 3]].map(|shape| ArrayType::new("u2", &shape).unwrap());
        assert_eq!(fixed.shape_of(12), Ok(vec![2, 3]));
        assert_eq!(open.shape_of(18), Ok(vec![3, 3]));
        assert_eq!(open.shape_of(0), Ok(vec![0, 3]));
        assert!(fixed.shape_of(18).unwrap_err().contains("that is 12"));
        assert!(open.shape_of(19).unwrap_err().contains("multiple of 6"));
        assert_eq!(ArrayType::new("f8", &[]).unwrap().shape_of(8), Ok(vec![]));
    }
}
