//! Tests of blocks on file systems that map files differently. Each test runs itself again in a mount namespace of its own.

use super::*;
use std::fs;

/// Runs a test of this file again, in a mount namespace in which `mount` was run. Returns the directory `$DIR` in the
/// second run, and `None` in the first one.
fn mounted(test: &str, mount: &str) -> Option<String> {
    if let Ok(directory) = std::env::var("SHM_MOUNTED") {
        return Some(directory);
    }
    let directory = tempfile::tempdir().unwrap();
    let run = |then: &str| {
        let mut command = Command::new("unshare");
        let program = again(&format!("block::tests::file_systems::{test}"));
        command.args(["--mount", "sh", "-c", &format!("cd \"$DIR\" && {mount} && {then}"), "sh"]);
        command.arg(program.get_program()).args(program.get_args());
        command.env("DIR", directory.path()).env("SHM_MOUNTED", directory.path()).output().unwrap()
    };
    if !run("true").status.success() {
        skipped(test, "not allowed here");
        return None;
    }
    let output = run("\"$@\"");
    assert!(output.status.success(), "{output:?}");
    None
}

// Fault 74.
#[test]
fn blocks_work_on_huge_pages() {
    const HUGE: usize = 2 << 20;
    let mount = "pages=/proc/sys/vm/nr_hugepages && old=$(cat $pages) && trap \"echo $old > $pages\" EXIT && \
                 echo $((old + 8)) > $pages && test $(cat $pages) = $((old + 8)) && mount -t hugetlbfs none \"$DIR\"";
    let Some(directory) = mounted("blocks_work_on_huge_pages", mount) else { return };
    let path = format!("{directory}/block");
    let mapped = || fs::read_to_string("/proc/self/maps").unwrap().matches("/block").count();
    let mut shared = Block::options().len(10).create(true).open(&path).unwrap();
    shared.write(b"hello").unwrap();
    assert_eq!((shared.len(), mapped()), (10, 1));

    let mut copy = Block::options().access(Access::Copy).len(10).open(&path).unwrap();
    copy.write(b"HE").unwrap();
    assert_eq!((copy.get(..).unwrap(), shared.get(..5).unwrap()), (b"HEllo\0\0\0\0\0".to_vec(), b"hello".to_vec()));
    copy.madvise(Advice::DontNeed, 0, 10).unwrap();
    assert_eq!(copy.get(..5).unwrap(), b"hello", "its own copy was given up");
    assert_eq!(open(&path, Access::Read).get(..5).unwrap(), b"hello");
    drop(copy);
    assert_eq!(mapped(), 1, "all of a block is unmapped");

    for len in [3 * HUGE - 5, HUGE + 1, 20, 3] {
        shared.resize(len).unwrap();
        let grown = open(&path, Access::Read);
        assert_eq!((shared.len(), grown.len()), (len, len.next_multiple_of(HUGE)));
        assert_eq!((shared.get(..3).unwrap(), mapped()), (b"hel".to_vec(), 2));
        shared.set_byte(-1, b'!').unwrap();
        assert_eq!(grown.byte_at(isize::try_from(len).unwrap() - 1).unwrap(), b'!');
        shared.set_byte(-1, b"hel".get(len - 1).copied().unwrap_or(0)).unwrap();
    }
    let odd = Block::options().offset(4096).len(10).open(&path).unwrap_err().to_string();
    assert!(odd.contains("not a multiple of 2097152, the size of a page"), "{odd}");
    let too_large = Block::options().len(64 * HUGE).open(&path).unwrap_err();
    assert!(matches!(too_large, BlockError::NoSpace { .. }), "{too_large}");
    let refused = shared.resize(64 * HUGE).unwrap_err();
    assert!(matches!(refused, BlockError::NoSpace { .. }), "{refused}");
    assert_eq!((shared.get(..).unwrap(), mapped()), (b"hel".to_vec(), 1));
    drop(shared);
    assert_eq!(mapped(), 0, "all of a block is unmapped");
}

// Fault 71.
//
// A block is not replaced: a mapping of the lower file keeps showing that file after another program has opened the block for
// writing. The block's length is that of the new file.
#[test]
fn a_private_block_on_an_overlay_keeps_the_file_that_it_was_opened_on() {
    let mount = "mount -t tmpfs tmpfs \"$DIR\" && cd \"$DIR\" && mkdir lower upper work merged && printf hello > lower/block && \
                 mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay merged";
    let test = "a_private_block_on_an_overlay_keeps_the_file_that_it_was_opened_on";
    let Some(directory) = mounted(test, mount) else { return };
    let path = format!("{directory}/merged/block");
    let (mut copy, read) = (open(&path, Access::Copy), open(&path, Access::Read));
    copy.write(b"HE").unwrap();
    let mut shared = Block::open(&path).unwrap();
    shared.write(b"world").unwrap();
    shared.resize(9).unwrap();
    assert_eq!((copy.get(..).unwrap(), read.get(..).unwrap()), (b"HEllo".to_vec(), b"hello".to_vec()));
    assert_eq!((copy.size().unwrap(), copy.len()), (9, 5));
    for access in [Access::Copy, Access::Read, Access::Write] {
        assert_eq!(open(&path, access).get(..).unwrap(), b"world\0\0\0\0", "{access:?}");
    }
    assert_eq!(fs::read(format!("{directory}/lower/block")).unwrap(), b"hello");
}
