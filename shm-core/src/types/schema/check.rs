//! The rules for a valid schema. A schema may come from an untrusted source. If it passes these checks,
//! it can be traversed without a stack overflow, printed, and used to decode any payload within limits.

use super::format::{Container, Format, Named, Tree, Variant};
use super::{Content, MAX_DEPTH, Result, SchemaError};
use crate::types::error::bytes_in_words;
use serde_json::Value;
use std::collections::BTreeSet;

/// The length of the longest document, which is limited by the longest descriptor.
const MAX_BYTES: usize = (1 << 20) - 16;
/// The length of the longest name.
const MAX_NAME_BYTES: usize = 256;

/// Checks the length of a document.
pub fn length(json: &str) -> Result<()> {
    if json.len() > MAX_BYTES {
        return malformed(format!("it has {} bytes, and the limit is {MAX_BYTES}", json.len()));
    }
    Ok(())
}

/// Checks that a document has the form that docs/FORMAT.md shows. serde also parses a list as a struct, and an
/// object as a unit.
pub fn form(json: &str, content: &Content) -> Result<()> {
    match (serde_json::to_value(content), serde_json::from_str::<Value>(json)) {
        (Ok(shown), Ok(found)) if shown == found => Ok(()),
        _ => malformed("one of its parts has another form than in docs/FORMAT.md".to_owned()),
    }
}

/// Checks the name of a type, field or variant.
pub fn name(name: &str) -> Result<()> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return malformed(format!(
            "a name in it has a length of {}, not of 1 to {MAX_NAME_BYTES} bytes",
            bytes_in_words(name.len() as u64)
        ));
    }
    Ok(())
}

/// Checks a whole type.
pub fn tree(tree: &Tree) -> Result<()> {
    format(tree, &tree.root, 0)?;
    for (title, container) in &tree.types {
        name(title)?;
        names(title, container)?;
        container.parts().iter().try_for_each(|part| format(tree, part, 0))?;
    }
    let mut done = BTreeSet::new();
    tree.types.keys().try_for_each(|title| ends_somewhere(tree, title, &mut done))
}

fn format(tree: &Tree, part: &Format, depth: usize) -> Result<()> {
    match part {
        _ if depth > MAX_DEPTH => malformed(format!("it is nested more than {MAX_DEPTH} levels deep")),
        Format::TypeName(title) if !tree.types.contains_key(title) => {
            malformed(format!("the type '{}' is not defined in it", title.escape_debug()))
        }
        part => part.parts().iter().try_for_each(|inner| format(tree, inner, depth + 1)),
    }
}

fn names(title: &str, container: &Container) -> Result<()> {
    match container {
        Container::Struct(fields) => all_differ(title, fields),
        Container::Enum(variants) => {
            let list: Vec<_> = variants.values().collect();
            all_differ(title, list.iter().copied())?;
            list.iter().try_for_each(|variant| match &variant.value {
                Variant::Struct(fields) => all_differ(title, fields),
                _ => Ok(()),
            })
        }
        _ => Ok(()),
    }
}

fn all_differ<'a, T: 'a>(title: &str, items: impl IntoIterator<Item = &'a Named<T>>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for item in items {
        name(&item.name)?;
        if !seen.insert(&item.name) {
            let (item, title) = (item.name.escape_debug(), title.escape_debug());
            return malformed(format!("the type '{title}' contains '{item}' twice"));
        }
    }
    Ok(())
}

/// Refuses a type that contains itself directly. A value of such a type would never end, and if its
/// parts use no bytes, even an empty payload would claim one.
fn ends_somewhere<'t>(tree: &'t Tree, title: &'t str, done: &mut BTreeSet<&'t str>) -> Result<()> {
    let mut open = BTreeSet::new();
    let mut left = vec![(title, false)];
    while let Some((title, is_leaving)) = left.pop() {
        if is_leaving {
            open.remove(title);
            done.insert(title);
            continue;
        }
        if done.contains(title) {
            continue;
        }
        if !open.insert(title) {
            return malformed(format!("every value of the type '{}' would contain itself", title.escape_debug()));
        }
        left.push((title, true));
        let mut direct = vec![];
        if !matches!(tree.types[title], Container::Enum(_)) {
            tree.types[title].parts().iter().for_each(|part| directly_within(part, &mut direct));
        }
        left.extend(direct.into_iter().map(|inner| (inner, false)));
    }
    Ok(())
}

/// Adds the types that every value of the format contains.
fn directly_within<'t>(format: &'t Format, found: &mut Vec<&'t str>) {
    match format {
        Format::TypeName(name) => found.push(name),
        Format::Tuple(_) | Format::TupleArray { .. } => {
            format.parts().iter().for_each(|part| directly_within(part, found));
        }
        _ => {}
    }
}

fn malformed<T>(reason: String) -> Result<T> {
    Err(SchemaError::Malformed(reason))
}
