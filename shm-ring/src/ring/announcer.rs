//! The part of the writing side that changes a ring's state and rings its bell, but publishes
//! nothing.

use super::Ring;
use crate::sync::Ordering::Release;

/// The right to change a ring's state. Each producer has an announcer. The holder of the writer's
/// lock can also use one without a producer, for a ring that must not be published to: one that is
/// being removed, or one that is too damaged to be taken over.
#[derive(Debug)]
pub struct Announcer {
    bell: u32,
}

impl Announcer {
    /// Creates an announcer for a ring that other processes can see. It continues from the current
    /// bell.
    pub fn of(ring: Ring<'_>) -> Self {
        Self { bell: ring.bell() }
    }

    /// Creates an announcer for a ring whose bell has never rung.
    pub(super) fn fresh() -> Self {
        Self { bell: 0 }
    }

    /// Changes the region's state and rings the bell. The caller must wake the sleeping readers.
    pub fn change_state(&mut self, ring: Ring<'_>, state: u32) {
        ring.hot.state.store(state, Release); // E
        self.ring_bell(ring);
    }

    #[inline(always)]
    pub(super) fn ring_bell(&mut self, ring: Ring<'_>) {
        self.bell = self.bell.wrapping_add(1);
        ring.hot.bell.store(self.bell, Release); // D
    }
}
