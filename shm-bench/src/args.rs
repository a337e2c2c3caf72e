//! The arguments of shm-bench and their help.

use clap::Parser;
use shm_bench::Measuring;

/// The text that `-h` prints: all options on one screen.
pub const SHORT_HELP: &str = include_str!("short_help.txt");

/// Measure the speed of shm on this machine, next to the limits of the machine
///
/// Two processes, each on its own CPU, measure round trips, one-way rates, reads of the newest
/// value, publishing and attaching. Next to each figure is a limit that is measured in turn with
/// it: bare memory, memcpy or a bare futex. Compare the ratios; absolute figures vary with the
/// machine. All rows take about 75 seconds. Run nothing else on the machine meanwhile. The
/// program needs about 100 MB in SHM_DIR and leaves nothing there.
#[derive(Debug, Parser)]
#[command(name = "shm-bench", version, max_term_width = 100)]
#[command(after_long_help = shm_cli::EXIT_CODES_AND_ENVIRONMENT)]
pub struct Args {
    #[command(flatten)]
    pub measuring: Measuring,
    /// Print one JSON object per line: the machine, then each row with all its runs; times in ns,
    /// rates per second
    #[arg(long)]
    pub json: bool,
    /// Also show this project's own goals; --json always includes them
    #[arg(long)]
    pub goals: bool,
}

#[test]
fn the_short_help_fits_a_screen_and_names_every_option() {
    let command = <Args as clap::CommandFactory>::command();
    command.clone().debug_assert();
    assert!(SHORT_HELP.lines().count() < 24 && SHORT_HELP.lines().all(|line| line.chars().count() <= 80));
    let shown = command.get_arguments().filter(|option| !option.is_hide_set());
    let mut options = shown.filter_map(|option| option.get_long());
    assert_eq!(options.find(|option| !SHORT_HELP.contains(&format!("--{option}"))), None);
}
