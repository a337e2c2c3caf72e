//! Tests of open regions, and helpers for all tests of regions.

use super::draft::Draft;
use super::*;
use crate::RawWriter;
use crate::error::OpenError;
use crate::sys::directory::Directory;
use crate::sys::file::Access;
use crate::sys::process::user;
use crate::types::kind::Kind;
use std::fs::OpenOptions;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use tempfile::TempDir;

/// Returns the header of a small region.
pub fn example() -> StaticHeader {
    StaticHeader::new(4, 40, Kind::Text.code())
}

/// Creates a directory, and returns it with the location of a region `x` in it.
pub fn room() -> (TempDir, Location) {
    let directory = tempfile::tempdir().unwrap();
    let opened = Directory::open(directory.path()).unwrap();
    (directory, Location::within(&opened, "x"))
}

/// A directory with the location of a region `x`, and operations on that region.
pub struct TestRegion {
    pub directory: TempDir,
    pub location: Location,
}

impl TestRegion {
    pub fn new() -> Self {
        let (directory, location) = room();
        Self { directory, location }
    }

    /// Creates the directory with a region in it.
    pub fn with_region() -> Self {
        let test_region = Self::new();
        drop(RawWriter::open(test_region.path("x").to_str().unwrap(), Kind::Text).unwrap());
        test_region
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    pub fn file(&self) -> File {
        OpenOptions::new().read(true).write(true).open(self.path("x")).unwrap()
    }

    pub fn open(&self, access: Access) -> Result<Region, OpenError> {
        Region::open(&self.location, access, MAX_REGION_BYTES)
    }

    /// Returns the error of opening the region, which must be the same for reading and for writing.
    pub fn refusal(&self) -> String {
        let [to_read, to_write] =
            [Access::Read, Access::Write].map(|access| self.open(access).unwrap_err().to_string());
        assert_eq!(to_read, to_write);
        to_read
    }

    pub fn draft(&self, descriptor: &[u8]) -> Draft<'_> {
        Draft::new(&self.location, example().with_descriptor(descriptor, 0).lay_out().unwrap(), descriptor, 0o640, None)
            .unwrap()
    }
}

#[test]
fn an_open_region_knows_its_file_and_has_all_its_words() {
    let test_region = TestRegion::new();
    drop(test_region.draft(&[7; 100]).replace().unwrap());
    let region = test_region.open(Access::Write).unwrap();
    assert_eq!((region.mode, region.owner), (0o640, user()));
    let stat = test_region.path("x").metadata().unwrap();
    assert_eq!((Some(region.identity), stat.uid()), (test_region.location.identity().unwrap(), region.owner));
    assert_eq!(region.permissions(&test_region.location).unwrap(), (0o640, stat.gid()));
    region.set_mode(&test_region.location, 0o600).unwrap();
    assert_eq!(region.permissions(&test_region.location).unwrap().0, 0o600);

    let words = region.static_header.region_bytes - region.static_header.slots_offset();
    assert_eq!(region.mapping.words().len() as u64 * 8, words);
    assert!(region.static_header.slots_offset() >= 4096 + 100);
}

#[test]
fn a_region_that_is_gone_already_is_removed() {
    let test_region = TestRegion::with_region();
    test_region.location.remove().unwrap();
    assert!(!test_region.path("x").exists());
    test_region.location.remove().unwrap();
    std::fs::create_dir(test_region.path("x")).unwrap();
    assert!(matches!(test_region.location.remove(), Err(OpenError::Io { .. })));
}

// Fault 80.
#[test]
fn a_region_of_an_earlier_boot_is_believed_only_if_it_was_closed() {
    let test_region = TestRegion::new();
    let survived = |boot_id| {
        let static_header = StaticHeader { boot_id, ..example() }.lay_out().unwrap();
        let region = Draft::new(&test_region.location, static_header, &[], 0o600, None).unwrap().replace().unwrap();
        let while_open = region.survived_cleanly();
        region.header().hot.state.store(STATE_CLOSED, Relaxed);
        (while_open, region.survived_cleanly())
    };
    assert_eq!(survived(boot_id()), (true, true));
    // A file in memory cannot be from an earlier boot, whatever its header says.
    assert_eq!(survived(boot_id() ^ 1), (is_in_memory(test_region.location.directory()), true));
    // If the boot id in the header is unknown, values are trusted.
    assert_eq!(survived(0), (true, true));
}
