//! Tests of blocks of files: which files are created, extended, refused and removed.

use super::*;
use crate::error::Limit;
use crate::{Kind, RawWriter};
use rustix::fs::{CWD, FileType, Mode};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

const PAGE: u64 = 4096;

fn len_of(path: &str) -> u64 {
    fs::metadata(path).unwrap().len()
}

fn reserved_bytes(file: &File) -> u64 {
    file.metadata().unwrap().blocks() * 512
}

#[test]
fn a_length_beyond_the_end_extends_the_file_and_every_byte_has_a_page() {
    let file = tempfile::tempfile().unwrap();
    let mut map = Block::options().len(50_000).offset(PAGE).file(file.try_clone().unwrap()).unwrap();
    assert_eq!((map.len(), file.metadata().unwrap().len()), (50_000, PAGE + 50_000));
    assert!(reserved_bytes(&file) >= 50_000);
    map.resize(90_000).unwrap();
    assert!(reserved_bytes(&file) >= 90_000);
    assert_eq!(map.get(..).unwrap(), [0; 90_000]);
}

#[test]
fn a_map_that_writes_fills_the_holes_of_its_file_and_others_leave_them() {
    let file = tempfile::tempfile().unwrap();
    file.set_len(100 * PAGE).unwrap();
    for access in [Access::Read, Access::Copy] {
        let map = Block::options().access(access).file(file.try_clone().unwrap()).unwrap();
        assert_eq!((map.byte_at(0).unwrap(), reserved_bytes(&file)), (0, 0), "{access:?}");
    }
    Block::options().len(10).file(file.try_clone().unwrap()).unwrap();
    assert!(reserved_bytes(&file) < 50 * PAGE, "only what is mapped");
    Block::try_from(file.try_clone().unwrap()).unwrap();
    assert!(reserved_bytes(&file) >= 100 * PAGE);
    assert_eq!(file.metadata().unwrap().len(), 100 * PAGE);
}

#[test]
fn only_a_map_that_writes_extends_its_file() {
    let (_directory, path) = block_of(b"hello");
    for access in [Access::Read, Access::Copy] {
        let refused = Block::options().len(6).access(access).open(&path);
        assert!(matches!(refused, Err(BlockError::Refused { .. })), "{refused:?}");
        let refused = Block::options().len(6).access(access).create(true).open(format!("{path}2"));
        assert!(matches!(refused, Err(BlockError::Refused { .. })), "{refused:?}");
    }
    assert_eq!(len_of(&path), 5);
    Block::options().len(6).open(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"hello\0");
}

#[test]
fn a_block_is_made_once_and_then_found() {
    let (_directory, path) = block();
    let refused = Block::options().create(true).open(&path);
    assert!(matches!(refused, Err(BlockError::Refused { .. })), "it has no length: {refused:?}");
    Block::options().len(64).create(true).open(&path).unwrap().write(b"hello").unwrap();
    let mut again = Block::options().len(10).create(true).open(&path).unwrap();
    assert_eq!((again.read(5).unwrap(), again.size().unwrap()), (b"hello".to_vec(), 64));
}

/// The umask applies to the whole process, so another process creates the block.
#[test]
fn a_block_has_mode_600_whatever_the_umask() {
    const NAME: &str = "block::tests::files::a_block_has_mode_600_whatever_the_umask";
    if let Ok(path) = std::env::var("SHM_MAP_UMASK") {
        Block::options().len(1).create(true).open(&path).unwrap();
        return;
    }
    for umask in ["000", "777"] {
        let (_directory, path) = block();
        let mut command = Command::new("sh");
        command.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")]);
        command.arg(again(NAME).get_program()).args(again(NAME).get_args()).env("SHM_MAP_UMASK", &path);
        assert!(command.output().unwrap().status.success());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600, "umask {umask}");
    }
}

/// Lengths of files that nobody has space for. With 32 bits, these are the ones that cannot be mapped.
const TOO_LONG: [usize; 3] = match usize::BITS {
    64 => [1 << (usize::BITS - 4), isize::MAX as usize, usize::MAX],
    _ => [isize::MAX as usize + 1, usize::MAX - 1, usize::MAX],
};

#[test]
fn a_block_that_cannot_have_its_length_is_not_made_and_one_that_exists_keeps_its_own() {
    let (_directory, path) = block();
    for len in TOO_LONG {
        let refused = Block::options().len(len).create(true).open(&path);
        assert!(matches!(refused, Err(BlockError::NoSpace { .. } | BlockError::TooLarge { .. })), "{refused:?}");
        assert!(!fs::exists(&path).unwrap());
    }
    fs::write(&path, "hello").unwrap();
    let mut map = Block::open(&path).unwrap();
    for len in TOO_LONG {
        let refused = Block::options().len(len).open(&path).map(drop).and(map.resize(len));
        assert!(matches!(refused, Err(BlockError::NoSpace { .. } | BlockError::TooLarge { .. })), "{refused:?}");
        assert_eq!((len_of(&path), map.get(..).unwrap()), (5, b"hello".to_vec()));
    }
}

#[test]
fn anonymous_memory_is_taken_when_it_is_touched() {
    // 64 GiB, or what 32 bits leave room for.
    const LEN: usize = 1 << if usize::BITS == 64 { 36 } else { 29 };
    let mut map = Block::anonymous(LEN).unwrap();
    map.set_byte(-1, 1).unwrap();
    map.resize(LEN + 1).unwrap();
    assert_eq!(map.get(-3..).unwrap(), [0, 1, 0]);
}

#[test]
fn anonymous_memory_that_no_machine_has_is_an_error() {
    for access in [Access::Write, Access::Read, Access::Copy] {
        // With 32 bits, some machines have `isize::MAX` bytes.
        let possible = if cfg!(target_pointer_width = "32") { None } else { Some(isize::MAX as usize) };
        for len in possible.into_iter().chain([isize::MAX as usize + 1, usize::MAX]) {
            let refused = Block::options().len(len).access(access).anonymous();
            assert!(matches!(refused, Err(BlockError::TooLarge { .. } | BlockError::Io { .. })), "{refused:?}");
        }
        let refused = Block::options().access(access).anonymous();
        assert!(matches!(refused, Err(BlockError::Refused { .. })), "{refused:?}");
    }
    let mut map = Block::anonymous(5).unwrap();
    assert!(matches!(map.resize(isize::MAX as usize + 1), Err(BlockError::TooLarge { .. } | BlockError::Io { .. })));
    assert_eq!(map.get(..).unwrap(), [0; 5]);
}

/// The limit applies to the whole process, so this runs in a separate one.
#[test]
fn a_length_above_the_limit_on_files_is_an_error_and_not_a_signal() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    const NAME: &str = "block::tests::files::a_length_above_the_limit_on_files_is_an_error_and_not_a_signal";
    let Ok(path) = std::env::var("SHM_MAP_LIMITED") else {
        let (_directory, path) = block();
        let limited = again(NAME).env("SHM_MAP_LIMITED", &path).output().unwrap();
        assert!(limited.status.success(), "{}\n{}", limited.status, String::from_utf8_lossy(&limited.stdout));
        return assert_eq!(len_of(&path), 2 * PAGE, "it was mapped there");
    };
    setrlimit(Resource::Fsize, Rlimit { current: Some(2 * PAGE), maximum: Some(2 * PAGE) }).unwrap();
    let too_large = |refused: Result<Block, BlockError>| match refused {
        Err(error @ BlockError::TooLarge { limit, .. }) => {
            assert_eq!(limit, Limit::FileSize(2 * PAGE));
            assert!(error.to_string().contains("this process may not write files of more than"), "{error}");
        }
        other => panic!("{other:?}"),
    };
    let len = |bytes: u64| usize::try_from(bytes).unwrap();
    too_large(Block::options().len(len(2 * PAGE) + 1).create(true).open(&path));
    too_large(Block::anonymous(len(2 * PAGE) + 1));
    let mut map = Block::options().len(len(PAGE)).create(true).open(&path).unwrap();
    too_large(map.resize(len(2 * PAGE) + 1).map(|()| unreachable!("it is above the limit")));
    assert_eq!(map.size().unwrap(), PAGE);
    map.resize(len(2 * PAGE)).unwrap();
}

#[test]
fn a_file_that_was_opened_read_only_gives_a_read_only_map() {
    let (_directory, path) = block_of(b"hello");
    let mut map = Block::try_from(File::open(&path).unwrap()).unwrap();
    assert_eq!(map.read_all().unwrap(), b"hello");
    assert!(matches!(map.set_byte(0, b'H'), Err(BlockError::Refused { .. })));
    let mut map = Block::try_from(OpenOptions::new().read(true).write(true).open(&path).unwrap()).unwrap();
    map.write(b"HELLO").unwrap();
    let mut map = Block::options().access(Access::Copy).file(File::open(&path).unwrap()).unwrap();
    map.write(b"mine!").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"HELLO");
}

#[test]
fn a_file_that_was_opened_for_less_is_an_error() {
    let (_directory, path) = block_of(b"hello");
    let refused = Block::options().access(Access::Write).file(File::open(&path).unwrap()).unwrap_err().to_string();
    assert!(refused.contains("was opened read-only") && refused.contains("Access::Read"), "{refused}");
}

// Reported 28.
#[test]
fn a_file_that_cannot_be_mapped_is_unchanged() {
    let (_directory, path) = block_of(b"hello");
    let write_only = || OpenOptions::new().write(true).open(&path).unwrap();
    for access in [Access::Read, Access::Write, Access::Copy] {
        let refused = Block::options().len(100).access(access).file(write_only()).unwrap_err().to_string();
        assert!(refused.contains("was opened write-only; open it for reading, too"), "{refused}");
    }
    let refused = Block::try_from(write_only());
    assert!(matches!(refused, Err(BlockError::Refused { .. })), "{refused:?}");
    let refused = Block::options().len(100).access(Access::Write).file(File::open(&path).unwrap());
    assert!(matches!(refused, Err(BlockError::Refused { .. })), "{refused:?}");
    assert_eq!(len_of(&path), 5);
    // The kernel refuses to map a file that is sealed against later writers.
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
    let sealed = File::from(memfd_create("sealed", MemfdFlags::ALLOW_SEALING).unwrap());
    fcntl_add_seals(&sealed, SealFlags::FUTURE_WRITE).unwrap();
    let refused = Block::options().len(100).file(sealed.try_clone().unwrap());
    assert!(matches!(refused, Err(BlockError::Io { .. })), "{refused:?}");
    assert_eq!(sealed.metadata().unwrap().len(), 0);
    // It refuses to shorten or to lengthen a file, and the block keeps its length.
    let sealed = File::from(memfd_create("sealed", MemfdFlags::ALLOW_SEALING).unwrap());
    let mut map = Block::options().len(8192).file(sealed.try_clone().unwrap()).unwrap();
    fcntl_add_seals(&sealed, SealFlags::SHRINK | SealFlags::GROW).unwrap();
    for len in [4096, 20_000] {
        assert!(map.resize(len).is_err());
        assert_eq!((map.len(), map.size().unwrap(), map.get(..).unwrap().len()), (8192, 8192, 8192));
    }
}

#[test]
fn a_name_goes_with_the_map_when_it_is_dropped_or_closed() {
    let (_directory, path) = block_of(b"hello");
    drop(Block::open(&path).unwrap());
    let mut map = Block::options().remove_on_drop(true).open(&path).unwrap();
    assert!(fs::exists(&path).unwrap());
    map.close();
    assert!(!fs::exists(&path).unwrap());

    fs::write(&path, "hello").unwrap();
    let (mut other, map) = (Block::open(&path).unwrap(), Block::options().remove_on_drop(true).open(&path).unwrap());
    drop(map);
    assert!(!fs::exists(&path).unwrap());
    assert_eq!(other.read_all().unwrap(), b"hello", "an open block keeps its file");
}

#[test]
fn a_name_that_leads_to_another_file_by_now_stays() {
    let (directory, path) = block_of(b"hello");
    let (first, second) =
        (Block::options().remove_on_drop(true).open(&path), Block::options().remove_on_drop(true).open(&path));
    fs::write(directory.path().join("new"), "new").unwrap();
    fs::rename(directory.path().join("new"), &path).unwrap();
    drop(first.unwrap());
    second.unwrap().close();
    assert_eq!(fs::read(&path).unwrap(), b"new");
}

#[test]
fn a_region_is_refused_unless_forced() {
    let (_directory, path) = block();
    RawWriter::open(&path, Kind::Text).unwrap().publish(b"hello").unwrap();
    let region = fs::read(&path).unwrap();
    for access in [Access::Read, Access::Write, Access::Copy] {
        for refused in [
            Block::options().access(access).open(&path),
            Block::options().access(access).offset(PAGE).len(1).open(&path),
            Block::options().access(access).file(OpenOptions::new().read(true).write(true).open(&path).unwrap()),
        ] {
            assert!(matches!(refused, Err(BlockError::IsRegion { .. })), "{refused:?}");
        }
        let map = Block::options().access(access).force(true).open(&path).unwrap();
        assert!(map.find(b"hello", ..).unwrap().is_some());
    }
    assert!(fs::read(&path).unwrap() == region);
}

#[test]
fn what_is_not_a_file_is_refused_at_once() {
    let (directory, path) = block_of(b"hello");
    let other = |name: &str| directory.path().join(name).display().to_string();
    fs::create_dir(other("directory")).unwrap();
    symlink(&path, other("link")).unwrap();
    rustix::fs::mknodat(CWD, other("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let _listener = UnixListener::bind(other("socket")).unwrap();
    for name in ["directory", "link", "pipe", "socket", "block/below"] {
        for access in [Access::Read, Access::Write, Access::Copy] {
            let refused = Block::options().len(5).access(access).create(true).open(other(name));
            assert!(
                matches!(refused, Err(BlockError::Refused { .. } | BlockError::Directory { .. })),
                "{name}: {refused:?}"
            );
        }
    }
    let (reading, _writing) = std::io::pipe().unwrap();
    let refused = Block::try_from(File::from(std::os::fd::OwnedFd::from(reading)));
    assert!(matches!(refused, Err(BlockError::Refused { .. })), "{refused:?}");
}

// Reported 10.
#[test]
fn resizing_never_cuts_off_what_the_block_does_not_map() {
    let (_directory, path) = block_of(&vec![b'.'; 20_000]);
    for offset in [0, PAGE] {
        let mut map = Block::options().offset(offset).len(100).open(&path).unwrap();
        for len in [100, 101, 5000, 5000] {
            map.resize(len).unwrap();
            assert_eq!((map.len(), len_of(&path)), (len, 20_000));
            assert!(map.get(..).unwrap().iter().all(|byte| *byte == b'.'));
        }
        let refused = map.resize(10).unwrap_err().to_string();
        assert!(refused.contains("its file goes on after the block"), "{refused}");
        assert_eq!((map.len(), len_of(&path)), (5000, 20_000));
    }
    let mut map = Block::options().offset(PAGE).open(&path).unwrap();
    map.resize(20_000).unwrap();
    assert_eq!(len_of(&path), PAGE + 20_000, "a longer block extends the file");
    map.resize(10).unwrap();
    assert_eq!((len_of(&path), map.size().unwrap()), (PAGE + 10, PAGE + 10), "a block up to the end cuts it");
    // Another program has cut the file already.
    OpenOptions::new().write(true).open(&path).unwrap().set_len(PAGE + 5).unwrap();
    map.resize(8).unwrap();
    assert_eq!(len_of(&path), PAGE + 5);
}

// Rule: an option that does not apply is an error.
#[test]
fn options_for_a_name_are_refused_without_one() {
    let options = |set: fn(&mut BlockOptions)| {
        let mut options = Block::options();
        set(options.len(10));
        options
    };
    let file = || tempfile::tempfile().unwrap();
    for name in ["create", "remove_on_drop", "force"] {
        let set = match name {
            "create" => |options: &mut BlockOptions| {
                options.create(true);
            },
            "remove_on_drop" => |options: &mut BlockOptions| {
                options.remove_on_drop(true);
            },
            _ => |options: &mut BlockOptions| {
                options.force(true);
            },
        };
        let refused = options(set).anonymous().unwrap_err().to_string();
        assert!(refused.contains(&format!("the option `{name}` only applies to")), "{refused}");
        if name != "force" {
            let empty = file();
            let refused = options(set).file(empty.try_clone().unwrap()).unwrap_err().to_string();
            assert!(refused.contains(&format!("the option `{name}` only applies to")), "{refused}");
            assert_eq!(empty.metadata().unwrap().len(), 0);
        }
    }
}
