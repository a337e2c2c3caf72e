//! System calls that fail, that are interrupted, or that are the last thing that a process does, by `strace -e inject`.
//!
//! [`sweep`] tries every error and a kill at every call of every command. The other modules look at what a command cannot
//! show: a process that goes on, a reader that is stopped, a storm of interruptions, what people are told.

mod errnos;
mod going_on;
mod injection;
mod interruptions;
mod messages;
mod rehearsal;
mod scenarios;
mod stops;
mod sweep;

use injection::{Fault, Injection};
