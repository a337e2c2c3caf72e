//! The limits on the size of a file.

/// A limit on the size of a region or block, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Limit {
    /// The limit that the caller set with [`max_region_bytes`](crate::ReaderOptions::max_region_bytes), by
    /// default 1 TiB.
    #[error("this program allows at most {0} (max_region_bytes); raise that limit")]
    Allowed(u64),
    /// The limit for every region.
    #[error("a region can have at most {0}; use fewer or smaller slots")]
    Region(u64),
    /// The limit that the system sets for files of this process (`RLIMIT_FSIZE`).
    #[error("this process may not write files of more than {0} (RLIMIT_FSIZE); raise that limit")]
    FileSize(u64),
    /// The largest size that this machine can address.
    #[error("this machine cannot address that much memory; use a smaller size")]
    Address,
    /// The largest file that the file system can store.
    #[error("its file system does not support files of that size; use a smaller size, or another file system")]
    FileSystem,
}

impl Limit {
    /// An existing file is opened up to the first limit, and the others concern files that are about to grow.
    pub(super) fn verb(self) -> &'static str {
        match self {
            Self::Allowed(_) => "is",
            _ => "would be",
        }
    }
}
