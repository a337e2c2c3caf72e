//! The test vectors in docs/vectors: images of regions, and what must be read from each. They are made here, so that a
//! change of the format changes them in the same commit: `SHM_WRITE_VECTORS=1 cargo test -p integration-tests vectors`.
//! Whoever writes a reader in another language begins with them.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use crate::harness::workspace;

mod image;
mod read;
mod refused;
mod sound;
mod typed;
mod unsound;

use image::Image;

/// An image, and what must be read from it.
struct Vector {
    name: &'static str,
    why: &'static str,
    image: Image,
    expected: Expected,
}

enum Expected {
    /// It is not opened.
    Refused(&'static str),
    /// It is opened, and read from the oldest value on.
    Read(Reading),
}

/// What a reader gets.
struct Reading {
    /// The numbers of the values, in order.
    numbers: Vec<u64>,
    /// What the values are, where their payloads alone do not say it; `None` for one that is not of its type.
    shown: Vec<Option<Value>>,
    /// What comes behind them: `wait`, `end` or `damaged`.
    then: &'static str,
    latest: Value,
}

impl Vector {
    fn refused(name: &'static str, class: &'static str, why: &'static str, image: Image) -> Self {
        Self { name, why, image, expected: Expected::Refused(class) }
    }

    /// The values of these numbers are read, of which the last is the newest.
    fn read(name: &'static str, why: &'static str, image: Image, numbers: &[u64]) -> Self {
        let then = if image.state() == "closed" { "end" } else { "wait" };
        let latest = numbers.last().map_or(Value::Null, |number| json!(number));
        let reading = Reading { numbers: numbers.to_vec(), shown: vec![], then, latest };
        Self { name, why, image, expected: Expected::Read(reading) }
    }

    /// As JSON, the values are these.
    fn shown(mut self, values: impl IntoIterator<Item = Value>) -> Self {
        self.reading().shown = values.into_iter().map(Some).collect();
        self
    }

    /// The last value is not of its type.
    fn last_is_bad(mut self) -> Self {
        self.reading().shown.push(None);
        self
    }

    fn latest(mut self, latest: impl Into<Value>) -> Self {
        self.reading().latest = latest.into();
        self
    }

    /// Whatever comes behind the values is damaged.
    fn then_damaged(mut self) -> Self {
        self.reading().then = "damaged";
        self
    }

    fn reading(&mut self) -> &mut Reading {
        match &mut self.expected {
            Expected::Read(reading) => reading,
            Expected::Refused(class) => panic!("{} is refused as {class}", self.name),
        }
    }

    /// The entry of this vector in vectors.json.
    fn entry(&self) -> Value {
        let mut entry = Map::new();
        let mut put = |name: &str, value: Value| entry.insert(name.to_owned(), value);
        put("name", self.name.into());
        put("why", self.why.into());
        match &self.expected {
            Expected::Refused(class) => drop(put("refused", (*class).into())),
            Expected::Read(reading) => {
                self.image.description().into_iter().for_each(|(name, value)| drop(put(name, value)));
                put("values", self.values(reading));
                put("then", reading.then.into());
                put("latest", reading.latest.clone());
            }
        }
        Value::Object(entry)
    }

    fn values(&self, reading: &Reading) -> Value {
        let mut next = reading.numbers.first().copied().unwrap_or(1);
        let value = |(index, number): (usize, &u64)| {
            let mut value = self.image.value(*number);
            let lost = number - std::mem::replace(&mut next, number + 1);
            if lost > 0 {
                value.insert("lost".to_owned(), lost.into());
            }
            match reading.shown.get(index) {
                Some(Some(Value::Object(members))) if members.contains_key("shape") => value.extend(members.clone()),
                Some(Some(shown)) => drop(value.insert("json".to_owned(), shown.clone())),
                Some(None) => drop(value.insert("bad".to_owned(), true.into())),
                None => {}
            }
            Value::Object(value)
        };
        reading.numbers.iter().enumerate().map(value).collect()
    }
}

fn directory() -> PathBuf {
    workspace().join("docs/vectors")
}

fn vectors() -> Vec<Vector> {
    [sound::vectors(), typed::vectors(), unsound::vectors(), refused::vectors()].into_iter().flatten().collect()
}

/// What vectors.json is: an entry a vector, a line a member or value.
fn document(vectors: &[Vector]) -> String {
    let entries: Vec<_> = vectors.iter().map(|vector| shown(&vector.entry())).collect();
    format!("{{\"format\":\"0.1\",\"vectors\":[\n{}\n]}}\n", entries.join(",\n"))
}

fn shown(entry: &Value) -> String {
    let members = entry.as_object().expect("an object").iter().map(|(name, value)| match value {
        Value::Array(values) if name == "values" && !values.is_empty() => {
            let values: Vec<_> = values.iter().map(|value| format!("    {value}")).collect();
            format!("  \"values\":[\n{}\n  ]", values.join(",\n"))
        }
        _ => format!("  {}:{value}", json!(name)),
    });
    format!(" {{\n{}\n }}", members.collect::<Vec<_>>().join(",\n"))
}

/// The vectors as they are made, after they were written where that is wanted.
fn made() -> &'static [Vector] {
    static MADE: OnceLock<Vec<Vector>> = OnceLock::new();
    MADE.get_or_init(|| {
        let vectors = vectors();
        if std::env::var_os("SHM_WRITE_VECTORS").is_some() {
            write(&vectors);
        }
        vectors
    })
}

fn write(vectors: &[Vector]) {
    for name in files() {
        fs::remove_file(directory().join(name)).expect("an old image");
    }
    for vector in vectors {
        fs::write(directory().join(format!("{}.region", vector.name)), vector.image.bytes()).expect("an image");
    }
    fs::write(directory().join("vectors.json"), document(vectors)).expect("vectors.json");
}

/// The names of the images that are there.
fn files() -> BTreeSet<String> {
    let entries = fs::read_dir(directory()).expect("docs/vectors");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"));
    names.filter(|name| name.ends_with(".region")).collect()
}

const REMEDY: &str = "if that is wanted: SHM_WRITE_VECTORS=1 cargo test -p integration-tests vectors";

#[test]
fn the_vectors_are_what_is_made_here() {
    let made = made();
    let names: BTreeSet<_> = made.iter().map(|vector| format!("{}.region", vector.name)).collect();
    assert_eq!(names.len(), made.len(), "no name is there twice");
    assert_eq!(files(), names, "{REMEDY}");
    for vector in made {
        let bytes = fs::read(directory().join(format!("{}.region", vector.name))).expect("an image");
        assert!(bytes == vector.image.bytes(), "{}.region is another one; {REMEDY}", vector.name);
    }
    let text = fs::read_to_string(directory().join("vectors.json")).expect("vectors.json");
    assert!(text == document(made), "vectors.json is another one; {REMEDY}");
}

#[test]
fn the_vectors_are_read_as_they_say() {
    made();
    let text = fs::read_to_string(directory().join("vectors.json")).expect("vectors.json");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let vectors = document["vectors"].as_array().expect("a list");
    assert!(vectors.len() > 50);
    vectors.iter().for_each(read::check);
}

#[test]
fn the_vectors_are_small() {
    let bytes: usize = made().iter().map(|vector| vector.image.bytes().len()).sum();
    assert!(bytes < 600_000, "{bytes} bytes");
}
