//! The part of the writing side that changes a ring's state and rings its bell, and publishes nothing.

use super::Ring;
use crate::sync::Ordering::Release;

/// The right to change a ring's state. A producer has it; and the holder of the writer's lock may have it alone, for a ring
/// that is not to be published to: one that is being removed, or is too damaged to be taken over.
#[derive(Debug)]
pub struct Announcer {
    bell: u32,
}

impl Announcer {
    /// An announcer for a ring that others see: its bells go on after the last one.
    pub fn of(ring: Ring<'_>) -> Self {
        Self { bell: ring.bell() }
    }

    /// An announcer for a ring whose bell never rang.
    pub(super) fn fresh() -> Self {
        Self { bell: 0 }
    }

    /// Changes the region's state and rings; the caller wakes the sleepers.
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
