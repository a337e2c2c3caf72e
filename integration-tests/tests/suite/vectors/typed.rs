//! Regions of arrays and of types, whose values are told apart from their bytes by the schema.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shm_core::{ArrayWriter, Element, Kind, RawWriter, Schema, Writer};

use super::Vector;
use super::image::{Image, made, record, small};

pub fn vectors() -> Vec<Vector> {
    [arrays(), types(), descriptions(), bad_values()].into_iter().flatten().collect()
}

fn array<T: Element>(shape: &[u64], values: &[&[T]]) -> Image {
    made(|name| {
        let mut options = shm_core::Writer::options();
        let mut writer: ArrayWriter<T> = options.slots(4).capacity(24).open_array(name, shape).expect("a writer");
        for value in values {
            writer.publish(value).expect("a value");
        }
    })
}

fn typed<T: Serialize + DeserializeOwned>(values: &[T]) -> Image {
    made(|name| {
        let mut writer = Writer::options().slots(2).capacity(64).open(name).expect("a writer");
        for value in values {
            writer.publish(value).expect("a value");
        }
    })
}

fn arrays() -> Vec<Vector> {
    let shown = |shape: &[u64], data: Value| json!({"shape": shape, "data": data});
    let fixed = array(&[2, 3], &[&[1.0_f32, 2.0, 3.0, -1.5, 0.25, f32::MAX], &[0.0; 6]]);
    vec![
        Vector::read("array", "Arrays of one shape, two rows of three floats.", fixed, &[1, 2]).shown([
            shown(&[2, 3], json!([1.0, 2.0, 3.0, -1.5, 0.25, f32::MAX])),
            shown(&[2, 3], json!([0.0, 0.0, 0.0, 0.0, 0.0, 0.0])),
        ]),
        Vector::read(
            "array-open",
            "Rows of two numbers; how many, follows from the length of each value, which may be 0.",
            array(&[0, 2], &[&[1_u16, 2, 3, 65535], &[], &[5, 6]]),
            &[1, 2, 3],
        )
        .shown([
            shown(&[2, 2], json!([1, 2, 3, 65535])),
            shown(&[0, 2], json!([])),
            shown(&[1, 2], json!([5, 6])),
        ]),
        Vector::read("array-single", "An array without dimensions: one number.", array(&[], &[&[-7_i64]]), &[1])
            .shown([shown(&[], json!([-7]))]),
    ]
}

#[derive(Serialize, Deserialize)]
struct Everything {
    nothing: (),
    flag: bool,
    letter: char,
    text: String,
    #[serde(with = "serde_bytes")]
    blob: Vec<u8>,
    signed: (i8, i16, i32, i64),
    unsigned: (u8, u16, u32, u64),
    wide: (i128, u128, u128),
    single: [f32; 2],
    double: [f64; 5],
    marker: Marker,
    length: Metres,
    pair: Pair,
    one: (u8,),
    maybe: Option<String>,
    shapes: Vec<Shape>,
}

#[derive(Serialize, Deserialize)]
struct Marker;

#[derive(Serialize, Deserialize)]
struct Metres(f64);

#[derive(Serialize, Deserialize)]
struct Pair(u8, String);

#[derive(Serialize, Deserialize)]
enum Shape {
    Unit,
    New(Option<bool>),
    Tuple(u8, Metres),
    Struct { x: i32, y: Vec<u8> },
}

impl Everything {
    fn full() -> Self {
        Self {
            nothing: (),
            flag: true,
            letter: '\u{20ac}',
            text: "gr\u{fc}n \"1\"\n".to_owned(),
            blob: vec![0, 0xff, 0xfe, 0x80],
            signed: (i8::MIN, i16::MIN, i32::MIN, i64::MIN),
            unsigned: (u8::MAX, u16::MAX, u32::MAX, u64::MAX),
            wide: (i128::MIN, u128::from(u64::MAX), u128::MAX),
            single: [0.1, f32::NEG_INFINITY],
            double: [0.1, -0.0, f64::NAN, f64::INFINITY, 5e-324],
            marker: Marker,
            length: Metres(1.5),
            pair: Pair(7, "seven".to_owned()),
            one: (1,),
            maybe: Some("there".to_owned()),
            shapes: vec![
                Shape::Unit,
                Shape::New(Some(false)),
                Shape::Tuple(2, Metres(2.0)),
                Shape::Struct { x: -1, y: vec![1, 2] },
            ],
        }
    }

    fn bare() -> Self {
        Self { maybe: None, shapes: vec![], text: String::new(), blob: vec![], flag: false, ..Self::full() }
    }
}

#[derive(Serialize, Deserialize)]
struct Maps {
    by_text: BTreeMap<String, u8>,
    by_number: BTreeMap<i16, String>,
    by_wide: BTreeMap<u128, ()>,
    by_flag: BTreeMap<bool, u8>,
    by_letter: BTreeMap<char, u8>,
    by_level: BTreeMap<Level, u8>,
    by_name: BTreeMap<Name, Option<u8>>,
    by_pair: BTreeMap<(u8, String), Vec<u8>>,
    none: BTreeMap<Option<u8>, u8>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Level {
    Low,
    High,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Name(String);

#[derive(Serialize, Deserialize)]
struct Folder {
    name: String,
    folders: Vec<Folder>,
    parent: Option<Box<Folder>>,
}

mod other {
    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct Name(pub u8);
}

fn types() -> Vec<Vector> {
    let full = json!({
        "nothing": null, "flag": true, "letter": "\u{20ac}", "text": "gr\u{fc}n \"1\"\n", "blob": "AP/+gA==",
        "signed": [i8::MIN, i16::MIN, i32::MIN, i64::MIN], "unsigned": [u8::MAX, u16::MAX, u32::MAX, u64::MAX],
        "wide": ["-170141183460469231731687303715884105728", u64::MAX, "340282366920938463463374607431768211455"],
        "single": [0.1, "-Infinity"], "double": [0.1, -0.0, "NaN", "Infinity", 5e-324], "marker": null, "length": 1.5,
        "pair": [7, "seven"], "one": [1], "maybe": "there",
        "shapes": ["Unit", {"New": false}, {"Tuple": [2, 2.0]}, {"Struct": {"x": -1, "y": [1, 2]}}],
    });
    let mut bare = full.clone();
    for (name, value) in [
        ("maybe", json!(null)),
        ("shapes", json!([])),
        ("text", json!("")),
        ("blob", json!("")),
        ("flag", json!(false)),
    ] {
        bare[name] = value;
    }
    let maps = Maps {
        by_text: BTreeMap::from([(String::new(), 1), ("b".to_owned(), 2)]),
        by_number: BTreeMap::from([(-5, "five".to_owned()), (3, "three".to_owned())]),
        by_wide: BTreeMap::from([(u128::MAX, ())]),
        by_flag: BTreeMap::from([(false, 0), (true, 1)]),
        by_letter: BTreeMap::from([('\u{e4}', 1)]),
        by_level: BTreeMap::from([(Level::Low, 1), (Level::High, 2)]),
        by_name: BTreeMap::from([(Name("n".to_owned()), None)]),
        by_pair: BTreeMap::from([((1, "x".to_owned()), vec![1, 2])]),
        none: BTreeMap::new(),
    };
    let shown = json!({
        "by_text": {"": 1, "b": 2}, "by_number": {"-5": "five", "3": "three"},
        "by_wide": {"340282366920938463463374607431768211455": null}, "by_flag": {"false": 0, "true": 1},
        "by_letter": {"\u{e4}": 1}, "by_level": {"Low": 1, "High": 2}, "by_name": {"n": null},
        "by_pair": [[[1, "x"], [1, 2]]], "none": [],
    });
    let inner = |name: &str| Folder { name: name.to_owned(), folders: vec![], parent: None };
    let folder = Folder { folders: vec![inner("b")], parent: Some(Box::new(inner("c"))), ..inner("a") };
    let leaf = |name: &str| json!({"name": name, "folders": [], "parent": null});
    vec![
        Vector::read(
            "bincode",
            "A type with every format but maps in it, and every form of a variant.",
            typed(&[Everything::full(), Everything::bare()]),
            &[1, 2],
        )
        .shown([full, bare]),
        Vector::read(
            "bincode-maps",
            "Maps: as objects where the keys are simple, else as lists of pairs.",
            typed(&[maps]),
            &[1],
        )
        .shown([shown]),
        Vector::read("bincode-recursive", "A type that contains itself.", typed(&[folder]), &[1])
            .shown([json!({"name": "a", "folders": [leaf("b")], "parent": leaf("c")})]),
        Vector::read(
            "bincode-one-name",
            "Two types of one name: the second one is called Name#2.",
            typed(&[(Name("n".to_owned()), other::Name(7))]),
            &[1],
        )
        .shown([json!(["n", 7])]),
        Vector::read(
            "bincode-plain",
            "A type that is no struct: a list of optional numbers.",
            typed(&[vec![Some(1_u32), None]]),
            &[1],
        )
        .shown([json!([1, null])]),
    ]
}

/// A number, in a region of kind bincode whose descriptor is none of the library's.
pub fn number() -> Image {
    small(Kind::Bincode, &[&[7, 0, 0, 0]])
}

fn descriptions() -> Vec<Vector> {
    let named = made(|name| {
        let schema = Schema::named("Reading", 3).expect("a name");
        let mut options = RawWriter::options();
        let mut writer = options.slots(4).capacity(16).schema(schema).open_raw(name).expect("a writer");
        writer.publish(&[1, 2, 3]).expect("a value");
    });
    let number_schema = r#"{"type":"U32","types":{}}"#;
    let records =
        [record(9, b"unknown"), record(1, number_schema.as_bytes()), record(1, b"another"), record(77, b"")].concat();
    let hash = super::image::fingerprint(number_schema.as_bytes());
    let spaced = r#" { "types" : { "Unused" : "UNITSTRUCT" }, "type" : { "TUPLE" : [ "U16", "U\u0031\u0036" ] } } "#;
    let deep = format!(r#"{{"type":{}"U8"{},"types":{{}}}}"#, r#"{"OPTION":"#.repeat(126), "}".repeat(126));
    let nothing = small(Kind::Bincode, &[&[]]);
    vec![
        Vector::read("bincode-named", "A type that is known only by name: who does not know it shows the bytes.", named, &[1]),
        Vector::read("bincode-no-schema", "A region of kind bincode without a schema.", number(), &[1]),
        Vector::read("bincode-no-bytes", "A value that takes no bytes.", nothing.with_schema(r#"{"type":{"TUPLEARRAY":{"CONTENT":"UNIT","SIZE":3}},"types":{}}"#), &[1])
            .shown([json!([null, null, null])]),
        Vector::read("schema-behind-others", "A descriptor with a record of an unknown tag before the schema, and a second schema behind it: the first one counts.", number().with_descriptor(&records).with("fingerprint", hash.into()), &[1])
            .shown([json!(7)]),
        Vector::read("schema-not-canonical", "White space, escapes, another order, a tuple of equal formats, and a type that is not used: a reader takes them.", number().with_schema(spaced), &[1])
            .shown([json!([7, 0])]),
        Vector::read("schema-deepest", "A schema that nests 127 deep, as deep as is allowed.", small(Kind::Bincode, &[&[1, 1, 0]]).with_schema(&deep), &[1])
            .shown([Value::Null]),
    ]
}

fn bad_values() -> Vec<Vector> {
    let with = |payload: &[u8], schema: &str| {
        small(Kind::Bincode, &[payload, payload]).with_schema(&format!(r#"{{"type":{schema},"types":{{}}}}"#))
    };
    let bad =
        |name, why, image: Image, good: Value| Vector::read(name, why, image, &[1, 2]).shown([good]).last_is_bad();
    let units = with(&[0; 8], r#"{"SEQ":"UNIT"}"#).with_payload(2, 0, &3_000_000_000_u64.to_le_bytes());
    vec![
        bad("bad-bool", "A boolean that is 2.", with(&[1], r#""BOOL""#).with_payload(2, 0, &[2]), json!(true)),
        bad(
            "bad-option",
            "An option that is neither there nor not.",
            with(&[1, 5], r#"{"OPTION":"U8"}"#).with_payload(2, 0, &[255]),
            json!(5),
        ),
        bad(
            "bad-text",
            "Text that is not UTF-8.",
            with(&[2, 0, 0, 0, 0, 0, 0, 0, b'h', b'i'], r#""STR""#).with_payload(2, 8, &[0xff]),
            json!("hi"),
        ),
        bad(
            "bad-char",
            "A surrogate, which is no character.",
            with(&[0xe2, 0x82, 0xac], r#""CHAR""#).with_payload(2, 0, &[0xed, 0xa0, 0x80]),
            json!("\u{20ac}"),
        ),
        bad(
            "bad-length",
            "A text that is longer than the payload, by almost 2^64.",
            with(&[1, 0, 0, 0, 0, 0, 0, 0, b'x'], r#""STR""#).with_payload(2, 0, &[0xff; 8]),
            json!("x"),
        ),
        bad(
            "bad-end",
            "A payload that goes on behind the value.",
            with(&[7], r#""U8""#).with_slot(2, "length", 2),
            json!(7),
        ),
        bad("bad-count", "Three thousand million elements that take no bytes.", units, json!([])),
        bad(
            "bad-map",
            "A map in which a key is twice.",
            with(&[2, 0, 0, 0, 0, 0, 0, 0, 1, 9, 2, 9], r#"{"MAP":{"KEY":"U8","VALUE":"U8"}}"#).with_payload(
                2,
                10,
                &[1],
            ),
            json!({"1": 9, "2": 9}),
        ),
        bad(
            "bad-array",
            "An array that is shorter than its shape.",
            array(&[2, 3], &[&[1_u8, 2, 3, 4, 5, 6][..]; 2]).with_slot(2, "length", 5),
            json!({"shape": [2, 3], "data": [1, 2, 3, 4, 5, 6]}),
        ),
    ]
}
