//! A mount namespace of a test's own, to fill file systems in.

use super::{Sandbox, skipped};

/// Runs a script after a `mount`, in a mount namespace that ends with it; `None` where one may not mount that. What an error
/// says is on one line.
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
