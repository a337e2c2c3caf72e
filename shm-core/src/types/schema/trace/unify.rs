//! Adds the parts of a type that one pass showed to the known ones.

use super::Stop;
use crate::types::schema::format::{Container, Format, Named, Variant};

/// Adds newly seen parts of a place to the known ones.
pub fn unify(known: &mut Format, seen: Format, learned: &mut u64) -> Result<(), Stop> {
    match (known, seen) {
        (_, Format::Unknown) => Ok(()),
        (known @ Format::Unknown, seen) => {
            *learned += 1;
            *known = seen;
            Ok(())
        }
        (Format::Option(known), Format::Option(seen)) | (Format::Seq(known), Format::Seq(seen)) => {
            unify(known, *seen, learned)
        }
        (Format::Map { key, value }, Format::Map { key: seen_key, value: seen_value }) => {
            unify(key, *seen_key, learned)?;
            unify(value, *seen_value, learned)
        }
        (Format::Tuple(known), Format::Tuple(seen)) => unify_all(known.iter_mut().collect(), seen, learned),
        (known, seen) if *known == seen => Ok(()),
        _ => Err(Stop::Differs),
    }
}

fn unify_all(known: Vec<&mut Format>, seen: Vec<Format>, learned: &mut u64) -> Result<(), Stop> {
    if known.len() != seen.len() {
        return Err(Stop::Differs);
    }
    known.into_iter().zip(seen).try_for_each(|(known, seen)| unify(known, seen, learned))
}

pub fn unify_container(known: &mut Container, seen: Container, learned: &mut u64) -> Result<(), Stop> {
    if let (Container::Enum(known), Container::Enum(seen)) = (&mut *known, &seen) {
        for (number, variant) in seen {
            match known.get_mut(number) {
                Some(Named { value: Variant::Unknown, .. }) | None => {
                    *learned += 1;
                    known.insert(*number, variant.clone());
                }
                Some(known) => {
                    let parts = variant.value.parts().into_iter().cloned().collect();
                    unify_all(known.value.parts_mut(), parts, learned)?;
                }
            }
        }
        return Ok(());
    }
    let parts = seen.parts().into_iter().cloned().collect();
    unify_all(known.parts_mut(), parts, learned)
}
