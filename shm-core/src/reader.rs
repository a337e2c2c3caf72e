//! The reading handles. They open a region, wait for values, and follow the region from file to file.
//! They never write to a region.
//!
//! [`follow`] decides the next step, and [`blocking`] waits for it. The handles decode the values.

mod array;
mod array_view;
mod blocking;
mod decoder;
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
