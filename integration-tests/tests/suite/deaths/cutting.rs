//! Tests of files that are truncated or become unreadable while programs have them mapped. A
//! program must print a message and exit with code 5. It must never die of SIGBUS or print anything
//! that was not published.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::time::Duration;

use nix::sys::signal::Signal;
use testkit::at_effort;

use crate::harness::{Child, Outcome, Sandbox, eventually, observe, skipped};

/// Returns how many times each truncation is tried with each size of values.
fn cuts() -> u32 {
    at_effort([1, 3, 100, 1430])
}

const PAGE: u64 = 4096;
/// Long enough that a program spends most of its time copying.
const LONG: usize = 100_000;

fn cut(s: &Sandbox, name: &str, bytes: u64) {
    let file = File::options().write(true).open(s.shm(name)).expect("the file");
    file.set_len(bytes).expect("our own file");
}

/// Checks the end of a program that had mapped the truncated file.
#[track_caller]
fn ends_as_it_must(child: Child) -> Outcome {
    as_it_must(child.wait())
}

#[track_caller]
fn as_it_must(ended: Outcome) -> Outcome {
    let outcome = ended.exits(5).complains(&["error: ", "'demo'"]);
    let says_why = outcome.stderr.contains("was cut short while in use") || outcome.stderr.contains("is damaged");
    if !says_why {
        outcome.fail("wanted a reason", &"");
    }
    outcome
}

/// Truncates a region while a writer fills it and a reader prints it, both as fast as they can.
#[track_caller]
fn cut_in_use(options: &str, value_bytes: usize, length: impl Fn(u64) -> u64) {
    let s = Sandbox::new();
    let script = format!("yes $(head -c {value_bytes} /dev/zero | tr '\\0' x) | shm-writer -q demo {options}");
    fs::write(s.home("publish"), script).expect("a file in the sandbox");
    let writer = s.spawn("sh publish");
    let mut reader = s.spawn("shm-reader -q demo -f -t 3s");
    let value = "x".repeat(value_bytes);
    reader.expect(&[&value]);
    let length = length(fs::metadata(s.shm("demo")).expect("the region").len());
    cut(&s, "demo", length);
    ends_as_it_must(writer);
    let printed = ends_as_it_must(reader).stdout;
    let whole = printed.is_empty() || printed.ends_with(b"\n");
    assert!(whole && printed.split(|b| *b == b'\n').all(|line| line.is_empty() || line == value.as_bytes()));
}

// Fault 11.
#[test]
fn a_region_cut_in_use_ends_both_programs_with_5_and_nothing_false_is_printed() {
    for _ in 0..cuts() {
        for (options, value_bytes) in [("", 1), ("--slots 4 --capacity 100000", LONG)] {
            cut_in_use(options, value_bytes, |_| 0);
            cut_in_use(options, value_bytes, |_| PAGE - 1);
            cut_in_use(options, value_bytes, |bytes| bytes / 2 / PAGE * PAGE);
        }
    }
}

// Fault 11. The kernel fills the rest of the last remaining page with zeros. Reading those causes
// no signal.
#[test]
fn within_a_page_it_takes_checksums_to_see_a_cut() {
    for _ in 0..cuts() {
        cut_in_use("--slots 4 --capacity 100000 --checksum", LONG, |bytes| bytes / 2 + 1000);
    }
}

// Fault 11.
#[test]
fn a_program_that_waits_ends_too_when_its_region_is_emptied() {
    let s = Sandbox::new();
    let mut writer = s.spawn("shm-writer demo");
    writer.write("one\n");
    let mut reader = s.spawn("shm-reader demo -f");
    reader.expect(&["one"]);
    let reader = reader.idle();
    cut(&s, "demo", 0);
    assert!(ends_as_it_must(reader).stdout.is_empty());
    // An idle writer does not access its region until it closes it.
    writer.close_stdin();
    ends_as_it_must(writer);
}

// Fault 11.
#[test]
fn a_writer_told_to_end_whose_region_is_cut_says_so() {
    let s = Sandbox::new();
    let mut writer = s.spawn("shm-writer demo");
    writer.write("one\n");
    s.holds("demo", "one");
    writer.settle();
    cut(&s, "demo", 0);
    writer.signal(Signal::SIGTERM);
    ends_as_it_must(writer);
    // The lock was removed with the region.
    s.ok("rm $SHM_DIR/demo");
    s.run("shm-writer demo two").prints("");
    s.run("shm-reader demo").prints("two\n");
}

// Fault 11.
#[test]
fn a_region_cut_while_it_is_verified_is_a_failure() {
    let s = Sandbox::new();
    s.ok("shm-writer demo x --slots 65536 --capacity 4096");
    let child = s.spawn("shm-reader verify demo");
    let maps = format!("/proc/{}/maps", child.pid());
    let path = s.name("demo");
    eventually("the region is mapped", || fs::read_to_string(&maps).ok()?.contains(&path).then_some(()));
    cut(&s, "demo", PAGE);
    ends_as_it_must(child);
}

// Fault 11.
#[test]
fn a_block_cut_while_it_is_printed_is_a_failure() {
    let s = Sandbox::new();
    s.ok("shm-writer map block --size 1MiB hello");
    // The contents of a pipe and a buffer are printed before the truncation. Then the program waits
    // for the process that reads its output.
    let script =
        "{ shm-reader map block; echo $? > code; } | { head -c 1; truncate -s 0 $SHM_DIR/block; cat; } > printed";
    s.run(script).exits(0).complains(&["'block'", "was cut short"]);
    assert_eq!(fs::read_to_string(s.home("code")).expect("a code"), "5\n");
    let printed = fs::read(s.home("printed")).expect("what came before");
    assert!(printed.starts_with(b"hello\0") && printed.len() < 1 << 20);
}

// Fault 12.
#[test]
fn a_region_that_was_emptied_and_grown_again_is_damaged_for_all_who_have_it_mapped() {
    let s = Sandbox::new();
    let mut writer = s.spawn("shm-writer demo");
    writer.write("one\n");
    let mut reader = s.spawn("shm-reader demo -f");
    reader.expect(&["one"]);
    let reader = reader.idle();
    let bytes = fs::metadata(s.shm("demo")).expect("the region").len();
    cut(&s, "demo", 0);
    cut(&s, "demo", bytes);
    ends_as_it_must(reader);
    s.run("shm-reader demo").exits(5);
    // The writer detects it with the first value that is published at least 50 ms after the last
    // one.
    observe(Duration::from_millis(100));
    writer.write("two\n");
    writer.wait().exits(5).complains(&["'demo': it is damaged", "emptied its file"]);
    s.run("shm-writer demo two").exits(5);
}

// Fault 12.
#[test]
fn slots_that_were_cut_off_and_grown_again_have_no_values() {
    for _ in 0..cuts() {
        let s = Sandbox::new();
        s.ok("seq 1 100 | shm-writer demo");
        let bytes = fs::metadata(s.shm("demo")).expect("the region").len();
        cut(&s, "demo", PAGE);
        cut(&s, "demo", bytes);
        for command in ["shm-reader demo", "shm-reader demo -f -t 10s", "shm-reader demo --from oldest"] {
            let outcome = s.run(command).exits(5).complains(&["'demo': it is damaged"]);
            assert!(outcome.stdout.is_empty(), "{outcome:?}");
        }
        s.run("shm-reader verify demo").exits(5);
        // A writer replaces the ring, and the numbers continue.
        s.run("shm-writer demo next").prints("");
        s.run("shm-reader demo").prints("next\n");
        assert_eq!(s.inspect("demo")["head"], 101);
    }
}

// Fault 13.
#[test]
fn a_hole_over_a_slot_is_noticed_and_one_within_a_value_only_by_its_checksum() {
    let s = Sandbox::new();
    s.ok("seq 1 10 | shm-writer demo");
    // Value 10 is in slot 10. Each slot has 4096 bytes and a head, and the slots begin at 4096.
    let hole = "fallocate -p -o 40960 -l 12288 $SHM_DIR/demo";
    if s.run(hole).code() != 0 {
        return skipped("a_hole_over_a_slot", "this file system has no holes");
    }
    s.run("shm-reader demo").exits(5).complains(&["'demo': it is damaged"]);
    s.run("shm-reader verify demo").exits(5);

    s.ok("head -c 12288 /dev/zero | tr '\\0' x | shm-writer long --capacity 12288 --slots 2 --checksum --whole --as text");
    s.run("shm-reader long | tr -d 'x\\n'").prints("");
    s.ok("fallocate -p -o 20480 -l 4096 $SHM_DIR/long");
    s.run("shm-reader long").exits(5).complains(&["'long': it is damaged", "checksum"]);
}

// Fault 20. A file with holes on a full file system cannot be read through a mapping.
#[test]
fn a_hole_that_cannot_be_filled_ends_the_reader_which_says_that_the_disk_is_full() {
    let s = Sandbox::new();
    let script = "mount -t tmpfs -o size=1m tmpfs $SHM_DIR && touch mounted && cd $SHM_DIR && truncate -s 512K block && \
                  { dd if=/dev/zero of=filler bs=4096 status=none 2> /dev/null; shm-reader map block; }";
    let outcome = s.run(&format!("unshare -m sh -c '{script}'"));
    if !s.home("mounted").exists() {
        return skipped("a_hole_that_cannot_be_filled", "mounting a tmpfs is not allowed here");
    }
    outcome.exits(1).complains(&["cannot access block 'block'", "its disk is full", "a hole"]);
}

// Fault 20.
#[test]
fn a_disk_that_fails_under_a_mapping_ends_the_reader_with_5() {
    let s = Sandbox::new();
    let script = "mount -o loop disk disk.d && head -c 4M /dev/urandom > disk.d/block && umount disk.d && \
                  mount -o loop,ro disk disk.d && truncate -s 3M disk && touch mounted && shm-reader map disk.d/block";
    s.ok("truncate -s 8M disk && mkdir disk.d");
    let has_disk = s.run("mkfs.ext4 -q -F disk").code() == 0;
    let outcome = s.run(&format!("unshare -m sh -c '{script}' > printed"));
    if !has_disk || !s.home("mounted").exists() {
        return skipped("a_disk_that_fails", "mounting a file as a disk is not possible here");
    }
    outcome.exits(5).complains(&["cannot access block 'disk.d/block'", "cannot be read from its disk"]);
}

// Fault 32.
#[test]
fn a_region_above_the_limit_and_one_that_is_mostly_holes_are_refused() {
    let s = Sandbox::new();
    let format = crate::format::Format::read();
    let reasons = [
        (1_u64 << 11, 1, ["'demo': its size is", "1099511627776"]),
        (1 << 6, 5, ["'demo': it is damaged", "of its 68719480832 bytes"]),
    ];
    for (slots, code, reason) in reasons {
        s.ok("shm-writer create demo --slots 2 --capacity 64");
        let mut bytes = fs::read(s.shm("demo")).expect("the region");
        let (capacity, stride) = ((1_u64 << 30) - 128, 1_u64 << 30);
        let all = 4096 + slots * stride;
        for (field, value) in [("slots", slots), ("capacity", capacity), ("stride", stride), ("region_bytes", all)] {
            format.header.field(field).put(&mut bytes, value.into());
        }
        format.seal(&mut bytes);
        let file = File::options().write(true).open(s.shm("demo")).expect("the region");
        file.write_all_at(&bytes[..4096], 0).expect("the header");
        if file.set_len(all).is_err() {
            return skipped("a_region_above_the_limit", "this file system has no file of 2 TiB");
        }
        let limited = |command: &str| s.run(&format!("sh -c 'ulimit -d 100000; exec {command}'")).exits(code);
        for command in ["shm-reader demo", "shm-reader demo -f", "shm-reader inspect demo", "shm-writer demo y"] {
            limited(command).complains(&reason);
        }
        let verified = limited("shm-reader verify demo");
        assert!((verified.text() + &verified.stderr).contains(reason[1]), "{verified:?}");
        s.ok("rm $SHM_DIR/demo");
    }
}
