//! Tests of blocks that have no equivalent in Python: several blocks of one file, messages, extending
//! files, names, and the standard library's traits. Everything else is compared with Python.

use super::*;
use crate::sys::mapping::page_bytes;
use std::io::Write as _;
use std::process::Command;

mod file_systems;
mod files;
mod hammer;
// Python has 64-bit offsets here, also beside a 32-bit program.
#[cfg(target_pointer_width = "64")]
mod python;
mod streams;

/// Reports that a test could not run here. Writes to stderr directly, so the test runner does not
/// capture it.
fn skipped(test: &str, reason: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {reason}");
}

/// Returns a command that runs one test of this program in a separate process, whose environment the
/// caller can change.
fn again(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]);
    command
}

/// Creates a directory, and returns the path of a block in it that does not exist yet.
fn block() -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("block").display().to_string();
    (directory, path)
}

/// Creates a block with these bytes.
fn block_of(bytes: &[u8]) -> (tempfile::TempDir, String) {
    let (directory, path) = block();
    std::fs::write(&path, bytes).unwrap();
    (directory, path)
}

fn open(path: &str, access: Access) -> Block {
    Block::options().access(access).open(path).unwrap()
}

#[test]
fn maps_of_one_file_see_each_others_bytes_at_once() {
    let (_directory, path) = block_of(b"........");
    let (mut writer, mut other) = (Block::open(&path).unwrap(), Block::open(&path).unwrap());
    let mut reader = open(&path, Access::Read);
    writer.write(b"one").unwrap();
    assert_eq!((reader.get(..).unwrap(), other.get(..).unwrap()), (b"one.....".to_vec(), b"one.....".to_vec()));
    other.set_byte(-1, b'!').unwrap();
    assert_eq!((writer.byte_at(7).unwrap(), reader.byte_at(7).unwrap()), (b'!', b'!'));
    assert_eq!(reader.read(3).unwrap(), b"one");
    assert_eq!(std::fs::read(&path).unwrap(), b"one....!");
}

#[test]
fn a_copy_on_write_map_keeps_its_bytes_to_itself_and_sees_those_of_others_in_pages_that_it_did_not_change() {
    let page = page_bytes();
    let (_directory, path) = block_of(&vec![b'.'; 2 * page]);
    let (mut copy, mut shared) = (open(&path, Access::Copy), Block::open(&path).unwrap());
    copy.write(b"mine").unwrap();
    shared.set_byte(10, b'!').unwrap();
    shared.set_byte(-1, b'!').unwrap();
    assert_eq!((copy.get(..11).unwrap(), copy.byte_at(-1).unwrap()), (b"mine.......".to_vec(), b'!'));
    assert_eq!(shared.get(..11).unwrap(), b"..........!");
    copy.madvise(Advice::DontNeed, 0, page).unwrap();
    assert_eq!(copy.get(..11).unwrap(), b"..........!");
}

#[test]
fn a_read_only_map_and_a_copy_on_write_map_are_made_of_a_file_that_is_read_only() {
    let (_directory, path) = block_of(b"hello");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
    open(&path, Access::Copy).write(b"HELLO").unwrap();
    assert_eq!(open(&path, Access::Read).read_all().unwrap(), b"hello");
}

#[test]
fn what_does_not_fit_is_not_stored_in_part() {
    let mut map = Block::anonymous(8).unwrap();
    map.write(b"hello").unwrap();
    assert!(map.write(b"world").is_err());
    assert!(map.set(5.., b"world").is_err());
    assert!(map.move_within(4, 0, 5).is_err());
    assert!(map.write_all(b"world").is_err());
    assert_eq!((map.get(..).unwrap(), map.tell().unwrap()), (b"hello\0\0\0".to_vec(), 5));
}

#[test]
fn ranges_are_what_the_language_makes_of_them() {
    let mut map = Block::anonymous(5).unwrap();
    map.write(b"hello").unwrap();
    let from_behind = (std::ops::Bound::Excluded(1), std::ops::Bound::Unbounded);
    for (got, expected) in [
        (map.get(..=1), "he"),
        (map.get(..=-1), "hello"),
        (map.get(-4..=-2), "ell"),
        (map.get(1..=isize::MAX), "ello"),
        (map.get(isize::MIN..=isize::MIN), ""),
        (map.get(from_behind), "llo"),
        (map.get((std::ops::Bound::Excluded(-1), std::ops::Bound::Unbounded)), ""),
    ] {
        assert_eq!(got.unwrap(), expected.as_bytes());
    }
    map.set(..=0, b"H").unwrap();
    assert_eq!((map.find(b"l", ..=2).unwrap(), map.rfind(b"l", ..=-1).unwrap()), (Some(2), Some(3)));
    assert_eq!(map.get(..).unwrap(), b"Hello");
}

#[test]
fn bytes_are_found_also_where_they_lie_across_what_is_searched_at_a_time() {
    for needle in [&b"1"[..], b"12", b"123456789", &[b'1'; SEARCH_BYTES + 1]] {
        let step = SEARCH_BYTES.max(needle.len());
        // In the middle of this block, both `find` and `rfind` are at the border of a part.
        let mut map = Block::anonymous(4 * step).unwrap();
        for before in [0, 1, 2, needle.len(), needle.len() + 1, needle.len() + 2] {
            let at = 2 * step + 1 - before;
            let range = isize::try_from(at).unwrap()..isize::try_from(at + needle.len()).unwrap();
            map.set(range.clone(), needle).unwrap();
            let found = (map.find(needle, ..).unwrap(), map.rfind(needle, ..).unwrap());
            assert_eq!(found, (Some(at), Some(at)), "{} bytes, {before} before", needle.len());
            map.set(range, &vec![0; needle.len()]).unwrap();
        }
    }
}

#[test]
#[expect(unsafe_code, reason = "the test is about unsafe methods")]
fn slices_show_and_change_the_bytes_themselves() {
    let (_directory, path) = block_of(b"hello");
    let mut map = Block::open(&path).unwrap();
    // SAFETY: only this test has the file, and it maps the file once.
    unsafe { map.as_mut_slice() }.unwrap()[0] = b'j';
    // SAFETY: as above.
    assert_eq!(unsafe { map.as_slice() }.unwrap(), b"jello");
    assert_eq!(std::fs::read(&path).unwrap(), b"jello");
    let mut map = open(&path, Access::Read);
    // SAFETY: as above.
    let refused = unsafe { map.as_mut_slice() };
    assert!(matches!(refused, Err(BlockError::Refused { .. })), "{refused:?}");
}

#[test]
fn a_map_goes_from_thread_to_thread_and_is_read_by_several() {
    fn is_shared<T: Send + Sync>(map: T) -> T {
        map
    }
    let mut map = is_shared(Block::anonymous(5).unwrap());
    let writer = std::thread::spawn(move || map.write(b"hello").map(|_| map));
    let map = writer.join().unwrap().unwrap();
    std::thread::scope(|scope| {
        for letter in [b"h", b"o"] {
            let map = &map;
            scope.spawn(move || assert!(map.find(letter, ..).unwrap().is_some()));
        }
    });
}

#[test]
fn messages_say_what_was_asked_and_what_is_possible() {
    let (_directory, path) = block_of(&[b'.'; 64]);
    let mut map = Block::open(&path).unwrap();
    let check = |error: BlockError, expected: &str| assert_eq!(error.to_string(), expected.replace("BLOCK", &path));
    map.seek(std::io::SeekFrom::Start(60)).unwrap();
    check(
        map.write(b"0123456789").unwrap_err(),
        "cannot write 10 bytes at 60 of 'BLOCK': it has only 64 bytes; stay within it, or resize it",
    );
    check(
        map.seek(std::io::SeekFrom::Current(-61)).unwrap_err(),
        "cannot seek to -1 in 'BLOCK': it has only 64 bytes; stay within it, or resize it",
    );
    check(
        map.byte_at(64).unwrap_err(),
        "cannot read byte 64 of 'BLOCK': it has only 64 bytes; stay within it, or resize it",
    );
    check(
        map.set_byte(-65, 0).unwrap_err(),
        "cannot write byte -65 of 'BLOCK': it has only 64 bytes; stay within it, or resize it",
    );
    check(
        map.set(1..3, b"abc").unwrap_err(),
        "cannot store 3 bytes in a range of 'BLOCK': the range has 2 bytes; use the same length",
    );
    check(
        map.move_within(60, 0, 5).unwrap_err(),
        "cannot move 5 bytes from 0 to 60 in 'BLOCK': it has only 64 bytes; stay within it, or resize it",
    );
    check(
        map.flush_range(1, 64).unwrap_err(),
        "cannot flush 64 bytes at 1 of 'BLOCK': it has only 64 bytes; stay within it, or resize it",
    );
    check(
        map.madvise(Advice::Random, 1, 1).unwrap_err(),
        "cannot give advice from byte 1 of 'BLOCK': the start must be a multiple of 4096, the size of a page",
    );
    check(map.resize(0).unwrap_err(), "cannot resize 'BLOCK': a block has at least 1 byte; close it instead");
    map.read_all().unwrap();
    check(
        map.read_byte().unwrap_err(),
        "cannot read a byte at 64 of 'BLOCK': it has only 64 bytes; stay within it, or resize it",
    );
    map.close();
    check(map.read_byte().unwrap_err(), "cannot use block 'BLOCK': it is closed; open it again");

    let mut map = open(&path, Access::Read);
    check(map.write_byte(0).unwrap_err(), "cannot write 'BLOCK': it was opened read-only; open it with Access::Write");
    check(
        map.resize(1).unwrap_err(),
        "cannot resize 'BLOCK': it is read-only or copy-on-write; open it with Access::Write",
    );
    check(
        Block::anonymous(1).unwrap().size().unwrap_err(),
        "cannot get the file size of 'anonymous memory': anonymous memory has no file; use its length instead",
    );
    check(
        Block::options().access(Access::Read).len(65).open(&path).unwrap_err(),
        "cannot map 'BLOCK': its file has 64 bytes, fewer than 65; use a shorter length, or Access::Write to extend it",
    );
    check(
        Block::options().offset(4096).open(&path).unwrap_err(),
        "cannot map 'BLOCK': its file ends before offset 4096; set a length to extend it",
    );
    check(
        Block::options().offset(100).open(&path).unwrap_err(),
        "cannot map 'BLOCK': the offset 100 is not a multiple of 4096, the size of a page; use a multiple of that",
    );
}

#[test]
fn a_map_shows_its_name_and_not_its_bytes() {
    let mut map = Block::anonymous(5).unwrap();
    let open = "Block { name: \"anonymous memory\", len: 5, position: 0, access: Some(Write) }";
    assert_eq!(format!("{map:?}"), open);
    map.close();
    assert_eq!(format!("{map:?}"), open.replace("5", "0").replace("Some(Write)", "None"));
}
