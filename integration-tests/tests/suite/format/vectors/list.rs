//! The basic vectors: one or two for each property of a region. `rings.rs` and `schemas.rs` add more
//! for some of them.

use serde_json::{Value, json};
use shm_core::Schema;
use testkit::Image;
use testkit::image::{record, seal};

use super::{Vector, shown_hex};

const BYTES: u32 = 1;
pub const TEXT: u32 = 2;
pub const JSON: u32 = 3;
pub const ARRAY: u32 = 4;
pub const BINCODE: u32 = 5;

/// A type that uses every format and every kind of container.
const EVERYTHING: &str = r#"{"type":{"TYPENAME":"All"},"types":{"All":{"STRUCT":[{"flag":"BOOL"},{"letter":"CHAR"},{"integers":{"TUPLE":["I8","I16","I32","I64","U8","U16","U32","U64"]}},{"large":{"TUPLE":["I128","U128"]}},{"floats":{"TUPLE":["F32","F64"]}},{"odd":{"TUPLEARRAY":{"CONTENT":"F64","SIZE":3}}},{"text":"STR"},{"blob":"BYTES"},{"none":{"OPTION":"U8"}},{"some":{"OPTION":"U8"}},{"nothing":"UNIT"},{"marker":{"TYPENAME":"Marker"}},{"length":{"TYPENAME":"Metres"}},{"place":{"TYPENAME":"Place"}},{"shapes":{"SEQ":{"TYPENAME":"Shape"}}},{"by_name":{"MAP":{"KEY":"STR","VALUE":"U8"}}},{"by_number":{"MAP":{"KEY":"I32","VALUE":"U8"}}},{"by_place":{"MAP":{"KEY":{"TYPENAME":"Place"},"VALUE":"STR"}}}]},"Marker":"UNITSTRUCT","Metres":{"NEWTYPESTRUCT":"F64"},"Place":{"TUPLESTRUCT":["I8","I8"]},"Shape":{"ENUM":{"0":{"Point":"UNIT"},"1":{"Circle":{"NEWTYPE":"F32"}},"2":{"Line":{"TUPLE":["I8","I8"]}},"7":{"Box":{"STRUCT":[{"wide":"U8"},{"high":"U8"}]}}}}}}"#;

fn everything() -> Value {
    json!({
        "flag": true, "letter": "ß", "integers": [-1, -2, -3, -4, 1, 2, 3, u64::MAX],
        "large": ["-170141183460469231731687303715884105728", "340282366920938463463374607431768211455"],
        "floats": [1.1, -0.5], "odd": ["NaN", "Infinity", "-Infinity"],
        "text": "grüße", "blob": "/wA=", "none": null, "some": 7, "nothing": null, "marker": null, "length": 2.5,
        "place": [1, -1], "shapes": ["Point", {"Circle": 0.25}, {"Line": [1, 2]}, {"Box": {"wide": 3, "high": 4}}],
        "by_name": {"b": 1, "a": 2}, "by_number": {"-5": 1, "10": 2}, "by_place": [[[1, 2], "one"], [[0, 0], "two"]],
    })
}

/// Returns the vectors of this file.
pub fn vectors() -> Vec<Vector> {
    [kinds(), life(), layouts(), refused(), damaged_values()].into_iter().flatten().collect()
}

pub fn vector(name: &'static str, about: &'static str, image: &Image, expected: Value) -> Vector {
    Vector { name, about, image: image.bytes(), expected }
}

/// Returns entries for these texts, with sequence numbers from `first`.
pub fn texts(first: u64, texts: &[&str]) -> Value {
    let value = |(sequence, text): (u64, &&str)| json!({"sequence": sequence, "hex": shown_hex(text.as_bytes()), "value": text});
    (first..).zip(texts).map(value).collect()
}

/// Returns the expected result for a closed region of these texts, the last of which is the newest
/// value.
pub fn text_region(first: u64, values: &[&str]) -> Value {
    let latest = if values.is_empty() { Value::Null } else { (first + values.len() as u64 - 1).into() };
    json!({"kind": "text", "values": texts(first, values), "latest": latest, "state": "closed"})
}

pub fn abc() -> Image {
    Image::new(TEXT).value("a").value("b").value("c")
}

fn kinds() -> Vec<Vector> {
    let rich = Schema::parse(EVERYTHING).expect("a schema");
    let payload = rich.encode(&everything()).expect("a value");
    let one = |payload: &[u8]| json!({"sequence": 1, "hex": shown_hex(payload)});
    let region = |kind: &str, schema: Value, value: Value| {
        let mut region = json!({"kind": kind, "values": [value], "latest": 1, "state": "closed"});
        if !schema.is_null() {
            region["schema"] = schema;
        }
        region
    };
    let with = |mut value: Value, name: &str, member: Value| {
        value[name] = member;
        value
    };
    let [fixed, open] = [r#"{"dtype":"<u2","shape":[2,2]}"#, r#"{"dtype":"<f4","shape":[0,2]}"#];
    let json_of = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let numbers = [1, 0, 2, 0, 3, 0, 255, 255];
    let floats = [1.5_f32.to_le_bytes(), (-2.0_f32).to_le_bytes()].concat();
    let named = r#"{"name":"Frame","version":3}"#;
    vec![
        vector("empty", "no value yet", &Image::new(TEXT), text_region(1, &[])),
        vector(
            "text",
            "text: ASCII, empty, and other characters",
            &Image::new(TEXT).value("hello").value("").value("grüße"),
            text_region(1, &["hello", "", "grüße"]),
        ),
        vector(
            "bytes",
            "bytes of no known meaning",
            &Image::new(BYTES).value([0, 255, 7]),
            region("bytes", Value::Null, one(&[0, 255, 7])),
        ),
        vector(
            "json",
            "a JSON document that keeps the white space with which it was published",
            &Image::new(JSON).value(r#"{ "a": [1, null] }"#),
            region("json", Value::Null, with(one(br#"{ "a": [1, null] }"#), "value", json!({"a": [1, null]}))),
        ),
        vector(
            "array",
            "an array of 2 by 2 numbers",
            &Image::new(ARRAY).with_schema(fixed).value(numbers),
            region("array", json_of(fixed), with(one(&numbers), "shape", json!([2, 2]))),
        ),
        vector(
            "array-rows",
            "an array whose first length follows from the length of the payload",
            &Image::new(ARRAY).with_schema(open).value(&floats).value(""),
            json!({"kind": "array", "schema": json_of(open), "latest": 2, "state": "closed", "values": [
                with(one(&floats), "shape", json!([1, 2])), {"sequence": 2, "hex": "", "shape": [0, 2]}]}),
        ),
        vector(
            "typed",
            "a value of a type that uses every format",
            &Image::new(BINCODE).with_schema(EVERYTHING).value(&payload),
            region("bincode", json_of(EVERYTHING), with(one(&payload), "value", everything())),
        ),
        vector(
            "typed-plain",
            "a type that is neither a struct nor an enum",
            &Image::new(BINCODE)
                .with_schema(r#"{"type":{"SEQ":"U8"},"types":{}}"#)
                .value([2, 0, 0, 0, 0, 0, 0, 0, 5, 6]),
            region(
                "bincode",
                json!({"type": {"SEQ": "U8"}, "types": {}}),
                with(one(&[2, 0, 0, 0, 0, 0, 0, 0, 5, 6]), "value", json!([5, 6])),
            ),
        ),
        vector(
            "named",
            "a type known only by name: its values are bytes",
            &Image::new(BINCODE).with_schema(named).value([1, 2]),
            region("bincode", json_of(named), one(&[1, 2])),
        ),
        vector(
            "undescribed",
            "a Rust value without a schema: bytes",
            &Image::new(BINCODE).value([1, 2]),
            region("bincode", Value::Null, one(&[1, 2])),
        ),
    ]
}

/// Vectors of regions in different stages of their life.
fn life() -> Vec<Vector> {
    let in_state = |state: &str, mut region: Value| {
        region["state"] = state.into();
        region
    };
    let open = |region: Value| in_state("open", region);
    let stamp = |image: &Image, sequence: u64, stamp: u64| {
        let mut bytes = image.bytes();
        bytes[image.slot(sequence)..][..8].copy_from_slice(&stamp.to_le_bytes());
        bytes
    };
    let two = Image::new(TEXT).with(|image| image.slots = 2).value("a").value("b").value("c");
    vec![
        vector(
            "open",
            "a writer has the region, or the last writer died",
            &abc().with(|image| image.state = 1),
            open(text_region(1, &["a", "b", "c"])),
        ),
        vector(
            "moving",
            "about to be replaced",
            &abc().with(|image| image.state = 3),
            in_state("moving", text_region(1, &["a", "b", "c"])),
        ),
        vector(
            "moved",
            "replaced or removed; its values can still be read",
            &abc().with(|image| image.state = 4),
            in_state("moved", text_region(1, &["a", "b", "c"])),
        ),
        vector(
            "lapped",
            "two values were overwritten",
            &abc().value("d").value("e").value("f"),
            text_region(3, &["c", "d", "e", "f"]),
        ),
        vector(
            "first-is-5",
            "a file that never contained the values before 5, as after a replacement with larger slots",
            &Image::new(TEXT).with(|image| image.first = 5).value("e").value("f"),
            text_region(5, &["e", "f"]),
        ),
        vector(
            "first-is-5-empty",
            "a file whose first value will be number 5, without a value yet",
            &Image::new(TEXT).with(|image| (image.first, image.head) = (5, 4)),
            text_region(5, &[]),
        ),
        Vector {
            name: "unfinished",
            about: "the writer died while it wrote value 4, which was never visible",
            image: stamp(&abc().with(|image| image.state = 1), 4, 7),
            expected: open(text_region(1, &["a", "b", "c"])),
        },
        Vector {
            name: "unfinished-over-the-oldest",
            about: "the writer died while it wrote value 4 over value 2",
            image: stamp(&two.clone().with(|image| image.state = 1), 4, 7),
            expected: open(text_region(3, &["c"])),
        },
        vector(
            "head-not-stored",
            "the writer died before it stored the head: value 3 is whole and can be received in order, but is not the newest value yet",
            &abc().with(|image| (image.head, image.state) = (2, 1)),
            json!({"kind": "text", "values": texts(1, &["a", "b", "c"]), "latest": 2, "state": "open"}),
        ),
        vector("checksums", "every value has a checksum", &abc().with_checksums(), text_region(1, &["a", "b", "c"])),
        vector(
            "checksums-of-another-boot",
            "from another boot and not closed: its values are trusted because they have checksums",
            &abc().with_checksums().with(|image| (image.state, image.boot_id) = (1, [7; 16])),
            open(text_region(1, &["a", "b", "c"])),
        ),
        vector(
            "closed-in-another-boot",
            "closed before the machine was restarted",
            &abc().with(|image| image.boot_id = [7; 16]),
            text_region(1, &["a", "b", "c"]),
        ),
    ]
}

/// Vectors of unusual headers: a reader must use some fields and ignore others.
fn layouts() -> Vec<Vector> {
    let fixed = r#"{"dtype":"|u1","shape":[2]}"#;
    let described = Image::new(ARRAY).with(|image| image.descriptor = record(99, b"something else")).with_schema(fixed);
    let all = text_region(1, &["a", "b", "c"]);
    vec![
        vector(
            "compatible-bit",
            "an unknown compatible feature is ignored",
            &abc().with(|image| image.compatible = 1 << 40),
            all.clone(),
        ),
        vector("stride", "the stride is larger than necessary", &abc().with(|image| image.stride = 320), all.clone()),
        vector(
            "payload-offset",
            "payloads start 64 bytes after the start of the slot",
            &abc().with(|image| image.payload_offset = 64),
            all.clone(),
        ),
        vector(
            "payload-alignment",
            "payloads start at multiples of 256",
            &abc().with(|image| (image.payload_offset, image.payload_alignment) = (256, 256)),
            all.clone(),
        ),
        vector(
            "descriptor-record",
            "an unknown record before the schema is skipped",
            &described.value([1, 2]),
            json!({
            "kind": "array", "schema": {"dtype": "|u1", "shape": [2]}, "latest": 1, "state": "closed",
            "values": [{"sequence": 1, "hex": "0102", "shape": [2]}]}),
        ),
        Vector {
            name: "reserved",
            about: "reserved bytes and flags are ignored",
            image: {
                let image = abc();
                let mut bytes = image.bytes();
                bytes[200] = 1;
                bytes[300] = 1;
                bytes[3000] = 1;
                bytes[image.slot(2) + 15] = 0x80;
                seal(&mut bytes);
                bytes
            },
            expected: all.clone(),
        },
        Vector {
            name: "no-time",
            about: "a value without a recorded time: the reader uses its own clock",
            image: {
                let image = abc();
                let mut bytes = image.bytes();
                bytes[image.slot(3) + 16..][..8].fill(0);
                bytes
            },
            expected: all,
        },
    ]
}

/// Vectors that a reader must refuse to open.
fn refused() -> Vec<Vector> {
    let refused =
        |name, about, class: &str, image: Vec<u8>| Vector { name, about, image, expected: json!({"refused": class}) };
    let changed = |at: usize, field: &[u8]| {
        let mut bytes = abc().bytes();
        bytes[at..at + field.len()].copy_from_slice(field);
        seal(&mut bytes);
        bytes
    };
    let unsealed = |at: usize| {
        let mut bytes = abc().bytes();
        bytes[at] ^= 1;
        bytes
    };
    let schema = |kind: u32, schema: &str| Image::new(kind).with_schema(schema).bytes();
    let typed = Image::new(BINCODE).with_schema(r#"{"type":"U8","types":{}}"#);
    let mut descriptor_crc = typed.bytes();
    descriptor_crc[4096 + 8] ^= 1;
    vec![
        refused("file-of-0-bytes", "no magic", "not a region", vec![]),
        refused("another-file", "no magic", "not a region", b"a text of somebody else's".to_vec()),
        refused(
            "file-ends-in-the-header",
            "the magic, and too few bytes after it",
            "damaged",
            abc().bytes()[..1000].to_vec(),
        ),
        refused("file-is-cut", "the file is shorter than its header says", "damaged", abc().bytes()[..4096].to_vec()),
        refused(
            "file-is-longer",
            "the file is longer than its header says",
            "damaged",
            [abc().bytes(), vec![0; 64]].concat(),
        ),
        refused("minor-version", "version 0.2", "unknown format", abc().with(|image| image.version = (0, 2)).bytes()),
        refused("major-version", "version 1.0", "unknown format", abc().with(|image| image.version = (1, 0)).bytes()),
        refused(
            "incompatible-bit",
            "an unknown incompatible feature",
            "unknown format",
            abc().with(|image| image.incompatible = 1).bytes(),
        ),
        refused("header-crc", "one bit of the capacity was changed", "damaged", unsealed(72)),
        refused("descriptor-crc", "one bit of the descriptor was changed", "damaged", descriptor_crc),
        refused("header-bytes", "a header page of 8192 bytes", "damaged", changed(12, &8192_u32.to_le_bytes())),
        refused("slots-are-3", "not a power of two", "damaged", changed(64, &3_u64.to_le_bytes())),
        refused("slots-overflow", "slots * stride is above 2^64", "damaged", changed(64, &(1_u64 << 62).to_le_bytes())),
        refused("slots-are-0", "no slots", "damaged", changed(64, &[0; 8])),
        refused("slots-are-1", "a single slot", "damaged", changed(64, &1_u64.to_le_bytes())),
        refused("slots-are-8", "more slots than fit the file", "damaged", changed(64, &8_u64.to_le_bytes())),
        refused("capacity-is-0", "slots for payloads of 0 bytes", "damaged", changed(72, &[0; 8])),
        refused("capacity-is-9", "not a multiple of 8", "damaged", changed(72, &9_u64.to_le_bytes())),
        refused(
            "capacity-above-the-stride",
            "a payload could extend into the next slot",
            "damaged",
            changed(72, &64_u64.to_le_bytes()),
        ),
        refused("capacity-without-a-checksum", "no space for the checksum after a payload", "damaged", {
            let mut bytes = changed(72, &40_u64.to_le_bytes());
            bytes[16] = 1;
            seal(&mut bytes);
            bytes
        }),
        refused("stride-is-65", "not a multiple of 64", "damaged", changed(80, &65_u64.to_le_bytes())),
        refused(
            "payload-offset-is-16",
            "the payload would overlap the time",
            "damaged",
            changed(88, &16_u32.to_le_bytes()),
        ),
        refused(
            "payload-offset-is-28",
            "payloads that do not start at a multiple of 8",
            "damaged",
            changed(88, &28_u32.to_le_bytes()),
        ),
        refused("alignment-is-0", "not a power of two", "damaged", changed(92, &[0; 4])),
        refused(
            "alignment-is-64",
            "payloads that do not start at multiples of the alignment",
            "damaged",
            changed(92, &64_u32.to_le_bytes()),
        ),
        refused("alignment-is-24", "not a power of two", "damaged", changed(92, &24_u32.to_le_bytes())),
        refused(
            "look-is-2-seconds",
            "readers would poll for more than a second",
            "damaged",
            changed(120, &2_000_000_000_u64.to_le_bytes()),
        ),
        refused("region-bytes-are-odd", "a length that is not a multiple of 8", "damaged", {
            let mut bytes = changed(32, &(abc().bytes().len() as u64 + 4).to_le_bytes());
            bytes.extend([0; 4]);
            bytes
        }),
        refused("descriptor-is-huge", "a descriptor of 4 GiB", "damaged", changed(100, &[255; 4])),
        refused(
            "major-version-and-crc",
            "version 2.0, which may have its CRC in another place: the version is checked first",
            "unknown format",
            {
                let mut bytes = abc().bytes();
                bytes[8] = 2;
                bytes
            },
        ),
        refused("kind-is-6", "a kind that is reserved", "unknown kind", abc().with(|image| image.kind = 6).bytes()),
        refused("kind-is-77", "an unknown kind", "unknown kind", abc().with(|image| image.kind = 77).bytes()),
        refused("array-without-schema", "a region of arrays must have a schema", "damaged", Image::new(ARRAY).bytes()),
        refused(
            "fingerprint",
            "the fingerprint does not match the schema",
            "damaged",
            typed.with(|image| image.fingerprint = Some(1)).bytes(),
        ),
        refused("schema-is-no-json", "the schema is not JSON", "damaged", schema(BINCODE, "U8")),
        refused(
            "schema-lacks-a-type",
            "the schema uses a name that it does not define",
            "damaged",
            schema(BINCODE, r#"{"type":{"TYPENAME":"A"},"types":{}}"#),
        ),
        refused(
            "schema-without-end",
            "a type that contains itself directly",
            "damaged",
            schema(BINCODE, r#"{"type":{"TYPENAME":"A"},"types":{"A":{"NEWTYPESTRUCT":{"TYPENAME":"A"}}}}"#),
        ),
        refused("dtype-is-u3", "an unknown element type", "damaged", schema(ARRAY, r#"{"dtype":"<u3","shape":[2]}"#)),
        refused("record-beyond-the-end", "a record longer than the descriptor", "damaged", {
            let mut image = Image::new(BINCODE);
            image.descriptor = record(1, b"x");
            image.descriptor[4] = 200;
            image.bytes()
        }),
    ]
}

/// Vectors that a reader can open, but that contain damaged values.
fn damaged_values() -> Vec<Vector> {
    let poked = |image: &Image, sequence: u64, at: usize, field: &[u8]| {
        let mut bytes = image.bytes();
        bytes[image.slot(sequence) + at..][..field.len()].copy_from_slice(field);
        bytes
    };
    let then = |values: &[&str], latest: Value| json!({"kind": "text", "values": texts(1, values), "then": "damaged", "latest": latest, "state": "closed"});
    let schema = r#"{"type":"BOOL","types":{}}"#;
    let bad = json!({"sequence": 1, "hex": "02", "error": "bad value"});
    vec![
        Vector {
            name: "stamp-of-another-slot",
            about: "the slot of value 2 has the stamp of value 3",
            image: poked(&abc(), 2, 0, &6_u64.to_le_bytes()),
            expected: then(&["a"], 3.into()),
        },
        Vector {
            name: "newest-is-missing",
            about: "the head is 3, but slot 3 was never used",
            image: poked(&abc(), 3, 0, &0_u64.to_le_bytes()),
            expected: then(&["a", "b"], "damaged".into()),
        },
        Vector {
            name: "length-above-the-capacity",
            about: "value 3 claims 16 bytes in a slot of 8",
            image: poked(&abc(), 3, 8, &16_u64.to_le_bytes()),
            expected: then(&["a", "b"], "damaged".into()),
        },
        Vector {
            name: "checksum-is-wrong",
            about: "one bit of value 3 was changed",
            image: poked(&abc().with_checksums(), 3, 24, b"b"),
            expected: then(&["a", "b"], "damaged".into()),
        },
        Vector {
            name: "checksum-is-missing",
            about: "value 3 has no checksum, in a region whose values all have one",
            image: poked(&abc().with_checksums(), 3, 14, &[0, 0]),
            expected: then(&["a", "b"], "damaged".into()),
        },
        vector(
            "state-is-0",
            "a state that does not exist, as in a file that was emptied",
            &Image::new(TEXT).with(|image| image.state = 0),
            json!({"kind": "text", "values": [], "then": "damaged", "latest": "damaged", "state": "unknown (0)"}),
        ),
        vector(
            "first-beyond-the-head",
            "the first number is 9, but the head is 3",
            &abc().with(|image| image.first = 9),
            json!({"refused": "damaged"}),
        ),
        vector(
            "value-of-another-type",
            "a boolean with the value 2",
            &Image::new(BINCODE).with_schema(schema).value([2]),
            json!({"kind": "bincode", "schema": {"type": "BOOL", "types": {}}, "values": [bad], "latest": 1, "state": "closed"}),
        ),
        vector(
            "unclosed-in-another-boot",
            "the machine was restarted while the region was open: values without checksums may be partly lost",
            &abc().with(|image| (image.state, image.boot_id) = (1, [7; 16])),
            json!({"kind": "text", "values": [], "then": "damaged", "latest": "damaged", "state": "open"}),
        ),
    ]
}
