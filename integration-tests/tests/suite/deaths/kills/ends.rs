//! Tests of writers that end without closing their region: they exit, panic, abort, or execute
//! another program.

use std::process::Stdio;

use shm_core::{RegionState, WriterStatus, inspect};

use super::payload::payload;
use super::scene::Scene;
use crate::harness::{eventually, start, victim};

// Fault 42.
#[test]
fn a_writer_that_ends_without_closing_its_region_is_like_one_that_was_killed() {
    for end in ["exit", "panic", "abort", "exec"] {
        let mut scene = Scene::new(64, false);
        let before = scene.newest().expect("it has values").0;
        scene.author += 1;
        let value = payload(scene.author, 9);
        let mut command = scene.sandbox.prepare(victim());
        command.arg(&scene.name).arg(scene.author.to_string()).args(["value=9", "open", "publish", end]);
        let mut child = start(command.stderr(Stdio::null())).expect("the victim starts");
        scene.ledger.wait_for_follower(before + 1);
        let info = eventually("the writer is gone", || {
            inspect(&scene.name).ok().filter(|info| info.writer == WriterStatus::Gone)
        });
        assert_eq!(info.state, RegionState::Open, "{end}: nobody closed it");
        assert_eq!(scene.newest(), Some((before + 1, value)), "{end}");
        // The kernel frees the lock of an ending process before the process is dead.
        match end {
            "exec" => assert_eq!(child.try_wait().expect("it is our child"), None, "it lives on as another program"),
            _ => drop(eventually("the writer is dead", || child.try_wait().expect("it is our child"))),
        }
        scene.restart(&end);
        child.kill().and_then(|()| child.wait()).expect("it is our child");
    }
}
