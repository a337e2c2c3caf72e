//! The tables of methods in docs/methods.md agree with the source, and each missing method has a reason.

use std::collections::BTreeMap;
use std::fs;

use crate::harness::workspace;

const READERS: [&str; 4] = ["RawReader", "Reader", "ArrayReader", "JsonReader"];
const WRITERS: [&str; 4] = ["RawWriter", "Writer", "ArrayWriter", "JsonWriter"];

/// Part of a method's name, the handles that lack such methods, and the reason.
const REASONS: [(&str, &[&str], &str); 6] = [
    ("_into", &["Reader", "JsonReader"], "a value is decoded, not copied"),
    ("view", &["JsonReader"], "JSON is decoded from a copy"),
    ("array", &["Reader", "JsonReader", "Writer", "JsonWriter"], "its values are not arrays"),
    ("schema", &["Reader", "Writer"], "the type is the parameter `T`"),
    ("schema", &["ArrayReader", "ArrayWriter"], "`array` describes the type"),
    ("loan", &["Writer", "JsonWriter"], "a value is first encoded into a buffer"),
];

/// The public methods of each handle, in alphabetical order.
fn methods(folder: &str) -> BTreeMap<String, Vec<String>> {
    let directory = workspace().join("shm-core/src").join(folder);
    let files = fs::read_dir(directory).expect("a folder of shm-core").map(|entry| entry.expect("an entry").path());
    let files: Vec<_> = files.filter(|path| path.is_file()).collect();
    let texts: Vec<_> = files.iter().map(|path| fs::read_to_string(path).expect("a source")).collect();
    let macros: BTreeMap<&str, Vec<String>> = texts
        .iter()
        .flat_map(|text| text.split("\nmacro_rules! ").skip(1))
        .map(|text| {
            let body = text.split("\n}\n").next().expect("the macro's body");
            (text.split_whitespace().next().expect("its name"), names(body))
        })
        .collect();
    let mut methods: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for text in &texts {
        for block in text.split("\nimpl").skip(1) {
            let (head, body) = block.split_once(" {\n").unwrap_or_default();
            if let Some(handle) = handle(head.rsplit(' ').next().unwrap_or_default())
                && !head.contains(" for ")
            {
                let body = body.split("\n}\n").next().expect("the block's body");
                methods.entry(handle).or_default().extend(names(body));
            }
        }
        for (name, of_macro) in &macros {
            for call in text.split(&format!("\n{name}!(")).skip(1) {
                let word =
                    call.split_once(']').expect("the generics").1.split([',', ')', ';']).next().unwrap_or_default();
                let handle = handle(word.trim()).expect("a macro is for a handle");
                methods.entry(handle).or_default().extend(of_macro.iter().cloned());
            }
        }
    }
    methods.values_mut().for_each(|names| names.sort());
    methods
}

/// The names of the public functions in a block.
fn names(body: &str) -> Vec<String> {
    let functions = body.lines().filter_map(|line| line.trim_start().strip_prefix("pub fn "));
    functions.filter_map(|rest| rest.split(['(', '<']).next()).map(str::to_owned).collect()
}

/// The handle that a type such as `Reader<T>` belongs to, if it is a handle.
fn handle(word: &str) -> Option<String> {
    let name = word.split('<').next().unwrap_or_default();
    READERS.iter().chain(&WRITERS).find(|handle| **handle == name).map(|name| (*name).to_owned())
}

/// Returns the table of these handles, with one row per method, and the missing methods that have no reason.
fn table(handles: [&str; 4], folder: &str) -> (String, Vec<String>) {
    let methods = methods(folder);
    let mut all: Vec<&String> = handles.iter().flat_map(|handle| &methods[*handle]).collect();
    all.sort();
    all.dedup();
    let (mut rows, mut holes) = (String::new(), Vec::new());
    for method in all.into_iter().filter(|method| *method != "region") {
        let cells = handles.map(|handle| {
            if methods[handle].contains(method) {
                return "yes".to_owned();
            }
            let fits = |(part, of, _): &&(&str, &[&str], &str)| method.contains(part) && of.contains(&handle);
            REASONS.iter().find(fits).map_or_else(
                || {
                    holes.push(format!("{handle}::{method}"));
                    String::new()
                },
                |(_, _, reason)| format!("no: {reason}"),
            )
        });
        rows += &format!("| `{method}` | {} |\n", cells.join(" | "));
    }
    let heading = handles.map(|handle| format!("`{handle}`")).join(" | ");
    (format!("| | {heading} |\n|---|---|---|---|---|\n{rows}"), holes)
}

#[test]
fn every_handle_has_the_methods_of_the_others_or_a_reason_not_to() {
    let document = fs::read_to_string(workspace().join("docs/methods.md")).expect("docs/methods.md");
    for (handles, folder) in [(READERS, "reader"), (WRITERS, "writer")] {
        let (table, holes) = table(handles, folder);
        assert_eq!(holes, [""; 0], "holes without a reason");
        assert!(document.contains(&table), "docs/methods.md should have this table:\n{table}");
    }
}

#[test]
fn handles_go_to_other_threads_and_are_shared_between_them() {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<(shm_core::RawReader, shm_core::Reader<u8>, shm_core::ArrayReader<u8>, shm_core::JsonReader)>();
    is_send_and_sync::<(shm_core::RawWriter, shm_core::Writer<u8>, shm_core::ArrayWriter<u8>, shm_core::JsonWriter)>();
    is_send_and_sync::<(
        shm_core::Loan<'_>,
        shm_core::View<'_>,
        shm_core::ArrayLoan<'_, u8>,
        shm_core::ArrayView<'_, u8>,
    )>();
    is_send_and_sync::<(shm_core::ReaderOptions, shm_core::WriterOptions, shm_core::Error, shm_core::Block)>();
}
