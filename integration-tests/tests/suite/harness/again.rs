//! Lets a test start itself again as another process that plays a role, for tests that need more than the two programs.

use std::process::Command;

use super::Child;

const ROLE: &str = "SHM_TEST_PLAYS";
/// The prefix of lines that the process prints for its test. The test runner prints other lines in between.
const SAYS: &str = "says: ";

/// Returns a command that runs the test of this name (with the path of its module) in the given role.
pub fn again(test: &str, role: &str) -> Command {
    let (_crate, test) = test.split_once("::").expect("the path of a test");
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(ROLE, role);
    command
}

/// Returns the role of this process, or `None` in the test itself.
pub fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// Prints a line for the test.
pub fn say(what: &str) {
    println!("{SAYS}{what}");
}

/// Returns the next line that a process in a role prints for the test.
#[track_caller]
pub fn said(child: &mut Child) -> String {
    loop {
        if let Some((_, what)) = child.line().split_once(SAYS) {
            return what.to_owned();
        }
    }
}
