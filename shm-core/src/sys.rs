//! The interface to the operating system, which is Linux. Only these files use rustix, nix and memmap2.
//! To support another system, write these files for it.
//!
//! A failure is a [`std::io::Error`]. The caller adds the name of the region or block, and what to do
//! about the failure. Calls that a signal interrupts are repeated here, except sleeping, which then
//! ends.

pub mod clock;
pub mod directory;
pub mod file;
pub mod file_system;
pub mod futex;
pub mod lock;
pub mod mapping;
pub mod process;
pub mod reserve;
