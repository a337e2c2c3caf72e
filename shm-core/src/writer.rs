//! The writing handles: they open a region for writing, publish values, and close the region.

mod array;
mod array_loan;
#[cfg(feature = "schema")]
mod json;
mod loan;
mod methods;
mod open;
mod options;
mod raw;
mod sizes;
#[cfg(all(test, not(miri)))]
pub mod tests;
mod typed;
pub mod waker;

pub use array::ArrayWriter;
pub use array_loan::ArrayLoan;
#[cfg(feature = "schema")]
pub use json::JsonWriter;
pub use loan::Loan;
use methods::region_methods;
pub use options::WriterOptions;
pub use raw::RawWriter;
pub use typed::Writer;
