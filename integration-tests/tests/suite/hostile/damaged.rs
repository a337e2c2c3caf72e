//! Files under a region's name that are damaged or no regions at all. Both programs refuse them immediately.
//! They do not follow links, wait, or change or remove the file.

use std::fs;
use std::path::Path;

use crate::format::Format;
use crate::harness::{Child, Sandbox};

/// Files that are not regions, and the commands for `sh` that create them as `demo` in `SHM_DIR`.
const FOREIGN: [(&str, &str); 16] = [
    ("an empty file", ": > demo"),
    ("one byte", "printf x > demo"),
    ("a short text", "echo 'remember the milk' > demo"),
    ("a page of text", "seq 1 5000 > demo"),
    ("a page of zeros", "head -c 4096 /dev/zero > demo"),
    ("many zeros", "head -c 1000000 /dev/zero > demo"),
    ("random bytes", "head -c 300000 /dev/urandom > demo"),
    ("all ones", "head -c 300000 /dev/zero | tr '\\0' '\\377' > demo"),
    ("a sparse file", "truncate -s 1T demo"),
    ("a directory", "mkdir demo"),
    ("a FIFO", "mkfifo demo"),
    ("a link to a region", "shm-writer real x && ln -s real demo"),
    ("a dangling link", "ln -s missing demo"),
    ("a link to a file outside", "echo precious > $OLDPWD/precious && ln -s $OLDPWD/precious demo"),
    ("a link to a descriptor", "ln -s /proc/self/fd/0 demo"),
    ("a link to a device", "ln -s /dev/zero demo"),
];

/// Ways to damage the region `demo`, and the commands for `sh` that do it.
const BROKEN: [(&str, &str); 9] = [
    ("no header page", "truncate -s 100 demo"),
    ("a byte less than a header page", "truncate -s 4095 demo"),
    ("a header page only", "truncate -s 4096 demo"),
    ("half the slots", "truncate -s 100000 demo"),
    ("a byte missing", "truncate -s -1 demo"),
    ("emptied", "truncate -s 0 demo"),
    ("emptied and grown again", "truncate -s 0 demo && truncate -s 270336 demo"),
    ("another magic", "printf X | dd of=demo bs=1 seek=0 conv=notrunc status=none"),
    ("only the magic", "head -c 8 demo > d && cat d > demo && rm d"),
];

const COMMANDS: [&str; 9] = [
    "shm-reader demo",
    "shm-reader demo -f -t 5s",
    "shm-reader demo --from oldest --json",
    "shm-reader inspect demo",
    "shm-reader verify demo",
    "shm-reader list",
    "shm-writer demo hello",
    "shm-writer demo --slots 4 --as json 1",
    "shm-writer create demo",
];

/// Name, type and checksum of each entry of `SHM_DIR`, except for lock files.
fn contents(s: &Sandbox) -> Vec<String> {
    let describe = |name: &String| {
        let path = s.shm(name);
        let kind = fs::symlink_metadata(&path).expect("an entry").file_type();
        let bytes =
            if kind.is_file() && file_bytes(&path) < 10_000_000 { fs::read(&path).expect("a file") } else { vec![] };
        format!("{name} {kind:?} {:x}", crc32fast::hash(&bytes))
    };
    s.files().iter().filter(|name| !name.ends_with(".lock")).map(describe).collect()
}

fn file_bytes(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

/// Checks that every command refuses `demo` with an error that names it, and changes nothing.
#[track_caller]
fn refused(s: &Sandbox, description: &str, codes: &[i32]) {
    let before = contents(s);
    for command in COMMANDS {
        let outcome = s.run(command);
        if command != "shm-reader list" {
            assert!(codes.contains(&outcome.code()) && !outcome.stderr.is_empty(), "{description}: {outcome:?}");
            assert!((outcome.text() + &outcome.stderr).contains("demo"), "{description}: {outcome:?}");
        }
    }
    assert_eq!(contents(s), before, "{description} was changed");
}

// Faults 33, 53, 54.
#[test]
fn files_that_are_not_regions_are_refused_and_untouched() {
    for (description, make) in FOREIGN {
        let s = Sandbox::new();
        s.ok(&format!("cd $SHM_DIR && {make}"));
        refused(&s, description, &[5]);
    }
}

// Fault 53.
#[test]
fn a_link_target_outside_is_untouched() {
    let s = Sandbox::new();
    s.ok("echo precious > precious && ln -s $PWD/precious $SHM_DIR/demo");
    for command in COMMANDS {
        s.run(command);
    }
    assert_eq!(s.ok("cat precious"), "precious\n");
}

// Fault 53.
#[test]
fn a_link_in_place_of_the_lock_file_is_refused() {
    let s = Sandbox::new();
    s.ok("echo precious > precious && ln -s $PWD/precious $SHM_DIR/.demo.lock");
    let outcome = s.run("shm-writer demo hello");
    assert!(outcome.code() != 0 && outcome.stderr.contains("demo"), "{outcome:?}");
    assert_eq!(s.ok("cat precious"), "precious\n");
    s.ok("rm $SHM_DIR/.demo.lock && ln -s $PWD/precious $SHM_DIR/.demo.new");
    s.run("shm-writer demo hello");
    assert_eq!(s.ok("cat precious"), "precious\n");
}

// Fault 33.
#[test]
fn regions_that_were_cut_are_refused() {
    for (description, harm) in BROKEN {
        let s = Sandbox::new();
        s.ok("seq 1 10 | shm-writer demo");
        s.ok(&format!("cd $SHM_DIR && {harm}"));
        refused(&s, description, &[5]);
    }
}

#[test]
fn a_region_that_grew_is_refused_or_read() {
    let s = Sandbox::new();
    s.ok("shm-writer demo hello && truncate -s +4096 $SHM_DIR/demo");
    let outcome = s.run("shm-reader demo");
    assert!(outcome.code() == 5 || outcome.text() == "hello\n", "{outcome:?}");
}

/// A region in which one field of the header has been changed. The header's CRC fits the new value.
fn forged(field: &str, value: u128) -> Sandbox {
    let s = Sandbox::new();
    s.ok("seq 1 10 | shm-writer demo");
    let mut bytes = fs::read(s.shm("demo")).expect("the region");
    let format = Format::read();
    format.header.field(field).put(&mut bytes, value);
    format.seal(&mut bytes);
    fs::write(s.shm("demo"), bytes).expect("the region");
    s
}

#[test]
fn forging_with_the_value_that_was_there_changes_nothing() {
    forged("slots", 64).run("shm-reader demo").prints("10\n");
}

// Fault 34.
#[test]
fn other_versions_are_refused_by_number() {
    for (field, value) in [("version_major", 1), ("version_major", 0xffff), ("version_minor", 99)] {
        let s = forged(field, value);
        refused(&s, field, &[5]);
        s.run("shm-reader demo").complains(&["format", &value.to_string()]);
    }
}

// Fault 63.
#[test]
fn unknown_incompatible_features_are_refused_and_compatible_ones_are_not() {
    for bit in [0, 7, 31, 63] {
        let s = forged("incompatible", 1 << bit);
        refused(&s, "an incompatible feature", &[5]);
        s.run("shm-reader demo").complains(&[&format!("{:#x}", 1_u64 << bit)]);
    }
    for bit in [20, 63] {
        let s = forged("compatible", 1 << bit);
        s.run("shm-reader demo").prints("10\n");
        // A writer that does not know the feature still works and preserves the bit, also when the region grows.
        s.run("shm-writer demo next").prints("");
        s.ok("head -c 9000 /dev/zero | tr '\\0' x | shm-writer demo");
        s.run("shm-reader demo --from -2 | head -c 5").prints("next\n");
        assert!(s.ok("shm-reader inspect demo").contains(&format!("{:#x}", 1_u64 << bit)));
    }
}

// Fault 36.
#[test]
fn an_epoch_and_a_bell_at_their_ends_begin_again() {
    let all = u64::MAX.into();
    let s = forged("epoch", all);
    s.run("shm-writer demo next").prints("");
    s.run("shm-reader demo").prints("next\n");
    assert_eq!(s.inspect("demo")["epoch"], 0);

    let s = forged("bell", u32::MAX.into());
    let mut reader = s.spawn("shm-reader demo -f");
    reader.expect(&["10"]);
    let mut reader = reader.idle();
    s.run("seq 11 20 | shm-writer demo").prints("");
    reader.expect(&["11", "12", "13", "14", "15", "16", "17", "18", "19", "20"]);
}

// Faults 31, 32.
#[test]
fn sizes_that_do_not_fit_are_refused_although_the_crc_is_right() {
    let all = u64::MAX.into();
    for (field, value) in [
        ("slots", 0),
        ("slots", 1),
        ("slots", 63),
        ("slots", 128),
        ("slots", 1 << 62),
        ("slots", 1 << 63),
        ("slots", all),
        ("capacity", 0),
        ("capacity", 1 << 40),
        ("capacity", all),
        ("capacity", 1 << 63),
        ("stride", 0),
        ("stride", 8),
        ("stride", 1 << 40),
        ("stride", all),
        ("stride", 4097),
        ("region_bytes", 0),
        ("region_bytes", 1 << 62),
        ("region_bytes", all),
        ("header_bytes", 0),
        ("header_bytes", 8192),
        ("header_bytes", u32::MAX.into()),
        ("payload_offset", 0),
        ("payload_offset", 8),
        ("payload_offset", u32::MAX.into()),
        ("payload_offset", 25),
        ("payload_alignment", 0),
        ("payload_alignment", 3),
        ("payload_alignment", u32::MAX.into()),
        ("descriptor_bytes", 4096),
        ("descriptor_bytes", u32::MAX.into()),
    ] {
        let s = forged(field, value);
        for command in ["shm-reader demo", "shm-reader inspect demo", "shm-reader verify demo", "shm-writer demo x"] {
            let outcome = s.run(command);
            assert!(outcome.code() == 5, "{field} = {value:#x}: {outcome:?}");
        }
    }
}

#[test]
fn a_kind_that_is_unknown_is_refused_by_its_number() {
    for kind in [0, 6, 77, u32::MAX] {
        let s = forged("kind", kind.into());
        let outcome = s.run("shm-reader demo").complains(&["demo", &kind.to_string()]);
        assert!([1, 5].contains(&outcome.code()), "{outcome:?}");
        assert!(!outcome.stderr.contains("writer of known"), "a message that helps: {outcome:?}");
        s.run("shm-writer demo --as text fresh").exits(5).complains(&[&format!("its kind has number {kind}")]);
        s.run("shm-writer demo --as text --replace -q fresh").exits(0);
        s.run("shm-reader demo").prints("fresh\n");
    }
}

// Faults 29, 31.
#[test]
fn a_slot_with_an_impossible_length_is_an_error_and_nothing_is_read_beyond_it() {
    for (field, value) in [("length", 5000), ("length", (1 << 48) - 1), ("length", 1 << 47)] {
        let s = Sandbox::new();
        s.ok("seq 1 10 | shm-writer demo");
        let mut bytes = fs::read(s.shm("demo")).expect("the region");
        let format = Format::read();
        let slot = format.slot_offset(&bytes, 10);
        format.slot.field(field).put(&mut bytes[slot..], value);
        fs::write(s.shm("demo"), bytes).expect("the region");
        for command in ["shm-reader demo", "shm-reader verify demo"] {
            let outcome = s.run(command);
            assert!(outcome.code() == 5, "{field} = {value:#x}: {outcome:?}");
        }
        s.run("shm-reader demo --from oldest --json");
        s.run("shm-writer demo x");
        s.run("shm-reader demo").prints("x\n");
    }
}

// Faults 29, 30.
#[test]
fn a_region_overwritten_under_a_follower_ends_it_with_5_or_leaves_it_waiting() {
    for device in ["/dev/zero", "/dev/urandom"] {
        let s = Sandbox::new();
        s.ok("shm-writer demo hello");
        let mut reader: Child = s.spawn("shm-reader demo -f -t 2s");
        reader.expect(&["hello"]);
        s.ok(&format!("dd if={device} of=$SHM_DIR/demo bs=4096 count=66 conv=notrunc status=none"));
        let outcome = reader.wait();
        assert!([4, 5].contains(&outcome.code()) && outcome.stdout.is_empty(), "{device}: {outcome:?}");
    }
}

// Faults 12, 13.
#[test]
fn a_newest_value_that_is_not_there_is_an_error_for_every_reader() {
    let s = Sandbox::new();
    s.ok("shm-writer --slots 2 --capacity 8 demo x");
    // Value 1 is in slot 1. Slots are 64 bytes long and begin at 4096.
    s.ok("head -c 8 /dev/zero | dd of=$SHM_DIR/demo bs=1 seek=4160 conv=notrunc status=none");
    for options in ["", "--from 1", "--from oldest", "--until-closed", "--from 1 --until-closed", "-f -t 10s"] {
        s.run(&format!("shm-reader {options} demo"))
            .exits(5)
            .complains(&["value 1: the head names it as the newest, but"]);
    }
}
