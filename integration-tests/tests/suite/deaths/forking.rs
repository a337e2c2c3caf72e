//! Tests of a process that forks while it has a writer. They use `daemon`, which forks without
//! `unsafe`: the parent ends, and the child continues with copies of everything that the parent
//! had.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Stdio;

use shm_core::{Kind, OpenError, Position, PublishError, RawReader, RawWriter, RegionState, WriterStatus, inspect};

use crate::harness::{DEADLINE, again, role, skipped, start};

const TEST: &str = concat!(module_path!(), "::a_fork_can_write_nothing_and_keeps_no_writer_alive");

/// Runs in the process that forks. The fork sends its findings to a socket and lives until the
/// socket is closed.
fn fork_and_report(name: &str) {
    let mut writer = RawWriter::options().kind(Kind::Bytes).slots(64).open_raw(name).expect("a writer");
    let mut other = RawWriter::options().kind(Kind::Bytes).open_raw(format!("{name}-2")).expect("another writer");
    let mut reader = RawReader::options().start(Position::Oldest).open_raw(name).expect("a reader");
    writer.publish(b"parent").expect("published");
    let loan = other.loan(4).expect("a loan");
    nix::unistd::daemon(true, true).expect("a fork");
    let connection = UnixStream::connect(socket_of(name)).expect("the test listens");
    let say = |what: String| writeln!(&connection, "{what}").expect("the test reads");
    say(format!("loan {:?}", loan.commit().map_err(|error| is_forked(&error))));
    say(format!("first {:?}", writer.publish(b"child").map_err(|error| is_forked(&error))));
    let refused = (0..1000).filter(|_| writer.publish(b"child").is_err_and(|error| is_forked(&error))).count();
    say(format!("refused {refused}"));
    say(format!("received {:?}", reader.try_recv().expect("a value").value().map(|sample| sample.value)));
    say(format!("close {:?}", other.close().map_err(|error| is_forked(&error))));
    // The fork reports again after the next writer has started.
    let mut go = BufReader::new(&connection);
    go.read_line(&mut String::new()).expect("the test says when");
    say(format!("late {:?}", writer.publish(&[7; 10_000]).map_err(|error| is_forked(&error))));
    let reopened = RawWriter::open(name, Kind::Bytes);
    say(format!("reopened {}", matches!(reopened, Err(OpenError::WriterAlive { .. }))));
    drop(writer);
    say("dropped".to_owned());
    let _ = go.read_line(&mut String::new());
}

fn socket_of(region: &str) -> String {
    format!("{region}-socket")
}

fn is_forked(error: &PublishError) -> bool {
    matches!(error, PublishError::Forked { .. })
}

// Fault 43.
#[test]
fn a_fork_can_write_nothing_and_keeps_no_writer_alive() {
    if let Some(region) = role() {
        return fork_and_report(&region);
    }
    // The library makes this promise for tmpfs and for the other file systems that it lists.
    let Ok(directory) = tempfile::tempdir_in("/dev/shm") else {
        return skipped("a_fork_can_write_nothing", "/dev/shm cannot be written to");
    };
    let name = directory.path().join("room").to_str().expect("UTF-8").to_owned();
    let listener = UnixListener::bind(socket_of(&name)).expect("a socket");
    let mut parent = start(again(TEST, &name).stdout(Stdio::null())).expect("this test runs");
    assert!(parent.wait().expect("it ends").success(), "the process that forks");
    let (connection, _) = listener.accept().expect("the fork reports");
    connection.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let mut lines = BufReader::new(&connection).lines();
    let mut expect = |line: &str| assert_eq!(lines.next().expect("more").expect("in time"), line);
    expect("loan Err(true)");
    expect("first Err(true)");
    expect("refused 1000");
    expect(r#"received Some([112, 97, 114, 101, 110, 116])"#);
    expect("close Err(true)");
    // The parent is dead and the fork lives. No process holds the region, so the next writer starts
    // immediately.
    assert_eq!(inspect(&name).expect("a region").writer, WriterStatus::Gone);
    let mut writer = RawWriter::open(&name, Kind::Bytes).expect("nobody holds the lock");
    assert_eq!(writer.publish(b"next").expect("published"), 2);
    writeln!(&connection, "go").expect("the fork waits");
    expect("late Err(true)");
    expect("reopened true");
    expect("dropped");
    // When the fork dropped its writer, this closed nothing and freed no other process's lock.
    let info = inspect(&name).expect("a region");
    assert_eq!((info.writer, info.head, info.capacity), (WriterStatus::Alive, 2, 4096));
    assert_eq!(writer.publish(b"more").expect("published"), 3);
    assert!(info.state == RegionState::Open);
}
