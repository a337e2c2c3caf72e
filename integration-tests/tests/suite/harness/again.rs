//! A test that needs more processes of its own than the two programs runs itself once more, in a role.

use std::process::Command;

use super::Child;

const ROLE: &str = "SHM_TEST_PLAYS";
/// What the process says to its test, among what the test runner says.
const SAYS: &str = "says: ";

/// The test of this name, with its module's path, once more, as another process that plays `role`.
pub fn again(test: &str, role: &str) -> Command {
    let (_crate, test) = test.split_once("::").expect("the path of a test");
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(ROLE, role);
    command
}

/// The role that this process plays, if it is not the test itself.
pub fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// Says a line to the test.
pub fn say(what: &str) {
    println!("{SAYS}{what}");
}

/// The next line that a process in a role says.
#[track_caller]
pub fn said(child: &mut Child) -> String {
    loop {
        if let Some((_, what)) = child.line().split_once(SAYS) {
            return what.to_owned();
        }
    }
}
