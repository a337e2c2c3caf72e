//! Integers of any width, as a payload contains them.

use super::format::Format;
use std::fmt;

/// An integer of any width.
#[derive(Clone, Copy)]
pub enum Integer {
    Signed(i128),
    Unsigned(u128),
}

impl fmt::Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signed(number) => number.fmt(f),
            Self::Unsigned(number) => number.fmt(f),
        }
    }
}

/// How a payload contains an integer.
#[derive(Clone, Copy)]
pub struct IntegerWidth {
    pub bytes: usize,
    is_signed: bool,
}

impl IntegerWidth {
    /// Returns the width of a format, if it is an integer.
    pub fn of(format: &Format) -> Option<Self> {
        let (bytes, is_signed) = match format {
            Format::I8 => (1, true),
            Format::I16 => (2, true),
            Format::I32 => (4, true),
            Format::I64 => (8, true),
            Format::I128 => (16, true),
            Format::U8 => (1, false),
            Format::U16 => (2, false),
            Format::U32 => (4, false),
            Format::U64 => (8, false),
            Format::U128 => (16, false),
            _ => return None,
        };
        Some(Self { bytes, is_signed })
    }

    /// Returns the integer that these bytes contain. There are as many as `bytes` says.
    pub fn read(self, bytes: &[u8]) -> Integer {
        let is_negative = self.is_signed && bytes.last().is_some_and(|byte| *byte >= 0x80);
        let mut extended = [if is_negative { 0xff } else { 0 }; 16];
        extended[..self.bytes].copy_from_slice(bytes);
        match self.is_signed {
            true => Integer::Signed(i128::from_le_bytes(extended)),
            false => Integer::Unsigned(u128::from_le_bytes(extended)),
        }
    }
}
