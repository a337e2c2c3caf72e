//! Parses a Markdown document into its headings, its console blocks and the files that it asks the reader to save.

use std::process::{Command, Stdio};

/// A part of a document that a test carries out.
#[derive(Debug)]
pub enum Block {
    Heading,
    Console(Console),
    File(File),
}

/// Commands for one terminal, with the output that the document shows.
#[derive(Debug)]
pub struct Console {
    /// The line of the document on which the block starts.
    pub line: usize,
    /// Whether the block belongs to the second terminal.
    pub is_second: bool,
    /// Whether the running command is interrupted with Ctrl-C before it prints `more`.
    pub is_interrupted: bool,
    /// Further output of the command that is still running in the terminal.
    pub more: Vec<String>,
    pub steps: Vec<Step>,
}

/// A command and the output shown for it.
#[derive(Debug, PartialEq)]
pub struct Step {
    pub line: usize,
    pub command: String,
    pub output: Vec<String>,
}

/// A file that the reader of the document saves.
#[derive(Debug, PartialEq)]
pub struct File {
    pub path: String,
    pub text: String,
}

/// Returns the headings, console blocks and files of a Markdown text, in order.
pub fn blocks(text: &str) -> Vec<Block> {
    let all: Vec<&str> = text.lines().collect();
    let mut blocks = Vec::new();
    let mut lines = text.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        if line.starts_with('#') {
            blocks.push(Block::Heading);
        }
        let Some(info) = line.trim_start().strip_prefix("```") else { continue };
        let body: Vec<(&str, usize)> =
            lines.by_ref().take_while(|(line, _)| !line.trim_start().starts_with("```")).collect();
        match info.split_once(' ').unwrap_or((info, "")) {
            ("console", "") => blocks.push(Block::Console(console(number, false, &body))),
            ("console", "second terminal") => blocks.push(Block::Console(console(number, true, &body))),
            (language, other) if language.starts_with("console") => panic!("line {number}: unknown console '{other}'"),
            (_, "") => {}
            (_, path) => {
                let before = &all[number.saturating_sub(5)..number - 1];
                let is_named = before.iter().any(|line| line.contains(&format!("`{path}`")));
                assert!(is_named, "line {number}: the text before the block does not name `{path}`");
                let text = body.iter().map(|(line, _)| format!("{line}\n")).collect();
                blocks.push(Block::File(File { path: path.to_owned(), text }));
            }
        }
    }
    blocks
}

fn console(line: usize, is_second: bool, body: &[(&str, usize)]) -> Console {
    let first_command = body.iter().position(|(line, _)| line.starts_with("$ ")).unwrap_or(body.len());
    let (more, commands) = body.split_at(first_command);
    assert!(is_second || more.is_empty(), "line {line}: a block of the first terminal begins with a command");
    let is_interrupted = more.first().is_some_and(|(line, _)| *line == "^C");
    let more = more.iter().skip(usize::from(is_interrupted)).map(|(line, _)| (*line).to_owned()).collect();
    Console { line, is_second, is_interrupted, more, steps: steps(commands) }
}

fn steps(body: &[(&str, usize)]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (line, number) in body {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push(Step { line: *number, command: command.to_owned(), output: vec![] }),
            (None, None) => unreachable!("the first line is a command"),
            (None, Some(step)) => match line.strip_prefix("> ").or((*line == ">").then_some("")) {
                Some(more) if step.output.is_empty() && is_open(&step.command) => {
                    step.command.push('\n');
                    step.command.push_str(more);
                }
                _ => step.output.push((*line).to_owned()),
            },
        }
    }
    steps
}

/// Whether a shell would ask for more: after a backslash, in quotes, in a here-document, in a compound command.
fn is_open(command: &str) -> bool {
    let here = command.split("<<").nth(1).map(|rest| rest.trim_start_matches('-').trim_start());
    let word = here.and_then(|rest| rest.split_whitespace().next()).map(|word| word.trim_matches(['\'', '"', '\\']));
    let here_open = word.is_some_and(|word| !command.lines().skip(1).any(|line| line.trim() == word));
    let checked = Command::new("sh").args(["-n", "-c", command]).stderr(Stdio::null()).status();
    command.ends_with('\\') || here_open || !checked.expect("sh runs").success()
}

/// Whether the printed lines are the output that a document shows.
pub fn matches(shown: &[String], lines: &[&str]) -> bool {
    match shown.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first == "..." => (0..=lines.len()).any(|skip| matches(rest, &lines[skip..])),
        Some((first, rest)) => {
            lines.split_first().is_some_and(|(line, later)| line_matches(first, line) && matches(rest, later))
        }
    }
}

fn line_matches(shown: &str, line: &str) -> bool {
    match shown.split_once("[..]") {
        None => shown == line,
        Some((before, after)) => line.strip_prefix(before).is_some_and(|rest| {
            let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            ends.into_iter().any(|at| line_matches(after, &rest[at..]))
        }),
    }
}

#[test]
fn shown_output_may_leave_out_lines_and_characters() {
    let check = |shown: &str, printed: &str| {
        let shown: Vec<String> = shown.lines().map(str::to_owned).collect();
        matches(&shown, &printed.lines().collect::<Vec<_>>())
    };
    for (shown, printed) in
        [("a\nb", "a\nb"), ("", ""), ("...", ""), ("...\nz", "a\nb\nz"), ("a\n...\nz", "a\nz"), ("a[..]c[..]", "abcd")]
    {
        assert!(check(shown, printed), "{shown:?} shows {printed:?}");
    }
    for (shown, printed) in
        [("a", "b"), ("a", "a\nb"), ("", "a"), ("a\nb", "a"), ("...\nz", "a"), ("a[..]c", "abd"), ("..", "a")]
    {
        assert!(!check(shown, printed), "{shown:?} does not show {printed:?}");
    }
}

#[test]
fn a_block_is_cut_into_commands_and_output() {
    let text = "text\n```console\n$ echo a \\\n> b\na b\n$ cat <<END\n> x\n> END\nx\n$ echo '>\n> q'\n>\n> q\n$ true\n```\n```sh\nfalse\n```\n";
    let [Block::Console(block)] = &blocks(text)[..] else { panic!("one block") };
    let commands: Vec<&str> = block.steps.iter().map(|step| step.command.as_str()).collect();
    assert_eq!(commands, ["echo a \\\nb", "cat <<END\nx\nEND", "echo '>\nq'", "true"]);
    assert_eq!(block.steps[2].output, [">", "> q"]);
    assert_eq!((block.line, block.steps[1].line, block.is_second), (2, 6, false));
}

#[test]
fn a_block_may_be_a_file_or_belong_to_the_second_terminal() {
    let text = "# Title\nSave `src/a.rs`:\n```rust src/a.rs\nfn a() {}\n```\n```console second terminal\n^C\nended\n$ true\n```\n";
    let [Block::Heading, Block::File(file), Block::Console(block)] = &blocks(text)[..] else { panic!("three blocks") };
    assert_eq!((file.path.as_str(), file.text.as_str()), ("src/a.rs", "fn a() {}\n"));
    assert!(block.is_second && block.is_interrupted);
    assert_eq!((&block.more[..], block.steps.len()), (&["ended".to_owned()][..], 1));
}
