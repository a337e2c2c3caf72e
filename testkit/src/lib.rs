//! Helpers that the tests of several packages share. They do not depend on the library, so the
//! library's own tests can use them.

mod effort;
mod ending;
pub mod image;
mod random;
mod survivors;

pub use effort::{at_effort, effort};
pub use ending::{Background, Ending};
pub use image::Image;
pub use random::Random;
pub use survivors::{Litter, Survivor};
