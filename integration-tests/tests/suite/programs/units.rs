//! The options of systemd units that docs/recipes.md warns about, imitated with mount namespaces.

use crate::harness::{Sandbox, skipped};

/// Returns a sandbox with the region `demo`, and the command that creates a mount namespace; `None` if that is not
/// allowed.
fn with_namespace(test: &str) -> Option<(Sandbox, &'static str)> {
    let s = Sandbox::new();
    s.ok("shm-writer demo outside");
    let found = ["unshare -m", "unshare -rm"]
        .into_iter()
        .find(|namespace| s.run(&format!("{namespace} sh -c 'mount -t tmpfs x $SHM_DIR'")).code() == 0);
    if found.is_none() {
        skipped(test, "mounting is not allowed here");
    }
    found.map(|namespace| (s, namespace))
}

#[test]
fn a_unit_with_another_directory_publishes_where_nobody_reads() {
    let test = "a_unit_with_another_directory_publishes_where_nobody_reads";
    let Some((s, namespace)) = with_namespace(test) else { return };
    let unit = |script: &str| s.run(&format!("{namespace} sh -c 'mount -t tmpfs x $SHM_DIR && {script}'"));
    unit("shm-reader demo").exits(3);
    unit("shm-writer demo inside && shm-reader demo").prints("inside\n");
    s.run("shm-reader demo").prints("outside\n");
}

#[test]
fn a_unit_with_a_read_only_directory_can_only_read() {
    let Some((s, namespace)) = with_namespace("a_unit_with_a_read_only_directory_can_only_read") else { return };
    let mounts = "mount --bind $SHM_DIR $SHM_DIR && mount -o remount,bind,ro $SHM_DIR";
    let unit = |script: &str| s.run(&format!("{namespace} sh -c '{mounts} && {script}'"));
    unit("shm-reader demo").prints("outside\n");
    unit("shm-writer demo inside").exits(1).complains(&["its file system is read-only"]);
    s.run("shm-reader demo").prints("outside\n");
}
