//! The rules of language that a program can check: phrases that make a reader stop, and pages that do not say whom they are for.

use std::fs;
use std::path::PathBuf;

use crate::harness::workspace;

/// Phrases that no text of the project contains, and plainer words. `a|b` matches either word; `^` is the start of a sentence.
const PHRASES: [(&str, &str); 17] = [
    ("who", "name the actor: the reader, the user, a program that ..."),
    ("whoever", "anyone who"),
    ("^ What", "name the thing, or ask a question"),
    ("^ That a|an|the|it|they|no|nothing|each|every|all|some|two|there", "begin with the subject"),
    ("of|from|for|with|than|but|by|like|as|to|at|in|on|after|before|beside|behind what", "name the thing"),
    ("what comes|stands|stood|lies|goes|remains|follows|costs", "name the thing"),
    ("stands|stand in", "is in, contains"),
    ("all the same", "still, nevertheless"),
    ("so many|much", "a number, or too many"),
    ("as often as", "whenever"),
    ("is|are|was|were|be|been none", "there is no ..."),
    ("by chance", "at random"),
    ("goes|go|went nowhere", "is lost"),
    ("anew", "again"),
    ("behind", "after, beneath, beside"),
    ("tell|tells|told", "report, show, say"),
    ("if|when|because|where|what one can|may|must|looks|wants|knows|sees|needs", "you, or the actor"),
];

/// Where the words above are plain English.
const ALLOWED: [&str; 7] = [
    "anyone|someone|everyone|nobody|people|user|users|programmers|developers|maintainers|reviewers|contributors|those who",
    "falls|fall|fell|fallen|falling|lags|lag|left|far behind",
    "behind the writer|head|newest",
    "tell|tells|told whether|if|apart",
    "tell|tells|told them|it|two|both|these|the apart",
    "tell|tells|told the two apart",
    "fn|^|def tell",
];

/// What a page's first lines contain.
const OPENING: &str = " is for ";

/// The words of a line, with `^` before each word that begins a sentence.
fn words(line: &str) -> Vec<&str> {
    let mut words = vec!["^"];
    let text = line.trim_start_matches(|c: char| c.is_whitespace() || "/!#*|-".contains(c));
    for word in text.split_inclusive(|c: char| !(c.is_alphanumeric() || c == '_' || c == '\'')) {
        let (last, rest) = match word.char_indices().next_back() {
            Some((at, c)) if !(c.is_alphanumeric() || c == '_' || c == '\'') => (c, &word[..at]),
            _ => (' ', word),
        };
        words.extend((!rest.is_empty()).then_some(rest));
        words.extend(".:;|".contains(last).then_some("^"));
    }
    words
}

/// A pattern, split into its words and their alternatives.
type Pattern = Vec<Vec<&'static str>>;

fn pattern(text: &'static str) -> Pattern {
    text.split(' ').map(|choices| choices.split('|').collect()).collect()
}

/// The patterns, split once.
struct Rules {
    phrases: Vec<(&'static str, Pattern)>,
    allowed: Vec<Pattern>,
}

impl Rules {
    fn new() -> Self {
        let phrases = PHRASES.iter().map(|(phrase, _)| (*phrase, pattern(phrase))).collect();
        Self { phrases, allowed: ALLOWED.iter().map(|allowed| pattern(allowed)).collect() }
    }

    /// The phrases in a line.
    fn found(&self, line: &str) -> Vec<&'static str> {
        let words = words(line);
        let is_allowed = |at: usize| {
            self.allowed
                .iter()
                .any(|allowed| (at.saturating_sub(allowed.len() - 1)..=at).any(|start| matches(allowed, &words, start)))
        };
        let hits = self.phrases.iter().filter(|(phrase, pattern)| {
            let is_question = *phrase == "^ What" && line.contains('?');
            (0..words.len()).any(|at| matches(pattern, &words, at) && !is_allowed(at) && !is_question)
        });
        hits.map(|(phrase, _)| *phrase).collect()
    }
}

/// Whether a pattern matches the words that begin at `start`. A word at the start of a sentence may have a capital letter.
fn matches(pattern: &Pattern, words: &[&str], start: usize) -> bool {
    pattern.iter().enumerate().all(|(offset, choices)| {
        let at = start + offset;
        let opens = at > 0 && words[at - 1] == "^";
        words.get(at).is_some_and(|word| {
            choices.iter().any(|choice| {
                choice == word
                    || (opens && !choice.starts_with(char::is_uppercase) && choice.eq_ignore_ascii_case(word))
            })
        })
    })
}

/// Every file with text for people.
fn texts() -> Vec<PathBuf> {
    let mut texts = Vec::new();
    let mut open = vec![workspace().to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let is_ours = !name.starts_with('.') || name == ".ci" || name == ".cargo";
            let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
            if path.is_dir() && is_ours && !["target", "__pycache__", "build"].contains(&name.as_str()) {
                open.push(path);
            } else if ["md", "rs", "py", "c", "sh", "toml", "txt"].contains(&extension)
                || (extension.is_empty() && directory.ends_with("ci"))
            {
                texts.push(path);
            }
        }
    }
    texts
}

#[test]
fn every_text_avoids_the_phrases_that_make_a_reader_stop() {
    let texts = texts();
    assert!(texts.len() > 300, "{}", texts.len());
    let rules = Rules::new();
    let mut offences = Vec::new();
    for path in texts.iter().filter(|path| !path.ends_with("rules/prose.rs")) {
        let Ok(text) = fs::read_to_string(path) else { continue };
        let is_heading =
            |line: &str| path.extension().is_some_and(|extension| extension == "md") && line.starts_with('#');
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !is_heading(line)) {
            let place = path.strip_prefix(workspace()).unwrap_or(path).display();
            offences.extend(
                rules.found(line).iter().map(|phrase| format!("{place}:{}: {phrase}: {}", number + 1, line.trim())),
            );
        }
    }
    let advice: Vec<String> = PHRASES.iter().map(|(phrase, better)| format!("{phrase} -> {better}")).collect();
    assert!(offences.is_empty(), "{}\n\n{}\n\n{} found", offences.join("\n"), advice.join("\n"), offences.len());
}

#[test]
fn every_page_says_whom_it_is_for() {
    let mut pages: Vec<PathBuf> = texts();
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    assert!(pages.len() > 12, "{pages:?}");
    for page in pages {
        let text = fs::read_to_string(&page).expect("a page is UTF-8");
        let opening: Vec<&str> = text.lines().take(20).collect();
        assert!(opening.join(" ").contains(OPENING), "{}: its first lines do not say whom it is for", page.display());
    }
}

#[test]
fn the_phrases_are_found_and_plain_sentences_are_not() {
    for (line, expected) in [
        ("Who knows? The writer, who waits.", vec!["who"]),
        ("/// What is not known is refused.", vec!["^ What"]),
        ("The rest is not. That a name exists is checked.", vec![PHRASES[3].0]),
        ("It ends with an error, of what kind is not said.", vec![PHRASES[4].0]),
        ("as so many others, there is none", vec!["so many|much", PHRASES[10].0]),
        ("It tells the reader, which is behind.", vec!["behind", "tell|tells|told"]),
    ] {
        assert_eq!(Rules::new().found(line), expected, "{line}");
    }
    for line in [
        "Users who fall behind cannot tell whether a value was lost.",
        "That is all. What does it mean?",
        "The error says what is wrong, and what to do.",
        "The stamps tell the two apart, behind the writer.",
        "let whole = something_who_knows(\"what\");",
    ] {
        assert_eq!(Rules::new().found(line), Vec::<&str>::new(), "{line}");
    }
}
