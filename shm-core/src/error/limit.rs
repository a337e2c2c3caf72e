//! How large a file may be, and who says so.

/// A limit on the bytes of a region or block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Limit {
    /// What the caller allows: [`max_region_bytes`](crate::ReaderOptions::max_region_bytes) or, where nothing is set, 1 TiB.
    #[error("this program allows at most {0} (max_region_bytes); raise that limit")]
    Allowed(u64),
    /// What a region may have.
    #[error("a region can have at most {0}; use fewer or smaller slots")]
    Region(u64),
    /// What the system lets this process write to a file (`RLIMIT_FSIZE`).
    #[error("this process may not write files of more than {0} (RLIMIT_FSIZE); raise that limit")]
    FileSize(u64),
    /// What this machine can address.
    #[error("this machine cannot address that much memory; use a smaller size")]
    Address,
    /// What the file system can hold.
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
