//! The one test binary that spawns the real programs. Behaviour is tested by what a user can see:
//! output, exit codes, files; the library is called only where 32,768 spawns would take too long.

mod harness;

mod bench;
mod bit_flips;
mod console;
mod documents;
mod exchange;
mod exit_codes;
mod faults;
mod following;
mod forking;
mod format;
mod help;
mod hostile;
mod input;
mod isolation;
mod limits;
mod load;
mod looking;
mod loss;
mod mapping;
mod names;
mod other_languages;
mod output;
mod permissions;
mod races;
mod removal;
mod signals;
mod terminal;
mod tidy;
mod typed;
mod vectors;
mod writers;
