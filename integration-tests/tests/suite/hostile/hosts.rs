//! Effects of the host on a directory of regions: read-only mounts, marks on files, sandboxes that deny a call, containers
//! with a boot id of their own, copies with holes, groups that cannot be kept.

use crate::format::c_reader;
use crate::harness::{Sandbox, eventually, mounted, skipped, workspace};

/// Publishes the value `$2` in region `$1` with Python, and prints the error.
fn python_writer() -> String {
    let program = "import shm, sys\ntry:\n w = shm.Writer(sys.argv[1]); w.publish(sys.argv[2]); w.close()\nexcept shm.Error as error: print(error)";
    format!("PYTHONPATH={} python3 -B -c \"{program}\"", workspace().join("python").display())
}

// Fault 18.
#[test]
fn every_command_that_changes_something_says_that_the_file_system_is_read_only() {
    let mount = "mount -t tmpfs tmpfs $SHM_DIR && shm-writer demo one && shm-writer map block --size 10 x && \
                 (umask 077 && touch $SHM_DIR/.left.lock) && mount -o remount,ro $SHM_DIR";
    let script = format!(
        "for command in \"shm-writer demo two\" \"shm-writer new two\" \"shm-writer create new\" \"shm-writer create demo --slots 128\" \
         \"shm-writer rm demo\" \"shm-writer clean\" \"shm-writer map block x\" \"shm-writer map new --size 10 x\"; \
         do $command 2>&1; echo $?; done; {0} demo two; {0} new two; \
         for command in \"shm-reader demo\" \"shm-reader map block --len 1\"; do $command 2>&1; done",
        python_writer()
    );
    let Some(text) = mounted("every_command_that_changes_something", mount, &script) else { return };
    let advice = "its file system is read-only; mount it read-write, ";
    assert_eq!(text.matches(advice).count(), 10, "{text}");
    assert_eq!(text.lines().filter(|line| *line == "1").count(), 8, "{text}");
    assert!(text.ends_with("one\nx"), "{text}");
}

// Fault 18.
#[test]
fn a_disk_that_becomes_read_only_after_an_error_takes_no_longer_file_and_says_so() {
    let mount = "truncate -s 32M image && mkfs.ext4 -q -F image && mount -o loop,errors=remount-ro image $SHM_DIR && \
                 test -w /sys/fs/ext4/$(basename $(findmnt -no SOURCE $SHM_DIR))/trigger_fs_error";
    let script = "mkfifo input; shm-writer demo < input > out 2>&1 & exec 9> input; echo one >&9; \
                  for i in $(seq 500); do shm-reader demo > seen 2> seen && break; sleep 0.02; done; \
                  echo 1 > /sys/fs/ext4/$(basename $(findmnt -no SOURCE $SHM_DIR))/trigger_fs_error; \
                  echo two >&9; head -c 10000 /dev/zero | tr \"\\0\" x >&9; echo >&9; exec 9>&-; wait $!; echo $?; \
                  cat out; shm-reader demo";
    let Some(text) = mounted("a_disk_that_becomes_read_only", mount, script) else { return };
    assert!(text.starts_with("1\n") && text.contains("its file system is read-only"), "{text}");
    assert!(text.ends_with("two\n"), "{text}");
}

// Fault 78.
#[test]
fn a_file_or_directory_that_is_marked_immutable_or_append_only_is_named() {
    let mount = "truncate -s 32M image && mkfs.ext4 -q -F image && mount -o loop image $SHM_DIR && shm-writer demo one";
    let script = format!(
        "for mark in i a; do for file in demo .demo.lock .; do echo $file $mark; chattr +$mark $SHM_DIR/$file; \
         shm-writer demo two --slots $((slots = ${{slots:-64}} * 2)) 2>&1; shm-writer rm demo 2>&1; {} demo two; chattr -$mark $SHM_DIR/$file; \
         rm -f $SHM_DIR/.demo.new*; done; done; shm-reader demo",
        python_writer().replace("sys.argv[1]", "sys.argv[1], slots=4096")
    );
    let Some(text) = mounted("a_file_or_directory_that_is_marked", mount, &script) else { return };
    let (mut file, mut complaints) = ("", 0);
    for line in text.lines() {
        match line.strip_suffix(" i").or_else(|| line.strip_suffix(" a")) {
            Some(next) => file = next,
            None => {
                let is_named = file == "." || line.contains(&format!("'{file}'"));
                complaints +=
                    usize::from(is_named && line.contains("marked immutable or append-only; clear that mark"));
            }
        }
    }
    assert_eq!(complaints, 18, "{text}");
    assert!(!text.contains("os error") && !text.contains("belongs to user"), "{text}");
}

// Fault 79.
#[test]
fn a_lock_that_the_system_denies_is_not_called_a_writer() {
    let s = Sandbox::new();
    s.ok("shm-writer demo one");
    for (error, cause) in [("EACCES", "AppArmor"), ("EINVAL", "does not support locks of open files (F_OFD_SETLK)")] {
        let denied = format!("strace -f -o trace -e inject=fcntl:error={error}");
        if s.run(&format!("{denied} true")).code() != 0 {
            return skipped("a_lock_that_the_system_denies", "no strace here");
        }
        for command in ["shm-writer demo two", "shm-writer new two", "shm-writer rm demo"] {
            s.run(&format!("{denied} {command}")).exits(1).complains(&["cannot lock region", cause]);
        }
    }
    assert_eq!(s.files(), [".demo.lock", "demo"]);
    s.run("shm-reader demo").prints("one\n");
}

// Fault 80.
//
// systemd-nspawn and LXC mount a file with another id over /proc/sys/kernel/random/boot_id.
#[test]
fn a_container_with_a_boot_id_of_its_own_reads_and_continues_regions_in_memory() {
    let mount = "mount -t tmpfs tmpfs $SHM_DIR && echo 11111111-2222-3333-4444-555555555555 > id && rm -f input && mkfifo input && \
                 { shm-writer demo < input & } && exec 9> input && echo one >&9 && \
                 for i in $(seq 500); do shm-reader demo > seen 2> seen && break; sleep 0.02; done && \
                 mount --bind id /proc/sys/kernel/random/boot_id";
    let python = workspace().join("python").display().to_string();
    let script = format!(
        "read=\"shm-reader demo\"; $read; PYTHONPATH={python} python3 -B -c \"import shm; print(shm.Reader(\\\"demo\\\").latest())\"; \
         {} demo; shm-reader verify demo > seen && echo sound; kill -9 $!; wait $! 2> seen; exec 9>&-; \
         number() {{ stat -c %i $SHM_DIR/demo; }}; before=$(number); $read; \
         shm-writer demo two; {} demo three; test $before = $(number) && echo same; shm-reader demo --from oldest",
        c_reader(),
        python_writer()
    );
    let Some(text) = mounted("a_container_with_a_boot_id_of_its_own", mount, &script) else { return };
    assert_eq!(text, "one\none\none\nsound\none\nsame\none\ntwo\nthree\n");
}

// Fault 81.
#[test]
fn a_copy_with_holes_gets_its_pages_before_it_is_written() {
    let mount = "mount -t tmpfs -o size=8M tmpfs $SHM_DIR";
    let script = format!(
        "cd $SHM_DIR; shm-writer demo --capacity 16KiB one; for copy in rust python; do cp --sparse=always demo $copy; done; \
         stored() {{ du -k $1 | cut -f 1; }}; test $(stored rust) -lt 100 && echo sparse; \
         shm-writer rust two; {0} python two; \
         for copy in rust python; do test $(stored $copy) -gt 1000 && echo $copy; done; \
         cp --sparse=always demo full; head -c 8M /dev/zero > fill 2> /dev/null; \
         shm-writer full two 2>&1; echo $?; {0} full two; \
         seq 100 | shm-writer rust; shm-reader rust; shm-reader full",
        python_writer()
    );
    let Some(text) = mounted("a_copy_with_holes", mount, &script) else { return };
    let lines: Vec<&str> = text.lines().collect();
    let ["sparse", "rust", "python", in_rust, "1", in_python, "100", "one"] = lines[..] else { panic!("{text}") };
    assert!(in_rust.contains("cannot reserve space for region 'full'"), "{text}");
    assert!(in_python.contains("too little free space"), "{text}");
}

// Fault 82.
#[test]
fn a_region_of_another_group_grows_and_a_group_that_matters_is_kept_or_named() {
    let mount = "mount -t tmpfs -o mode=1777 tmpfs $SHM_DIR && cp $(command -v shm-writer) $SHM_DIR/.w && \
                 setpriv --reuid 65534 --regid 65534 --clear-groups $SHM_DIR/.w demo one";
    let script = format!(
        "w=\"setpriv --reuid 65534 --regid 65534 --clear-groups\"; chgrp 1234 $SHM_DIR/demo; \
         $w $SHM_DIR/.w demo --slots 128 two 2>&1; echo $?; shm-reader demo; \
         chgrp 1234 $SHM_DIR/demo; $w unshare -Ur $SHM_DIR/.w demo --slots 256 three 2>&1; echo $?; shm-reader demo; \
         chmod 640 $SHM_DIR/demo; chgrp 1234 $SHM_DIR/demo; $w $SHM_DIR/.w demo --slots 512 four 2>&1; echo $?; \
         shm-reader demo; stat -c %g $SHM_DIR/demo; shm-writer py x; chgrp 1234 $SHM_DIR/py; chmod 640 $SHM_DIR/py; \
         {}",
        python_of_another_group()
    );
    let Some(text) = mounted("a_region_of_another_group", mount, &script) else { return };
    let lines: Vec<&str> = text.lines().collect();
    let ["0", "two", "0", "three", refused, "1", "three", "1234", python] = lines[..] else { panic!("{text}") };
    for refused in [refused, python] {
        assert!(refused.contains("group 1234") && refused.contains("member"), "{text}");
    }
}

/// Grows the region `py`, whose group is 1234, without the permission to give files to that group. Only root can be sure to
/// find the interpreter, so it keeps its user id and gives up the capability.
fn python_of_another_group() -> String {
    let program = "import shm\ntry: shm.Writer(\\\"py\\\", slots=1024).publish(\\\"x\\\")\nexcept shm.Error as error: print(error)";
    let python = workspace().join("python").display().to_string();
    format!("PYTHONPATH={python} setpriv --bounding-set -chown --inh-caps -chown python3 -B -c \"{program}\"")
}

// Fault 83.
#[test]
fn a_lock_file_that_is_removed_from_under_a_writer_ends_it_with_the_cause() {
    let s = Sandbox::new();
    let mut writer = s.spawn("shm-writer demo");
    writer.write("one\n");
    s.holds("demo", "one");
    s.ok("rm $SHM_DIR/.demo.lock");
    s.ok("shm-writer demo two");
    eventually("the writer ends", || {
        writer.offer("three\n");
        (!writer.is_running()).then_some(())
    });
    writer.finish().exits(3).complains(&["cannot publish to region 'demo'", "its file or its lock file"]);
}

// Fault 84.
//
// systemd removes the directory of `RuntimeDirectory=` when its service stops, and creates it again when it starts.
#[test]
fn followers_find_a_region_in_a_directory_that_was_created_again() {
    let s = Sandbox::new().with("PYTHONPATH", &workspace().join("python").display().to_string());
    let mut writer = s.spawn("shm-writer demo");
    writer.write("one\n");
    s.holds("demo", "one");
    let in_python = "python3 -B -u -c 'import shm\nfor value in shm.Reader(\"demo\").follow(timeout=20): print(value)'";
    let mut followers =
        ["shm-reader demo -f -n 2 -t 20s", &format!("{} -f demo", c_reader()), in_python].map(|line| s.spawn(line));
    let mut waiting = s.spawn("shm-reader late -f -n 1 -t 20s");
    for follower in &mut followers {
        follower.expect(&["one"]);
    }
    waiting.settle();
    writer.kill();
    s.ok("rm -r $SHM_DIR; mkdir $SHM_DIR");
    let mut writer = s.spawn("shm-writer demo");
    writer.write("two\n");
    s.ok("shm-writer late x");
    for follower in &mut followers {
        follower.expect(&["two"]);
    }
    waiting.expect(&["x"]);
    drop(writer);
    drop(followers);
}

// Fault 84.
#[test]
fn a_follower_in_a_directory_that_was_removed_and_is_only_still_mounted_gets_an_error() {
    let mount = "rm -rf host box; mkdir host box && SHM_DIR=host shm-writer demo one && mount --bind host box";
    let python = workspace().join("python").display().to_string();
    let script = format!(
        "export SHM_DIR=box; shm-reader demo -f -t 20s > out-r 2>&1 & shm-reader late -f -t 20s > out-l 2>&1 & {} -f demo > out-c 2>&1 & \
         PYTHONPATH={python} python3 -B -u -c \"import shm\nfor value in shm.Reader(\\\"demo\\\").follow(timeout=20): print(value)\" > out-p 2>&1 & \
         for out in out-r out-p; do for i in $(seq 500); do grep -q one $out && break; sleep 0.02; done; done; \
         rm -r host; mkdir host; SHM_DIR=host shm-writer demo two; \
         for job in 1 2 4; do wait %$job; echo $?; done; wait; for out in r l p; do grep \"directory was removed\" out-$out; done; \
         {} demo 2>&1; shm-reader demo 2>&1",
        c_reader(),
        c_reader()
    );
    let Some(text) = mounted("a_follower_in_a_directory_that_was_removed", mount, &script) else { return };
    let advice = "mount the directory that replaced it, or its parent directory";
    assert!(text.starts_with("1\n1\n1\n") && text.matches(advice).count() == 3, "{text}");
}
