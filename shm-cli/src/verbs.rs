//! The verbs of all programs, and words similar to them, so that none of them is taken for a region by
//! mistake.

use std::ffi::{OsStr, OsString};

use clap::Command;

use crate::command::shell_line;
use crate::{Code, Failure, remedy};

/// A word, and the program and verb that the user meant by it.
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

/// Refuses word number `at` of the command line if it is not a verb of this program, but a verb of
/// another program or similar to a verb.
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

/// Returns a verb with those of the words after it that it accepts, as far as they are known; `REGION`
/// for a region that is missing.
fn arguments(verb: &str, words: &[OsString]) -> Vec<OsString> {
    let (flags, most): (&[&str], _) = match verb {
        "list" | "ls" => (&["--json"], 0),
        "inspect" => (&["--json", "--schema"], 1),
        "verify" => (&["--json"], 1),
        "rm" => (&["-f", "--force"], usize::MAX),
        "clean" => (&["--dry-run"], 0),
        _ => (&[], 1),
    };
    let is_flag = |word: &&OsString| word.as_encoded_bytes().starts_with(b"-");
    if verb == "create" && words.iter().any(|word| is_flag(&word)) {
        // A word after an option may be its value.
        return [&["create".into()], words].concat();
    }
    let known = words.iter().filter(is_flag).filter(|word| flags.iter().any(|flag| *word == OsStr::new(flag)));
    let mut regions: Vec<_> = words.iter().filter(|word| !is_flag(word)).take(most).cloned().collect();
    if regions.is_empty() && most > 0 {
        regions.push("REGION".into());
    }
    [vec![verb.into()], known.cloned().collect(), regions].concat()
}

fn near_verb(command: &Command, words: &[OsString], at: usize, program: &str, verb: &str) -> Failure {
    let word = words[at].display();
    let line = shell_line(program, &arguments(verb, &words[at + 1..]));
    let what = match words[at] == *verb {
        true => format!("'{word}' is a verb of {program}"),
        false => format!("'{word}' is called '{verb}' in {program}"),
    };
    let has_value = command.get_positionals().any(|positional| positional.get_id() == "value");
    let kept = if has_value { &words[at..] } else { &words[at..=at] };
    let as_region = shell_line(command.get_name(), &[&words[..at], &["--".into()], kept].concat());
    Failure::new(Code::Usage, what, remedy::near_verb(&line, &as_region))
}
