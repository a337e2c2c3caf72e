//! Tests with hostile surroundings: damaged and changing files, other users, namespaces, and all kinds of file systems.

mod bit_flips;
mod damaged;
mod file_systems;
mod hosts;
mod isolation;
mod mounts;
mod mutating;
mod namespaces;
mod neighbours;
mod permissions;

use shm_core::OpenError;

/// Whether an error refuses the region itself, as opposed to reporting a failed system call.
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
