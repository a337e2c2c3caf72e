//! Removing a region.

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

/// Removes a region and what belongs to it. Attached readers keep what they have, and are told.
///
/// With `force` also while it has a writer; that writer then learns that its region is gone.
///
/// # Errors
///
/// [`OpenError::WriterAlive`] if it has a writer; [`OpenError::NotFound`]; [`OpenError::NotARegion`] for a file that is
/// something else, which is never removed; [`OpenError::Permission`].
pub fn remove(name: impl AsRef<Path>, force: bool) -> Result<(), OpenError> {
    let location = Location::resolve(name.as_ref())?;
    let pid = removable(&location)?.map(|region| region.header().tenure.pid.load(Relaxed));
    let lock = match Lock::acquire(&location) {
        // The lock file stays: it is the living writer's.
        Err(OpenError::WriterAlive { .. }) if force => return location.remove(),
        Err(OpenError::WriterAlive { region, .. }) => return Err(OpenError::WriterAlive { region, pid }),
        acquired => acquired?,
    };
    let removed = remove_locked(&location);
    removed.and(lock.release(&location))
}

/// Removes a region whose lock is held. Before it was, the region may have been replaced or removed.
fn remove_locked(location: &Location) -> Result<(), OpenError> {
    let region = removable(location)?;
    remove_draft(location);
    location.remove()?;
    if let Some(region) = &region {
        tell_readers(region);
    }
    Ok(())
}

/// Opens a region that is to be removed. One that is damaged, of another version or remote may be removed unopened;
/// anything else that cannot be opened may not.
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

/// Makes readers look at the name now. One that was closed stays closed: whoever waits for that is told so.
fn tell_readers(region: &Region) {
    let hot = &region.header().hot;
    if hot.state.load(Relaxed) == STATE_CLOSED {
        return;
    }
    let ring = region.ring();
    Announcer::of(ring).change_state(ring, STATE_MOVED);
    wake(hot.bell.word());
}
