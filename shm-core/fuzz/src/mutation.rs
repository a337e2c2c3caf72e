//! Mutations of a schema that keep it valid JSON: one of its parts becomes another format, another
//! name, or another of its parts. Without them, almost every input would be invalid JSON.

use serde_json::{Value, json};
use testkit::Random;

/// Changes one part of a document, if it is valid JSON. `seed` decides which part, and how.
pub fn mutate_schema(json: &str, seed: u32) -> Option<String> {
    let mut document: Value = serde_json::from_str(json).ok()?;
    let mut random = Random::new(u64::from(seed));
    let count = parts(&document);
    let other = part(&mut document, &mut random.index(count)).map(|part| part.clone());
    let changed = part(&mut document, &mut random.index(count))?;
    *changed = match random.below(6) {
        0 => other?,
        1 => json!({"SEQ": changed.take()}),
        2 => json!({"OPTION": changed.take()}),
        3 => json!({"TUPLE": [changed.take(), format(&mut random)]}),
        4 => json!(random.below(300)),
        _ => format(&mut random),
    };
    Some(document.to_string())
}

fn format(random: &mut Random) -> Value {
    const PLAIN: [&str; 22] = [
        "UNIT",
        "BOOL",
        "CHAR",
        "STR",
        "BYTES",
        "I8",
        "I16",
        "I32",
        "I64",
        "I128",
        "U8",
        "U16",
        "U32",
        "U64",
        "U128",
        "F32",
        "F64",
        "UNITSTRUCT",
        "A",
        "B",
        "C",
        "Reading",
    ];
    let plain = PLAIN[random.index(PLAIN.len())];
    let name = *random.one_of(&["A", "B", "C", "Reading"]);
    match random.below(16) {
        0 => json!({"TYPENAME": name}),
        1 => json!({"MAP": {"KEY": plain, "VALUE": {"TYPENAME": name}}}),
        2 => json!({"MAP": {"KEY": {"TYPENAME": name}, "VALUE": plain}}),
        3 => json!({"TUPLEARRAY": {"CONTENT": plain, "SIZE": random.below(6)}}),
        4 => json!({"TUPLEARRAY": {"CONTENT": {"TYPENAME": name}, "SIZE": u64::MAX >> random.below(64)}}),
        5 => json!({"NEWTYPESTRUCT": {"TYPENAME": name}}),
        6 => json!({"TUPLESTRUCT": [plain, {"TYPENAME": name}]}),
        7 => json!({"STRUCT": [{"a": plain}, {"b": {"TYPENAME": name}}]}),
        8 => {
            json!({"ENUM": {"0": {"A": "UNIT"}, "1": {"B": {"NEWTYPE": {"TYPENAME": name}}}, "2": {"C": {"TUPLE": [plain]}}}})
        }
        9 => json!({"ENUM": {"0": {"A": "UNIT"}, "7": {"B": "UNIT"}}}),
        10 => json!({"ENUM": {"1": {"A": {"STRUCT": [{"a": plain}]}}}}),
        11 => json!({"SEQ": {"OPTION": plain}}),
        12 => json!({"A": plain}),
        _ => json!(plain),
    }
}

/// Returns how many parts a document has, including itself.
fn parts(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(parts).sum::<usize>(),
        Value::Object(members) => 1 + members.values().map(parts).sum::<usize>(),
        _ => 1,
    }
}

/// Finds the part with this number, which is counted down in the process.
fn part<'v>(value: &'v mut Value, number: &mut usize) -> Option<&'v mut Value> {
    if *number == 0 {
        return Some(value);
    }
    *number -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| part(item, number)),
        Value::Object(members) => members.values_mut().find_map(|member| part(member, number)),
        _ => None,
    }
}
