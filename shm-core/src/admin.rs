//! Operations on regions from outside, without a reader or writer: listing, inspecting, verifying,
//! removing and cleaning up.

mod clean;
mod inspect;
mod list;
mod remove;
#[cfg(all(test, not(miri)))]
mod tests;
mod verify;

pub use clean::clean;
pub use inspect::{Info, RegionState, inspect};
pub use list::regions;
pub use remove::remove;
pub use verify::{Finding, verify};
