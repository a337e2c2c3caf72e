//! Builds the programs once, because `cargo test` does not build the executables of other packages.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// Returns the directory of the programs, which are built on the first call. Its subdirectory `examples` contains the
/// examples of shm-core that tests run.
pub fn programs() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let directory = build();
        // If this were compiled while the tests run, it would slow them down.
        if cfg!(target_arch = "x86_64") && runs_everything() {
            victim();
        }
        directory
    })
}

/// Returns whether all tests run, without a filter by name.
fn runs_everything() -> bool {
    std::env::args().skip(1).all(|argument| argument.starts_with('-'))
}

const PROGRAMS: [&str; 3] = ["shm-writer", "shm-reader", "shm-bench"];
/// The examples of shm-core that tests run.
const EXAMPLES: [&str; 4] = ["camera", "frames", "rover", "until_ctrl_c"];

/// Returns the root directory of the workspace.
pub fn workspace() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the package lies in the workspace")
}

/// Returns the program that tests kill after each of its instructions. It is optimized, like the programs that people
/// run, and therefore has only a tenth of the instructions.
pub fn victim() -> &'static str {
    static VICTIM: OnceLock<String> = OnceLock::new();
    VICTIM.get_or_init(|| {
        let built = cargo_build(&["-p", "integration-tests", "--example", "victim", "--profile", "release"]);
        let path = built.first().expect("cargo names the executable");
        path.to_str().expect("the target directory is UTF-8").to_owned()
    })
}

fn build() -> PathBuf {
    let profile = profile();
    let mut arguments = vec!["-p", "shm-core", "--bins", "--profile", &profile];
    arguments.extend(PROGRAMS.iter().flat_map(|program| ["-p", program]));
    arguments.extend(EXAMPLES.iter().flat_map(|example| ["--example", example]));
    let executables = cargo_build(&arguments);
    let writer = executables.iter().find(|path| path.ends_with("shm-writer")).expect("cargo names the executables");
    let directory = writer.parent().expect("it lies in a directory");
    for name in PROGRAMS {
        assert!(directory.join(name).is_file(), "{name} was not built into {}", directory.display());
    }
    directory.to_owned()
}

/// Runs `cargo build`, and returns the paths of the executables.
fn cargo_build(arguments: &[&str]) -> Vec<PathBuf> {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--message-format=json"])
        .args(arguments)
        .arg("--target-dir")
        .arg(target_directory())
        .current_dir(workspace())
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "the programs do not build");
    let messages = String::from_utf8(output.stdout).expect("cargo prints UTF-8");
    messages.lines().filter_map(executable).collect()
}

fn executable(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    message["executable"].as_str().map(PathBuf::from)
}

fn target_directory() -> &'static Path {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    scratch.parent().expect("the scratch directory lies in the target directory")
}

/// Returns the profile of this test: the name of the directory above `deps`, where `debug` means `dev`.
fn profile() -> String {
    let test = std::env::current_exe().expect("the test knows its own path");
    let directory = test.ancestors().nth(2).and_then(Path::file_name).and_then(OsStr::to_str);
    match directory {
        None | Some("debug") => "dev".to_owned(),
        Some(other) => other.to_owned(),
    }
}
