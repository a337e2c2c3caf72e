//! Compares documents with the files and programs that they repeat. `console` runs their commands.

use std::fs;

use crate::harness::{Sandbox, workspace};

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
fn the_program_in_the_recipes_that_ends_at_ctrl_c_is_the_example() {
    let block = format!("```rust src/main.rs\n{}```\n", read("shm-core/examples/until_ctrl_c.rs"));
    assert!(read("docs/recipes.md").contains(&block), "docs/recipes.md should have this block:\n{block}");
}

#[test]
fn the_sizes_in_the_recipes_are_those_of_regions() {
    let text = read("docs/recipes.md");
    let (_, table) = text.split_once("| slots | capacity | stride |").expect("the table");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let rows = Vec::from_iter(rows.map(|row| row.trim_matches(['|', ' ']).split(" | ").collect::<Vec<_>>()));
    assert!(rows.len() > 3, "{rows:?}");
    let s = Sandbox::new();
    for row in rows {
        let [slots, capacity, stride, size, history] = row[..] else { panic!("{row:?} has five cells") };
        s.ok(&format!("shm-writer create demo --slots {slots} --capacity {capacity}"));
        let lines = s.run("shm-reader inspect demo").succeeds().lines();
        let field = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name)).expect(name).trim().to_owned();
        assert!(field("region bytes").ends_with(&format!("({size})")), "{row:?}: {}", field("region bytes"));
        assert_eq!(s.inspect("demo")["stride"].to_string() + " bytes", stride, "{row:?}");
        let seconds = slots.parse::<f64>().expect("a number") / 1000.0;
        assert_eq!(format!("{seconds} s"), history, "{row:?}");
        s.ok("shm-writer rm demo");
    }
}

/// Returns the rows of a table as cells, the header first, without the row of dashes.
fn rows(table: &str) -> Vec<Vec<String>> {
    let lines = table.lines().take_while(|line| line.starts_with('|')).filter(|line| !line.contains("--"));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    lines.map(cells).collect()
}

/// Returns a figure without its unit, in nanoseconds, or in messages or bytes per second.
fn figure(text: &str) -> f64 {
    let (number, unit) = text.split_once(' ').expect("a number and a unit");
    let factor = match unit {
        "ns" => 1.0,
        "µs" | "k/s" => 1e3,
        "ms" | "M/s" | "million/s" => 1e6,
        "GB/s" => 1e9,
        _ => panic!("{text}"),
    };
    number.trim_matches('*').parse::<f64>().expect("a number") * factor
}

// Reported 36.
#[test]
fn the_figures_in_the_readme_are_those_of_one_run_with_the_best_in_bold() {
    let readme = read("README.md");
    let performance = read("docs/performance.md");
    let (_, run) = performance.split_once("## Comparison with other systems").expect("the run");
    let (_, table) = readme.split_once("\n| | unit |").expect("the table");
    let table = rows(&format!("| | unit |{table}"));
    let systems = table[0][2..].to_vec();
    let shown: Vec<f64> = run
        .split("\n\n")
        .filter(|part| part.starts_with("| |"))
        .flat_map(rows)
        .filter(|row| systems.contains(&row[0]))
        .flat_map(|row| row.into_iter().skip(1).filter(|cell| cell.contains(' ')))
        .map(|cell| figure(&cell.replace("**", "")))
        .collect();
    assert!(shown.len() > 40, "{shown:?}");
    for row in &table[1..] {
        let cells = row[2..].iter().filter(|cell| !cell.is_empty());
        let figures: Vec<(bool, f64)> = cells
            .map(|cell| (cell.starts_with("**"), figure(&format!("{} {}", cell.replace("**", ""), row[1]))))
            .collect();
        for (_, figure) in &figures {
            assert!(
                shown.iter().any(|other| (other / figure - 1.0).abs() < 1e-9),
                "{row:?}: {figure} is of another run"
            );
        }
        let numbers = figures.iter().map(|(_, figure)| *figure);
        let is_rate = row[1].ends_with("/s");
        let best =
            numbers.reduce(|one, other| if is_rate { one.max(other) } else { one.min(other) }).expect("a figure");
        assert!(figures.iter().all(|(is_bold, figure)| *is_bold == (figure.to_bits() == best.to_bits())), "{row:?}");
    }
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
