//! What to do after a failure: the last part of an error message, by the kind of error. Here, and nowhere else, errors name
//! commands and options. None of them destroys anything that the user did not ask to be removed.

use shm_core::{BlockError, Limit, OpenError, PublishError, ReceiveError};

use crate::cause::Cause;
use crate::command::shell_line;
use crate::report::nearest_region;

/// What to do after an error of the library, where a command helps.
pub(crate) fn of(cause: Cause<'_>) -> String {
    match cause {
        Cause::Open(error) => of_open(error),
        Cause::Publish(PublishError::Damaged { region, .. }) | Cause::Receive(ReceiveError::Damaged { region, .. }) => {
            verify(region)
        }
        Cause::Block(error) => of_block(error),
        _ => String::new(),
    }
}

fn of_open(error: &OpenError) -> String {
    match error {
        OpenError::NotFound { region } => list(region),
        OpenError::NotARegion { region, .. } => format!("if it holds plain bytes: {}", reader(&["map", region])),
        OpenError::Damaged { region, .. } => verify(region),
        OpenError::Kind { .. } | OpenError::Type { .. } => {
            "its values are kept; only --replace discards them and changes what the region holds".to_owned()
        }
        OpenError::NoSpace { .. } => MORE_SPACE.to_owned(),
        OpenError::Quota { .. } => USAGE.to_owned(),
        OpenError::TooLarge { limit: Limit::FileSize(_), .. } => LARGER_FILES.to_owned(),
        _ => String::new(),
    }
}

fn of_block(error: &BlockError) -> String {
    match error {
        BlockError::NoBlock { block } => format!("make one: {} VALUE", writer(&["map", "--size", "4096", block])),
        BlockError::IsRegion { .. } => "to use it as a region, leave out 'map'".to_owned(),
        BlockError::NoSpace { .. } => MORE_SPACE.to_owned(),
        BlockError::Quota { .. } => USAGE.to_owned(),
        BlockError::TooLarge { limit: Limit::FileSize(_), .. } => LARGER_FILES.to_owned(),
        _ => String::new(),
    }
}

const LARGER_FILES: &str = "raise that limit with: ulimit -f";
const USAGE: &str = "see what counts: quota -s";
const MORE_SPACE: &str = "see what takes the space: shm-reader list; a container gets more by --shm-size";

fn list(region: &str) -> String {
    let near = nearest_region(region).map(|near| format!("did you mean '{near}'? ")).unwrap_or_default();
    format!("{near}list regions: shm-reader list")
}

fn verify(region: &str) -> String {
    format!("look at it with: {}", reader(&["verify", region]))
}

/// For a file that was cut short while it was mapped; `None`: one of several.
pub(crate) fn cut_short(name: Option<&str>) -> String {
    name.map(verify).unwrap_or_default()
}

/// For a file that needs another block and does not get one.
pub(crate) fn free_space() -> String {
    "free some space and start again: the values that were published are kept".to_owned()
}

/// For a file that is marked immutable.
pub(crate) fn clear_mark() -> String {
    "clear that mark (chattr -i) and start again: the values that were published are kept".to_owned()
}

/// For a verb that does not come first: it may have been meant in two ways.
pub(crate) fn misplaced_verb(as_verb: &str, as_word: &str) -> String {
    format!("as a region or value: {as_word}; as a verb: {as_verb}")
}

/// For a region that has the name of a verb.
pub(crate) fn verb_as_region(line: &str) -> String {
    format!("a region of this name: {line}")
}

/// For a command line with too many arguments.
pub fn see_help(program: &str) -> String {
    format!("all options: {program} --help")
}

/// For a list of no regions.
pub fn make_region() -> String {
    format!("make one: {}", writer(&["demo", "hello"]))
}

/// For a value that the shell has split.
pub fn quote_value(region: &str, value: &str) -> String {
    format!("put a value with spaces in quotes: {}", writer(&[region, value]))
}

/// For a region that does not exist yet and cannot take this value as another kind, but could be made with that.
pub fn publish_as(kind: &str) -> String {
    format!("to publish it as it is, add: --as {kind}")
}

/// For a value that is not of the region's type.
pub fn show_type(region: &str) -> String {
    format!("show what its values look like: {}", reader(&["inspect", region]))
}

/// For input that is not what `shm-reader --json` prints.
pub fn print_records(region: &str) -> String {
    format!("records are printed by: shm-reader --from oldest --json OTHER | {}", writer(&["--records", region]))
}

/// For records whose type is not said in a stream that begins in the middle.
pub fn create_first(region: &str) -> String {
    format!(
        "begin with a record that has its schema, or make the region first: {}",
        writer(&["create", "--schema", "FILE", region])
    )
}

/// For a region that is to be removed and has a living writer.
pub fn stop_writer() -> String {
    "stop that writer first; --force removes its region without that".to_owned()
}

/// For a wait that took too long.
pub fn wait_longer() -> String {
    "wait longer (-t), or for ever (-f without -t)".to_owned()
}

/// For a region without a value.
pub fn wait_for_value() -> String {
    "to wait for one, add a timeout, as in: -t 10s".to_owned()
}

/// For a writer that died.
pub fn await_next_writer() -> String {
    "start it again; to wait for the next writer, use -f without --until-gone".to_owned()
}

/// For a writer of which cannot be found out whether it lives.
pub fn do_not_ask_for_writer() -> String {
    "use --until-closed, or run shm-reader as the region's owner".to_owned()
}

/// For values that were missed.
pub fn more_slots(region: &str) -> String {
    format!("read faster, or give it more slots: {}", writer(&["create", "--slots", "N", region]))
}

/// For a region with damaged parts.
pub fn keep_copy(is_header_damaged: bool) -> String {
    match is_header_damaged {
        true => "no program can go on with it: keep its file if you need it, and use another name".to_owned(),
        false => "keep a copy of its file: the next writer may overwrite what is still right in it".to_owned(),
    }
}

fn reader(words: &[&str]) -> String {
    shell_line("shm-reader", words)
}

fn writer(words: &[&str]) -> String {
    shell_line("shm-writer", words)
}

#[test]
fn advice_names_the_region_and_destroys_nothing() {
    use shm_core::Kind;
    let region = || "a b/demo".to_owned();
    let check = |error: anyhow::Error, words: &str| {
        let remedy = of(Cause::of(&error).expect("an error of the library"));
        assert!(remedy.contains(words), "{error}: {remedy}");
        let text = format!("{error}\n{remedy}");
        let destroys = ["rm ", "remove", "--force", "delete"].into_iter().find(|word| text.contains(word));
        assert_eq!(destroys, None, "{text}");
    };
    let open = |error: OpenError, words: &str| check(error.into(), words);
    open(
        OpenError::Damaged { region: region(), reason: "a CRC does not match".into() },
        "shm-reader verify 'a b/demo'",
    );
    open(OpenError::NotARegion { region: region(), reason: "no magic" }, "shm-reader map 'a b/demo'");
    open(OpenError::NotFound { region: region() }, "shm-reader list");
    open(OpenError::NoSpace { region: region(), needed: 2, free: 1 }, "--shm-size");
    open(OpenError::Version { region: region(), found: (9, 0), supported: (0, 1) }, "");
    open(OpenError::Features { region: region(), bits: 2 }, "");
    open(OpenError::UnknownKind { region: region(), code: 9 }, "");
    let kept = "its values are kept; only --replace discards them";
    open(OpenError::Kind { region: region(), found: Kind::Text, expected: Kind::Json }, kept);
    open(OpenError::Type { region: region(), difference: "f64 in the region, f32 here".into() }, kept);
    let too_large = |limit| OpenError::TooLarge { region: region(), bytes: 2, limit };
    open(too_large(Limit::FileSize(1)), "ulimit -f");
    assert_eq!(of_open(&too_large(Limit::Allowed(1))), "");
    open(OpenError::Quota { region: region(), needed: 2 }, "quota");
    let no_space = || OpenError::NoSpace { region: region(), needed: 2, free: 1 };
    check(PublishError::Grow(no_space()).into(), "--shm-size");
    let damaged = ReceiveError::Damaged { region: region(), reason: "value 1: it ends".into() };
    check(damaged.into(), "shm-reader verify 'a b/demo'");
    check(BlockError::NoBlock { block: region() }.into(), "shm-writer map --size 4096 'a b/demo' VALUE");
    check(BlockError::IsRegion { block: region() }.into(), "leave out 'map'");
}
