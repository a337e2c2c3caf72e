//! What others may do to a region and to those who use it: damaged and changing files, other users, namespaces, file systems.

mod bit_flips;
mod damaged;
mod file_systems;
mod isolation;
mod mounts;
mod mutating;
mod namespaces;
mod neighbours;
mod permissions;

use shm_core::OpenError;

/// Whether an error is a refusal of the region: one that a user sees as exit code 3 or 5, or as another kind.
fn is_refusal(error: &OpenError) -> bool {
    matches!(
        error,
        OpenError::NotARegion { .. }
            | OpenError::Version { .. }
            | OpenError::Features { .. }
            | OpenError::Damaged { .. }
            | OpenError::Gone { .. }
            | OpenError::TooLarge { .. }
            | OpenError::Kind { .. }
    )
}
