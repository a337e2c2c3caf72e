//! What the tests of several packages share. It knows nothing of the library, so that the library's own tests can use it.

mod effort;
mod ending;
pub mod image;
mod random;

pub use effort::{at_effort, effort};
pub use ending::{Background, Ending};
pub use image::Image;
pub use random::Random;
