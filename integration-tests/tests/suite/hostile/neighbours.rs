//! Hostile neighbours: another user attacks a region that this user may read, in a directory like /dev/shm. The
//! kernel refuses most of the attacks. The others delay writers and readers for a moment at most.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::harness::{Child, Sandbox, copy_programs, observe, skipped};

/// Two users without privileges: the owner of the regions, and a neighbour.
const OWNER: &str = "setpriv --reuid=65533 --regid=65533 --clear-groups";
const NEIGHBOUR: &str = "setpriv --reuid=65534 --regid=65534 --clear-groups";

const SCRIPT: &str = include_str!("neighbours.py");

/// A sandbox in which both users run the programs. Everyone may create files in its directory, and only the
/// owner of a file may remove it.
fn shared(test: &str) -> Option<Sandbox> {
    let s = Sandbox::new();
    s.open_to_all();
    copy_programs(&s);
    fs::set_permissions(s.shm_dir(), PermissionsExt::from_mode(0o1777)).expect("our own directory");
    fs::write(s.home("neighbour.py"), SCRIPT).expect("a file in the sandbox");
    let works = |user: &str, command: &str| s.run(&format!("{user} {command}")).code() == 0;
    if works(OWNER, "./shm-reader --version") && works("", "python3 neighbour.py none") {
        return Some(s);
    }
    skipped(test, "becoming other users by setpriv is not possible here, or they have no python3");
    None
}

#[track_caller]
fn owner(s: &Sandbox, command: &str) -> String {
    s.ok(&format!("{OWNER} {command}"))
}

fn neighbour(s: &Sandbox, arguments: &str) -> Child {
    s.spawn(&format!("python3 neighbour.py {arguments}"))
}

/// Starts a writer and publishes `one` to a region that everyone may read.
fn writer(s: &Sandbox) -> Child {
    let mut writer = s.spawn(&format!("{OWNER} ./shm-writer demo --mode 644"));
    writer.write("one\n");
    s.holds("demo", "one");
    writer
}

/// The offset of the bell in the header.
fn bell() -> usize {
    crate::format::Format::read().header.field("bell").offset
}

// Fault 57.
#[test]
fn a_neighbour_can_change_nothing() {
    let Some(s) = shared("a_neighbour_can_change_nothing") else { return };
    let mut writer = writer(&s);
    let before = fs::read(s.shm("demo")).expect("the region");
    let outcome = neighbour(&s, &format!("change {}", writer.pid())).wait().succeeds();
    let lines = outcome.lines();
    assert!(lines.len() > 25, "{outcome:?}");
    // Without `protected_hardlinks`, the neighbour can link to a file that it may read. A writer then refuses the
    // region until the link is removed.
    let guards_links = fs::read_to_string("/proc/sys/fs/protected_hardlinks").is_ok_and(|on| on.trim() == "1");
    for line in lines {
        let (what, result) = line.split_once(' ').expect("an attempt and its result");
        let denied = ["EACCES", "EPERM", "EBADF", "EINVAL"].contains(&result);
        assert!(denied || what.starts_with("link-") && !guards_links, "{line}\n{outcome:?}");
    }
    let _ = fs::remove_file(s.shm("linked"));
    assert!(fs::read(s.shm("demo")).expect("the region") == before);
    writer.write("two\n");
    s.holds("demo", "two");
    writer.finish().prints("");
    assert_eq!(s.files(), [".demo.lock", "demo"]);
}

// Fault 57.
#[test]
fn the_umask_changes_neither_the_regions_mode_nor_its_locks() {
    let Some(s) = shared("the_umask_changes_neither") else { return };
    let mode = |name: &str| fs::metadata(s.shm(name)).expect("a file").permissions().mode() & 0o7777;
    for umask in ["0", "077", "777"] {
        for (option, wanted) in [("", 0o600), ("--mode 644", 0o644), ("--mode 640", 0o640)] {
            owner(&s, &format!("sh -c 'umask {umask}; ./shm-writer demo {option} x'"));
            assert_eq!((mode("demo"), mode(".demo.lock")), (wanted, 0o600), "umask {umask}, {option}");
            // A region that grows keeps its mode.
            owner(&s, &format!("sh -c 'umask {umask}; head -c 9000 /dev/zero | tr \"\\0\" x | ./shm-writer demo'"));
            assert_eq!((mode("demo"), mode(".demo.lock")), (wanted, 0o600), "umask {umask}, {option}, grown");
            let seen = s.run(&format!("{NEIGHBOUR} ./shm-reader demo")).code();
            assert_eq!(seen, if wanted == 0o644 { 0 } else { 1 }, "umask {umask}, {option}");
            owner(&s, "./shm-writer rm demo");
        }
    }
}

// Fault 51.
#[test]
fn locks_of_a_neighbour_hinder_no_writer() {
    let Some(s) = shared("locks_of_a_neighbour") else { return };
    owner(&s, "./shm-writer demo --mode 644 one");
    let mut holder = neighbour(&s, "lock");
    holder.expect(&["flock done", "read-lock done", "open-file-lock done"]);
    // Only the owner of a file may take a lease on it. A lease would make opening the region wait.
    holder.expect(&["lease EACCES", "holding"]);
    let start = Instant::now();
    owner(&s, "./shm-writer demo two");
    owner(&s, "./shm-writer demo --slots 128 three");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    s.run("shm-reader demo --from oldest").prints("one\ntwo\nthree\n");
    // Another writer can also take over after a writer was killed.
    let mut first = s.spawn(&format!("{OWNER} ./shm-writer demo"));
    first.write("four\n");
    s.holds("demo", "four");
    first.kill();
    owner(&s, "./shm-writer demo five");
    owner(&s, "./shm-writer rm demo");
    assert!(holder.is_running());
}

// Faults 47, 57.
#[test]
fn a_neighbour_that_is_root_in_namespaces_of_its_own_reads_and_changes_nothing() {
    let Some(s) = shared("a_neighbour_that_is_root") else { return };
    let strange = format!("{NEIGHBOUR} unshare -U -r -p -f --mount-proc");
    if s.run(&format!("{strange} true")).code() != 0 {
        return skipped("a_neighbour_that_is_root", "unshare is not possible here");
    }
    let mut writer = writer(&s);
    let before = fs::read(s.shm("demo")).expect("the region");
    s.run(&format!("{strange} ./shm-reader demo")).prints("one\n");
    for command in ["demo x", "demo --slots 128 x", "create demo --slots 128", "rm demo", "rm --force demo"] {
        s.run(&format!("{strange} ./shm-writer {command}")).exits(1);
    }
    s.run(&format!("{strange} ./shm-writer clean")).prints("");
    for command in ["truncate -s 0 $SHM_DIR/demo", "rm -f $SHM_DIR/demo", "chmod 666 $SHM_DIR/demo"] {
        assert_ne!(s.run(&format!("{strange} {command}")).code(), 0, "{command}");
    }
    assert_eq!(
        (s.files(), fs::read(s.shm("demo")).expect("the region")),
        (vec![".demo.lock".into(), "demo".into()], before)
    );
    writer.write("two\n");
    s.holds("demo", "two");
    writer.finish().prints("");
}

// Fault 51.
#[test]
fn a_neighbour_that_is_stopped_while_it_looks_hinders_no_writer() {
    let Some(s) = shared("a_neighbour_that_is_stopped") else { return };
    owner(&s, "./shm-writer demo --mode 644 zero");
    let mut stopped = Vec::new();
    for round in 0..20 {
        let command = ["./shm-reader inspect demo", "./shm-reader list", "./shm-reader demo -f"][round % 3];
        let reader = s.spawn(&format!("{NEIGHBOUR} {command}"));
        for _ in 0..round * 20_000 {
            std::hint::spin_loop();
        }
        reader.signal(Signal::SIGSTOP);
        stopped.push(reader);
        owner(&s, &format!("./shm-writer demo {round}"));
    }
    s.run("shm-reader demo").prints("19\n");
}

/// The median time until a sleeping follower receives a value while a neighbour does `act` to the bell. The
/// follower must not miss a value.
fn median_delay(s: &Sandbox, act: &str) -> Duration {
    let mut writer = writer(s);
    let mut follower = s.spawn(&format!("{OWNER} ./shm-reader demo -f"));
    follower.expect(&["one"]);
    let mut attacker = neighbour(s, &format!("{act} {}", bell()));
    attacker.expect(&["at it"]);
    let mut delays = [Duration::ZERO; 15];
    for (number, delay) in delays.iter_mut().enumerate() {
        // By now the follower sleeps, or the neighbour has moved it away from the bell.
        observe(Duration::from_millis(20));
        let start = Instant::now();
        writer.write(&format!("{number}\n"));
        follower.expect(&[&number.to_string()]);
        *delay = start.elapsed();
    }
    attacker.close_stdin();
    let met = attacker.line();
    assert!(met.strip_prefix("met ").is_some_and(|count| count != "0"), "no sleeper was met: {met}");
    attacker.wait().exits(0);
    writer.finish().prints("");
    delays.sort();
    delays[delays.len() / 2]
}

/// Whether a value typically arrives within one slice of sleep (50 ms) plus the time to process it. On a busy
/// machine this may take several tries.
fn is_late_by_a_slice_at_most(s: &Sandbox, act: &str) -> bool {
    (0..5).any(|_| {
        let delay = median_delay(s, act);
        assert!(delay < Duration::from_millis(500), "{delay:?}");
        delay < Duration::from_millis(80)
    })
}

// Fault 50.
#[test]
fn a_neighbour_that_takes_sleepers_from_the_bell_delays_them_by_a_slice_and_they_miss_nothing() {
    let Some(s) = shared("a_neighbour_that_takes_sleepers") else { return };
    assert!(is_late_by_a_slice_at_most(&s, "requeue"));
}

// Fault 50.
#[test]
fn a_neighbour_that_wakes_sleepers_for_nothing_makes_them_miss_nothing() {
    let Some(s) = shared("a_neighbour_that_wakes_sleepers") else { return };
    assert!(is_late_by_a_slice_at_most(&s, "wake"));
}

/// The things that a neighbour creates under a name before the owner uses it.
const PLANTED: [&str; 7] = ["file", "link", "dangling", "descriptor", "fifo", "directory", "socket"];

/// A shared directory, and outside of it a file that the planted links refer to.
fn with_precious(test: &str) -> Option<Sandbox> {
    let s = shared(test)?;
    let precious = s.home("precious").to_str().expect("UTF-8").to_owned();
    let s = s.with("PRECIOUS", &precious);
    s.ok("echo precious > precious; chmod 666 precious");
    Some(s)
}

/// Name, mode and length of each entry of the directory. Links are not followed.
fn listing(s: &Sandbox) -> Vec<String> {
    let describe = |name: &String| {
        let meta = fs::symlink_metadata(s.shm(name)).expect("an entry");
        format!("{name} {:o} {}", meta.permissions().mode(), meta.len())
    };
    s.files().iter().map(describe).collect()
}

/// Checks that the owner's commands end within 5 s, with an error that names the region, and change nothing.
#[track_caller]
fn refuses(s: &Sandbox, thing: &str, name: &str, commands: &[&str]) {
    let before = listing(s);
    for command in commands {
        let start = Instant::now();
        let outcome = s.run(&format!("{OWNER} {command}"));
        assert!([1, 5].contains(&outcome.code()), "{thing} as {name}: {outcome:?}");
        assert!(outcome.stderr.starts_with("error: ") && outcome.stderr.contains("demo"), "{thing}: {outcome:?}");
        assert!(start.elapsed() < Duration::from_secs(5), "{thing} as {name}: {command} took {:?}", start.elapsed());
    }
    assert_eq!(listing(s), before, "{thing} as {name}");
}

// Faults 53, 54, 55.
#[test]
fn whatever_a_neighbour_plants_under_a_name_is_refused_at_once_and_stays_as_it_is() {
    let Some(s) = with_precious("whatever_a_neighbour_plants") else { return };
    owner(&s, "./shm-writer other --mode 644 x");
    let readers = ["./shm-reader demo", "./shm-reader inspect demo", "./shm-reader verify demo"];
    let writers = ["./shm-writer demo x", "./shm-writer create demo", "./shm-writer demo x --slots 128"];
    for thing in PLANTED {
        for name in ["demo", ".demo.lock"] {
            let planted = neighbour(&s, &format!("plant {thing} {name}")).wait().succeeds();
            assert!(planted.stdout.is_empty());
            match name {
                "demo" => refuses(&s, thing, name, &[writers, readers].concat()),
                _ => refuses(&s, thing, name, &writers[..1]),
            }
            assert!(owner(&s, "./shm-reader list").contains("other"), "{thing} does not hide the rest");
            owner(&s, "./shm-writer other x");
            assert_eq!(s.ok("cat precious"), "precious\n");
            s.ok(&format!("rm -r $SHM_DIR/{name}"));
        }
    }
}

// Faults 51, 53, 54.
#[test]
fn what_a_neighbour_plants_as_an_unfinished_file_stops_no_writer_and_stays_as_it_is() {
    let Some(s) = with_precious("what_a_neighbour_plants_as_an_unfinished_file") else { return };
    for thing in PLANTED {
        let mut writer = s.spawn(&format!("{OWNER} ./shm-writer demo --capacity 64"));
        writer.write("one\n");
        s.holds("demo", "one");
        neighbour(&s, &format!("plant {thing} .demo.new")).wait().succeeds();
        let planted = listing(&s).into_iter().find(|file| file.starts_with(".demo.new"));
        // The region grows, is replaced, cleaned up, removed and created again.
        writer.write(&format!("{}\n", "x".repeat(5000)));
        writer.finish().prints("");
        for command in ["demo two --slots 128", "clean", "demo three", "rm demo", "demo four", "create demo --mode 644"]
        {
            s.run(&format!("{OWNER} ./shm-writer {command}")).prints("");
        }
        s.run("shm-reader demo").prints("four\n");
        assert_eq!(s.files(), [".demo.lock", ".demo.new", "demo"], "{thing}");
        assert!(planted.is_some() && listing(&s).into_iter().any(|file| Some(file) == planted), "{thing} was changed");
        assert_eq!(s.ok("cat precious"), "precious\n");
        s.ok("rm -r $SHM_DIR/.demo.new $SHM_DIR/demo $SHM_DIR/.demo.lock");
    }
}

// Fault 54. Only root may make a device.
#[test]
fn a_device_under_a_name_is_refused() {
    let Some(s) = shared("a_device_under_a_name") else { return };
    for name in ["demo", ".demo.lock"] {
        if s.run(&format!("python3 neighbour.py device {name}")).code() != 0 {
            return skipped("a_device_under_a_name", "making a device is not possible here");
        }
        refuses(&s, "device", name, &["./shm-writer demo x", "./shm-writer create demo"]);
        if name == "demo" {
            let readers = ["demo", "demo -f", "inspect demo", "verify demo"].map(|line| format!("./shm-reader {line}"));
            refuses(&s, "device", name, &readers.each_ref().map(String::as_str));
        }
        s.ok(&format!("rm $SHM_DIR/{name}"));
    }
}

// Fault 55.
#[test]
fn a_region_made_by_a_neighbour_and_open_to_all_is_not_written_to_and_its_owner_can_be_seen() {
    let Some(s) = shared("a_region_made_by_a_neighbour") else { return };
    s.ok(&format!("{NEIGHBOUR} ./shm-writer demo --mode 644 theirs && chmod 666 $SHM_DIR/demo"));
    let refused = s.run(&format!("{OWNER} ./shm-writer demo ours"));
    refused.exits(1).complains(&["cannot write to 'demo'", "belongs to user 65534", "choose another name"]);
    s.run(&format!("{OWNER} ./shm-reader demo")).prints("theirs\n");
    assert_eq!(s.inspect("demo")["owner"], 65534);
    // The neighbour's own writer refuses it too, and the error gives the reason.
    s.run(&format!("{NEIGHBOUR} ./shm-writer demo more"))
        .exits(1)
        .complains(&["mode 666", "lets other users write to it"]);
}
