//! The arguments of shm-reader, and their help.

use std::ffi::OsString;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use shm_cli::{Mapped, Talk};
use shm_core::Position;

/// The text that `-h` prints: a summary on one screen.
pub const SHORT_HELP: &str = include_str!("short_help.txt");

const EXAMPLES: &str = "\
Examples:
  shm-reader demo                     print the latest value
  shm-reader -t 10s demo              wait up to 10 seconds if there is no value yet
  shm-reader -f demo                  print the latest value, then every new one
  shm-reader -f --from new -n 1 demo  wait for the next value, print it, and exit
  shm-reader --from oldest demo       print all values that the region still holds
  shm-reader --from -10 --json demo   print the last ten values, with number and time
  shm-reader --raw demo > copy.png    save a value unchanged
  shm-reader -f --json demo | jq .    pass every value to another program
  shm-reader -- list                  read a region whose name is also a verb
  shm-reader list                     list the regions";

/// Read named shared memory: print the latest value and exit
///
/// A reader cannot disturb the writer or other readers. Each value is printed as a line: text, JSON and
/// bytes unchanged (on a terminal with control characters escaped), values of a Rust type as JSON,
/// arrays as their shape and first elements, and values without a schema as hexadecimal numbers.
/// Without --raw and --json, a terminal shows only the first 4096 bytes of a value.
///
/// With -f, shm-reader waits for the region if it does not exist, and continues when the region gets
/// another writer or is created again. If it is too slow, it misses the oldest values, and reports how
/// many.
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
    /// Returns the region or block that the program maps.
    pub fn mapped(&self) -> Mapped<'_> {
        match (&self.verb, &self.read) {
            (Some(Verb::Inspect { region, .. } | Verb::Verify { region, .. }), _) => Mapped::Region(region),
            (Some(Verb::Map { name, .. }), _) => Mapped::Block(name),
            (None, Some(read)) => Mapped::Region(&read.region),
            _ => Mapped::Several,
        }
    }
}

/// The verbs. Reading values needs none.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List the regions: kind, size, slots, head, retained values, age, writer, owner and mode
    #[command(visible_alias = "ls")]
    List {
        /// Print one JSON object per region, with some of the fields of inspect --json
        #[arg(long)]
        json: bool,
    },
    /// Print all properties of a region, and the type of its values
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
    /// Check a whole region, and report what is wrong and where
    Verify {
        /// The region's name, or a path with a / in it
        region: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print the plain bytes of a block, which has no header
    ///
    /// Prints exactly the requested bytes. On a terminal, control characters are escaped, a newline
    /// follows, and without --len only the first 4096 bytes are shown. A block does not record how many of
    /// its bytes are in use, or whether another program is writing to them. A region is refused without
    /// --force.
    ///
    /// Example: shm-reader map note --len 5
    Map {
        /// A name in SHM_DIR (/dev/shm if that is not set), or a path with a / in it
        name: String,
        /// The offset of the first byte within the block [default: 0]
        #[arg(long, value_name = "SIZE", value_parser = shm_cli::size)]
        at: Option<u64>,
        /// The maximum number of bytes [default: up to the end]
        #[arg(long, value_name = "SIZE", value_parser = shm_cli::size)]
        len: Option<u64>,
        /// Print a hex dump
        #[arg(short = 'x', long)]
        hex: bool,
        /// Allow printing the bytes of a region
        #[arg(long)]
        force: bool,
    },
    /// Print a script that completes the arguments in a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// The arguments for reading values.
#[derive(Debug, clap::Args)]
pub struct Read {
    /// The region's name, or a path with a / in it
    #[arg(value_hint = ValueHint::Other)]
    pub region: String,
    /// Further arguments, which are refused with a better message than clap's.
    #[arg(hide = true)]
    pub rest: Vec<OsString>,

    /// Continue with every new value, without end; also wait for the region to be created
    #[arg(short, long)]
    pub follow: bool,
    /// Print at most N values
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// The first value: latest, new, oldest, the number of a value, or -N for the last N [default: latest]
    ///
    /// Without --follow, the values from there to the newest are printed. With --follow, if shm-reader has
    /// to wait for the region, it starts with the region's first value.
    #[arg(long, value_name = "WHERE", allow_negative_numbers = true, value_parser = position)]
    pub from: Option<Position>,
    /// How long to wait for each value (500ms, 2s, 1m30s; a plain number is seconds), then exit with code 4
    ///
    /// Without --follow, how long to wait for the region and its first value.
    #[arg(short, long, value_name = "TIME", value_parser = shm_cli::duration)]
    pub timeout: Option<Duration>,
    /// Treat missed values as an error (exit code 6)
    ///
    /// With --follow, shm-reader ends after the first value that follows missed ones; otherwise it prints
    /// all values first. Values published before the start do not count as missed, unless --from
    /// requests them by number.
    #[arg(long)]
    pub strict: bool,
    /// End with success when the writer has closed the region and all values are read; implies --follow
    #[arg(long)]
    pub until_closed: bool,
    /// Like --until-closed, but also end, with code 8, when the writer has died and all values are read
    ///
    /// Works only with your own regions: the lock file, which shows whether a writer is alive, can be read
    /// only by its owner.
    #[arg(long)]
    pub until_gone: bool,
    /// Print one JSON object per value: region, seq, time, len, kind, value
    ///
    /// The value is a string for text, the JSON itself for JSON and values of a Rust type, an object with
    /// dtype, shape and all elements for arrays, and base64 for everything else. The first value of a type
    /// also has its "schema". If publishing the JSON would not give the same bytes, "raw" has the bytes as
    /// base64. shm-writer --records publishes the same values again. Missed values appear as
    /// {"missed":3,"before":42}, and a region that was created again as {"restarted":true}.
    #[arg(long, group = "format")]
    pub json: bool,
    /// Print exactly the bytes of each value, even on a terminal
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
    /// Reports whether to wait for new values after the existing ones.
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
    .ok_or_else(|| "expected latest, new, oldest, the number of a value (1 or more), or -N for the last N".to_owned())
}

#[test]
fn the_short_help_fits_a_screen_and_names_every_option() {
    let command = <Args as clap::CommandFactory>::command();
    command.clone().debug_assert();
    assert!(SHORT_HELP.lines().count() < 24 && SHORT_HELP.lines().all(|line| line.chars().count() <= 80));
    let mut options = command.get_arguments().filter_map(|option| option.get_long());
    assert_eq!(options.find(|option| !SHORT_HELP.contains(&format!("--{option}"))), None);
}
