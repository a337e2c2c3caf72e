//! The one test binary that spawns the real programs. Behaviour is tested by what a user can see:
//! output, exit codes, files; the library is called only where 32,768 spawns would take too long.

mod harness;

mod bench;
mod bit_flips;
mod calls;
mod console;
mod cutting;
mod documents;
mod exchange;
mod exit_codes;
mod failing;
mod faults;
mod file_systems;
mod following;
mod forking;
mod format;
mod help;
mod hostile;
mod input;
mod isolation;
#[cfg(target_arch = "x86_64")]
mod kills;
mod limits;
mod load;
mod looking;
mod loss;
mod mapping;
mod mutating;
mod names;
mod namespaces;
mod neighbours;
mod other_languages;
mod output;
mod permissions;
mod races;
mod removal;
mod signals;
mod storm;
mod terminal;
mod tidy;
mod typed;
mod vectors;
mod winners;
mod writers;
