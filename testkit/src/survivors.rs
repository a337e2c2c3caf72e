//! Ends the processes that a test has started and that would outlive it, even if the test is killed.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock};

/// A shell script that reads a list of processes and directories. It removes all of them when the process
/// that writes the list has ended in any way. Signals for the whole terminal do not end it.
const GUARD: &str = r#"
trap '' INT TERM HUP QUIT
groups=' ' paths=' '
while read -r what of; do
    case $what in
        +group) groups="$groups$of " ;;
        -group) groups="${groups%% $of *} ${groups#* $of }" ;;
        +path) paths="$paths$of " ;;
        -path) paths="${paths%% $of *} ${paths#* $of }" ;;
    esac
done
for group in $groups; do kill -KILL "-$group" "$group"; done
for path in $paths; do rm -rf --one-file-system "$path"; done
"#;

/// A process and its group. Both are killed when the process that owns this has ended. When this is
/// dropped, they are left alone.
#[derive(Debug)]
pub struct Survivor(u32);

/// A directory without a space in its path. It is removed when the process that owns this has ended.
#[derive(Debug)]
pub struct Litter(String);

impl Survivor {
    /// Takes charge of a child that was started in a process group of its own.
    #[must_use]
    pub fn of(child: &Child) -> Self {
        report(&format!("+group {}\n", child.id()));
        Self(child.id())
    }
}

impl Drop for Survivor {
    fn drop(&mut self) {
        report(&format!("-group {}\n", self.0));
    }
}

impl Litter {
    /// Takes charge of a directory that its owner removes, unless the test is killed.
    #[must_use]
    pub fn of(path: &str) -> Self {
        report(&format!("+path {path}\n"));
        Self(path.to_owned())
    }
}

impl Drop for Litter {
    fn drop(&mut self) {
        report(&format!("-path {}\n", self.0));
    }
}

fn report(line: &str) {
    static GUARD_INPUT: OnceLock<Option<Mutex<ChildStdin>>> = OnceLock::new();
    let guard = GUARD_INPUT.get_or_init(|| {
        let mut command = Command::new("sh");
        command.args(["-c", GUARD]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // Without this shell, a test that is killed leaves processes and files, and all others do not.
        command.process_group(0).current_dir("/").spawn().ok()?.stdin.take().map(Mutex::new)
    });
    if let Some(Ok(mut input)) = guard.as_ref().map(Mutex::lock) {
        let _ = input.write_all(line.as_bytes());
    }
}
