//! Style rules that the compiler does not enforce. The table below is the architecture of shm-core. Change it
//! in the same commit as the diagram in docs/ARCHITECTURE.md.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::workspace;

/// The folders that each folder of shm-core may use. Each uses only folders below it in this table.
const MAY_USE: [(&str, &[&str]); 8] = [
    ("block", &["region", "sys", "error"]),
    ("admin", &["region", "types", "sys", "error"]),
    ("writer", &["region", "types", "sys", "error"]),
    ("reader", &["region", "types", "sys", "error"]),
    ("region", &["types", "sys", "error"]),
    ("error", &["types"]),
    ("types", &[]),
    ("sys", &[]),
];

/// Items that `lib.rs` itself declares.
const IN_LIB: [&str; 1] = ["Sequence"];

/// Crate, module and dependency: within the crate, only this module names the dependency.
const NAMED_ONCE: [(&str, &str, &str); 5] = [
    ("shm-core", "sys", "rustix"),
    ("shm-core", "sys", "nix"),
    ("shm-core", "sys", "memmap2"),
    ("shm-core", "types", "bincode"),
    ("shm-ring", "sync", "loom"),
];

/// The files that may contain `unsafe`: system calls, copying, slices for which the caller guarantees that they
/// do not change, the handler for the signal after a file was truncated, the limits of benchmarks, and
/// interfaces of peers that require it.
const UNSAFE: [&str; 11] = [
    "shm-core/src/sys/",
    "shm-ring/src/copy/",
    "shm-core/src/block/range.rs",
    "shm-core/src/writer/array_loan.rs",
    "shm-core/src/writer/loan.rs",
    "shm-core/src/reader/array_view.rs",
    "shm-core/src/reader/view.rs",
    "shm-cli/src/bus_error.rs",
    "shm-bench/src/bare.rs",
    "shm-bench/peers/src/peer/iceoryx2.rs",
    "shm-bench/peers/src/peer/shmem_ipc.rs",
];
const LONGEST_FILE: usize = 500;

/// A source file of the workspace.
struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// The text without comments and string literals.
    fn code(&self) -> String {
        strip(&self.text)
    }

    /// The code up to the tests at the end of the file.
    fn product(&self) -> String {
        let code = self.code();
        let end = code.find("\nmod tests {").map(|tests| code[..tests].rfind("\n#[cfg(").unwrap_or(tests));
        code[..end.unwrap_or(code.len())].to_owned()
    }

    fn is_test(&self) -> bool {
        let path = format!("/{}", place(self));
        path.contains("/tests/") || path.ends_with("/tests.rs") || path.contains("/benches/")
    }

    /// The top-level module of the crate to which this file belongs: `region` for `region/place.rs`.
    fn module(&self, crate_: &str) -> Option<String> {
        let inside = self.path.strip_prefix(workspace().join(crate_).join("src")).ok()?;
        let first = inside.components().next()?;
        Some(Path::new(first.as_os_str()).file_stem()?.to_str()?.to_owned())
    }
}

/// Every Rust file in a directory of the workspace.
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

/// Removes comments, string literals and quoted quotation marks.
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

/// The index after the end of a string literal whose contents begin at `from`.
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

/// The modules that the code names in `crate::` paths, including groups in braces.
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

/// The items of a `use` group, split at commas that are not inside a nested group.
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

/// Fails if there are offences, and lists them one per line.
#[track_caller]
fn none(rule: &str, offences: impl IntoIterator<Item = String>) {
    let offences: Vec<String> = offences.into_iter().collect();
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}

fn place(source: &Source) -> String {
    source.path.strip_prefix(workspace()).unwrap_or(&source.path).display().to_string()
}

#[test]
fn folders_use_only_what_the_architecture_allows() {
    let known: Vec<&str> = MAY_USE.iter().map(|(folder, _)| *folder).collect();
    let mut offences = Vec::new();
    for source in sources("shm-core/src").iter().filter(|source| !source.is_test()) {
        let folder = source.module("shm-core").expect("a file of shm-core");
        if folder == "lib" {
            continue;
        }
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == folder) else {
            offences.push(format!("{} is not in the table", place(source)));
            continue;
        };
        for used in named_modules(&source.product()) {
            if used != folder && !IN_LIB.contains(&used.as_str()) && !allowed.contains(&used.as_str()) {
                let hint = if known.contains(&used.as_str()) { "" } else { " (by its re-export: name its folder)" };
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
    none("no path bypasses the table", sources.iter().filter(|s| !s.is_test()).filter(above).map(place));
}

#[test]
fn unsafe_is_only_in_files_that_justify_it() {
    let allowed = |source: &Source| UNSAFE.iter().any(|home| place(source).starts_with(home));
    let guilty = |source: &&Source| contains_word(&source.code(), "unsafe") && !source.is_test() && !allowed(source);
    none("unsafe outside of the files that may contain it", sources(".").iter().filter(guilty).map(place));
}

#[test]
fn the_system_bincode_and_loom_are_named_in_one_place_each() {
    for (crate_, home, dependency) in NAMED_ONCE {
        let sources = sources(&format!("{crate_}/src"));
        let names = |code: &str| {
            contains_word(code, &format!("{dependency}::")) || contains_word(code, &format!("use {dependency}"))
        };
        let guilty = |source: &&Source| source.module(crate_).as_deref() != Some(home) && names(&source.product());
        none(dependency, sources.iter().filter(|s| !s.is_test()).filter(guilty).map(place));
    }
}

#[test]
fn every_file_opens_with_a_comment_and_is_not_too_long() {
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
fn no_test_sleeps_and_nothing_is_left_to_do() {
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
    none("left to do, or sleeping", offences);
}

#[test]
fn commands_are_named_in_one_place() {
    let mut offences = Vec::new();
    for directory in ["shm-core/src", "shm-ring/src", "shm-cli/src", "shm-reader/src", "shm-writer/src"] {
        for source in sources(directory).iter().filter(|source| !source.is_test()) {
            // Help texts, and the file that names the commands.
            if ["args.rs", "report.rs", "remedy.rs"].iter().any(|name| source.path.ends_with(name)) {
                continue;
            }
            let lines = source.text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let names_command = |line: &&str| line.contains("shm-writer ") || line.contains("shm-reader ");
            offences.extend(lines.filter(names_command).map(|line| format!("{}: {}", place(source), line.trim())));
        }
    }
    none("only shm-cli/src/remedy.rs names commands", offences);
}

#[test]
fn every_file_is_named_after_its_contents() {
    let empty = ["utils", "util", "common", "prelude", "helpers", "misc"];
    let guilty = |source: &&Source| source.path.file_stem().is_some_and(|stem| empty.iter().any(|name| stem == *name));
    none("a file is named after its contents", sources(".").iter().filter(guilty).map(place));
}

#[test]
fn every_package_takes_its_fields_from_the_workspace() {
    let manifest = fs::read_to_string(workspace().join("Cargo.toml")).expect("the manifest");
    let (_, members) = manifest.split_once("members = [").expect("members");
    let members = members.split(']').next().unwrap_or_default().replace('"', "");
    let mut offences = Vec::new();
    for member in members.split(',').map(str::trim).filter(|member| !member.is_empty()) {
        let text = fs::read_to_string(workspace().join(member).join("Cargo.toml")).expect("a member's manifest");
        for field in ["version", "edition", "rust-version", "license"] {
            if !text.contains(&format!("{field}.workspace = true")) {
                offences.push(format!("{member}: {field}"));
            }
        }
        let is_published = !text.contains("\npublish = false\n");
        for field in ["description", "readme", "keywords", "categories"] {
            if is_published && !text.contains(&format!("\n{field}")) {
                offences.push(format!("{member}: no {field}, which people need to find the package"));
            }
        }
        if !text.contains("[lints]\nworkspace = true") {
            offences.push(format!("{member}: lints"));
        }
    }
    none("fields that are set once, in the workspace", offences);
}

#[test]
fn the_stripper_leaves_code_only() {
    assert_eq!(strip("a // unsafe\nb \"x \\\" unsafe\" c /* unsafe */ d"), "a \nb  c  d");
    assert_eq!(strip("'\"' x \"y\" z r#\"q\"w\"# v"), " x  z  v");
    assert_eq!(Vec::from_iter(named_modules("use crate::{a::{b, c}, d}; crate::e::f()")), ["a", "d", "e"]);
}

/// The numbers after `// Fault ` or `// Faults `, and in Python after `# Fault ` or `# Faults `.
fn faults_in(line: &str) -> Vec<u32> {
    let Some((_, rest)) = line.split_once("// Fault").or_else(|| line.split_once("# Fault")) else { return vec![] };
    let list = rest.strip_prefix('s').unwrap_or(rest).split('.').next().unwrap_or_default();
    list.split([' ', ',']).filter_map(|word| word.parse().ok()).collect()
}

/// The tests of the Python package, such as `python/tests/test_x.py::test_y`, each with the faults in the comments
/// above it.
fn python_tests() -> BTreeMap<String, Vec<u32>> {
    let mut tests = BTreeMap::new();
    for entry in fs::read_dir(workspace().join("python/tests")).expect("the tests of the Python package") {
        let path = entry.expect("an entry").path();
        let file = path.file_name().expect("a name").display().to_string();
        if !file.starts_with("test_") || !file.ends_with(".py") {
            continue;
        }
        let mut faults = vec![];
        for line in fs::read_to_string(&path).expect("a source file is UTF-8").lines() {
            if line.starts_with('#') {
                faults.extend(faults_in(line));
            } else if let Some((name, _)) = line.strip_prefix("def ").and_then(|rest| rest.split_once('(')) {
                tests.insert(format!("python/tests/{file}::{name}"), std::mem::take(&mut faults));
            }
        }
    }
    tests
}

#[test]
fn every_fault_has_a_test_and_every_number_a_row() {
    assert_eq!(faults_in("// Faults 3, 24, 63. Of 2"), [3, 24, 63]);
    assert_eq!(faults_in("# Fault 76."), [76]);
    let page = fs::read_to_string(workspace().join("docs/RELIABILITY.md")).expect("docs/RELIABILITY.md");
    let number = |line: &str| line.split(" | ").next()?.strip_prefix("| ")?.parse::<u32>().ok();
    let rows: BTreeSet<u32> = page.lines().filter_map(number).collect();
    let all: Vec<Source> = ["shm-ring", "shm-core", "integration-tests"].into_iter().flat_map(sources).collect();
    let in_python = python_tests();
    let in_rust = all.iter().filter(|source| source.is_test()).flat_map(|test| test.text.lines()).flat_map(faults_in);
    let tested: BTreeSet<u32> = in_rust.chain(in_python.values().flatten().copied()).collect();
    assert!(rows.len() > 50, "{rows:?}");
    assert_eq!(rows, tested);

    let mut offences = Vec::new();
    for (fault, row) in page.lines().filter_map(|line| Some((number(line)?, line))) {
        for module in modules_of(row) {
            if module.starts_with("python/") {
                if !in_python.get(module).is_some_and(|faults| faults.contains(&fault)) {
                    offences.push(format!("{fault}: {module}"));
                }
                continue;
            }
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
    none("each test that a row names has the number of the row", offences);
}

/// The test modules and Python tests in the last column of a row, without the fuzz targets and models after them.
fn modules_of(row: &str) -> Vec<&str> {
    let tests = row.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap_or_default();
    let tests = tests.split("fuzz target").next().unwrap_or_default();
    let tests = tests.split("models").next().unwrap_or_default();
    tests.split('`').skip(1).step_by(2).filter(|name| !name.starts_with("ci/")).collect()
}
