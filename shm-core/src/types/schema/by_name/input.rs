//! The bytes of a payload, read from front to back, and numbers that may be asked for as another type.

use super::{Step, fail};
use crate::types::error::bytes_in_words;
use crate::types::schema::format::Format;
use crate::types::schema::integer::{Integer, IntegerWidth};
use std::cell::Cell;
use std::fmt;

/// A payload, and the position of the next part.
pub struct Input<'de> {
    payload: &'de [u8],
    at: Cell<usize>,
}

impl<'de> Input<'de> {
    pub fn new(payload: &'de [u8]) -> Self {
        Self { payload, at: Cell::new(0) }
    }

    /// How many bytes have not been read.
    pub fn left(&self) -> usize {
        self.payload.len() - self.at.get()
    }

    pub fn take(&self, count: u64) -> Step<&'de [u8]> {
        let rest = &self.payload[self.at.get()..];
        match usize::try_from(count).ok().and_then(|count| rest.get(..count)) {
            Some(bytes) => {
                self.at.set(self.at.get() + bytes.len());
                Ok(bytes)
            }
            None => fail(format_args!(
                "its bytes end too early: {} more are needed, and {} are left",
                bytes_in_words(count),
                rest.len()
            )),
        }
    }

    pub fn array<const N: usize>(&self) -> Step<[u8; N]> {
        Ok(self.take(N as u64)?.try_into().expect("the slice has N bytes"))
    }

    pub fn length(&self) -> Step<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub fn flag(&self, of: &str) -> Step<bool> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => fail(format_args!("{of} is {other}, not 0 or 1")),
        }
    }

    pub fn text(&self, bytes: u64) -> Step<&'de str> {
        let bytes = self.take(bytes)?;
        str::from_utf8(bytes)
            .or_else(|error| fail(format_args!("a string is not UTF-8: its byte {} is invalid", error.valid_up_to())))
    }

    pub fn character(&self) -> Step<char> {
        let first = self.payload.get(self.at.get()).copied().unwrap_or(0);
        let length = match first {
            ..0xc0 => 1,
            0xc0..0xe0 => 2,
            0xe0..0xf0 => 3,
            0xf0.. => 4,
        };
        Ok(self.text(length)?.chars().next().expect("at least one byte"))
    }

    /// Reads a number, if the format is one.
    pub fn number(&self, format: &Format) -> Step<Option<Number>> {
        if let Some(width) = IntegerWidth::of(format) {
            return Ok(Some(Number::Integer(width.read(self.take(width.bytes as u64)?))));
        }
        Ok(Some(match format {
            Format::F32 => Number::Single(f32::from_le_bytes(self.array()?)),
            Format::F64 => Number::Double(f64::from_le_bytes(self.array()?)),
            _ => return Ok(None),
        }))
    }
}

/// A number of any type.
#[derive(Clone, Copy)]
pub enum Number {
    Integer(Integer),
    Single(f32),
    Double(f64),
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(f),
            Self::Single(number) => write!(f, "{number:?}"),
            Self::Double(number) => write!(f, "{number:?}"),
        }
    }
}

impl Number {
    /// Converts to an integer type, if it holds the number.
    pub fn integer<N: TryFrom<i128> + TryFrom<u128>>(self) -> Option<N> {
        match self {
            Self::Integer(Integer::Signed(number)) => N::try_from(number).ok(),
            Self::Integer(Integer::Unsigned(number)) => N::try_from(number).ok(),
            Self::Single(_) | Self::Double(_) => None,
        }
    }

    /// Converts to `f64`, if it holds the number exactly.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn double(self) -> Option<f64> {
        match self {
            Self::Integer(Integer::Signed(number)) => {
                Some(number as f64).filter(|double| *double as i128 == number && number != i128::MAX)
            }
            Self::Integer(Integer::Unsigned(number)) => {
                Some(number as f64).filter(|double| *double as u128 == number && number != u128::MAX)
            }
            Self::Single(number) => Some(number.into()),
            Self::Double(number) => Some(number),
        }
    }

    /// Converts to `f32`, if it holds the number exactly. NaN remains NaN.
    #[expect(clippy::cast_possible_truncation)]
    pub fn single(self) -> Option<f32> {
        if let Self::Single(number) = self {
            return Some(number);
        }
        let double = self.double()?;
        let single = double as f32;
        (f64::from(single) == double || double.is_nan()).then_some(single)
    }
}
