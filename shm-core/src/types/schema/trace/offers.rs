//! The values that are offered to a type where it asks for a number, a text or bytes. The first value of
//! each list is the usual one; the others are for places that refuse it.

use std::borrow::Cow;

/// The kinds of choices at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bool,
    Integer,
    Float,
    Char,
    Text,
    Bytes,
    /// The number of elements of a sequence.
    Length,
    /// Whether an option has a value.
    Option,
    /// One of this number of variants. The first candidate is the usual one, and the others are all of them.
    Variant(u32),
}

/// Numbers. The second one is 1, because most types that refuse 0 accept it.
const NUMBERS: &[u32] = &[
    0, 1, 2, 5, 7, 10, 100, 3, 4, 6, 8, 9, 12, 16, 20, 24, 32, 40, 48, 50, 56, 64, 65, 80, 96, 97, 127, 128, 160, 192,
    255, 256, 384, 512, 1000, 1024, 1970, 2024, 4096, 8080, 1_000_000,
];
const FLOATS: &[f32] = &[0.0, 1.0, 0.5, 2.0, 5.0, 7.0, 10.0, 100.0, 0.1, 0.01, 37.0, 273.15, 1000.0, 1e6, 1e9];
/// After the numbers, -1 is offered.
const NEGATIVE: usize = 1;
const CHARS: &[char] = &['a', 'A', '0', '1', ' ', '+', '-', '_', '/', '.', 'T', 'x'];
/// Numbers of bytes, all of which are zero. After these, every number up to `MOST_COUNTED` is offered.
const BYTE_COUNTS: &[usize] = &[0, 1, 2, 4, 8, 12, 16, 20, 24, 28, 32, 33, 40, 48, 64, 65, 96, 128, 256];
const MOST_COUNTED: usize = 64;
/// Bytes that are not all zero: an empty roaring bitmap.
const BYTES: &[&[u8]] = &[&[0x3a, 0x30, 0, 0, 0, 0, 0, 0]];
const TEXTS: &[&str] = &[
    "",
    "0",
    "1",
    "a",
    "A",
    // Times.
    "2024-07-31T16:33:53Z",
    "2024-07-31T16:33:53+02:00",
    "2024-07-31",
    "16:33:53",
    "2024-07-31T16:33:53",
    "2024-07-31 16:33:53",
    "2024-07-31T16:33:53+02:00[Europe/Berlin]",
    "1970-01-01T00:00:01 UTC",
    "Wed, 31 Jul 2024 16:33:53 GMT",
    "2024-07-31 16:33:53.0 +00:00:00",
    "PT1S",
    "1s",
    "1 s",
    "Mon",
    "January",
    "UTC",
    "Europe/Berlin",
    "+02:00",
    "2024-07",
    "2024-W31",
    "2024",
    // Identifiers.
    "00000000-0000-0000-0000-000000000000",
    "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "aaaaaaaaaaaaaaaaaaaa",
    "V1StGXR8_Z5jdHi6B-myT",
    // Addresses.
    "http://a.example/",
    "a@b.example",
    "a.example",
    "/a",
    "127.0.0.1",
    "::1",
    "10.0.0.0/8",
    "127.0.0.1:80",
    "[::1]:80",
    "00:00:00:00:00:00",
    "00:00:00:00:00:00:00:00",
    // Numbers and versions.
    "1.0",
    "0.5",
    "0x0",
    "0x1",
    "1.2.3",
    "*",
    "1 B",
    "1/2",
    "0:1",
    "50%",
    // JSON.
    "{}",
    "[]",
    "null",
    "true",
    "\"\"",
    // Names that stand for themselves.
    "en",
    "en-US",
    "GET",
    "text/plain",
    "utf-8",
    "info",
    "USD",
    "EUR",
    "DE",
    "DEU",
    "#000000",
    "+12025550123",
    "0 0 0 * * *",
    "x86_64-unknown-linux-gnu",
    "aa",
    "aaa",
    "aaaaaaaa",
    "Aa1!aaaaaaaa",
    "a b",
    "a_b",
    "a-b",
    "A1",
];
/// The most zero bytes that are offered as text: in hexadecimal digits with and without `0x`, and in base64 with
/// and without `=` at its end.
const MOST_ENCODED: usize = 66;
const ENCODINGS: usize = 4;
/// How many elements a sequence has where the usual number is refused.
const LENGTHS: &[usize] = &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16];
/// The most elements and the most bytes that a type can ask for in its error.
const MOST_ELEMENTS: usize = 64;
const MOST_BYTES: usize = 1 << 12;
static ZEROS: [u8; MOST_BYTES] = [0; MOST_BYTES];
/// The most hints of each kind.
const MOST_HINTS: usize = 200;
/// The longest text that is taken from an error.
const MOST_HINT_BYTES: usize = 64;

/// The values that the errors of the type ask for: numbers, such as a length, and texts in quotes.
#[derive(Default)]
pub struct Hints {
    numbers: Vec<u32>,
    texts: Vec<String>,
}

impl Hints {
    /// Takes the numbers and the quoted texts from an error. Returns whether there are new ones.
    pub fn learn(&mut self, reason: &str) -> bool {
        let before = self.numbers.len() + self.texts.len();
        let numbers = reason.split(|character: char| !character.is_ascii_digit());
        for number in numbers.filter_map(|digits| digits.parse::<u32>().ok()) {
            // "Greater than 5" asks for 6.
            for number in [number, number.saturating_add(1), number.saturating_sub(1)] {
                add(&mut self.numbers, number);
            }
        }
        for quote in ['"', '`', '\''] {
            let quoted = reason.split(quote).skip(1).step_by(2);
            for text in quoted.filter(|text| !text.is_empty() && text.len() <= MOST_HINT_BYTES) {
                add(&mut self.texts, text.to_owned());
            }
        }
        self.numbers.len() + self.texts.len() > before
    }

    /// Returns how many candidates there are.
    pub fn candidates(&self, kind: Kind) -> usize {
        match kind {
            Kind::Bool | Kind::Option => 2,
            Kind::Integer => NUMBERS.len() + NEGATIVE + self.numbers.len(),
            Kind::Float => FLOATS.len() + NEGATIVE + self.numbers.len(),
            Kind::Char => CHARS.len(),
            Kind::Text => TEXTS.len() + ENCODINGS * MOST_ENCODED + self.texts.len(),
            Kind::Bytes => BYTE_COUNTS.len() + MOST_COUNTED + BYTES.len() + self.numbers.len(),
            Kind::Length => LENGTHS.len() + self.numbers.len(),
            Kind::Variant(count) => count as usize + 1,
        }
    }

    /// Returns an integer. The caller uses the nearest one that its type has.
    pub fn integer(&self, pick: usize) -> i128 {
        let hint = || self.numbers.get(pick - NUMBERS.len() - NEGATIVE).copied().unwrap_or_default();
        if pick == NUMBERS.len() { -1 } else { NUMBERS.get(pick).copied().unwrap_or_else(hint).into() }
    }

    #[expect(clippy::cast_precision_loss, reason = "any number near the one in the error will do")]
    pub fn float(&self, pick: usize) -> f32 {
        let hint = || self.numbers.get(pick - FLOATS.len() - NEGATIVE).map_or(0.0, |number| *number as f32);
        if pick == FLOATS.len() { -1.0 } else { FLOATS.get(pick).copied().unwrap_or_else(hint) }
    }

    pub fn text(&self, pick: usize) -> Cow<'static, str> {
        if let Some(text) = TEXTS.get(pick) {
            return Cow::Borrowed(text);
        }
        let pick = pick - TEXTS.len();
        match pick.checked_sub(ENCODINGS * MOST_ENCODED) {
            None => encoded(pick / ENCODINGS + 1, pick % ENCODINGS).into(),
            Some(hint) => self.texts.get(hint).cloned().unwrap_or_default().into(),
        }
    }

    pub fn bytes(&self, pick: usize) -> &'static [u8] {
        let counted = BYTE_COUNTS.len() + MOST_COUNTED;
        match BYTES.get(pick.wrapping_sub(counted)) {
            Some(bytes) => bytes,
            None if pick < counted => {
                &ZEROS[..BYTE_COUNTS.get(pick).copied().unwrap_or_else(|| pick - BYTE_COUNTS.len() + 1)]
            }
            None => &ZEROS[..self.hinted(pick - counted - BYTES.len(), MOST_BYTES)],
        }
    }

    /// Returns how many elements a sequence has. It has at least `least`: 0 or 1.
    pub fn length(&self, pick: usize, least: usize) -> usize {
        let length = LENGTHS.get(pick).copied();
        length.unwrap_or_else(|| self.hinted(pick - LENGTHS.len(), MOST_ELEMENTS)).max(least)
    }

    fn hinted(&self, at: usize, most: usize) -> usize {
        self.numbers.get(at).map_or(0, |number| usize::try_from(*number).unwrap_or(most).min(most))
    }
}

fn add<T: PartialEq>(hints: &mut Vec<T>, hint: T) {
    if hints.len() < MOST_HINTS && !hints.contains(&hint) {
        hints.push(hint);
    }
}

/// Returns some bytes of zero as text.
fn encoded(bytes: usize, form: usize) -> String {
    match form {
        0 => "00".repeat(bytes),
        1 => format!("0x{}", "00".repeat(bytes)),
        _ => {
            let digits = (bytes * 4).div_ceil(3);
            let padding = if form == 2 { digits.next_multiple_of(4) - digits } else { 0 };
            "A".repeat(digits) + &"=".repeat(padding)
        }
    }
}

pub fn bool(pick: usize) -> bool {
    pick == 1
}

pub fn char(pick: usize) -> char {
    CHARS.get(pick).copied().unwrap_or('a')
}
