//! Tests types that refuse the usual values: numbers that are 0, empty texts, empty sequences. The types
//! behave like those of well-known crates, which are named in the comments.

use super::*;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use std::fmt::Debug;
use std::net::IpAddr;
use std::num::NonZeroU8;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Held<T> {
    id: u32,
    x: T,
    tail: u8,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Either<T> {
    One(T),
    Two { first: T, second: Box<T> },
    Three,
}

/// Defines a type that wraps another one, and only accepts some of its values.
macro_rules! checked {
    ($($name:ident($raw:ty) $accepts:expr;)*) => {$(
        #[derive(Debug, PartialEq, Serialize)]
        #[serde(transparent)]
        struct $name($raw);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
                let raw = <$raw>::deserialize(deserializer)?;
                let accepts: fn(&$raw) -> bool = $accepts;
                if accepts(&raw) { Ok(Self(raw)) } else { Err(D::Error::custom(format!("{raw:?} is wrong"))) }
            }
        }
    )*};
}

fn is_date(text: &str) -> bool {
    let digits = |part: &str, count| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<_> = text.split('-').collect();
    matches!(parts[..], [year, month, day] if digits(year, 4) && digits(month, 2) && digits(day, 2))
}

checked! {
    Date(String) |text| is_date(text); // chrono, jiff
    Url(String) |text| text.contains("://"); // url
    Address(String) |text| text.parse::<IpAddr>().is_ok(); // serde_with::DisplayFromStr
    Hex(String) |text| text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_hexdigit()); // hex
    Weekday(String) |text| ["Mon", "Tue"].contains(&text.as_str()); // chrono
    Identifier(serde_bytes::ByteBuf) |bytes| bytes.len() == 16; // uuid
    Status(u16) |number| (100..1000).contains(number); // http
    FiveOrSeven(u8) |number| [5, 7].contains(number); // serde_repr
    ZeroOrFive(i8) |number| [0, 5].contains(number);
    Ratio(f64) |number| 0.0 < *number && *number < 1.0;
    Unit((f64, f64)) |(x, y)| (x * x + y * y - 1.0).abs() < 1e-9; // nalgebra
    Even((i64, i64)) |(x, y)| *x > 0 && *y > 0 && (x + y) % 2 == 0;
    Corners([u32; 4]) |corners| corners.iter().all(|corner| *corner > 0);
    NonEmpty(Vec<String>) |list| !list.is_empty(); // nonempty, vec1
    ThreeDates(Vec<Date>) |list| list.len() == 3;
    Ascending(Vec<u8>) |list| list.len() > 1 && list.is_sorted_by(|one, two| one < two);
    Headers(BTreeMap<String, Vec<u8>>) |map| map.keys().all(|name| !name.is_empty()); // http
    Some16(Option<u16>) |value| value.is_some();
    OnlyRgb(Colour) |colour| matches!(colour, Colour::Rgb(_, 1.., _));
    Matrix((Vec<f64>, usize, usize)) |(values, rows, columns)| values.len() == rows * columns; // nalgebra
    NoHoles(Vec<u32>) |list| list.is_empty(); // petgraph
    Impossible(u32) |_| false;
    Secret(String) |_| false;
}

impl Debug for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a colour")
    }
}

impl PartialEq for Colour {
    fn eq(&self, other: &Self) -> bool {
        serde_json::to_string(self).unwrap() == serde_json::to_string(other).unwrap()
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Bounds")]
struct Range {
    low: u32,
    high: u32,
}

#[derive(Deserialize)]
#[serde(rename = "Range")]
struct Bounds {
    low: u32,
    high: u32,
}

impl TryFrom<Bounds> for Range {
    type Error = &'static str;

    fn try_from(Bounds { low, high }: Bounds) -> std::result::Result<Self, &'static str> {
        if low < high { Ok(Self { low, high }) } else { Err("the range is empty") }
    }
}

/// As in slotmap: the first slot is empty, and an odd version belongs to a slot with a value.
#[derive(Debug, PartialEq, Serialize)]
#[serde(transparent)]
struct Slots<T>(Vec<Slot<T>>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Slot<T> {
    value: Option<T>,
    version: u32,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Slots<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let slots: Vec<Slot<T>> = Deserialize::deserialize(deserializer)?;
        if slots.iter().any(|slot| slot.value.is_some() != (slot.version % 2 == 1)) {
            return Err(D::Error::custom("inconsistent occupation in Slot"));
        }
        match slots.first() {
            Some(Slot { value: None, .. }) => Ok(Self(slots)),
            _ => Err(D::Error::custom("first slot not empty")),
        }
    }
}

/// Bytes of a length that the error names, as in serde_bytes.
#[derive(Debug, PartialEq, Serialize)]
#[serde(transparent)]
struct Exactly<const N: usize>(#[serde(with = "serde_bytes")] Vec<u8>);

impl<'de, const N: usize> Deserialize<'de> for Exactly<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let bytes: Vec<u8> = serde_bytes::deserialize(deserializer)?;
        let expected = format!("a byte array of length {N}");
        if bytes.len() == N { Ok(Self(bytes)) } else { Err(D::Error::invalid_length(bytes.len(), &expected.as_str())) }
    }
}

/// Bytes that are not copied while they are decoded, as in fixedbitset.
#[derive(Debug, PartialEq, Serialize)]
#[serde(transparent)]
struct Borrowed(#[serde(with = "serde_bytes")] Vec<u8>);

impl<'de> Deserialize<'de> for Borrowed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        <&[u8]>::deserialize(deserializer).map(|bytes| Self(bytes.to_owned()))
    }
}

/// A text that the error names, as in bitvec.
#[derive(Debug, PartialEq, Serialize)]
struct Order(String);

impl<'de> Deserialize<'de> for Order {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let words = format!("invalid value: string {text:?}, expected the string \"bitvec::order::Lsb0\"");
        if text == "bitvec::order::Lsb0" { Ok(Self(text)) } else { Err(D::Error::custom(words)) }
    }
}

/// Checks the format of a type, in a struct and in an enum, and that a decoded value is equal to the original.
#[track_caller]
fn opens<T: Debug + PartialEq + Serialize + DeserializeOwned>(format: &str, value: T) {
    let format = format.replace('\'', "\"");
    let schema = Schema::of::<Held<T>>().unwrap_or_else(|error| panic!("{error}"));
    let field = format!("{{\"Held\":{{\"STRUCT\":[{{\"id\":\"U32\"}},{{\"x\":{format}}},{{\"tail\":\"U8\"}}]}}");
    assert!(schema.as_json().contains(&field[1..]), "{}", schema.as_json());
    let either = Schema::of::<Vec<Either<T>>>().unwrap_or_else(|error| panic!("{error}"));
    assert!(either.as_json().contains(&format!("\"0\":{{\"One\":{{\"NEWTYPE\":{format}}}}}")), "{}", either.as_json());
    let held = Held { id: 7, x: value, tail: 9 };
    let bytes = super::against_serde::encoded(&held);
    assert_eq!(schema.encode(&schema.decode(&bytes).unwrap()).unwrap(), bytes);
    let mut decoded = None;
    crate::types::payload::decode::<Held<T>>(&bytes, &mut decoded).unwrap();
    assert_eq!(decoded, Some(held));
}

// Reported 19.
#[test]
fn texts_bytes_and_numbers_are_offered_until_the_type_accepts_one() {
    let text = str::to_owned;
    opens("'STR'", Date(text("1900-02-28")));
    opens("'STR'", Url(text("shm://x")));
    opens("{'OPTION':'STR'}", Some(Address(text("::2"))));
    opens("'STR'", Hex(text("0123456789")));
    opens("'STR'", Weekday(text("Tue")));
    opens("'STR'", Order(text("bitvec::order::Lsb0")));
    opens("'BYTES'", Identifier(serde_bytes::ByteBuf::from([3; 16])));
    opens("'BYTES'", Exactly::<33>(vec![1; 33]));
    opens("'BYTES'", Borrowed(vec![1, 2]));
    opens("'BYTES'", Exactly::<3000>(vec![1; 3000]));
    opens("{'MAP':{'KEY':'STR','VALUE':'BYTES'}}", BTreeMap::from([(text("a"), Exactly::<12>(vec![1; 12]))]));
    opens("'U16'", Status(404));
    opens("'F64'", Ratio(0.25));
    opens("{'TUPLE':['U8','U8','I8']}", (FiveOrSeven(7), NonZeroU8::MIN, ZeroOrFive(5)));
    opens(
        "{'TUPLE':['U8',{'TUPLEARRAY':{'CONTENT':'STR','SIZE':2}}]}",
        (NonZeroU8::MIN, [Date(text("2024-01-01")), Date(text("2024-01-01"))]),
    );
}

// Reported 20.
#[test]
fn several_values_are_varied_together() {
    opens("{'TYPENAME':'Range'}", Range { low: 3, high: 4 });
    opens(
        "{'TUPLEARRAY':{'CONTENT':{'TYPENAME':'Range'},'SIZE':2}}",
        [Range { low: 3, high: 4 }, Range { low: 0, high: 1 }],
    );
    opens("{'TUPLEARRAY':{'CONTENT':'F64','SIZE':2}}", Unit((0.0, -1.0)));
    opens("{'TUPLEARRAY':{'CONTENT':'I64','SIZE':2}}", Even((3, 5)));
    opens("{'TUPLEARRAY':{'CONTENT':'U32','SIZE':4}}", Corners([1, 2, 3, 4]));
    opens("{'OPTION':'U16'}", Some16(Some(1)));
    opens("{'TYPENAME':'Colour'}", OnlyRgb(Colour::Rgb(1, 2, 3)));
}

// Reported 20.
#[test]
fn sequences_get_as_many_elements_as_the_type_accepts() {
    let date = || Date("2024-01-01".to_owned());
    opens("{'SEQ':'STR'}", NonEmpty(vec![String::new()]));
    opens("{'SEQ':'STR'}", ThreeDates(vec![date(), date(), date()]));
    opens("{'SEQ':'U8'}", Ascending(vec![3, 4]));
    opens("{'MAP':{'KEY':'STR','VALUE':{'SEQ':'U8'}}}", Headers(BTreeMap::from([("a".to_owned(), vec![1])])));
    opens(
        "{'SEQ':{'TYPENAME':'Slot'}}",
        Slots(vec![Slot { value: None, version: 0 }, Slot { value: Some(1_u8), version: 1 }]),
    );
    opens("{'TUPLE':[{'SEQ':'U32'},{'SEQ':'STR'}]}", (NoHoles(vec![]), NonEmpty(vec![String::new()])));
    opens("{'SEQ':{'TYPENAME':'Slot'}}", Slots(vec![Slot { value: None::<Either<Range>>, version: 0 }]));
    opens("{'TUPLE':[{'SEQ':'F64'},'U64','U64']}", Matrix((vec![1.0, 2.0], 2, 1)));
}

#[derive(Serialize, Deserialize)]
enum Partly {
    Whole(Date),
    Lost { number: Impossible, at: Date },
    None,
}

#[derive(Serialize, Deserialize)]
enum Wholly {
    Lost(Impossible),
    Found(u8),
}

#[test]
fn a_part_that_accepts_nothing_is_no_obstacle_if_nothing_stands_after_it() {
    check::<Vec<Wholly>>(
        r#"{"type":{"SEQ":{"TYPENAME":"Wholly"}},"types":{"Wholly":{"ENUM":{"0":{"Lost":{"NEWTYPE":"U32"}},"1":{"Found":{"NEWTYPE":"U8"}}}}}}"#,
    );
    check::<(u8, Option<(u8, Secret)>, Impossible)>(
        r#"{"type":{"TUPLE":["U8",{"OPTION":{"TUPLE":["U8","STR"]}},"U32"]},"types":{}}"#,
    );
}

/// An empty list, or one of a number and a text.
#[derive(Debug, PartialEq)]
struct Unlike;

impl<'de> Deserialize<'de> for Unlike {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Two;

        impl<'de> Visitor<'de> for Two {
            type Value = Unlike;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number and a text")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Unlike, A::Error> {
                let Some(_) = list.next_element::<u8>()? else { return Ok(Unlike) };
                let text = list.next_element::<String>()?;
                text.map(|_| Unlike).ok_or_else(|| A::Error::invalid_length(1, &self))
            }
        }

        deserializer.deserialize_seq(Two)
    }
}

#[derive(Serialize, Deserialize)]
struct Outer {
    inner: Vec<Option<Inner>>,
}

#[derive(Serialize, Deserialize)]
struct Inner {
    numbers: (u8, Impossible),
    last: u8,
}

#[derive(Serialize, Deserialize)]
struct Loose {
    inner: Option<(u8, Untagged)>,
    last: u8,
}

#[track_caller]
fn self_describing<T: DeserializeOwned>(words: &[&str]) {
    let error = Schema::of::<T>().unwrap_err();
    assert!(matches!(error, SchemaError::SelfDescribing { .. }), "{error}");
    let message = error.to_string();
    assert!(words.iter().all(|word| message.contains(word)), "{message}");
}

// Reported 19 and 30.
#[test]
fn a_refusal_names_the_field_the_type_and_the_cause() {
    refused::<Held<Secret>>(&["'Held.x'", "Secret)", "\"\" is wrong"]);
    refused::<Outer>(&["'Outer.inner.0.numbers.1'", "Impossible)", "0 is wrong"]);
    refused::<Vec<Partly>>(&["'Partly.Lost.number'", "enum 'Partly'", "0 is wrong"]);
    self_describing::<Loose>(&["'Loose.inner.1'", "#[serde(untagged)]", "such as JSON"]);
    self_describing::<Held<Vec<Flat>>>(&["'Held.x.0'", "#[serde(flatten)]"]);
    self_describing::<(Held<Date>, Option<Flat>)>(&["the Deserialize of '1'", "Flat)", "#[serde(flatten)]"]);
    for lists in [Schema::of::<Unlike>(), Schema::of::<Option<Unlike>>()] {
        let error = lists.unwrap_err().to_string();
        assert!(error.contains("a number and a text"), "its parts are not all alike: {error}");
    }
    refused::<Held<Vec<Secret>>>(&["'Held.x.0'", "\"\" is wrong"]);
}

static PASSES: AtomicUsize = AtomicUsize::new(0);

#[derive(Deserialize)]
struct Many {
    _first: Counted,
    _dates: ([Date; 30], [Identifier; 30]),
    _list: Vec<(Url, Hex, Slots<Range>)>,
    _x: Option<Held<Secret>>,
}

struct Counted;

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        PASSES.fetch_add(1, Ordering::Relaxed);
        u8::deserialize(deserializer).map(|_| Self)
    }
}

#[test]
fn the_number_of_passes_is_small() {
    assert!(Schema::of::<Many>().is_err());
    let passes = PASSES.load(Ordering::Relaxed);
    assert!((100..2000).contains(&passes), "{passes}");
}

#[derive(Serialize, Deserialize)]
struct Aliases {
    #[serde(alias = "zeta", alias = "alpha")]
    name: u8,
    plain: Date,
    #[serde(default, alias = "a")]
    maybe: Option<Identifier>,
    #[serde(skip)]
    _skipped: u8,
    #[serde(rename = "last", alias = "z")]
    end: Vec<Aliases>,
}

#[derive(Serialize, Deserialize)]
enum AliasesWithin {
    Fields {
        #[serde(alias = "y", alias = "b")]
        x: FiveOrSeven,
        #[serde(alias = "w")]
        z: Option<Colour>,
    },
    Struct(Box<Aliases>),
}

// Reported 20.
#[test]
fn the_aliases_of_fields_are_left_out() {
    let aliases = r#""Aliases":{"STRUCT":[{"name":"U8"},{"plain":"STR"},{"maybe":{"OPTION":"BYTES"}},{"last":{"SEQ":{"TYPENAME":"Aliases"}}}]}"#;
    check::<Aliases>(&format!(r#"{{"type":{{"TYPENAME":"Aliases"}},"types":{{{aliases}}}}}"#));
    let colour = r#""Colour":{"ENUM":{"0":{"Red":"UNIT"},"1":{"Rgb":{"TUPLE":["U8","U8","U8"]}}}}"#;
    let within = r#""AliasesWithin":{"ENUM":{"0":{"Fields":{"STRUCT":[{"x":"U8"},{"z":{"OPTION":{"TYPENAME":"Colour"}}}]}},"1":{"Struct":{"NEWTYPE":{"TYPENAME":"Aliases"}}}}}"#;
    check::<AliasesWithin>(&format!(
        r#"{{"type":{{"TYPENAME":"AliasesWithin"}},"types":{{{aliases},{within},{colour}}}}}"#
    ));
}
