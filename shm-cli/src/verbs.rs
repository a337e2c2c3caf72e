//! The verbs of all programs, and words that come near to them, so that none is taken for a region by mistake.

use std::ffi::{OsStr, OsString};

use clap::Command;

use crate::command::shell_line;
use crate::{Code, Failure, remedy};

/// A word, and the program and verb that are meant by it.
const VERBS: [(&str, &str, &str); 13] = [
    ("create", "shm-writer", "create"),
    ("rm", "shm-writer", "rm"),
    ("clean", "shm-writer", "clean"),
    ("remove", "shm-writer", "rm"),
    ("delete", "shm-writer", "rm"),
    ("del", "shm-writer", "rm"),
    ("list", "shm-reader", "list"),
    ("ls", "shm-reader", "ls"),
    ("inspect", "shm-reader", "inspect"),
    ("verify", "shm-reader", "verify"),
    ("show", "shm-reader", "inspect"),
    ("info", "shm-reader", "inspect"),
    ("ps", "shm-reader", "list"),
];

/// Refuses a VALUE that is a verb of another program.
pub fn refuse_verb_as_value(command: &Command, words: &[OsString], value: &OsStr) -> Result<(), Failure> {
    let is_verb = VERBS.iter().any(|(name, _, verb)| name == verb && value == OsStr::new(name));
    match words.iter().rposition(|word| word == value) {
        Some(at) if is_verb => refuse_near_verb(command, words, at),
        _ => Ok(()),
    }
}

/// Refuses a word, number `at` of the command line, that is no verb of this program, but is one of another, or is near to one.
pub fn refuse_near_verb(command: &Command, words: &[OsString], at: usize) -> Result<(), Failure> {
    let takes_region = command.get_positionals().any(|positional| positional.get_id() == "region");
    let Some(word) = words.get(at).filter(|_| takes_region) else { return Ok(()) };
    let meant = VERBS.iter().find(|(name, ..)| word == OsStr::new(name));
    match meant {
        Some((_, program, verb)) if command.find_subcommand(word).is_none() => {
            Err(near_verb(command, words, at, program, verb))
        }
        _ => Ok(()),
    }
}

fn near_verb(command: &Command, words: &[OsString], at: usize, program: &str, verb: &str) -> Failure {
    let word = words[at].display();
    // A list is of all regions.
    let is_kept = |word: &&OsString| !["list", "ls"].contains(&verb) || word.as_encoded_bytes().starts_with(b"-");
    let others: Vec<_> = words[..at].iter().chain(&words[at + 1..]).filter(is_kept).cloned().collect();
    let line = shell_line(program, &[vec![verb.into()], others].concat());
    let what = match words[at] == *verb {
        true => format!("'{word}' is a verb of {program}: {line}"),
        false => format!("'{word}' is called '{verb}' in {program}: {line}"),
    };
    let has_value = command.get_positionals().any(|positional| positional.get_id() == "value");
    let kept = if has_value { &words[at..] } else { &words[at..=at] };
    let as_region = shell_line(command.get_name(), &[&words[..at], &["--".into()], kept].concat());
    Failure::new(Code::Usage, what, remedy::verb_as_region(&as_region))
}
