//! What is left when something ends in the middle: a writer that is killed, a call that fails, a file that is cut.

mod calls;
mod cutting;
mod forking;
#[cfg(target_arch = "x86_64")]
mod kills;
mod storm;
