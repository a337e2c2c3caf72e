//! Writes JSON on one line, with the fields in the order in which they are given.

use crate::is_harmless;
use serde_json::Value;

/// Returns an object with these fields.
pub fn object<'a>(fields: impl IntoIterator<Item = (&'a str, Value)>) -> String {
    let fields = fields.into_iter().map(|(name, value)| format!("{}:{value}", string(name)));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

/// Returns a text as a JSON string.
pub fn string(text: &str) -> String {
    Value::from(text).to_string()
}

/// Removes the white space between the parts of valid JSON. Numbers, the order of fields, and repeated
/// fields stay unchanged.
pub fn on_one_line(json: &str) -> String {
    let (mut is_in_string, mut is_escaped) = (false, false);
    let is_kept = |character: &char| {
        let is_quote = *character == '"' && !is_escaped;
        is_escaped = *character == '\\' && !is_escaped;
        is_in_string ^= is_quote;
        is_in_string || !matches!(character, ' ' | '\t' | '\n' | '\r')
    };
    json.chars().filter(is_kept).collect()
}

/// Escapes every character in JSON strings that could control a terminal.
pub fn for_terminal(json: &str) -> String {
    let mut harmless = String::with_capacity(json.len());
    for character in json.chars() {
        match is_harmless(character) {
            true => harmless.push(character),
            false => harmless.push_str(&format!("\\u{:04x}", u32::from(character))),
        }
    }
    harmless
}

/// Says why a text is not JSON, given the parser's error.
pub fn why_not_json(text: &[u8], error: &serde_json::Error) -> String {
    match text.starts_with("\u{feff}".as_bytes()) {
        true => "it begins with a byte order mark (U+FEFF), which nobody can see in an editor".to_owned(),
        false => without_line(error),
    }
}

/// Returns the message of a JSON error without its line number, which could be confused with the line
/// of the input.
pub fn without_line(error: &serde_json::Error) -> String {
    on_that_line(&error.to_string())
}

/// The same for an error that is already text.
pub fn on_that_line(error: &str) -> String {
    error.replace(" at line 1 column ", " at column ")
}

#[test]
fn only_white_space_between_the_parts_goes() {
    let json = "{ \"a b\" :\n [1.50,\t1e999 ],\r\n \"a b\": \"x \\\" y \\\\\" }";
    assert_eq!(on_one_line(json), r#"{"a b":[1.50,1e999],"a b":"x \" y \\"}"#);
    assert_eq!(for_terminal("\"\u{9b}1m\""), "\"\\u009b1m\"");
}
