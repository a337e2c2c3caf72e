//! Tests that opening discards nothing: the programs refuse a region of another kind or type and its values stay,
//! unless `--replace` is given.

use testkit::at_effort;

use crate::harness::Sandbox;

/// Regions of each kind, several for kinds that have types: the name, and the command that publishes three values.
const REGIONS: [(&str, &str); 7] = [
    ("text", "seq 3 | shm-writer demo"),
    ("json", "seq 3 | shm-writer --as json demo"),
    ("bytes", "printf abc | shm-writer --chunk 1 demo"),
    ("typed", "shm-writer create demo --schema ../u8.json; seq 3 | shm-writer demo"),
    ("other", "shm-writer create demo --schema ../i8.json; seq 3 | shm-writer demo"),
    ("array", "shm-writer create demo --array u1:2,3; printf abcdefghijklmnopqr | shm-writer demo"),
    ("turned", "shm-writer create demo --array u1:3,2; printf abcdefghijklmnopqr | shm-writer demo"),
];

/// The options that request each kind and type, without a value.
const WANTED: [(&str, &str); 7] = [
    ("text", "shm-writer create demo --as text"),
    ("json", "shm-writer create demo --as json"),
    ("bytes", "shm-writer create demo --as bytes"),
    ("typed", "shm-writer create demo --schema ../u8.json"),
    ("other", "shm-writer create demo --schema ../i8.json"),
    ("array", "shm-writer create demo --array u1:2,3"),
    ("turned", "shm-writer create demo --array u1:3,2"),
];

fn sandbox() -> Sandbox {
    let s = Sandbox::new();
    for (file, type_) in [("u8.json", "U8"), ("i8.json", "I8")] {
        std::fs::write(s.outside(file), format!(r#"{{"type":"{type_}","types":{{}}}}"#)).expect("a schema");
    }
    s
}

// Fault 64.
#[test]
fn each_kind_and_type_is_refused_by_every_other_and_replaced_only_if_asked_for() {
    for (at, (found, make)) in REGIONS.into_iter().enumerate() {
        let s = sandbox();
        s.ok(make);
        let values = s.ok("shm-reader demo --from oldest --json");
        let before = s.inspect("demo");
        assert_eq!(before["retained"], 3, "{found}");
        for (wanted, open) in WANTED {
            if wanted == found {
                s.ok(open);
            } else {
                s.run(open).exits(1).complains(&["cannot open region 'demo'", "its values are kept", "--replace"]);
            }
            assert_eq!(s.ok("shm-reader demo --from oldest --json"), values, "{wanted} on {found}");
        }
        // The test of the library covers every pair.
        let others = WANTED.iter().filter(|(wanted, _)| *wanted != found);
        for (_, open) in others.skip(at_effort([5, at % 6, 0, 0])).take(at_effort([1, 1, 6, 6])) {
            let s = sandbox();
            s.ok(make);
            let before = s.inspect("demo");
            s.run(&format!("{open} --replace")).exits(0).complains(&["discarded 3 values"]);
            let after = s.inspect("demo");
            assert_eq!((&after["head"], &after["first"], &after["retained"]), (&3.into(), &4.into(), &0.into()));
            assert_eq!(after["lineage"], before["lineage"], "{open} on {found}");
        }
    }
}
