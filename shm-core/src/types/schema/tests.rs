//! Tests that types are traced correctly or refused with a reason, and that decoding and encoding by a
//! schema agree with serde.

use super::*;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap};

mod against_serde;
mod by_name;
mod hostile;
mod refusing;
mod unchanged;

/// Checks the schema of a type.
#[track_caller]
fn check<T: DeserializeOwned>(expected: &str) {
    assert_eq!(Schema::of::<T>().unwrap().as_json(), expected);
}

#[track_caller]
fn refused<T: DeserializeOwned>(words: &[&str]) {
    let message = Schema::of::<T>().unwrap_err().to_string();
    assert!(words.iter().all(|word| message.contains(word)), "{message}");
    assert!(message.contains("Schema::named"), "it says what to do: {message}");
}

#[derive(Serialize, Deserialize)]
struct Unit;

#[derive(Serialize, Deserialize)]
struct NewType(u8);

#[derive(Serialize, Deserialize)]
enum Shape {
    Unit,
    New(f32),
    Pair(u8, String),
    Fields { x: i32, y: Option<Colour> },
}

#[derive(Serialize, Deserialize)]
enum Colour {
    Red,
    Rgb(u8, u8, u8),
}

#[test]
fn plain_types_are_their_formats() {
    check::<(bool, char, String, i8, u128)>(r#"{"type":{"TUPLE":["BOOL","CHAR","STR","I8","U128"]},"types":{}}"#);
    check::<()>(r#"{"type":"UNIT","types":{}}"#);
    check::<[u16; 3]>(r#"{"type":{"TUPLEARRAY":{"CONTENT":"U16","SIZE":3}},"types":{}}"#);
    check::<(u16, u16, u16)>(r#"{"type":{"TUPLEARRAY":{"CONTENT":"U16","SIZE":3}},"types":{}}"#);
    check::<(u16,)>(r#"{"type":{"TUPLE":["U16"]},"types":{}}"#);
    check::<Vec<Option<Option<f64>>>>(r#"{"type":{"SEQ":{"OPTION":{"OPTION":"F64"}}},"types":{}}"#);
    check::<HashMap<String, BTreeSet<i64>>>(r#"{"type":{"MAP":{"KEY":"STR","VALUE":{"SEQ":"I64"}}},"types":{}}"#);
    check::<(Unit, NewType)>(
        r#"{"type":{"TUPLE":[{"TYPENAME":"Unit"},{"TYPENAME":"NewType"}]},"types":{"NewType":{"NEWTYPESTRUCT":"U8"},"Unit":"UNITSTRUCT"}}"#,
    );
}

#[test]
fn every_variant_is_found_wherever_the_enum_stands() {
    let colour = r#""Colour":{"ENUM":{"0":{"Red":"UNIT"},"1":{"Rgb":{"TUPLEARRAY":{"CONTENT":"U8","SIZE":3}}}}}"#;
    let colour = colour.replace(r#"{"TUPLEARRAY":{"CONTENT":"U8","SIZE":3}}"#, r#"{"TUPLE":["U8","U8","U8"]}"#);
    let shape = r#""Shape":{"ENUM":{"0":{"Unit":"UNIT"},"1":{"New":{"NEWTYPE":"F32"}},"2":{"Pair":{"TUPLE":["U8","STR"]}},"3":{"Fields":{"STRUCT":[{"x":"I32"},{"y":{"OPTION":{"TYPENAME":"Colour"}}}]}}}}"#;
    check::<Shape>(&format!(r#"{{"type":{{"TYPENAME":"Shape"}},"types":{{{colour},{shape}}}}}"#));
    check::<Vec<(u8, Option<Shape>)>>(&format!(
        r#"{{"type":{{"SEQ":{{"TUPLE":["U8",{{"OPTION":{{"TYPENAME":"Shape"}}}}]}}}},"types":{{{colour},{shape}}}}}"#
    ));
}

#[derive(Serialize, Deserialize)]
enum Expression {
    Negated(Box<Expression>),
    Sum(Box<Expression>, Box<Expression>),
    Number(f64),
}

#[derive(Serialize, Deserialize)]
enum Pile {
    Last,
    More(Box<Pile>),
}

#[derive(Default, Serialize, Deserialize)]
struct Folder {
    folders: Vec<Folder>,
    by_name: BTreeMap<String, Folder>,
    parent: Option<Box<Folder>>,
    last: u8,
}

#[derive(Serialize, Deserialize)]
enum Egg {
    Of(Box<Hen>),
}

#[derive(Serialize, Deserialize)]
enum Hen {
    From(Box<Egg>),
    First,
}

#[test]
fn types_may_contain_themselves() {
    check::<Expression>(
        r#"{"type":{"TYPENAME":"Expression"},"types":{"Expression":{"ENUM":{"0":{"Negated":{"NEWTYPE":{"TYPENAME":"Expression"}}},"1":{"Sum":{"TUPLE":[{"TYPENAME":"Expression"},{"TYPENAME":"Expression"}]}},"2":{"Number":{"NEWTYPE":"F64"}}}}}}"#,
    );
    check::<Folder>(
        r#"{"type":{"TYPENAME":"Folder"},"types":{"Folder":{"STRUCT":[{"folders":{"SEQ":{"TYPENAME":"Folder"}}},{"by_name":{"MAP":{"KEY":"STR","VALUE":{"TYPENAME":"Folder"}}}},{"parent":{"OPTION":{"TYPENAME":"Folder"}}},{"last":"U8"}]}}}"#,
    );
    check::<Egg>(
        r#"{"type":{"TYPENAME":"Egg"},"types":{"Egg":{"ENUM":{"0":{"Of":{"NEWTYPE":{"TYPENAME":"Hen"}}}}},"Hen":{"ENUM":{"0":{"From":{"NEWTYPE":{"TYPENAME":"Egg"}}},"1":{"First":"UNIT"}}}}}"#,
    );
}

#[derive(Serialize, Deserialize)]
struct Generic<T> {
    content: T,
}

#[derive(Serialize, Deserialize)]
struct Generics {
    bytes: Generic<u8>,
    text: Generic<String>,
    again: Generic<u8>,
}

mod other {
    #[derive(serde::Serialize, serde::Deserialize)]
    pub enum Colour {
        Rgb,
        Red,
    }
}

#[test]
fn types_of_one_name_are_told_apart() {
    check::<Generics>(
        r#"{"type":{"TYPENAME":"Generics"},"types":{"Generic":{"STRUCT":[{"content":"U8"}]},"Generic#2":{"STRUCT":[{"content":"STR"}]},"Generics":{"STRUCT":[{"bytes":{"TYPENAME":"Generic"}},{"text":{"TYPENAME":"Generic#2"}},{"again":{"TYPENAME":"Generic"}}]}}}"#,
    );
    check::<(Vec<Colour>, other::Colour)>(
        r#"{"type":{"TUPLE":[{"SEQ":{"TYPENAME":"Colour"}},{"TYPENAME":"Colour#2"}]},"types":{"Colour":{"ENUM":{"0":{"Red":"UNIT"},"1":{"Rgb":{"TUPLE":["U8","U8","U8"]}}}},"Colour#2":{"ENUM":{"0":{"Rgb":"UNIT"},"1":{"Red":"UNIT"}}}}}"#,
    );
}

#[test]
fn types_of_the_standard_library_are_found() {
    use std::net::{IpAddr, SocketAddr};
    use std::time::{Duration, SystemTime};
    for schema in [
        Schema::of::<(Duration, SystemTime, IpAddr, SocketAddr)>(),
        Schema::of::<(std::num::NonZeroU8, std::ops::Range<u8>, std::result::Result<std::path::PathBuf, u8>)>(),
        Schema::of::<(std::ops::Bound<u8>, std::num::Wrapping<i8>, std::borrow::Cow<'static, str>)>(),
    ] {
        assert!(schema.as_ref().is_ok_and(Schema::is_complete), "{schema:?}");
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u8),
}

#[derive(Serialize, Deserialize)]
struct Flat {
    #[serde(flatten)]
    inner: Generic<u8>,
}

#[derive(Serialize, Deserialize)]
struct Endless {
    inner: Box<Endless>,
}

#[derive(Serialize, Deserialize)]
enum EndlessToo {
    One(Box<EndlessToo>),
    Other(u8, Box<EndlessToo>),
}

#[derive(Serialize, Deserialize)]
enum Nothing {}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Nest(Vec<Nest>);

#[derive(Serialize, Deserialize)]
enum VariantAlias {
    #[serde(alias = "Rot")]
    Red,
    Green,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Email(String);

impl TryFrom<String> for Email {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        if text.contains('@') { Ok(Self(text)) } else { Err("it has no @".to_owned()) }
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

#[test]
fn what_cannot_be_found_out_is_refused_with_what_to_do() {
    let self_describing = |error: Result<Schema>, words: [&str; 2]| {
        let message = error.unwrap_err().to_string();
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
        assert!(message.contains("the option `json`") && !message.contains("Schema::named"), "{message}");
    };
    self_describing(Schema::of::<Untagged>(), ["Untagged", "#[serde(untagged)]"]);
    self_describing(Schema::of::<Flat>(), ["Flat", "#[serde(flatten)]"]);
    self_describing(Schema::of::<serde_json::Value>(), ["serde_json", "self-describing"]);
    self_describing(Schema::of::<(u8, Option<Flat>)>(), ["Flat", "#[serde(flatten)]"]);
    refused::<Endless>(&["'Endless' would contain itself"]);
    refused::<EndlessToo>(&["'EndlessToo' would contain itself"]);
    refused::<Nest>(&["without a type name in between"]);
    refused::<VariantAlias>(&["'VariantAlias' has 3 names for fewer variants", "alias"]);
    refused::<Nothing>(&["'Nothing' has no variants"]);
}

#[test]
fn samples_show_what_cannot_be_traced() {
    let contact = |email: &str, colours| Generic { content: (Email(email.to_owned()), colours) };
    let schema = Schema::from_samples(&[contact("a@b", vec![Colour::Red]), contact("c@d", vec![Colour::Rgb(1, 2, 3)])]);
    assert_eq!(
        schema.unwrap().as_json(),
        r#"{"type":{"TYPENAME":"Generic"},"types":{"Colour":{"ENUM":{"0":{"Red":"UNIT"},"1":{"Rgb":{"TUPLE":["U8","U8","U8"]}}}},"Generic":{"STRUCT":[{"content":{"TUPLE":["STR",{"SEQ":{"TYPENAME":"Colour"}}]}}]}}}"#
    );
    let refused = |schema: Result<Schema>, words: &str| {
        let error = schema.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    refused(Schema::from_samples::<u8>(&[]), "there are no samples");
    // Reported 22.
    refused(Schema::from_samples(&[contact("a@b", vec![])]), "do not show what 'Generic.content' contains");
    let colours = || vec![Colour::Rgb(1, 2, 3)];
    refused(
        Schema::from_samples(&[(colours(), Shape::Fields { x: 1, y: None })]),
        "do not show what 'Shape.Fields.y' contains",
    );
    refused(Schema::from_samples(&[Vec::<Vec<u8>>::new()]), "do not show what the type Vec<?> contains");
    refused(
        Schema::from_samples(&[Generics {
            bytes: Generic { content: 1 },
            text: Generic { content: String::new() },
            again: Generic { content: 2 },
        }]),
        "'Generic.content' is u8 in one place and String in another (two types have the same name",
    );
    refused(
        Schema::from_samples(&[(Colour::Red, other::Colour::Rgb)]),
        "'Colour.Red' is the name of a variant in one place and 'Colour.Rgb' in another",
    );
    refused(
        Schema::from_samples(&[Generic { content: vec![json!(1), json!("x")] }]),
        "'Generic.content' is u64 in one place and String in another",
    );
}

#[test]
fn both_ways_to_a_schema_lead_to_the_same() {
    let samples = [
        Shape::Unit,
        Shape::New(1.0),
        Shape::Pair(1, "one".to_owned()),
        Shape::Fields { x: 1, y: Some(Colour::Red) },
        Shape::Fields { x: 1, y: Some(Colour::Rgb(1, 2, 3)) },
    ];
    assert_eq!(Schema::from_samples(&samples), Schema::of::<Shape>());
}

#[test]
fn a_schema_reads_as_a_definition() {
    let expected = "type Value = (Shape, Map<String, [u8; 4]>, Unit, NewType, (u8,));\n\n\
        enum Shape {\n    Unit,\n    New(f32),\n    Pair(u8, String),\n    Fields { x: i32, y: Option<Colour> },\n}\n\n\
        struct Unit;\n\nstruct NewType(u8);\n\n\
        enum Colour {\n    Red,\n    Rgb(u8, u8, u8),\n}\n";
    let schema = Schema::of::<(Shape, HashMap<String, [u8; 4]>, Unit, NewType, (u8,))>().unwrap();
    assert_eq!(schema.to_string(), expected);
    assert_eq!(Schema::named("Frame", 3).unwrap().to_string(), "type Frame; // version 3, known only by name\n");
}

#[test]
fn the_first_difference_is_named() {
    let check = |region: &str, here: &str, expected: &str| {
        let [region, here] = [region, here].map(|json| Schema::parse(json).unwrap());
        assert_eq!(Schema::difference(&region, &here), expected);
    };
    let reading =
        |fields: &str| format!(r#"{{"type":{{"TYPENAME":"Reading"}},"types":{{"Reading":{{"STRUCT":[{fields}]}}}}}}"#);
    let place = r#"{"room":"STR"},{"position":{"TUPLE":["F32","F64"]}}"#;
    check(
        &reading(place),
        &reading(r#"{"room":"STR"},{"position":{"TUPLE":["F32","F32"]}}"#),
        "Reading.position.1 is f64 in the region, and f32 in this program",
    );
    check(&reading(place), &reading(r#"{"room":"STR"}"#), "only the region has the field 'position' in Reading");
    check(&reading(r#"{"room":"STR"}"#), &reading(place), "only this program has the field 'position' in Reading");
    check(
        &reading(place),
        &reading(r#"{"raum":"STR"},{"position":"U8"}"#),
        "field 0 of Reading is named 'room' in the region, and 'raum' in this program",
    );
    check(
        &reading(place),
        r#"{"type":"U8","types":{}}"#,
        "the values are Reading in the region, and u8 in this program",
    );
    check(
        r#"{"type":{"TYPENAME":"E"},"types":{"E":{"ENUM":{"0":{"A":"UNIT"}}}}}"#,
        r#"{"type":{"TYPENAME":"E"},"types":{"E":{"ENUM":{"0":{"A":"UNIT"},"1":{"B":"UNIT"}}}}}"#,
        "only this program has the variant 'B' (number 1) in E",
    );
    let pair = |formats: &str| format!(r#"{{"type":{{"TYPENAME":"P"}},"types":{{"P":{formats}}}}}"#);
    check(
        &pair(r#"{"NEWTYPESTRUCT":"F64"}"#),
        &pair(r#"{"TUPLESTRUCT":["F64","F64"]}"#),
        "the values are struct P(f64) in the region, and struct P(f64, f64) in this program",
    );
    let variant = |form: &str| pair(&format!(r#"{{"ENUM":{{"0":{{"A":{form}}}}}}}"#));
    check(&variant(r#""UNIT""#), &variant(r#"{"NEWTYPE":"U8"}"#), "P.A is A in the region, and A(u8) in this program");
    check(
        r#"{"name":"Reading","version":3}"#,
        r#"{"name":"Reading","version":4}"#,
        "the values are 'Reading' version 3 (known only by name) in the region, and 'Reading' version 4 (known only by name) in this program",
    );
}

#[test]
fn json_that_does_not_fit_is_refused_with_the_place() {
    let schema = Schema::of::<Generic<(u8, Vec<Shape>, char, Vec<Option<f32>>)>>().unwrap();
    let check = |value: Value, expected: &str| assert_eq!(schema.encode(&value).unwrap_err().to_string(), expected);
    let with = |shape: Value| json!({"content": [1, [shape], "x", []]});
    check(json!({"content": [300, [], "x", []]}), "Generic.content.0: expected u8, got 300");
    check(json!({"content": [-1, [], "x", []]}), "Generic.content.0: expected u8, got -1");
    check(json!({"content": [1.5, [], "x", []]}), "Generic.content.0: expected u8, got 1.5");
    check(json!({"content": [1, [], "xy", []]}), "Generic.content.2: expected char, got \"xy\"");
    check(
        json!({"content": [1, [], "x"]}),
        "Generic.content: expected (u8, Vec<Shape>, char, Vec<Option<f32>>), got [1,[],\"x\"]",
    );
    check(json!({"content": [1, {}, "x", []]}), "Generic.content.1: expected Vec<Shape>, got {}");
    check(
        json!({"content": [1, [], "x", [1e300]]}),
        "Generic.content.3.0: expected a number in the range of f32, got 1e+300",
    );
    check(json!({}), "Generic: the field 'content' is missing");
    check(json!({"content": 1, "kontent": 2}), "Generic: unknown field 'kontent'; the type has the field content");
    check(json!([1]), "Generic: expected an object with the field content, got [1]");
    check(
        with(json!("Circle")),
        "Generic.content.1.0: expected Shape (one of Unit, New, Pair, Fields), got \"Circle\"",
    );
    check(with(json!({"Unit": null})), "Generic.content.1.0.Unit: expected only the variant's name, without content");
    check(with(json!("New")), "Generic.content.1.0.New: expected an object with the variant's content");
    check(with(json!({"Pair": [1]})), "Generic.content.1.0.Pair: expected a list of 2 elements");
    check(
        with(json!({"Fields": {"x": 1, "y": "Green"}})),
        "Generic.content.1.0.Fields.y: expected Colour (one of Red, Rgb), got \"Green\"",
    );
    let long = "a".repeat(100);
    check(
        json!({"content": long}),
        &format!("Generic.content: expected (u8, Vec<Shape>, char, Vec<Option<f32>>), got \"{}...", "a".repeat(56)),
    );
}

#[test]
fn the_example_of_the_format_is_encoded_as_it_says() {
    let text = include_str!("../../../../docs/FORMAT.md");
    let blocks: Vec<&str> = text.split("```text\n").skip(1).filter_map(|block| block.split("\n```").next()).collect();
    let schemas: Vec<Schema> = blocks.iter().filter_map(|block| Schema::parse(block).ok()).collect();
    assert_eq!(schemas.len(), 2, "a type and a name");
    let shown: Vec<_> = blocks.iter().filter(|block| Schema::parse(block).is_ok()).collect();
    assert!(schemas.iter().zip(shown).all(|(schema, shown)| schema.as_json() == *shown), "the examples are canonical");
    let value = json!({"room":"kitchen","celsius":21.5,"position":[1.0,-2.0],"state":{"Failed":7}});
    let bytes = schemas[0].encode(&value).unwrap();
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(text.contains(&hex[..24].join(" ")) && text.contains(&hex[24..].join(" ")), "{hex:?}");
    assert_eq!(schemas[0].decode(&bytes).unwrap(), value);
}

#[test]
fn an_integer_in_a_string_has_one_form() {
    for format in ["I8", "I128"] {
        let schema = Schema::parse(&format!(r#"{{"type":"{format}","types":{{}}}}"#)).unwrap();
        for digits in ["0", "7", "-7"] {
            assert_eq!(schema.encode(&json!(digits)), schema.encode(&serde_json::from_str(digits).unwrap()));
        }
        for digits in ["", "-", "+7", "07", "-0", "-07", " 7", "7.0", "7e0", "1_0", "\u{661}"] {
            assert!(schema.encode(&json!(digits)).is_err(), "{digits}");
        }
        for number in ["7.0", "7e0", "-0", "-0.0"] {
            assert!(schema.encode_json(number).is_err(), "{number}");
        }
    }
}

// Reported 24 and 7.
#[test]
fn the_text_that_a_value_is_shown_as_is_encoded_again_however_deep_it_is() {
    #[derive(Serialize, Deserialize)]
    enum Tree {
        Leaf(u8),
        Node { inner: Box<Tree> },
    }
    let schema = Schema::of::<Tree>().unwrap();
    let tree = (0..120).fold(Tree::Leaf(7), |inner, _| Tree::Node { inner: Box::new(inner) });
    let text = serde_json::to_string(&tree).unwrap();
    let bytes = schema.encode_json(&text).unwrap();
    let mut again = Vec::new();
    schema.decode_json(&bytes, &mut again).unwrap();
    assert_eq!(str::from_utf8(&again).unwrap(), text);
    let tree = (0..127).fold(tree, |inner, _| Tree::Node { inner: Box::new(inner) });
    let error = schema.encode_json(&serde_json::to_string(&tree).unwrap()).unwrap_err().to_string();
    assert!(error.contains("nests"), "{error}");
    let twice = schema.encode_json(r#"{"Leaf":7,"Leaf":8}"#).unwrap_err().to_string();
    assert!(twice.contains("Tree: the name 'Leaf' is there twice in one object"), "{twice}");
    let cut = schema.encode_json(r#"{"Leaf":"#).unwrap_err().to_string();
    assert!(cut.contains("EOF"), "{cut}");
}
