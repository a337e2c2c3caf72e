//! Tests that one damaged value costs no other value, and that no advice costs one either.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;

use crate::harness::Sandbox;

/// Replaces bytes of a region's file that occur in it once.
fn replace(s: &Sandbox, region: &str, old: &[u8], new: &[u8]) {
    let bytes = fs::read(s.shm(region)).expect("a region");
    let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(old)).collect();
    let [at] = places[..] else { panic!("{places:?}") };
    let file = OpenOptions::new().write(true).open(s.shm(region)).expect("our own file");
    file.write_all_at(new, at as u64).expect("it fits");
}

// Reported 15.
#[test]
fn one_bad_value_is_named_and_the_others_are_printed() {
    let s = Sandbox::new();
    s.ok("printf '{\"n\":1}\n{\"n\":2222}\n{\"n\":3}\n' | shm-writer object --as json");
    replace(&s, "object", b"2222}", b"2222,");
    s.ok("seq 1001 1003 | shm-writer sums --checksum");
    replace(&s, "sums", b"1002", b"1992");
    let rover = "printf '{\"a\":\"one\"}\n{\"a\":\"two\"}\n{\"a\":\"six\"}\n' | shm-writer typed";
    fs::write(s.home("schema"), r#"{"type":{"STRUCT":[{"a":"STR"}]},"types":{}}"#).expect("a file");
    if s.run("shm-writer create typed --schema schema").code() == 0 {
        s.ok(rover);
        replace(&s, "typed", b"two", b"tw\xff");
    }
    for region in s.files().iter().filter(|name| !name.starts_with('.')) {
        let format = if region == "sums" { "" } else { "--json" };
        for ending in ["--from oldest", "--from oldest --until-closed", "--from oldest -f -n 2", "--from 1 -f -t 100ms"]
        {
            let outcome = s.run(&format!("shm-reader {region} {format} {ending}"));
            assert_eq!(outcome.text().lines().count(), 2, "{region} {ending}: {outcome:?}");
            let is_counted = ending.ends_with("-n 2");
            let named = format!("cannot receive value 2 of region '{region}'");
            let outcome = outcome.exits(5).complains(&[&named, &format!("cannot print 1 value of region '{region}'")]);
            assert!(is_counted || !outcome.stderr.contains("rm "), "{outcome:?}");
            for advice in ["shm-writer rm", "remove", "--force", "delete"] {
                assert!(!outcome.stderr.contains(advice), "{advice}: {outcome:?}");
            }
        }
    }
    // The newest value is bad, and it is the only one that was asked for.
    replace(&s, "sums", b"1003", b"1993");
    s.run("shm-reader sums").exits(5).complains(&["cannot receive value 3 of region 'sums'"]);
    s.run("shm-reader sums --raw --from oldest").exits(5).complains(&["value 2", "value 3", "cannot print 2 values"]);
    let mut follower = s.spawn("shm-reader sums -f --from oldest");
    follower.expect(&["1001"]);
    s.ok("shm-writer sums 1004");
    follower.expect(&["1004"]);
}
