//! Writers that are killed after any instruction of what they do, and programs that are killed at any time. After each
//! death everything is looked at from outside.
//!
//! `SHM_KILLS` sets how many kills there are of each operation, `all` for one after each instruction; `SHM_STORM` how many
//! there are of the real programs. `docs/RELIABILITY.md` has the commands.

mod ends;
mod ledger;
#[cfg(target_arch = "x86_64")]
mod nested;
#[cfg(target_arch = "x86_64")]
mod operations;
#[path = "../../examples/victim/payload.rs"]
mod payload;
mod random;
mod scene;
#[cfg(target_arch = "x86_64")]
mod stepper;
#[cfg(target_arch = "x86_64")]
mod stopped;
mod storm;

/// How many kills there are of each operation.
fn chosen_kills() -> usize {
    match std::env::var("SHM_KILLS").as_deref() {
        Ok("all") => usize::MAX,
        Ok(count) => count.parse().expect("SHM_KILLS is a number, or 'all'"),
        Err(_) => 40,
    }
}

/// Whether everything is to be killed that there is.
fn is_full() -> bool {
    chosen_kills() == usize::MAX
}
