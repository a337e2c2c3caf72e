//! docs/FORMAT.md is the format: a live region is read here with nothing but the numbers in its tables.

use std::fs;
use std::ops::Range;
use std::time::{Duration, UNIX_EPOCH};

use crate::harness::{Sandbox, workspace};

/// The tables of docs/FORMAT.md.
pub struct Format {
    pub header: Layout,
    pub slot: Layout,
    kinds: Vec<(u64, String)>,
    states: Vec<(u64, String)>,
}

/// One table of fields.
pub struct Layout {
    pub fields: Vec<Field>,
}

#[derive(Clone)]
pub struct Field {
    pub offset: usize,
    pub size: usize,
    pub name: String,
}

impl Format {
    pub fn read() -> Self {
        let path = workspace().join("docs/FORMAT.md");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let tables = tables(&text);
        let layout = |field: &str| {
            let layouts = tables.iter().filter_map(|table| layout(table));
            let found = layouts.into_iter().find(|layout| layout.fields.iter().any(|f| f.name == field));
            found.unwrap_or_else(|| panic!("docs/FORMAT.md has no table `offset | size | field` with {field}"))
        };
        let names = |name: &str| {
            let found =
                tables.iter().filter_map(|table| names(table)).find(|names| names.iter().any(|(_, n)| n == name));
            found.unwrap_or_else(|| panic!("docs/FORMAT.md has no table `value | name` with {name}"))
        };
        Self { header: layout("magic"), slot: layout("stamp"), kinds: names("bincode"), states: names("closed") }
    }

    /// Makes the header's CRC right again.
    pub fn seal(&self, bytes: &mut [u8]) {
        let crc = self.header.field("crc");
        let sum = crc32fast::hash(&bytes[..crc.offset]);
        crc.put(bytes, sum.into());
    }

    /// Where the slot of value `sequence` starts in the file.
    pub fn slot_offset(&self, bytes: &[u8], sequence: u64) -> usize {
        let number = |field: &str| self.header.number(bytes, field);
        let slots_start = (number("header_bytes") + number("descriptor_bytes")).next_multiple_of(128);
        usize::try_from(slots_start + sequence % number("slots") * number("stride")).expect("within a file")
    }

    fn name_of(names: &[(u64, String)], value: u64) -> &str {
        names.iter().find(|(number, _)| *number == value).map_or("?", |(_, name)| name)
    }
}

impl Layout {
    #[track_caller]
    pub fn field(&self, name: &str) -> &Field {
        let found = self.fields.iter().find(|field| field.name == name);
        let names: Vec<_> = self.fields.iter().map(|field| &field.name).collect();
        found.unwrap_or_else(|| panic!("docs/FORMAT.md has no field {name}, only {names:?}"))
    }

    #[track_caller]
    fn number(&self, bytes: &[u8], name: &str) -> u64 {
        u64::try_from(self.field(name).get(bytes)).expect("a field of at most 8 bytes")
    }
}

impl Field {
    fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.size
    }

    pub fn get(&self, bytes: &[u8]) -> u128 {
        bytes[self.range()].iter().rev().fold(0, |number, byte| number << 8 | u128::from(*byte))
    }

    pub fn put(&self, bytes: &mut [u8], value: u128) {
        bytes[self.range()].copy_from_slice(&value.to_le_bytes()[..self.size]);
    }
}

/// The Markdown tables of a text, as rows of cells without their decoration, headings first.
fn tables(text: &str) -> Vec<Vec<Vec<String>>> {
    let mut tables = vec![vec![]];
    for line in text.lines().map(str::trim) {
        let Some(row) = line.strip_prefix('|') else {
            tables.push(vec![]);
            continue;
        };
        let cells: Vec<String> = row.trim_end_matches('|').split('|').map(plain).collect();
        if !cells.iter().all(|cell| cell.chars().all(|c| "-:".contains(c))) {
            tables.last_mut().expect("there is always one").push(cells);
        }
    }
    tables.retain(|table| table.len() > 1);
    tables
}

fn plain(cell: &str) -> String {
    cell.trim().trim_matches('`').to_lowercase()
}

fn layout(table: &[Vec<String>]) -> Option<Layout> {
    let (heading, rows) = table.split_first()?;
    let column = |name: &str| heading.iter().position(|cell| cell == name);
    let (offset, size, name) = (column("offset")?, column("size")?, column("field")?);
    let field = |row: &Vec<String>| {
        let (offset, size) = (row.get(offset)?.parse().ok()?, row.get(size)?.parse().ok()?);
        Some(Field { offset, size, name: row.get(name)?.replace([' ', '-'], "_") })
    };
    Some(Layout { fields: rows.iter().filter_map(field).collect() })
}

fn names(table: &[Vec<String>]) -> Option<Vec<(u64, String)>> {
    let (heading, rows) = table.split_first()?;
    let column = |name: &str| heading.iter().position(|cell| cell == name);
    let (value, name) = (column("value")?, column("name")?);
    rows.iter().map(|row| Some((row.get(value)?.parse().ok()?, row.get(name)?.clone()))).collect()
}

/// A live region of some values with a writer that still holds it, and its bytes.
fn live(options: &str, values: &[&str]) -> (Sandbox, crate::harness::Child, Vec<u8>) {
    let s = Sandbox::new();
    let mut writer = s.spawn(&format!("shm-writer demo {options}"));
    for value in values {
        writer.write(&format!("{value}\n"));
    }
    s.holds("demo", values.last().expect("at least one value"));
    let bytes = fs::read(s.shm("demo")).expect("the region");
    (s, writer, bytes)
}

#[test]
fn a_live_region_is_read_with_nothing_but_the_numbers_in_the_document() {
    let values = ["hello", "", "a longer value than the others", "déjà vu"];
    let (_s, _writer, bytes) = live("--slots 8 --size 100", &values);
    let format = Format::read();
    let number = |field: &str| format.header.number(&bytes, field);
    assert_eq!(&bytes[format.header.field("magic").range()], b"shm\0ring");
    assert_eq!((number("version_major"), number("version_minor")), (0, 1));
    let crc = format.header.field("crc").clone();
    assert_eq!(crc.get(&bytes), crc32fast::hash(&bytes[..crc.offset]).into());
    assert_eq!((number("region_bytes"), number("slots")), (bytes.len() as u64, 8));
    assert_eq!((number("head"), number("first")), (4, 1));
    assert_eq!(Format::name_of(&format.states, number("state")), "open");
    assert_eq!(Format::name_of(&format.kinds, number("kind")), "text");
    for (sequence, value) in (1..).zip(values) {
        let slot = &bytes[format.slot_offset(&bytes, sequence)..];
        assert_eq!(format.slot.number(slot, "stamp"), 2 * sequence);
        assert_eq!(format.slot.number(slot, "length"), value.len() as u64);
        assert_eq!(format.slot.number(slot, "flags"), 0);
        let time = UNIX_EPOCH + Duration::from_nanos(format.slot.number(slot, "time"));
        assert!(time.elapsed().is_ok_and(|age| age < Duration::from_secs(120)));
        let start = usize::try_from(number("payload_offset")).expect("small");
        assert_eq!(&slot[start..start + value.len()], value.as_bytes());
    }
}

#[test]
fn every_field_in_the_document_is_what_the_library_says() {
    let (s, writer, bytes) = live("--checksum", &["one", "two", "three"]);
    let format = Format::read();
    let info = shm_core::inspect(&s.name("demo")).expect("a sound region");
    let nanoseconds = |time: std::time::SystemTime| time.duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
    let told: [(&str, u128); 25] = [
        ("version_major", info.version.0.into()),
        ("version_minor", info.version.1.into()),
        ("compatible", info.compatible.into()),
        ("incompatible", info.incompatible.into()),
        ("region_bytes", info.region_bytes.into()),
        ("lineage", info.lineage),
        ("file_number", info.file_number.into()),
        ("slots", info.slots.into()),
        ("capacity", info.capacity.into()),
        ("stride", info.stride.into()),
        ("payload_offset", info.payload_offset.into()),
        ("payload_alignment", info.payload_alignment.into()),
        ("descriptor_bytes", info.descriptor_bytes.into()),
        ("fingerprint", info.fingerprint.into()),
        ("look_ns", info.look.as_nanos()),
        ("boot_id", info.boot_id),
        ("origin", info.origin),
        ("created_ns", nanoseconds(info.created)),
        ("epoch", info.epoch.into()),
        ("started_ns", nanoseconds(info.started)),
        ("pid", info.pid.into()),
        ("head", info.head.into()),
        ("first", info.first.into()),
        ("bell", info.bell.into()),
        ("pid", writer.pid().into()),
    ];
    for (field, value) in told {
        assert_eq!(format.header.field(field).get(&bytes), value, "{field}");
    }
    let kind = info.kind.expect("a kind that the library knows");
    assert_eq!(Format::name_of(&format.kinds, format.header.number(&bytes, "kind")), kind.to_string());
    assert_eq!(Format::name_of(&format.states, format.header.number(&bytes, "state")), info.state.to_string());
}

#[test]
fn the_kinds_and_states_have_the_names_that_the_library_gives_them() {
    let format = Format::read();
    let names = |names: &[(u64, String)]| names.iter().map(|(_, name)| name.clone()).collect::<Vec<_>>();
    for kind in ["bytes", "text", "json", "array", "bincode"] {
        assert!(names(&format.kinds).iter().any(|name| name == kind), "{kind}");
    }
    for state in ["open", "closed", "moving", "moved"] {
        assert!(names(&format.states).iter().any(|name| name == state), "{state}");
    }
}

#[test]
fn the_fields_in_the_document_do_not_overlap_and_stay_in_their_page() {
    let format = Format::read();
    for (layout, limit) in [(&format.header, 4096), (&format.slot, 4096)] {
        let mut fields = layout.fields.clone();
        fields.sort_by_key(|field| field.offset);
        for pair in fields.windows(2) {
            assert!(pair[0].range().end <= pair[1].offset, "{} overlaps {}", pair[0].name, pair[1].name);
        }
        assert!(fields.last().is_some_and(|field| field.range().end <= limit));
    }
}

/// The bytes that the document's example shows as `xxd -a` does, where `*` stands for lines of zeros.
fn example() -> Vec<u8> {
    let text = fs::read_to_string(workspace().join("docs/FORMAT.md")).expect("the document");
    let mut bytes = Vec::new();
    for (at, line) in text.lines().filter_map(|line| line.split_once(": ")) {
        let Ok(at) = usize::from_str_radix(at, 16) else { continue };
        let digits: String = line.split("  ").next().unwrap_or_default().split(' ').collect();
        bytes.resize(at, 0);
        bytes.extend((0..digits.len() / 2).map(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).expect("hex")));
    }
    bytes
}

#[test]
fn the_example_in_the_document_is_read_by_the_program() {
    let s = Sandbox::new();
    fs::write(s.shm("tiny"), example()).expect("a file");
    s.run("shm-reader tiny").prints("hi\n");
    s.run("shm-reader verify tiny").exits(0);
}

#[test]
fn the_example_in_the_document_is_what_the_program_makes() {
    let s = Sandbox::new();
    s.ok("shm-writer tiny --slots 2 --size 8 --checksum hi");
    let (mut made, mut shown) = (fs::read(s.shm("tiny")).expect("the region"), example());
    let format = Format::read();
    let slot = format.slot_offset(&shown, 1);
    for bytes in [&mut made, &mut shown] {
        for field in ["lineage", "boot_id", "created_ns", "crc", "started_ns", "pid"] {
            format.header.field(field).put(bytes, 0);
        }
        format.slot.field("time").put(&mut bytes[slot..], 0);
    }
    let difference = (0..made.len().max(shown.len())).find(|at| made.get(*at) != shown.get(*at));
    assert_eq!(difference, None, "the first byte that differs");
}
