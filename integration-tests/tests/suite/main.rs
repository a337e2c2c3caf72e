//! The only test binary that starts the real programs. It tests behaviour that a user can observe:
//! output, exit codes, files. It calls the library directly only in tests for which starting
//! programs, up to 32,768 of them, would take too long.

mod harness;

mod deaths;
mod foreign;
mod format;
mod hostile;
mod life;
mod programs;
mod rules;
