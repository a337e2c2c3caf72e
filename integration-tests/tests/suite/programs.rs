//! Tests of the programs as their users see them: help, input, output, exit codes, terminals, signals, and the commands
//! in documents.

mod bench;
mod console;
mod damaged;
mod ends;
mod exit_codes;
mod help;
mod input;
mod large;
mod mapping;
mod names;
mod opening;
mod output;
mod records;
mod signals;
mod terminal;
mod units;
