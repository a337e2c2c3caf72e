//! Tests of regions with a schema: programs that do not know the type of the values print and publish
//! them as JSON.

use serde::{Deserialize, Serialize};
use serde_json::json;
use shm_core::{
    ArrayReader, ArrayWriter, JsonReader, JsonWriter, Kind, OpenError, PublishError, Reader, ReaderOptions,
    ReceiveError, Schema, Writer, WriterOptions,
};

use crate::harness::{Sandbox, without_forks};

const ROVER: &str = r#"{"name":"Ada","position":[48.137,11.575],"wheels":[0.1,0.2,0.3,0.4],"power":{"Cable":"dock 2"},"route":[[48.137,11.575],[48.137,11.575]],"limits":{"slope":0.25,"speed":1.5},"hits_by_sector":{"2":7,"10":1},"operator":"Grace","thumbnail":"/9j/"}"#;

#[test]
fn a_rust_value_is_printed_as_json_in_the_order_of_its_fields() {
    let s = Sandbox::new();
    s.ok("rover");
    s.run("shm-reader rover").prints(format!("{ROVER}\n"));
    let powers = s.ok("shm-reader --from oldest rover | sed 's/.*\"power\":\\(.*\\),\"route.*/\\1/'");
    assert_eq!(powers, "\"Off\"\n{\"Battery\":{\"percent\":80,\"celsius\":31.5}}\n{\"Cable\":\"dock 2\"}\n");
    let line = s.ok("shm-reader --json rover");
    assert!(line.contains(r#""kind":"bincode","schema":{"type":{"TYPENAME":"Rover"},"#), "{line}");
    assert!(line.contains(r#","value":{"name":"Ada","position":"#), "{line}");
}

#[test]
fn what_was_printed_is_published_back_byte_for_byte() {
    let s = Sandbox::new();
    s.ok("rover; shm-reader --raw --from oldest rover > before");
    s.ok("shm-reader --from oldest rover > values; shm-writer rover < values; shm-reader --raw --from -3 rover | cmp - before");
    s.ok("shm-reader inspect --schema rover > rover.json; shm-writer create twin --schema rover.json");
    s.ok("shm-writer twin < values; shm-reader --raw --from 1 twin | cmp - before");
    assert_eq!(s.inspect("twin")["fingerprint"], s.inspect("rover")["fingerprint"]);
}

#[test]
fn inspect_shows_the_definition_of_the_type() {
    let s = Sandbox::new();
    s.ok("rover");
    let text = s.ok("shm-reader inspect rover");
    let definition = "struct Rover {\n    name: String,\n    position: Position,\n    wheels: [f32; 4],\n    power: Power,\n    \
                      route: Vec<Position>,\n    limits: Map<String, f64>,\n    hits_by_sector: Map<u8, u32>,\n    \
                      operator: Option<String>,\n    thumbnail: Bytes,\n}\n\nstruct Position(f64, f64);\n\n\
                      enum Power {\n    Off,\n    Battery { percent: u8, celsius: f32 },\n    Cable(String),\n}\n";
    assert!(text.ends_with(&format!("\n\n{definition}")) && text.contains("\nschema            Rover\n"), "{text}");
    assert_eq!(s.inspect("rover")["schema"]["type"], json!({"TYPENAME": "Rover"}));
    s.ok("shm-writer demo text");
    s.run("shm-reader inspect --schema demo").exits(1).complains(&["'demo' has no schema", "text"]);
}

#[test]
fn a_value_that_does_not_fit_is_refused_with_the_place_and_nothing_is_published() {
    let s = Sandbox::new();
    s.ok("rover");
    let check = |value: &str, words: &[&str]| {
        s.run(&format!("shm-writer rover '{value}'"))
            .exits(1)
            .complains(words)
            .complains(&["shm-reader inspect rover"]);
    };
    check("warm", &["'rover'", "VALUE", "not JSON"]);
    check(r#"{"name":"Ada"}"#, &["VALUE does not fit the region's type: Rover: the field 'position' is missing"]);
    check(
        &ROVER.replace("48.137,11.575],\"wheels", "48.137,\"east\"],\"wheels"),
        &["Rover.position.1: expected f64, got \"east\""],
    );
    check(
        &ROVER.replace("Cable\":\"dock 2", "Solar\":\"2"),
        &["Rover.power: expected Power (one of Off, Battery, Cable)"],
    );
    s.ok(&format!("echo '{ROVER}' > lines; echo '{{}}' >> lines"));
    s.run("shm-writer rover < lines")
        .exits(1)
        .complains(&["line 2 does not fit the region's type: Rover: the field 'name' is missing"]);
    assert_eq!(s.inspect("rover")["head"], 4, "the first line");
    s.run("shm-reader verify rover").prints("ok\n");
}

// Fault 64.
#[test]
fn another_kind_replaces_a_typed_region_only_when_it_is_asked_for() {
    let s = Sandbox::new();
    s.ok("rover");
    let values = s.ok("shm-reader --from oldest rover");
    for command in [
        "shm-writer --as text rover hello",
        "shm-writer create rover --array u1:3",
        "seq 3 | shm-writer --as json rover",
    ] {
        s.run(command).exits(1).complains(&["cannot open region 'rover'", "bincode"]);
        assert_eq!(s.ok("shm-reader --from oldest rover"), values, "{command}");
    }
    s.run("shm-writer --as text --replace rover hello").exits(0).complains(&["'rover'", "discarded 3 values"]);
    s.run("shm-reader rover").prints("hello\n");
    assert_eq!(s.inspect("rover")["fingerprint"], "0000000000000000");
}

#[test]
fn a_file_that_is_no_schema_is_refused_and_nothing_is_made() {
    let s = Sandbox::new();
    s.ok("echo '{\"type\":{\"TYPENAME\":\"A\"},\"types\":{}}' > a.json");
    s.run("shm-writer create demo --schema a.json").exits(1).complains(&["a.json", "'A' is not defined"]);
    s.run("shm-writer create demo --schema missing.json").exits(1).complains(&["missing.json"]);
    s.run("shm-writer create demo --schema a.json --array u1:3").exits(2).complains(&["--array"]);
    s.run("shm-writer create demo --array u1:3 --as text").exits(2).complains(&["--as"]);
    s.run("shm-writer create demo --array u3:3").exits(2).complains(&["u3", "f8"]);
    for typo in ["u1:", "u1:480,,3", "u1:,3", "u1:x"] {
        s.run(&format!("shm-writer create demo --array {typo}")).exits(2).complains(&["u1:480,640,3"]);
    }
    s.run("shm-writer create demo --array u1:3,0").exits(2).complains(&["only the first"]);
    assert!(s.files().is_empty(), "{:?}", s.files());
}

#[test]
fn stdin_is_cut_into_arrays() {
    let s = Sandbox::new();
    s.ok("shm-writer create cam --array u1:2,3");
    s.ok("printf abcdefghijkl | shm-writer cam");
    s.run("shm-reader --from oldest cam")
        .prints("u1 2x3: 97, 98, 99, 100, 101, 102\nu1 2x3: 103, 104, 105, 106, 107, 108\n");
    s.run("shm-reader --raw cam").prints("ghijkl");
    let line = s.ok("shm-reader --json cam");
    let value = r#""value":{"dtype":"|u1","shape":[2,3],"data":[103,104,105,106,107,108]}"#;
    assert!(line.contains(&format!(r#""kind":"array","schema":{{"dtype":"|u1","shape":[2,3]}},{value}"#)), "{line}");
    s.run("printf abcdefg | shm-writer cam")
        .exits(1)
        .complains(&["value 2", "the value has 1 byte, and an array of type u1:2,3 has 6 bytes"]);
    s.run("shm-writer cam text").exits(1).complains(&["VALUE", "the value has 4 bytes"]);
    s.ok("printf 123456 > frame; shm-writer cam --file frame");
    s.run("shm-reader --raw cam").prints("123456");
    assert_eq!(s.ok("shm-reader inspect --schema cam"), "{\"dtype\":\"|u1\",\"shape\":[2,3]}\n");
    s.ok("shm-writer create rows --array u1:0,2; printf 'a\\nb\\n' | shm-writer rows");
    s.run("shm-reader rows").prints("u1 2x2: 97, 10, 98, 10\n");
    s.ok("shm-reader inspect --schema cam > cam.json; shm-writer create twin --schema cam.json");
    assert_eq!(s.inspect("twin")["fingerprint"], s.inspect("cam")["fingerprint"]);
    s.ok("shm-writer create one --array f8; head -c 8 /dev/zero | shm-writer one");
    s.run("shm-reader one").prints("f8: 0.0\n");
    s.ok("shm-writer create large --array u1:1080,1920,3");
    let large = s.inspect("large");
    assert!(
        large["capacity"] == 1080 * 1920 * 3 && large["slots"] == 8,
        "room for whole frames from the start: {large}"
    );
}

#[test]
fn frames_come_whole_from_one_program_to_another() {
    let s = Sandbox::new();
    let frames = s.spawn("frames");
    s.ok("camera 60");
    frames.wait().prints("60 frames of [480, 640, 3], 0 lost, 0 torn\n");
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Reading<T> {
    room: String,
    position: (f64, T),
}

fn reading<T>(east: T) -> Reading<T> {
    Reading { room: "kitchen".to_owned(), position: (1.0, east) }
}

#[test]
fn a_reader_of_another_type_is_refused_with_the_field() {
    let s = Sandbox::new();
    let name = s.name("room");
    Writer::open(&name).expect("a writer").publish(&reading(2.0_f64)).expect("a value");
    let refused = |error: OpenError| match error {
        OpenError::Type { difference, .. } => difference,
        other => panic!("{other}"),
    };
    let message = Reader::<Reading<f32>>::open(&name).expect_err("another type").to_string();
    assert!(
        message.contains("Reading.position.1 is f64 in the region, and f32 in this program; open it with the type"),
        "{message}"
    );
    assert_eq!(
        refused(Reader::<f64>::open(&name).expect_err("another type")),
        "the values are Reading in the region, and f64 in this program"
    );
    assert!(matches!(ArrayReader::<f64>::open(&name), Err(OpenError::Kind { .. })));
    assert_eq!(
        Reader::<Reading<f64>>::open(&name).expect("its type").latest().expect("a value").map(|s| s.value),
        Some(reading(2.0))
    );
}

#[test]
fn a_writer_of_another_type_is_refused_or_replaces_the_values_and_readers_are_told() {
    let s = Sandbox::new();
    let name = s.name("room");
    let mut writer = Writer::open(&name).expect("a writer");
    writer.publish(&reading(2.0_f64)).expect("a value");
    writer.close().expect("closed");
    let mut old = Reader::<Reading<f64>>::open(&name).expect("a reader");
    old.seek(shm_core::Position::New);
    let mut values = JsonReader::open(&name).expect("a reader of any type");
    let refused = without_forks(|| Writer::<Reading<u8>>::open(&name)).expect_err("another type");
    assert!(refused.to_string().contains("f64 in the region, and u8 in this program"), "{refused}");
    let mut writer = without_forks(|| WriterOptions::new().replace(true).open(&name)).expect("another writer");
    assert_eq!(writer.publish(&reading(3_u8)).expect("a value"), 2, "numbers go on");
    assert!(matches!(old.recv(), Err(ReceiveError::Reopen(OpenError::Type { .. }))), "not a value of its type");
    assert_eq!(values.latest().expect("a value").expect("the newest").value["position"], json!([1.0, 3]));
    assert_eq!(s.inspect("room")["first"], 2, "the other values are gone");
}

#[test]
fn the_same_type_keeps_the_values_through_restarts_and_growth() {
    let s = Sandbox::new();
    let name = s.name("room");
    for (number, length) in [10, 10_000].into_iter().enumerate() {
        let mut writer = without_forks(|| Writer::<String>::open(&name)).expect("a writer");
        assert_eq!(writer.publish(&"x".repeat(length)).expect("a value"), number as u64 + 1);
    }
    let mut reader = ReaderOptions::new().start(shm_core::Position::Oldest).open::<String>(&name).expect("a reader");
    let lengths = [0; 2].map(|_| reader.try_recv().expect("a value").value().expect("one").value.len());
    assert_eq!(lengths, [10, 10_000]);
}

/// An enum whose variant has an alias. Nothing shows which of the two names is the alias.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Untraceable {
    #[serde(alias = "Rot")]
    Red,
    Green,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u8),
}

// Reported 1 and 30.
#[test]
fn a_type_that_bincode_cannot_decode_is_refused_by_its_writer() {
    let s = Sandbox::new();
    let mut options = WriterOptions::new();
    options.schema(Schema::named("Untagged", 1).expect("a name"));
    let error = options.open::<Untagged>(s.name("room")).expect_err("nobody could read it").to_string();
    assert!(error.contains("set the option `json`"), "{error}");
    let mut writer = options.open::<Option<Untagged>>(s.name("room")).expect("a writer");
    for _ in 0..3 {
        writer.publish(&None).expect("a value without the enum");
        let error = writer.publish(&Some(Untagged::Number(7))).expect_err("nobody could read it").to_string();
        assert!(error.contains("readers cannot decode it"), "{error}");
        assert!(!error.contains("AnyNotSupported"), "{error}");
    }
}

#[test]
fn a_type_that_cannot_be_traced_is_named_or_shown() {
    let s = Sandbox::new();
    let name = s.name("room");
    let message = Writer::<Untraceable>::open(&name).expect_err("untraceable").to_string();
    assert!(message.contains("Untraceable") && message.contains("Schema::named"), "{message}");
    assert!(s.files().is_empty(), "{:?}", s.files());

    let named = |version| Schema::named("Untraceable", version).expect("a name");
    let mut writer = WriterOptions::new().schema(named(1)).open::<Untraceable>(&name).expect("a writer");
    writer.publish(&Untraceable::Red).expect("a value");
    s.run("shm-reader room").prints("4 bytes: 00000000\n");
    let text = s.ok("shm-reader inspect room");
    assert!(text.ends_with("\ntype Untraceable; // version 1, known only by name\n"), "{text}");
    drop(writer);
    s.run("shm-writer room 1").exits(1).complains(&["its kind is bincode, and it has no schema"]);
    assert!(JsonReader::open(&name).is_err() && JsonWriter::open(&name).is_err());
    assert!(ReaderOptions::new().schema(named(1)).open::<Untraceable>(&name).is_ok());
    let other = ReaderOptions::new().schema(named(2)).open::<Untraceable>(&name).expect_err("another version");
    assert!(other.to_string().contains("version 1 (known only by name) in the region"), "{other}");

    let shown = Schema::from_samples(&[Untraceable::Red, Untraceable::Green]).expect("samples");
    WriterOptions::new()
        .schema(shown)
        .replace(true)
        .open::<Untraceable>(&name)
        .expect("a writer")
        .publish(&Untraceable::Green)
        .expect("a value");
    s.run("shm-reader room").prints("\"Green\"\n");
}

#[test]
fn values_are_checked_also_when_they_are_given_as_bytes() {
    let s = Sandbox::new();
    let name = s.name("room");
    Writer::<(u8, bool)>::open(&name).expect("a writer").close().expect("closed");
    let mut raw = without_forks(|| shm_core::RawWriter::open(&name, Kind::Bincode)).expect("as found");
    assert!(matches!(raw.publish(&[1, 2]), Err(PublishError::BadValue { .. })));
    assert_eq!(raw.publish(&[1, 1]).expect("a value"), 1);
    let mut array = ArrayWriter::<u16>::open(s.name("array"), &[0, 2]).expect("a writer");
    assert!(matches!(array.publish(&[1, 2, 3]), Err(PublishError::BadValue { .. })));
    assert_eq!(array.publish(&[1, 2, 3, 4]).expect("a value"), 1);
    let frames = ArrayReader::<u16>::open(s.name("array")).expect("a reader").latest().expect("a value");
    assert_eq!(frames.map(|sample| sample.value), Some(vec![1, 2, 3, 4]));
    let message = ArrayReader::<f32>::open(s.name("array")).expect_err("another type").to_string();
    assert!(message.contains("arrays of <u2 in the region, and arrays of <f4 in this program"), "{message}");
}

#[derive(Serialize, Deserialize)]
struct Skips {
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<u8>,
    on: bool,
    number: u8,
}

#[test]
fn a_type_that_serializes_what_it_does_not_deserialize_is_found_out() {
    let s = Sandbox::new();
    let mut writer = Writer::<Skips>::open(s.name("room")).expect("a writer");
    let error = writer.publish(&Skips { comment: None, on: true, number: 7 }).expect_err("no value of its type");
    assert!(matches!(error, PublishError::BadValue { .. }), "{error}");
    assert_eq!(s.inspect("room")["head"], 0);
}

#[test]
fn options_that_cannot_be_right_are_refused_before_anything_is_lost() {
    let s = Sandbox::new();
    let name = s.name("room");
    Writer::<u8>::open(&name).expect("a writer").publish(&7).expect("a value");
    let named = Schema::named("Other", 1).expect("a name");
    assert!(matches!(WriterOptions::new().schema(named).open_json(&name), Err(OpenError::BadOption { .. })));
    assert!(matches!(WriterOptions::new().kind(Kind::Text).open_json(&name), Err(OpenError::BadOption { .. })));
    s.run("shm-reader room").prints("7\n");
    let array = shm_core::ArrayType::new("u1", &[2]).expect("a type");
    assert!(matches!(WriterOptions::new().array(array).open_json(s.name("new")), Err(OpenError::BadOption { .. })));
    assert!(!s.shm("new").exists() && matches!(JsonWriter::open(s.name("new")), Err(OpenError::NotFound { .. })));
}

#[test]
fn a_region_with_a_damaged_schema_is_not_taken_over() {
    let s = Sandbox::new();
    let vector = crate::harness::workspace().join("docs/vectors/schema-is-no-json.region");
    std::fs::copy(vector, s.shm("bad")).expect("a copy");
    let before = std::fs::read(s.shm("bad")).expect("a region");
    assert!(matches!(shm_core::RawWriter::open(s.name("bad"), Kind::Bincode), Err(OpenError::Damaged { .. })));
    assert!(std::fs::read(s.shm("bad")).expect("a region") == before);
    assert!(matches!(Writer::<u8>::open(s.name("bad")), Err(OpenError::Damaged { .. })));
    let mut writer = WriterOptions::new().replace(true).open::<u8>(s.name("bad")).expect("a writer of a type");
    writer.publish(&7).expect("a value");
    s.run("shm-reader bad").prints("7\n");
}

#[test]
fn names_in_a_schema_cannot_forge_lines() {
    let s = Sandbox::new();
    let schema = r#"{"type":{"TYPENAME":"A\nwriter  alive"},"types":{"A\nwriter  alive":"UNITSTRUCT"}}"#;
    std::fs::write(s.home("a.json"), schema).expect("a file in the sandbox");
    s.ok("shm-writer create demo --schema a.json");
    let text = s.ok("shm-reader inspect demo");
    assert!(text.ends_with("\nstruct A\\nwriter  alive;\n") && !text.contains("\nwriter  alive"), "{text}");
}
