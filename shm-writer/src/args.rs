//! The arguments of shm-writer, and their help.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use shm_cli::{Mapped, Talk};
use shm_core::{ArrayType, Kind, RawWriter, WriterOptions};

/// The text that `-h` prints: a summary on one screen.
pub const SHORT_HELP: &str = include_str!("short_help.txt");

const EXAMPLES: &str = "\
Examples:
  shm-writer demo hello                      publish a text; to read it: shm-reader demo
  ping host | shm-writer demo                publish each line as it arrives
  shm-writer demo --as json '{\"t\": 21.5}'    publish JSON
  shm-writer demo -F picture.png             publish a file unchanged
  shm-writer demo 'tick {seq}' -e 1s -n 10   publish ten values, one per second
  shm-reader -f --json demo | shm-writer --records copy
                                             copy each value as it arrives, whatever its type
  shm-writer demo -- --help                  publish a text that starts with a dash
  shm-writer demo -- rm                      publish a text that is also a verb
  shm-writer -- create hello                 publish to a region whose name is also a verb
  shm-writer create demo --slots 1024        create a region without publishing
  shm-writer create cam --array u1:480,640,3 create one for arrays; then: shm-writer cam < frames
  shm-writer rm demo                         remove the region";

/// The heading of the options of the region itself.
const REGION: &str = "Region options (if not given: as in the existing region, or the default in a new one)";

/// Publish values in named shared memory, for any number of readers
///
/// A region has one writer at a time, and any number of readers, for example shm-reader. If the
/// region does not exist, shm-writer creates it. The region grows to fit larger values, and it stays
/// when the writer ends. Without VALUE and --file, each line of stdin is published as a value.
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
    /// Returns the region or block that the program maps.
    pub fn mapped(&self) -> Mapped<'_> {
        match (&self.verb, &self.publish) {
            (Some(Verb::Create { region, .. }), _) => Mapped::Region(region),
            (Some(Verb::Map { name, .. }), _) => Mapped::Block(name),
            (None, Some(publish)) => Mapped::Region(&publish.region),
            _ => Mapped::Several,
        }
    }
}

/// The verbs. Publishing needs none.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Create a region, or change the options of an existing one, without publishing
    Create {
        /// The region's name, or a path with a / in it
        region: String,
        #[command(flatten)]
        layout: Layout,
        #[command(flatten)]
        description: Description,
    },
    /// Remove regions (a region with a living writer only with --force)
    Rm {
        /// Remove a region even if it has a living writer
        #[arg(short, long)]
        force: bool,
        /// The regions' names
        #[arg(required = true, value_name = "REGION")]
        regions: Vec<String>,
    },
    /// Store plain bytes in a block, which has no header
    ///
    /// Stores the bytes of VALUE, or all of stdin, and nothing else. Every program that maps the same file
    /// sees the bytes, for example Python with mmap. A region is refused without --force. A block exists
    /// until its file is deleted: rm /dev/shm/NAME.
    ///
    /// Example: shm-writer map note --size 64 hello
    Map {
        /// A name in SHM_DIR (/dev/shm if that is not set), or a path with a / in it
        name: String,
        /// The bytes to store; write -- before a VALUE that starts with a dash
        #[arg(allow_negative_numbers = true)]
        value: Option<OsString>,
        /// The offset of the first byte within the block [default: 0]
        #[arg(long, value_name = "SIZE", value_parser = shm_cli::size)]
        at: Option<u64>,
        /// Create the block with this size, or extend it to this size; without it, the block must exist
        #[arg(long, value_name = "SIZE", value_parser = shm_cli::size)]
        size: Option<u64>,
        /// Allow storing in a region, which can damage it
        #[arg(long)]
        force: bool,
    },
    /// Remove files that killed writers left behind (unfinished files, lock files without a region), but no
    /// regions
    Clean {
        /// Only list the files that would be removed
        #[arg(long)]
        dry_run: bool,
    },
    /// Print a script that completes the arguments in a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// The arguments for publishing.
#[derive(Debug, clap::Args)]
pub struct Publish {
    /// The region's name, or a path with a / in it
    #[arg(value_hint = ValueHint::Other)]
    pub region: String,
    /// The value to publish; write -- before a VALUE that starts with a dash or is a verb
    ///
    /// Without VALUE and --file, each line of stdin is published as a value, without its newline. The last
    /// line does not need a newline.
    #[arg(allow_negative_numbers = true, value_hint = ValueHint::Other)]
    pub value: Option<OsString>,
    /// Further arguments, which are refused with a better message than clap's.
    #[arg(hide = true)]
    pub rest: Vec<OsString>,

    /// Publish a whole file as one value (of kind bytes, unless --as is given)
    #[arg(short = 'F', long, conflicts_with = "value", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// Cut stdin at NUL characters instead of newlines
    #[arg(short = 'z', long, group = "cut", conflicts_with_all = ["value", "file"])]
    pub null: bool,
    /// Cut stdin every SIZE bytes; the last value can be shorter (of kind bytes, unless --as is given)
    #[arg(long, value_name = "SIZE", group = "cut", conflicts_with_all = ["value", "file"])]
    #[arg(value_parser = chunk_bytes)]
    pub chunk: Option<u64>,
    /// Publish all of stdin as one value (of kind bytes, unless --as is given)
    #[arg(long, group = "cut", conflicts_with_all = ["value", "file"])]
    pub whole: bool,
    /// Read records from stdin, as shm-reader --json prints them, and publish the value of each
    ///
    /// A new region gets the kind and type of the first record. Lines that report missed values or a
    /// restart publish nothing.
    #[arg(long, conflicts_with_all = ["value", "file", "chunk", "whole", "kind"])]
    pub records: bool,
    /// Publish VALUE repeatedly, once every TIME (500ms, 2s; a plain number is seconds)
    ///
    /// In a repeated VALUE, {seq} is replaced by the number of the value, and {time} by the time at which
    /// it is published. The schedule does not drift; after a delay of more than a second it starts again.
    #[arg(short, long, value_name = "TIME", requires = "value", value_parser = shm_cli::duration)]
    pub every: Option<Duration>,
    /// Publish VALUE N times, without a pause unless --every is given; {seq} and {time} are replaced
    #[arg(short = 'n', long, value_name = "N", requires = "value")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Remove the region at the end, even if a signal ends the program
    ///
    /// A region that this program has created stays for at least 100 ms, so that readers that wait for it
    /// receive its values.
    #[arg(long)]
    pub rm: bool,
}

/// The options of the region.
#[derive(Debug, clap::Args)]
pub struct Layout {
    /// The kind of the values [default: as in the existing region; in a new one text, or bytes with --file,
    /// --chunk, --whole]
    ///
    /// A region of another kind is refused, unless --replace is given.
    #[arg(help_heading = REGION, long = "as", value_name = "KIND")]
    pub kind: Option<As>,
    /// How many values the region can hold at least: a power of two [default: 64, fewer for values above 1
    /// MiB]
    ///
    /// A region with more slots keeps them; nothing is cut off. If slots have grown beyond --capacity, their
    /// number stays as growing has left it.
    #[arg(help_heading = REGION, long, value_name = "N")]
    pub slots: Option<u64>,
    /// How many bytes a value can have at least (4096, 64KiB); grows for larger values [default: 4KiB, less
    /// with many slots]
    ///
    /// A region with larger slots keeps them. Without this option, a new region has slots of 4 KiB; with more
    /// than 64 slots, these share 256 KiB, but have at least 96 bytes each. So --slots 65536 takes 8 MiB for
    /// small values, and grows when a larger one is published. A first value of more than 1 MiB gets slots of
    /// its own size.
    #[arg(help_heading = REGION, long, value_name = "SIZE", value_parser = shm_cli::size)]
    pub capacity: Option<u64>,
    /// Other users who may read the region: 600 none, 640 the group, 644 all [default: 600]
    #[arg(help_heading = REGION, long, value_name = "OCTAL", value_parser = octal)]
    pub mode: Option<u32>,
    /// Store a checksum with each value, which readers check
    #[arg(help_heading = REGION, long)]
    pub checksum: bool,
    /// Replace a region of another kind or type: its values are discarded, and the numbers continue
    #[arg(help_heading = REGION, long)]
    pub replace: bool,
}

/// The type of the values, for kinds that need one.
#[derive(Debug, clap::Args)]
#[group(multiple = false, conflicts_with = "kind")]
pub struct Description {
    /// The schema of the values, which are then given as JSON: a file as printed by shm-reader inspect
    /// --schema
    #[arg(help_heading = REGION, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub schema: Option<PathBuf>,
    /// The type of the arrays, for example u1:480,640,3: element type u1 and shape 480 x 640 x 3
    ///
    /// The element types are b1, i1 to i8, u1 to u8, f2, f4, f8, c8 and c16. The digit is the size of an
    /// element in bytes; b is bool, i and u are integers, f floats, c complex numbers. stdin is cut into
    /// arrays. If the first length is 0, it can differ from value to value, and all of stdin is one value.
    #[arg(help_heading = REGION, long, value_name = "TYPE", value_parser = array)]
    pub array: Option<ArrayType>,
}

/// The kinds whose values can be given as they are.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum As {
    /// UTF-8 text
    Text,
    /// One JSON value
    Json,
    /// Any bytes
    Bytes,
}

impl Layout {
    /// Returns the options that were given, except the kind.
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
        0 => Err("expected a size of at least 1 byte".to_owned()),
        bytes => Ok(bytes),
    }
}

fn array(text: &str) -> Result<ArrayType, String> {
    let (dtype, shape) = match text.split_once(':') {
        Some((dtype, lengths)) => (dtype, lengths.split(',').map(str::parse).collect::<Result<_, _>>()),
        None => (text, Ok(vec![])),
    };
    let shape: Vec<u64> =
        shape.map_err(|_| "expected a type, for example u1:480,640,3, or u1:0,3 for any number of rows")?;
    ArrayType::new(dtype, &shape).map_err(|error| error.to_string())
}

fn octal(text: &str) -> Result<u32, String> {
    u32::from_str_radix(text, 8).map_err(|_| "expected an octal mode, for example 640".to_owned())
}

#[test]
fn the_short_help_fits_a_screen_and_names_every_option() {
    let command = <Args as clap::CommandFactory>::command();
    command.clone().debug_assert();
    assert!(SHORT_HELP.lines().count() < 24 && SHORT_HELP.lines().all(|line| line.chars().count() <= 80));
    let mut options = command.get_arguments().filter_map(|option| option.get_long());
    assert_eq!(options.find(|option| !SHORT_HELP.contains(&format!("--{option}"))), None);
}
