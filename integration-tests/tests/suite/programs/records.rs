//! Tests that `shm-writer --records` publishes again, byte for byte, the values that `shm-reader --json` prints.

use std::fs;

use serde_json::{Value, json};
use shm_core::{ArrayType, Kind, Position, RawReader, RawWriter, Received, Schema, WriterOptions};

use crate::format::OF_ANOTHER_BOOT;
use crate::harness::{Sandbox, workspace};

const COPY: &str = "shm-reader a --from oldest --json | shm-writer --records b";

/// The contents of a region: its kind and type, and the payloads that can be read.
fn content(s: &Sandbox, region: &str) -> (Kind, Option<Schema>, Option<ArrayType>, Vec<Vec<u8>>) {
    let mut reader = RawReader::options().start(Position::Oldest).open_raw(s.name(region)).expect("a region");
    let mut payloads = vec![];
    loop {
        match reader.try_recv() {
            Ok(Received::Value(sample)) => payloads.push(sample.value),
            Err(error) if error.value().is_some() => {}
            _ => break,
        }
    }
    (reader.kind(), reader.schema().cloned(), reader.array().cloned(), payloads)
}

/// Publishes payloads in a region of a kind and type, copies it as records, and returns the member names of each
/// record.
#[track_caller]
fn copied(options: &WriterOptions, payloads: &[&[u8]]) -> Vec<Vec<String>> {
    let s = Sandbox::new();
    let mut writer = options.open_raw(s.name("a")).expect("a region");
    for payload in payloads {
        writer.publish(payload).expect("a value");
    }
    writer.close().expect("our own region");
    s.run(COPY).prints("");
    assert_eq!(content(&s, "b"), content(&s, "a"));
    assert_eq!(content(&s, "a").3, payloads);
    let records = s.run("shm-reader a --from oldest --json").succeeds().json();
    let members = records.iter().map(|record| record.as_object().expect("an object"));
    members
        .map(|record| record.keys().filter(|key| ["schema", "raw"].contains(&key.as_str())).cloned().collect())
        .collect()
}

fn of_kind(kind: Kind) -> WriterOptions {
    RawWriter::options().kind(kind).clone()
}

fn of_array(dtype: &str, shape: &[u64]) -> WriterOptions {
    RawWriter::options().array(ArrayType::new(dtype, shape).expect("a type")).clone()
}

fn of_type(root: &str) -> WriterOptions {
    let schema = Schema::parse(&format!(r#"{{"type":{root},"types":{{}}}}"#)).expect("a schema");
    RawWriter::options().schema(schema).clone()
}

#[test]
fn values_of_kinds_without_a_type_are_copied() {
    let text = ["", "hello", "a\tb\n\"c\"\\", "\u{1b}[31m\u{0}\u{9b}\u{2028}", "grüße 🦀"].map(str::as_bytes);
    assert_eq!(copied(&of_kind(Kind::Text), &text), [[""; 0]; 5]);
    assert_eq!(copied(&of_kind(Kind::Bytes), &[b"", b"\xff\0x", b"text", &[7; 10_000]]), [[""; 0]; 4]);
    let json = [r#"{"a":1.50,"b":[1e99,-0],"A":"other"}"#, "null", r#"{ "a" : 1 }"#, "1\n", r#""a\u0062""#];
    let members = copied(&of_kind(Kind::Json), &json.map(str::as_bytes));
    assert_eq!(members, [vec![], vec![], vec!["raw"], vec!["raw"], vec![]]);
}

#[test]
fn values_of_a_type_are_copied_with_it() {
    let options = of_type("\"F64\"");
    let other_nan = f64::from_bits(f64::NAN.to_bits() ^ 1).to_le_bytes();
    let floats = [0.1_f64.to_le_bytes(), f64::NAN.to_le_bytes(), other_nan, f64::MIN_POSITIVE.to_le_bytes()];
    let floats: Vec<&[u8]> = floats.iter().map(|float| &float[..]).collect();
    assert_eq!(copied(&options, &floats), [vec!["schema"], vec![], vec!["raw"], vec![]]);
    // Nested options: `Some(None)` and `None` look the same in JSON.
    let nested = of_type(r#"{"OPTION":{"OPTION":"U8"}}"#);
    assert_eq!(copied(&nested, &[&[0], &[1, 0], &[1, 1, 7]]), [vec!["schema"], vec!["raw"], vec![]]);
    // A type of which the region contains only the name, and one that it does not describe at all.
    let named = RawWriter::options().schema(Schema::named("a::B", 2).expect("a name")).clone();
    assert_eq!(copied(&named, &[b"\xff\0", b""]), [vec!["schema"], vec![]]);
    assert_eq!(copied(&of_kind(Kind::Bincode), &[b"\xff\0", b""]), [vec!["schema"], vec![]]);
}

#[test]
fn values_of_a_rust_program_are_copied() {
    let s = Sandbox::new();
    s.ok("rover && shm-reader rover --from oldest --json | shm-writer --records twin");
    assert_eq!(content(&s, "twin"), content(&s, "rover"));
    assert_eq!(s.inspect("twin")["fingerprint"], s.inspect("rover")["fingerprint"]);
}

#[test]
fn arrays_are_copied_whole() {
    let large: Vec<u8> = (0..30_000_u32).flat_map(u32::to_le_bytes).collect();
    assert_eq!(copied(&of_array("u4", &[3, 10_000]), &[&large, &large]), [vec!["schema"], vec![]]);
    let floats = |list: &[f32]| list.iter().flat_map(|float| float.to_le_bytes()).collect::<Vec<u8>>();
    let (one, odd) = (floats(&[0.1, -0.0]), floats(&[f32::NAN, f32::INFINITY, f32::from_bits(0x7fc0_0001), 1.0]));
    assert_eq!(copied(&of_array("f4", &[0, 2]), &[&one, &odd, b""]), [vec!["schema"], vec!["raw"], vec![]]);
    assert_eq!(copied(&of_array("b1", &[2]), &[&[0, 1], &[1, 0]]), [vec!["schema"], vec![]]);
    assert_eq!(copied(&of_array("f2", &[]), &[&[0x55, 0x35], &[1, 0x7e]]), [vec!["schema"], vec!["raw"]]);
    for dtype in ["i1", "i2", "i4", "i8", "u1", "u2", "u8", "f8", "c8", "c16"] {
        let members = copied(&of_array(dtype, &[0]), &[&[0x3f; 32], b""]);
        assert_eq!(members, [vec!["schema"], vec![]], "{dtype}");
    }
}

/// Returns the readable payloads of a test vector, up to the first that cannot be read. It leaves out the values after
/// the head that a reader first sees, because `--from` without `-f` ends there.
fn readable(entry: &Value) -> Vec<Vec<u8>> {
    let values = entry["values"].as_array().expect("values");
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).expect("digits"), 16).expect("digits");
    let newest = entry["latest"].as_u64().unwrap_or(u64::MAX);
    let is_read = |value: &&Value| value["error"].is_null() && value["sequence"].as_u64() <= Some(newest);
    let values = values.iter().take_while(is_read);
    values.map(|value| value["hex"].as_str().expect("hex").as_bytes().chunks(2).map(byte).collect()).collect()
}

// Faults 34, 35.
#[test]
fn every_test_vector_that_can_be_read_is_copied_and_the_others_are_refused() {
    let s = Sandbox::on_disk();
    let directory = workspace().join("docs/vectors");
    let index = fs::read_to_string(directory.join("vectors.json")).expect("the index");
    let entries: Vec<Value> = serde_json::from_str(&index).expect("a list");
    assert!(entries.len() > 100, "{}", entries.len());
    for entry in &entries {
        let file = entry["file"].as_str().expect("a file");
        if file == OF_ANOTHER_BOOT && !s.is_on_disk() {
            continue;
        }
        s.ok("rm -f $SHM_DIR/a && if test -e $SHM_DIR/b; then shm-writer rm b; fi");
        fs::copy(directory.join(file), s.shm("a")).expect("a copy");
        let read = s.run("shm-reader a --from oldest --json > records");
        if entry["refused"].is_string() {
            assert_eq!((read.code(), s.ok("cat records")), (5, String::new()), "{file}");
            continue;
        }
        s.run("shm-writer --records b < records").prints("");
        let expected = readable(entry);
        let has_bad_value =
            entry["values"].as_array().is_some_and(|list| list.iter().any(|value| value["error"].is_string()));
        let is_sound = entry["then"].is_null() && !has_bad_value;
        // A region without any value gives exit code 3.
        let code = if !is_sound {
            5
        } else if expected.is_empty() {
            3
        } else {
            0
        };
        assert_eq!(read.code(), code, "{file}: {read:?}");
        if expected.is_empty() && read.text().is_empty() && s.ok("cat records").is_empty() {
            assert!(!s.shm("b").exists(), "{file}");
            continue;
        }
        let (kind, schema, array, payloads) = content(&s, "b");
        // After a damaged value, `shm-reader` continues with those after it.
        let compared = if entry["then"].is_null() { payloads.len() } else { expected.len() };
        assert_eq!(payloads[..compared], expected, "{file}");
        let original = content(&s, "a");
        assert_eq!((kind, schema, array), (original.0, original.1, original.2), "{file}");
    }
}

#[test]
fn a_follower_says_the_type_again_when_it_changes() {
    let s = Sandbox::new();
    s.ok("shm-writer create demo --array u1:2 && printf ab | shm-writer demo");
    let mut reader = s.spawn("shm-reader demo -f --json");
    let first = reader.json();
    assert_eq!((&first["schema"], &first["value"]["data"]), (&json!({"dtype": "|u1", "shape": [2]}), &json!([97, 98])));
    s.ok("printf cd | shm-writer demo");
    assert!(reader.json().get("schema").is_none());
    s.ok("shm-writer demo --as text --replace x 2> /dev/null");
    assert!(reader.json().get("schema").is_none());
    s.ok("shm-writer create demo --array u1:1 --replace 2> /dev/null; printf e | shm-writer demo");
    assert_eq!(reader.json()["schema"], json!({"dtype": "|u1", "shape": [1]}));
}

#[test]
fn records_follow_as_they_come() {
    let s = Sandbox::new();
    let mut copier = s.spawn("sh -c 'shm-reader a -f --json | shm-writer --records b'");
    s.ok("shm-writer a one");
    s.holds("b", "one");
    s.ok("shm-writer a two");
    s.holds("b", "two");
    assert!(copier.is_running());
    copier.kill();
}

#[test]
fn a_change_of_type_is_refused_unless_it_may_replace() {
    let s = Sandbox::new();
    s.ok("shm-writer a one && shm-writer c --as json 2 && { shm-reader a --json; shm-reader c --json; } > records");
    s.run("shm-writer --records b < records").exits(1).complains(&["'b'", "text", "json"]);
    s.run("shm-reader b").prints("one\n");
    let replaced = s.run("shm-writer --records --replace b < records").exits(0);
    assert_eq!(replaced.stderr, "replaced region 'b' and discarded 2 values\n");
    s.run("shm-reader b").prints("2\n");
    s.ok("shm-writer d --as bytes x && shm-reader a --json > records");
    s.run("shm-writer --records d < records").exits(1).complains(&["'d'", "bytes", "text"]);
    s.run("shm-reader d").prints("x\n");
}

// Fault 65.
#[test]
fn what_is_no_record_is_an_error_with_its_line_and_what_came_before_stays() {
    for (line, reason) in [
        ("hello", "line 2 is not a record"),
        ("", "line 2 is not a record"),
        ("[]", "line 2 is not a record"),
        ("{}", "line 2 is not a record: it has no member 'kind'"),
        (r#"{"value":1}"#, "line 2 is not a record: it has no member 'kind'"),
        (r#"{"kind":"text"}"#, "line 2 is not a record: it has no member 'value'"),
        (r#"{"kind":"song","value":"la"}"#, "line 2 is not a record: its kind 'song' is unknown"),
        (
            r#"{"kind":"text","schema":{},"value":"la"}"#,
            "line 2 is not a record: values of kind text cannot have a schema",
        ),
        (
            r#"{"kind":"array","schema":{},"value":"la"}"#,
            "line 2 is not a record: the JSON is not the schema of an array",
        ),
        (r#"{"kind":"text","value":1}"#, "the value in line 2 is not valid: invalid type: integer"),
        (r#"{"kind":"text","raw":"?"}"#, "the value in line 2 is not valid: it is not base64"),
        (r#"{"kind":"text","raw":"/w=="}"#, "the value in line 2 is not valid: the value is not UTF-8"),
        (r#"{"kind":"array","value":{"data":[]}}"#, "line 2 has kind array, but no schema"),
        (r#"{"kind":"bincode","value":1}"#, "line 2 has kind bincode, but no schema"),
    ] {
        let s = Sandbox::new();
        fs::write(s.home("records"), format!("{{\"kind\":\"text\",\"value\":\"one\"}}\n{line}\n")).expect("a file");
        s.run("shm-writer --records b < records").exits(1).complains(&["cannot publish to region 'b'", reason]);
        s.run("shm-reader b --from oldest").prints("one\n");
    }
    let s = Sandbox::new();
    s.run("echo no | shm-writer --records b").exits(1).complains(&["line 1"]);
    s.run("shm-writer --records b < /dev/null").prints("");
    assert_eq!(s.files(), [""; 0]);
}

#[test]
fn a_typed_value_that_does_not_fit_says_where() {
    let s = Sandbox::new();
    let record = r#"{"kind":"bincode","schema":{"type":"U8","types":{}},"value":300}"#;
    fs::write(s.home("records"), record).expect("a file");
    s.run("shm-writer --records b < records")
        .exits(1)
        .complains(&["the value in line 1 is not valid: expected u8", "300"]);
    assert_eq!(s.files(), [""; 0]);
}

#[test]
fn lines_between_values_publish_nothing_and_raw_wins() {
    let s = Sandbox::new();
    let lines = [
        r#"{"restarted":true}"#,
        r#"{"missed":3,"before":42}"#,
        r#"{"kind":"text","value":"one","raw":"dHdv","more":"than is known"}"#,
        r#"{"missed":1,"before":44}"#,
        r#"{"kind":"text","raw":"dGhyZWU="}"#,
    ];
    fs::write(s.home("records"), lines.join("\n")).expect("a file");
    s.run("shm-writer --records b < records").prints("");
    s.run("shm-reader b --from oldest").prints("two\nthree\n");
}

#[test]
fn a_stream_that_begins_in_the_middle_takes_the_type_of_the_region() {
    let s = Sandbox::new();
    s.ok("shm-writer create a --array u1:2 && printf abcd | shm-writer a && shm-reader a --from oldest --json | tail -n 1 > last");
    s.run("shm-writer --records b < last").exits(1).complains(&["line 1 has kind", "create --schema"]);
    assert!(!s.shm("b").exists());
    s.ok("shm-writer create b --array u1:2 && shm-writer --records b < last");
    assert_eq!(content(&s, "b").3, [b"cd"]);
}

#[test]
fn options_of_the_region_apply_to_one_that_is_made() {
    let s = Sandbox::new();
    s.ok("seq 100 | shm-writer a && shm-reader a --from oldest --json > records");
    s.ok("shm-writer --records --slots 16 --capacity 8 --mode 640 --checksum b < records");
    let info = s.inspect("b");
    assert_eq!((&info["slots"], &info["capacity"], &info["mode"]), (&json!(16), &json!(8), &json!("0640")));
    assert_eq!((&info["checksum"], &info["head"]), (&json!(true), &json!(64)));
    s.ok("shm-writer --records --rm c < records");
    assert!(!s.shm("c").exists());
    s.ok("shm-reader a --from oldest --json -z | shm-writer --records -z d");
    assert_eq!(content(&s, "d"), content(&s, "a"));
    for option in ["--as text", "--whole", "--chunk 4", "--file records", "VALUE"] {
        s.run(&format!("shm-writer --records e {option} < records")).exits(2);
    }
    assert!(!s.shm("e").exists());
}

#[test]
fn a_record_whose_length_is_not_that_of_its_value_is_refused_with_its_line() {
    let s = Sandbox::new();
    for (record, bytes) in [
        (r#"{"kind":"text","len":3,"value":"four"}"#, "4 bytes"),
        (r#"{"kind":"bytes","len":2,"value":"AA=="}"#, "1 byte"),
        (r#"{"kind":"text","len":4,"value":"four","raw":"dHdv"}"#, "3 bytes"),
    ] {
        fs::write(s.home("records"), format!("{{\"restarted\":true}}\n{record}\n")).expect("a file");
        let refused = s.run("shm-writer --records b < records");
        refused.exits(1).complains(&["line 2", &format!("but it has {bytes}")]);
        assert!(!s.shm("b").exists());
    }
}

#[test]
fn another_kind_in_the_middle_is_refused_with_its_line() {
    let s = Sandbox::new();
    let lines = [r#"{"kind":"text","value":"one"}"#, r#"{"missed":1,"before":3}"#, r#"{"kind":"json","value":2}"#];
    fs::write(s.home("records"), lines.join("\n")).expect("a file");
    s.run("shm-writer --records b < records").exits(1).complains(&[
        "line 3: cannot open region 'b'",
        "--replace",
        "published 1 value before the error",
    ]);
    s.run("shm-reader b --from oldest").prints("one\n");
}
