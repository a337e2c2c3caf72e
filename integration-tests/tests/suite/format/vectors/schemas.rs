//! Vectors of types and their values: valid ones, values that do not match their type, and schemas that
//! break the rules.

use serde_json::{Value, json};
use shm_core::Schema;
use testkit::Image;
use testkit::image::{fnv, record};

use super::list::{ARRAY, BINCODE, JSON, TEXT, abc, vector};
use super::{Vector, shown_hex};

/// Returns the vectors of this file.
pub fn vectors() -> Vec<Vector> {
    [types(), bad_values(), bad_plain_values(), refused_types(), refused_forms(), refused_arrays(), undue()]
        .into_iter()
        .flatten()
        .collect()
}

/// Maps with every sort of key: those that JSON shows as member names, and others.
const MAPS: &str = r#"{"type":{"TYPENAME":"Maps"},"types":{"Level":{"ENUM":{"0":{"Low":"UNIT"},"1":{"High":"UNIT"}}},"Maps":{"STRUCT":[{"by_text":{"MAP":{"KEY":"STR","VALUE":"U8"}}},{"by_number":{"MAP":{"KEY":"I16","VALUE":"STR"}}},{"by_large":{"MAP":{"KEY":"U128","VALUE":"UNIT"}}},{"by_flag":{"MAP":{"KEY":"BOOL","VALUE":"U8"}}},{"by_letter":{"MAP":{"KEY":"CHAR","VALUE":"U8"}}},{"by_level":{"MAP":{"KEY":{"TYPENAME":"Level"},"VALUE":"U8"}}},{"by_name":{"MAP":{"KEY":{"TYPENAME":"Name"},"VALUE":{"OPTION":"U8"}}}},{"by_pair":{"MAP":{"KEY":{"TUPLE":["U8","STR"]},"VALUE":{"SEQ":"U8"}}}},{"by_option":{"MAP":{"KEY":{"OPTION":"U8"},"VALUE":"U8"}}}]},"Name":{"NEWTYPESTRUCT":"STR"}}}"#;

/// Types without parts, and one without values.
const EMPTY: &str = r#"{"type":{"TYPENAME":"All"},"types":{"All":{"STRUCT":[{"never":{"OPTION":{"TYPENAME":"Enum"}}},{"fields":{"TYPENAME":"Struct"}},{"parts":{"TYPENAME":"Parts"}},{"tuple":{"TUPLE":[]}},{"nothing":{"MAP":{"KEY":{"TYPENAME":"Enum"},"VALUE":"U8"}}}]},"Enum":{"ENUM":{}},"Parts":{"TUPLESTRUCT":[]},"Struct":{"STRUCT":[]}}}"#;

/// Returns a vector of values of the type of `schema`, which are given as JSON.
fn typed(name: &'static str, about: &'static str, schema: &str, values: &[Value]) -> Vector {
    let known = Schema::parse(schema).expect("a schema");
    let payloads: Vec<Vec<u8>> = values.iter().map(|value| known.encode(value).expect("a value")).collect();
    let image = payloads.iter().fold(Image::new(BINCODE).with_schema(schema), Image::value);
    vector(
        name,
        about,
        &image,
        read(schema, payloads.iter().map(Vec::as_slice).zip(values.iter().map(|value| ("value", value.clone())))),
    )
}

/// Returns the expected result for a closed region with this schema. Each value is a payload and one
/// more member of its entry.
fn read<'a>(schema: &str, values: impl Iterator<Item = (&'a [u8], (&'a str, Value))>) -> Value {
    let value = |(number, (payload, (name, member))): (u64, (&[u8], (&str, Value)))| {
        let mut value = json!({"sequence": number, "hex": shown_hex(payload)});
        value[name] = member;
        value
    };
    let values: Vec<Value> = (1..).zip(values).map(value).collect();
    let schema: Value = serde_json::from_str(schema).expect("JSON");
    let kind = if schema.get("dtype").is_some() { "array" } else { "bincode" };
    json!({"kind": kind, "schema": schema, "latest": values.len(), "values": values, "state": "closed"})
}

fn types() -> Vec<Vector> {
    let maps = json!({
        "by_text": {"": 1, "b": 2}, "by_number": {"-5": "five", "3": "three"},
        "by_large": {"340282366920938463463374607431768211455": null}, "by_flag": {"false": 0, "true": 1},
        "by_letter": {"ä": 1}, "by_level": {"Low": 1, "High": 2}, "by_name": {"n": null},
        "by_pair": [[[1, "x"], [1, 2]]], "by_option": [[null, 1], [2, 3]],
    });
    let folder = r#"{"type":{"TYPENAME":"Folder"},"types":{"Folder":{"STRUCT":[{"name":"STR"},{"folders":{"SEQ":{"TYPENAME":"Folder"}}},{"parent":{"OPTION":{"TYPENAME":"Folder"}}}]}}}"#;
    let leaf = |name: &str| json!({"name": name, "folders": [], "parent": null});
    let same_name = r##"{"type":{"TUPLE":[{"TYPENAME":"Name"},{"TYPENAME":"Name#2"}]},"types":{"Name":{"NEWTYPESTRUCT":"STR"},"Name#2":{"NEWTYPESTRUCT":"U8"}}}"##;
    let number = r#"{"type":"U32","types":{}}"#;
    let records = [record(9, b"x"), record(1, number.as_bytes()), record(1, b"another"), record(77, b"")].concat();
    let spaced = " { \"types\" : { } ,\n\t\"type\" : \"\\u0055\\u0033\\u0032\" } ";
    let deep = format!(r#"{{"type":{}"U8"{},"types":{{}}}}"#, r#"{"OPTION":"#.repeat(119), "}".repeat(119));
    let single = r#"{"dtype":"<i8","shape":[]}"#;
    let (seven, minus) = (vec![7, 0, 0, 0], (-7_i64).to_le_bytes().to_vec());
    let one = |schema: &str| read(schema, [(&seven[..], ("value", json!(7)))].into_iter());
    let described = Image::new(BINCODE).with(|image| image.descriptor = records);
    vec![
        typed("typed-maps", "maps: objects if the keys can be member names, else lists of pairs", MAPS, &[maps]),
        typed(
            "typed-recursive",
            "a type that contains itself",
            folder,
            &[json!({"name": "a", "folders": [leaf("b")], "parent": leaf("c")})],
        ),
        typed(
            "typed-same-name",
            "two types of the same name: the second is called Name#2",
            same_name,
            &[json!(["n", 7])],
        ),
        typed(
            "typed-no-bytes",
            "values that take no bytes",
            r#"{"type":{"TUPLEARRAY":{"CONTENT":"UNIT","SIZE":3}},"types":{}}"#,
            &[json!([null, null, null])],
        ),
        typed(
            "typed-empty",
            "an enum without variants, of which there is no value, and types without fields",
            EMPTY,
            &[json!({"never": null, "fields": {}, "parts": [], "tuple": [], "nothing": {}})],
        ),
        typed("typed-deep", "a schema that nests 120 deep", &deep, &[json!(null), json!(5)]),
        vector(
            "descriptor-of-many-records",
            "two schemas, of which the first one counts, and other records, which are skipped",
            &described.with(|image| image.fingerprint = Some(fnv(number.as_bytes()))).value(&seven),
            one(number),
        ),
        vector(
            "typed-with-spaces",
            "a schema with white space, escapes and another order: the fingerprint is computed over the bytes as stored",
            &Image::new(BINCODE).with_schema(spaced).value(&seven),
            one(spaced),
        ),
        vector(
            "array-without-dimensions",
            "a single number",
            &Image::new(ARRAY).with_schema(single).value(&minus),
            read(single, [(&minus[..], ("shape", json!([])))].into_iter()),
        ),
    ]
}

/// Vectors of two values, of which the second does not match the type. A reader of bytes gets it. A
/// reader that decodes it refuses it, and can then continue.
fn bad_values() -> Vec<Vector> {
    let long = |count: u64, rest: &[u8]| [&count.to_le_bytes()[..], rest].concat();
    let nested = r#"{"type":{"TYPENAME":"A"},"types":{"A":{"NEWTYPESTRUCT":{"OPTION":{"TYPENAME":"A"}}}}}"#;
    let variant = r#"{"type":{"TYPENAME":"A"},"types":{"A":{"ENUM":{"0":{"X":"UNIT"},"7":{"Y":"UNIT"}}}}}"#;
    let array = r#"{"dtype":"|u1","shape":[2,3]}"#;
    let error = || ("error", json!("bad value"));
    let two = |name, about, schema: &str, good: &[u8], member: (&'static str, Value), bad: &[u8]| {
        let kind = if schema.contains("dtype") { ARRAY } else { BINCODE };
        let image = Image::new(kind).with_schema(schema).value(good).value(bad);
        let values = [(good, member), (bad, error())].into_iter();
        vector(name, about, &image, read(schema, values))
    };
    let plain = |name, about, format: &str, good: (&[u8], Value), bad: &[u8]| {
        two(name, about, &format!(r#"{{"type":{format},"types":{{}}}}"#), good.0, ("value", good.1), bad)
    };
    vec![
        plain(
            "bad-option",
            "an option whose first byte is neither 0 nor 1",
            r#"{"OPTION":"U8"}"#,
            (&[1, 5], json!(5)),
            &[255, 5],
        ),
        plain("bad-text", "text that is not UTF-8", r#""STR""#, (&long(2, b"hi"), json!("hi")), &long(2, &[b'h', 255])),
        plain(
            "bad-letter",
            "a surrogate, which is not a character",
            r#""CHAR""#,
            ("€".as_bytes(), json!("€")),
            &[0xed, 0xa0, 0x80],
        ),
        plain(
            "bad-length",
            "a text longer than the payload, by almost 2^64",
            r#""STR""#,
            (&long(1, b"x"), json!("x")),
            &long(u64::MAX, b"x"),
        ),
        plain("bad-end", "a payload that continues after the value", r#""U8""#, (&[7], json!(7)), &[7, 0]),
        plain("bad-start", "a payload that ends within the value", r#""U16""#, (&[7, 0], json!(7)), &[7]),
        plain(
            "bad-count",
            "three billion elements that take no bytes",
            r#"{"SEQ":"UNIT"}"#,
            (&long(1, &[]), json!([null])),
            &long(3_000_000_000, &[]),
        ),
        plain(
            "bad-key",
            "a key that appears twice",
            r#"{"MAP":{"KEY":"U8","VALUE":"U8"}}"#,
            (&long(2, &[1, 9, 2, 9]), json!({"1": 9, "2": 9})),
            &long(2, &[1, 9, 1, 9]),
        ),
        two(
            "bad-depth",
            "a value that nests 128 deep, and one that nests 129 deep",
            nested,
            &[[1; 63].as_slice(), &[0]].concat(),
            ("value", Value::Null),
            &[[1; 64].as_slice(), &[0]].concat(),
        ),
        plain(
            "bad-count-by-one",
            "4160 formats in a payload of 8 bytes, and 4161",
            r#"{"SEQ":"UNIT"}"#,
            (&long(4159, &[]), Value::Array(vec![Value::Null; 4159])),
            &long(4160, &[]),
        ),
        two(
            "bad-variant",
            "a variant that does not exist",
            variant,
            &[7, 0, 0, 0],
            ("value", json!("Y")),
            &[1, 0, 0, 0],
        ),
        two(
            "bad-array",
            "an array shorter than its shape",
            array,
            &[1, 2, 3, 4, 5, 6],
            ("shape", json!([2, 3])),
            &[1, 2, 3, 4, 5],
        ),
    ]
}

/// Vectors of values that no schema describes, of which all but the first one are bad.
fn bad_plain_values() -> Vec<Vector> {
    let region = |name, about, kind: &str, values: &[&[u8]]| {
        let number = if kind == "json" { JSON } else { TEXT };
        let slots = values.len().next_power_of_two() as u64;
        let image = Image::new(number).with(|image| image.slots = slots);
        let image = values.iter().fold(image, |image, value| image.value(value));
        let good = if kind == "json" { json!(1) } else { json!("1") };
        let bad = (2..)
            .zip(&values[1..])
            .map(|(sequence, payload)| json!({"sequence": sequence, "hex": shown_hex(payload), "error": "bad value"}));
        let first = json!({"sequence": 1, "hex": shown_hex(values[0]), "value": good});
        let values: Vec<Value> = std::iter::once(first).chain(bad).collect();
        let expected = json!({"kind": kind, "latest": values.len(), "values": values, "state": "closed"});
        vector(name, about, &image, expected)
    };
    vec![
        region("bad-utf8", "text that is not UTF-8", "text", &[b"1", b"h\xff", b"\xed\xa0\x80"]),
        region(
            "bad-json",
            "what is not JSON",
            "json",
            &[b"1", b"", b"1 2", b"\"\xff\"", b"NaN", b"[1,]", b"\xef\xbb\xbf1"],
        ),
        region(
            "json-of-two-meanings",
            "JSON that some programs read as other values: a name twice, numbers beyond 64 bits, half of a surrogate pair",
            "json",
            &[
                b"1",
                br#"{"a":1,"a":2}"#,
                br#"{"a":1,"\u0061":2}"#,
                b"18446744073709551616",
                b"-9223372036854775809",
                b"1e400",
                br#""\ud800""#,
                br#"{"\udc00x":1}"#,
            ],
        ),
    ]
}

fn refused(name: &'static str, about: &'static str, image: &Image) -> Vector {
    vector(name, about, image, json!({"refused": "damaged"}))
}

fn refused_types() -> Vec<Vector> {
    let schema = |name, about, json: &str| refused(name, about, &Image::new(BINCODE).with_schema(json).value([0; 4]));
    let types = |name, about, types: &str| {
        schema(name, about, &format!(r#"{{"type":{{"TYPENAME":"A"}},"types":{{{types}}}}}"#))
    };
    let deep = format!(r#"{{"type":{}"U8"{},"types":{{}}}}"#, r#"{"OPTION":"#.repeat(127), "}".repeat(127));
    let long = format!(r#"{{"name":"{}","version":1}}"#, "A".repeat(257));
    let not_text = b"{\"name\":\"\xff\",\"version\":1}";
    let number = r#"{"type":"U32","types":{}}"#;
    let cut = Image::new(BINCODE).with_schema(number).with(|image| image.descriptor.extend([9, 0, 0, 0]));
    let unreadable = Image::new(BINCODE).with(|image| image.descriptor = record(1, not_text));
    vec![
        refused("record-beyond-the-schema", "the descriptor ends within a record after the schema", &cut),
        refused(
            "schema-is-not-utf8",
            "the schema is not UTF-8",
            &unreadable.with(|image| image.fingerprint = Some(fnv(not_text))),
        ),
        schema("schema-of-an-unknown-format", "a format that does not exist", r#"{"type":"U24","types":{}}"#),
        schema("schema-with-another-member", "a member that no schema has", r#"{"type":"U32","types":{},"more":1}"#),
        types(
            "schema-of-two-without-end",
            "two types that contain each other: a value would never end",
            r#""A":{"STRUCT":[{"b":{"TYPENAME":"B"}}]},"B":{"TUPLESTRUCT":["U8",{"TYPENAME":"A"}]}"#,
        ),
        types("schema-with-a-field-twice", "two fields of the same name", r#""A":{"STRUCT":[{"x":"U8"},{"x":"U8"}]}"#),
        types(
            "schema-with-a-variant-twice",
            "two variants of the same name",
            r#""A":{"ENUM":{"0":{"X":"UNIT"},"1":{"X":"UNIT"}}}"#,
        ),
        types(
            "schema-of-none-of-itself",
            "a type that directly contains an array of itself, of size 0",
            r#""A":{"TUPLESTRUCT":[{"TUPLEARRAY":{"CONTENT":{"TYPENAME":"A"},"SIZE":0}}]}"#,
        ),
        types(
            "schema-with-a-type-twice",
            "two types of the same name",
            r#""A":"UNITSTRUCT","A":{"NEWTYPESTRUCT":"U8"}"#,
        ),
        schema(
            "schema-of-a-map-of-three",
            "a member that no map has",
            r#"{"type":{"MAP":{"KEY":"U8","VALUE":"U8","MORE":1}},"types":{}}"#,
        ),
        schema(
            "schema-of-2-to-the-64th",
            "a number that needs 65 bits",
            r#"{"type":{"TUPLEARRAY":{"CONTENT":"UNIT","SIZE":18446744073709551616}},"types":{}}"#,
        ),
        schema("schema-too-deep", "a schema that nests 128 deep", &deep),
        schema("schema-without-a-name", "a name of no bytes", r#"{"name":"","version":1}"#),
        schema("schema-of-a-long-name", "a name of 257 bytes", &long),
    ]
}

/// Vectors of schemas in wrong forms that some JSON parsers accept.
fn refused_forms() -> Vec<Vector> {
    let schema = |name, about, json: &str| refused(name, about, &Image::new(BINCODE).with_schema(json).value([0; 4]));
    vec![
        schema(
            "schema-of-a-unit-as-an-object",
            "a format without parts as an object",
            r#"{"type":{"U32":null},"types":{}}"#,
        ),
        schema("schema-of-minus-0", "a size of -0", r#"{"type":{"TUPLEARRAY":{"CONTENT":"U8","SIZE":-0}},"types":{}}"#),
    ]
}

/// A schema or a fingerprint that a region of its kind must not have.
fn undue() -> Vec<Vector> {
    let marked = |image: Image| image.with(|image| image.fingerprint = Some(1));
    let record_last = abc().with(|image| image.descriptor = [record(9, b"x"), record(1, b"{}")].concat());
    vec![
        refused(
            "fingerprint-without-a-schema",
            "a fingerprint, and no schema that it could be of",
            &marked(Image::new(BINCODE)),
        ),
        refused("text-with-a-fingerprint", "a kind that has no schema, with a fingerprint", &marked(abc())),
        refused(
            "text-with-a-schema",
            "a kind that has no schema, with one after another record; the fingerprint is 0",
            &record_last,
        ),
    ]
}

fn refused_arrays() -> Vec<Vector> {
    let schema = |name, about, json: &str| refused(name, about, &Image::new(ARRAY).with_schema(json).value([0; 8]));
    let dimensions = format!(r#"{{"dtype":"|u1","shape":[{}1]}}"#, "1,".repeat(32));
    vec![
        schema(
            "dtype-is-big-endian",
            "numbers whose most significant byte comes first",
            r#"{"dtype":">f4","shape":[2]}"#,
        ),
        schema("dtype-is-objects", "elements that are not numbers", r#"{"dtype":"|O","shape":[1]}"#),
        schema("schema-of-an-inner-0", "a length of 0 that is not the first", r#"{"dtype":"|u1","shape":[3,0]}"#),
        schema("schema-of-33-dimensions", "a shape of more than 32 lengths", &dimensions),
        schema(
            "schema-of-a-huge-array",
            "a shape whose size in bytes is above 2^64",
            r#"{"dtype":"<f8","shape":[4294967296,4294967296]}"#,
        ),
        schema("schema-of-a-negative-length", "a length below 0", r#"{"dtype":"|u1","shape":[-1]}"#),
    ]
}
