//! Tests of blocks as streams of the standard library.

use super::*;
use std::io::{BufRead, ErrorKind, Read, Seek, SeekFrom};

/// Returns a block with these bytes, and its position at the start.
fn map_of(bytes: &[u8]) -> Block {
    let mut map = Block::anonymous(bytes.len()).unwrap();
    map.set(.., bytes).unwrap();
    map
}

#[test]
fn lines_come_one_by_one_however_long_they_are() {
    let long = "x".repeat(1000);
    let map = map_of(format!("one\n\n{long}\nlast").as_bytes());
    assert_eq!(map.lines().collect::<std::io::Result<Vec<_>>>().unwrap(), ["one", "", &long, "last"]);
}

#[test]
fn everything_is_read_from_the_position_on() {
    let mut map = map_of(b"hello, world");
    let mut rest = String::new();
    map.seek(SeekFrom::Start(7)).unwrap();
    assert_eq!((map.read_to_string(&mut rest).unwrap(), rest.as_str()), (5, "world"));
    assert_eq!(Read::read(&mut map, &mut [0; 4]).unwrap(), 0);
    map.rewind().unwrap();
    let mut start = [0; 5];
    map.read_exact(&mut start).unwrap();
    assert_eq!((&start, map.stream_position().unwrap()), (b"hello", 5));
    assert_eq!(map.read_exact(&mut [0; 8]).unwrap_err().kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn only_what_was_shown_is_consumed() {
    let mut map = map_of(b"hello");
    map.consume(1);
    assert_eq!(map.fill_buf().unwrap(), b"hello");
    assert_eq!(map.tell().unwrap(), 0);
    map.consume(2);
    map.consume(100);
    map.consume(100);
    assert_eq!((map.tell().unwrap(), map.fill_buf().unwrap()), (5, &b""[..]));
}

#[test]
fn what_is_shown_is_what_is_read_also_if_it_changes() {
    let (_directory, path) = block_of(b"one\ntwo\n");
    let (mut map, mut other) = (Block::open(&path).unwrap(), Block::open(&path).unwrap());
    assert_eq!(map.fill_buf().unwrap(), b"one\ntwo\n");
    other.set(.., b"ONE\nTWO\n").unwrap();
    map.consume(4);
    assert_eq!(map.fill_buf().unwrap(), b"TWO\n");
}

#[test]
fn writing_stops_at_the_end() {
    let mut map = Block::anonymous(8).unwrap();
    write!(map, "{}-{}", 12, 345).unwrap();
    assert_eq!(map.write_all(b"678").unwrap_err().kind(), ErrorKind::WriteZero);
    assert_eq!(std::io::copy(&mut &b"67"[..], &mut map).unwrap(), 2);
    assert_eq!(map.get(..).unwrap(), b"12-34567");
}

#[test]
fn seeking_stays_within_the_map() {
    let mut map = map_of(b"hello");
    assert_eq!(Seek::seek(&mut map, SeekFrom::End(0)).unwrap(), 5);
    for outside in [SeekFrom::End(1), SeekFrom::Start(6), SeekFrom::Current(-6), SeekFrom::Current(i64::MIN)] {
        assert_eq!(Seek::seek(&mut map, outside).unwrap_err().kind(), ErrorKind::InvalidInput, "{outside:?}");
    }
    assert_eq!(map.stream_position().unwrap(), 5);
}

#[test]
fn errors_keep_their_kind_and_their_message() {
    let (_directory, path) = block_of(b"hello");
    let mut map = open(&path, Access::Read);
    let error = map.write_all(b"x").unwrap_err();
    assert_eq!((error.kind(), error.to_string().contains("read-only")), (ErrorKind::PermissionDenied, true));
    map.close();
    let closed = [
        Read::read(&mut map, &mut [0]).map(drop),
        map.fill_buf().map(drop),
        map.write_all(b"x"),
        std::io::Write::flush(&mut map),
        map.rewind(),
    ];
    for error in closed.map(|result| result.unwrap_err().to_string()) {
        assert_eq!(error, format!("cannot use block '{path}': it is closed; open it again"));
    }
}
