//! The operations that are performed on a block. Their arguments are relative to the block's current
//! state, and are then resolved to concrete calls.

use super::cases::byte;
use super::{Advice, Block, short, text};
use crate::block::SEARCH_BYTES;
use proptest::prelude::*;
use proptest::sample::select;
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::error::Error;
use std::fmt;
use std::io::SeekFrom;
use std::ops::Bound::{self, Excluded, Included, Unbounded};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    Find,
    Rfind,
    Get,
    Set,
    ByteAt,
    SetByte,
    Move,
    SeekStart,
    SeekCurrent,
    SeekEnd,
    Read,
    ReadByte,
    Readline,
    Write,
    WriteByte,
    Flush,
    Madvise,
    Resize,
    Tell,
    Size,
    Len,
    IsClosed,
    Close,
}

/// All methods, each with the frequency of its calls.
const METHODS: [(usize, Method); 23] = [
    (40, Method::Find),
    (40, Method::Rfind),
    (20, Method::Get),
    (24, Method::Set),
    (12, Method::ByteAt),
    (12, Method::SetByte),
    (32, Method::Move),
    (24, Method::SeekStart),
    (16, Method::SeekCurrent),
    (16, Method::SeekEnd),
    (20, Method::Read),
    (12, Method::ReadByte),
    (24, Method::Readline),
    (32, Method::Write),
    (12, Method::WriteByte),
    (6, Method::Flush),
    (12, Method::Madvise),
    (12, Method::Resize),
    (3, Method::Tell),
    (3, Method::Size),
    (3, Method::Len),
    (2, Method::IsClosed),
    (1, Method::Close),
];

const ADVICE: [Advice; 5] = [Advice::Normal, Advice::Random, Advice::Sequential, Advice::WillNeed, Advice::DontNeed];

/// An operation. A method uses as many of the numbers and bytes as it needs.
#[derive(Clone, Debug)]
pub struct Operation {
    method: Method,
    numbers: [Number; 3],
    bytes: Bytes,
}

/// A number that depends on the block: the base plus `more`, or no number.
#[derive(Clone, Copy, Debug)]
struct Number {
    base: Base,
    more: i64,
}

#[derive(Clone, Copy, Debug)]
enum Base {
    Of(i64),
    /// `more` forty-firsts of the length, without adding `more`.
    Share,
    Len,
    /// The negative length, which is the index of the first byte.
    MinusLen,
    Position,
    /// The start of the last chunk that is searched or moved at a time. The chunks are counted from the
    /// start for `LastChunk`, and from the end for `FirstChunk`.
    LastChunk,
    FirstChunk,
    Missing,
}

/// Bytes that depend on the block.
#[derive(Clone, Debug)]
struct Bytes {
    source: Source,
    letters: Vec<u8>,
    at: Number,
    count: usize,
}

#[derive(Clone, Copy, Debug)]
enum Source {
    Letters,
    /// The bytes that the block has at that place.
    Block,
    /// The letters, repeated to the available space plus this number. For a search, this makes bytes that
    /// are longer than the block, or acts as `Block` if the number is not positive.
    Fitting(isize),
}

const PAGE: i64 = 4096;
/// How many bytes are searched or moved at a time.
const CHUNK: i64 = SEARCH_BYTES as i64;

/// Numbers for calls, each with its frequency. A failing case is reduced to the first entries.
const BASES: [(usize, Base); 12] = [
    (2, Base::Of(0)),
    (6, Base::Missing),
    (11, Base::Share),
    (3, Base::Len),
    (2, Base::MinusLen),
    (2, Base::Position),
    (1, Base::Of(PAGE)),
    (1, Base::Of(2 * PAGE)),
    (1, Base::Of(CHUNK)),
    (1, Base::Of(2 * CHUNK)),
    (1, Base::Of(i64::MIN)),
    (1, Base::Of(i64::MAX)),
];
/// Where bytes are taken from the block: often where they are in two chunks.
const PLACES: [(usize, Base); 5] =
    [(1, Base::Of(0)), (2, Base::Share), (2, Base::LastChunk), (2, Base::FirstChunk), (1, Base::Len)];
const MORE: [i64; 26] = [0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 7, 8, 10, 13, 17, 21, 29, 40, -1, -1, -2, -3, -8, -13, -20, -39];
const SOURCES: [(usize, Source); 5] = [
    (3, Source::Letters),
    (2, Source::Block),
    (2, Source::Fitting(0)),
    (1, Source::Fitting(1)),
    (1, Source::Fitting(-1)),
];

fn weighted<T: Clone + fmt::Debug + 'static>(choices: &[(usize, T)]) -> impl Strategy<Value = T> + use<T> {
    let often = |(weight, choice): &(usize, T)| vec![choice.clone(); *weight];
    select(choices.iter().flat_map(often).collect::<Vec<_>>())
}

fn number(bases: &[(usize, Base)]) -> impl Strategy<Value = Number> + use<> {
    (weighted(bases), select(&MORE)).prop_map(|(base, more)| Number { base, more })
}

fn bytes() -> impl Strategy<Value = Bytes> {
    (weighted(&SOURCES), prop::collection::vec(byte(), 0..=8), number(&PLACES), 0..=30_usize)
        .prop_map(|(source, letters, at, count)| Bytes { source, letters, at, count })
}

/// Returns any operation.
pub fn operation() -> impl Strategy<Value = Operation> {
    let numbers = [number(&BASES), number(&BASES), number(&BASES)];
    let parts = (weighted(&METHODS), numbers, bytes());
    parts.prop_map(|(method, numbers, bytes)| Operation { method, numbers, bytes })
}

/// A call with concrete arguments, as Python receives it.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    pub numbers: [Option<i64>; 3],
    bytes: Vec<u8>,
}

impl Serialize for Call {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [a, b, c] = self.numbers;
        (self.method, a, b, c, text(&self.bytes)).serialize(serializer)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = self.numbers.map(|number| number.map_or("_".to_owned(), |number| number.to_string()));
        write!(f, "{:?}({}, \"{}\")", self.method, numbers.join(", "), short(&self.bytes.escape_ascii().to_string()))
    }
}

impl Number {
    fn resolve(self, map: &Block) -> Option<i64> {
        let i64_of = |number: usize| i64::try_from(number).expect("within a block, or not far beyond");
        let base = match self.base {
            Base::Of(number) => number,
            Base::Share => return Some(i64_of(map.len()) * self.more.rem_euclid(41) / 41),
            Base::Len => i64_of(map.len()),
            Base::MinusLen => -i64_of(map.len()),
            Base::LastChunk => i64_of(map.len()) / CHUNK * CHUNK,
            Base::FirstChunk => i64_of(map.len()) % CHUNK,
            Base::Position => i64_of(map.tell().unwrap_or(0)),
            Base::Missing => return None,
        };
        Some(base.saturating_add(self.more))
    }
}

impl Operation {
    pub fn resolve(&self, map: &Block) -> Call {
        let mut numbers = self.numbers.map(|number| number.resolve(map));
        if !matches!(self.method, Method::Find | Method::Rfind | Method::Get | Method::Set | Method::Read) {
            numbers = numbers.map(|number| number.or(Some(0)));
        }
        if self.method == Method::Madvise {
            numbers[2] = numbers[2].map(|number| number.rem_euclid(ADVICE.len() as i64));
        }
        let mut bytes = self.bytes.resolve(map, self.method, numbers);
        if matches!(self.method, Method::SetByte | Method::WriteByte) && bytes.is_empty() {
            bytes.push(b'x');
        }
        Call { method: self.method, numbers, bytes }
    }
}

impl Bytes {
    fn resolve(&self, map: &Block, method: Method, [a, b, _]: [Option<i64>; 3]) -> Vec<u8> {
        let is_search = matches!(method, Method::Find | Method::Rfind);
        match self.source {
            Source::Letters => self.letters.clone(),
            Source::Fitting(more) if !is_search || more > 0 => {
                let place = match method {
                    Method::Set => map.get(range(a, b)).map_or(0, |bytes| bytes.len()),
                    Method::Write => map.len().saturating_sub(map.tell().unwrap_or(0)),
                    _ => map.len(),
                };
                let count = place.saturating_add_signed(more);
                let mut bytes = self.letters.repeat(count.div_ceil(self.letters.len().max(1)));
                bytes.truncate(count);
                bytes
            }
            Source::Block | Source::Fitting(_) => {
                let from = self.at.resolve(map).and_then(|at| isize::try_from(at).ok()).unwrap_or(0);
                map.get(from..from.saturating_add_unsigned(self.count)).unwrap_or_default()
            }
        }
    }
}

fn range(a: Option<i64>, b: Option<i64>) -> (Bound<isize>, Bound<isize>) {
    let index = |number: i64| isize::try_from(number).expect("64 bits");
    (a.map_or(Unbounded, |a| Included(index(a))), b.map_or(Unbounded, |b| Excluded(index(b))))
}

impl Call {
    /// Performs the call on a block. A number outside the range of the method's type is an error, as it
    /// should be in Python.
    pub fn perform(&self, map: &mut Block) -> Result<Value, Box<dyn Error>> {
        let [a, b, c] = self.numbers.map(Option::unwrap_or_default);
        let range = range(self.numbers[0], self.numbers[1]);
        let index = isize::try_from(a)?;
        let found = |at: Option<usize>| at.map_or(Value::from(-1), Value::from);
        let bytes = self.bytes.as_slice();
        Ok(match self.method {
            Method::Find => found(map.find(bytes, range)?),
            Method::Rfind => found(map.rfind(bytes, range)?),
            Method::Get => text(&map.get(range)?).into(),
            Method::Set => map.set(range, bytes)?.into(),
            Method::ByteAt => map.byte_at(index)?.into(),
            Method::SetByte => map.set_byte(index, bytes[0])?.into(),
            Method::Move => map.move_within(a.try_into()?, b.try_into()?, c.try_into()?)?.into(),
            Method::SeekStart => map.seek(SeekFrom::Start(a.try_into()?))?.into(),
            Method::SeekCurrent => map.seek(SeekFrom::Current(a))?.into(),
            Method::SeekEnd => map.seek(SeekFrom::End(a))?.into(),
            Method::Read if self.numbers[0].is_none_or(|count| count < 0) => text(&map.read_all()?).into(),
            Method::Read => text(&map.read(a.try_into()?)?).into(),
            Method::ReadByte => map.read_byte()?.into(),
            Method::Readline => text(&map.readline()?).into(),
            Method::Write => map.write(bytes)?.into(),
            Method::WriteByte => map.write_byte(bytes[0])?.into(),
            Method::Flush => map.flush_range(a.try_into()?, b.try_into()?)?.into(),
            Method::Madvise => map.madvise(ADVICE[usize::try_from(c)?], a.try_into()?, b.try_into()?)?.into(),
            Method::Resize => map.resize(a.try_into()?)?.into(),
            Method::Tell => map.tell()?.into(),
            Method::Size => map.size()?.into(),
            Method::Len => map.len().into(),
            Method::IsClosed => map.is_closed().into(),
            Method::Close => {
                map.close();
                Value::Null
            }
        })
    }
}
