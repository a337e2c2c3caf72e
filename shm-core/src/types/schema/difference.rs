//! Describes the first difference between two types: the path from the value to the difference, and
//! what each type has there.

use super::definition::{escaped, of_container, of_format, of_variant};
use super::format::{Container, Format, Named, Tree, Variant};
use std::collections::BTreeSet;
use std::fmt::Display;

/// Returns the first difference between the type in a region and that of a program.
pub fn first(region: &Tree, here: &Tree) -> Option<String> {
    let mut walk = Walk { region, here, path: vec![of_format(&region.root)], seen: BTreeSet::new() };
    walk.format(&region.root, &here.root).err()
}

struct Walk<'a> {
    region: &'a Tree,
    here: &'a Tree,
    path: Vec<String>,
    // Pairs of names that have been compared or are being compared.
    seen: BTreeSet<(&'a str, &'a str)>,
}

/// `Ok` if the types are the same; otherwise the error describes the difference.
type Same = Result<(), String>;

impl<'a> Walk<'a> {
    fn differ(&self, region: impl Display, here: impl Display) -> Same {
        let subject = if self.path.len() == 1 { "the values are".to_owned() } else { format!("{} is", self.place()) };
        self.says(subject, region, here)
    }

    fn says(&self, subject: impl Display, region: impl Display, here: impl Display) -> Same {
        Err(format!("{subject} {region} in the region, and {here} in this program"))
    }

    /// The difference is a part that one of them lacks.
    fn only(&self, has_region: bool, part: impl Display) -> Same {
        let side = if has_region { "the region" } else { "this program" };
        Err(format!("only {side} has {part} in {}", self.place()))
    }

    /// The path from the value to the part that is compared.
    fn place(&self) -> String {
        self.path.join(".")
    }

    fn within(&mut self, place: impl ToString, region: &'a Format, here: &'a Format) -> Same {
        self.path.push(place.to_string());
        self.format(region, here)?;
        self.path.pop();
        Ok(())
    }

    fn format(&mut self, region: &'a Format, here: &'a Format) -> Same {
        match (region, here) {
            (Format::TypeName(a), Format::TypeName(b)) => self.containers(a, b),
            (Format::Option(a), Format::Option(b)) | (Format::Seq(a), Format::Seq(b)) => self.format(a, b),
            (Format::Map { key: a, value: c }, Format::Map { key: b, value: d }) => {
                self.within("key", a, b)?;
                self.within("value", c, d)
            }
            (Format::Tuple(a), Format::Tuple(b)) if a.len() == b.len() => self.all(a, b),
            (Format::TupleArray { content: a, size: c }, Format::TupleArray { content: b, size: d }) if c == d => {
                self.format(a, b)
            }
            // A tuple whose parts happen to be equal is a `TupleArray`.
            (Format::TupleArray { content, size }, Format::Tuple(parts)) if *size == parts.len() as u64 => {
                parts.iter().enumerate().try_for_each(|(index, part)| self.within(index, content, part))
            }
            (Format::Tuple(parts), Format::TupleArray { content, size }) if *size == parts.len() as u64 => {
                parts.iter().enumerate().try_for_each(|(index, part)| self.within(index, part, content))
            }
            (a, b) if a == b => Ok(()),
            (a, b) => self.differ(of_format(a), of_format(b)),
        }
    }

    fn all(&mut self, region: &'a [Format], here: &'a [Format]) -> Same {
        region.iter().zip(here).enumerate().try_for_each(|(index, (a, b))| self.within(index, a, b))
    }

    fn containers(&mut self, region_name: &'a str, here_name: &'a str) -> Same {
        if region_name != here_name {
            return self.differ(escaped(region_name), escaped(here_name));
        }
        if !self.seen.insert((region_name, here_name)) {
            return Ok(());
        }
        match (&self.region.types[region_name], &self.here.types[here_name]) {
            (Container::NewTypeStruct(a), Container::NewTypeStruct(b)) => self.format(a, b),
            (Container::TupleStruct(a), Container::TupleStruct(b)) => self.lists(a, b),
            (Container::Struct(a), Container::Struct(b)) => self.fields(a, b),
            (Container::Enum(a), Container::Enum(b)) => {
                for number in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
                    self.variants(*number, a.get(number), b.get(number))?;
                }
                Ok(())
            }
            (a, b) if a == b => Ok(()),
            (a, b) => self.differ(title(region_name, a), title(here_name, b)),
        }
    }

    fn lists(&mut self, region: &'a [Format], here: &'a [Format]) -> Same {
        self.all(region, here)?;
        if region.len() == here.len() {
            return Ok(());
        }
        let elements = |list: &[Format]| format!("{} element{}", list.len(), if list.len() == 1 { "" } else { "s" });
        self.says(format!("{} has", self.place()), elements(region), elements(here))
    }

    fn fields(&mut self, region: &'a [Named<Format>], here: &'a [Named<Format>]) -> Same {
        for (index, (a, b)) in region.iter().zip(here).enumerate() {
            if a.name != b.name {
                let subject = format!("field {index} of {} is named", self.place());
                return self.says(subject, quoted(&a.name), quoted(&b.name));
            }
            self.within(escaped(&a.name), &a.value, &b.value)?;
        }
        let shorter = region.len().min(here.len());
        match (region.get(shorter), here.get(shorter)) {
            (None, None) => Ok(()),
            (region, here) => {
                let name = region.or(here).map(|field| quoted(&field.name)).unwrap_or_default();
                self.only(region.is_some(), format!("the field {name}"))
            }
        }
    }

    fn variants(&mut self, number: u32, region: Option<&'a Named<Variant>>, here: Option<&'a Named<Variant>>) -> Same {
        let (Some(region_variant), Some(here_variant)) = (region, here) else {
            let name = region.or(here).map(|variant| quoted(&variant.name)).unwrap_or_default();
            return self.only(region.is_some(), format!("the variant {name} (number {number})"));
        };
        if region_variant.name != here_variant.name {
            let subject = format!("variant {number} of {} is named", self.place());
            return self.says(subject, quoted(&region_variant.name), quoted(&here_variant.name));
        }
        self.path.push(escaped(&region_variant.name));
        match (&region_variant.value, &here_variant.value) {
            (Variant::NewType(a), Variant::NewType(b)) => self.format(a, b)?,
            (Variant::Tuple(a), Variant::Tuple(b)) => self.lists(a, b)?,
            (Variant::Struct(a), Variant::Struct(b)) => self.fields(a, b)?,
            (a, b) if a == b => {}
            _ => return self.differ(of_variant(region_variant), of_variant(here_variant)),
        }
        self.path.pop();
        Ok(())
    }
}

/// Returns a container on one line.
fn title(name: &str, container: &Container) -> String {
    match container {
        Container::Struct(_) => format!("struct {} with fields", escaped(name)),
        Container::Enum(_) => format!("enum {}", escaped(name)),
        plain => of_container(name, plain).trim_end_matches(';').to_owned(),
    }
}

fn quoted(name: &str) -> String {
    format!("'{}'", escaped(name))
}
