//! Region files: opening and mapping them, making them, putting one in another's place. Nothing here
//! knows what the slots hold.
//!
//! # Invariants
//!
//! A `Mapping` owns a shared mapping of a whole region file. It starts at a page, its length is at least
//! `HEADER_BYTES` and a multiple of 8, and it stays mapped until the `Mapping` is dropped. All of it is
//! only ever seen as atomics, for which any bytes are a valid value and a race with another process is
//! defined. A mapping made for reading is mapped read-only, and only loads reach it. What remains is
//! the owner truncating the file: the kernel then answers an access with SIGBUS.
#![allow(unsafe_code)]

use crate::error::{Error, Result};
use memmap2::{Advice, MmapOptions, MmapRaw};
use rustix::fs::{self, AtFlags, FallocateFlags, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::{Errno, retry_on_intr};
use shm_ring::copy::WORD;
use shm_ring::header::{FIXED_BYTES, Fixed, HEADER_BYTES, Header, HeaderFault, MAGIC, STATE_CLOSED, VERSION};
use shm_ring::{Ring, Shape};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

mod file_system;
pub mod lock;
pub mod place;
pub mod process;
pub mod reserve;
#[cfg(test)]
mod tests;

pub use file_system::check_local;
use place::{Identity, Place};
use reserve::reserve;

/// The largest region that is opened unless the caller says otherwise: 1 TiB.
pub const MAX_REGION_BYTES: u64 = 1 << 40;
/// A file that is larger than this stores at least one in [`MAX_SPARSENESS`] of its bytes.
const SPARSE_BYTES: u64 = 64 << 20;
/// A writer reserves all of its file, but a copy on a file system that compresses may store less than it holds.
const MAX_SPARSENESS: u64 = 16;
/// What is wrong with a plain value in a region that did not [survive cleanly](Region::survived_cleanly).
pub const NOT_BELIEVED: &str = "it has no checksum, and the machine was restarted without a clean close";
/// How often a region that loses its name while it is being opened is tried again.
const OPEN_ATTEMPTS: usize = 100;
/// The largest descriptor that is read.
const MAX_DESCRIPTOR_BYTES: u32 = 1 << 20;

/// What a region is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To look at it; the mapping is read-only.
    Read,
    /// To write it; the file must belong to this user alone.
    Write,
}

/// An open region: its checked header and its memory.
#[derive(Debug)]
pub struct Region {
    /// The checked copy of what is written once.
    pub fixed: Fixed,
    /// The records behind the header page.
    pub descriptor: Vec<u8>,
    /// Which file this is.
    pub identity: Identity,
    /// The file's permission bits when it was opened.
    pub mode: u32,
    /// The user that the file belongs to.
    pub owner: u32,
    // The ring's sizes, worked out once.
    shape: Shape,
    // Kept open only for writing.
    file: Option<File>,
    mapping: Mapping,
}

impl Region {
    /// Opens the region at `place` and checks all of its header against the file.
    pub fn open(place: &Place, access: Access, max_bytes: u64) -> Result<Self> {
        for _ in 0..OPEN_ATTEMPTS {
            if let Some(region) = Self::open_once(place, access, max_bytes)? {
                return Ok(region);
            }
        }
        Err(Error::NotFound { region: place.shown.clone() })
    }

    /// Returns `None` if the file lost its name just after it was opened: there may be another by now.
    fn open_once(place: &Place, access: Access, max_bytes: u64) -> Result<Option<Self>> {
        let open_flags = match access {
            Access::Read => OFlags::RDONLY,
            Access::Write => OFlags::RDWR,
        };
        let open_flags = open_flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = retry_on_intr(|| fs::openat(place.directory(), place.file(), open_flags, Mode::empty()))
            .map_err(|errno| explain_open(place, access, errno))?;
        let file = File::from(file);
        let stat = fs::fstat(&file).map_err(|errno| place.io_error("inspect region", errno))?;
        check_type(place, &stat)?;
        if stat.st_nlink == 0 {
            return Ok(None);
        }
        if access == Access::Write {
            place::check_ours(&place.shown, &stat)?;
        }
        let file_bytes = u64::try_from(stat.st_size).unwrap_or(0);
        let fixed = read_header(place, &file, file_bytes)?;
        check_local(place, &file)?;
        if fixed.region_bytes != file_bytes {
            let reason = format!("the file has {file_bytes} bytes, its header says {}", fixed.region_bytes);
            return Err(place.damaged(reason));
        }
        check_limit(place, file_bytes, max_bytes, "what its reader or writer allows")?;
        check_stored(place, file_bytes, stored_bytes(&stat))?;
        let descriptor = read_descriptor(place, &file, &fixed)?;
        let mapping = Mapping::new(&file, &fixed, access).map_err(|source| Error::Io {
            action: "map region",
            region: place.shown.clone(),
            source,
        })?;
        let file = (access == Access::Write).then_some(file);
        Ok(Some(Self::of(fixed, descriptor, &stat, mapping, file)))
    }

    fn of(fixed: Fixed, descriptor: Vec<u8>, stat: &Stat, mapping: Mapping, file: Option<File>) -> Self {
        let (mode, owner) = (stat.st_mode & 0o7777, stat.st_uid);
        let shape = shape_of(&fixed);
        Self { fixed, descriptor, identity: Identity::of(stat), mode, owner, shape, file, mapping }
    }

    /// The header page.
    #[inline]
    pub fn header(&self) -> &Header {
        self.mapping.header()
    }

    /// The ring's sizes.
    #[inline]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The ring in the region.
    #[inline]
    pub fn ring(&self) -> Ring<'_> {
        Ring::new(&self.mapping.header().hot, self.mapping.words(), self.shape)
    }
}

/// The sizes of a ring by a header that was checked, so that it fits the mapping.
fn shape_of(fixed: &Fixed) -> Shape {
    let words = |bytes: u64| usize::try_from(bytes).expect("within a mapping") / WORD;
    Shape {
        slots: fixed.slots,
        stride_words: words(fixed.stride),
        payload_word: words(u64::from(fixed.payload_offset)),
        capacity: words(fixed.capacity) * WORD,
        checksummed: fixed.has_checksums(),
    }
}

/// Reads the written-once part into private memory, once, and parses that.
fn read_header(place: &Place, file: &File, file_bytes: u64) -> Result<Fixed> {
    let mut bytes = [0; FIXED_BYTES];
    let wanted = FIXED_BYTES.min(usize::try_from(file_bytes).unwrap_or(FIXED_BYTES));
    file.read_exact_at(&mut bytes[..wanted], 0).map_err(|source| Error::Io {
        action: "read region",
        region: place.shown.clone(),
        source,
    })?;
    if bytes[..MAGIC.len()] != MAGIC {
        return Err(place.not_a_region(match file_bytes {
            0 => "it is empty",
            _ => "it does not begin as one",
        }));
    }
    if file_bytes < u64::from(HEADER_BYTES) {
        return Err(place.damaged(format!("the file ends after {file_bytes} bytes, within the header")));
    }
    Fixed::parse(&bytes).map_err(|fault| match fault {
        HeaderFault::Foreign => place.not_a_region("it does not begin as one"),
        HeaderFault::Version(major, minor) => Error::Version {
            region: place.shown.clone(),
            found: format!("{major}.{minor}"),
            supported: format!("{}.{}", VERSION.0, VERSION.1),
        },
        HeaderFault::Features(bits) => Error::Features { region: place.shown.clone(), bits },
        HeaderFault::Field(reason) => place.damaged(reason.into()),
    })
}

/// Reads the descriptor. Its records are for those who know them; here it only has to be whole.
fn read_descriptor(place: &Place, file: &File, fixed: &Fixed) -> Result<Vec<u8>> {
    if fixed.descriptor_bytes > MAX_DESCRIPTOR_BYTES {
        return Err(place.damaged(format!("its descriptor claims {} bytes", fixed.descriptor_bytes)));
    }
    let mut descriptor = vec![0; fixed.descriptor_bytes as usize];
    match file.read_exact_at(&mut descriptor, u64::from(HEADER_BYTES)) {
        Ok(()) if crc32fast::hash(&descriptor) == fixed.descriptor_crc => Ok(descriptor),
        // A file that ends before its header says so was cut meanwhile.
        Err(source) if source.kind() != std::io::ErrorKind::UnexpectedEof => {
            Err(Error::Io { action: "read region", region: place.shown.clone(), source })
        }
        _ => Err(place.damaged("the descriptor's CRC does not match".into())),
    }
}

fn check_type(place: &Place, stat: &Stat) -> Result<()> {
    let reason = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => return Ok(()),
        FileType::Directory => "it is a directory",
        FileType::Symlink => "it is a symbolic link",
        FileType::Fifo => "it is a pipe",
        FileType::Socket => "it is a socket",
        _ => "it is a device",
    };
    Err(place.not_a_region(reason))
}

fn check_limit(place: &Place, bytes: u64, max_bytes: u64, whose: &str) -> Result<()> {
    let reason = if bytes > max_bytes {
        format!("{bytes} bytes, more than {max_bytes}, {whose}")
    } else if usize::try_from(bytes).is_err() {
        format!("{bytes} bytes, more than this processor can address")
    } else {
        return Ok(());
    };
    Err(Error::TooLarge { region: place.shown.clone(), reason })
}

/// How many bytes of a file its file system has room for. It counts them in blocks of 512.
pub fn stored_bytes(stat: &Stat) -> u64 {
    u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512)
}

/// Refuses a file that is mostly holes: in a few KiB it could claim a value of gigabytes, for which a reader makes room.
fn check_stored(place: &Place, bytes: u64, stored: u64) -> Result<()> {
    if bytes <= SPARSE_BYTES.max(stored.saturating_mul(MAX_SPARSENESS)) {
        return Ok(());
    }
    let reason = format!("of its {bytes} bytes only {stored} are stored (a whole copy is made by cp --sparse=never)");
    Err(place.damaged(reason))
}

/// Says why a file could not be opened, after another look at what it is.
fn explain_open(place: &Place, access: Access, errno: Errno) -> Error {
    if errno == Errno::NOENT {
        return Error::NotFound { region: place.shown.clone() };
    }
    let Ok(stat) = fs::statat(place.directory(), place.file(), AtFlags::SYMLINK_NOFOLLOW) else {
        return place.io_error("open region", errno);
    };
    if let Err(error) = check_type(place, &stat) {
        return error;
    }
    match errno {
        Errno::ACCESS | Errno::PERM => {
            let (owner, mode) = (stat.st_uid, stat.st_mode & 0o777);
            let allowed = match access {
                Access::Read => format!("can let others read it with: shm-writer create --mode 644 {}", place.shown),
                Access::Write => "alone can write to it; choose another name".into(),
            };
            Error::Permission {
                action: "open region",
                region: place.shown.clone(),
                remedy: format!("it has mode {mode:o}, and user {owner}, its owner, {allowed}"),
            }
        }
        _ => place.io_error("open region", errno),
    }
}

/// See the file's `# Invariants`.
#[derive(Debug)]
struct Mapping {
    raw: MmapRaw,
    // Where the slots start, in bytes: a multiple of 128 within the mapping.
    slots_start: usize,
}

impl Mapping {
    /// Maps the whole file, whose length was compared with the header's.
    fn new(file: &File, fixed: &Fixed, access: Access) -> std::io::Result<Self> {
        let length = usize::try_from(fixed.region_bytes).map_err(std::io::Error::other)?;
        assert!(length >= HEADER_BYTES as usize && length.is_multiple_of(WORD), "a checked header's length");
        let mut options = MmapOptions::new();
        options.len(length);
        let raw = match access {
            Access::Read => options.map_raw_read_only(file)?,
            Access::Write => options.map_raw(file)?,
        };
        // A writer that dumps core holds its lock until that is done, and its region can be looked at without it. Where the
        // kernel refuses, the dump takes longer.
        let _ = raw.advise(Advice::DontDump);
        // The header was checked: the slots lie within the file.
        let slots_start = usize::try_from(fixed.slots_offset()).map_err(std::io::Error::other)?;
        assert!(slots_start <= length && slots_start.is_multiple_of(WORD), "a checked header's slots");
        Ok(Self { raw, slots_start })
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: by the invariants the mapping is aligned to a page, at least as long as a header, and lives
        // as long as `self`; a header is atomics only.
        unsafe { &*self.raw.as_ptr().cast::<Header>() }
    }

    #[inline]
    fn words(&self) -> &[AtomicU64] {
        let bytes = self.raw.len() - self.slots_start;
        // SAFETY: by the invariants the start is within the mapping, which is one allocation.
        let first = unsafe { self.raw.as_ptr().add(self.slots_start) };
        // SAFETY: from a multiple of 128 up to the end of the mapping, alive as long as `self`, atomics only.
        unsafe { std::slice::from_raw_parts(first.cast::<AtomicU64>(), bytes / WORD) }
    }
}

/// A region in the making, under a name that only the lock's holder touches. Dropped, it is removed.
#[derive(Debug)]
pub struct Draft<'a> {
    place: &'a Place,
    /// Empty once the file has the region's name.
    file: String,
    region: Option<Region>,
}

impl<'a> Draft<'a> {
    /// Makes the file, with its pages reserved, its header written and its permissions set.
    ///
    /// The holder of the writer's lock alone may call this. `group` is kept from a region that is replaced.
    pub fn new(place: &'a Place, fixed: Fixed, descriptor: &[u8], mode: u32, group: Option<u32>) -> Result<Self> {
        check_limit(
            place,
            fixed.region_bytes,
            file_size_limit(),
            "the limit on the size of files; raise it with ulimit -f",
        )?;
        remove_draft(place);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode_at_first = Mode::RUSR | Mode::WUSR;
        let make = |name: &str| retry_on_intr(|| fs::openat(place.directory(), name, flags, mode_at_first));
        let mut name = place.draft_file();
        let mut made = make(&name);
        if matches!(made, Err(Errno::EXIST)) {
            name = place.spare_draft_file()?;
            made = make(&name);
        }
        let file = made.map_err(|errno| explain_create(place, fixed.region_bytes, errno))?;
        let mut draft = Self { place, file: name, region: None };
        draft.region = Some(draft.build(File::from(file), fixed, descriptor, mode, group)?);
        Ok(draft)
    }

    fn build(&self, file: File, fixed: Fixed, descriptor: &[u8], mode: u32, group: Option<u32>) -> Result<Region> {
        let place = self.place;
        let explain = |errno| explain_create(place, fixed.region_bytes, errno);
        reserve(&file, FallocateFlags::empty(), 0, fixed.region_bytes).map_err(explain)?;
        let written = file.write_all_at(&fixed.to_bytes(), 0);
        written.and_then(|()| file.write_all_at(descriptor, u64::from(HEADER_BYTES))).map_err(|source| Error::Io {
            action: "write region",
            region: place.shown.clone(),
            source,
        })?;
        let stat = fs::fstat(&file).map_err(explain)?;
        if let Some(group) = group.filter(|group| *group != stat.st_gid) {
            let group = fs::Gid::from_raw(group);
            retry_on_intr(|| fs::fchown(&file, None, Some(group)))
                .map_err(|errno| place.io_error("keep the group of region", errno))?;
        }
        retry_on_intr(|| fs::fchmod(&file, Mode::from_raw_mode(mode))).map_err(explain)?;
        let stat = fs::fstat(&file).map_err(explain)?;
        let mapping = Mapping::new(&file, &fixed, Access::Write).map_err(|source| Error::Io {
            action: "map region",
            region: place.shown.clone(),
            source,
        })?;
        Ok(Region::of(fixed, descriptor.to_vec(), &stat, mapping, Some(file)))
    }

    /// The region, to be filled before anyone else sees it.
    pub fn region(&self) -> &Region {
        self.region.as_ref().expect("built by new")
    }

    /// Gives the region its name. Returns `None` if there is a file of this name by now.
    pub fn create(self) -> Result<Option<Region>> {
        match self.rename(RenameFlags::NOREPLACE) {
            Err(Errno::EXIST) => Ok(None),
            Err(errno) => Err(explain_create(self.place, 0, errno)),
            Ok(()) => Ok(self.finish()),
        }
    }

    /// Puts the region in the place of the one that has its name.
    pub fn replace(self) -> Result<Region> {
        match self.rename(RenameFlags::empty()) {
            Err(errno) => Err(self.place.io_error("replace region", errno)),
            Ok(()) => Ok(self.finish().expect("built by new")),
        }
    }

    fn rename(&self, flags: RenameFlags) -> rustix::io::Result<()> {
        let directory = self.place.directory();
        retry_on_intr(|| fs::renameat_with(directory, &self.file, directory, self.place.file(), flags))
    }

    fn finish(mut self) -> Option<Region> {
        self.file.clear();
        self.region.take()
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if !self.file.is_empty() {
            // Nothing more can be done here; whoever makes the next draft removes it.
            let _ = fs::unlinkat(self.place.directory(), &self.file, AtFlags::empty());
        }
    }
}

/// Removes an unfinished file. Only for the holder of the writer's lock.
///
/// It may be somebody else's, who planted it in a directory for all, and then stays: the next draft gets another name.
pub fn remove_draft(place: &Place) {
    let _ = fs::unlinkat(place.directory(), place.draft_file(), AtFlags::empty());
}

/// The limit on the length of files: beyond it the kernel kills the process rather than refuse.
pub fn file_size_limit() -> u64 {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize);
    limit.current.unwrap_or(u64::MAX)
}

fn explain_create(place: &Place, needed: u64, errno: Errno) -> Error {
    let region = place.shown.clone();
    match errno {
        Errno::NOSPC | Errno::DQUOT => place.no_space(needed),
        Errno::ACCESS | Errno::PERM | Errno::ROFS => Error::Permission {
            action: "create region",
            region,
            remedy: "it needs write permission in its directory; set SHM_DIR to another".into(),
        },
        Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL => Error::FileSystem { region },
        _ => place.io_error("create region", errno),
    }
}

impl Region {
    /// The file's permission bits and group, as they are now. Only of a region that was opened for writing.
    pub fn permissions(&self, place: &Place) -> Result<(u32, u32)> {
        let file = self.file.as_ref().expect("opened for writing");
        let stat = fs::fstat(file).map_err(|errno| place.io_error("inspect region", errno))?;
        Ok((stat.st_mode & 0o7777, stat.st_gid))
    }

    /// Changes the file's permission bits. Only of a region that was opened for writing.
    pub fn set_mode(&self, place: &Place, mode: u32) -> Result<()> {
        let file = self.file.as_ref().expect("opened for writing");
        fs::fchmod(file, Mode::from_raw_mode(mode)).map_err(|errno| place.io_error("change the mode of region", errno))
    }

    /// Whether plain values can be believed: not after a reboot that came without a clean close.
    pub fn survived_cleanly(&self) -> bool {
        let boot_id = boot_id();
        let same_boot = boot_id == 0 || self.fixed.boot_id == 0 || self.fixed.boot_id == boot_id;
        same_boot || self.header().hot.state.load(Relaxed) == STATE_CLOSED
    }
}

/// The kernel's boot id; 0 where it cannot be read.
pub fn boot_id() -> u128 {
    static BOOT_ID: OnceLock<u128> = OnceLock::new();
    *BOOT_ID.get_or_init(|| {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        u128::from_str_radix(&text.trim().replace('-', ""), 16).unwrap_or(0)
    })
}

/// Removes a region's file. Only for the holder of the writer's lock.
pub fn remove_file(place: &Place) -> Result<()> {
    match fs::unlinkat(place.directory(), place.file(), AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(place.io_error("remove region", errno)),
    }
}
