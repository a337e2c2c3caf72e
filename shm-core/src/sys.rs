//! The interface to the operating system, here Linux: the only files that use rustix, nix or memmap2.
//! To support another system, replace these files.
//!
//! Errors are [`std::io::Error`]. The caller adds which region or block is concerned and what to do
//! about it. These functions repeat system calls that a signal interrupts, except for a sleep, which
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
