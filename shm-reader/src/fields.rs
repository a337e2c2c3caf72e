//! What a region's header says, field by field, in words and as JSON. `inspect` prints all of it, `list` some.

use serde_json::Value;
use shm_cli::{Escaped, Users};
use shm_core::{ArrayType, Info, RegionState, WriterStatus};

use crate::words;

/// A field: its name in JSON, its name in words, and its value in both.
pub struct Field {
    pub key: &'static str,
    pub label: &'static str,
    pub words: String,
    pub value: Value,
}

/// All fields, what people ask for first at the top.
pub fn fields(info: &Info, users: &Users) -> Vec<Field> {
    let mut fields = about(info, users);
    fields.extend(values(info));
    fields.extend(writer(info));
    fields.extend(layout(info));
    fields.extend(origin(info));
    fields
}

fn about(info: &Info, users: &Users) -> Vec<Field> {
    vec![
        field("region", "region", &*info.region, &*info.region),
        field("kind", "kind", words::kind(info), words::kind(info)),
        field("schema", "type", type_name(info), info.schema.as_ref().map(|schema| parsed(schema.as_json()))),
        field("array", "array", array_name(info), info.array.as_ref().map(|array| parsed(&array.to_json()))),
        field("region_bytes", "size", words::bytes(info.region_bytes), info.region_bytes),
        field("mode", "mode", format!("{:04o}", info.mode), format!("{:04o}", info.mode)),
        field("owner", "owner", owner(info, users), info.owner),
        field("state", "state", state(info), info.state.to_string()),
    ]
}

fn values(info: &Info) -> Vec<Field> {
    let retained = format!("{} can still be read", shm_cli::counted(info.retained, "value"));
    let newest_time = info.newest_time.map_or("none".to_owned(), words::time);
    let head = match (info.head, info.retained) {
        (0, _) => "no value yet".to_owned(),
        (head, 0) => format!("number {head}, which was discarded"),
        (head, _) => format!("number {head}, the newest value"),
    };
    vec![
        field("head", "head", head, info.head),
        field("retained", "retained", retained, info.retained),
        field("newest_time", "published", newest_time, info.newest_time.map(words::rfc3339)),
        field(
            "first",
            "first",
            format!("number {}, the oldest that this file has or will have", info.first),
            info.first,
        ),
    ]
}

fn writer(info: &Info) -> Vec<Field> {
    let pid = format!("{}, by its own account", info.pid);
    vec![
        field("writer", "writer", info.writer.to_string(), info.writer.to_string()),
        field("pid", "process", pid, info.pid),
        field("started", "started", words::time(info.started), words::rfc3339(info.started)),
        field("epoch", "epoch", format!("writer number {}", info.epoch), info.epoch),
        field("bell", "bell", info.bell.to_string(), info.bell),
    ]
}

fn layout(info: &Info) -> Vec<Field> {
    let checksum = if info.checksum { "with each value" } else { "none" };
    let fingerprint = words::id(info.fingerprint.into(), 16);
    let spin = format!("{}, then a waiting reader sleeps", words::nanoseconds(info.spin_ns));
    vec![
        field("slots", "slots", info.slots.to_string(), info.slots),
        field("capacity", "capacity", format!("{} a slot", words::bytes(info.capacity)), info.capacity),
        field("checksum", "checksum", checksum, info.checksum),
        field("stride", "stride", format!("{} from slot to slot", words::bytes(info.stride)), info.stride),
        field("payload_offset", "payload offset", words::bytes(info.payload_offset.into()), info.payload_offset),
        field("payload_alignment", "alignment", words::bytes(info.payload_alignment.into()), info.payload_alignment),
        field("descriptor_bytes", "descriptor", words::bytes(info.descriptor_bytes.into()), info.descriptor_bytes),
        field("fingerprint", "fingerprint", fingerprint, format!("{:016x}", info.fingerprint)),
        field("spin_ns", "spin", spin, info.spin_ns),
    ]
}

fn origin(info: &Info) -> Vec<Field> {
    let version = format!("{}.{}", info.version.0, info.version.1);
    vec![
        field("created", "made", words::time(info.created), words::rfc3339(info.created)),
        field("lineage", "lineage", words::id(info.lineage, 32), format!("{:032x}", info.lineage)),
        field("file_number", "file", format!("number {} of its lineage", info.file_number), info.file_number),
        field("origin", "copy of", words::id(info.origin, 32), format!("{:032x}", info.origin)),
        field("boot_id", "boot id", words::id(info.boot_id, 32), format!("{:032x}", info.boot_id)),
        field("version", "format", version.clone(), version),
        field("compatible", "compatible", words::bits(info.compatible), info.compatible),
        field("incompatible", "incompatible", words::bits(info.incompatible), info.incompatible),
    ]
}

fn field(key: &'static str, label: &'static str, words: impl Into<String>, value: impl Into<Value>) -> Field {
    Field { key, label, words: words.into(), value: value.into() }
}

fn type_name(info: &Info) -> String {
    let schema = info.schema.as_ref();
    schema.map_or(String::new(), |schema| schema.name().unwrap_or("see below").escape_debug().to_string())
}

fn array_name(info: &Info) -> String {
    info.array.as_ref().map(ArrayType::to_string).unwrap_or_default()
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_default()
}

fn owner(info: &Info, users: &Users) -> String {
    match users.name(info.owner) {
        Some(name) => format!("{} (user {})", Escaped(name.as_bytes()), info.owner),
        None => format!("user {}", info.owner),
    }
}

fn state(info: &Info) -> String {
    let meaning = match (info.state, info.writer) {
        (RegionState::Open, WriterStatus::Alive) => "being written",
        (RegionState::Open, WriterStatus::Gone) => "its writer died",
        (RegionState::Open, _) => "being written, or its writer died",
        (RegionState::Closed, _) => "its writer ended cleanly",
        (RegionState::Moving, _) => "about to be replaced",
        (RegionState::Moved, _) => "replaced or removed",
        _ => "no writer stores this",
    };
    format!("{}: {meaning}", info.state)
}
