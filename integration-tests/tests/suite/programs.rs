//! What a user of the two programs meets: help, input, output, exit codes, terminals, signals, and what documents show.

mod bench;
mod console;
mod ends;
mod exit_codes;
mod help;
mod input;
mod mapping;
mod names;
mod opening;
mod output;
mod records;
mod signals;
mod terminal;
