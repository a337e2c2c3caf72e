//! The operating system, here Linux: the only files that name rustix, nix or memmap2. Another system is another set of them.
//!
//! What fails is a [`std::io::Error`]; which region or block it happened to, and what to do about it, is for the caller to
//! say. Calls that a signal interrupts are made again here; only a sleep ends.

pub mod clock;
pub mod directory;
pub mod file;
pub mod file_system;
pub mod futex;
pub mod lock;
pub mod mapping;
pub mod process;
pub mod reserve;
