//! How large a file may be, and who says so.

/// A limit on the bytes of a region or block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Limit {
    /// What the caller allows: [`max_region_bytes`](crate::ReaderOptions::max_region_bytes) or, where nothing is set, 1 TiB.
    #[error("{0}, what its reader or writer allows")]
    Allowed(u64),
    /// What a region may have.
    #[error("{0}, the most for a region; give it fewer or smaller slots")]
    Region(u64),
    /// What the system lets this process write to a file (`RLIMIT_FSIZE`).
    #[error("{0}, the limit on the size of this process's files (RLIMIT_FSIZE)")]
    FileSize(u64),
    /// What this machine can address.
    #[error("this machine can address")]
    Address,
    /// What the file system can hold.
    #[error("its file system can hold in a file")]
    FileSystem,
}
