//! The kinds of values, and checking the bytes of a value against its kind.

use super::error::ValueError;
use super::json;

/// The kind of the values in a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Bytes without a known meaning.
    Bytes,
    /// UTF-8 text.
    Text,
    /// JSON documents; [`check`](Self::check) lists those that are refused.
    Json,
    /// Arrays of numbers.
    Array,
    /// Rust values, encoded with bincode.
    Bincode,
}

const KINDS: [(u32, Kind, &str); 5] = [
    (1, Kind::Bytes, "bytes"),
    (2, Kind::Text, "text"),
    (3, Kind::Json, "json"),
    (4, Kind::Array, "array"),
    (5, Kind::Bincode, "bincode"),
];

impl Kind {
    /// Returns the number for this kind in a header.
    pub fn code(self) -> u32 {
        KINDS.iter().find(|row| row.1 == self).expect("every kind has a row").0
    }

    /// Checks that a payload is text or JSON, if this is its kind. Publishing does the same.
    ///
    /// JSON is refused if programs would read different values from it: with two members of one name in an
    /// object, with a number that 64 bits cannot hold, with half of a surrogate pair, or if it nests deeper than
    /// 127 levels.
    ///
    /// # Errors
    ///
    /// [`ValueError::Text`], [`ValueError::Json`] or [`ValueError::AmbiguousJson`].
    pub fn check(self, payload: &[u8]) -> Result<(), ValueError> {
        match self {
            Self::Text => text(payload).map(drop),
            // Check the UTF-8 separately: a JSON parser that works on bytes does not check the parts that it
            // skips.
            Self::Json => json::check(text(payload)?),
            Self::Bytes | Self::Array | Self::Bincode => Ok(()),
        }
    }

    /// Returns the kind for a number in a header.
    pub fn from_code(code: u32) -> Option<Self> {
        KINDS.iter().find(|row| row.0 == code).map(|row| row.1)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(KINDS.iter().find(|row| row.1 == *self).expect("every kind has a row").2)
    }
}

fn text(payload: &[u8]) -> Result<&str, ValueError> {
    str::from_utf8(payload).map_err(|error| ValueError::Text { valid_up_to: error.valid_up_to() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_json_are_checked() {
        assert!(Kind::Text.check("hé".as_bytes()).is_ok());
        for kind in [Kind::Text, Kind::Json] {
            assert!(matches!(kind.check(b"h\xff"), Err(ValueError::Text { valid_up_to: 1 })), "{kind}");
        }
        assert!(Kind::Json.check(b" {\"a\": [1, 2]} ").is_ok());
        for bad in [&b"{\"a\":"[..], b"", b"1 2", b"nul", b"\"\xff\""] {
            assert!(Kind::Json.check(bad).is_err(), "{bad:?}");
        }
        assert!(Kind::Bytes.check(b"\xff").is_ok());
    }

    #[test]
    fn every_kind_has_a_number_of_its_own() {
        for (code, kind, name) in KINDS {
            assert_eq!((Kind::from_code(code), kind.code()), (Some(kind), code));
            assert_eq!(kind.to_string(), name);
        }
        assert_eq!(Kind::from_code(0), None);
    }
}
