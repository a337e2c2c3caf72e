//! The console blocks of README.md, docs/tutorial.md and docs/containers.md, run as they stand and compared with the
//! output that they show. A document is one session: its blocks share a sandbox.
//!
//! In a block, `$ ` starts a command, `> ` continues one that is still open, all else is its output;
//! `...` alone on a line stands for any lines, `[..]` for any characters. A block is one `sh`, so that
//! variables and background jobs work; what is still running at its end is killed. The next block goes on in
//! the same directory.

use std::env;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::harness::{Child, DEADLINE, Sandbox, skipped, workspace};

/// Where the packages in the documents are built.
const BUILT: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/documents");

/// A console block, and where it stands.
struct Block {
    line: usize,
    steps: Vec<Step>,
}

/// A command and the output shown for it.
#[derive(Debug, PartialEq)]
struct Step {
    line: usize,
    command: String,
    output: Vec<String>,
}

#[test]
fn the_console_blocks_of_the_readme_show_what_happens() {
    check_document("README.md");
}

#[test]
fn the_console_blocks_of_the_tutorial_show_what_happens() {
    check_document("docs/tutorial.md");
}

// Fault 47.
#[test]
fn the_console_blocks_about_containers_show_what_happens() {
    let container =
        "unshare --user --map-root-user --mount --pid --fork --kill-child --ipc --uts --net mount -t tmpfs x /mnt";
    match Sandbox::new().run(container).code() {
        0 => check_document("docs/containers.md"),
        _ => skipped("docs/containers.md", "namespaces cannot be made here"),
    }
}

fn check_document(name: &str) {
    let path = workspace().join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let blocks = blocks(&text);
    assert!(!blocks.is_empty(), "{name} has no console block");
    let package = workspace().join("python").display().to_string();
    let s = Sandbox::new()
        .with("CARGO_NET_OFFLINE", "true")
        .with("CARGO_TARGET_DIR", BUILT)
        .with("CARGO_PROFILE_DEV_DEBUG", "0");
    let s = s.with("PYTHONPATH", &package).with("PYTHONDONTWRITEBYTECODE", "1");
    let has_python = s.run("python3 --version").code() == 0;
    let place = Place::new(name);
    let mut directory = place.directory.clone();
    symlink(workspace(), directory.join("shm")).expect("a link in the directory");
    for block in &blocks {
        match has_python || !block.steps.iter().any(|step| step.command.contains("python3")) {
            true => directory = run(&s, name, block, &directory),
            false => skipped(name, &format!("the block at line {} needs python3", block.line)),
        }
    }
}

/// The directory in which a document's commands run: the same in each run, so that cargo need not build what the packages
/// there depend on anew, and outside this workspace, which they would be taken for a part of.
struct Place {
    directory: PathBuf,
    /// Keeps other runs of the same test away.
    _lock: File,
}

impl Place {
    fn new(document: &str) -> Self {
        fs::create_dir_all(BUILT).expect("a directory for what is built");
        let file = document.replace('/', "-");
        let lock = File::create(Path::new(BUILT).join(&file)).expect("a lock file");
        lock.lock().expect("the lock");
        let mut hasher = DefaultHasher::new();
        BUILT.hash(&mut hasher);
        let directory = env::temp_dir().join(format!("shm-test-{:x}-{file}", hasher.finish()));
        let _ = fs::remove_dir_all(&directory); // what a run left that failed
        fs::create_dir(&directory).expect("a directory for the document");
        Self { directory, _lock: lock }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Runs one command after the other in the same shell; each must show its output before the next begins. Gives the
/// directory that the shell is in at the end.
fn run(s: &Sandbox, document: &str, block: &Block, directory: &Path) -> PathBuf {
    let name = format!("{document}, the block at line {}", block.line);
    let (script, step_file) = (s.outside("session.sh"), s.outside("step.sh"));
    fs::write(&script, SESSION).expect("a file in the sandbox");
    let mut shell = Child::start(&name, s.prepare("sh").current_dir(directory).arg(&script).arg(&step_file));
    let mut seen = 0;
    for (number, step) in block.steps.iter().enumerate() {
        let settle = if step.command.trim_end().ends_with('&') { "\nsettle $!" } else { "" };
        fs::write(&step_file, format!("{}{settle}\n", step.command)).expect("a file in the sandbox");
        shell.write(&format!("{number}\n"));
        seen += compare(&shell, document, step, &format!("\x01{number}\x01\n"), seen);
    }
    fs::read_link(format!("/proc/{}/cwd", shell.pid())).expect("the shell waits for a step")
}

/// Reads step numbers from stdin, runs the step in file `$1` each time, then prints its number between two control characters.
/// A background job gets the time to start: a person who types the next command gives it that, too. One that stays a shell
/// gets half a second.
const SESSION: &str = r#"
exec 4<&0 < /dev/null 2>&1
settle() {
    shells=0 looks=0
    while test $looks -lt 1500 -a $shells -lt 25; do
        read -r name < /proc/$1/comm || return 0
        looks=$((looks + 1))
        if test "$name" = sh; then shells=$((shells + 1))
        elif grep -q '^State:.[SZ]' /proc/$1/status; then return 0; fi
        sleep 0.02
    done 2> /dev/null
}
while read -r number <&4; do
    . "$1" 4<&-
    printf '\001%s\001\n' "$number"
done
"#;

/// Waits until the output from `seen` on is what the step shows, and gives its length.
fn compare(shell: &Child, document: &str, step: &Step, mark: &str, seen: usize) -> usize {
    let ended = |bytes: &[u8]| String::from_utf8_lossy(&bytes[seen..]).contains(mark);
    let place = format!("{document}:{}: $ {}", step.line, step.command);
    let limit = if step.command.starts_with("cargo ") { 20 * DEADLINE } else { 2 * DEADLINE };
    let found = shell.stdout().wait_for(limit, |bytes, end| (end || ended(bytes)).then_some(ended(bytes)));
    let all = || shell.stdout().text().split_off(seen).replace(mark, "");
    assert_eq!(found, Some(true), "{place}\ndoes not end; so far:\n{}", all());
    // What background jobs print may come a little later.
    let matching = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(&bytes[seen..]).replace(mark, "");
        let lines: Vec<&str> = text.lines().filter(|line| !is_job_notice(line)).collect();
        matches(&step.output, &lines).then_some(bytes.len() - seen)
    };
    let length = shell.stdout().wait_for(Duration::from_secs(10), |bytes, _| matching(bytes));
    length.unwrap_or_else(|| panic!("{place}\n-- shown\n{}\n-- printed\n{}", step.output.join("\n"), all()))
}

/// Whether a line is what some shells say of a job that was killed: `step.sh: line 1:   854 Killed   ...`.
fn is_job_notice(line: &str) -> bool {
    let after_place = line.split_once("step.sh: line ").and_then(|(_, rest)| rest.split_once(": "));
    let words = after_place.map(|(_, rest)| rest.split_whitespace());
    words.is_some_and(|mut words| words.next().is_some_and(|word| word.parse::<u32>().is_ok()))
}

/// The console blocks of a Markdown text.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let Some(info) = line.trim_start().strip_prefix("```") else { continue };
        let body: Vec<(&str, usize)> =
            lines.by_ref().take_while(|(line, _)| !line.trim_start().starts_with("```")).collect();
        match info.trim() {
            "console" => blocks.push(Block { line: number, steps: steps(&body) }),
            other => assert!(!other.starts_with("console"), "line {number}: '{other}': every console block is run"),
        }
    }
    blocks
}

fn steps(body: &[(&str, usize)]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (line, number) in body {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push(Step { line: *number, command: command.to_owned(), output: vec![] }),
            (None, None) => panic!("line {number}: a console block begins with a command"),
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
    let checked =
        std::process::Command::new("sh").args(["-n", "-c", command]).stderr(std::process::Stdio::null()).status();
    command.ends_with('\\') || here_open || !checked.expect("sh runs").success()
}

/// Whether the lines are what is shown.
fn matches(shown: &[String], lines: &[&str]) -> bool {
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
    let blocks = blocks(text);
    let commands: Vec<&str> = blocks[0].steps.iter().map(|step| step.command.as_str()).collect();
    assert_eq!(commands, ["echo a \\\nb", "cat <<END\nx\nEND", "echo '>\nq'", "true"]);
    assert_eq!(blocks[0].steps[2].output, [">", "> q"]);
    assert_eq!((blocks.len(), blocks[0].line, blocks[0].steps[1].line), (1, 2, 6));
}

#[test]
fn a_session_keeps_its_directory_variables_and_jobs() {
    let text = "```console\n$ mkdir d; cd d; x=5\n$ echo $x; pwd\n5\n[..]/home/d\n$ { read line; echo job $line; } < ../fifo &\n\
                $ echo\n\n$ cd ..; missing-command\n[..]missing-command:[..] not found\n```\n\
                ```console\n$ cd d; pwd\n[..]/home/d\n```\n";
    let s = Sandbox::new();
    s.ok("mkfifo fifo");
    let text = text.replace("$ echo\n\n", "$ echo one > ../fifo\njob one\n");
    let end = blocks(&text).iter().fold(s.home(""), |directory, block| run(&s, "a text", block, &directory));
    assert_eq!(end, s.home("").join("d"));
}
