//! Fuzz target for names: a valid name creates a region of exactly this name, and any other name
//! creates nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shm_core::{Kind, OpenError, RawReader, RawWriter};
use std::cell::LazyCell;
use std::fs;
use tempfile::TempDir;

thread_local! {
    static DIRECTORY: LazyCell<TempDir> = LazyCell::new(|| tempfile::tempdir().expect("a directory"));
}

fuzz_target!(|data: &[u8]| {
    // The rule applies to the name after the last slash. A path before it can be any directory.
    let Ok(name) = str::from_utf8(data) else { return };
    if name.contains('/') {
        return;
    }
    let directory = DIRECTORY.with(|directory| directory.path().to_str().expect("a path in UTF-8").to_owned());
    let path = format!("{directory}/{name}");
    assert_eq!(files(&directory), [""; 0]);
    let opened = RawReader::open(&path).expect_err("there is nothing");
    assert_eq!(matches!(opened, OpenError::NotFound { .. }), keeps_the_rule(name), "{opened}");
    assert_eq!(matches!(opened, OpenError::BadName { .. }), !keeps_the_rule(name), "{opened}");
    let made = RawWriter::open(&path, Kind::Text);
    assert_eq!(made.is_ok(), keeps_the_rule(name), "{made:?}");
    if let Ok(writer) = made {
        assert_eq!(files(&directory), [format!(".{name}.lock"), name.to_owned()]);
        writer.remove().expect("our own region");
    }
    assert_eq!(files(&directory), [""; 0]);
    assert!(shm_core::remove(&path, true).is_err());
});

/// The rule for names in docs/FORMAT.md.
fn keeps_the_rule(name: &str) -> bool {
    let is_allowed = |byte: u8| matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    (1..=200).contains(&name.len()) && !name.starts_with(['.', '-']) && name.bytes().all(is_allowed)
}

fn files(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("the directory");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}
