//! Tests that values get from one program to the other: in either order, to several readers, after
//! the writer has ended, and with any bytes.

use crate::harness::Sandbox;

#[test]
fn a_value_written_first_is_read_afterwards() {
    let s = Sandbox::new();
    s.run("shm-writer demo hello").prints("");
    s.run("shm-reader demo").prints("hello\n");
    s.run("shm-reader demo").prints("hello\n");
}

#[test]
fn a_follower_started_first_gets_the_first_value() {
    let s = Sandbox::new();
    let mut reader = s.spawn("shm-reader demo -f").idle();
    assert!(s.files().is_empty(), "a waiting reader makes nothing: {:?}", s.files());
    s.ok("shm-writer demo hello");
    reader.expect(&["hello"]);
}

#[test]
fn a_reader_with_a_timeout_waits_for_the_first_value_only() {
    let s = Sandbox::new();
    let reader = s.spawn("shm-reader demo -t 20s").idle();
    s.ok("shm-writer demo hello");
    reader.wait().prints("hello\n");
}

#[test]
fn each_line_appears_as_soon_as_it_is_typed() {
    let s = Sandbox::new();
    let mut reader = s.spawn("shm-reader demo -f").idle();
    let mut writer = s.spawn("shm-writer demo");
    for line in ["one", "two", "", "three  ", "\tfour"] {
        writer.write(&format!("{line}\n"));
        reader.expect(&[line]);
    }
    writer.finish().prints("");
}

#[test]
fn several_readers_get_everything_and_do_not_disturb_each_other() {
    let s = Sandbox::new();
    let mut readers: Vec<_> = (0..5).map(|_| s.spawn("shm-reader demo -f").idle()).collect();
    s.ok("seq 1 50 | shm-writer demo");
    for reader in &mut readers {
        for number in 1..=50 {
            reader.expect(&[&number.to_string()]);
        }
    }
    readers.truncate(2);
    s.ok("shm-writer demo last");
    for reader in &mut readers {
        reader.expect(&["last"]);
    }
}

#[test]
fn all_values_held_stay_readable_after_the_writer_has_exited() {
    let s = Sandbox::new();
    s.ok("seq 1 10 | shm-writer demo");
    s.run("shm-reader demo").prints("10\n");
    s.run("shm-reader demo --from oldest").prints(s.ok("seq 1 10"));
}

#[test]
fn a_follower_of_an_existing_region_begins_with_its_latest_value() {
    let s = Sandbox::new();
    s.ok("seq 1 10 | shm-writer demo");
    let mut reader = s.spawn("shm-reader demo -f");
    reader.expect(&["10"]);
    s.ok("shm-writer demo 11");
    reader.expect(&["11"]);
}

#[test]
fn values_arrive_byte_for_byte() {
    for value in ["x", "two words", "déjà vu", "a\nb", "\ttab  ", "-", "a\\nb", "{seq", "$HOME", "🦀", "a\u{1b}[31mb"]
    {
        let s = Sandbox::new();
        s.run(&format!("shm-writer demo -- '{value}'")).prints("");
        s.run("shm-reader demo").prints(format!("{value}\n"));
        s.run("shm-reader demo --raw").prints(value);
    }
}

#[test]
fn an_empty_value_is_a_value() {
    let s = Sandbox::new();
    s.ok("shm-writer demo ''");
    s.run("shm-reader demo").prints("\n");
    s.run("shm-reader demo --raw").prints("");
}

#[test]
fn negative_numbers_are_values_and_other_dashes_follow_two_dashes() {
    let s = Sandbox::new();
    for (given, printed) in [("-5", "-5"), ("-0.5", "-0.5"), ("-- -x", "-x"), ("-- --", "--")] {
        s.run(&format!("shm-writer demo {given}")).prints("");
        s.run("shm-reader demo").prints(format!("{printed}\n"));
    }
}

#[test]
fn a_name_with_a_slash_is_a_path_to_an_ordinary_file() {
    let s = Sandbox::new();
    s.ok("mkdir sub && shm-writer sub/demo one && shm-writer ./demo two");
    s.run("shm-reader sub/demo").prints("one\n");
    s.run("cd sub && shm-reader ../demo").prints("two\n");
    s.run("shm-reader $PWD/demo").prints("two\n");
    assert!(s.home("demo").is_file() && s.home("sub/demo").is_file());
    assert_eq!(s.files(), [""; 0]);
    s.ok("shm-writer rm ./demo sub/demo");
    assert_eq!(s.home_files(), ["sub"]);
}

// Fault 52.
#[test]
fn two_dashes_make_a_region_of_a_verbs_name() {
    let s = Sandbox::new();
    s.run("shm-writer -- create hello").prints("");
    s.run("shm-reader -- create").prints("hello\n");
    s.run("shm-writer -- list hi").prints("");
    s.run("shm-reader -- list").prints("hi\n");
}

#[test]
fn a_region_is_found_under_its_own_name() {
    let s = Sandbox::new();
    s.ok("shm-writer demo hello");
    assert!(s.shm("demo").is_file());
    let strangers: Vec<_> = s.files().into_iter().filter(|name| name != "demo" && name != ".demo.lock").collect();
    assert_eq!(strangers, [""; 0]);
}
