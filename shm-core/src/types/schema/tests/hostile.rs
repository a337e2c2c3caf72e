//! Tests of untrusted schemas and payloads: each must give an error in bounded time, never a panic or a
//! stack overflow.

use super::*;
use proptest::prelude::*;

#[track_caller]
fn malformed(json: &str, word: &str) {
    let message = Schema::parse(json).unwrap_err().to_string();
    assert!(message.contains(word), "{message}");
}

// Fault 61.
#[test]
fn a_schema_that_breaks_the_rules_is_refused() {
    let of = |types: &str| format!(r#"{{"type":{{"TYPENAME":"A"}},"types":{{{types}}}}}"#);
    malformed("", "EOF");
    malformed("[]", "invalid");
    malformed(r#"{"type":"U8"}"#, "types");
    malformed(r#"{"type":"U8","types":{},"more":1}"#, "more");
    malformed(r#"{"type":"UNKNOWN","types":{}}"#, "UNKNOWN");
    malformed(r#"{"type":"U7","types":{}}"#, "U7");
    malformed(r#"{"name":"","version":1}"#, "0 bytes");
    malformed(&of(""), "'A' is not defined");
    malformed(&of(r#""A":{"NEWTYPESTRUCT":{"TYPENAME":"A"}}"#), "'A' would contain itself");
    malformed(&of(r#""A":{"TUPLESTRUCT":["U8",{"TUPLE":[{"TYPENAME":"A"}]}]}"#), "'A' would contain itself");
    malformed(
        &of(r#""A":{"STRUCT":[{"b":{"TYPENAME":"B"}}]},"B":{"NEWTYPESTRUCT":{"TYPENAME":"A"}}"#),
        "would contain itself",
    );
    malformed(
        &of(r#""A":{"STRUCT":[{"b":{"TUPLEARRAY":{"CONTENT":{"TYPENAME":"A"},"SIZE":2}}}]}"#),
        "would contain itself",
    );
    malformed(
        &of(r#""A":{"TUPLESTRUCT":[{"TUPLEARRAY":{"CONTENT":{"TYPENAME":"A"},"SIZE":0}}]}"#),
        "would contain itself",
    );
    malformed(&of(r#""A":"UNITSTRUCT","A":"UNITSTRUCT""#), "'A' appears twice");
    malformed(&of(r#""A":{"ENUM":{"0":{"X":"UNIT"},"0":{"Y":"UNIT"}}}"#), "'0' appears twice");
    malformed(r#"{"type":{"MAP":{"KEY":"U8","VALUE":"U8","MORE":1}},"types":{}}"#, "MORE");
    malformed(&of(r#""A":{"STRUCT":[{"x":"U8"},{"x":"U8"}]}"#), "'A' contains 'x' twice");
    malformed(&of(r#""A":{"ENUM":{"0":{"X":"UNIT"},"1":{"X":"UNIT"}}}"#), "'A' contains 'X' twice");
    malformed(&of(r#""A":{"STRUCT":[{"x":"U8","y":"U8"}]}"#), "one member");
    malformed(&of(r#""A":{"STRUCT":[{}]}"#), "one member");
    malformed(
        &format!(r#"{{"type":{}"U8"{},"types":{{}}}}"#, r#"{"SEQ":"#.repeat(1000), "}".repeat(1000)),
        "recursion",
    );
    malformed(&format!(r#"{{"name":"{}","version":1}}"#, "x".repeat(1 << 20)), "the limit is");
    assert!(Schema::of::<Tuples>().is_err(), "its document nests deeper than anybody reads");
}

/// serde reads a struct from a list, too, and a unit from an object.
#[test]
fn a_part_in_a_form_that_only_serde_takes_is_refused() {
    let of = |container: &str| format!(r#"{{"type":{{"TYPENAME":"A"}},"types":{{"A":{container}}}}}"#);
    let format = |format: &str| format!(r#"{{"type":{format},"types":{{}}}}"#);
    for schema in [
        r#"["U8",{}]"#.to_owned(),
        r#"["Frame",3]"#.to_owned(),
        format(r#"{"U8":null}"#),
        format(r#"{"MAP":["U8","U8"]}"#),
        format(r#"{"TUPLEARRAY":["U8",3]}"#),
        of(r#"{"UNITSTRUCT":null}"#),
        of(r#"{"ENUM":{"0":{"X":{"UNIT":null}}}}"#),
    ] {
        malformed(&schema, "has another form than in docs/FORMAT.md");
    }
    for number in ["-0", "1.0", "1e0", "+1", "01", "18446744073709551616"] {
        assert!(Schema::parse(&format(&format!(r#"{{"TUPLEARRAY":{{"CONTENT":"U8","SIZE":{number}}}}}"#))).is_err());
        assert!(Schema::parse(&format!(r#"{{"name":"Frame","version":{number}}}"#)).is_err());
    }
    for index in ["-0", "00", "01", "+1", "1.0", " 1", "4294967296"] {
        assert!(Schema::parse(&of(&format!(r#"{{"ENUM":{{"{index}":{{"X":"UNIT"}}}}}}"#))).is_err(), "{index}");
    }
    assert!(Schema::parse(&of(r#"{"ENUM":{"4294967295":{"X":"UNIT"}}}"#)).is_ok());
}

#[test]
fn a_list_of_few_equal_formats_is_a_tuple() {
    let canonical = |size| {
        let json = format!(
            r#"{{"type":{{"TUPLEARRAY":{{"CONTENT":{{"TYPENAME":"A"}},"SIZE":{size}}}}},"types":{{"A":"UNITSTRUCT"}}}}"#
        );
        Schema::parse(&json).unwrap().as_json().to_owned()
    };
    assert_eq!(canonical(0), r#"{"type":{"TUPLE":[]},"types":{}}"#);
    assert_eq!(canonical(1), r#"{"type":{"TUPLE":[{"TYPENAME":"A"}]},"types":{"A":"UNITSTRUCT"}}"#);
    assert!(canonical(2).contains("TUPLEARRAY"));
}

#[test]
fn a_document_nests_only_so_deep() {
    // The document itself is one level.
    let nested =
        |levels| format!(r#"{{"type":{}"U8"{},"types":{{}}}}"#, r#"{"SEQ":"#.repeat(levels), "}".repeat(levels));
    assert!(Schema::parse(&nested(126)).is_ok());
    malformed(&nested(127), "recursion");
}

macro_rules! tuples {
    ($inner:ty; $first:tt $($rest:tt)*) => { tuples!(($inner,); $($rest)*) };
    ($inner:ty;) => { $inner };
}

/// Each one-tuple takes two levels of JSON.
type Tuples = tuples!(u8; 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0);

#[test]
fn what_only_looks_dangerous_is_taken() {
    for schema in [
        r#"{"type":{"TYPENAME":"A"},"types":{"A":{"NEWTYPESTRUCT":{"OPTION":{"TYPENAME":"A"}}}}}"#,
        r#"{"type":{"TYPENAME":"A"},"types":{"A":{"ENUM":{"7":{"X":{"NEWTYPE":{"TYPENAME":"A"}}}}}}}"#,
        r#"{"type":{"TYPENAME":"A"},"types":{"A":{"STRUCT":[{"b":{"TYPENAME":"B"}},{"c":{"TYPENAME":"B"}}]},"B":"UNITSTRUCT"}}"#,
        r#"{"type":{"TUPLEARRAY":{"CONTENT":"UNIT","SIZE":18446744073709551615}},"types":{}}"#,
    ] {
        let schema = Schema::parse(schema).unwrap();
        for payload in [&[1; 1000][..], &[7, 0, 0, 0].repeat(1000), &[]] {
            let _ = schema.decode(payload);
        }
        let _ = schema.encode(&json!(1));
    }
}

// Fault 61.
#[test]
fn few_bytes_do_not_stand_for_many_parts() {
    let check = |schema: &str, payload: &[u8], word: &str| {
        let error = Schema::parse(schema).unwrap().decode(payload).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    };
    let many = (3_000_000_000_u64).to_le_bytes();
    check(r#"{"type":{"SEQ":"UNIT"},"types":{}}"#, &many, "too many elements");
    check(r#"{"type":{"SEQ":"U8"},"types":{}}"#, &many, "the type needs 1 byte more, and only 0 bytes are left");
    check(r#"{"type":{"MAP":{"KEY":"UNIT","VALUE":"UNIT"}},"types":{}}"#, &many, "too many elements");
    check(r#"{"type":"STR","types":{}}"#, &u64::MAX.to_le_bytes(), "the type needs");
    check(r#"{"type":{"TUPLEARRAY":{"CONTENT":"UNIT","SIZE":30000000}},"types":{}}"#, &[], "too many elements");
    let deep = r#"{"type":{"TYPENAME":"A"},"types":{"A":{"NEWTYPESTRUCT":{"OPTION":{"TYPENAME":"A"}}}}}"#;
    check(deep, &[1; 1000], "deep");
    let error = Schema::parse(r#"{"type":{"SEQ":"UNIT"},"types":{}}"#).unwrap().encode(&json!(vec![(); 5000]));
    assert!(error.unwrap_err().to_string().contains("too many elements that take no bytes"));
}

// Fault 61.
#[test]
fn bytes_that_are_no_value_are_refused_with_the_place() {
    let check = |schema: &str, payload: &[u8], expected: &str| {
        let schema = format!(r#"{{"type":{schema},"types":{{"E":{{"ENUM":{{"3":{{"X":"UNIT"}}}}}}}}}}"#);
        assert_eq!(Schema::parse(&schema).unwrap().decode(payload).unwrap_err().to_string(), expected);
    };
    check(r#""BOOL""#, &[2], "at byte 1 of the value: a boolean is 2, not 0 or 1");
    check(
        r#"{"TUPLE":["U8",{"OPTION":"U8"}]}"#,
        &[1, 9],
        "at byte 2 of the value: (u8, Option<u8>).1: an option is 9, not 0 or 1",
    );
    check(r#"{"TYPENAME":"E"}"#, &[1, 0, 0, 0], "at byte 4 of the value: the enum has no variant with number 1");
    check(r#""U16""#, &[1], "at byte 0 of the value: the type needs 2 bytes more, and only 1 byte is left");
    check(r#""U16""#, &[1, 2, 3], "at byte 2 of the value: the value ends here, and 1 byte is left over");
    check(r#""CHAR""#, &[0xed, 0xa0, 0x80], "at byte 3 of the value: a string is not UTF-8: its byte 0 is invalid");
    let named = Schema::named("Frame", 2).unwrap();
    assert_eq!(
        named.decode(&[]).unwrap_err().to_string(),
        "at byte 0 of the value: the schema contains only the type's name 'Frame' and its version 2, not its fields"
    );
}

/// Runs something that must take seconds, not minutes, even on a machine on which tests are slow.
#[track_caller]
fn at_once<T>(run: impl FnOnce() -> T) -> T {
    let start = std::time::Instant::now();
    let outcome = run();
    assert!(start.elapsed() < std::time::Duration::from_secs(20), "it took {:?}", start.elapsed());
    outcome
}

/// Returns the definitions of a chain of types: each contains the next, and the last one is `last`.
fn chain(count: usize, last: &str) -> String {
    let link = |at| format!(r#""{at}":{{"NEWTYPESTRUCT":{{"TYPENAME":"{}"}}}},"#, at + 1);
    format!(r#"{}"{count}":{last}"#, (0..count).map(link).collect::<String>())
}

#[test]
fn a_key_of_many_types_within_each_other_takes_neither_stack_nor_time() {
    let maps = |types: &str| {
        let map = r#"{"SEQ":{"MAP":{"KEY":{"TYPENAME":"0"},"VALUE":"U8"}}}"#;
        Schema::parse(&format!(r#"{{"type":{map},"types":{{{types}}}}}"#)).unwrap()
    };
    let empty_maps = [5_000_u64.to_le_bytes().to_vec(), vec![0; 8 * 5_000]].concat();
    let schema = maps(&chain(20_000, r#"{"NEWTYPESTRUCT":"STR"}"#));
    let value = at_once(|| schema.decode(&empty_maps)).unwrap();
    assert_eq!(value, json!(vec![json!({}); 5_000]));
    let variants: Vec<_> = (0..40_000).map(|number| format!(r#""{number}":{{"{number}":"UNIT"}}"#)).collect();
    let schema = maps(&format!(r#""0":{{"ENUM":{{{}}}}}"#, variants.join(",")));
    let value = at_once(|| schema.decode(&empty_maps)).unwrap();
    assert_eq!(value, json!(vec![json!({}); 5_000]));
}

#[test]
fn a_definition_of_many_types_takes_no_time() {
    let types: Vec<_> = (0..20_000).map(|at| format!(r#""{at}":"UNITSTRUCT""#)).collect();
    let parts: Vec<_> = (0..20_000).map(|at| format!(r#"{{"TYPENAME":"{at}"}}"#)).collect();
    let json = format!(r#"{{"type":{{"TUPLE":[{}]}},"types":{{{}}}}}"#, parts.join(","), types.join(","));
    let schema = Schema::parse(&json).unwrap();
    assert!(at_once(|| schema.to_string()).ends_with("struct 19999;\n"));
}

#[test]
fn a_struct_of_many_fields_takes_no_time() {
    let fields: Vec<_> = (0..40_000).map(|at| format!(r#"{{"{at}":"U8"}}"#)).collect();
    let json = format!(r#"{{"type":{{"TYPENAME":"A"}},"types":{{"A":{{"STRUCT":[{}]}}}}}}"#, fields.join(","));
    let schema = Schema::parse(&json).unwrap();
    let value = schema.decode(&[7; 40_000]).unwrap();
    assert_eq!(at_once(|| schema.encode(&value)).unwrap(), [7; 40_000]);
}

proptest! {
    #[test]
    fn any_bytes_by_any_type_are_a_value_or_an_error(payload in proptest::collection::vec(0_u8..4, 0..200)) {
        for schema in [Schema::of::<Shape>(), Schema::of::<Expression>(), Schema::of::<Folder>(), Schema::of::<Vec<Egg>>()] {
            let schema = schema.unwrap();
            if let Ok(value) = schema.decode(&payload) {
                prop_assert_eq!(schema.encode(&value).unwrap(), payload.clone());
            }
        }
    }
}
