//! Everything that one region's header says, in words or as JSON. Its values are not looked at.

use std::io::Write;

use anyhow::Result;
use serde_json::Value;
use shm_cli::{Code, Escaped, Failure};
use shm_core::{ArrayType, Info, RegionState, WriterStatus};

use crate::{json, words};

/// A field: its name in JSON, its name in words, and its value in both.
#[derive(Clone)]
struct Field {
    key: &'static str,
    label: &'static str,
    words: String,
    value: Value,
}

/// Prints every field of a region's header.
pub fn inspect(name: &str, is_json: bool, out: &mut dyn Write) -> Result<()> {
    let info = shm_core::inspect(name)?;
    let fields = fields(name, &info);
    if is_json {
        writeln!(out, "{}", json::object(fields.into_iter().map(|field| (field.key, field.value))))?;
        return Ok(());
    }
    for Field { label, words, .. } in fields {
        writeln!(out, "{label:16}{words}")?;
    }
    if let Some(schema) = &info.schema {
        write!(out, "\n{}", Escaped(schema.to_string().as_bytes()))?;
    }
    Ok(())
}

/// Prints the schema alone.
pub fn schema(name: &str, out: &mut dyn Write) -> Result<()> {
    let info = shm_core::inspect(name)?;
    let json = described(&info).ok_or_else(|| {
        let what = format!("region '{name}' has no schema: it holds {} values", words::kind(&info));
        Failure::new(Code::Other, what, "typed regions have one, and arrays")
    })?;
    Ok(writeln!(out, "{}", json::for_terminal(&json))?)
}

/// The schema as JSON, if there is one.
fn described(info: &Info) -> Option<String> {
    info.schema.as_ref().map(|schema| schema.as_json().to_owned()).or(info.array.as_ref().map(ArrayType::to_json))
}

/// All fields, what people ask for first at the top.
fn fields(name: &str, info: &Info) -> Vec<Field> {
    [about(name, info), described_type(info), values(info), writer(info), layout(info), origin(info)].concat()
}

fn about(name: &str, info: &Info) -> Vec<Field> {
    vec![
        field("region", "region", name, name),
        field("kind", "kind", words::kind(info), words::kind(info)),
        field("region_bytes", "size", words::bytes(info.region_bytes), info.region_bytes),
        field("mode", "mode", format!("{:04o}", info.mode), format!("{:04o}", info.mode)),
        field("owner", "owner", format!("user {}", info.owner), info.owner),
        field("state", "state", state(info), info.state.to_string()),
    ]
}

/// The type of the values, of a region that says it.
fn described_type(info: &Info) -> Vec<Field> {
    let words = match (&info.schema, &info.array) {
        (Some(schema), _) => schema.name().unwrap_or("see below").escape_debug().to_string(),
        (_, Some(array)) => array.to_string(),
        _ => return vec![],
    };
    vec![field("schema", "type", words, described(info).map(|json| parsed(&json)))]
}

fn values(info: &Info) -> Vec<Field> {
    let newest = info.newest.map_or("none".to_owned(), words::time);
    vec![
        field("head", "newest value", format!("number {}", info.head), info.head),
        field("newest", "published", newest, info.newest.map(words::rfc3339)),
        field("first", "first value", format!("number {}, the oldest this file ever held", info.first), info.first),
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
    let look = format!("{}, then a waiting reader sleeps", humantime::format_duration(info.look));
    vec![
        field("slots", "slots", info.slots.to_string(), info.slots),
        field("capacity", "capacity", format!("{} a slot", words::bytes(info.capacity)), info.capacity),
        field("stride", "stride", format!("{} from slot to slot", words::bytes(info.stride)), info.stride),
        field("payload_offset", "payload offset", words::bytes(info.payload_offset.into()), info.payload_offset),
        field("payload_alignment", "alignment", words::bytes(info.payload_alignment.into()), info.payload_alignment),
        field("descriptor_bytes", "descriptor", words::bytes(info.descriptor_bytes.into()), info.descriptor_bytes),
        field(
            "fingerprint",
            "fingerprint",
            words::id(info.fingerprint.into(), 16),
            format!("{:016x}", info.fingerprint),
        ),
        field("spin_ns", "look", look, u64::try_from(info.look.as_nanos()).unwrap_or(u64::MAX)),
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

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_default()
}

fn field(key: &'static str, label: &'static str, words: impl Into<String>, value: impl Into<Value>) -> Field {
    Field { key, label, words: words.into(), value: value.into() }
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
