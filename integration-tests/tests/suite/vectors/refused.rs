//! Files that are not opened, and why.

use shm_core::Kind;

use super::Vector;
use super::image::{Image, record, small, texts};
use super::typed::number;

pub fn vectors() -> Vec<Vector> {
    [foreign(), sizes(), described(), schemas(), arrays()].into_iter().flatten().collect()
}

fn damaged(name: &'static str, why: &'static str, image: Image) -> Vector {
    Vector::refused(name, "damaged", why, image)
}

fn foreign() -> Vec<Vector> {
    let magic = texts(1).bytes()[..8].to_vec();
    vec![
        Vector::refused("empty-file", "not a region", "A file without a byte.", Image::of(vec![])),
        Vector::refused(
            "magic-missing",
            "not a region",
            "The first byte is another one.",
            texts(1).with_bytes(0, b"S"),
        ),
        Vector::refused("text-file", "not a region", "A file of something else.", Image::of(b"shm\nring\n".to_vec())),
        Vector::refused(
            "version-major",
            "unknown format",
            "Version 1.1, with a CRC that a reader of 0.1 does not know: the version is checked first.",
            texts(1).unsealed("version_major", 1),
        ),
        Vector::refused(
            "version-minor",
            "unknown format",
            "Version 0.2: before 1.0, each minor version is a format of its own.",
            texts(1).with("version_minor", 2),
        ),
        Vector::refused(
            "unknown-incompatible",
            "unknown format",
            "An incompatible feature.",
            texts(1).with("incompatible", 1 << 5),
        ),
        Vector::refused("kind-unknown", "unknown kind", "Kind 77.", texts(1).with("kind", 77)),
        Vector::refused("kind-reserved", "unknown kind", "Kind 6, which is reserved.", texts(1).with("kind", 6)),
        damaged("magic-only", "The file ends behind the magic.", Image::of(magic)),
        damaged("header-cut", "The file ends within the header page.", texts(1).with_length(4095)),
        damaged("crc-wrong", "The CRC of the header is wrong.", texts(1).unsealed("lineage", 1)),
    ]
}

fn sizes() -> Vec<Vector> {
    let with = |field: &str, value: u128| texts(1).with(field, value);
    vec![
        damaged("file-too-short", "The file is 8 bytes shorter than its header says.", texts(1).with_length(4352 - 8)),
        damaged("file-too-long", "The file is 8 bytes longer than its header says.", texts(1).with_length(4352 + 8)),
        damaged("header-8192", "A header page of another length.", with("header_bytes", 8192)),
        damaged("slots-0", "No slots.", with("slots", 0)),
        damaged("slots-1", "A single slot.", with("slots", 1)),
        damaged("slots-3", "A number of slots that is no power of two.", with("slots", 3)),
        damaged("slots-8", "More slots than the file has room for.", with("slots", 8)),
        damaged("slots-2-63", "So many slots that their bytes overflow 64 bits.", with("slots", 1 << 63)),
        damaged("capacity-0", "A capacity of 0.", with("capacity", 0)),
        damaged("capacity-15", "A capacity that is no multiple of 8.", with("capacity", 15)),
        damaged("stride-too-small", "A capacity that is beyond the slot.", with("capacity", 48)),
        damaged(
            "stride-no-room-for-checksum",
            "Slots that have room for the payload, but not for the checksum behind it.",
            with("capacity", 40).with("compatible", 1),
        ),
        damaged("stride-40", "Slots that are no multiple of 64 apart.", with("stride", 40)),
        damaged("payload-offset-16", "Payloads that would lie over the time.", with("payload_offset", 16)),
        damaged("payload-offset-28", "Payloads that do not start at a word.", with("payload_offset", 28)),
        damaged("payload-alignment-0", "An alignment of 0.", with("payload_alignment", 0)),
        damaged("payload-alignment-24", "An alignment that is no power of two.", with("payload_alignment", 24)),
        damaged(
            "payload-alignment-64",
            "Payloads that do not start at multiples of the alignment.",
            with("payload_alignment", 64),
        ),
        damaged(
            "region-bytes-odd",
            "A length that is no multiple of 8.",
            texts(1).with_length(4356).with("region_bytes", 4356),
        ),
        damaged("look-too-long", "Readers would look for more than a second.", with("look_ns", 1_000_000_001)),
    ]
}

fn described() -> Vec<Vector> {
    let beyond =
        [&record(9, b"")[..], &1_u32.to_le_bytes(), &25_u32.to_le_bytes(), b"{\"name\":\"A\",\"version\":1}"].concat();
    let behind = [&record(1, br#"{"type":"U32","types":{}}"#)[..], &[9, 0, 0, 0]].concat();
    let hash = super::image::fingerprint(br#"{"type":"U32","types":{}}"#);
    vec![
        damaged(
            "descriptor-crc-wrong",
            "The CRC of the descriptor is wrong.",
            number().with_schema(r#"{"type":"U32","types":{}}"#).with_bytes(4096 + 16, b"T"),
        ),
        damaged("descriptor-huge", "A descriptor of 4 GiB.", texts(1).with("descriptor_bytes", u32::MAX.into())),
        damaged(
            "record-too-long",
            "A record that goes a byte beyond the descriptor.",
            number().with_descriptor(&beyond),
        ),
        damaged(
            "record-cut",
            "A descriptor that ends within a record, behind the schema.",
            number().with_descriptor(&behind).with("fingerprint", hash.into()),
        ),
        damaged(
            "fingerprint-wrong",
            "The fingerprint is not the schema's.",
            number().with_schema(r#"{"type":"U32","types":{}}"#).with("fingerprint", 1),
        ),
    ]
}

fn schemas() -> Vec<Vector> {
    let schema = |name, why, json: &str| damaged(name, why, number().with_schema(json));
    let typed =
        |name, why, types: &str| schema(name, why, &format!(r#"{{"type":{{"TYPENAME":"A"}},"types":{{{types}}}}}"#));
    let deep = format!(r#"{{"type":{}"U8"{},"types":{{}}}}"#, r#"{"OPTION":"#.repeat(127), "}".repeat(127));
    let long = format!(r#"{{"name":"{}","version":1}}"#, "A".repeat(257));
    vec![
        schema("schema-not-json", "The schema is no JSON.", r#"{"type":"U32","types":{}"#),
        damaged(
            "schema-not-utf8",
            "The schema is not UTF-8.",
            number()
                .with_schema("{\"name\":\"\u{80}\",\"version\":1}")
                .with_descriptor(&record(1, b"{\"name\":\"\xff\",\"version\":1}")),
        ),
        schema("schema-unknown-format", "A format that there is not.", r#"{"type":"U24","types":{}}"#),
        schema("schema-unknown-member", "A member that no schema has.", r#"{"type":"U32","types":{},"more":1}"#),
        typed("schema-undefined", "A name that is used and not defined.", ""),
        typed("schema-endless", "A type that is nothing but itself.", r#""A":{"NEWTYPESTRUCT":{"TYPENAME":"A"}}"#),
        typed(
            "schema-endless-pair",
            "Two types that contain each other: no value of them would ever end.",
            r#""A":{"STRUCT":[{"b":{"TYPENAME":"B"}}]},"B":{"TUPLESTRUCT":["U8",{"TYPENAME":"A"}]}"#,
        ),
        typed("schema-same-fields", "Two fields of one name.", r#""A":{"STRUCT":[{"x":"U8"},{"x":"U8"}]}"#),
        typed(
            "schema-same-variants",
            "Two variants of one name.",
            r#""A":{"ENUM":{"0":{"X":"UNIT"},"1":{"X":"UNIT"}}}"#,
        ),
        schema("schema-too-deep", "A schema that nests 128 deep.", &deep),
        schema("schema-name-empty", "A type whose name is empty.", r#"{"name":"","version":1}"#),
        schema("schema-name-long", "A type whose name has 257 bytes.", &long),
    ]
}

fn arrays() -> Vec<Vector> {
    let bytes = || small(Kind::Bytes, &[&[1, 2, 3]]).with("kind", 4);
    let schema = |name, why, json: &str| damaged(name, why, bytes().with_schema(json));
    vec![
        damaged("array-no-schema", "Arrays of nobody knows what.", texts(1).with("kind", 4)),
        schema(
            "array-big-endian",
            "Numbers whose most significant byte comes first.",
            r#"{"dtype":">f4","shape":[3]}"#,
        ),
        schema("array-objects", "Elements that are no numbers.", r#"{"dtype":"|O","shape":[3]}"#),
        schema("array-inner-0", "A length of 0 that is not the first.", r#"{"dtype":"|u1","shape":[3,0]}"#),
        schema(
            "array-33-dimensions",
            "33 dimensions.",
            &format!(r#"{{"dtype":"|u1","shape":[{}1]}}"#, "1,".repeat(32)),
        ),
        schema(
            "array-too-large",
            "A shape whose bytes overflow 64 bits.",
            r#"{"dtype":"<f8","shape":[4294967296,4294967296]}"#,
        ),
        schema("array-negative", "A negative length.", r#"{"dtype":"|u1","shape":[-1]}"#),
    ]
}
