//! Tests of the files that are refused when a region is opened, and of the reasons.

use super::*;
use crate::region::MAX_REGION_BYTES;
use crate::region::tests::{TestRegion, example, room};
use crate::sys::directory::Directory;
use crate::sys::process::user;
use crate::{Kind, RawWriter};
use std::fs::OpenOptions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

// Faults 53 and 54.
#[test]
fn what_is_no_file_is_refused_for_what_it_is() {
    let test_region = TestRegion::new();
    let x = test_region.path("x");
    let refusal = |reason: &'static str| {
        assert_eq!(test_region.refusal(), test_region.location.not_a_region(reason).to_string());
    };
    std::fs::create_dir(&x).unwrap();
    refusal("it is a directory");
    std::fs::remove_dir(&x).unwrap();

    drop(RawWriter::open(test_region.path("other").to_str().unwrap(), Kind::Text).unwrap());
    symlink("other", &x).unwrap();
    refusal("it is a symbolic link");
    std::fs::remove_file(&x).unwrap();

    nix::unistd::mkfifo(&x, nix::sys::stat::Mode::S_IRWXU).unwrap();
    refusal("it is a pipe");
    std::fs::remove_file(&x).unwrap();

    let _socket = UnixListener::bind(&x).unwrap();
    refusal("it is a socket");

    let devices = Directory::open("/dev".as_ref()).unwrap();
    let null = Region::open(&Location::within(&devices, "null"), Access::Read, MAX_REGION_BYTES);
    assert!(null.unwrap_err().to_string().contains("it is a device"));
}

// Fault 33.
#[test]
fn a_file_that_is_too_short_is_refused_for_that() {
    let test_region = TestRegion::with_region();
    let file = test_region.file();
    for (bytes, reason) in [
        (4097, "the file has 4097 bytes"),
        (4096, "the file has 4096 bytes"),
        (4095, "its file has only 4095 bytes"),
        (8, "its file has only 8 bytes"),
        (7, "it does not begin with the header of a region"),
        (0, "it is empty"),
    ] {
        file.set_len(bytes).unwrap();
        assert!(test_region.refusal().contains(reason), "{bytes}: {}", test_region.refusal());
    }
}

#[test]
fn a_descriptor_has_1_mib_at_most_and_is_checked() {
    let test_region = TestRegion::new();
    let longest = vec![7; 1 << 20];
    test_region.draft(&longest).replace().unwrap();
    assert_eq!(test_region.open(Access::Read).unwrap().descriptor, longest);

    test_region.file().write_all_at(&[8], 4096 + 12_345).unwrap();
    assert!(test_region.refusal().contains("the CRC of its descriptor does not match"));

    test_region.draft(&vec![7; (1 << 20) + 1]).replace().unwrap();
    assert!(test_region.refusal().contains("its header says that the descriptor has 1048577 bytes"));
}

#[test]
fn a_descriptor_that_is_cut_is_damaged_and_one_that_cannot_be_read_is_not() {
    let test_region = TestRegion::new();
    let static_header = example().with_descriptor(&[7; 100], 0);
    std::fs::write(test_region.path("x"), [7; 4195]).unwrap();
    let cut = read_descriptor(&test_region.location, &test_region.file(), &static_header);
    assert!(matches!(cut, Err(OpenError::Damaged { .. })), "{cut:?}");
    let to_write = OpenOptions::new().append(true).open(test_region.path("x")).unwrap();
    let unreadable = read_descriptor(&test_region.location, &to_write, &static_header);
    assert!(matches!(unreadable, Err(OpenError::Io { .. })), "{unreadable:?}");
}

// Fault 32.
#[test]
fn a_region_may_be_as_large_as_is_allowed_and_no_larger() {
    let test_region = TestRegion::with_region();
    let bytes = test_region.file().metadata().unwrap().len();
    let open = |limit| Region::open(&test_region.location, Access::Read, limit);
    open(bytes).unwrap();
    let refused = open(bytes - 1).unwrap_err();
    let OpenError::TooLarge { bytes: found, limit, .. } = refused else { panic!("{refused}") };
    assert_eq!((found, limit), (bytes, Limit::Allowed(bytes - 1)));
    assert!(
        refused
            .to_string()
            .contains(&format!("its size is {bytes} bytes, and this program allows at most {}", bytes - 1))
    );
}

// Fault 32.
#[test]
fn a_large_file_stores_a_part_of_what_it_claims() {
    let (_directory, location) = room();
    let check = |bytes, stored| check_stored(&location, bytes, stored).map_err(|error| error.to_string());
    for (bytes, stored) in [(64 << 20, 0), (1 << 30, 1 << 30), (1 << 30, 1 << 26), (MAX_REGION_BYTES, u64::MAX)] {
        assert_eq!(check(bytes, stored), Ok(()));
    }
    assert!(check((64 << 20) + 1, 4096).unwrap_err().contains("its file stores only 4096 of its 67108865 bytes"));
    assert!(check((1 << 30) + 1, 1 << 26).is_err());
}

// Reported 52.
#[test]
fn a_region_that_this_machine_cannot_map_is_too_large_and_is_removed() {
    let test_region = TestRegion::new();
    let largest = u64::try_from(isize::MAX).unwrap();
    let check = |bytes| check_limit(&test_region.location, bytes, u64::MAX, Limit::Allowed);
    assert!(check(largest).is_ok());
    for bytes in [largest + 1, u64::MAX] {
        let refused = check(bytes);
        assert!(matches!(refused, Err(OpenError::TooLarge { limit: Limit::Address, .. })), "{refused:?}");
    }
    let static_header = StaticHeader::new(2, (3 << 30) / 2, 1).lay_out().unwrap();
    std::fs::write(test_region.path("x"), static_header.to_bytes()).unwrap();
    test_region.file().set_len(static_header.region_bytes).unwrap();
    let refused = test_region.open(Access::Read).unwrap_err();
    let is_refused = match usize::BITS {
        32 => matches!(refused, OpenError::TooLarge { limit: Limit::Address, .. }),
        // The file is a hole.
        _ => matches!(refused, OpenError::Damaged { .. }),
    };
    assert!(is_refused, "{refused}");
    crate::remove(test_region.path("x"), false).unwrap();
    assert!(!test_region.path("x").exists());
}

#[test]
fn a_file_that_is_marked_immutable_is_not_called_another_users() {
    let test_region = TestRegion::with_region();
    let marked = std::io::Error::from_raw_os_error(1);
    let refused = explain_open(&test_region.location, Access::Write, marked).to_string();
    assert!(refused.contains("immutable"), "{refused}");
}

#[test]
fn who_may_not_open_a_region_is_told_its_mode_and_owner() {
    let test_region = TestRegion::with_region();
    std::fs::set_permissions(test_region.path("x"), PermissionsExt::from_mode(0o640)).unwrap();
    let [to_read, to_write] = [Access::Read, Access::Write]
        .map(|access| explain_open(&test_region.location, access, ErrorKind::PermissionDenied.into()).to_string());
    let whose = format!("user {}", user());
    assert!(
        to_read.contains(&whose) && to_read.contains("its mode is 640") && to_read.contains("mode 644"),
        "{to_read}"
    );
    assert!(to_write.contains(&whose) && to_write.contains("its mode is 640, and only its owner"), "{to_write}");
    let other = explain_open(&test_region.location, Access::Read, ErrorKind::Other.into());
    assert!(matches!(other, OpenError::Io { .. }), "{other}");
    std::fs::remove_file(test_region.path("x")).unwrap();
    let missing = explain_open(&test_region.location, Access::Read, ErrorKind::NotFound.into());
    assert!(matches!(missing, OpenError::NotFound { .. }), "{missing}");
}
