//! Other users: a user with read permission can read a region, and only the owner can change it.

use std::fs;

use crate::harness::{Sandbox, copy_programs, skipped};

const NOBODY: &str = "setpriv --reuid=65534 --regid=65534 --clear-groups";

/// A sandbox in which user 65534 can run `./shm-reader` and `./shm-writer`.
fn with_nobody(test: &str) -> Option<Sandbox> {
    let s = Sandbox::new();
    s.open_to_all();
    copy_programs(&s);
    if s.run(&format!("{NOBODY} ./shm-reader --version")).code() == 0 {
        return Some(s);
    }
    skipped(test, "becoming another user by setpriv is not possible here");
    None
}

#[test]
fn a_user_who_may_only_read_can_read() {
    let Some(s) = with_nobody("a_user_who_may_only_read_can_read") else { return };
    s.ok("seq 1 5 | shm-writer demo --mode 644");
    s.run(&format!("{NOBODY} ./shm-reader demo")).prints("5\n");
    s.run(&format!("{NOBODY} ./shm-reader demo --from oldest")).prints("1\n2\n3\n4\n5\n");
    s.run(&format!("{NOBODY} ./shm-reader verify demo")).exits(0);
    let mut follower = s.spawn(&format!("{NOBODY} ./shm-reader demo -f"));
    follower.expect(&["5"]);
    s.ok("shm-writer demo 6");
    s.ok("head -c 10000 /dev/zero | tr '\\0' x | shm-writer demo");
    follower.expect(&["6", &"x".repeat(10_000)]);
}

// Fault 47.
#[test]
fn a_stranger_is_told_that_the_writer_is_unknown() {
    let Some(s) = with_nobody("a_stranger_is_told_that_the_writer_is_unknown") else { return };
    s.ok("shm-writer demo --mode 644 x");
    let info = s.run(&format!("{NOBODY} ./shm-reader inspect demo --json")).succeeds();
    assert_eq!(info.json()[0]["writer"], "unknown", "{info:?}");
    assert!(s.ok(&format!("{NOBODY} ./shm-reader list")).contains("unknown"));
}

// Fault 66.
#[test]
fn until_gone_is_refused_where_nobody_may_ask_about_the_writer() {
    let Some(s) = with_nobody("until_gone_is_refused") else { return };
    s.ok("shm-writer demo --mode 644 x");
    let command = format!("{NOBODY} ./shm-reader demo --until-gone --from new");
    s.run(&command).exits(1).complains(&["whether region 'demo' has a living writer", "--until-closed"]);
}

#[test]
fn a_region_that_one_may_not_read_is_an_error_with_a_remedy() {
    let Some(s) = with_nobody("a_region_that_one_may_not_read") else { return };
    s.ok("shm-writer secret --mode 600 x && shm-writer open --mode 644 y");
    for command in
        ["./shm-reader secret", "./shm-reader secret -f", "./shm-reader inspect secret", "./shm-reader verify secret"]
    {
        s.run(&format!("{NOBODY} {command}")).exits(1).complains(&["secret", "permission denied"]);
    }
    let outcome = s.run(&format!("{NOBODY} ./shm-reader list"));
    assert!(outcome.text().contains("open"), "one secret does not hide the others: {outcome:?}");
}

// Fault 57.
#[test]
fn nobody_else_can_write_or_remove_a_region() {
    let Some(s) = with_nobody("nobody_else_can_write_or_remove_a_region") else { return };
    s.ok("shm-writer demo --mode 644 x");
    fs::set_permissions(s.shm_dir(), std::os::unix::fs::PermissionsExt::from_mode(0o1777)).expect("our own directory");
    let before = (s.files(), fs::read(s.shm("demo")).expect("the region"));
    for command in [
        "./shm-writer demo y",
        "./shm-writer demo --slots 128 y",
        "./shm-writer rm demo",
        "./shm-writer rm --force demo",
        "./shm-writer clean",
    ] {
        let outcome = s.run(&format!("{NOBODY} {command}"));
        assert!(outcome.code() == 1 || command.ends_with("clean"), "{outcome:?}");
    }
    assert!(before == (s.files(), fs::read(s.shm("demo")).expect("the region")));
    s.run(&format!("{NOBODY} ./shm-writer mine z")).prints("");
    s.run(&format!("{NOBODY} ./shm-reader mine")).prints("z\n");
}

// Fault 55.
#[test]
fn a_region_planted_by_another_user_is_not_written_to() {
    let Some(s) = with_nobody("a_region_planted_by_another_user") else { return };
    fs::set_permissions(s.shm_dir(), std::os::unix::fs::PermissionsExt::from_mode(0o1777)).expect("our own directory");
    s.ok(&format!("{NOBODY} ./shm-writer demo --mode 644 theirs"));
    s.run("shm-writer demo ours").exits(1).complains(&["demo", "65534"]);
    s.run("shm-reader demo").prints("theirs\n");
}

// Fault 56.
#[test]
fn a_region_that_others_may_write_to_is_refused_by_a_writer() {
    let s = Sandbox::new();
    s.ok("shm-writer demo x && chmod 666 $SHM_DIR/demo");
    s.run("shm-writer demo y").exits(1).complains(&["demo", "lets other users write to it"]);
    s.ok("chmod 644 $SHM_DIR/demo");
    s.run("shm-writer demo y").prints("");
}

// Fault 57.
#[test]
fn a_region_with_a_second_link_is_refused_by_a_writer() {
    let s = Sandbox::new();
    s.ok("shm-writer demo x && ln $SHM_DIR/demo elsewhere");
    s.run("shm-writer demo y").exits(1).complains(&["demo", "link"]);
    s.run("shm-reader demo").prints("x\n");
}

#[test]
fn a_directory_that_one_may_not_write_is_an_error_with_a_remedy() {
    let Some(s) = with_nobody("a_directory_that_one_may_not_write") else { return };
    s.run(&format!("{NOBODY} ./shm-writer demo x")).exits(1).complains(&["demo", "permission denied"]);
    s.run(&format!("{NOBODY} ./shm-writer demo < /dev/null")).exits(1);
    s.run(&format!("{NOBODY} ./shm-writer create demo")).exits(1);
    assert_eq!(s.files(), [""; 0]);
}
