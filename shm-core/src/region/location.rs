//! Where a region lives: the rules for names, the directory behind a name, and which file is there now.

use crate::error::{Error, Result};
use crate::sys::directory::Directory;
use crate::sys::file::{self, Identity, Kind, Stat};
use crate::sys::process::user;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// Where regions live unless `SHM_DIR` says otherwise.
const DEFAULT_DIRECTORY: &str = "/dev/shm";
/// The longest name: with the dot and the suffix of its lock it still fits the 255 bytes of a file name.
const MAX_NAME_BYTES: usize = 200;

/// The place of a region: a directory, held open, and a file name in it.
#[derive(Clone, Debug)]
pub struct Location {
    /// The name as the user gave it, for messages.
    pub name: String,
    file: String,
    directory: Directory,
}

impl Location {
    /// Finds the location of a region: a name in `SHM_DIR`, or a path if it has a `/`.
    pub fn resolve(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let refuse = |reason| Error::BadName { name: name.clone(), reason };
        let text = path.to_str().ok_or_else(|| refuse("it is not UTF-8"))?;
        let (directory, file) = match text.rsplit_once('/') {
            Some(("", file)) => (PathBuf::from("/"), file),
            Some((directory, file)) => (PathBuf::from(directory), file),
            None => (default_directory(), text),
        };
        check_name(file).map_err(refuse)?;
        let directory = open_directory(&directory, Some(&name))?;
        let file = file.to_owned();
        Ok(Self { name, file, directory })
    }

    /// The place of a region in a directory that is open already. The name was checked.
    pub fn within(directory: &Directory, name: &str) -> Self {
        Self { name: name.to_owned(), file: name.to_owned(), directory: directory.clone() }
    }

    /// The directory.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The region's file name.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The name of the file that the writer locks.
    pub fn lock_file(&self) -> String {
        format!(".{}.lock", self.file)
    }

    /// The name of a region in the making.
    pub fn draft_file(&self) -> String {
        format!(".{}.new", self.file)
    }

    /// Another one, for a directory in which somebody else has taken the first. It cannot be foreseen.
    pub fn spare_draft_file(&self) -> Result<String> {
        let number = u64::from_ne_bytes(self.random_bytes("number the unfinished file of region")?);
        Ok(format!("{}-{number:016x}", self.draft_file()))
    }

    /// Bytes that nobody can foresee, for an action at this region.
    pub fn random_bytes<const N: usize>(&self, action: &'static str) -> Result<[u8; N]> {
        file::random_bytes().map_err(|error| self.io_error(action, error))
    }

    /// Which file the name leads to now, if any.
    pub fn identity(&self) -> Result<Option<Identity>> {
        self.identity_of(&self.file)
    }

    /// Which file another name in the region's directory leads to now, if any.
    pub fn identity_of(&self, file: &str) -> Result<Option<Identity>> {
        Ok(self.stat(file)?.map(|stat| stat.identity))
    }

    /// Whether there is a regular file of that name in the region's directory that belongs to this user.
    pub fn is_own_file(&self, file: &str) -> Result<bool> {
        let stat = self.stat(file)?;
        Ok(stat.is_some_and(|stat| stat.owner == user() && stat.kind == Kind::Regular))
    }

    fn stat(&self, file: &str) -> Result<Option<Stat>> {
        self.directory.stat(file).map_err(|error| self.io_error("inspect region", error))
    }

    /// The same, and how many bytes that file has.
    pub fn identity_and_bytes(&self) -> Result<Option<(Identity, u64)>> {
        Ok(self.stat(&self.file)?.map(|stat| (stat.identity, stat.bytes)))
    }

    /// An error of the system at this region.
    pub fn io_error(&self, action: &'static str, source: io::Error) -> Error {
        Error::Io { action, region: self.name.clone(), source }
    }

    /// The file system has too little room for a file of this region.
    pub fn no_space(&self, needed: u64) -> Error {
        let free = file::free_bytes(&self.directory);
        Error::NoSpace { region: self.name.clone(), needed, free }
    }

    /// Removes the region's file. Only for the holder of the writer's lock.
    pub fn remove(&self) -> Result<()> {
        self.directory.remove_file(&self.file).map_err(|error| self.io_error("remove region", error))
    }

    /// The region was removed or replaced.
    pub fn gone(&self) -> Error {
        Error::Gone { region: self.name.clone() }
    }

    /// The region's writer belongs to the process that this one was forked from.
    pub fn forked(&self) -> Error {
        Error::Forked { region: self.name.clone() }
    }

    /// The region contradicts itself.
    pub fn damaged(&self, reason: String) -> Error {
        Error::Damaged { region: self.name.clone(), reason }
    }

    /// The file is something else.
    pub fn not_a_region(&self, reason: &str) -> Error {
        Error::NotARegion { region: self.name.clone(), reason: reason.to_owned() }
    }
}

/// The directory that regions without a path live in.
pub fn default_directory() -> PathBuf {
    directory_from(std::env::var_os("SHM_DIR"))
}

fn directory_from(variable: Option<OsString>) -> PathBuf {
    match variable {
        Some(directory) if !directory.is_empty() => PathBuf::from(directory),
        _ => PathBuf::from(DEFAULT_DIRECTORY),
    }
}

/// Opens a directory, for one region or for all.
pub fn open_directory(path: &Path, region: Option<&str>) -> Result<Directory> {
    Directory::open(path).map_err(|source| Error::Directory {
        region: region.map(str::to_owned),
        directory: path.display().to_string(),
        source,
    })
}

/// Says which rule a name breaks.
pub fn check_name(name: &str) -> std::result::Result<(), &'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if name.is_empty() {
        return Err("it is empty; use 1 to 200 letters, digits, '.', '_' or '-'");
    }
    if name.len() > MAX_NAME_BYTES {
        return Err("it is longer than 200 bytes; choose a shorter one");
    }
    if name.starts_with(['.', '-']) {
        return Err("it starts with '.' or '-'; start with a letter, a digit or '_'");
    }
    if !name.bytes().all(allowed) {
        return Err("it has other characters than letters, digits, '.', '_' and '-'; leave them out");
    }
    Ok(())
}

/// Refuses a file to write to that belongs to another user, has other names, or is open to other writers.
pub fn check_ours(name: &str, stat: &Stat) -> Result<()> {
    let user = user();
    let reason = if stat.owner != user {
        format!("it belongs to user {}, this is user {user}; write as that user, or choose another name", stat.owner)
    } else if stat.names != 1 {
        format!("the file has {} names (hard links), and a writer takes a file with one", stat.names)
    } else if stat.mode & 0o022 != 0 {
        let mode = stat.mode & 0o777;
        format!("others may write to it (mode {mode:o}); take that right away from them")
    } else {
        return Ok(());
    };
    Err(Error::NotOurs { file: name.to_owned(), reason })
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
        let refused = open_directory(&directory.path().join("file"), Some("x"));
        assert!(matches!(refused, Err(Error::Directory { region: Some(region), .. }) if region == "x"));
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
        // Only root may give a file away.
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
            check_ours("x", &location.stat("x").unwrap().unwrap()).map_err(|error| error.to_string())
        };
        assert_eq!(check(0o644), Ok(()));
        for mode in [0o620, 0o602] {
            assert!(check(mode).unwrap_err().contains(&format!("(mode {mode:o})")));
        }
    }
}
