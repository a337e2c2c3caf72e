//! Checks the remedies that the programs add to every error of the library. To read all messages with their remedies:
//! `cargo test -p shm-cli every_error -- --nocapture`.

use super::*;
use shm_core::{ArrayType, ArrayTypeError, Denied, Error, Kind, NotOursReason, SchemaError, ValueError};

#[path = "../../../shm-core/src/error/tests/messages/every.rs"]
mod every;

/// Errors for which a command or an option helps, with words of it.
const REMEDIES: [(&str, &str); 17] = [
    ("no region named 'demo'", "list regions: shm-reader list"),
    ("header of a region; choose", "to print it as plain bytes: shm-reader map demo"),
    ("CRC of its header does not match", "to check the whole region: shm-reader verify demo"),
    ("emptied its file", "to check the whole region: shm-reader verify demo"),
    ("its state is 9", "to check the whole region: shm-reader verify demo"),
    ("its checksum does not match", "to check the whole region: shm-reader verify demo"),
    ("its kind is text, not json", "its values are kept; only --replace discards them"),
    ("its type does not match", "its values are kept; only --replace discards them"),
    ("file system has only", "uses the space: shm-reader list; a container gets more with --shm-size"),
    ("no free inodes", "uses the space: shm-reader list; a container gets more with --shm-size"),
    ("the quota of this user", "to show quotas: quota -s"),
    ("its file system is read-only", "a container engine mounts a directory read-write without 'ro'"),
    ("RLIMIT_FSIZE", "ulimit -f"),
    ("overwrites each value", "shm-writer create --slots N demo"),
    ("no block named 'demo'", "to create it: shm-writer map --size 4096 demo VALUE"),
    ("it is a region, not plain bytes", "leave out 'map'"),
    ("it has only", "to extend it: shm-writer map --size SIZE demo"),
];

fn message(error: Error) -> (String, String) {
    let error = anyhow::Error::from(error);
    let remedy = Cause::of(&error).map(of).unwrap_or_default();
    (error.to_string(), remedy)
}

#[test]
fn every_error_says_what_to_do_and_destroys_nothing() {
    let all: Vec<_> = every::every().into_iter().map(|error| (is_of_system(&error), message(error))).collect();
    for (is_of_system, (text, remedy)) in &all {
        println!("error: {text}\n  {remedy}");
        let shown = format!("{text} {remedy}");
        let destroys = ["rm ", "remove ", "--force", "delete"].into_iter().find(|word| shown.contains(word));
        assert_eq!(destroys.filter(|_| !text.contains("remove region")), None, "{shown}");
        assert!(*is_of_system || text.contains("; ") || !remedy.is_empty(), "says what to do: {text}");
        if !remedy.is_empty() {
            every::check_form(remedy);
        }
    }
    for (words, expected) in REMEDIES {
        let found: Vec<_> = all.iter().filter(|(_, (text, _))| text.contains(words)).collect();
        assert!(!found.is_empty(), "no error says: {words}");
        for (_, (text, remedy)) in found {
            assert!(remedy.contains(expected), "{text}\n  {remedy}");
        }
    }
    let with_remedy = all.iter().filter(|(_, (_, remedy))| !remedy.is_empty());
    let is_listed = |text: &str| REMEDIES.iter().any(|(words, _)| text.contains(words));
    with_remedy
        .for_each(|(_, (text, _))| assert!(is_listed(text) || text.contains("its kind is"), "not listed: {text}"));
}

/// The system does not say what to do; and the rest are parts of other messages.
fn is_of_system(error: &Error) -> bool {
    matches!(
        error,
        Error::Open(OpenError::Io { .. } | OpenError::Schema(_))
            | Error::Publish(PublishError::Io { .. })
            | Error::Block(BlockError::Io { .. })
            | Error::Schema(_)
            | Error::ArrayType(_)
    )
}

#[test]
fn names_are_quoted_for_a_shell() {
    let damaged = ReceiveError::Damaged { region: "a b/demo".into(), reason: "value 1: it ends".into() };
    assert_eq!(message(damaged.into()).1, "to check the whole region: shm-reader verify 'a b/demo'");
    assert_eq!(quote_value("demo", "-a b"), "put a value with spaces in quotes: shm-writer demo -- '-a b'");
}

#[test]
fn remedies_of_the_programs_have_the_form() {
    let all = [
        cut_short(Mapped::Region("demo")),
        cut_short(Mapped::Block("demo")),
        misplaced_verb("shm-reader list", "shm-reader -- list"),
        near_verb("shm-reader list", "shm-writer -- list"),
        see_help("shm-writer"),
        create_region(),
        quote_value("demo", "two words"),
        publish_as("bytes"),
        show_type("demo"),
        print_records("demo"),
        print_schema(),
        create_first("demo"),
        stop_writer(),
        wait_longer(),
        wait_for_value(),
        await_next_writer(),
        do_not_ask_for_writer(),
        more_slots("demo"),
        keep_copy(true),
        keep_copy(false),
        kinds_with_schema(),
        other_writer(),
        publish_in("JSON"),
        whole_arrays(),
        larger_size(),
    ];
    for remedy in all {
        println!("  {remedy}");
        every::check_form(&remedy);
    }
}
