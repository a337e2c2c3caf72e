//! The properties of a region, as text and as JSON. `inspect` prints all of them, `list` some.

use serde_json::Value;
use shm_cli::{Escaped, Users};
use shm_core::{ArrayType, Info, RegionState, WriterStatus};

use crate::words;

/// A property: its name in JSON, and its value as text and as JSON.
pub struct Field {
    pub key: &'static str,
    pub words: String,
    pub value: Value,
}

impl Field {
    /// Returns its name for people: that in JSON, with spaces.
    pub fn label(&self) -> String {
        self.key.replace('_', " ")
    }
}

/// Returns all properties, the most important first.
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
        field("region", &*info.region, &*info.region),
        field("kind", words::kind(info), words::kind(info)),
        field("schema", type_name(info), info.schema.as_ref().map(|schema| parsed(schema.as_json()))),
        field("array", array_name(info), info.array.as_ref().map(|array| parsed(&array.to_json()))),
        field("region_bytes", words::bytes(info.region_bytes), info.region_bytes),
        field("mode", format!("{:04o}", info.mode), format!("{:04o}", info.mode)),
        field("owner", owner(info, users), info.owner),
        field("state", state(info), info.state.to_string()),
    ]
}

fn values(info: &Info) -> Vec<Field> {
    let retained = format!("{} can still be read", shm_cli::counted(info.retained, "value"));
    let newest_time = info.newest_time.map_or("none".to_owned(), words::time);
    let head = match (info.head, info.retained) {
        (0, _) => "0, no value yet".to_owned(),
        (head, 0) => format!("{head}, the number of the newest value, which was discarded"),
        (head, _) => format!("{head}, the number of the newest value"),
    };
    vec![
        field("head", head, info.head),
        field("retained", retained, info.retained),
        field("newest_time", newest_time, info.newest_time.map(words::rfc3339)),
        field("first", format!("{}, the number of the first value in this file", info.first), info.first),
    ]
}

fn writer(info: &Info) -> Vec<Field> {
    let pid = format!("{}, as reported by the writer", info.pid);
    vec![
        field("writer", info.writer.to_string(), info.writer.to_string()),
        field("pid", pid, info.pid),
        field("started", words::time(info.started), words::rfc3339(info.started)),
        field("epoch", format!("{}, the number of writers so far", info.epoch), info.epoch),
        field("bell", info.bell.to_string(), info.bell),
    ]
}

fn layout(info: &Info) -> Vec<Field> {
    let checksum = if info.checksum { "with each value" } else { "none" };
    let fingerprint = words::id(info.fingerprint.into(), 16);
    let spin = format!("{}, then a waiting reader sleeps", words::nanoseconds(info.spin_ns));
    vec![
        field("slots", info.slots.to_string(), info.slots),
        field("capacity", format!("{} per slot", words::bytes(info.capacity)), info.capacity),
        field("checksum", checksum, info.checksum),
        field("stride", format!("{} from slot to slot", words::bytes(info.stride)), info.stride),
        field("payload_offset", words::bytes(info.payload_offset.into()), info.payload_offset),
        field("payload_alignment", words::bytes(info.payload_alignment.into()), info.payload_alignment),
        field("descriptor_bytes", words::bytes(info.descriptor_bytes.into()), info.descriptor_bytes),
        field("fingerprint", fingerprint, format!("{:016x}", info.fingerprint)),
        field("spin_ns", spin, info.spin_ns),
    ]
}

fn origin(info: &Info) -> Vec<Field> {
    let version = format!("{}.{}", info.version.0, info.version.1);
    vec![
        field("created", words::time(info.created), words::rfc3339(info.created)),
        field("lineage", words::id(info.lineage, 32), format!("{:032x}", info.lineage)),
        field("file_number", format!("{} in its lineage", info.file_number), info.file_number),
        field("origin", words::id(info.origin, 32), format!("{:032x}", info.origin)),
        field("boot_id", words::id(info.boot_id, 32), format!("{:032x}", info.boot_id)),
        field("version", version.clone(), version),
        field("compatible", words::bits(info.compatible), info.compatible),
        field("incompatible", words::bits(info.incompatible), info.incompatible),
    ]
}

fn field(key: &'static str, words: impl Into<String>, value: impl Into<Value>) -> Field {
    Field { key, words: words.into(), value: value.into() }
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
        _ => "not a valid state",
    };
    format!("{}: {meaning}", info.state)
}
