//! Tests of `rm` and `clean`: the files that they remove, and the files that they do not touch.

use std::fs;

use crate::harness::{Sandbox, eventually};

#[test]
fn rm_removes_the_region_and_its_lock_file() {
    let s = Sandbox::new();
    s.ok("shm-writer a x && shm-writer b x && shm-writer c x");
    s.run("shm-writer rm a c").prints("");
    s.run("shm-reader a").exits(3);
    s.run("shm-reader b").prints("x\n");
    s.run("shm-writer rm b").prints("");
    assert_eq!(s.files(), [""; 0]);
}

#[test]
fn rm_goes_on_after_a_name_that_is_missing() {
    let s = Sandbox::new();
    s.ok("shm-writer a x && shm-writer b x");
    s.run("shm-writer rm a missing b").exits(3).complains(&["missing"]);
    assert_eq!(s.files(), [""; 0]);
}

// Fault 9.
#[test]
fn rm_of_a_region_with_a_living_writer_needs_force() {
    let s = Sandbox::new();
    let mut writer = s.spawn("shm-writer demo");
    writer.write("one\n");
    s.holds("demo", "one");
    s.run("shm-writer rm demo").exits(7).complains(&["demo", "--force"]);
    s.run("shm-reader demo").prints("one\n");
    s.run("shm-writer rm --force demo").prints("");
    s.run("shm-reader demo").exits(3);
    eventually("the writer notices", || (!writer.offer("more\n")).then_some(()));
    let outcome = writer.wait().complains(&["demo", "removed"]);
    assert!([1, 3].contains(&outcome.code()), "{outcome:?}");
    assert!(!s.shm("demo").exists());
}

// Faults 9, 10.
#[test]
fn the_old_writer_ends_at_its_next_value_after_force_and_a_new_one_takes_its_place() {
    let s = Sandbox::new();
    let mut old = s.spawn("shm-writer demo");
    old.write("old\n");
    s.holds("demo", "old");
    s.ok("shm-writer rm --force demo");
    s.run("shm-writer demo too-early").exits(7).complains(&["demo"]);
    eventually("the old writer notices", || (!old.offer("ghost\n")).then_some(()));
    old.wait();
    s.run("shm-writer demo new").prints("");
    s.run("shm-reader demo --from oldest").prints("new\n");
}

#[test]
fn rm_refuses_a_foreign_file_and_leaves_it_untouched() {
    for command in ["shm-writer rm mine", "shm-writer rm --force mine"] {
        let s = Sandbox::new();
        fs::write(s.shm("mine"), "precious").expect("a file");
        s.run(command).exits(5).complains(&["mine", "not a region"]);
        assert_eq!(fs::read(s.shm("mine")).expect("still there"), b"precious");
        assert_eq!(s.files(), ["mine"], "{command}");
    }
}

#[test]
fn rm_refuses_whatever_is_not_a_regular_file() {
    let s = Sandbox::new();
    s.ok("shm-writer real x && cd $SHM_DIR && ln -s real link && ln -s missing dangling && mkfifo fifo && mkdir directory");
    let before = s.files();
    for name in ["link", "dangling", "fifo", "directory"] {
        let outcome = s.run(&format!("shm-writer rm {name}"));
        assert!(outcome.code() != 0 && outcome.stderr.contains(name), "{outcome:?}");
        s.run(&format!("shm-writer rm --force {name}"));
    }
    assert_eq!(s.files(), before);
    s.run("shm-reader real").prints("x\n");
}

#[test]
fn rm_removes_a_damaged_region() {
    let s = Sandbox::new();
    s.ok("shm-writer demo x && printf x | dd of=$SHM_DIR/demo bs=1 seek=64 conv=notrunc status=none");
    for command in ["shm-reader demo", "shm-writer demo y", "shm-reader inspect demo"] {
        let outcome = s.run(command).exits(5).complains(&["to check the whole region: shm-reader verify demo"]);
        assert!(!outcome.stderr.contains(" rm ") && !outcome.stderr.contains("remove"), "{outcome:?}");
    }
    s.run("shm-writer rm demo").exits(0);
    s.run("shm-writer demo y").prints("");
    s.run("shm-reader demo").prints("y\n");
}

/// The name of the file that a crash leaves if the usual name was taken.
const SPARE: &str = ".kept.new-0123456789abcdef";

/// Creates a region that is in use, one that is not, and the files that two crashes left.
fn leftovers() -> Sandbox {
    let s = Sandbox::new();
    s.ok("shm-writer kept x && cd $SHM_DIR && : > .gone.lock && chmod 600 .gone.lock && cp kept .half.new && : > .half.lock && chmod 600 .half.lock");
    s.ok(&format!("cd $SHM_DIR && cp kept {SPARE} && cp kept .kept.new-somebody-elses-0 && mkdir .kept.new"));
    fs::write(s.shm("foreign"), "precious").expect("a file");
    fs::write(s.shm(".hidden"), "precious").expect("a file");
    s
}

#[test]
fn clean_removes_leftovers_only() {
    let s = leftovers();
    let before = s.files();
    let outcome = s.run("shm-writer clean --dry-run").exits(0);
    let said = outcome.text() + &outcome.stderr;
    assert!(said.contains(".gone.lock") && said.contains(".half.new"), "{said}");
    assert_eq!(s.files(), before, "a dry run changes nothing");
    let outcome = s.run("shm-writer clean").exits(0);
    assert!((outcome.text() + &outcome.stderr).contains(".half.new"), "{outcome:?}");
    for name in [".hidden", "foreign", "kept", ".kept.new-somebody-elses-0", ".kept.new", ".kept.lock"] {
        assert!(s.files().iter().any(|file| file == name), "{name} is gone: {:?}", s.files());
    }
    for name in [".gone.lock", ".half.lock", ".half.new", SPARE] {
        assert!(!s.shm(name).exists(), "{name} is still there");
    }
    s.run("shm-reader kept").prints("x\n");
    s.run("shm-writer kept y").prints("");
}

#[test]
fn clean_leaves_a_living_writer_alone() {
    let s = Sandbox::new();
    let mut writer = s.spawn("shm-writer demo");
    writer.write("one\n");
    s.holds("demo", "one");
    let before = s.files();
    s.run("shm-writer clean").exits(0);
    assert_eq!(s.files(), before);
    s.run("shm-writer demo two").exits(7);
    writer.finish().prints("");
}

#[test]
fn a_leftover_of_a_crash_does_not_hinder_the_next_writer() {
    let s = Sandbox::new();
    s.ok("cd $SHM_DIR && echo half > .demo.new && : > .demo.lock && chmod 600 .demo.new .demo.lock");
    s.run("shm-writer demo hello").prints("");
    s.run("shm-reader demo").prints("hello\n");
    assert!(!s.shm(".demo.new").exists());
}
