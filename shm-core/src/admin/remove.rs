//! Removes a region.

use crate::error::OpenError;
use crate::region::draft::remove_draft;
use crate::region::location::Location;
use crate::region::tenure::Lock;
use crate::region::{MAX_REGION_BYTES, Region};
use crate::sys::file::Access;
use crate::sys::futex::wake;
use shm_ring::Announcer;
use shm_ring::header::{STATE_CLOSED, STATE_MOVED};
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;

/// Removes a region and the files that belong to it. A damaged region can be removed, too. Attached
/// readers can still receive the values that they have not received yet, and then notice that the
/// region was removed.
///
/// With `force`, a region is removed even if it has a writer. That writer gets an error when it notices
/// that its region is gone.
///
/// # Errors
///
/// - [`OpenError::WriterAlive`] if the region has a writer and `force` is not set.
/// - [`OpenError::NotFound`] if the region does not exist.
/// - [`OpenError::NotARegion`] if the file is not a region. Such a file is never removed.
/// - [`OpenError::BadName`] if the name is not valid.
/// - [`OpenError::NotOurs`] or [`OpenError::Permission`] if this user may not remove the region.
/// - [`OpenError::Directory`] or [`OpenError::Io`] if a system call fails.
pub fn remove(name: impl AsRef<Path>, force: bool) -> Result<(), OpenError> {
    let location = Location::resolve(name.as_ref())?;
    let pid = removable(&location)?.map(|region| region.header().tenure.pid.load(Relaxed));
    let lock = match Lock::acquire(&location) {
        // The lock file must stay: it belongs to the living writer.
        Err(OpenError::WriterAlive { .. }) if force => return location.remove(),
        Err(OpenError::WriterAlive { region, .. }) => return Err(OpenError::WriterAlive { region, pid }),
        acquired => acquired?,
    };
    let removed = remove_locked(&location);
    removed.and(lock.release(&location))
}

/// Removes a region whose lock this process holds. Another process may have replaced or removed the
/// region before the lock was taken, so the region is opened and checked again.
fn remove_locked(location: &Location) -> Result<(), OpenError> {
    let region = removable(location)?;
    remove_draft(location);
    location.remove()?;
    if let Some(region) = &region {
        tell_readers(region);
    }
    Ok(())
}

/// Opens a region that is to be removed. Returns `None` for a region that is damaged, remote, too
/// large, of another version or with unknown features: it may be removed without being opened. Any
/// other file that cannot be opened must not be removed.
fn removable(location: &Location) -> Result<Option<Region>, OpenError> {
    match Region::open(location, Access::Write, MAX_REGION_BYTES) {
        Ok(region) => Ok(Some(region)),
        Err(
            OpenError::Damaged { .. }
            | OpenError::Version { .. }
            | OpenError::Features { .. }
            | OpenError::TooLarge { .. }
            | OpenError::Remote { .. },
        ) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes the readers check the region's name now. A region that was closed stays closed, because its
/// readers must still learn that it ended.
fn tell_readers(region: &Region) {
    let hot = &region.header().hot;
    if hot.state.load(Relaxed) == STATE_CLOSED {
        return;
    }
    let ring = region.ring();
    Announcer::of(ring).change_state(ring, STATE_MOVED);
    wake(hot.bell.word());
}
