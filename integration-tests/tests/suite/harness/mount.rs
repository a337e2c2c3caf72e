//! Separate mount namespaces for tests, for example to fill a file system.

use super::{Sandbox, skipped};

/// Runs `mount` and then a script in a mount namespace that ends with the script. Returns the output, with each error
/// message on one line, or `None` if mounting is not allowed here.
pub fn mounted(test: &str, mount: &str, script: &str) -> Option<String> {
    let s = Sandbox::new();
    let namespace = if s.run("unshare -m true").code() == 0 { "unshare -m" } else { "unshare -rm" };
    if s.run(&format!("{namespace} sh -c '{mount}'")).code() != 0 {
        skipped(test, &format!("not allowed here: {mount}"));
        return None;
    }
    let outcome = s.run(&format!("{namespace} sh -c '{mount} && {script}'"));
    outcome.stderr.is_empty().then(|| outcome.text().replace("\n  ", "; ")).or_else(|| panic!("{outcome:?}"))
}
