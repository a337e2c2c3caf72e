//! Tests of large values, full file systems, and other limits: the error contains the figures, and
//! no files remain.

use crate::harness::{Sandbox, mounted};

const FILE_BYTES: u32 = 20_000_000;

#[test]
fn a_large_file_round_trips_without_a_size_given() {
    let s = Sandbox::new();
    s.ok(&format!("head -c {FILE_BYTES} /dev/urandom > f"));
    s.run("shm-writer blob --file f").prints("");
    s.run("shm-reader blob --raw | cmp - f").prints("");
}

#[test]
fn a_large_file_comes_after_a_short_one_under_a_follower() {
    let s = Sandbox::new();
    s.ok(&format!("head -c {FILE_BYTES} /dev/urandom > f; printf short | shm-writer blob --whole"));
    let mut follower = s.spawn("shm-reader blob -f --raw -n 2 > copy");
    let size = || std::fs::metadata(s.home("copy")).map_or(0, |copy| copy.len());
    crate::harness::eventually("the follower prints the text", || (size() == 5).then_some(()));
    s.run("shm-writer blob --file f").prints("");
    s.run("shm-reader blob --raw | cmp - f").prints("");
    follower.close_stdin();
    follower.wait().exits(0);
    s.run("tail -c +6 copy | cmp - f").prints("");
}

#[test]
fn a_large_stdin_is_one_value_with_whole() {
    let s = Sandbox::new();
    s.ok(&format!("head -c {FILE_BYTES} /dev/urandom > f"));
    s.run("cat f | shm-writer blob --whole").prints("");
    s.run("shm-reader blob --raw | cmp - f").prints("");
    s.run("cat f | shm-writer blob --chunk 1MB --slots 32").prints("");
    s.run("shm-reader blob --raw --from -20 | cmp - f").prints("");
}

/// Runs a script with a separate tmpfs as `SHM_DIR`.
fn on_tmpfs(test: &str, options: &str, script: &str) -> Option<String> {
    mounted(test, &format!("mount -t tmpfs -o {options} tmpfs $SHM_DIR && cd $SHM_DIR"), script)
}

// Fault 14.
#[test]
fn a_full_tmpfs_is_an_error_at_creation_and_nothing_is_left() {
    let script = "shm-writer demo x --capacity 1MiB --slots 4 2>&1 || echo $?; ls -A";
    let Some(text) = on_tmpfs("a_full_tmpfs", "size=1m", script) else { return };
    let lines: Vec<&str> = text.lines().collect();
    let [message, code] = lines[..] else { panic!("{text}") };
    assert!(message.starts_with("error: cannot reserve space for region 'demo'"), "{text}");
    assert_eq!(code, "1", "{text}");
}

// Fault 14.
#[test]
fn a_tmpfs_too_small_for_growth_keeps_the_old_values() {
    let script = "shm-writer demo small --slots 4; head -c 2000000 /dev/zero | shm-writer demo --whole --as text 2>&1 \
                  || echo $?; shm-reader demo; shm-writer demo again; shm-reader demo --from oldest; ls -A";
    let Some(text) = on_tmpfs("a_tmpfs_too_small_for_growth", "size=1m", script) else { return };
    let lines: Vec<&str> = text.lines().collect();
    let [message, code, before, first, second, rest @ ..] = &lines[..] else { panic!("{text}") };
    assert!(message.starts_with("error: ") && message.contains("demo"), "{text}");
    assert_eq!((*code, *before, *first, *second), ("1", "small", "small", "again"), "{text}");
    assert!(rest.iter().all(|file| ["demo", ".demo.lock"].contains(file)), "{text}");
}

// Fault 15.
#[test]
fn a_tmpfs_that_fills_up_later_does_no_harm() {
    let script = "shm-writer create demo --slots 4 --capacity 4KiB; dd if=/dev/zero of=filler bs=4096 status=none 2> /dev/null; \
                  seq 1 100 | shm-writer demo; shm-reader demo; shm-reader verify demo > /dev/null && echo sound";
    let Some(text) = on_tmpfs("a_tmpfs_that_fills_up_later", "size=1m", script) else { return };
    assert_eq!(text, "100\nsound\n");
}

// Fault 16.
#[test]
fn a_tmpfs_without_inodes_is_an_error() {
    let script = "shm-writer demo x 2>&1 || echo $?; ls -A";
    let Some(text) = on_tmpfs("a_tmpfs_without_inodes", "size=1m,nr_inodes=2", script) else { return };
    assert!(text.starts_with("error: ") && text.contains("demo"), "{text}");
    assert!(text.ends_with("\n1\n"), "something is left: {text}");
}

// Faults 14, 15.
#[test]
fn a_block_for_which_there_is_no_room_is_an_error_and_never_a_death() {
    let script = "shm-writer map block --size 2MiB x 2>&1 || echo $?; ls -A; truncate -s 900K block; \
                  dd if=/dev/zero of=filler bs=4096 status=none 2> /dev/null; shm-writer map block --at 8192 y 2>&1 || echo $?; \
                  stat -c %s block";
    let Some(text) = on_tmpfs("a_block_for_which_there_is_no_room", "size=1m", script) else { return };
    let lines: Vec<&str> = text.lines().collect();
    let [fresh, code, holes, code_of_holes, size] = lines[..] else { panic!("{text}") };
    assert!(
        fresh.starts_with("error: cannot reserve space for 'block'")
            && holes.starts_with("error: cannot reserve space for 'block'"),
        "{text}"
    );
    assert_eq!((code, code_of_holes, size), ("1", "1", "921600"), "{text}");
}

// Fault 18.
#[test]
fn a_read_only_directory_is_an_error_for_writers_only() {
    let script = "shm-writer demo x; mount -o remount,ro $SHM_DIR; shm-reader demo; shm-reader list > /dev/null && echo listed; \
                  shm-writer demo y 2>&1 || echo $?; shm-writer other y 2>&1 || echo $?";
    let Some(text) = on_tmpfs("a_read_only_directory", "size=1m", script) else { return };
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines[0], lines[1]), ("x", "listed"), "{text}");
    assert_eq!(lines.iter().filter(|line| **line == "1").count(), 2, "{text}");
}

// Faults 23, 24, 25.
#[test]
fn limits_of_the_process_are_errors_not_deaths() {
    let s = Sandbox::new();
    for limit in ["-f 64", "-v 200000"] {
        let line = format!("ulimit {limit}; shm-writer demo --capacity 64MiB --slots 8 x");
        s.run(&line).exits(1).complains(&["demo"]);
        assert!(!s.shm("demo").exists() && !s.shm(".demo.new").exists(), "{limit}: {:?}", s.files());
        s.run(&format!("ulimit {limit}; shm-writer map block --size 512MiB x")).exits(1).complains(&["block"]);
        assert!(!s.shm("block").exists(), "{limit}: {:?}", s.files());
    }
    s.ok("shm-writer demo x");
    let outcome = s.run("ulimit -n 4; shm-reader demo");
    assert!([0, 1].contains(&outcome.code()), "{outcome:?}");
}

// Fault 32.
#[test]
fn a_size_that_no_machine_has_is_refused() {
    let s = Sandbox::new();
    for options in [
        "--capacity 8EiB",
        "--slots 4611686018427387904",
        "--capacity 1TiB --slots 1073741824",
        "--capacity 18446744073709551615",
    ] {
        let outcome = s.run(&format!("shm-writer demo {options} x"));
        assert!([1, 2].contains(&outcome.code()) && outcome.stderr.starts_with("error: "), "{outcome:?}");
        assert!(!s.shm("demo").exists() && !s.shm(".demo.new").exists(), "{options}: {:?}", s.files());
    }
}
