//! The style rules that a machine can hold. The table below is the architecture: it changes in the
//! same commit as the picture in `lib.rs` and docs/ARCHITECTURE.md.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::workspace;

/// Which module of shm-core may use which: everything points down this table.
const MAY_USE: [(&str, &[&str]); 18] = [
    ("map", &["region", "header", "copy", "error", "sync"]),
    ("directory", &["inspect", "ring", "region", "wait", "header", "error", "sync"]),
    ("inspect", &["description", "ring", "region", "payload", "schema", "array", "header", "error", "sync"]),
    (
        "writer",
        &[
            "description",
            "ring",
            "region",
            "wait",
            "payload",
            "schema",
            "array",
            "header",
            "copy",
            "clock",
            "error",
            "sync",
        ],
    ),
    (
        "reader",
        &[
            "description",
            "ring",
            "region",
            "wait",
            "payload",
            "schema",
            "array",
            "header",
            "copy",
            "clock",
            "error",
            "sync",
        ],
    ),
    ("description", &["region", "payload", "schema", "array", "descriptor", "header", "error"]),
    ("ring", &["header", "copy", "sync"]),
    ("region", &["header", "copy", "clock", "error", "sync"]),
    ("wait", &["header", "clock", "error", "sync"]),
    ("payload", &["error"]),
    ("schema", &["error"]),
    ("array", &["copy"]),
    ("descriptor", &[]),
    ("header", &["sync"]),
    ("copy", &["sync"]),
    ("clock", &["sync"]),
    ("error", &[]),
    ("sync", &[]),
];

/// The handles: the first of the table. Only they may use what `lib.rs` itself declares to join modules that do not know
/// each other.
const HANDLES: usize = 5;
const IN_LIB: [&str; 4] = ["Sequence", "Attached", "known_kind", "ring_of"];
/// Where `unsafe` may stand.
const UNSAFE: [&str; 4] = ["region", "map", "copy", "clock"];
/// And in single files of other modules: where a caller may have the bytes in place, on its word; outside of shm-core for the
/// signal that ends a program whose file was cut short, for the limits of benchmarks, and where the interface of a peer
/// demands it.
const UNSAFE_FILES: [&str; 6] = [
    "shm-cli/src/guard.rs",
    "shm-core/src/writer/loan.rs",
    "shm-core/src/reader/view.rs",
    "shm-writer/src/bench/bare.rs",
    "bench/peers/src/peer/iceoryx2.rs",
    "bench/peers/src/peer/shmem_ipc.rs",
];
const LONGEST_FILE: usize = 500;

/// A source file of the workspace.
struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// The text as the compiler sees it: without comments and string literals.
    fn code(&self) -> String {
        strip(&self.text)
    }

    /// The same up to the tests at the file's end.
    fn product(&self) -> String {
        let code = self.code();
        let end = code.find("\nmod tests {").map(|tests| code[..tests].rfind("\n#[cfg(").unwrap_or(tests));
        code[..end.unwrap_or(code.len())].to_owned()
    }

    fn is_test(&self) -> bool {
        let path = format!("/{}", place(self));
        path.contains("/tests/") || path.ends_with("/tests.rs") || path.contains("/benches/")
    }

    /// The module of shm-core that this file is a part of: `region/lock.rs` is part of `region`.
    fn module(&self) -> Option<String> {
        let inside = self.path.strip_prefix(workspace().join("shm-core/src")).ok()?;
        let first = inside.components().next()?;
        Some(Path::new(first.as_os_str()).file_stem()?.to_str()?.to_owned())
    }
}

/// Every Rust file of the workspace, or of one directory in it.
fn sources(directory: &str) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut open = vec![workspace().join(directory)];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            let hidden = path.file_name().is_some_and(|name| name == "target" || name.as_encoded_bytes()[0] == b'.');
            if path.is_dir() && !hidden {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file is UTF-8");
                sources.push(Source { path, text });
            }
        }
    }
    assert!(!sources.is_empty(), "no sources in {directory}");
    sources
}

/// Removes comments and the contents of string and character literals.
fn strip(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if c == '"' {
            string_end(rest, 1)
        } else if rest.starts_with("r#\"") {
            rest.find("\"#").map_or(rest.len(), |end| if end == 1 { rest.len() } else { end + 2 })
        } else if rest.starts_with("'\"'") || rest.starts_with("b'\"'") {
            rest.find("\"'").map_or(1, |end| end + 2)
        } else {
            0
        };
        if skipped == 0 {
            code.push(c);
        }
        rest = &rest[skipped.max(c.len_utf8())..];
    }
    code
}

/// Where a string that starts before `from` ends.
fn string_end(text: &str, from: usize) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(from) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn contains_word(code: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + word.len()..]);
        !before.ends_with(part) && !after.starts_with(part)
    })
}

/// The modules of the crate that code names by `crate::` paths, also in braces.
fn named_modules(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, root) in code.match_indices("crate::") {
        let rest = &code[at + root.len()..];
        match rest.strip_prefix('{') {
            None => found.extend(first_word(rest)),
            Some(group) => found.extend(top_level(group).iter().filter_map(|item| first_word(item))),
        }
    }
    found
}

/// The items of a `use` group, split at the commas that are not inside another group.
fn top_level(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut items) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                items.push(&group[start..at]);
                return items;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items
}

fn first_word(text: &str) -> Option<String> {
    let word: String = text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!word.is_empty()).then_some(word)
}

/// Fails with one line for each offence.
#[track_caller]
fn none(rule: &str, offences: impl IntoIterator<Item = String>) {
    let offences: Vec<String> = offences.into_iter().collect();
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}

fn place(source: &Source) -> String {
    source.path.strip_prefix(workspace()).unwrap_or(&source.path).display().to_string()
}

#[test]
fn modules_use_only_what_the_architecture_allows() {
    let known: Vec<&str> = MAY_USE.iter().map(|(module, _)| *module).collect();
    let mut offences = Vec::new();
    for source in sources("shm-core/src").iter().filter(|source| !source.is_test()) {
        let module = source.module().expect("a module of shm-core");
        if module == "lib" {
            continue;
        }
        let Some(row) = MAY_USE.iter().position(|(name, _)| *name == module) else {
            offences.push(format!("{} is not in the table", place(source)));
            continue;
        };
        for used in named_modules(&source.product()) {
            let joins = row < HANDLES && IN_LIB.contains(&used.as_str());
            if used != module && !joins && !MAY_USE[row].1.contains(&used.as_str()) {
                let hint = if known.contains(&used.as_str()) { "" } else { " (by its re-export: name its module)" };
                offences.push(format!("{} uses {used}{hint}", place(source)));
            }
        }
    }
    none("dependencies point one way", offences);
}

#[test]
fn siblings_are_reached_through_the_crate_root() {
    let above = |source: &&Source| {
        let depth =
            source.path.strip_prefix(workspace().join("shm-core/src")).expect("in shm-core").components().count();
        let code = source.product();
        contains_word(&code, "super::super") || (depth == 1 && contains_word(&code, "super::"))
    };
    let sources = sources("shm-core/src");
    none("no path leads around the table", sources.iter().filter(|s| !s.is_test()).filter(above).map(place));
}

#[test]
fn unsafe_stands_only_where_it_is_argued_for() {
    let allowed = |source: &Source| {
        let in_module = UNSAFE.iter().any(|module| source.module().as_deref() == Some(module));
        in_module || UNSAFE_FILES.contains(&place(source).as_str())
    };
    let guilty = |source: &&Source| contains_word(&source.code(), "unsafe") && !source.is_test() && !allowed(source);
    none("unsafe outside of its modules", sources(".").iter().filter(guilty).map(place));
}

#[test]
fn only_payload_names_bincode_and_only_sync_names_loom() {
    let sources = sources("shm-core/src");
    for (word, home) in [("bincode", "payload"), ("loom", "sync")] {
        let names = |code: &str| {
            let code = code.replace("cfg(loom)", "").replace("cfg(not(loom))", "").replace("not(loom)", "");
            contains_word(&code, &format!("{word}::")) || contains_word(&code, &format!("use {word}"))
        };
        let guilty = |source: &&Source| source.module().as_deref() != Some(home) && names(&source.product());
        none(word, sources.iter().filter(|s| !s.is_test()).filter(guilty).map(place));
    }
}

#[test]
fn every_file_opens_with_a_sentence_and_ends_in_time() {
    let mut offences = Vec::new();
    for source in sources(".") {
        if !source.text.starts_with("//!") {
            offences.push(format!("{} does not open with //!", place(&source)));
        }
        let lines = source.text.lines().count();
        if lines > LONGEST_FILE {
            offences.push(format!("{} has {lines} lines", place(&source)));
        }
    }
    none("files", offences);
}

#[test]
fn nothing_sleeps_in_tests_and_nothing_is_left_to_do() {
    let mut offences = Vec::new();
    for source in sources(".") {
        let code = source.code();
        for word in ["todo!", "unimplemented!", "dbg!", "#[ignore"] {
            if code.contains(word) {
                offences.push(format!("{}: {word}", place(&source)));
            }
        }
        let tests = if source.is_test() { code } else { code[source.product().len()..].to_owned() };
        if tests.contains("thread::sleep") || tests.contains("sleep(Duration") {
            offences.push(format!("{}: sleeps in a test", place(&source)));
        }
    }
    none("left over", offences);
}

#[test]
fn no_file_is_named_for_nothing() {
    let empty = ["utils", "util", "common", "types", "prelude", "helpers", "misc"];
    let guilty = |source: &&Source| source.path.file_stem().is_some_and(|stem| empty.iter().any(|name| stem == *name));
    none("a file is named for what is in it", sources(".").iter().filter(guilty).map(place));
}

#[test]
fn every_package_takes_its_fields_from_the_workspace() {
    let manifest = fs::read_to_string(workspace().join("Cargo.toml")).expect("the manifest");
    let members = manifest
        .lines()
        .find_map(|line| line.strip_prefix("members = "))
        .expect("members")
        .replace(['[', ']', '"'], "");
    let mut offences = Vec::new();
    for member in members.split(',').map(str::trim) {
        let text = fs::read_to_string(workspace().join(member).join("Cargo.toml")).expect("a member's manifest");
        for field in ["version", "edition", "rust-version", "license", "publish"] {
            if !text.contains(&format!("{field}.workspace = true")) {
                offences.push(format!("{member}: {field}"));
            }
        }
        if !text.contains("[lints]\nworkspace = true") {
            offences.push(format!("{member}: lints"));
        }
    }
    none("said once, in the workspace", offences);
}

#[test]
fn the_stripper_leaves_code_only() {
    assert_eq!(strip("a // unsafe\nb \"x \\\" unsafe\" c /* unsafe */ d"), "a \nb  c  d");
    assert_eq!(strip("'\"' x \"y\" z r#\"q\"w\"# v"), " x  z  v");
    assert_eq!(Vec::from_iter(named_modules("use crate::{a::{b, c}, d}; crate::e::f()")), ["a", "d", "e"]);
}

/// The numbers behind `// Fault ` or `// Faults `.
fn faults_in(line: &str) -> Vec<u32> {
    let Some((_, rest)) = line.split_once("// Fault") else { return vec![] };
    let list = rest.strip_prefix('s').unwrap_or(rest).split('.').next().unwrap_or_default();
    list.split([' ', ',']).filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn every_fault_has_a_test_and_every_number_a_row() {
    assert_eq!(faults_in("// Faults 3, 24, 63. Of 2"), [3, 24, 63]);
    let page = fs::read_to_string(workspace().join("docs/RELIABILITY.md")).expect("docs/RELIABILITY.md");
    let number = |line: &str| line.split(" | ").next()?.strip_prefix("| ")?.parse::<u32>().ok();
    let rows: BTreeSet<u32> = page.lines().filter_map(number).collect();
    let all: Vec<Source> = ["shm-core", "integration-tests"].into_iter().flat_map(sources).collect();
    let tested: BTreeSet<u32> =
        all.iter().filter(|source| source.is_test()).flat_map(|test| test.text.lines()).flat_map(faults_in).collect();
    assert!(rows.len() > 50, "{rows:?}");
    assert_eq!(rows, tested);

    let mut offences = Vec::new();
    for (fault, row) in page.lines().filter_map(|line| Some((number(line)?, line))) {
        for module in modules_of(row) {
            let file = format!("/{}", module.replace("::", "/"));
            let lies_there = |source: &&Source| {
                let path = source.path.with_extension("").display().to_string();
                let has_tests_within = file.strip_suffix("/tests").is_some_and(|file| path.ends_with(file));
                path.ends_with(&file) || path.contains(&format!("{file}/")) || has_tests_within
            };
            if !all
                .iter()
                .filter(lies_there)
                .flat_map(|test| test.text.lines())
                .any(|line| faults_in(line).contains(&fault))
            {
                offences.push(format!("{fault}: {module}"));
            }
        }
    }
    none("each test that a row names has its number", offences);
}

/// The modules of tests that a row names in its last column, where fuzz targets and models stand behind them.
fn modules_of(row: &str) -> Vec<&str> {
    let tests = row.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap_or_default();
    let tests = tests.split("fuzz target").next().unwrap_or_default();
    let tests = tests.split("models").next().unwrap_or_default();
    tests.split('`').skip(1).step_by(2).filter(|name| !name.starts_with("ci/")).collect()
}
