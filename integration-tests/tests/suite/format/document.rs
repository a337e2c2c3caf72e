//! Tests of docs/FORMAT.md: its tables are sufficient to read a live region, and its example is what
//! the program creates.

use std::fs;
use std::time::{Duration, UNIX_EPOCH};

use super::Format;
use crate::harness::{Sandbox, workspace};

/// Returns the sandbox, a writer that is still running after it has published these values, and the
/// bytes of its region.
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
    let (_s, _writer, bytes) = live("--slots 8 --capacity 100", &values);
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
    let info = shm_core::inspect(s.name("demo")).expect("a sound region");
    let nanoseconds = |time: std::time::SystemTime| time.duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
    let reported: [(&str, u128); 25] = [
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
        ("spin_ns", info.spin_ns.into()),
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
    for (field, value) in reported {
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

/// Returns the bytes of the document's example, which is a dump by `xxd -a`: `*` replaces lines of
/// zeros.
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
    s.ok("shm-writer tiny --slots 2 --capacity 8 --checksum hi");
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
