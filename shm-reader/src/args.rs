//! The arguments of shm-reader and their help. What they make the program do is not here.

use std::ffi::OsString;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use shm_cli::Talk;
use shm_core::Position;

/// What `-h` shows: everything, on one screen.
pub const SHORT_HELP: &str = include_str!("short_help.txt");

const EXAMPLES: &str = "\
Examples:
  shm-reader demo                     print the latest value
  shm-reader -t 10s demo              wait for one, if there is none yet, but not longer
  shm-reader -f demo                  print the latest value and every new one
  shm-reader -f --from new -n 1 demo  wait for the next value
  shm-reader --from oldest demo       print all values that the region still holds
  shm-reader --from -10 --json demo   print the last ten, with number and time
  shm-reader --raw demo > copy.png    take a value as it is
  shm-reader -f --json demo | jq .    hand every value on
  shm-reader -- list                  read a region that is named like a verb
  shm-reader list                     list the regions";

/// Read named shared memory: print the latest value and exit
///
/// A reader cannot disturb the writer or another reader. A value is printed as a line: text and bytes
/// as they are (on a terminal with control characters escaped), JSON as it was written, values of a
/// type as JSON, arrays as their shape and first elements, and what the region does not describe as hex.
///
/// A follower (-f) waits for the region if there is none, and goes on across new writers and regions
/// made anew. A reader that is too slow misses the oldest values and says how many.
#[derive(Debug, Parser)]
#[command(name = "shm-reader", version, max_term_width = 100)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, arg_required_else_help = true)]
#[command(subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{}", shm_cli::EXIT_CODES_AND_ENVIRONMENT))]
pub struct Args {
    #[command(subcommand)]
    pub verb: Option<Verb>,
    #[command(flatten)]
    pub read: Option<Read>,
    #[command(flatten)]
    pub talk: Talk,
}

impl Args {
    /// The one region or block that is looked at.
    pub fn name(&self) -> Option<&str> {
        match (&self.verb, &self.read) {
            (Some(Verb::Inspect { region, .. } | Verb::Verify { region, .. } | Verb::Map { name: region, .. }), _) => {
                Some(region)
            }
            (None, Some(read)) => Some(&read.region),
            _ => None,
        }
    }
}

/// Everything that is not reading values.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List the regions: kind, size, slots, newest and retained values, writer, owner and mode
    #[command(visible_alias = "ls")]
    List {
        /// Print one JSON object a line: some of the fields that inspect --json has
        #[arg(long)]
        json: bool,
    },
    /// Show everything that a region says of itself, with the type of its values
    Inspect {
        /// The region's name, or a path with a / in it
        region: String,
        /// Print only the schema of the values, as JSON
        #[arg(long, conflicts_with = "json")]
        schema: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Check a whole region, and say what is wrong and where
    Verify {
        /// The region's name, or a path with a / in it
        region: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print plain bytes of a block that has no header
    ///
    /// All bytes that are asked for are printed, and nothing else; on a terminal control characters are escaped, and a
    /// newline follows. Nothing says how many of them are meant, or whether they are whole. A region is refused without
    /// --force.
    ///
    /// Example: shm-reader map note --len 5
    Map {
        /// A name in SHM_DIR (/dev/shm if that is not set), or a path with a / in it
        name: String,
        /// Where in the block to begin [default: 0]
        #[arg(long, value_name = "SIZE", value_parser = shm_cli::size)]
        at: Option<u64>,
        /// At most so many bytes [default: all that follow]
        #[arg(long, value_name = "SIZE", value_parser = shm_cli::size)]
        len: Option<u64>,
        /// Print a hex dump
        #[arg(short = 'x', long)]
        hex: bool,
        /// Print also the bytes of a region
        #[arg(long)]
        force: bool,
    },
    /// Print a script that completes the arguments in a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// The default job.
#[derive(Debug, clap::Args)]
pub struct Read {
    /// The region's name, or a path with a / in it
    #[arg(value_hint = ValueHint::Other)]
    pub region: String,
    /// What is left over, to be refused with a better message than clap's.
    #[arg(hide = true)]
    pub rest: Vec<OsString>,

    /// Go on with every new value, for ever; also waits for the region to be made
    #[arg(short, long)]
    pub follow: bool,
    /// Print at most N values
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Where to start: latest, new, oldest, the number of a value, or -N for the last N [default: latest]
    ///
    /// Without --follow, the values from there to the newest are printed. A follower that had to wait
    /// for its region starts at the region's first value.
    #[arg(long, value_name = "WHERE", allow_negative_numbers = true, value_parser = position)]
    pub from: Option<Position>,
    /// The longest silence, as in 500ms, 2s or 1m30s (a plain number is seconds): then exit with 4
    ///
    /// Without --follow: how long to wait for the region and a first value.
    #[arg(short, long, value_name = "TIME", value_parser = shm_cli::duration)]
    pub timeout: Option<Duration>,
    /// Treat missed values as an error (exit code 6)
    ///
    /// A follower ends at once, with the first value behind the gap; otherwise all values are printed
    /// before. What was published before the start is not missed, unless --from asks for it by number.
    #[arg(long)]
    pub strict: bool,
    /// End, with success, when the writer has closed the region and all is read; implies --follow
    #[arg(long)]
    pub until_closed: bool,
    /// Like --until-closed, and end with code 8 when the writer has died and all is read
    ///
    /// Only for regions of your own: nobody may ask whether another user's writer is alive.
    #[arg(long)]
    pub until_gone: bool,
    /// Print one JSON object a value: region, seq, time, len, kind, value
    ///
    /// The value is a string for text, JSON as it is, values of a type as JSON, arrays as an object with
    /// dtype, shape and all elements, and base64 for all else. The first value of a type also has its
    /// "schema", and a value whose JSON would not be published as the same bytes has these as "raw", in
    /// base64: shm-writer --records makes the same values again. Missed values appear as
    /// {"missed":3,"before":42}, a region made anew as {"restarted":true}.
    #[arg(long, group = "format")]
    pub json: bool,
    /// Print the exact bytes and nothing else, also on a terminal
    #[arg(short, long, group = "format", conflicts_with = "null")]
    pub raw: bool,
    /// Print each value as a hex dump
    #[arg(short = 'x', long, group = "format")]
    pub hex: bool,
    /// End each value with NUL instead of a newline
    #[arg(short = 'z', long)]
    pub null: bool,
}

impl Read {
    /// Whether new values are waited for after those that are there.
    pub fn follows(&self) -> bool {
        self.follow || self.until_closed || self.until_gone
    }
}

fn position(text: &str) -> Result<Position, String> {
    let number = |digits: &str| digits.parse().ok().filter(|number| *number > 0);
    match text {
        "latest" => Some(Position::Latest),
        "new" => Some(Position::New),
        "oldest" => Some(Position::Oldest),
        _ => match text.strip_prefix('-') {
            Some(digits) => number(digits).map(Position::Last),
            None => number(text).map(Position::At),
        },
    }
    .ok_or_else(|| "write latest, new, oldest, the number of a value (from 1 on), or -N for the last N".to_owned())
}

#[test]
fn the_short_help_fits_a_screen_and_names_every_option() {
    let command = <Args as clap::CommandFactory>::command();
    command.clone().debug_assert();
    assert!(SHORT_HELP.lines().count() < 24 && SHORT_HELP.lines().all(|line| line.chars().count() <= 80));
    let mut options = command.get_arguments().filter_map(|option| option.get_long());
    assert_eq!(options.find(|option| !SHORT_HELP.contains(&format!("--{option}"))), None);
}
