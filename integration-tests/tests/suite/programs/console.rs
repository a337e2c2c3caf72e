//! Runs the commands that documents show, saves the files that they contain, and compares the output with the document.
//! A document is one session: all its blocks share a sandbox.
//!
//! - A block marked `console` contains commands for the first terminal. Each block is one `sh`, which makes variables and
//!   background jobs work; all jobs that still run at its end are killed. The next block continues in the same directory.
//! - A block marked `console second terminal` contains commands for the second terminal, which is one `sh` for the whole
//!   document. A command may still be running at the end of the block. A later block that begins without a command shows
//!   more of its output; `^C` on its first line interrupts the command.
//! - A block marked with a language and a path, such as `rust src/main.rs`, is a file, which is saved in the directory of
//!   the first terminal. The text before the block must name the file.
//!
//! In a console block, `$ ` starts a command, `> ` continues a command that is still open, and everything else is
//! output. `...` alone on a line stands for any lines, `[..]` for any characters.

mod document;

use std::collections::HashMap;
use std::env;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use self::document::{Block, Console, Step, blocks, matches};
use crate::harness::{Child, DEADLINE, Sandbox, observe, skipped, workspace};

/// Where the packages in the documents are built.
const BUILT: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/documents");

/// Words in commands that refer to something which may be missing, each with a command that succeeds if it exists.
const NEEDS: [(&str, &str); 4] = [
    ("python3", "python3 --version"),
    ("pytest", "python3 -m pytest --version"),
    ("setpriv", "setpriv --reuid 65534 --regid 65534 --clear-groups shm-reader list"),
    ("systemd-analyze", "systemd-analyze --version"),
];

#[test]
fn the_console_blocks_of_the_readme_show_what_happens() {
    check_document("README.md");
}

#[test]
fn the_console_blocks_of_the_tutorial_show_what_happens() {
    check_document("docs/tutorial.md");
}

#[test]
fn the_console_blocks_about_the_programs_show_what_happens() {
    check_document("docs/programs.md");
}

#[test]
fn the_console_blocks_of_the_recipes_show_what_happens() {
    check_document("docs/recipes.md");
}

// Fault 47.
#[test]
fn the_console_blocks_about_containers_show_what_happens() {
    let container =
        "unshare --user --map-root-user --mount --pid --fork --kill-child --ipc --uts --net mount -t tmpfs x /mnt";
    match Sandbox::new().run(container).code() {
        0 => check_document("docs/containers.md"),
        _ => skipped("docs/containers.md", "namespaces cannot be created here"),
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
    s.open_to_all();
    let place = Place::new(name);
    symlink(workspace(), place.directory.join("shm")).expect("a link in the directory");
    Session::new(&s, name, &place.directory).run(&blocks);
}

/// The directory in which a document's commands run. It is the same in each run, which lets cargo reuse the
/// dependencies that it has built, and it is outside this workspace, because cargo would take its packages for members.
struct Place {
    directory: PathBuf,
    /// Keeps other runs of the same test away.
    _lock: File,
}

impl Place {
    fn new(document: &str) -> Self {
        fs::create_dir_all(BUILT).expect("a directory for the built packages");
        let file = document.replace('/', "-");
        let lock = File::create(Path::new(BUILT).join(&file)).expect("a lock file");
        lock.lock().expect("the lock");
        let mut hasher = DefaultHasher::new();
        BUILT.hash(&mut hasher);
        let directory = env::temp_dir().join(format!("shm-test-{:x}-{file}", hasher.finish()));
        let _ = fs::remove_dir_all(&directory); // left over from a run that failed
        fs::create_dir(&directory).expect("a directory for the document");
        Self { directory, _lock: lock }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A document while its blocks are carried out.
struct Session<'a> {
    sandbox: &'a Sandbox,
    document: &'a str,
    /// The directory of the first terminal.
    directory: PathBuf,
    /// The second terminal, from its first block on.
    second: Option<Shell>,
    /// For the words of `NEEDS` that were checked: whether the thing exists.
    found: HashMap<&'static str, bool>,
}

impl<'a> Session<'a> {
    fn new(sandbox: &'a Sandbox, document: &'a str, directory: &Path) -> Self {
        Self { sandbox, document, directory: directory.to_owned(), second: None, found: HashMap::new() }
    }

    /// Carries out all blocks, and returns the directory of the first terminal at the end. If a block needs something
    /// that is missing, it and the rest of its section are skipped.
    fn run(mut self, blocks: &[Block]) -> PathBuf {
        let start = self.directory.clone();
        let mut missing = None;
        for block in blocks {
            match block {
                Block::Heading => missing = None,
                Block::File(file) => fs::write(self.directory.join(&file.path), &file.text).expect(&file.path),
                Block::Console(block) => {
                    missing = missing.or_else(|| self.missing(block));
                    match missing {
                        Some(word) => skipped(self.document, &format!("the block at line {} needs {word}", block.line)),
                        None if block.is_second => self.run_second(block, &start),
                        None => self.run_first(block),
                    }
                }
            }
        }
        if let Some(second) = &mut self.second {
            second.finish();
        }
        self.directory
    }

    /// Returns the first thing that a block needs and that is missing here.
    fn missing(&mut self, block: &Console) -> Option<&'static str> {
        let needed = NEEDS.iter().filter(|(word, _)| block.steps.iter().any(|step| step.command.contains(word)));
        let (sandbox, found) = (self.sandbox, &mut self.found);
        let mut exists = |word, probe| *found.entry(word).or_insert_with(|| sandbox.run(probe).code() == 0);
        needed.map(|(word, probe)| (*word, *probe)).find(|(word, probe)| !exists(word, probe)).map(|(word, _)| word)
    }

    fn run_first(&mut self, block: &Console) {
        let mut shell = Shell::start(self.sandbox, self.document, "first", &self.directory);
        for step in &block.steps {
            shell.begin(step);
            shell.compare_whole(step);
        }
        self.directory = shell.directory();
    }

    fn run_second(&mut self, block: &Console, start: &Path) {
        let shell = self.second.get_or_insert_with(|| Shell::start(self.sandbox, self.document, "second", start));
        if block.is_interrupted {
            shell.interrupt();
        }
        if block.steps.is_empty() || !block.more.is_empty() {
            shell.compare(&block.more);
        }
        for step in &block.steps {
            shell.finish();
            shell.begin(step);
            shell.compare(&step.output);
            shell.settle();
        }
    }
}

/// A shell that runs one command after the other, as a person would type them.
struct Shell {
    child: Child,
    document: String,
    step_file: PathBuf,
    /// The number of the last command.
    number: usize,
    /// The number of bytes of its output that have been compared.
    seen: usize,
    /// The command that it was given last, for messages.
    place: String,
    /// The time that this command may take.
    limit: Duration,
}

impl Shell {
    fn start(sandbox: &Sandbox, document: &str, terminal: &str, directory: &Path) -> Self {
        let script = sandbox.outside(&format!("{terminal}-session.sh"));
        let step_file = sandbox.outside(&format!("{terminal}-step.sh"));
        fs::write(&script, SESSION).expect("a file in the sandbox");
        let name = format!("{document}, the {terminal} terminal");
        let child = Child::start(&name, sandbox.prepare("sh").current_dir(directory).arg(&script).arg(&step_file));
        let document = document.to_owned();
        Self { child, document, step_file, number: 0, seen: 0, place: name, limit: DEADLINE }
    }

    /// Gives the shell a command.
    fn begin(&mut self, step: &Step) {
        let settle = if step.command.trim_end().ends_with('&') { "\nsettle $!" } else { "" };
        fs::write(&self.step_file, format!("{}{settle}\n", step.command)).expect("a file in the sandbox");
        self.number += 1;
        self.place = format!("{}:{}: $ {}", self.document, step.line, step.command);
        self.limit = if step.command.starts_with("cargo ") { 20 * DEADLINE } else { 2 * DEADLINE };
        self.child.write(&format!("{}\n", self.number));
    }

    /// The line that the shell prints after the command.
    fn mark(&self) -> String {
        format!("\x01{}\x01\n", self.number)
    }

    fn has_ended(&self) -> bool {
        self.number == 0 || self.child.stdout().text().contains(&self.mark())
    }

    /// Waits for the end of the command, and then until its output is what the document shows.
    fn compare_whole(&mut self, step: &Step) {
        let mark = self.mark();
        let ended = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(&mark);
        let found = self.child.stdout().wait_for(self.limit, |bytes, end| (end || ended(bytes)).then(|| ended(bytes)));
        assert_eq!(found, Some(true), "{}\ndoes not end; so far:\n{}", self.place, self.unseen());
        // Background jobs may print a little later.
        self.limit = Duration::from_secs(10);
        self.compare(&step.output);
    }

    /// Waits until the output after `seen` is what the document shows.
    fn compare(&mut self, shown: &[String]) {
        let (mark, seen) = (self.mark(), self.seen);
        let matching = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(&bytes[seen..]).replace(&mark, "");
            let lines: Vec<&str> = text.lines().filter(|line| !is_job_notice(line)).collect();
            matches(shown, &lines).then_some(bytes.len())
        };
        let length = self.child.stdout().wait_for(self.limit, |bytes, _| matching(bytes));
        self.seen = length
            .unwrap_or_else(|| panic!("{}\n-- shown\n{}\n-- printed\n{}", self.place, shown.join("\n"), self.unseen()));
    }

    /// Waits for the end of the command, which prints nothing more.
    fn finish(&mut self) {
        let mark = self.mark();
        let ended = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(&mark);
        if self.number > 0 {
            let found = self.child.stdout().wait_for(DEADLINE, |bytes, _| ended(bytes).then_some(()));
            assert!(found.is_some(), "{}\ndoes not end", self.place);
            self.compare(&[]);
        }
    }

    /// Gives a command that keeps running the time to start, as a person does before typing in the other terminal.
    fn settle(&self) {
        for _ in 0..25 {
            let children = self.children();
            if self.has_ended() || (!children.is_empty() && children.iter().all(|child| is_waiting(*child))) {
                return;
            }
            observe(Duration::from_millis(20));
        }
    }

    /// Sends SIGINT to the command, as Ctrl-C does.
    fn interrupt(&self) {
        for child in self.children() {
            signal::kill(child, Signal::SIGINT).expect("the command is running");
        }
    }

    fn children(&self) -> Vec<Pid> {
        let pid = self.child.pid();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        children.split_whitespace().filter_map(|pid| pid.parse().ok().map(Pid::from_raw)).collect()
    }

    fn directory(&self) -> PathBuf {
        fs::read_link(format!("/proc/{}/cwd", self.child.pid())).expect("the shell waits for a command")
    }

    fn unseen(&self) -> String {
        self.child.stdout().text().split_off(self.seen).replace(&self.mark(), "")
    }
}

/// Reads numbers from stdin. For each number it runs the commands in file `$1`, then prints the number between two
/// control characters. `settle` gives a background job the time to start; a job that remains a shell gets half a
/// second.
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

/// Whether a process sleeps and is no longer the copy of the shell that started it.
fn is_waiting(process: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(name, rest)| !name.ends_with("(sh") && rest.starts_with(['S', 'Z']))
}

/// Whether a line is a shell's message about a job that was killed: `step.sh: line 1:   854 Killed   ...`.
fn is_job_notice(line: &str) -> bool {
    let after_place = line.split_once("step.sh: line ").and_then(|(_, rest)| rest.split_once(": "));
    let words = after_place.map(|(_, rest)| rest.split_whitespace());
    words.is_some_and(|mut words| words.next().is_some_and(|word| word.parse::<u32>().is_ok()))
}

#[test]
fn a_session_keeps_its_directory_variables_and_jobs() {
    let text = "```console\n$ mkdir d; cd d; x=5\n$ echo $x; pwd\n5\n[..]/home/d\n$ { read line; echo job $line; } < ../fifo &\n\
                $ echo\n\n$ cd ..; missing-command\n[..]missing-command:[..] not found\n```\n\
                ```console\n$ cd d; pwd\n[..]/home/d\n```\n";
    let s = Sandbox::new();
    s.ok("mkfifo fifo");
    let text = text.replace("$ echo\n\n", "$ echo one > ../fifo\njob one\n");
    let end = Session::new(&s, "a text", &s.home("")).run(&blocks(&text));
    assert_eq!(end, s.home("").join("d"));
}

#[test]
fn the_second_terminal_runs_beside_the_first() {
    let text = "Save `a.txt`:\n```text a.txt\nfrom a file\n```\n\
                ```console second terminal\n$ x=5; cat fifo\n```\n```console\n$ cat a.txt > fifo\n```\n\
                ```console second terminal\nfrom a file\n$ echo $x; sleep 100; echo $?\n5\n```\n\
                ```console second terminal\n^C\n130\n```\n";
    let s = Sandbox::new();
    s.ok("mkfifo fifo");
    Session::new(&s, "a text", &s.home("")).run(&blocks(text));
}
