//! The bytes of a region that the library made, with all that differs from run to run set to fixed values, and changed
//! field by field, by the tables in docs/FORMAT.md.

use std::fs;
use std::sync::OnceLock;

use serde_json::{Map, Value, json};
use shm_core::{Kind, RawWriter};

use crate::format::Format;

/// 2023-11-14 22:13:20 UTC; value n came n milliseconds later.
const BEGIN_NS: u64 = 1_700_000_000_000_000_000;
const LINEAGE: u128 = 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210;

pub struct Image {
    bytes: Vec<u8>,
}

pub fn format() -> &'static Format {
    static FORMAT: OnceLock<Format> = OnceLock::new();
    FORMAT.get_or_init(Format::read)
}

/// The region that `publish` makes under the name that it is given, without the padding at its end.
pub fn made(publish: impl FnOnce(&str)) -> Image {
    padded(publish).without_padding()
}

/// The same as the writer left it.
pub fn padded(publish: impl FnOnce(&str)) -> Image {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("region");
    publish(path.to_str().expect("UTF-8"));
    Image { bytes: fs::read(path).expect("a region") }.settled()
}

/// A closed region of this kind with 4 slots of 16 bytes.
pub fn small(kind: Kind, values: &[&[u8]]) -> Image {
    made(|name| {
        let mut writer = RawWriter::options().slots(4).capacity(16).kind(kind).open_raw(name).expect("a writer");
        for value in values {
            writer.publish(value).expect("a value");
        }
    })
}

/// The same of text: `one` and so on, as many as that.
pub fn texts(count: usize) -> Image {
    let texts: [&[u8]; 7] = [b"one", b"two", b"three", b"four", b"five", b"six", b"seven"];
    small(Kind::Text, &texts[..count])
}

impl Image {
    /// Any bytes.
    pub fn of(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn settled(mut self) -> Self {
        let begin = u128::from(BEGIN_NS);
        for slot in 0..self.number("slots") {
            let at = format().slot_offset(&self.bytes, slot);
            let number = format().slot.number(&self.bytes[at..], "stamp").div_ceil(2);
            if number > 0 {
                format().slot.field("time").put(&mut self.bytes[at..], begin + u128::from(number) * 1_000_000);
            }
        }
        self.with("lineage", LINEAGE)
            .with("boot_id", 0)
            .with("created_ns", begin)
            .with("started_ns", begin)
            .with("pid", 4242)
    }

    /// With another value in a field of the header, whose CRC is made right.
    pub fn with(self, field: &str, value: u128) -> Self {
        let mut image = self.unsealed(field, value);
        format().seal(&mut image.bytes);
        image
    }

    /// The same, but for the CRC.
    pub fn unsealed(mut self, field: &str, value: u128) -> Self {
        format().header.field(field).put(&mut self.bytes, value);
        self
    }

    /// In one of the states that have a name.
    pub fn in_state(self, name: &str) -> Self {
        let (code, _) = format().states.iter().find(|(_, state)| state == name).expect("a state");
        self.with("state", u128::from(*code))
    }

    /// With another value in a field of the slot in which value `number` is, or would be.
    pub fn with_slot(mut self, number: u64, field: &str, value: u128) -> Self {
        let at = format().slot_offset(&self.bytes, number);
        format().slot.field(field).put(&mut self.bytes[at..], value);
        self
    }

    /// With other bytes anywhere; the header's CRC is made right.
    pub fn with_bytes(mut self, at: usize, bytes: &[u8]) -> Self {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        format().seal(&mut self.bytes);
        self
    }

    /// With other bytes in the payload of a value.
    pub fn with_payload(self, number: u64, at: usize, bytes: &[u8]) -> Self {
        let payload = self.payload_offset(number);
        self.with_bytes(payload + at, bytes)
    }

    /// With another length; the field for it is left as it was.
    pub fn with_length(mut self, bytes: usize) -> Self {
        self.bytes.resize(bytes, 0);
        self
    }

    /// As short as its slots allow.
    fn without_padding(self) -> Self {
        let end = format().slot_offset(&self.bytes, 0) as u64 + self.number("slots") * self.number("stride");
        self.with_length(usize::try_from(end).expect("small")).with("region_bytes", end.into())
    }

    /// With another descriptor, which is described right; the slots move to where they belong then.
    pub fn with_descriptor(self, descriptor: &[u8]) -> Self {
        let old = format().slot_offset(&self.bytes, 0);
        let (page, slots) = (self.number("header_bytes"), self.bytes[old..].to_vec());
        let mut bytes = self.bytes[..usize::try_from(page).expect("small")].to_vec();
        bytes.extend(descriptor);
        bytes.resize(bytes.len().next_multiple_of(128), 0);
        bytes.extend(slots);
        let (length, crc) = (bytes.len(), crc32fast::hash(descriptor));
        let image =
            Self { bytes }.with("region_bytes", length as u128).with("descriptor_bytes", descriptor.len() as u128);
        image.with("descriptor_crc", crc.into())
    }

    /// With another schema, and its fingerprint.
    pub fn with_schema(self, schema: &str) -> Self {
        let hash = fingerprint(schema.as_bytes());
        self.with_descriptor(&record(1, schema.as_bytes())).with("fingerprint", hash.into())
    }

    fn number(&self, field: &str) -> u64 {
        format().header.number(&self.bytes, field)
    }

    fn payload_offset(&self, number: u64) -> usize {
        format().slot_offset(&self.bytes, number) + usize::try_from(self.number("payload_offset")).expect("small")
    }

    pub fn state(&self) -> &str {
        Format::name_of(&format().states, self.number("state"))
    }

    fn kind(&self) -> &str {
        Format::name_of(&format().kinds, self.number("kind"))
    }

    /// The content of the first record with tag 1.
    fn schema(&self) -> Option<&str> {
        let start = usize::try_from(self.number("header_bytes")).expect("small");
        let end = start + usize::try_from(self.number("descriptor_bytes")).expect("small");
        let mut rest = &self.bytes[start..end];
        while let [a, b, c, d, e, f, g, h, content @ ..] = rest {
            let length = u32::from_le_bytes([*e, *f, *g, *h]) as usize;
            if u32::from_le_bytes([*a, *b, *c, *d]) == 1 {
                return Some(str::from_utf8(&content[..length]).expect("UTF-8"));
            }
            rest = &content[length.next_multiple_of(8)..];
        }
        None
    }

    /// What vectors.json says of the whole region.
    pub fn description(&self) -> Vec<(&'static str, Value)> {
        let mut members = vec![("kind", json!(self.kind())), ("state", json!(self.state()))];
        for field in ["slots", "capacity", "first", "head"] {
            members.push((field, self.number(field).into()));
        }
        members.push(("checksums", (self.number("compatible") & 1 == 1).into()));
        if let Some(schema) = self.schema() {
            members.push(("fingerprint", format!("{:016x}", self.number("fingerprint")).into()));
            members.push(("schema", schema.into()));
        }
        members
    }

    /// What vectors.json says of a value.
    pub fn value(&self, number: u64) -> Map<String, Value> {
        let slot = &self.bytes[format().slot_offset(&self.bytes, number)..];
        let (length, time) = (format().slot.number(slot, "length"), format().slot.number(slot, "time"));
        let payload = &self.bytes[self.payload_offset(number)..][..usize::try_from(length).expect("small")];
        let mut value = Map::new();
        value.insert("number".to_owned(), number.into());
        value.insert("time_ns".to_owned(), time.into());
        value.insert("length".to_owned(), length.into());
        value.insert("hex".to_owned(), hex(payload).into());
        match self.kind() {
            "text" => drop(value.insert("text".to_owned(), str::from_utf8(payload).expect("text").into())),
            "json" => drop(value.insert("json".to_owned(), serde_json::from_slice(payload).expect("JSON"))),
            _ => {}
        }
        value
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A record of a descriptor.
pub fn record(tag: u32, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("small");
    let mut record = [&tag.to_le_bytes()[..], &length.to_le_bytes(), content].concat();
    record.resize(record.len().next_multiple_of(8), 0);
    record
}

/// FNV-1a, as docs/FORMAT.md has it.
pub fn fingerprint(schema: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    schema.iter().fold(0xcbf2_9ce4_8422_2325, step).max(1)
}
