//! Remedies: the last part of an error message, which says what to do after a failure. This is the only
//! place where errors name commands and options. No remedy destroys anything, unless the user asked for
//! a region to be removed or replaced.

use std::path::Path;

use shm_core::{BlockError, Limit, OpenError, PublishError, ReceiveError};

use crate::bus_error::Mapped;
use crate::cause::Cause;
use crate::command::shell_line;
use crate::report::nearest_region;

#[cfg(test)]
mod tests;

/// Returns what to do after an error of the library, if a command or an option helps.
pub(crate) fn of(cause: Cause<'_>) -> String {
    match cause {
        Cause::Open(error) => of_open(error),
        Cause::Publish(PublishError::Damaged { region, .. }) | Cause::Receive(ReceiveError::Damaged { region, .. }) => {
            verify(region)
        }
        Cause::Receive(ReceiveError::DamagedValue { region, .. }) => verify(region),
        Cause::Receive(ReceiveError::Busy { region }) => more_slots(region),
        Cause::Block(error) => of_block(error),
        _ => String::new(),
    }
}

fn of_open(error: &OpenError) -> String {
    match error {
        OpenError::NotFound { region } => list(region),
        OpenError::NotARegion { region, reason } if reason.contains("begin") => {
            format!("to print it as plain bytes: {}", reader(&["map", region]))
        }
        OpenError::Damaged { region, .. } => verify(region),
        OpenError::Kind { .. } | OpenError::Type { .. } => {
            "its values are kept; only --replace discards them and changes the kind or type".to_owned()
        }
        OpenError::NoSpace { .. } => MORE_SPACE.to_owned(),
        OpenError::Quota { .. } => QUOTA.to_owned(),
        OpenError::ReadOnly { .. } => READ_WRITE.to_owned(),
        OpenError::TooLarge { limit: Limit::FileSize(_), .. } => LARGER_FILES.to_owned(),
        _ => String::new(),
    }
}

fn of_block(error: &BlockError) -> String {
    match error {
        BlockError::NoBlock { block } => format!("to create it: {} VALUE", writer(&["map", "--size", "4096", block])),
        BlockError::IsRegion { .. } => "to use it as a region, leave out 'map'".to_owned(),
        BlockError::OutOfRange { block, .. } => format!("to extend it: {}", writer(&["map", "--size", "SIZE", block])),
        BlockError::NoSpace { .. } => MORE_SPACE.to_owned(),
        BlockError::Quota { .. } => QUOTA.to_owned(),
        BlockError::ReadOnly { .. } => READ_WRITE.to_owned(),
        BlockError::TooLarge { limit: Limit::FileSize(_), .. } => LARGER_FILES.to_owned(),
        _ => String::new(),
    }
}

const LARGER_FILES: &str = "to show the limit: ulimit -f";
const READ_WRITE: &str = "a container engine mounts a directory read-write without 'ro' or 'readonly'";
const QUOTA: &str = "to show quotas: quota -s";
const MORE_SPACE: &str = "to see what uses the space: shm-reader list; a container gets more with --shm-size";

fn list(region: &str) -> String {
    let near = nearest_region(region).map(|near| format!("did you mean '{near}'? ")).unwrap_or_default();
    format!("{near}list regions: shm-reader list")
}

fn verify(region: &str) -> String {
    format!("to check the whole region: {}", reader(&["verify", region]))
}

/// For a file that needs another block and does not get one.
pub(crate) fn free_space(mapped: Mapped<'_>) -> String {
    format!("{}free some space and start again", kept(mapped))
}

/// For a file that is marked immutable.
pub(crate) fn remove_mark(mapped: Mapped<'_>) -> String {
    format!("{}clear that mark (chattr -i) and start again", kept(mapped))
}

fn kept(mapped: Mapped<'_>) -> &'static str {
    match mapped {
        Mapped::Region(_) => "the values that were published are kept; ",
        Mapped::Block(_) | Mapped::Several => "",
    }
}

/// For a file that was cut short while it was mapped.
pub(crate) fn cut_short(mapped: Mapped<'_>) -> String {
    match mapped {
        Mapped::Region(name) => verify(name),
        Mapped::Block(_) | Mapped::Several => {
            "find out which program cut it short, or whether the disk has errors".to_owned()
        }
    }
}

/// For a verb that does not come first, and may be a verb or a word.
pub(crate) fn misplaced_verb(as_verb: &str, as_word: &str) -> String {
    format!("as a verb: {as_verb}; as a region or value: {as_word}")
}

/// For a verb of another program, or a word that is similar to a verb, where a region is expected.
pub(crate) fn near_verb(line: &str, as_region: &str) -> String {
    format!("to run it: {line}; for a region of this name: {as_region}")
}

/// For a command line with too many arguments.
pub fn see_help(program: &str) -> String {
    format!("all options: {program} --help")
}

/// For an empty list of regions.
pub fn create_region() -> String {
    format!("to create one: {}", writer(&["demo", "hello"]))
}

/// For a value that the shell has split.
pub fn quote_value(region: &str, value: &str) -> String {
    let line = if value.starts_with('-') { writer(&[region, "--", value]) } else { writer(&[region, value]) };
    format!("put a value with spaces in quotes: {line}")
}

/// For a file that cannot be read. Many programs take `-` for stdin.
pub fn name_of_stdin(file: &Path) -> String {
    if file == Path::new("-") { "the name of stdin is /dev/stdin".to_owned() } else { String::new() }
}

/// For a value that does not fit the default kind of a region that does not exist yet.
pub fn publish_as(kind: &str) -> String {
    format!("to publish it unchanged, add: --as {kind}")
}

/// For a value that does not fit the type of the region.
pub fn show_type(region: &str) -> String {
    format!("to show the type of its values: {}", reader(&["inspect", region]))
}

/// For input that `shm-reader --json` cannot have printed.
pub fn print_records(region: &str) -> String {
    format!("to copy another region: shm-reader --from oldest --json OTHER | {}", writer(&["--records", region]))
}

/// For a file that is not a schema.
pub fn print_schema() -> String {
    format!("to print the schema of a region: {}", reader(&["inspect", "--schema", "REGION"]))
}

/// For records without a schema, from a stream that began in the middle.
pub fn create_first(region: &str) -> String {
    format!(
        "start with a record that has a schema, or create the region first: {}",
        writer(&["create", "--schema", "FILE", region])
    )
}

/// For a region that cannot be removed because it has a living writer.
pub fn stop_writer() -> String {
    "stop that writer first, or use --force to remove the region while the writer is running".to_owned()
}

/// For a wait that timed out.
pub fn wait_longer() -> String {
    "wait longer (-t TIME), or without a limit (-f without -t)".to_owned()
}

/// For a region without a value.
pub fn wait_for_value() -> String {
    "to wait for a value, add a timeout, for example: -t 10s".to_owned()
}

/// For a writer that died.
pub fn await_next_writer() -> String {
    "start the writer again; to wait for the next writer, use -f without --until-gone".to_owned()
}

/// For a lock file that this user cannot open, so that it is unknown whether the writer is alive.
pub fn do_not_ask_for_writer() -> String {
    "use --until-closed, or run shm-reader as the region's owner".to_owned()
}

/// For values that were missed.
pub fn more_slots(region: &str) -> String {
    format!(
        "read faster, or stop the writer and give the region more slots: {}",
        writer(&["create", "--slots", "N", region])
    )
}

/// For values that could not be printed.
pub fn check_region(region: &str) -> String {
    verify(region)
}

/// For a file that another program changes while it is read.
pub fn publish_again() -> String {
    "publish it again when no program changes it".to_owned()
}

/// For a region with damaged parts.
pub fn keep_copy(is_header_damaged: bool) -> String {
    match is_header_damaged {
        true => "no program can open it; keep its file if you need its values, and use another name".to_owned(),
        false => "copy its file now if you need the intact values: the next writer may overwrite them".to_owned(),
    }
}

/// For a region that has no schema to print.
pub fn kinds_with_schema() -> String {
    "only regions of kind bincode or array can have a schema".to_owned()
}

/// For a region whose values shm-writer cannot encode.
pub fn other_writer() -> String {
    "publish with a program that knows the type of its values, or use another region".to_owned()
}

/// For a value that is not text or JSON, for a region that exists.
pub fn publish_in(format: &str) -> String {
    format!("publish {format}, or use another region")
}

/// For a value that is not a whole number of arrays.
pub fn whole_arrays() -> String {
    "publish whole arrays".to_owned()
}

/// For bytes that do not fit into a new block.
pub fn larger_size() -> String {
    "use a larger --size".to_owned()
}

fn reader(words: &[&str]) -> String {
    shell_line("shm-reader", words)
}

fn writer(words: &[&str]) -> String {
    shell_line("shm-writer", words)
}
