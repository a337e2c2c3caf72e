//! Tests of the output of `list`, `inspect` and `verify`, both for people and for programs.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::FileExt;

use serde_json::Value;

use crate::harness::{Outcome, Sandbox};

/// Checks that a command succeeded and printed these words on stdout.
#[track_caller]
fn says(outcome: Outcome, words: &[&str]) {
    let outcome = outcome.succeeds();
    let text = outcome.text();
    if let Some(word) = words.iter().find(|word| !text.contains(**word)) {
        outcome.fail("wanted on stdout", word);
    }
}

/// Returns the objects that a `--json` command printed: one per line, or one list of them.
#[track_caller]
fn objects(outcome: &Outcome) -> Vec<Value> {
    let flat = |value| match value {
        Value::Array(items) => items,
        other => vec![other],
    };
    outcome.json().into_iter().flat_map(flat).collect()
}

#[test]
fn list_shows_every_region_with_its_kind_and_writer() {
    let s = Sandbox::new();
    s.ok("seq 1 123 | shm-writer numbers && shm-writer point --as json '{}' && shm-writer create empty");
    let mut writer = s.spawn("shm-writer busy");
    writer.write("x\n");
    s.holds("busy", "x");
    let text = s.ok("shm-reader list");
    let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    for (name, words) in [("numbers", ["text", "123", "gone"]), ("point", ["json", "1", "gone"])] {
        assert!(words.iter().all(|word| line(name).contains(word)), "{text}");
    }
    assert!(line("busy").contains("alive") && !line("empty").is_empty(), "{text}");
    assert_eq!(s.ok("shm-reader ls").lines().count(), 5);
}

#[test]
fn list_has_a_column_for_each_thing_that_people_ask_for() {
    let s = Sandbox::new();
    s.ok("seq 1 100 | shm-writer demo --mode 640");
    let mut writer = s.spawn("shm-writer busy");
    writer.write("x\n");
    s.holds("busy", "x");
    let text = s.ok("shm-reader list");
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    let names = ["REGION", "KIND", "SIZE", "SLOTS", "HEAD", "RETAINED", "AGE", "WRITER", "PID", "OWNER", "MODE"];
    assert_eq!(rows[0], names);
    let me = s.ok("id -un");
    let pid = writer.pid().to_string();
    // SIZE is a number and a unit.
    assert_eq!(
        (&rows[1][4..7], &rows[1][8..]),
        (&["64", "1", "1"][..], &["alive", &pid, me.trim(), "600"][..]),
        "{text}"
    );
    assert_eq!(
        (&rows[2][4..7], &rows[2][8..]),
        (&["64", "100", "64"][..], &["gone", "-", me.trim(), "640"][..]),
        "{text}"
    );
    let uid = s.ok("id -u");
    assert!(s.ok("shm-reader inspect demo").contains(&format!("{} (user {})", me.trim(), uid.trim())));
}

/// Returns the names of the fields of a region's `Info`.
fn fields(info: &shm_core::Info) -> BTreeSet<String> {
    let text = format!("{info:#?}");
    let is_field = |line: &&str| line.starts_with("    ") && !line.starts_with("     ");
    let names = text.lines().filter(is_field).filter_map(|line| line.trim().split_once(": "));
    names.map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn list_and_inspect_and_the_library_have_the_same_names_for_the_same_things() {
    let s = Sandbox::new();
    let keys =
        |object: &Value| -> BTreeSet<String> { object.as_object().expect("an object").keys().cloned().collect() };
    s.ok("seq 1 100 | shm-writer text && shm-writer create array --array u1:2 && rover");
    for listed in objects(&s.run("shm-reader list --json").succeeds()) {
        let name = listed["region"].as_str().expect("a name");
        let inspected = s.inspect(name);
        let info = shm_core::inspect(s.name(name)).expect("a sound region");
        assert_eq!(keys(&inspected), fields(&info));
        for (key, value) in listed.as_object().expect("an object") {
            assert_eq!(inspected.get(key), Some(value), "{name}: {key}");
        }
        let numbers = ["slots", "capacity", "retained", "head", "first", "pid", "owner", "region_bytes", "spin_ns"];
        let expected = [
            info.slots,
            info.capacity,
            info.retained,
            info.head,
            info.first,
            info.pid.into(),
            info.owner.into(),
            info.region_bytes,
            info.spin_ns,
        ];
        assert_eq!(numbers.map(|key| inspected[key].as_u64()), expected.map(Some));
    }
    let wanted = ["region", "kind", "slots", "capacity", "retained", "region_bytes", "writer", "pid", "owner", "mode"];
    let listed = objects(&s.run("shm-reader list --json").succeeds());
    assert!(wanted.iter().all(|key| listed.iter().all(|region| region.get(key).is_some())), "{listed:?}");
    assert_eq!((&s.inspect("text")["retained"], &s.inspect("text")["head"]), (&64.into(), &100.into()));
}

#[test]
fn list_is_sorted_and_shows_no_lock_files() {
    let s = Sandbox::new();
    s.ok("for name in b a c; do shm-writer $name x; done; echo foreign > $SHM_DIR/foreign; mkdir $SHM_DIR/directory");
    let outcome = s.run("shm-reader list").exits(0);
    let names = outcome.lines();
    let names: Vec<&str> = names.iter().filter_map(|line| line.split_whitespace().next()).collect();
    let ours: Vec<&str> = names.iter().copied().filter(|name| ["a", "b", "c"].contains(name)).collect();
    assert_eq!(ours, ["a", "b", "c"]);
    assert!(!names.iter().any(|name| name.starts_with('.') || ["foreign", "directory"].contains(name)), "{outcome:?}");
}

#[test]
fn list_and_inspect_and_verify_speak_json() {
    let s = Sandbox::new();
    s.ok("seq 1 5 | shm-writer a && shm-writer b --as json 1 && shm-writer create c");
    let listed = objects(&s.run("shm-reader list --json").succeeds());
    let names: Vec<&str> = listed.iter().filter_map(|region| region["region"].as_str()).collect();
    assert_eq!(names, ["a", "b", "c"], "{listed:?}");
    assert_eq!((&listed[0]["kind"], &listed[1]["kind"]), (&"text".into(), &"json".into()));
    let inspected = s.inspect("a");
    assert_eq!((&inspected["slots"], &inspected["head"], &inspected["kind"]), (&64.into(), &5.into(), &"text".into()));
    s.run("shm-reader verify a --json").succeeds().json();
    s.run("cd / && shm-reader list --json").succeeds().json();
}

#[test]
fn an_empty_directory_lists_nothing() {
    let s = Sandbox::new();
    assert!(objects(&s.run("shm-reader list --json").succeeds()).is_empty());
    s.run("shm-reader list").exits(0);
}

#[test]
fn a_damaged_region_does_not_hide_the_others() {
    let s = Sandbox::new();
    s.ok("for name in a b c; do shm-writer $name x; done");
    damage(&s, "b", 40);
    let outcome = s.run("shm-reader list");
    for name in ["a", "b", "c"] {
        assert!(outcome.lines().iter().any(|line| line.starts_with(name)), "{outcome:?}");
    }
    let outcome = s.run("shm-reader list --json");
    assert_eq!(objects(&outcome).len(), 3, "{outcome:?}");
}

#[test]
fn inspect_tells_every_field_in_words() {
    let s = Sandbox::new();
    s.ok("seq 1 5 | shm-writer demo --slots 16 --capacity 256");
    let words = ["demo", "text", "16", "256", "closed", "gone", "lineage", "epoch", "newest", "stride", "spin"];
    says(s.run("shm-reader inspect demo"), &words);
    let info = s.inspect("demo");
    assert_eq!((&info["state"], &info["writer"]), (&"closed".into(), &"gone".into()), "{info}");
}

#[test]
fn inspect_knows_a_living_writer() {
    let s = Sandbox::new();
    let mut writer = s.spawn("shm-writer demo");
    writer.write("x\n");
    s.holds("demo", "x");
    let info = s.inspect("demo");
    assert_eq!(
        (&info["state"], &info["writer"], &info["pid"]),
        (&"open".into(), &"alive".into(), &writer.pid().into())
    );
    writer.kill();
    let info = s.inspect("demo");
    assert_eq!((&info["state"], &info["writer"]), (&"open".into(), &"gone".into()), "a crash is no clean close");
    assert_eq!(info["epoch"], 1);
    s.ok("shm-writer demo y");
    assert_eq!(s.inspect("demo")["epoch"], 2);
}

#[test]
fn verify_is_content_with_a_sound_region() {
    let s = Sandbox::new();
    s.ok("seq 1 1000 | shm-writer demo");
    says(s.run("shm-reader verify demo"), &["ok"]);
    s.ok("shm-writer create empty");
    s.run("shm-reader verify empty").exits(0);
}

#[test]
fn verify_says_what_is_wrong_and_where() {
    let s = Sandbox::new();
    s.ok("shm-writer demo --checksum --capacity 16 --slots 4 abcdefgh");
    let bytes = std::fs::read(s.shm("demo")).expect("the region");
    let at = bytes.windows(8).position(|window| window == b"abcdefgh").expect("the payload is in the file");
    damage(&s, "demo", at as u64);
    let outcome = s.run("shm-reader verify demo").exits(5);
    assert!(outcome.text().contains("slot 1") || outcome.stderr.contains("slot 1"), "{outcome:?}");
    s.run("shm-reader demo").exits(5).complains(&["demo"]);
    let outcome = s.run("shm-reader verify demo --json").exits(5);
    let report = &outcome.json()[0];
    assert_eq!((&report["region"], &report["ok"]), (&"demo".into(), &false.into()));
    let finding = report["findings"][0].as_object().expect("a finding");
    assert_eq!(Vec::from_iter(finding.keys()), ["part", "problem"]);
    assert_eq!(finding["part"], "slot 1");
}

fn damage(s: &Sandbox, region: &str, offset: u64) {
    let file = File::options().read(true).write(true).open(s.shm(region)).expect("the region");
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).expect("a byte of the region");
    file.write_all_at(&[!byte[0]], offset).expect("a byte of the region");
}

#[test]
fn looking_changes_nothing() {
    let s = Sandbox::new();
    s.ok("seq 1 5 | shm-writer demo");
    let before = (std::fs::read(s.shm("demo")).expect("the region"), s.files());
    s.ok("shm-reader list; shm-reader inspect demo; shm-reader verify demo; shm-reader demo --from oldest");
    assert!(before == (std::fs::read(s.shm("demo")).expect("the region"), s.files()));
}
