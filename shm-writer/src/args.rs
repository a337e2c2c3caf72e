//! The arguments of shm-writer and their help. What they make the program do is not here.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use shm_cli::Talk;
use shm_core::{ArrayType, Kind, RawWriter, WriterOptions};

/// What `-h` shows: everything, on one screen.
pub const SHORT_HELP: &str = include_str!("short_help.txt");

const EXAMPLES: &str = "\
Examples:
  shm-writer demo hello                      publish a text; read it with: shm-reader demo
  ping host | shm-writer demo                publish each line as it comes
  shm-writer demo --as json '{\"t\": 21.5}'    publish JSON
  shm-writer demo -F picture.png             publish a file as it is
  shm-writer demo 'tick {seq}' -e 1s -n 10   publish ten times, once a second
  shm-reader -f --json demo | shm-writer --records copy
                                             copy each value as it comes, of whatever type
  shm-writer demo -- --help                  publish a text that begins with a dash
  shm-writer demo -- rm                      publish a text that is also a verb
  shm-writer -- create hello                 publish to a region that is named like a verb
  shm-writer create demo --slots 1024        make a region for later
  shm-writer create cam --array u1:480,640,3 make one for frames; then: shm-writer cam < frames
  shm-writer rm demo                         remove it";

/// The heading of what concerns the region itself.
const REGION: &str = "Region options (what is not given stays as found, or is the default)";

/// Publish values in named shared memory, for any number of readers
///
/// One writer at a time publishes to a region; any number of readers take the values from it with
/// shm-reader. The region is made when it does not exist, grows with its values, and stays when the
/// writer has ended. When neither VALUE nor --file is given, each line of stdin is a value.
#[derive(Debug, Parser)]
#[command(name = "shm-writer", version, max_term_width = 100, disable_help_subcommand = false)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, arg_required_else_help = true)]
#[command(subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{}", shm_cli::EXIT_CODES_AND_ENVIRONMENT))]
pub struct Args {
    #[command(subcommand)]
    pub verb: Option<Verb>,
    #[command(flatten)]
    pub publish: Option<Publish>,
    #[command(flatten)]
    pub layout: Layout,
    #[command(flatten)]
    pub talk: Talk,
}

impl Args {
    /// The one region or block that is changed.
    pub fn name(&self) -> Option<&str> {
        match (&self.verb, &self.publish) {
            (Some(Verb::Create { region, .. } | Verb::Map { name: region, .. }), _) => Some(region),
            (None, Some(publish)) => Some(&publish.region),
            _ => None,
        }
    }
}

/// Everything that is not publishing.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make a region, or give one these options, and publish nothing
    Create {
        /// The region's name, or a path with a / in it
        region: String,
        #[command(flatten)]
        layout: Layout,
        #[command(flatten)]
        description: Description,
    },
    /// Remove regions; one that has a living writer only with --force
    Rm {
        /// Remove a region even while a writer publishes to it
        #[arg(short, long)]
        force: bool,
        /// The regions' names
        #[arg(required = true, value_name = "REGION")]
        regions: Vec<String>,
    },
    /// Store plain bytes in a block that has no header
    ///
    /// Nothing but the bytes of VALUE, or else all of stdin, is stored. Any program that maps the same file sees them,
    /// for example Python with mmap. A region is refused without --force. A block stays until its file is deleted: rm
    /// /dev/shm/NAME.
    ///
    /// Example: shm-writer map note --size 64 hello
    Map {
        /// A name in SHM_DIR (/dev/shm if that is not set), or a path with a / in it
        name: String,
        /// What to store; behind -- if it begins with a dash
        #[arg(allow_negative_numbers = true)]
        value: Option<OsString>,
        /// Where in the block it begins [default: 0]
        #[arg(long, value_name = "SIZE", value_parser = shm_cli::size)]
        at: Option<u64>,
        /// Make the block so long, or extend it; never cuts it. Without it the block must exist
        #[arg(long, value_name = "SIZE", value_parser = shm_cli::size)]
        size: Option<u64>,
        /// Store also into a region, which may damage it
        #[arg(long)]
        force: bool,
    },
    /// Remove what killed writers left behind (unfinished files, locks without a region), never a region
    Clean {
        /// Only say what would be removed
        #[arg(long)]
        dry_run: bool,
    },
    /// Print a script that completes the arguments in a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// The default job.
#[derive(Debug, clap::Args)]
pub struct Publish {
    /// The region's name, or a path with a / in it
    #[arg(value_hint = ValueHint::Other)]
    pub region: String,
    /// What to publish; behind -- if it begins with a dash or is a verb
    ///
    /// Without it, and without --file, each line of stdin is published: without its newline, and the
    /// last line also when it has none.
    #[arg(allow_negative_numbers = true, value_hint = ValueHint::Other)]
    pub value: Option<OsString>,
    /// What is left over, to be refused with a better message than clap's.
    #[arg(hide = true)]
    pub rest: Vec<OsString>,

    /// A whole file as one value (bytes, unless --as says otherwise)
    #[arg(short = 'F', long, conflicts_with = "value", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// Cut stdin at NUL characters, not at newlines
    #[arg(short = 'z', long, group = "cut", conflicts_with_all = ["value", "file"])]
    pub null: bool,
    /// Cut stdin every SIZE bytes; the last value may be shorter (bytes, unless --as says otherwise)
    #[arg(long, value_name = "SIZE", group = "cut", conflicts_with_all = ["value", "file"])]
    #[arg(value_parser = chunk_bytes)]
    pub chunk: Option<u64>,
    /// Take all of stdin as one value (bytes, unless --as says otherwise)
    #[arg(long, group = "cut", conflicts_with_all = ["value", "file"])]
    pub whole: bool,
    /// Take stdin as records, as shm-reader --json prints them, and publish the value of each as it was
    ///
    /// If the region does not exist, it is created with the kind and type in the first record. Lines that report missed
    /// values or a restart publish nothing.
    #[arg(long, conflicts_with_all = ["value", "file", "chunk", "whole", "kind"])]
    pub records: bool,
    /// Publish VALUE again and again, each TIME (500ms, 2s; a plain number is seconds)
    ///
    /// In a VALUE that is repeated, {seq} becomes the number that the value gets and {time} the time
    /// at which it is published. The schedule is fixed and does not drift; after a pause of more than a second it starts anew.
    #[arg(short, long, value_name = "TIME", requires = "value", value_parser = shm_cli::duration)]
    pub every: Option<Duration>,
    /// Publish VALUE N times; without --every at once, {seq} and {time} filled in as there
    #[arg(short = 'n', long, value_name = "N", requires = "value")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Remove the region at the end, also when a signal ends the program
    #[arg(long)]
    pub rm: bool,
}

/// How the region is laid out.
#[derive(Debug, clap::Args)]
pub struct Layout {
    /// What the values are [default: as found, else text; bytes with --file, --chunk, --whole]
    ///
    /// A region that holds values of another kind is refused, unless --replace is given.
    #[arg(help_heading = REGION, long = "as", value_name = "KIND")]
    pub kind: Option<As>,
    /// How many values the region has room for: a power of two [default: 64]
    #[arg(help_heading = REGION, long, value_name = "N")]
    pub slots: Option<u64>,
    /// How many bytes a slot holds: 4096, 64KiB; grows with larger values [default: 4KiB]
    #[arg(help_heading = REGION, long, value_name = "SIZE", value_parser = shm_cli::size)]
    pub capacity: Option<u64>,
    /// Who may read: 644 all, 640 the group, 600 nobody else
    #[arg(help_heading = REGION, long, value_name = "OCTAL", value_parser = octal)]
    pub mode: Option<u32>,
    /// Store a checksum with each value, for readers to check
    #[arg(help_heading = REGION, long)]
    pub checksum: bool,
    /// Replace a region of another kind or type; its values are discarded, and the numbers go on
    #[arg(help_heading = REGION, long)]
    pub replace: bool,
}

/// The type of the values, where the kind does not say all.
#[derive(Debug, clap::Args)]
#[group(multiple = false, conflicts_with = "kind")]
pub struct Description {
    /// Values of a type, given as JSON: the file is its schema, as shm-reader inspect --schema prints it
    #[arg(help_heading = REGION, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub schema: Option<PathBuf>,
    /// Arrays of numbers: u1:480,640,3 is 480 x 640 x 3 bytes; i and u of 1, 2, 4 or 8 bytes, f 2, 4, 8, c 8, 16
    ///
    /// stdin is then cut into arrays. If the first length is 0, each value may have another one there, and all of stdin is
    /// one value.
    #[arg(help_heading = REGION, long, value_name = "TYPE", value_parser = array)]
    pub array: Option<ArrayType>,
}

/// The kinds that can be made of bytes.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum As {
    /// UTF-8
    Text,
    /// One JSON value
    Json,
    /// Anything
    Bytes,
}

impl Layout {
    /// The options that were given, but the kind.
    pub fn options(&self) -> WriterOptions {
        let mut options = RawWriter::options();
        self.slots.map(|slots| options.slots(slots));
        self.capacity.map(|bytes| options.capacity(bytes));
        self.mode.map(|mode| options.mode(mode));
        self.checksum.then(|| options.checksum(true));
        options.replace(self.replace);
        options
    }
}

impl From<As> for Kind {
    fn from(kind: As) -> Kind {
        match kind {
            As::Text => Kind::Text,
            As::Json => Kind::Json,
            As::Bytes => Kind::Bytes,
        }
    }
}

fn chunk_bytes(text: &str) -> Result<u64, String> {
    match shm_cli::size(text)? {
        0 => Err("a value of a chunk has at least 1 byte".to_owned()),
        bytes => Ok(bytes),
    }
}

fn array(text: &str) -> Result<ArrayType, String> {
    let (dtype, shape) = match text.split_once(':') {
        Some((dtype, lengths)) => (dtype, lengths.split(',').map(str::parse).collect::<Result<_, _>>()),
        None => (text, Ok(vec![])),
    };
    let shape: Vec<u64> =
        shape.map_err(|_| "write a type, for example u1:480,640,3 (u1:0,3 for any number of rows)")?;
    ArrayType::new(dtype, &shape).map_err(|error| error.to_string())
}

fn octal(text: &str) -> Result<u32, String> {
    u32::from_str_radix(text, 8).map_err(|_| "write an octal mode, for example 640".to_owned())
}

#[test]
fn the_short_help_fits_a_screen_and_names_every_option() {
    let command = <Args as clap::CommandFactory>::command();
    command.clone().debug_assert();
    assert!(SHORT_HELP.lines().count() < 24 && SHORT_HELP.lines().all(|line| line.chars().count() <= 80));
    let mut options = command.get_arguments().filter_map(|option| option.get_long());
    assert_eq!(options.find(|option| !SHORT_HELP.contains(&format!("--{option}"))), None);
}
