//! Documents that repeat a part of a file agree with that file. `console` tests their console blocks.

use std::fs;

use crate::harness::workspace;

fn read(path: &str) -> String {
    fs::read_to_string(workspace().join(path)).expect(path)
}

#[test]
fn the_rust_programs_in_the_readme_are_the_examples() {
    let examples = ["publish", "follow"].map(|name| read(&format!("shm-core/examples/{name}.rs")));
    let text = read("README.md");
    let blocks = text.split("```rust\n").skip(1).map(|block| block.split("```").next().unwrap_or_default());
    assert_eq!(Vec::from_iter(blocks), examples);
}

#[test]
fn every_direct_dependency_has_its_reason() {
    let manifest = read("Cargo.toml");
    let dependencies = manifest.split("[workspace.dependencies]\n").nth(1).and_then(|rest| rest.split("\n[").next());
    let entries = dependencies.expect("dependencies").lines().filter(|line| !line.contains("path = "));
    let names = entries.filter_map(|line| line.split_once(" = "));
    let reasons = read("docs/decisions.md");
    let others: Vec<_> = names.map(|(name, _)| name).collect();
    assert!(others.len() > 10, "{others:?}");
    for name in others {
        assert!(reasons.contains(&format!("\n| `{name}` |")), "decisions.md says why {name} is there");
    }
}
