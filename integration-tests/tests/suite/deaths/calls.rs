//! Tests in which a system call fails, is interrupted, or is the last thing that a process does.
//! They use `strace -e inject`.
//!
//! [`sweep`] tries every error and a kill at every call of every command. The other modules test
//! cases that a single command cannot show: a process that continues after an error, a reader that
//! is stopped, a storm of interruptions, and the error messages.

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
