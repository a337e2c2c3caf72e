//! Describes the first difference between two types: the path from the value to the difference, and
//! what each type has there.

use super::definition::{escaped, of_container, of_format, of_variant};
use super::format::{Container, Format, Named, Tree, Variant};
use std::collections::BTreeSet;

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
    fn differ(&self, region: impl std::fmt::Display, here: impl std::fmt::Display) -> Same {
        Err(format!("{}: {region} in the region, {here} here", self.path.join(".")))
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
        self.differ(format!("{} parts", region.len()), here.len())
    }

    fn fields(&mut self, region: &'a [Named<Format>], here: &'a [Named<Format>]) -> Same {
        for (index, (a, b)) in region.iter().zip(here).enumerate() {
            if a.name != b.name {
                return self.differ(
                    format!("field {index} is '{}'", escaped(&a.name)),
                    format!("it is '{}'", escaped(&b.name)),
                );
            }
            self.within(escaped(&a.name), &a.value, &b.value)?;
        }
        let shorter = region.len().min(here.len());
        match (region.get(shorter), here.get(shorter)) {
            (Some(field), _) => {
                self.differ(format!("there is also a field '{}'", escaped(&field.name)), "there is none")
            }
            (_, Some(field)) => self.differ(format!("there is no field '{}'", escaped(&field.name)), "there is one"),
            _ => Ok(()),
        }
    }

    fn variants(&mut self, number: u32, region: Option<&'a Named<Variant>>, here: Option<&'a Named<Variant>>) -> Same {
        let title =
            |variant: Option<&Named<Variant>>| variant.map_or("unknown".into(), |v| format!("'{}'", escaped(&v.name)));
        let (Some(region_variant), Some(here_variant)) = (region, here) else {
            return self.differ(format!("variant {number} is {}", title(region)), format!("it is {}", title(here)));
        };
        if region_variant.name != here_variant.name {
            return self.differ(format!("variant {number} is {}", title(region)), format!("it is {}", title(here)));
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
        plain => of_container(name, plain),
    }
}
