//! The one test binary that spawns the real programs. Behaviour is tested by what a user can see:
//! output, exit codes, files; the library is called only where 32,768 spawns would take too long.

mod harness;

mod deaths;
mod format;
mod hostile;
mod life;
mod programs;
mod rules;
