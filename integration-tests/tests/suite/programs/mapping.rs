//! Tests of `map`: the plain bytes of a block, and the same bytes through Python's `mmap`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::harness::{Sandbox, skipped};

#[test]
fn what_is_stored_is_printed_with_the_zeros_behind_it() {
    let s = Sandbox::new();
    s.run("shm-writer map block --size 8 hello").prints("");
    s.run("shm-reader map block").prints("hello\0\0\0");
    s.run("shm-reader map block --at 1 --len 3").prints("ell");
    s.run("shm-reader map block --at 4 --len 100").prints("o\0\0\0");
    s.run("shm-reader map block --at 8").prints("");
    s.run("shm-writer map block --at 1 u").prints("");
    s.run("shm-reader map block --hex --at 1 --len 4")
        .prints("00000001  75 6c 6c 6f                                      |ullo|\n00000005\n");
}

#[test]
fn without_a_value_all_of_stdin_is_stored() {
    let s = Sandbox::new();
    s.run("head -c 100000 /dev/urandom > f; shm-writer map block --size 100000 < f").prints("");
    s.run("shm-reader map block | cmp - f").prints("");
    s.run("printf 'b\\n' | shm-writer map block --at 99998; shm-reader map block --at 99998").prints("b\n");
    s.run("echo unread | shm-writer map block given; shm-reader map block --len 5").prints("given");
}

#[test]
fn a_size_makes_or_extends_a_block_and_never_cuts_one() {
    let s = Sandbox::new();
    s.ok("shm-writer map block --size 10 abc");
    assert_eq!(s.shm("block").metadata().expect("a block").permissions().mode() & 0o777, 0o600);
    s.ok("shm-writer map block --size 20 --at 17 xyz");
    s.run("shm-reader map block").prints("abc\0\0\0\0\0\0\0\0\0\0\0\0\0\0xyz");
    s.ok("shm-writer map block --size 4 ABC");
    s.run("shm-reader map block --len 4; stat -c %s $SHM_DIR/block").prints("ABC\x0020\n");
}

#[test]
fn a_write_that_does_not_fit_is_refused_whole() {
    let s = Sandbox::new();
    s.ok("shm-writer map block --size 10 0123456789");
    let check = |command: &str, code: i32, words: &[&str]| {
        s.run(command).exits(code).complains(words);
    };
    check("shm-writer map block --at 8 abc", 1, &["write 3 bytes at 8 of 'block'", "it has only 10 bytes"]);
    check("shm-writer map block --at 11 ''", 1, &["seek to 11 in 'block'", "it has only 10 bytes"]);
    check("shm-writer map block --at 1EiB a", 1, &["'block'"]);
    check("shm-writer map block --size 4 abcde", 2, &["cannot store 5 bytes at 0 of 'block': --size 4 is too small"]);
    check("shm-writer map fresh --size 4 abcde", 2, &["--size 4"]);
    check("shm-writer map fresh --size 0 ''", 2, &["--size 0"]);
    check("shm-writer map fresh --size 8EiB a", 1, &["fresh", "address"]);
    check("shm-writer map fresh a", 3, &["no block named 'fresh'", "--size"]);
    check("shm-reader map fresh", 3, &["no block named 'fresh'"]);
    check("shm-reader map block --at 11", 1, &["seek to 11 in 'block'"]);
    s.run("shm-reader map block").prints("0123456789");
    assert_eq!(s.files(), ["block"]);
}

#[test]
fn a_region_is_refused_unless_forced() {
    let s = Sandbox::new();
    s.ok("shm-writer demo hello");
    let before = fs::read(s.shm("demo")).expect("a region");
    let refused =
        s.run("shm-writer map demo --at 100 x").exits(1).complains(&["'demo'", "is a region", "leave out 'map'"]);
    assert!(!refused.stderr.contains("--force"), "what may damage a region is not advised: {refused:?}");
    s.run("shm-writer map demo --size 1MiB x").exits(1).complains(&["is a region"]);
    s.run("shm-reader map demo").exits(1).complains(&["'demo'", "is a region", "leave out 'map'"]);
    assert!(fs::read(s.shm("demo")).expect("a region") == before, "it is untouched");
    s.run("shm-reader map demo --force --len 3").prints("shm");
    s.ok("shm-writer map demo --force --at 4 R");
    s.run("shm-reader map demo --len 8").prints("shm\0Ring");
}

#[test]
fn what_is_not_a_plain_file_is_refused_at_once() {
    let s = Sandbox::new();
    s.ok("cd $SHM_DIR; mkdir directory; mkfifo pipe; ln -s block link; printf x > block; : > empty");
    for (name, reason) in
        [("directory", "not a regular file"), ("pipe", "not a regular file"), ("link", "symbolic link")]
    {
        for program in ["shm-writer map --size 8", "shm-reader map"] {
            s.run(&format!("{program} {name}")).exits(1).complains(&["cannot map", name, reason]);
        }
    }
    s.run("shm-reader map empty").exits(1).complains(&["empty", "its file is empty"]);
    s.run("shm-reader map ../block").exits(3).complains(&["no block named '../block'"]);
    s.run("shm-reader map .hidden").exits(2).complains(&[".hidden"]);
}

#[test]
fn a_block_is_not_a_region() {
    let s = Sandbox::new();
    s.ok("shm-writer map block --size 5 hello");
    s.run("shm-reader list").prints("");
    s.run("shm-reader block").exits(5).complains(&["'block': the file is not a region"]);
    s.run("shm-writer block x").exits(5).complains(&["'block': the file is not a region"]);
    s.run("shm-writer rm --force block").exits(5).complains(&["'block': the file is not a region"]);
    s.run("shm-reader map block").prints("hello");
    assert_eq!(s.files(), ["block"]);
}

#[test]
fn a_path_is_a_file_of_its_own() {
    let s = Sandbox::new();
    s.ok("shm-writer map ./block --size 5 hello");
    assert_eq!((s.files(), s.home_files()), (vec![], vec!["block".to_owned()]));
    s.run("shm-reader map ./block; cat block").prints("hellohello");
}

/// Returns a sandbox and the command that runs Python in it, or `None` after a message if Python is missing.
fn with_python(test: &str) -> Option<Sandbox> {
    let s = Sandbox::new();
    if s.run("python3 --version").code() != 0 {
        skipped(test, "there is no python3");
        return None;
    }
    Some(s)
}

#[test]
fn python_reads_what_the_writer_stored() {
    let Some(s) = with_python("python_reads") else { return };
    s.ok("shm-writer map block --size 64 'from the shell'");
    let read = "import mmap, os; f = open(os.environ['SHM_DIR'] + '/block', 'r+b'); m = mmap.mmap(f.fileno(), 0)";
    s.run(&format!("python3 -c \"{read}; print(len(m), m.read(14), m.find(b'shell', 0))\""))
        .prints("64 b'from the shell' 9\n");
}

#[test]
fn the_reader_prints_what_python_stored() {
    let Some(s) = with_python("the_reader_prints") else { return };
    let write = "import mmap, os; f = open(os.environ['SHM_DIR'] + '/block', 'w+b'); f.truncate(16); \
                 m = mmap.mmap(f.fileno(), 0); m.write(b'from Python')";
    s.run(&format!("python3 -c \"{write}\"")).prints("");
    s.run("shm-reader map block").prints("from Python\0\0\0\0\0");
    s.run("shm-writer map block --at 5 shell.; shm-reader map block --len 11").prints("from shell.");
}

#[test]
fn both_see_each_others_bytes_while_they_have_the_block_mapped() {
    let Some(s) = with_python("both_see") else { return };
    s.ok("shm-writer map block --size 16 zero");
    let script = "import mmap, os, sys\n\
                  f = open(os.environ['SHM_DIR'] + '/block', 'r+b')\n\
                  m = mmap.mmap(f.fileno(), 0)\n\
                  for line in sys.stdin:\n    \
                      print(m[0:4].decode(), flush=True)\n    \
                      m[8:12] = line.strip().encode()\n    \
                      print('stored', flush=True)\n";
    fs::write(s.home("peer.py"), script).expect("a file in the sandbox");
    let mut peer = s.spawn("python3 peer.py");
    for (stored, from_python) in [("one.", "ONE."), ("two.", "TWO.")] {
        s.ok(&format!("shm-writer map block {stored}"));
        peer.write(&format!("{from_python}\n"));
        peer.expect(&[stored, "stored"]);
        s.run("shm-reader map block --at 8 --len 4").prints(from_python);
    }
    peer.close_stdin();
    peer.wait().exits(0);
}
