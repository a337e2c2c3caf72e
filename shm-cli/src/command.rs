//! Parses a command line that may or may not start with a verb, and makes sure that a verb is never
//! taken for a region.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};

use clap::error::ErrorKind;
use clap::{ArgMatches, Command, CommandFactory, Parser};
use clap_complete::Shell;

use crate::verbs::{refuse_near_verb, refuse_verb_as_value};
use crate::{Code, Failure, remedy};

/// The narrowest width for the help.
const LEAST_COLUMNS: usize = 20;

/// Parses the program's arguments. `-h` prints `page`, which is written by hand to fit on one screen.
pub fn parse<T: Parser>(page: &str) -> anyhow::Result<T> {
    let words: Vec<OsString> = env::args_os().collect();
    let mut command = with_sane_width(T::command());
    command.build();
    let matches = match command.clone().try_get_matches_from(&words) {
        Ok(matches) => matches,
        Err(error) => {
            refuse_near_verb(&command, words.get(1..).unwrap_or_default(), 0)?;
            return Err(with_page(error, command, &words, page).into());
        }
    };
    refuse_misplaced_verb(&command, &matches, words.get(1..).unwrap_or_default())?;
    Ok(T::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?)
}

/// Ignores a width in which nobody can read the help. `COLUMNS=0` means that the width is not known.
fn with_sane_width(command: Command) -> Command {
    let columns = env::var("COLUMNS").ok().and_then(|columns| columns.parse::<usize>().ok());
    if columns.is_some_and(|columns| columns < LEAST_COLUMNS) { command.term_width(80) } else { command }
}

/// Prints a script that completes the program's arguments in `shell`.
pub fn completions<T: CommandFactory>(shell: Shell, out: &mut dyn Write) -> io::Result<()> {
    let mut command = T::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new(); // `generate` panics if it writes to a closed pipe
    clap_complete::generate(shell, &mut command, name, &mut script);
    out.write_all(&script)
}

/// Replaces the short help that clap generates with `page`. Returns any other error unchanged.
fn with_page(error: clap::Error, mut command: Command, words: &[OsString], page: &str) -> clap::Error {
    let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand);
    if !is_help || error.render().to_string() != command.render_help().to_string() {
        return error;
    }
    let asked_again = command.override_help(page.to_owned()).try_get_matches_from(words);
    asked_again.err().unwrap_or(error)
}

/// Refuses a verb in the position of a region or value, unless `--` precedes it.
fn refuse_misplaced_verb(command: &Command, matches: &ArgMatches, words: &[OsString]) -> Result<(), Failure> {
    if matches.subcommand_name().is_some() {
        return Ok(());
    }
    let positionals = positionals(matches);
    let after_dashes = words.iter().position(|word| word == "--").map_or(0, |at| words.len() - at - 1);
    let plain = &positionals[..positionals.len().saturating_sub(after_dashes)];
    if let Some(at) = plain.iter().take(2).position(|word| command.find_subcommand(word).is_some()) {
        return Err(right_order(command, words, &positionals, at));
    }
    let region = plain.first().and_then(|region| words.iter().position(|word| word == region));
    region.map_or(Ok(()), |at| refuse_near_verb(command, words, at))?;
    plain.get(1).map_or(Ok(()), |value| refuse_verb_as_value(command, words, value))
}

fn positionals(matches: &ArgMatches) -> Vec<OsString> {
    let raw = |id| matches.try_get_raw(id).ok().flatten();
    ["region", "value", "rest"].into_iter().filter_map(raw).flatten().map(OsString::from).collect()
}

/// Builds the error that shows both command lines the user may have meant. The verb is the positional
/// word number `at`.
fn right_order(command: &Command, words: &[OsString], positionals: &[OsString], at: usize) -> Failure {
    let (misplaced, verb) = (&positionals[at..], &positionals[at..=at]);
    let program = command.get_name();
    let whole = [verb, &without(words, verb)].concat();
    let short = [verb, &without(positionals, verb)].concat();
    let parses = |words: &&[OsString]| {
        let command = command.clone().no_binary_name(true);
        command.try_get_matches_from(words.iter()).is_ok()
    };
    let as_verb = match [&whole, &short, verb].into_iter().find(parses) {
        Some(words) => shell_line(program, words),
        None => shell_line(program, &[verb[0].clone(), "--help".into()]),
    };
    // A program without values accepts only one positional word, so the words before the verb are left
    // out.
    let has_value = command.get_positionals().any(|positional| positional.get_id() == "value");
    let kept = without(words, if has_value { misplaced } else { positionals });
    let as_word = shell_line(program, &[kept, vec!["--".into()], misplaced.to_vec()].concat());
    Failure::new(
        Code::Usage,
        format!("'{}' is a verb, and a verb must come first", verb[0].display()),
        remedy::misplaced_verb(&as_verb, &as_word),
    )
}

/// Returns the words without `--` and without the last occurrence of each `removed` word.
fn without(words: &[OsString], removed: &[OsString]) -> Vec<OsString> {
    let mut kept = words.to_vec();
    for word in removed.iter().chain([&OsString::from("--")]) {
        if let Some(at) = kept.iter().rposition(|other| other == word) {
            kept.remove(at);
        }
    }
    kept
}

/// Returns a command line as a user would type it.
pub fn shell_line(program: &str, words: &[impl AsRef<OsStr>]) -> String {
    words.iter().fold(program.to_owned(), |line, word| format!("{line} {}", quoted(&word.as_ref().to_string_lossy())))
}

/// Quotes the word for a shell if necessary.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
