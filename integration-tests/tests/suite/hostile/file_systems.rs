//! All kinds of file systems, and too little space, memory, descriptors or address space. Each test expects an
//! error that names the missing resource, no death by a signal, and no leftovers.

use std::fs;
use std::os::unix::fs::MetadataExt;

use shm_core::{Block, Kind, OpenError, RawReader, RawWriter};
use testkit::at_effort;

use crate::format::Format;
use crate::harness::{Sandbox, mounted, skipped, without_forks, workspace};

// Fault 17.
#[test]
fn in_the_64_mib_of_a_container_a_larger_region_is_an_error_that_says_what_to_do() {
    let mount = "unset SHM_DIR && mount -t tmpfs -o size=64m tmpfs /dev/shm";
    let script = "shm-writer demo --capacity 1MiB --slots 128 x 2>&1 || echo $?; ls -A /dev/shm; \
                  shm-writer demo --capacity 1MiB --slots 32 y && shm-reader demo; \
                  shm-writer demo --slots 64 z 2>&1 || echo $?; shm-reader demo";
    let Some(text) = mounted("in_the_64_mib_of_a_container", mount, script) else { return };
    let lines: Vec<&str> = text.lines().collect();
    let [fresh, code, small, grown, code_of_growth, kept] = lines[..] else { panic!("{text}") };
    for word in ["cannot reserve space for region 'demo'", "it needs 13", "only 67108864 free", "--shm-size"] {
        assert!(fresh.contains(word), "{word}: {text}");
    }
    assert!(grown.contains("cannot reserve space for region 'demo'"), "{text}");
    assert_eq!((code, small, code_of_growth, kept), ("1", "y", "1", "y"), "{text}");
}

// Fault 18.
#[test]
fn without_dev_shm_the_error_names_it_and_nothing_is_made_elsewhere() {
    let mount = "unset SHM_DIR && mount -t tmpfs tmpfs /dev";
    let script = "for command in \"shm-writer demo x\" \"shm-writer create demo\" \"shm-reader demo\" \
                  \"shm-reader list\" \
                  \"shm-writer clean\"; do $command 2>&1; echo $?; done; \
                  test ! -e /tmp/demo && test ! -e /tmp/.demo.lock && \
                  test -z \"$(ls -A . /dev | grep demo)\" && echo nowhere";
    let Some(text) = mounted("without_dev_shm", mount, script) else { return };
    let errors = text
        .lines()
        .filter(|line| line.starts_with("error: ") && line.contains("/dev/shm") && line.contains("SHM_DIR"));
    assert_eq!(errors.count(), 5, "{text}");
    assert_eq!(text.lines().filter(|line| *line == "1").count(), 5, "{text}");
    assert!(text.ends_with("\nnowhere\n"), "something was made: {text}");
}

// Fault 18.
#[test]
fn a_dev_shm_mounted_read_only_is_an_error_for_writers_only() {
    let mount =
        "unset SHM_DIR && mount -t tmpfs tmpfs /dev/shm && shm-writer demo x && mount -o remount,bind,ro /dev/shm";
    let script =
        "shm-reader demo; shm-writer demo y 2>&1 || echo $?; shm-writer rm demo 2>&1 || echo $?; shm-reader demo";
    let Some(text) = mounted("a_dev_shm_mounted_read_only", mount, script) else { return };
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("error: ")).collect();
    assert_eq!(lines, ["x", "1", "1", "x"], "{text}");
}

// Fault 18.
#[test]
fn what_is_not_tmpfs_but_local_holds_regions_as_well() {
    for (system, mount) in [
        ("ramfs", "mount -t ramfs ramfs $SHM_DIR"),
        (
            "overlay",
            "mkdir lower upper work && mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work o $SHM_DIR",
        ),
    ] {
        let script = "rm -rf lower/* && shm-writer demo x 2>&1 && shm-writer demo --slots 128 y && \
                      shm-reader demo --from oldest; \
                      ls -A $SHM_DIR";
        let Some(text) = mounted("what_is_not_tmpfs", &format!("rm -rf lower upper work; {mount}"), script) else {
            continue;
        };
        let is_refused =
            text.starts_with("error: cannot create region 'demo' in ") && text.contains("does not support fallocate");
        assert!(text == "x\ny\n.demo.lock\ndemo\n" || is_refused && !text.contains("\ndemo"), "{system}: {text}");
    }
}

// Fault 19.
#[test]
fn a_full_disk_is_an_error_and_takes_nothing_that_it_does_not_give_back() {
    let mount = "truncate -s 8M image && mkfs.ext4 -q -F image && mount -o loop image $SHM_DIR";
    let script = "cd $SHM_DIR; free() { df --output=avail . | tail -n 1; }; before=$(free); \
                  shm-writer demo --capacity 1MiB --slots 16 x 2>&1 || echo $?; \
                  shm-writer map block --size 20MiB x 2>&1 || echo $?; \
                  ls -A; test $before = $(free) && echo unchanged; \
                  shm-writer demo one && shm-writer demo --capacity 1MiB --slots 16 two 2>&1 || echo $?; \
                  shm-writer demo three && shm-reader demo --from oldest; ls -A";
    let Some(text) = mounted("a_full_disk", mount, script) else { return };
    let lines: Vec<&str> = text.lines().collect();
    let [fresh, "1", block, "1", "lost+found", "unchanged", growth, "1", "one", "three", rest @ ..] = &lines[..] else {
        panic!("{text}")
    };
    assert!([fresh, growth].iter().all(|line| line.contains("cannot reserve space for region 'demo'")), "{text}");
    assert!(block.contains("cannot reserve space for 'block'"), "{text}");
    assert_eq!(rest, [".demo.lock", "demo", "lost+found"], "{text}");
}

// Fault 21.
#[test]
fn a_file_system_of_a_program_is_refused_and_what_is_there_can_still_be_mapped_as_bytes() {
    let server = workspace().join("integration-tests/tests/suite/hostile/file_systems/fuse.py");
    let server = server.display();
    let mount = format!(
        "rm -f started && mkdir -p real && SHM_DIR=$PWD/real shm-writer demo x && {{ python3 {server} $SHM_DIR real/demo > started & }} \
                         && for i in $(seq 100); do test -s started && break; sleep 0.05; done && test -s started"
    );
    let python = workspace().join("python");
    let in_python = format!(
        "echo \"import shm, sys; shm.Reader(sys.argv[1])\" | PYTHONPATH={} python3 -B - demo",
        python.display()
    );
    let script = format!(
        "for command in \"shm-reader demo\" \"shm-reader inspect demo\" \"shm-writer demo y\" \"shm-writer new y\"; \
         do $command 2>&1; echo $?; done; {in_python} 2>&1; echo $?; shm-reader list; ls -A $SHM_DIR; \
         shm-reader map demo --len 3 --force; umount $SHM_DIR; wait"
    );
    let Some(text) =
        mounted("a_file_system_of_a_program", &format!("{mount} && trap \"umount -q $SHM_DIR\" EXIT"), &script)
    else {
        return;
    };
    assert_eq!(text.matches("on FUSE: ").count(), 5, "{text}");
    assert_eq!(text.lines().filter(|line| *line == "1").count(), 5, "{text}");
    assert!(text.ends_with("shm"), "{text}");
}

// Fault 22.
#[test]
fn a_creator_that_exceeds_the_memory_of_its_group_leaves_nothing_behind_but_a_draft() {
    let groups = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"];
    let found = groups.iter().find(|root| fs::metadata(format!("{root}/cgroup.procs")).is_ok());
    let Some(root) = found else { return skipped("a_creator_that_exceeds_the_memory", "no cgroups here") };
    let group = format!("{root}/shm-test-{}", std::process::id());
    let limit = format!("{{ echo 8M > {group}/memory.limit_in_bytes || echo 8M > {group}/memory.max; }} 2> /dev/null");
    let no_swap = format!("{{ echo 0 > {group}/memory.swappiness || echo 0 > {group}/memory.swap.max; }} 2> /dev/null");
    let limit = format!("mkdir -p {group} && trap \"rmdir {group}\" EXIT && {limit} && {no_swap}");
    let mount = format!("mount -t tmpfs tmpfs $SHM_DIR && {limit}");
    let within = |command: &str| format!("sh -c \"echo \\$\\$ > {group}/cgroup.procs; exec {command}\"");
    let script = format!(
        "{} 2>&1; echo $?; ls -A $SHM_DIR; shm-writer demo x && shm-reader demo; ls -A $SHM_DIR; \
         {} 2>&1; echo $?; shm-reader demo; \
         shm-writer rm demo; shm-writer clean; ls -A $SHM_DIR",
        within("shm-writer create demo --capacity 1MiB --slots 32"),
        within("shm-writer demo --capacity 1MiB --slots 32 y"),
    );
    let Some(text) = mounted("a_creator_that_exceeds_the_memory", &mount, &script) else { return };
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains("Killed")).collect();
    assert_eq!(lines, ["137", ".demo.lock", ".demo.new", "x", ".demo.lock", "demo", "137", "x"], "{text}");
}

// Fault 24.
#[test]
fn a_process_without_descriptors_goes_on_with_what_it_has_open() {
    let s = Sandbox::new();
    let mut writer = s.spawn("shm-writer demo --capacity 64");
    writer.write("one\n");
    s.holds("demo", "one");
    let mut reader = s.spawn("shm-reader demo -f");
    reader.expect(&["one"]);
    if s.run(&format!("prlimit --pid {} --nofile=3", writer.pid())).code() != 0 {
        return skipped("a_process_without_descriptors", "no prlimit here");
    }
    s.ok(&format!("prlimit --pid {} --nofile=3", reader.pid()));
    for number in 2..200 {
        writer.write(&format!("{number}\n"));
        reader.expect(&[&number.to_string()]);
    }
    writer.write(&"x".repeat(1000));
    writer.write("\n");
    writer.finish().exits(1).complains(&["demo", "Too many open files"]);
    s.run("shm-reader demo").prints("199\n");
    s.run("shm-writer demo 200").prints("");
    reader.expect(&["200"]);
    s.run("shm-writer -q demo --slots 128 201").prints("");
    reader.wait().exits(1).complains(&["demo", "Too many open files"]);
    assert_eq!(s.files(), [".demo.lock", "demo"]);
}

// Faults 24, 26.
#[test]
fn operations_that_fail_keep_no_descriptor_no_mapping_and_no_lock() {
    let s = Sandbox::new();
    s.ok("shm-writer sound --slots 4 x && shm-writer --as json object 1");
    s.ok("echo text > $SHM_DIR/text && mkdir $SHM_DIR/folder");
    s.ok("shm-writer cut x && truncate -s 8192 $SHM_DIR/cut && shm-writer open x && chmod 666 $SHM_DIR/open");
    s.ok("mkdir $SHM_DIR/.barred.lock && : > $SHM_DIR/empty");
    let name = |region: &str| s.name(region);
    for round in 0..50 {
        for region in ["text", "folder", "cut", "open", "barred", "empty"] {
            assert!(RawWriter::options().open_raw(name(region)).is_err(), "{region}");
        }
        for region in ["text", "folder", "cut", "empty", "absent"] {
            assert!(RawReader::open(name(region)).is_err() && shm_core::verify(name(region)).is_err(), "{region}");
            assert!(
                shm_core::inspect(name(region)).is_err() && shm_core::remove(name(region), false).is_err()
                    || region == "cut"
            );
        }
        assert!(matches!(shm_core::Reader::<f64>::open(name("sound")), Err(OpenError::Kind { .. })));
        assert!(RawWriter::options().slots(1 << 40).open_raw(name("sound")).is_err());
        assert!(RawWriter::options().slots(1 << 40).open_raw(name("fresh")).is_err());
        assert!(
            Block::open(name("sound")).is_err()
                && Block::open(name("empty")).is_err()
                && Block::open(name("folder")).is_err()
        );
        let opened = without_forks(|| RawWriter::options().kind(Kind::Json).open_raw(name("object")));
        let mut writer = opened.expect("nobody else holds it");
        assert!(writer.publish(b"not json").is_err());
        // This error takes 60 ms, because opening tries again for as long.
        if round % 10 == 0 {
            assert!(matches!(RawWriter::options().open_raw(name("object")), Err(OpenError::WriterAlive { .. })));
            assert!(matches!(shm_core::remove(name("object"), false), Err(OpenError::WriterAlive { .. })));
        }
        if !s.shm("cut").exists() {
            s.ok("shm-writer cut x && truncate -s 8192 $SHM_DIR/cut");
        }
    }
    let ours = s.shm_dir().display().to_string();
    let descriptors = fs::read_dir("/proc/self/fd").expect("the descriptors").filter_map(Result::ok);
    let held: Vec<_> = descriptors
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter(|path| path.starts_with(&ours))
        .collect();
    assert!(held.is_empty(), "{held:?}");
    let maps = fs::read_to_string("/proc/self/maps").expect("the mappings");
    let mapped: Vec<&str> = maps.lines().filter(|line| line.contains(&ours)).collect();
    assert!(mapped.is_empty(), "{mapped:?}");
}

// Fault 25.
#[test]
fn whatever_address_space_is_left_a_command_works_or_says_why_not() {
    let s = Sandbox::new();
    s.ok("shm-writer small old && head -c 9000000 /dev/zero > f && shm-writer large --file f");
    let (mut failed, mut worked) = (0, 0);
    for kib in (10_000..100_000).step_by(at_effort([20_000, 10_000, 5_000, 1_000])) {
        for command in [
            "shm-reader small",
            "shm-writer small new",
            "shm-reader large --raw",
            "shm-reader large --json",
            "shm-reader verify large",
            "shm-writer large --whole < f",
            "shm-writer large --file f",
        ] {
            // The shell that prints the result is not limited.
            let line = format!("(ulimit -v {kib}; exec {command} > /dev/null 2> errors); echo $?; head -n 1 errors");
            let text = s.run(&line).text();
            let (code, message) = text.split_once('\n').expect("an exit code");
            // With too little address space, the dynamic loader or Rust's runtime cannot even start or report.
            let is_next_to_nothing = code == "127" || code == "134" && is_small(message);
            let is_told = code == "1" && message.starts_with("error: ") && !message.contains("damaged");
            assert!(code == "0" || is_told || is_next_to_nothing, "{kib}: {command}: {text}");
            failed += usize::from(is_told);
            worked += usize::from(code == "0");
        }
    }
    assert!(failed > 5 && worked > 5, "{failed} failed, {worked} worked");
    s.run("shm-reader small").prints("new\n");
    s.run("shm-reader large --raw | cmp - f").prints("");
}

/// Whether this is the message of Rust's runtime after an allocation of less than 256 KiB failed.
fn is_small(message: &str) -> bool {
    let rest = message.strip_prefix("memory allocation of ").unwrap_or_default();
    rest.split(' ').next().and_then(|bytes| bytes.parse::<u64>().ok()).is_some_and(|bytes| bytes < 256 << 10)
}

// Fault 32.
#[test]
fn a_region_that_is_huge_and_sound_is_refused_and_takes_no_memory() {
    let s = Sandbox::new();
    s.ok("shm-writer demo x");
    let mut bytes = fs::read(s.shm("demo")).expect("the region");
    let format = Format::read();
    let number = |bytes: &[u8], field: &str| u64::try_from(format.header.field(field).get(bytes)).expect("64 bits");
    let (slots, stride, length) = (number(&bytes, "slots"), number(&bytes, "stride"), number(&bytes, "region_bytes"));
    let huge_slots = 1_u64 << 29;
    let huge = length - slots * stride + huge_slots * stride;
    format.header.field("slots").put(&mut bytes, huge_slots.into());
    format.header.field("region_bytes").put(&mut bytes, huge.into());
    format.seal(&mut bytes);
    fs::write(s.shm("demo"), bytes).expect("the region");
    let file = fs::File::options().write(true).open(s.shm("demo")).expect("the region");
    if file.set_len(huge).is_err() {
        return skipped("a_region_that_is_huge_and_sound", "no file can be so long here");
    }
    let blocks = file.metadata().expect("its size").blocks();
    for command in [
        "shm-reader demo",
        "shm-reader verify demo",
        "shm-reader inspect demo",
        "shm-writer demo y",
        "shm-writer create demo",
    ] {
        s.run(command).exits(1).complains(&["'demo': its size is", &huge.to_string()]);
    }
    assert!(s.ok("shm-reader list").contains("demo"));
    assert_eq!(file.metadata().expect("its size").blocks(), blocks);
    s.run("shm-writer rm demo").prints("");
}

// Fault 23.
#[test]
fn a_writer_grows_up_to_the_limit_on_files_and_is_not_killed_by_it() {
    let s = Sandbox::new();
    s.ok("head -c 300000 /dev/zero | tr '\\0' x > f");
    let outcome = s.run("ulimit -f 1000; { echo short; cat f; } | shm-writer demo --slots 4 --capacity 64").exits(1);
    assert!(outcome.status.code() == Some(1) && outcome.stderr.contains("ulimit -f"), "{outcome:?}");
    s.run("shm-reader demo").prints("short\n");
    assert_eq!(s.files(), [".demo.lock", "demo"]);
}
