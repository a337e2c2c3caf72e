//! Tests of two implementations that were written from docs/FORMAT.md alone, the reader in C and the
//! Python package, together with the programs of this workspace.

use std::path::PathBuf;
use std::sync::OnceLock;

use super::vectors::OF_ANOTHER_BOOT;
use crate::harness::{Sandbox, skipped, workspace};
use nix::sys::signal::Signal;

/// Compiles the reader in C, with warnings as errors, and returns the path of the program.
pub fn c_reader() -> &'static str {
    static PROGRAM: OnceLock<String> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("c-reader").display().to_string();
        let source = workspace().join("docs/examples/reader.c").display().to_string();
        Sandbox::new().ok(&format!("cc -std=c11 -Wall -Wextra -Werror -O2 -o {program} {source}"));
        program
    })
}

#[test]
fn a_program_in_c_prints_the_newest_value_of_every_kind() {
    let s = Sandbox::new();
    let reader = c_reader();
    s.ok("shm-writer demo hello; shm-writer --as json object '{\"a\": 1}'; shm-writer --checksum safe sound");
    s.run(&format!("{reader} demo; {reader} object; {reader} safe")).prints("hello\n{\"a\": 1}\nsound\n");
    s.ok("rover; shm-writer create cam --array u1:2,3; printf abcdef | shm-writer cam");
    s.run(&format!("{reader} cam")).prints("abcdef\n");
    s.ok(&format!("shm-reader --raw rover > expected; echo >> expected; {reader} rover | cmp - expected"));
    s.ok("head -c 100000 /dev/urandom > large; shm-writer -q --replace --as bytes --file large demo");
    s.ok(&format!("{reader} demo | head -c 100000 | cmp - large"));
}

#[test]
fn a_program_in_c_follows_through_growth_and_counts_what_it_missed() {
    let s = Sandbox::new();
    let reader = c_reader();
    let mut writer = s.spawn("shm-writer demo");
    writer.write("start\n");
    s.holds("demo", "start");
    let mut follower = s.spawn(&format!("{reader} -f demo"));
    follower.expect(&["start"]);
    writer.write("one\n");
    follower.expect(&["one"]);
    let long = "x".repeat(10_000);
    writer.write(&format!("{long}\ntwo\n"));
    follower.expect(&[long.as_str(), "two"]);
    writer.close_stdin();
    writer.wait().exits(0);
    follower.wait().exits(0);

    let mut writer = s.spawn("sh -c '{ echo 1; read go; seq 2 100000; } | shm-writer --slots 4 few'");
    s.holds("few", "1");
    let mut follower = s.spawn(&format!("{reader} -f few"));
    follower.expect(&["1"]);
    writer.write("go\n");
    let outcome = follower.finish().exits(0);
    let missed = outcome
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("missed ")?.split(' ').next()?.parse::<usize>().ok());
    let missed: usize = missed.sum();
    let received = outcome.lines();
    assert_eq!(received.len() + missed, 99_999, "all after the first: {}", outcome.stderr);
    assert_eq!(received.last().map(String::as_str), Some("100000"));
}

#[test]
fn a_program_in_c_that_waits_ends_when_its_pipe_is_closed() {
    let s = Sandbox::new();
    let writer = s.spawn("shm-writer alive hello --every 1h");
    s.holds("alive", "hello");
    s.run(&format!("{{ {} -f alive; echo $? >&2; }} | head -n 1", c_reader())).complains(&["141"]);
    writer.kill();
}

#[test]
fn a_program_in_c_refuses_what_it_must() {
    let s = Sandbox::new();
    let reader = c_reader();
    s.ok("shm-writer demo hello; printf plain > $SHM_DIR/plain; : > $SHM_DIR/empty; mkfifo $SHM_DIR/pipe");
    for (name, code) in [("missing", 3), ("plain", 5), ("empty", 5), ("pipe", 5), (".hidden", 2)] {
        s.run(&format!("{reader} {name}")).exits(code).complains(&[name]);
    }
    s.ok("printf X | dd of=$SHM_DIR/demo bs=1 seek=64 conv=notrunc status=none");
    s.run(&format!("{reader} demo")).exits(5).complains(&["demo", "CRC of the header"]);
    s.ok("shm-writer create --slots 2 short; truncate -s 4096 $SHM_DIR/short");
    s.run(&format!("{reader} short")).exits(5).complains(&["short", "damaged"]);
}

#[test]
fn a_program_in_c_and_ours_go_on_after_values_with_an_impossible_stamp_or_length() {
    for reader in [&format!("{} -f", c_reader()), "shm-reader --until-closed"] {
        let s = Sandbox::new();
        let mut writer = s.spawn("shm-writer --slots 8 --capacity 8 demo");
        writer.write("one\n");
        s.holds("demo", "one");
        let mut follower = s.spawn(&format!("{reader} demo"));
        follower.expect(&["one"]);
        follower.signal(Signal::SIGSTOP);
        writer.write("two\nthree\nfour\nfive\n");
        s.holds("demo", "five");
        for at in [4096 + 2 * 64, 4096 + 4 * 64 + 8 + 5] {
            s.ok(&format!("printf '\\001' | dd of=$SHM_DIR/demo bs=1 seek={at} conv=notrunc status=none"));
        }
        follower.signal(Signal::SIGCONT);
        follower.expect(&["three", "five"]);
        writer.close_stdin();
        writer.wait().exits(0);
        follower.wait().exits(5).complains(&["value 2", "value 4", "damaged"]);
    }
}

#[test]
fn a_program_in_c_that_waits_notices_that_the_file_was_cut_short() {
    let s = Sandbox::new();
    s.ok("shm-writer demo one");
    s.ok("printf '\\001' | dd of=$SHM_DIR/demo bs=1 seek=384 conv=notrunc status=none"); // the state open
    let mut follower = s.spawn(&format!("{} -f demo", c_reader()));
    follower.expect(&["one"]);
    s.ok("truncate -s 16384 $SHM_DIR/demo"); // the slot of the next value stays
    follower.wait().exits(5).complains(&["demo", "cut short"]);
}

#[test]
fn a_program_in_c_reads_from_the_vectors_what_they_say() {
    let s = Sandbox::on_disk();
    let vectors = workspace().join("docs/vectors");
    let text = std::fs::read_to_string(vectors.join("vectors.json")).expect("the index");
    let entries: Vec<serde_json::Value> = serde_json::from_str(&text).expect("a list");
    for entry in entries {
        let file = entry["file"].as_str().expect("a file");
        // The reader in C does not interpret schemas, and prints only the newest value here.
        let is_about_schemas = file.starts_with("schema-")
            || ["array-without-schema", "dtype", "fingerprint", "record-beyond"]
                .iter()
                .any(|part| file.starts_with(part));
        if is_about_schemas || file == OF_ANOTHER_BOOT && !s.is_on_disk() {
            continue;
        }
        std::fs::copy(vectors.join(file), s.shm(file)).expect("a copy");
        let outcome = s.run(&format!("{} {file}", c_reader()));
        let wanted = match &entry["latest"] {
            serde_json::Value::Number(_) => 0,
            serde_json::Value::String(_) => 5,
            _ if entry["refused"].is_string() => 5,
            _ => 3,
        };
        assert_eq!(outcome.code(), wanted, "{entry} {outcome:?}");
        let newest = entry["values"]
            .as_array()
            .and_then(|values| values.iter().find(|value| value["sequence"] == entry["latest"]));
        if let Some(newest) = newest {
            let hex: String = outcome.stdout.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, format!("{}0a", newest["hex"].as_str().expect("hex")), "{file}");
        }
    }
}

/// Returns a sandbox in which Python finds the package `shm`. Returns `None` and prints a message if
/// there is no suitable Python.
fn with_python(test: &str) -> Option<Sandbox> {
    let s = Sandbox::new().with("PYTHONPATH", &workspace().join("python").display().to_string());
    let s = s.with("PYTHONDONTWRITEBYTECODE", "1");
    if s.run("python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))'").code() != 0 {
        skipped(test, "python3 is missing or older than 3.10");
        return None;
    }
    Some(s)
}

/// Runs a Python program, with the modules imported that these tests use, and returns its output.
fn python(s: &Sandbox, program: &str) -> String {
    let program = format!("import json, shm, sys, time\n{program}");
    std::fs::write(s.outside("program.py"), program).expect("a file in the sandbox");
    s.ok(&format!("python3 {}", s.outside("program.py").display()))
}

#[test]
fn python_reads_every_kind_that_ours_write() {
    let Some(s) = with_python("python_reads_every_kind") else { return };
    s.ok("shm-writer text 'grüße'; shm-writer --as json object '{\"a\": [1, null]}'; printf '\\0\\377' | shm-writer --whole raw");
    s.ok("rover; shm-writer create cam --array u2:2,2; printf '\\1\\0\\2\\0\\3\\0\\377\\377' | shm-writer cam");
    s.ok("shm-writer --checksum safe sound");
    let read = "for name in ['text', 'object', 'raw', 'safe']:\n    print(repr(shm.Reader(name).latest()))\n\
                print(shm.Reader('cam').latest().tolist(), shm.Reader('cam').array)\n\
                rover = shm.Reader('rover').latest()\n\
                print(rover['thumbnail'], rover['power'], list(rover)[:3], rover['hits_by_sector'])\n";
    let expected = "'grüße'\n{'a': [1, None]}\nb'\\x00\\xff'\n'sound'\n\
                    [[1, 2], [3, 65535]] {'dtype': '<u2', 'shape': [2, 2]}\n\
                    b'\\xff\\xd8\\xff' {'Cable': 'dock 2'} ['name', 'position', 'wheels'] {2: 7, 10: 1}\n";
    assert_eq!(python(&s, read), expected);
}

#[test]
fn ours_read_every_kind_that_python_writes() {
    let Some(s) = with_python("ours_read_every_kind") else { return };
    s.ok("rover; shm-reader --raw --from oldest rover > before; shm-reader inspect --schema rover > rover.json");
    let write = "for name, kind, value in [('text', 'text', 'grüße'), ('object', 'json', {'a': [1, None]}), ('raw', 'bytes', b'\\0\\xff')]:\n    \
                     with shm.Writer(name, kind) as writer:\n        \
                         writer.publish(value)\n\
                 with shm.Writer('safe', 'text', checksum=True) as writer:\n    \
                     writer.publish('sound')\n\
                 with shm.Writer('cam', dtype='u2', shape=[2, 2]) as writer:\n    \
                     writer.publish(bytes([1, 0, 2, 0, 3, 0, 255, 255]))\n\
                 reader = shm.Reader('rover', start='oldest')\n\
                 values = [reader.recv(0) for _ in range(3)]\n\
                 with shm.Writer('rover') as again, shm.Writer('twin', schema=open('rover.json').read()) as twin:\n    \
                     for value in values:\n        \
                         again.publish(value)\n        \
                         twin.publish(value)\n    \
                     try:\n        \
                         twin.publish({**values[0], 'position': [1.0, 'east']})\n    \
                     except shm.BadValue as error:\n        \
                         print(error)\n";
    let refusal = python(&s, write);
    assert!(refusal.contains("twin") && refusal.contains("position") && refusal.contains("'east'"), "{refusal}");
    s.run("shm-reader text; shm-reader object; shm-reader --hex raw | head -n 1; shm-reader safe; shm-reader cam").prints(
        "grüße\n{\"a\":[1,null]}\n00000000  00 ff                                            |..|\nsound\nu2 2x2: 1, 2, 3, 65535\n",
    );
    s.ok("shm-reader --raw --from -3 rover | cmp - before; shm-reader --raw --from oldest twin | cmp - before");
    assert_eq!(s.inspect("twin")["fingerprint"], s.inspect("rover")["fingerprint"]);
    for region in ["text", "object", "raw", "safe", "cam", "rover", "twin"] {
        s.run(&format!("shm-reader verify {region}")).prints("ok\n");
    }
}

#[test]
fn python_follows_through_growth_restarts_and_removal() {
    let Some(s) = with_python("python_follows") else { return };
    let follow = "import shm\n\
                  reader = shm.Reader('demo', open_timeout=None)\n\
                  for value in reader.follow():\n    \
                      print(reader.sequence, len(value), reader.lost, reader.restarted, flush=True)\n";
    std::fs::write(s.home("follow.py"), follow).expect("a file in the sandbox");
    let mut follower = s.spawn("python3 follow.py");
    s.ok("shm-writer demo one");
    follower.expect(&["1 3 0 False"]);
    s.ok("head -c 20000 /dev/zero | tr '\\0' x | shm-writer demo");
    follower.expect(&["2 20000 0 False"]);
    let writer = s.spawn("shm-writer demo 'tick {seq}' -e 1h");
    follower.expect(&["3 6 0 False"]);
    writer.kill();
    s.ok("shm-writer demo four");
    follower.expect(&["4 4 0 False"]);
    s.ok("shm-writer rm demo; shm-writer demo back");
    follower.expect(&["1 4 0 True"]);
    follower.kill();
}

#[test]
fn ours_follow_a_python_writer_through_growth_and_its_death() {
    let Some(s) = with_python("ours_follow_a_python_writer") else { return };
    let write = "import shm, sys\n\
                 writer = shm.Writer('demo', 'text', capacity=8, slots=4)\n\
                 for line in sys.stdin:\n    \
                     print(writer.publish(line.strip() * (5000 if line == 'x\\n' else 1)), flush=True)\n";
    std::fs::write(s.home("write.py"), write).expect("a file in the sandbox");
    let mut follower = s.spawn("shm-reader -f --from 1 demo");
    let mut writer = s.spawn("python3 write.py");
    writer.write("one\n");
    writer.expect(&["1"]);
    follower.expect(&["one"]);
    writer.write("x\n");
    follower.expect(&["x".repeat(5000).as_str()]);
    s.run("shm-writer demo 'me too'").exits(7);
    writer.kill();
    s.ok("shm-writer demo three");
    follower.expect(&["three"]);
    follower.kill();
}

#[test]
fn frames_go_to_python_and_back_whole() {
    let Some(s) = with_python("frames_go_to_python") else { return };
    let read = "import shm\n\
                reader = shm.Reader('camera', start=1, open_timeout=None)\n\
                whole = torn = 0\n\
                for frame in reader:\n    \
                    data = bytes(frame)\n    \
                    same = data.count(data[:1]) == len(data) == 480 * 640 * 3\n    \
                    whole, torn = whole + same, torn + (not same)\n\
                print(whole + reader.lost, torn)\n";
    std::fs::write(s.home("frames.py"), read).expect("a file in the sandbox");
    let reader = s.spawn("python3 frames.py");
    s.ok("camera 60");
    reader.wait().prints("60 0\n");
    s.ok("shm-writer rm camera");
    let frames = s.spawn("frames");
    python(
        &s,
        "with shm.Writer('camera', dtype='u1', shape=[480, 640, 3]) as camera:\n    \
             due = time.monotonic()\n    \
             for number in range(60):\n        \
                 camera.publish(bytes([number % 251]) * (480 * 640 * 3))\n        \
                 due += 1 / 60\n        \
                 time.sleep(max(0, due - time.monotonic()))\n",
    );
    frames.wait().prints("60 frames of [480, 640, 3], 0 lost, 0 torn\n");
}
