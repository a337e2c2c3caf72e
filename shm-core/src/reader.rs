//! The reading handles: they attach to a region, wait, and follow it from file to file. They store nothing shared.
//!
//! [`follow`] decides what comes next, and [`blocking`] waits for it; the handles make values of what they get.

mod array;
mod array_view;
mod blocking;
mod expected;
pub mod follow;
#[cfg(feature = "schema")]
mod json;
mod methods;
mod options;
mod pace;
mod raw;
mod received;
mod sample;
pub mod sleeper;
#[cfg(all(test, not(miri)))]
mod tests;
mod typed;
mod values;
mod view;

pub use array::ArrayReader;
pub use array_view::ArrayView;
#[cfg(feature = "schema")]
pub use json::JsonReader;
use methods::{copying_methods, receiving_methods, region_methods};
pub use options::{Position, ReaderOptions};
use raw::Ask;
pub use raw::RawReader;
pub use received::Received;
pub use sample::Sample;
pub use sleeper::WaitStrategy;
pub use typed::Reader;
use values::Receive;
pub use values::Values;
pub use view::View;
