//! The limits on the size of a file.

/// A limit on the size of a region or block, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Limit {
    /// The limit that the caller set with [`max_region_bytes`](crate::ReaderOptions::max_region_bytes), by
    /// default 1 TiB.
    #[error("{0}, what its reader or writer allows")]
    Allowed(u64),
    /// The limit for every region.
    #[error("{0}, the most for a region; give it fewer or smaller slots")]
    Region(u64),
    /// The limit that the system sets for files of this process (`RLIMIT_FSIZE`).
    #[error("{0}, the limit on the size of this process's files (RLIMIT_FSIZE)")]
    FileSize(u64),
    /// The largest size that this machine can address.
    #[error("this machine can address")]
    Address,
    /// The largest file that the file system can store.
    #[error("its file system can hold in a file")]
    FileSystem,
}
