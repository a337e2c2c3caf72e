//! A sandbox: a temporary directory for one test, with a `SHM_DIR` and a working directory in which command lines run.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Once, OnceLock};

use nix::sys::statvfs::{FsFlags, statvfs};
use serde_json::Value;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use tempfile::TempDir;
use testkit::Litter;

use super::programs::programs;
use super::{Child, Outcome, eventually};

pub struct Sandbox {
    /// Removes the directory if this test is killed.
    _litter: Litter,
    directory: TempDir,
    environment: Vec<(String, String)>,
}

impl Sandbox {
    pub fn new() -> Self {
        Self::within(place())
    }

    /// Creates a sandbox in the target directory, which is usually on a disk.
    pub fn on_disk() -> Self {
        Self::within(Path::new(env!("CARGO_TARGET_TMPDIR")))
    }

    /// Returns whether a file in this sandbox can be from an earlier boot.
    pub fn is_on_disk(&self) -> bool {
        !["tmpfs\n", "hugetlbfs\n"].contains(&self.ok("stat -f -c %T $SHM_DIR").as_str())
    }

    fn within(place: &Path) -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(stop_ignoring_signals);
        let directory = tempfile::Builder::new().prefix("shm-test-").tempdir_in(place);
        let directory = directory.expect("a temporary directory");
        for name in ["shm", "home"] {
            fs::create_dir(directory.path().join(name)).expect("a directory in the sandbox");
        }
        let _litter = Litter::of(&directory.path().display().to_string());
        let sandbox = Self { _litter, directory, environment: Vec::new() };
        let search = format!("{0}:{0}/examples:{1}", programs().display(), std::env::var("PATH").unwrap_or_default());
        let shm = sandbox.shm_dir().display().to_string();
        sandbox.with("PATH", &search).with("SHM_DIR", &shm).with("LC_ALL", "C")
    }

    /// Adds an environment variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns the path of a file in the working directory.
    pub fn home(&self, name: &str) -> PathBuf {
        self.directory.path().join("home").join(name)
    }

    /// Returns the path of a file outside the working directory and `SHM_DIR`.
    pub fn outside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Returns the path of a region's file.
    pub fn shm(&self, name: &str) -> PathBuf {
        self.shm_dir().join(name)
    }

    /// Returns the same path as a string. The library accepts it as a name, whatever `SHM_DIR` is in this process.
    pub fn name(&self, name: &str) -> String {
        self.shm(name).to_str().expect("temporary paths are UTF-8").to_owned()
    }

    pub fn shm_dir(&self) -> PathBuf {
        self.directory.path().join("shm")
    }

    /// Returns the names of all files in `SHM_DIR`, sorted, including hidden ones.
    pub fn files(&self) -> Vec<String> {
        entries(&self.shm_dir())
    }

    /// Returns the names of all files in the working directory, sorted.
    pub fn home_files(&self) -> Vec<String> {
        entries(&self.directory.path().join("home"))
    }

    /// Runs a command line with `sh`, with an empty stdin, and waits for its end.
    #[track_caller]
    pub fn run(&self, line: &str) -> Outcome {
        Child::start(line, self.prepare("sh").args(["-c", line])).finish()
    }

    /// Runs a command line that must succeed and write nothing to stderr. Returns its stdout.
    #[track_caller]
    pub fn ok(&self, line: &str) -> String {
        self.run(line).succeeds().text()
    }

    /// Starts a single command in the background. The test can write to its stdin.
    #[track_caller]
    pub fn spawn(&self, line: &str) -> Child {
        let script = format!("exec {line}");
        Child::start(line, self.prepare("sh").args(["-c", &script]))
    }

    /// Returns a command with the environment and working directory of this sandbox, in a separate process group.
    pub fn prepare(&self, program: &str) -> Command {
        let mut command = self.prepare_in_group(program);
        command.process_group(0);
        command
    }

    /// Like [`prepare`](Self::prepare), but in the process group of this test, for commands that create a session.
    pub fn prepare_in_group(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "RUST_BACKTRACE", "COLUMNS", "LINES"] {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.directory.path().join("home"));
        command
    }

    /// Waits until this text is the newest value of the region.
    #[track_caller]
    pub fn holds(&self, region: &str, value: &str) {
        let wanted = format!("{value}\n");
        let line = format!("shm-reader {region}");
        eventually(&format!("{region} holds {value}"), || (self.run(&line).text() == wanted).then_some(()));
    }

    /// Returns the object that `shm-reader inspect NAME --json` prints.
    #[track_caller]
    pub fn inspect(&self, region: &str) -> Value {
        let outcome = self.run(&format!("shm-reader inspect {region} --json")).succeeds();
        let mut values = outcome.json();
        assert_eq!(values.len(), 1, "{outcome:?}");
        values.remove(0)
    }

    /// Lets every user enter the sandbox, for tests that run programs as another user.
    pub fn open_to_all(&self) {
        for path in [self.directory.path().to_owned(), self.shm_dir(), self.directory.path().join("home")] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("our own directory");
        }
    }
}

/// Copies the programs into the working directory, where other users can execute them as `./shm-reader`.
pub fn copy_programs(sandbox: &Sandbox) {
    // `cp` copies them because a file cannot be executed while it is open for writing. If this process wrote it, a
    // child that another test starts at that moment could inherit the open file.
    sandbox.ok(&format!("cp {0}/shm-writer {0}/shm-reader .", programs().display()));
}

/// Returns the directory for sandboxes: `/dev/shm`, where regions usually are, if it has enough space and allows
/// programs to be executed.
fn place() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| match std::env::var_os("TMPDIR") {
        None if is_roomy_tmpfs(SHARED_MEMORY) => PathBuf::from(SHARED_MEMORY),
        _ => std::env::temp_dir(),
    })
}

const SHARED_MEMORY: &str = "/dev/shm";
/// The space that all tests together may need.
const ROOM_BYTES: u64 = 4 << 30;

#[allow(clippy::useless_conversion, reason = "these numbers are narrower on 32-bit systems")]
fn is_roomy_tmpfs(path: &str) -> bool {
    let Ok(stat) = statvfs(path) else { return false };
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let is_tmpfs = mounts.lines().any(|line| line.split(' ').skip(1).take(2).eq([path, "tmpfs"]));
    let free_bytes = u64::from(stat.blocks_available()) * u64::from(stat.fragment_size());
    is_tmpfs && !stat.flags().contains(FsFlags::ST_NOEXEC) && free_bytes >= ROOM_BYTES
}

fn entries(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory of the sandbox");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Installs a handler for each signal that this process ignores. A test run that was started in the background ignores
/// Ctrl-C, its children would inherit that, and a shell cannot undo it. Children do not inherit handlers: they start
/// with the default.
fn stop_ignoring_signals() {
    let status = fs::read_to_string("/proc/self/status").expect("what this process ignores");
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("a mask of signals");
    let mask = u64::from_str_radix(mask.trim(), 16).expect("a mask in hexadecimal");
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
        if mask >> (signal - 1) & 1 == 1 {
            signal_hook::flag::register(signal, Arc::default()).expect("a handler");
        }
    }
}
