//! The location of a region: the rules for names, the directory that a name belongs to, and the file
//! that a name refers to.

use crate::error::{BlockError, Denied, NotOursReason, OpenError, PublishError, ReceiveError};
use crate::sys::directory::Directory;
use crate::sys::file::{self, Identity, Kind, Stat, is_marked};
use crate::sys::file_system::file_system_name;
use crate::sys::process::user;
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The directory of regions if `SHM_DIR` is not set.
const DEFAULT_DIRECTORY: &str = "/dev/shm";
/// The longest name. With the dot and the suffix of its lock file it still fits into the 255 bytes of a
/// file name.
const MAX_NAME_BYTES: usize = 200;

/// The location of a region: an open directory, and a file name in it.
#[derive(Clone, Debug)]
pub struct Location {
    /// The name as the user gave it, for messages.
    pub name: String,
    file: String,
    directory: Directory,
}

impl Location {
    /// Returns the location of a region or block. `path` is a name in `SHM_DIR`, or a path if it contains a
    /// `/`.
    pub fn resolve(path: &Path) -> Result<Self, LocationError> {
        let name = path.display().to_string();
        let refuse = |reason| LocationError::BadName { name: name.clone(), reason };
        let text = path.to_str().ok_or_else(|| refuse("it is not UTF-8; use letters, digits, '.', '_' and '-'"))?;
        let (directory, file) = split(text);
        check_name(file).map_err(refuse)?;
        let file = file.to_owned();
        match Directory::open(&directory) {
            Ok(directory) => Ok(Self { name, file, directory }),
            Err(source) => Err(LocationError::Directory { name, directory, source }),
        }
    }

    /// Returns the location of a region in a directory that is already open. The caller has checked the
    /// name.
    pub fn within(directory: &Directory, name: &str) -> Self {
        Self { name: name.to_owned(), file: name.to_owned(), directory: directory.clone() }
    }

    /// Returns the directory.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Switches to the directory that the path refers to now. Returns whether it is a different one.
    pub fn follow_directory(&mut self) -> Result<bool, OpenError> {
        match self.directory.successor() {
            Ok(Some(successor)) => self.directory = successor,
            Ok(None) => return Ok(false),
            Err(error) if error.kind() == ErrorKind::StaleNetworkFileHandle => {
                return Err(OpenError::DirectoryGone { region: self.name.clone() });
            }
            Err(error) => return Err(self.io_error("find the directory of region", error)),
        }
        Ok(true)
    }

    /// Returns the region's file name.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the name of the file that the writer locks.
    pub fn lock_file(&self) -> String {
        format!(".{}.lock", self.file)
    }

    /// Returns the name of the region's draft.
    pub fn draft_file(&self) -> String {
        format!(".{}.new", self.file)
    }

    /// Returns another, unpredictable name for the draft, for a directory in which another user has taken
    /// the first name.
    pub fn spare_draft_file(&self) -> Result<String, OpenError> {
        let number = u64::from_ne_bytes(self.random_bytes("name the unfinished file of region")?);
        Ok(format!("{}-{number:016x}", self.draft_file()))
    }

    /// Returns bytes that cannot be predicted. `action` describes their purpose in an error.
    pub fn random_bytes<const N: usize>(&self, action: &'static str) -> Result<[u8; N], OpenError> {
        file::random_bytes().map_err(|error| self.io_error(action, error))
    }

    /// Returns the identity of the file that the region's name refers to now, if it exists.
    pub fn identity(&self) -> Result<Option<Identity>, OpenError> {
        self.identity_of(&self.file)
    }

    /// Returns the identity of the file that another name in the region's directory refers to now, if it
    /// exists. A file that was removed and whose name leads to it only through a mount does not exist.
    pub fn identity_of(&self, file: &str) -> Result<Option<Identity>, OpenError> {
        Ok(self.stat(file)?.filter(|stat| stat.names > 0).map(|stat| stat.identity))
    }

    /// Returns whether the region's directory contains a regular file of that name that this user owns.
    pub fn is_own_file(&self, file: &str) -> Result<bool, OpenError> {
        let stat = self.stat(file)?;
        Ok(stat.is_some_and(|stat| stat.owner == user() && stat.kind == Kind::Regular))
    }

    /// Returns the attributes of the file that the region's name refers to now, if it exists.
    pub fn stat_region(&self) -> Result<Option<Stat>, OpenError> {
        self.stat(&self.file)
    }

    fn stat(&self, file: &str) -> Result<Option<Stat>, OpenError> {
        self.directory.stat(file).map_err(|error| self.io_error("inspect region", error))
    }

    /// Returns the error for a failed system call.
    pub fn io_error(&self, action: &'static str, source: io::Error) -> OpenError {
        let region = self.name.clone();
        match source.kind() {
            ErrorKind::ReadOnlyFilesystem => OpenError::ReadOnly { action, region },
            _ => OpenError::Io { action, region, source },
        }
    }

    /// Returns the error for a permission that is missing.
    pub fn denied(&self, denied: Denied) -> OpenError {
        OpenError::Permission { region: self.name.clone(), denied }
    }

    /// Returns the error for a directory that is marked immutable or append-only.
    pub fn directory_is_marked(&self) -> OpenError {
        self.denied(Denied::Marked { file: split(&self.name).0.display().to_string() })
    }

    /// Returns the error for a name that keeps leading to one file, which is mounted there.
    pub fn mounted(&self, action: &'static str) -> OpenError {
        OpenError::Mounted { action, region: self.name.clone() }
    }

    /// Returns the error for a file of this region that needs more space than there is. `error` is the
    /// system's answer.
    pub fn no_space(&self, needed: u64, error: &io::Error) -> OpenError {
        let region = self.name.clone();
        match error.kind() {
            ErrorKind::QuotaExceeded => OpenError::Quota { region, needed },
            _ => OpenError::NoSpace { region, needed, free: file::free_bytes(&self.directory) },
        }
    }

    /// The file system does not support something that every region needs.
    pub fn unsuitable_file_system(&self) -> OpenError {
        OpenError::FileSystem {
            region: self.name.clone(),
            directory: split(&self.name).0.into(),
            file_system: file_system_name(&self.directory).into(),
        }
    }

    /// Removes the region's file. Only the holder of the writer's lock may call this.
    pub fn remove(&self) -> Result<(), OpenError> {
        self.directory.remove_file(&self.file).map_err(|error| match error.kind() {
            ErrorKind::ResourceBusy => self.mounted("remove"),
            _ if is_marked(&error) => self.directory_is_marked(),
            _ => self.io_error("remove region", error),
        })
    }

    /// Returns the error for a region that was removed or replaced while it was being opened or replaced.
    pub fn gone(&self) -> OpenError {
        OpenError::Gone { region: self.name.clone() }
    }

    /// Returns the error for a writer whose region was removed or replaced.
    pub fn gone_for_writer(&self) -> PublishError {
        PublishError::Gone { region: self.name.clone() }
    }

    /// Returns the error for a reader whose region was removed.
    pub fn gone_for_reader(&self) -> ReceiveError {
        ReceiveError::Gone { region: self.name.clone() }
    }

    /// Returns the error for a region with contradictory contents.
    pub fn damaged(&self, reason: String) -> OpenError {
        OpenError::Damaged { region: self.name.clone(), reason }
    }

    /// Returns the error for a file that is not a region.
    pub fn not_a_region(&self, reason: &'static str) -> OpenError {
        OpenError::NotARegion { region: self.name.clone(), reason }
    }
}

/// The reason why a name of a region or block cannot be resolved.
#[derive(Debug)]
pub enum LocationError {
    /// The name breaks the rules for names.
    BadName { name: String, reason: &'static str },
    /// The directory cannot be opened.
    Directory { name: String, directory: PathBuf, source: io::Error },
}

impl From<LocationError> for OpenError {
    fn from(error: LocationError) -> Self {
        match error {
            LocationError::BadName { name, reason } => Self::BadName { name, reason },
            LocationError::Directory { name, directory, source } => {
                Self::Directory { region: Some(name), directory, source }
            }
        }
    }
}

impl From<LocationError> for BlockError {
    fn from(error: LocationError) -> Self {
        match error {
            LocationError::BadName { name, reason } => Self::BadName { name, reason },
            LocationError::Directory { name, directory, source } => Self::Directory { block: name, directory, source },
        }
    }
}

/// The directory and the file that a name or path refers to.
fn split(text: &str) -> (PathBuf, &str) {
    match text.rsplit_once('/') {
        Some(("", file)) => (PathBuf::from("/"), file),
        Some((directory, file)) => (PathBuf::from(directory), file),
        None => (default_directory(), text),
    }
}

/// Returns the path of the file of a region or block. `name` is a name in `SHM_DIR` (default `/dev/shm`), or
/// a path if it contains a `/`. The name is not checked, and the file need not exist.
///
/// ```
/// assert_eq!(shm_core::path_of("./state"), std::path::Path::new("./state"));
/// assert!(shm_core::path_of("climate").ends_with("climate"));
/// ```
#[must_use]
pub fn path_of(name: impl AsRef<Path>) -> PathBuf {
    let name = name.as_ref();
    if name.as_os_str().as_bytes().contains(&b'/') { name.to_owned() } else { default_directory().join(name) }
}

/// Returns the directory of regions that are opened by a name without a `/`.
pub fn default_directory() -> PathBuf {
    directory_from(std::env::var_os("SHM_DIR"))
}

fn directory_from(variable: Option<OsString>) -> PathBuf {
    match variable {
        Some(directory) if !directory.is_empty() => PathBuf::from(directory),
        _ => PathBuf::from(DEFAULT_DIRECTORY),
    }
}

/// Checks a name. The error states the rule that it breaks.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if name.is_empty() {
        return Err("the name is empty; use 1 to 200 ASCII letters, digits, '.', '_' or '-'");
    }
    if name.len() > MAX_NAME_BYTES {
        return Err("it is longer than 200 bytes; choose a shorter name");
    }
    if name.starts_with(['.', '-']) {
        return Err("it starts with '.' or '-'; start it with a letter, a digit or '_'");
    }
    if !name.bytes().all(allowed) {
        return Err("it contains characters other than ASCII letters, digits, '.', '_' and '-'; leave them out");
    }
    Ok(())
}

/// Checks a file that this process wants to write to. Refuses a file that another user owns, that has
/// several names, or that other users may write to.
pub fn check_ours(name: &str, stat: &Stat) -> Result<(), OpenError> {
    let user = user();
    let reason = if stat.owner != user {
        NotOursReason::Owner { owner: stat.owner, user }
    } else if stat.names != 1 {
        NotOursReason::Names { names: stat.names }
    } else if stat.mode & 0o022 != 0 {
        NotOursReason::Mode { mode: stat.mode & 0o777 }
    } else {
        return Ok(());
    };
    Err(OpenError::NotOurs { file: name.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region::tests::room;

    #[test]
    fn a_name_is_1_to_200_plain_characters_and_does_not_start_like_an_option() {
        for good in ["a", "demo", "A.b_c-9", "_", &"x".repeat(200)] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in ["", ".", "..", ".lock", "-rf", "a b", "a\nb", "a\0b", "ä", "a%b", &"x".repeat(201)] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_region_without_a_path_lives_in_shm_dir_or_in_dev_shm() {
        assert_eq!(directory_from(None), Path::new("/dev/shm"));
        assert_eq!(directory_from(Some("".into())), Path::new("/dev/shm"));
        assert_eq!(directory_from(Some("/run/shm".into())), Path::new("/run/shm"));
        assert_eq!(default_directory(), directory_from(std::env::var_os("SHM_DIR")));
        assert_eq!(path_of("x"), default_directory().join("x"));
        assert_eq!((path_of("/x"), path_of("../x")), ("/x".into(), "../x".into()));
    }

    #[test]
    fn what_belongs_to_a_region_lies_hidden_beside_it() {
        let (_directory, location) = room();
        assert_eq!((location.lock_file().as_str(), location.draft_file().as_str()), (".x.lock", ".x.new"));
        let spare = [location.spare_draft_file().unwrap(), location.spare_draft_file().unwrap()];
        assert_ne!(spare[0], spare[1]);
        for file in spare {
            let number = file.strip_prefix(".x.new-").unwrap();
            assert!(number.len() == 16 && number.bytes().all(|digit| digit.is_ascii_hexdigit()), "{file}");
        }
    }

    #[test]
    fn what_is_no_directory_is_refused_with_the_region_that_was_wanted_in_it() {
        let (directory, _place) = room();
        std::fs::write(directory.path().join("file"), "").unwrap();
        let name = directory.path().join("file/x");
        let refused = || Location::resolve(&name).unwrap_err();
        let shown = name.to_str().unwrap();
        assert!(matches!(refused().into(), OpenError::Directory { region: Some(region), .. } if region == shown));
        assert!(matches!(refused().into(), BlockError::Directory { block, .. } if block == shown));
    }

    // Fault 55.
    #[test]
    fn a_file_is_this_users_if_it_is_plain_and_belongs_to_them() {
        let (directory, location) = room();
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("plain"), "").unwrap();
        std::fs::create_dir(path("directory")).unwrap();
        std::os::unix::fs::symlink("plain", path("link")).unwrap();
        assert_eq!(location.is_own_file("plain").ok(), Some(true));
        for other in ["directory", "link", "nothing"] {
            assert_eq!(location.is_own_file(other).ok(), Some(false), "{other}");
        }
        // Only root can change the owner of a file.
        if std::os::unix::fs::chown(path("plain"), Some(65534), None).is_ok() {
            assert_eq!(location.is_own_file("plain").ok(), Some(false));
        }
    }

    // Fault 56.
    #[test]
    fn a_file_that_others_may_write_is_refused_with_its_mode() {
        use std::os::unix::fs::PermissionsExt;
        let (directory, location) = room();
        let path = directory.path().join("x");
        let check = |mode| {
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            check_ours("x", &location.stat("x").unwrap().unwrap())
        };
        assert!(check(0o644).is_ok());
        for mode in [0o620, 0o602] {
            let refused = check(mode).unwrap_err();
            let OpenError::NotOurs { reason, .. } = &refused else { panic!("{refused}") };
            assert_eq!(*reason, NotOursReason::Mode { mode });
            assert!(refused.to_string().contains(&format!("its mode {mode:o} lets other users write")), "{refused}");
        }
    }
}
