//! Tests of the state that remains after a failure: a writer is killed, a system call fails, or a
//! file is truncated.

mod calls;
mod cutting;
mod forking;
#[cfg(target_arch = "x86_64")]
mod kills;
mod storm;
