//! Tests how a reader learns that no more values will come: the writer closes the region, or dies.

use nix::sys::signal::Signal;

use crate::harness::Sandbox;

#[test]
fn until_gone_ends_with_success_after_a_clean_close() {
    let s = Sandbox::new();
    let mut reader = s.spawn("shm-reader demo --until-gone --from oldest").idle();
    let mut writer = s.spawn("shm-writer demo");
    writer.write("one\ntwo\n");
    reader.expect(&["one", "two"]);
    writer.finish().exits(0);
    reader.wait().prints("");
}

// Fault 66.
#[test]
fn until_gone_prints_everything_and_ends_with_8_when_the_writer_dies() {
    let s = Sandbox::new();
    let mut reader = s.spawn("shm-reader demo --until-gone --from oldest").idle();
    let mut writer = s.spawn("shm-writer demo");
    writer.write("one\ntwo\n");
    reader.expect(&["one", "two"]);
    writer.signal(Signal::SIGKILL);
    writer.wait().dies_of(Signal::SIGKILL);
    reader.wait().exits(8).complains(&["the writer of region 'demo' ended without closing it"]);
    // A reader that starts later also sees that the writer is dead, after it has received the existing values.
    assert_eq!(s.run("shm-reader demo --until-gone --from oldest").exits(8).text(), "one\ntwo\n");
    assert_eq!(s.run("shm-reader demo --until-gone --from new").exits(8).text(), "");
    s.ok("shm-writer demo three");
    s.run("shm-reader demo --until-gone --from oldest").prints("one\ntwo\nthree\n");
}

#[test]
fn until_gone_keeps_to_its_timeout_while_the_writer_lives() {
    let s = Sandbox::new();
    let mut writer = s.spawn("shm-writer demo");
    writer.write("one\n");
    s.holds("demo", "one");
    assert_eq!(s.run("shm-reader demo --until-gone -t 300ms").exits(4).text(), "one\n");
    writer.finish().exits(0);
}
